#pragma once

#include <cstdint>
#include <string_view>

#include "persistence/file.h"

namespace stele {

/// Writes a long file front to back and has the disk take it on the way, a few MB behind: not all of it at the end,
/// which would stall everybody else's fsync, and no more in the page cache than that, which others need. Nothing is
/// durable before the caller's File::sync(). Threads: one, which will wait for the disk.
class FileAppender {
 public:
  explicit FileAppender(File& file) : file_(file) {}

  Status append(std::string_view bytes);
  std::uint64_t bytes() const { return written_; }

 private:
  File& file_;
  std::uint64_t written_ = 0;
  std::uint64_t started_ = 0;  // up to here the kernel has been asked to write
  std::uint64_t on_disk_ = 0;  // and up to here it has
};

}  // namespace stele
