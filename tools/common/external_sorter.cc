#include "tools/common/external_sorter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace stele::tools {

namespace {

constexpr std::size_t kHeadBytes = 8;
constexpr std::size_t kRunBufferBytes = 64 * 1024;

std::uint32_t load(const char* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
std::string_view key_of(const char* record) { return {record + kHeadBytes, load(record)}; }
std::string_view payload_of(const char* record) { return {record + kHeadBytes + load(record), load(record + 4)}; }
std::size_t bytes_of(const char* record) { return kHeadBytes + load(record) + load(record + 4); }

}  // namespace

/// A sorted run in a file without a name, read front to back.
class ExternalSorter::Run {
 public:
  Run(int fd, std::size_t order) : fd_(fd), order_(order) {}
  ~Run() { ::close(fd_); }

  Status write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(end_));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return status_from_errno(errno, "write", "a temporary file");
      bytes.remove_prefix(static_cast<std::size_t>(written));
      end_ += static_cast<std::uint64_t>(written);
    }
    return Status();
  }

  /// Goes on to the next record; false behind the last.
  Result<bool> advance() {
    at_ += record_bytes_;
    record_bytes_ = 0;
    if (position_ == end_ && at_ == buffer_.size()) return false;
    STELE_CHECK(have(kHeadBytes));
    STELE_CHECK(have(bytes_of(record())));
    record_bytes_ = bytes_of(record());
    return true;
  }
  const char* record() const { return buffer_.data() + at_; }

  /// Whether this one's record comes later.
  bool is_behind(const Run& other) const {
    const int compared = key_of(record()).compare(key_of(other.record()));
    return compared != 0 ? compared > 0 : order_ > other.order_;
  }

 private:
  Status have(std::size_t bytes) {
    if (buffer_.size() - at_ >= bytes) return Status();
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t before = buffer_.size();
    const std::size_t wanted = std::min<std::uint64_t>(std::max(bytes - before, kRunBufferBytes), end_ - position_);
    buffer_.resize(before + wanted);
    for (std::size_t got = 0; got < wanted;) {
      const ssize_t n = ::pread(fd_, buffer_.data() + before + got, wanted - got, static_cast<off_t>(position_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return status_from_errno(errno, "read", "a temporary file");
      if (n == 0) return Status::io("a temporary file became shorter");
      got += static_cast<std::size_t>(n);
      position_ += static_cast<std::uint64_t>(n);
    }
    return buffer_.size() >= bytes ? Status() : Status::io("a temporary file is damaged");
  }

  const int fd_;
  const std::size_t order_;
  std::uint64_t end_ = 0;
  std::uint64_t position_ = 0;  // of what is read next
  std::string buffer_;
  std::size_t at_ = 0;
  std::size_t record_bytes_ = 0;
};

ExternalSorter::ExternalSorter(std::size_t memory_bytes, std::filesystem::path directory)
    : memory_bytes_(memory_bytes), directory_(std::move(directory)) {}
ExternalSorter::~ExternalSorter() = default;

Status ExternalSorter::add(std::string_view key, std::string_view payload) {
  const auto key_bytes = static_cast<std::uint32_t>(key.size());
  const auto payload_bytes = static_cast<std::uint32_t>(payload.size());
  if (key_bytes != key.size() || payload_bytes != payload.size())
    return Status::invalid("a record takes more than 4 GiB");
  places_.push_back(records_.size());
  records_.append(&key_bytes, sizeof key_bytes);
  records_.append(&payload_bytes, sizeof payload_bytes);
  records_.append(key);
  records_.append(payload);
  return records_.size() + places_.size() * sizeof(std::uint64_t) < memory_bytes_ ? Status() : spill();
}

void ExternalSorter::sort() {
  std::sort(places_.begin(), places_.end(), [this](std::uint64_t a, std::uint64_t b) {
    const int compared = key_of(records_.data() + a).compare(key_of(records_.data() + b));
    return compared != 0 ? compared < 0 : a < b;
  });
}

Status ExternalSorter::spill() {
  sort();
  int fd = ::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {  // a file system that has no files without a name
    std::string name = (directory_ / "stele-sort-XXXXXX").native();
    fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd >= 0) ::unlink(name.c_str());
  }
  if (fd < 0) return status_from_errno(errno, "create a temporary file in", directory_);
  runs_.push_back(std::make_unique<Run>(fd, runs_.size()));
  std::string out;
  for (const std::uint64_t place : places_) {
    const char* record = records_.data() + place;
    out.append(record, bytes_of(record));
    if (out.size() < kRunBufferBytes) continue;
    STELE_CHECK(runs_.back()->write(out));
    out.clear();
  }
  STELE_CHECK(runs_.back()->write(out));
  records_.clear();
  places_.clear();
  return Status();
}

Status ExternalSorter::finish() {
  if (runs_.empty()) {
    sort();
    return Status();
  }
  if (!places_.empty()) STELE_CHECK(spill());
  records_.clear_keeping(0);
  std::vector<std::uint64_t>().swap(places_);
  for (const auto& run : runs_) {
    STELE_TRY(const bool more, run->advance());
    if (more) heap_.push_back(run.get());
  }
  std::make_heap(heap_.begin(), heap_.end(), [](const Run* a, const Run* b) { return a->is_behind(*b); });
  return Status();
}

Result<bool> ExternalSorter::next(std::string_view& key, std::string_view& payload) {
  const char* record = nullptr;
  if (runs_.empty()) {
    if (next_place_ == places_.size()) return false;
    record = records_.data() + places_[next_place_++];
  } else {
    const auto behind = [](const Run* a, const Run* b) { return a->is_behind(*b); };
    if (last_ != nullptr) {
      STELE_TRY(const bool more, last_->advance());
      if (more) {
        heap_.push_back(last_);
        std::push_heap(heap_.begin(), heap_.end(), behind);
      }
      last_ = nullptr;
    }
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), behind);
    last_ = heap_.back();
    heap_.pop_back();
    record = last_->record();
  }
  key = key_of(record);
  payload = payload_of(record);
  return true;
}

std::filesystem::path temporary_directory() {
  const char* named = std::getenv("TMPDIR");
  return named != nullptr && *named != '\0' ? named : "/tmp";
}

}  // namespace stele::tools
