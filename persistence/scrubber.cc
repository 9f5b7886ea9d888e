#include "persistence/scrubber.h"

#include <spdlog/spdlog.h>

#include "persistence/file.h"

namespace stele {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kFirstPause{60};  // a start has other things to read
constexpr std::size_t kBytesPerRead = std::size_t{256} << 10;

constexpr std::string_view kSegmentRemedy =
    "Nothing in memory is affected. Take a base now (BGREWRITEAOF), so that no restart needs this file, and look at the disk; "
    "`stele-aof` tells what of it is lost for a restore to the past";
constexpr std::string_view kStoreRemedy =
    "Keys in that place cannot be read once they have left memory. Make this server a replica of a good one, or restore a backup, and "
    "look at the disk; the journal's base and segments rebuild the store if rocksdb/ is moved away";

UnixTime unix_now() {
  return UnixTime(std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace

Scrubber::Scrubber(const Store& store, const Journal& journal, Options options)
    : store_(store), journal_(journal), throttle_(options.bytes_per_second), options_(options), thread_([this] { run(); }) {}

Scrubber::~Scrubber() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = halted_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Scrubber::set_options(Options options) {
  {
    const std::lock_guard lock(mutex_);
    options_ = options;
    halted_ = stopping_ || options.bytes_per_second == 0;
  }
  throttle_.set_rate(options.bytes_per_second);
  changed_.notify_all();
}

ScrubFigures Scrubber::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

void Scrubber::run() {
  lower_thread_priority();
  bool is_first = true;
  steady_clock::time_point began = steady_clock::now();
  while (pause(began, is_first)) {
    is_first = false;
    began = steady_clock::now();
    pass();
  }
}

/// Until a pass is due; false if there will be none.
bool Scrubber::pause(steady_clock::time_point began, bool is_first) {
  std::unique_lock lock(mutex_);
  figures_.running = false;
  figures_.file.clear();
  while (!stopping_) {
    if (options_.bytes_per_second == 0) {
      changed_.wait(lock);
      continue;
    }
    const steady_clock::time_point due = began + (is_first ? std::min(kFirstPause, options_.interval) : options_.interval);
    if (steady_clock::now() >= due) {
      figures_.running = true;
      return true;
    }
    changed_.wait_until(lock, due);
  }
  return false;
}

void Scrubber::pass() {
  const auto began = steady_clock::now();
  pass_errors_ = 0;
  const std::vector<std::shared_ptr<const Segment>> segments = journal_.sealed_segments();
  const std::vector<std::filesystem::path> files = store_.sorted_files();
  {
    const std::lock_guard lock(mutex_);
    figures_.bytes = figures_.bytes_total = 0;
    for (const auto& segment : segments) figures_.bytes_total += segment->written_bytes();
    std::error_code gone;
    for (const auto& file : files) {
      const std::uint64_t bytes = std::filesystem::file_size(file, gone);
      figures_.bytes_total += gone ? 0 : bytes;
    }
  }
  for (const auto& segment : segments) {
    if (!halted()) scrub_segment(*segment);
  }
  for (const auto& file : files) {
    if (!halted()) scrub_sorted_file(file);
  }
  if (halted()) return;
  const std::lock_guard lock(mutex_);
  ++figures_.passes;
  figures_.last_pass_end = unix_now();
  figures_.last_pass_took = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began);
  figures_.errors = pass_errors_;
}

void Scrubber::scrub_segment(const Segment& segment) {
  begin_file(segment.file().path());
  segment.file().forget_cached();
  const SegmentHeader& header = segment.header();
  std::string text(kSegmentHeaderBytesMax, '\0');
  const Result<std::size_t> got = segment.file().read_at(0, text.data(), text.size());
  if (!got.ok()) return found(got.status(), kSegmentRemedy);
  const std::optional<SegmentHeader> on_disk = parse_segment_header(std::string_view(text).substr(0, *got));
  if (!on_disk || on_disk->first != header.first || on_disk->chain != header.chain || on_disk->bytes != header.bytes) {
    return found(Status::corrupt("{}: position 0: the segment's header is not what was written", segment.file().path().native()),
                 kSegmentRemedy);
  }
  FrameScanner scanner(segment.file(), header.chain, segment.begin());
  std::uint64_t position = 0;
  while (!halted()) {
    const Result<FrameScanner::Step> step = scanner.next(segment.written_bytes());
    if (!step.ok()) return found(step.status(), kSegmentRemedy);
    spend(scanner.place().position - std::exchange(position, scanner.place().position));
    if (*step == FrameScanner::Step::end) break;
    if (*step == FrameScanner::Step::frame) continue;
    return found(Status::corrupt("{}: position {}: bad frame at stream offset {}", segment.file().path().native(), scanner.place().position,
                                 scanner.place().offset),
                 kSegmentRemedy);
  }
  segment.file().forget_cached();
}

/// Read slowly first, so that checking its blocks then takes nothing from the disk.
void Scrubber::scrub_sorted_file(const std::filesystem::path& path) {
  begin_file(path);
  Result<File> file = File::open(path, File::Mode::read);
  if (!file.ok()) return;  // compacted away
  file->forget_cached();
  std::string buffer(kBytesPerRead, '\0');
  for (std::uint64_t at = 0; !halted();) {
    const Result<std::size_t> got = file->read_at(at, buffer.data(), buffer.size());
    if (!got.ok()) return found(got.status(), kStoreRemedy);
    if (*got == 0) break;
    at += *got;
    spend(*got);
  }
  if (halted()) return;
  const Status status = store_.verify_sorted_file(path);
  file->forget_cached();
  std::error_code error;
  const bool is_gone = !std::filesystem::exists(path, error);
  if (!status.ok() && !is_gone) found(status, kStoreRemedy);
}

void Scrubber::begin_file(const std::filesystem::path& path) {
  const std::lock_guard lock(mutex_);
  figures_.file = path.filename().native();
}

void Scrubber::spend(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    figures_.bytes += bytes;
  }
  throttle_.spend(bytes, halted_);
}

void Scrubber::found(const Status& status, std::string_view remedy) {
  spdlog::critical("scrub: DAMAGE on the disk: {}. The server goes on. {}", status.message(), remedy);
  ++pass_errors_;
  const std::lock_guard lock(mutex_);
  figures_.errors = std::max(figures_.errors, pass_errors_);
  figures_.last_error = status.message();
}

}  // namespace stele
