#include "tools/restore/from_backup.h"

#include <unistd.h>

#include "engine/backup/restore.h"
#include "tools/common/text.h"

namespace stele::tools {

namespace fs = std::filesystem;

namespace {

/// Writes what belongs to the state of a frame that it does not wholly belong to, as a frame of its own.
Status write_part(const AofFile& file, const Cut& cut) {
  STELE_TRY(const auto reader, FileReader::open(file, 0, true, std::nullopt));
  for (Chain chain = reader->place().chain;; chain = reader->place().chain) {
    STELE_TRY(const FileReader::Step step, reader->next_frame());
    if (step != FileReader::Step::command) return Status::corrupt("{}: changed while it was read", file.path.native());
    if (reader->frame_position() != cut.position) continue;
    std::string bytes(kFrameLineBytesMax, '\0');
    bytes += reader->payload().substr(0, cut.part_bytes);
    const char* const line = put_frame_line_before(bytes.data() + kFrameLineBytesMax, cut.part_bytes, reader->frame().offset,
                                                   reader->frame().time, chain);
    STELE_TRY(File open, File::open(file.path, File::Mode::write));
    STELE_CHECK(open.truncate(cut.position));
    STELE_CHECK(open.write_at(cut.position, std::string_view(line, static_cast<std::size_t>(bytes.data() + bytes.size() - line))));
    return open.sync();
  }
}

/// Takes off a journal of ours what lies behind the cut.
Status cut_journal(const AofSource& source, const Cut& cut) {
  if (cut.file >= source.files.size()) return Status();
  const AofFile& file = source.files[cut.file];
  if (cut.part_bytes > 0) {
    STELE_CHECK(write_part(file, cut));
  } else {
    STELE_TRY(File open, File::open(file.path, File::Mode::write));
    STELE_CHECK(open.truncate(cut.position));
    STELE_CHECK(open.sync());
  }
  STELE_TRY(const fs::path path, find_manifest(file.path.parent_path()));
  STELE_TRY(const std::string text, read_whole_file(path, 64 << 20));
  STELE_TRY(Manifest manifest, Manifest::parse(text));
  for (std::size_t i = cut.file + 1; i < source.files.size(); ++i) {
    manifest.retire(source.files[i].name);
    manifest.forget(source.files[i].name);
  }
  STELE_CHECK(replace_file_durably(path, manifest.text()));
  for (std::size_t i = cut.file + 1; i < source.files.size(); ++i) ::unlink(source.files[i].path.c_str());
  return sync_directory(path.parent_path());
}

/// Those in which the moment can be, the likeliest first.
Result<std::vector<Backup>> candidates(const BackupDirectory& directory, const RestoreOptions& options) {
  std::vector<Backup> out;
  if (options.backup > 0) {
    STELE_TRY(out.emplace_back(), directory.find(options.backup));
    return out;
  }
  const Moment& until = options.moment.until;
  if (!until.given() && !options.moment.before) {
    STELE_TRY(out.emplace_back(), directory.last());
    return out;
  }
  for (const Backup& backup : directory.backups()) {
    if (until.offset && (backup.state.bytes() > *until.offset || backup.end.bytes() < *until.offset)) continue;
    if (until.time && backup.taken_at < *until.time) continue;
    out.push_back(backup);
  }
  if (out.empty()) {
    const auto& all = directory.backups();
    if (all.empty()) return Status::invalid("{}: no backups", directory.path().native());
    return until.offset ? Status::invalid("{}: no backup holds offset {}; the newest holds {} to {}", directory.path().native(),
                                          *until.offset, all.back().state, all.back().end)
                        : Status::invalid("{}: the newest backup was taken at {}", directory.path().native(),
                                          format_time_ms(all.back().taken_at.ms()));
  }
  // Of offsets, the one with the least to replay; of times, the first taken after it; of commands, the newest.
  std::stable_sort(out.begin(), out.end(), [&](const Backup& a, const Backup& b) {
    if (until.time) return a.number < b.number;
    return until.offset ? a.state > b.state : a.number > b.number;
  });
  return out;
}

Status unpack(const BackupDirectory& directory, const Backup& backup, const fs::path& dir, bool quiet) {
  BackupProgress work;
  std::atomic<bool> done{false};
  std::thread watcher([&] {
    Progress bar(fmt::format("unpacking backup {}", backup.number), !quiet);
    while (!done) {
      if (interruptions()) work.cancelled = true;
      bar.update(work.bytes_done, std::max<std::uint64_t>(1, work.bytes_total));
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  });
  const Status status = restore_backup(directory, backup, {.data_dir = dir}, &work);
  done = true;
  watcher.join();
  STELE_CHECK(check_interrupted());
  return status;
}

Result<Cut> lay_out(const BackupDirectory& directory, const Backup& backup, const RestoreOptions& options, const fs::path& dir) {
  STELE_CHECK(unpack(directory, backup, dir, options.quiet));
  STELE_TRY(const AofSource source, open_segments({dir / "appendonlydir"}));
  const StartingPoint start{.rdb = directory.path() / backup_manifest_name(backup.number),
                            .replid = backup.replid,
                            .offset = backup.state,
                            .stream_db = 0};
  STELE_TRY(const Cut cut, find_cut(source, options.moment, options.quiet, start));
  STELE_CHECK(cut_journal(source, cut));
  return cut;
}

}  // namespace

bool is_backup(const fs::path& path) {
  std::error_code error;
  return fs::exists(path / kBackupMarkFile, error);
}

Result<Cut> lay_out_backup(const RestoreOptions& options, const fs::path& dir) {
  if (options.digest) return Status::invalid("--digest: nothing is replayed here, the server does that; ask it for DEBUG DIGEST");
  STELE_TRY(const BackupDirectory directory, BackupDirectory::open(options.source));
  STELE_TRY(const std::vector<Backup> tried, candidates(directory, options));
  std::optional<Status> first;
  for (const Backup& backup : tried) {
    Result<Cut> cut = lay_out(directory, backup, options, dir);
    // Not in this one; a damaged file is another matter.
    if (cut.ok() || cut.status().code() != Code::invalid) return cut;
    if (!first) first = cut.status();
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(dir, error)) fs::remove_all(entry.path(), error);
  }
  return *first;
}

}  // namespace stele::tools
