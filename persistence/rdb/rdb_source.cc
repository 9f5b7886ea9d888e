#include "persistence/rdb/rdb_source.h"

#include <liblzf/lzf.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "persistence/rdb/crc64.h"

namespace stele {

namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;
// What one byte of LZF can expand to: a back reference of 3 bytes stands for at most 264.
constexpr std::uint64_t kLzfExpansionMax = 264;
// A compressed string that says it is longer than this has to prove it before there is memory for it.
constexpr std::uint64_t kLzfTrustedBytes = 1024 * 1024;

/// What LZF `packed` expands to, whether or not its back references lead anywhere; nothing if it ends early.
std::optional<std::uint64_t> lzf_expanded_bytes(std::string_view packed) {
  std::uint64_t bytes = 0;
  for (std::size_t at = 0; at < packed.size();) {
    const auto control = static_cast<unsigned char>(packed[at++]);
    if (control < 32) {  // so many literals, and one
      at += std::size_t{control} + 1;
      bytes += std::uint64_t{control} + 1;
    } else {
      std::uint64_t length = control >> 5;
      if (length == 7) length += at < packed.size() ? static_cast<unsigned char>(packed[at++]) : 0;
      ++at;  // the rest of the distance
      bytes += length + 2;
    }
    if (at > packed.size()) return std::nullopt;
  }
  return bytes;
}

}  // namespace

RdbSource::RdbSource(std::string_view bytes, std::string name)
    : name_(std::move(name)), total_(bytes.size()), begin_(0), buffer_(bytes) {}

RdbSource::RdbSource(const File& file, std::uint64_t position, std::uint64_t file_bytes)
    : name_(file.path().native()), file_(&file), total_(file_bytes), begin_(position) {}

bool RdbSource::fail_at(std::uint64_t offset, std::string what) {
  if (ok()) status_ = Status::corrupt("{}: offset {}: {}", name_, offset, what);
  return false;
}

std::uint64_t RdbSource::crc() {
  crc_ = crc64(crc_, buffer_.substr(summed_, at_ - summed_));
  summed_ = at_;
  return crc_;
}

/// Makes `n` bytes from at_ on part of buffer_.
bool RdbSource::fill(std::uint64_t n) {
  if (!ok()) return false;
  if (n > left()) return fail("the input ends {} bytes too early", n - left());
  if (buffer_.size() - at_ >= n) return true;
  STELE_ASSERT(file_ != nullptr);  // a buffer of the whole input holds whatever is left
  crc();
  const std::string_view rest = buffer_.substr(at_);
  const std::size_t wanted = std::max<std::size_t>(n, kBufferBytes);
  if (wanted > capacity_ || (capacity_ > 4 * kBufferBytes && wanted == kBufferBytes)) {
    std::unique_ptr<char[]> larger(new char[wanted]);
    std::copy(rest.begin(), rest.end(), larger.get());
    owned_ = std::move(larger);
    capacity_ = wanted;
  } else {
    std::memmove(owned_.get(), rest.data(), rest.size());
  }
  begin_ += at_;
  at_ = summed_ = 0;
  const std::size_t room = std::min<std::uint64_t>(capacity_, total_ - begin_) - rest.size();
  const auto got = file_->read_at(begin_ + rest.size(), owned_.get() + rest.size(), room);
  buffer_ = {owned_.get(), rest.size() + (got.ok() ? *got : 0)};
  if (!got.ok()) {
    status_ = got.status();
    return false;
  }
  if (buffer_.size() < n) return fail("the file became shorter while it was read");
  return true;
}

std::string_view RdbSource::bytes(std::uint64_t n) {
  if (!fill(n)) return {};
  const std::string_view taken = buffer_.substr(at_, n);
  at_ += n;
  return taken;
}

std::uint8_t RdbSource::byte() {
  const std::string_view one = bytes(1);
  return one.empty() ? 0 : static_cast<std::uint8_t>(one[0]);
}

std::uint8_t RdbSource::peek() {
  if (left() == 0 || !fill(1)) return 0;
  return static_cast<std::uint8_t>(buffer_[at_]);
}

RdbSource::Length RdbSource::length_or_form() {
  const std::uint8_t first = byte();
  if (!ok()) return {};
  const auto big_endian = [this](int n) {
    std::uint64_t value = 0;
    for (const char c : bytes(static_cast<std::uint64_t>(n))) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  };
  switch (first >> 6) {
    case 0:
      return {first};
    case 1:
      return {std::uint64_t{first & 0x3Fu} << 8 | byte()};
    case 3:
      return {first & 0x3Fu, true};
    default:
      if (first == 0x80) return {big_endian(4)};
      if (first == 0x81) return {big_endian(8)};
      fail("byte 0x{:02x} begins no length", first);
      return {};
  }
}

std::uint64_t RdbSource::length() {
  const Length length = length_or_form();
  if (length.is_form) fail("a string stands where a length must");
  return ok() ? length.value : 0;
}

std::string_view RdbSource::string() {
  const Length length = length_or_form();
  if (!ok()) return {};
  if (!length.is_form) return bytes(length.value);

  const auto text_of = [this](std::int64_t value) {
    scratch_.resize(24);
    const auto [end, error] = std::to_chars(scratch_.data(), scratch_.data() + scratch_.size(), value);
    return ok() ? std::string_view(scratch_.data(), end) : std::string_view();
  };
  switch (length.value) {
    case 0:
      return text_of(little_endian<std::int8_t>());
    case 1:
      return text_of(little_endian<std::int16_t>());
    case 2:
      return text_of(little_endian<std::int32_t>());
    case 3:
      break;
    default:
      fail("there is no string form {}", length.value);
      return {};
  }
  const std::uint64_t packed_bytes = this->length();
  const std::uint64_t full_bytes = this->length();
  if (!ok()) return {};
  if (packed_bytes > left() || full_bytes == 0 || full_bytes / kLzfExpansionMax > packed_bytes) {
    fail("a compressed string of {} bytes cannot be {} bytes long", packed_bytes, full_bytes);
    return {};
  }
  const std::string_view packed = bytes(packed_bytes);
  if (!ok()) return {};
  if (full_bytes > kLzfTrustedBytes && lzf_expanded_bytes(packed) != full_bytes) {
    fail("a compressed string is damaged");
    return {};
  }
  scratch_.resize(full_bytes);
  const unsigned int got = lzf_decompress(packed.data(), static_cast<unsigned int>(packed.size()), scratch_.data(),
                                          static_cast<unsigned int>(full_bytes));
  if (got != full_bytes) {
    fail("a compressed string is damaged");
    return {};
  }
  return scratch_;
}

}  // namespace stele
