#include "engine/backup/backup_writer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "engine/backup/checksum.h"
#include "engine/backup/lz4_file.h"
#include "engine/rdb/rdb_saver.h"
#include "persistence/file_appender.h"
#include "persistence/lock_file.h"

namespace stele {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBytesPerRead = std::size_t{256} << 10;

Status remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? Status::io("{}: remove: {}", path.native(), error.message()) : Status();
}

bool is_same_file(const fs::path& a, const fs::path& b) {
  struct stat first, second;
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

/// One backup in the making.
class Run {
 public:
  Run(const Store& store, Journal& journal, BackupWriter::Job& job, BackupProgress& progress, Throttle& throttle,
      std::atomic<bool>& has_store)
      : store_(store), journal_(journal), job_(job), progress_(progress), throttle_(throttle), has_store_(has_store),
        backup_(job.backup), dir_(job.request.dir) {}

  Status run() {
    STELE_CHECK(claim_directory());
    STELE_CHECK(remove_remains());
    partial_ = dir_ / (backup_folder_name(backup_.number) + ".partial");
    Status status = choose_parts();
    has_store_ = true;
    job_.pin = JournalPin();  // what is read from here on is open
    if (status.ok()) status = write();
    std::error_code ignored;
    fs::remove_all(partial_, ignored);
    fs::remove_all(job_.staging, ignored);
    return status;
  }

  const Backup& backup() const { return backup_; }
  const std::string& full_because() const { return full_because_; }

 private:
  /// Ours, or new; nobody else writes there meanwhile.
  Status claim_directory() {
    Result<BackupDirectory> directory = BackupDirectory::open(dir_);
    if (!directory.ok() && directory.status().code() != Code::unavailable) return directory.status();
    if (!directory.ok()) STELE_CHECK(create_directories_durably(dir_));
    STELE_TRY(LockFile lock, LockFile::acquire(dir_ / "LOCK"));
    lock_.emplace(std::move(lock));
    // Only now is what is there sure to stay.
    directory = BackupDirectory::open(dir_);
    if (!directory.ok() && directory.status().code() == Code::unavailable) {
      STELE_CHECK(replace_file_durably(dir_ / kBackupMarkFile, backup_mark_text(backup_.server)));
      directory = BackupDirectory::open(dir_);
    }
    if (!directory.ok()) return directory.status();
    if (directory->server() != backup_.server) {
      return Status::invalid("{}: holds backups of another server ({}, this one is {})", dir_.native(), directory->server(), backup_.server);
    }
    directory_.emplace(std::move(*directory));
    return {};
  }

  /// Of backups that failed or that a crash cut short.
  Status remove_remains() {
    std::uint64_t last = 0;
    std::error_code error;
    for (const Backup& backup : directory_->backups()) last = std::max(last, backup.number);
    for (const BackupDirectory::Damaged& damaged : directory_->damaged()) last = std::max(last, damaged.number);
    for (const fs::directory_entry& entry : fs::directory_iterator(dir_, error)) {
      const std::string name = entry.path().filename().native();
      const auto number = backup_number(name);
      const bool is_remains = name.ends_with(".partial") || name.starts_with("temp-") ||
                              (number && !name.ends_with(".backup") && !fs::exists(dir_ / backup_manifest_name(*number), error));
      if (!is_remains) continue;
      spdlog::info("backup: removing {}, which is of no backup", entry.path().native());
      STELE_CHECK(remove_tree(entry.path()));
    }
    if (error) return Status::io("{}: {}", dir_.native(), error.message());
    backup_.number = last + 1;
    return {};
  }

  Status choose_parts() {
    const Result<Backup> last = directory_->last();
    if (last.ok()) parent_ = *last;
    if (job_.request.incremental) {
      STELE_TRY(const bool follows, follow_parent(last));
      if (follows) return {};
    }
    std::shared_ptr<const Label> label;
    STELE_CHECK(remove_tree(job_.staging));
    STELE_TRY(label, store_.link_files(job_.staging));
    backup_.kind = Backup::Kind::full;
    STELE_ASSERT(label != nullptr);
    backup_.state = label->offset;
    if (backup_.state > backup_.end) return Status::unavailable("a checkpoint came between; try again");
    job_.pin.advance(backup_.state);
    return take_segments(backup_.state);
  }

  /// Whether the journal goes on where the last backup ends.
  Result<bool> follow_parent(const Result<Backup>& last) {
    if (!last.ok()) {
      if (last.status().code() == Code::corrupt) return last.status();
      full_because_ = "it is the first one here";
      return false;
    }
    if (last->end > backup_.end) {
      full_because_ = "the last one here is ahead of this server";
      return false;
    }
    const Status taken = take_segments(last->end);
    if (!taken.ok()) {
      if (taken.code() != Code::unavailable) return taken;
      full_because_ = fmt::format("the journal has been trimmed past offset {}, where the last one ends", last->end);
      return false;
    }
    const SegmentHeader& next = sealed_.segments.empty() ? sealed_.next : sealed_.segments.front()->header();
    if (next.first != last->end || next.chain != last->chain) {
      full_because_ = "the last one here is of another journal";
      return false;
    }
    backup_.kind = Backup::Kind::incremental;
    backup_.parent = last->number;
    backup_.state = last->state;
    backup_.store = last->store;
    backup_.segments = last->segments;
    return true;
  }

  Status take_segments(Offset from) {
    STELE_TRY(sealed_, journal_.sealed_segments(from, backup_.end));
    backup_.chain = sealed_.next.chain;
    backup_.stream_db = sealed_.next.db;
    backup_.replid = sealed_.next.replid;
    return {};
  }

  Status write() {
    const fs::path store = partial_ / "store";
    const fs::path journal = partial_ / "journal";
    STELE_CHECK(create_directories_durably(journal));
    if (backup_.kind == Backup::Kind::full) STELE_CHECK(write_store(store));
    for (const auto& segment : sealed_.segments) progress_.bytes_total += segment->written_bytes();
    for (const auto& segment : sealed_.segments) STELE_CHECK(write_segment(*segment, journal));
    STELE_CHECK(sync_directory(journal));
    STELE_CHECK(sync_directory(partial_));
    STELE_CHECK(rename_durably(partial_, dir_ / backup_folder_name(backup_.number)));
    const Status named = replace_file_durably(dir_ / backup_manifest_name(backup_.number), backup_text(backup_));
    // What no manifest names would be removed by the next backup anyway.
    if (!named.ok()) (void)remove_tree(dir_ / backup_folder_name(backup_.number));
    return named;
  }

  // --- the store

  Status write_store(const fs::path& to) {
    STELE_CHECK(create_directories_durably(to));
    std::vector<fs::path> files;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(job_.staging, error)) {
      // The write-ahead log is off: these are empty, and RocksDB does without.
      if (entry.path().extension() == ".log") continue;
      files.push_back(entry.path());
      progress_.bytes_total += entry.file_size(error);
    }
    if (error) return Status::io("{}: {}", job_.staging.native(), error.message());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) STELE_CHECK(write_store_file(file, to / file.filename()));
    return sync_directory(to);
  }

  Status write_store_file(const fs::path& from, const fs::path& to) {
    STELE_CHECK(progress_.check());
    STELE_TRY(const File file, File::open(from, File::Mode::read));
    STELE_TRY(const std::uint64_t bytes, file.size());
    if (const BackupFile* linked = linked_before(from, bytes)) {
      backup_.store.push_back(*linked);
      progress_.bytes_done += bytes;
      return {};
    }
    BackupFile entry{.path = backup_folder_name(backup_.number) + "/store/" + to.filename().native(), .bytes = bytes};
    // RocksDB does not change what it has written: a link stays what it is, and takes no room as long as both have it.
    const bool linked = !job_.request.copy && ::link(from.c_str(), to.c_str()) == 0;
    if (linked) {
      STELE_TRY(entry.checksum, read_through(file, bytes));
    } else {
      STELE_TRY(entry.checksum, copy(file, bytes, to));
    }
    if (const BackupFile* same = stored_before(entry)) {
      std::error_code error;
      fs::remove(to, error);
      entry = *same;
    }
    backup_.store.push_back(std::move(entry));
    return {};
  }

  const BackupFile* linked_before(const fs::path& from, std::uint64_t bytes) const {
    if (!parent_) return nullptr;
    for (const BackupFile& file : parent_->store) {
      if (file.bytes == bytes && fs::path(file.path).filename() == from.filename() && is_same_file(dir_ / file.path, from)) return &file;
    }
    return nullptr;
  }

  const BackupFile* stored_before(const BackupFile& entry) const {
    if (!parent_) return nullptr;
    for (const BackupFile& file : parent_->store) {
      const bool same_name = fs::path(file.path).filename() == fs::path(entry.path).filename();
      if (!same_name || file.bytes != entry.bytes || file.checksum != entry.checksum) continue;
      // Somebody may have changed or removed it since.
      if (directory_->verify(file).ok()) return &file;
    }
    return nullptr;
  }

  template <typename Take>
  Result<std::string> read_file(const File& file, std::uint64_t bytes, const Take& take) {
    Checksum sum;
    std::string buffer(kBytesPerRead, '\0');
    for (std::uint64_t at = 0; at < bytes;) {
      STELE_CHECK(progress_.check());
      const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), bytes - at));
      STELE_TRY(const std::size_t got, file.read_at(at, buffer.data(), wanted));
      if (got == 0) return Status::corrupt("{}: ends at byte {} of {}", file.path().native(), at, bytes);
      sum.add({buffer.data(), got});
      STELE_CHECK(take(std::string_view(buffer.data(), got)));
      at += got;
      progress_.bytes_done += got;
      throttle_.spend(got, progress_.cancelled);
    }
    return sum.hex();
  }

  Result<std::string> read_through(const File& file, std::uint64_t bytes) {
    return read_file(file, bytes, [](std::string_view) { return Status(); });
  }

  Result<std::string> copy(const File& from, std::uint64_t bytes, const fs::path& to) {
    STELE_TRY(File file, File::open(to, File::Mode::create));
    FileAppender out(file);
    STELE_TRY(std::string checksum, read_file(from, bytes, [&](std::string_view piece) { return out.append(piece); }));
    STELE_CHECK(file.sync());
    return checksum;
  }

  // --- the journal

  /// Checked frame by frame first: a damaged segment must not be taken for a good one for years.
  Status check_frames(const Segment& segment, const SegmentHeader& next, BackupSegment& entry) {
    FrameScanner scanner(segment.file(), segment.header().chain, segment.begin());
    const auto bad = [&](std::string_view what) {
      return Status::corrupt("{}: position {}: {} at offset {}", segment.file().path().native(), scanner.place().position, what,
                             scanner.place().offset);
    };
    std::uint64_t read = 0;
    while (true) {
      STELE_CHECK(progress_.check());
      STELE_TRY(const FrameScanner::Step step, scanner.next(segment.written_bytes()));
      if (step == FrameScanner::Step::bad) return bad("bad frame");
      if (step == FrameScanner::Step::end) break;
      if (entry.first_time == UnixTime()) entry.first_time = scanner.line().time;
      entry.last_time = scanner.line().time;
      throttle_.spend(scanner.place().position - std::exchange(read, scanner.place().position), progress_.cancelled);
    }
    if (scanner.place().offset != next.first || scanner.place().chain != next.chain) return bad("the segment behind it does not continue it");
    return {};
  }

  Status write_segment(const Segment& segment, const fs::path& to) {
    const auto place = std::find_if(sealed_.segments.begin(), sealed_.segments.end(), [&](const auto& s) { return s.get() == &segment; });
    const SegmentHeader& next = place + 1 == sealed_.segments.end() ? sealed_.next : (*(place + 1))->header();
    const std::string name = fmt::format("{}.aof.lz4", segment.first());
    BackupSegment entry{.file = {.path = fmt::format("{}/journal/{}", backup_folder_name(backup_.number), name)},
                        .first = segment.first(),
                        .end = next.first,
                        .segment_bytes = segment.written_bytes(),
                        .replid = segment.header().replid};
    STELE_CHECK(check_frames(segment, next, entry));
    STELE_TRY(File file, File::open(to / name, File::Mode::create));
    FileAppender out(file);
    Checksum sum;
    const auto put = [&](Result<std::string_view> compressed) {
      if (!compressed.ok()) return compressed.status();
      sum.add(*compressed);
      return out.append(*compressed);
    };
    Lz4Compressor lz4(entry.segment_bytes);
    STELE_CHECK(read_file(segment.file(), entry.segment_bytes, [&](std::string_view piece) { return put(lz4.add(piece)); }).status());
    STELE_CHECK(put(lz4.end()));
    STELE_CHECK(file.sync());
    entry.file.bytes = out.bytes();
    entry.file.checksum = sum.hex();
    backup_.segments.push_back(std::move(entry));
    return {};
  }

  const Store& store_;
  Journal& journal_;
  BackupWriter::Job& job_;
  BackupProgress& progress_;
  Throttle& throttle_;
  std::atomic<bool>& has_store_;
  Backup backup_;
  const fs::path dir_;
  fs::path partial_;
  std::optional<LockFile> lock_;
  std::optional<BackupDirectory> directory_;
  std::optional<Backup> parent_;
  Journal::SealedSegments sealed_;
  std::string full_because_;
};

}  // namespace

BackupWriter::~BackupWriter() {
  cancel();
  if (thread_.joinable()) thread_.join();
}

void BackupWriter::start(const Store& store, Journal& journal, Job job) {
  STELE_ASSERT(!running());
  progress_.bytes_done = progress_.bytes_total = 0;
  progress_.cancelled = false;
  has_store_ = false;
  throttle_.set_rate(job.bytes_per_second);
  started_at_ = std::chrono::steady_clock::now();
  thread_ = std::thread([this, &store, &journal, job = std::move(job)]() mutable {
    lower_thread_priority();
    Outcome outcome = write(store, journal, std::move(job));
    {
      const std::lock_guard lock(mutex_);
      outcome_ = std::move(outcome);
    }
    on_progress_();
  });
}

BackupWriter::Outcome BackupWriter::write(const Store& store, Journal& journal, Job job) {
  Run run(store, journal, job, progress_, throttle_, has_store_);
  Outcome outcome{.status = run.run(), .dir = job.request.dir};
  outcome.backup = run.backup();
  outcome.full_because = run.full_because();
  outcome.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_at_);
  return outcome;
}

std::optional<BackupWriter::Outcome> BackupWriter::poll() {
  std::optional<Outcome> outcome;
  {
    const std::lock_guard lock(mutex_);
    outcome = std::exchange(outcome_, std::nullopt);
  }
  if (outcome) thread_.join();
  return outcome;
}

BackupWriter::Outcome BackupWriter::finish() {
  STELE_ASSERT(running());
  thread_.join();
  const std::lock_guard lock(mutex_);
  return *std::exchange(outcome_, std::nullopt);
}

}  // namespace stele
