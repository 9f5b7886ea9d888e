#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/file.h"
#include "persistence/status.h"

namespace stele {

/// The bytes of an RDB file or of a DUMP payload, read front to back, with their checksum. A length read from the input
/// is compared with what is left before anything is allocated for it. The first failure sticks: every later read fails
/// too, and status() says where it happened. Memory: a buffer of 256 KiB, or of the longest string.
class RdbSource {
 public:
  /// `bytes` must outlive the source. `name` stands in error messages.
  RdbSource(std::string_view bytes, std::string name);
  /// The file from `position` on, which must outlive the source.
  RdbSource(const File& file, std::uint64_t position, std::uint64_t file_bytes);
  RdbSource(const RdbSource&) = delete;
  RdbSource& operator=(const RdbSource&) = delete;

  const std::string& name() const { return name_; }
  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }
  /// Fails with "<name>: offset <n>: <what>".
  template <typename... Args>
  bool fail(fmt::format_string<Args...> what, Args&&... args) {
    return fail_at(offset(), fmt::format(what, std::forward<Args>(args)...));
  }

  /// Of the next byte, from the start of the file.
  std::uint64_t offset() const { return begin_ + at_; }
  std::uint64_t left() const { return total_ - offset(); }
  /// Of all bytes read so far.
  std::uint64_t crc();

  /// The next `n` bytes; valid until the next read. Empty, and ok() false, if there are not so many.
  std::string_view bytes(std::uint64_t n);
  std::uint8_t byte();
  /// The next byte, not taken. 0 at the end.
  std::uint8_t peek();
  template <typename Integer>
  Integer little_endian() {
    Integer value{};
    const std::string_view raw = bytes(sizeof value);
    if (ok()) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  double real() { return little_endian<double>(); }

  /// A length (section 2); an integer form of a string is an error.
  std::uint64_t length();
  /// A string (section 3), whatever its form; valid until the next read.
  std::string_view string();

 private:
  bool fill(std::uint64_t n);
  bool fail_at(std::uint64_t offset, std::string what);
  struct Length {
    std::uint64_t value = 0;
    bool is_form = false;  // of a string: `value` is its number
  };
  Length length_or_form();

  std::string name_;
  const File* file_ = nullptr;
  std::uint64_t total_;  // size of the input, counted as offset() is
  std::uint64_t begin_;  // offset of buffer_[0]
  std::string_view buffer_;
  std::size_t at_ = 0;      // in buffer_
  std::size_t summed_ = 0;  // buffer_[0, summed_) is in crc_
  std::uint64_t crc_ = 0;
  std::unique_ptr<char[]> owned_;
  std::size_t capacity_ = 0;
  std::string scratch_;  // of an expanded string
  Status status_;
};

}  // namespace stele
