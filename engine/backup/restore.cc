#include "engine/backup/restore.h"

#include "engine/backup/checksum.h"
#include "engine/backup/lz4_file.h"
#include "engine/rdb/rdb_saver.h"
#include "persistence/file_appender.h"
#include "persistence/manifest.h"

namespace stele {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBytesPerRead = std::size_t{1} << 20;
constexpr std::string_view kPartial = "restore.partial";

/// The file, if it has the length that it was written with.
Result<File> open_file(const BackupDirectory& directory, const BackupFile& expected) {
  const fs::path path = directory.path() / expected.path;
  Result<File> file = File::open(path, File::Mode::read);
  if (!file.ok()) return Status::corrupt("{}: cannot be read: {}", path.native(), file.status().message());
  STELE_TRY(const std::uint64_t bytes, file->size());
  if (bytes != expected.bytes) return Status::corrupt("{}: has {} bytes, was written with {}", path.native(), bytes, expected.bytes);
  return file;
}

Status check_sum(const File& file, const BackupFile& expected, const Checksum& sum) {
  if (sum.hex() == expected.checksum) return {};
  return Status::corrupt("{}: its bytes are not those that were written: checksum {}, expected {}", file.path().native(), sum.hex(),
                         expected.checksum);
}

Status copy_file(const BackupDirectory& directory, const BackupFile& expected, const fs::path& to, BackupProgress* progress) {
  STELE_TRY(const File from, open_file(directory, expected));
  STELE_TRY(File file, File::open(to, File::Mode::create));
  FileAppender out(file);
  Checksum sum;
  std::string buffer(kBytesPerRead, '\0');
  while (out.bytes() < expected.bytes) {
    if (progress != nullptr) STELE_CHECK(progress->check());
    STELE_TRY(const std::size_t got, from.read_at(out.bytes(), buffer.data(), buffer.size()));
    if (got == 0) break;
    sum.add({buffer.data(), got});
    STELE_CHECK(out.append({buffer.data(), got}));
    if (progress != nullptr) progress->bytes_done += got;
  }
  STELE_CHECK(check_sum(from, expected, sum));
  return file.sync();
}

/// The first thing in the directory that a restore must not be put beside.
Result<std::string> something_in(const fs::path& dir) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    const std::string name = entry.path().filename().native();
    if (name != "LOCK" && name != kPartial) return name;
  }
  if (error) return Status::io("{}: {}", dir.native(), error.message());
  return std::string();
}

Status remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? Status::io("{}: remove: {}", path.native(), error.message()) : Status();
}

Status lay_out_store(const BackupDirectory& directory, const Backup& backup, const fs::path& dir, BackupProgress* progress) {
  STELE_CHECK(create_directories_durably(dir));
  for (const BackupFile& file : backup.store) {
    STELE_CHECK(copy_file(directory, file, dir / fs::path(file.path).filename(), progress));
  }
  return sync_directory(dir);
}

Status lay_out_journal(const BackupDirectory& directory, const Backup& backup, const RestoreTarget& target, const fs::path& dir,
                       BackupProgress* progress) {
  STELE_CHECK(create_directories_durably(dir));
  Manifest manifest;
  const auto next_file = [&] {
    const std::uint64_t seq = manifest.last_incr_seq() + 1;
    std::string name = fmt::format("{}.{}.incr.aof", target.base_name, seq);
    manifest.add_incr(name, seq);
    return dir / name;
  };
  for (const BackupSegment& segment : backup.segments) STELE_CHECK(unpack_segment(directory, segment, next_file(), progress));
  STELE_TRY(File last, File::open(next_file(), File::Mode::create));
  STELE_CHECK(last.write_at(0, make_segment_header(backup.replid, backup.end, backup.chain, backup.stream_db)));
  STELE_CHECK(last.sync());
  return replace_file_durably(dir / (target.base_name + ".manifest"), manifest.text());
}

Status restore_into(const BackupDirectory& directory, const Backup& backup, const RestoreTarget& target, BackupProgress* progress) {
  const fs::path partial = target.data_dir / kPartial;
  STELE_CHECK(lay_out_store(directory, backup, partial / "rocksdb", progress));
  STELE_CHECK(lay_out_journal(directory, backup, target, partial / target.append_dir_name, progress));
  // A server does not start with one and without the other.
  STELE_CHECK(rename_durably(partial / "rocksdb", target.data_dir / "rocksdb"));
  return rename_durably(partial / target.append_dir_name, target.data_dir / target.append_dir_name);
}

}  // namespace

Status unpack_segment(const BackupDirectory& directory, const BackupSegment& segment, const fs::path& to, BackupProgress* progress) {
  STELE_TRY(const File from, open_file(directory, segment.file));
  STELE_TRY(File file, File::open(to, File::Mode::create));
  FileAppender out(file);
  Checksum sum;
  Lz4Reader reader(from, &sum);
  std::uint64_t at = 0;
  while (true) {
    if (progress != nullptr) {
      STELE_CHECK(progress->check());
      progress->bytes_done += reader.position() - std::exchange(at, reader.position());
    }
    STELE_TRY(const std::string_view bytes, reader.next());
    if (bytes.empty()) break;
    STELE_CHECK(out.append(bytes));
  }
  STELE_CHECK(check_sum(from, segment.file, sum));
  if (out.bytes() != segment.segment_bytes) {
    return Status::corrupt("{}: holds {} bytes, {} were put there", from.path().native(), out.bytes(), segment.segment_bytes);
  }
  return file.sync();
}

Status restore_backup(const BackupDirectory& directory, const Backup& backup, const RestoreTarget& target, BackupProgress* progress) {
  std::error_code error;
  const bool made = !fs::exists(target.data_dir, error);
  STELE_CHECK(create_directories_durably(target.data_dir));
  STELE_TRY(const std::string there, something_in(target.data_dir));
  if (!there.empty()) {
    return Status::invalid("{}: {} is there already; a restore goes into a directory that is empty or does not exist",
                           target.data_dir.native(), there);
  }
  if (progress != nullptr) progress->bytes_total += backup.bytes();
  const fs::path partial = target.data_dir / kPartial;
  STELE_CHECK(remove_tree(partial));
  const Status status = restore_into(directory, backup, target, progress);
  if (const Status removed = remove_tree(partial); status.ok()) STELE_CHECK(removed);
  if (!status.ok() && made) fs::remove(target.data_dir, error);  // only if it is empty again
  return status;
}

}  // namespace stele
