#include "persistence/frame.h"

#include <charconv>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace stele {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr std::size_t kHexBytes = 16;
constexpr std::size_t kReplicationIdBytes = 40;

char* put_hex_before(char* end, std::uint64_t value) {
  for (std::size_t i = 0; i < kHexBytes; ++i) {
    *--end = kHexDigits[value & 15];
    value >>= 4;
  }
  return end;
}

char* put_decimal_before(char* end, std::uint64_t value) {
  constexpr char kPairs[] =
      "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354"
      "555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
  while (value >= 100) {
    end -= 2;
    std::memcpy(end, kPairs + value % 100 * 2, 2);
    value /= 100;
  }
  if (value >= 10) {
    end -= 2;
    std::memcpy(end, kPairs + value * 2, 2);
  } else {
    *--end = static_cast<char>('0' + value);
  }
  return end;
}

/// Reads a line's fields from left to right; every function is false once something did not fit.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : text_(text) {}

  bool literal(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }

  bool decimal(std::uint64_t& value, char terminator) {
    const char* begin = text_.data() + at_;
    const char* end = text_.data() + text_.size();
    const auto [stop, error] = std::from_chars(begin, end, value);
    if (error != std::errc() || stop == end || *stop != terminator) return false;
    if (*begin == '0' && stop - begin > 1) return false;
    at_ += static_cast<std::size_t>(stop - begin) + 1;
    return true;
  }

  bool hex(std::uint64_t& value) {
    if (text_.size() - at_ < kHexBytes) return false;
    value = 0;
    for (const char c : text_.substr(at_, kHexBytes)) {
      const bool digit = c >= '0' && c <= '9';
      if (!digit && !(c >= 'a' && c <= 'f')) return false;
      value = value << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
    }
    at_ += kHexBytes;
    return true;
  }

  bool word(std::string_view& value, std::size_t bytes) {
    if (text_.size() - at_ < bytes) return false;
    value = text_.substr(at_, bytes);
    at_ += bytes;
    return true;
  }

  std::size_t at() const { return at_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

Chain chain_of(const char* fields, std::size_t fields_bytes, const char* payload, std::size_t payload_bytes,
               Chain before) {
  return XXH3_64bits_withSeed(payload, payload_bytes, XXH3_64bits_withSeed(fields, fields_bytes, before));
}

}  // namespace

char* put_frame_line_before(char* payload, std::uint64_t bytes, Offset offset, UnixTime time, Chain& chain) {
  char* const hex_end = payload - 2;
  char* const fields_end = hex_end - kHexBytes;
  char* at = fields_end;
  *--at = ':';
  at = put_decimal_before(at, static_cast<std::uint64_t>(time.ms() < 0 ? 0 : time.ms()));
  *--at = ':';
  at = put_decimal_before(at, bytes);
  *--at = ':';
  at = put_decimal_before(at, offset.bytes());
  at -= 3;
  std::memcpy(at, "#J:", 3);
  chain = chain_of(at, static_cast<std::size_t>(fields_end - at), payload, bytes, chain);
  put_hex_before(hex_end, chain);
  std::memcpy(hex_end, "\r\n", 2);
  return at;
}

std::optional<FrameLine> parse_frame_line(std::string_view text) {
  FieldReader fields(text.substr(0, kFrameLineBytesMax));
  FrameLine line;
  std::uint64_t offset = 0;
  std::uint64_t ms = 0;
  if (!fields.literal("#J:") || !fields.decimal(offset, ':') || !fields.decimal(line.bytes, ':') ||
      !fields.decimal(ms, ':') || !fields.hex(line.chain) || !fields.literal("\r\n")) {
    return std::nullopt;
  }
  if (line.bytes == 0 || line.bytes > kFrameBytesMax || offset > std::numeric_limits<std::uint64_t>::max() - line.bytes ||
      ms > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return std::nullopt;
  }
  line.offset = Offset(offset);
  line.time = UnixTime(static_cast<std::int64_t>(ms));
  line.line_bytes = fields.at();
  return line;
}

Chain frame_chain(std::string_view line_text, std::string_view payload, Chain before) {
  return chain_of(line_text.data(), line_text.size() - kHexBytes - 2, payload.data(), payload.size(), before);
}

char* put_mark_before(char* end, Offset durable, bool closed, Chain seed) {
  char* const hex_end = end - 2;
  char* const fields_end = hex_end - kHexBytes;
  char* at = fields_end;
  *--at = ':';
  *--at = closed ? 'c' : 'r';
  *--at = ':';
  at = put_decimal_before(at, durable.bytes());
  at -= 3;
  std::memcpy(at, "#D:", 3);
  put_hex_before(hex_end, XXH3_64bits_withSeed(at, static_cast<std::size_t>(fields_end - at), seed));
  std::memcpy(hex_end, "\r\n", 2);
  return at;
}

std::optional<Mark> parse_mark(std::string_view text, Chain seed) {
  FieldReader fields(text.substr(0, kMarkBytesMax));
  std::uint64_t durable = 0;
  std::uint64_t check = 0;
  std::string_view state;
  if (!fields.literal("#D:") || !fields.decimal(durable, ':') || !fields.word(state, 1) || !fields.literal(":")) {
    return std::nullopt;
  }
  const std::size_t fields_bytes = fields.at();
  if (!fields.hex(check) || !fields.literal("\r\n") || (state != "r" && state != "c")) return std::nullopt;
  if (check != XXH3_64bits_withSeed(text.data(), fields_bytes, seed)) return std::nullopt;
  return Mark{.durable = Offset(durable), .closed = state == "c", .line_bytes = fields.at()};
}

char* put_timestamp_before(char* end, UnixTime time) {
  std::memcpy(end - 2, "\r\n", 2);
  char* const at = put_decimal_before(end - 2, static_cast<std::uint64_t>(frame_second(time)));
  std::memcpy(at - 4, "#TS:", 4);
  return at - 4;
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  FieldReader fields(text.substr(0, kTimestampBytesMax));
  std::uint64_t seconds = 0;
  if (!fields.literal("#TS:") || !fields.decimal(seconds, '\r') || !fields.literal("\n")) return std::nullopt;
  if (seconds > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return Timestamp{.seconds = static_cast<std::int64_t>(seconds), .line_bytes = fields.at()};
}

std::string make_segment_header(const ReplicationId& replid, Offset first, Chain chain, int db) {
  const std::string number = std::to_string(db);
  const std::string prologue = fmt::format("*2\r\n$6\r\nSELECT\r\n${}\r\n{}\r\n", number.size(), number);
  const std::string fields =
      fmt::format("#S:{}:{}:{}:{:016x}:{}:", kSegmentVersion, replid, first, chain, prologue.size());
  const Chain check = chain_of(fields.data(), fields.size(), prologue.data(), prologue.size(), 0);
  return fmt::format("{}{:016x}\r\n{}", fields, check, prologue);
}

std::optional<SegmentHeader> parse_segment_header(std::string_view text) {
  FieldReader fields(text.substr(0, kSegmentHeaderBytesMax));
  std::uint64_t version = 0;
  std::uint64_t first = 0;
  std::uint64_t prologue_bytes = 0;
  std::uint64_t check = 0;
  std::string_view replid;
  std::string_view prologue;
  SegmentHeader header;
  if (!fields.literal("#S:") || !fields.decimal(version, ':') || !fields.word(replid, kReplicationIdBytes) ||
      !fields.literal(":") || !fields.decimal(first, ':') || !fields.hex(header.chain) || !fields.literal(":") ||
      !fields.decimal(prologue_bytes, ':')) {
    return std::nullopt;
  }
  const std::size_t fields_bytes = fields.at();
  if (version != kSegmentVersion || !fields.hex(check) || !fields.literal("\r\n") ||
      !fields.word(prologue, prologue_bytes) ||
      check != chain_of(text.data(), fields_bytes, prologue.data(), prologue.size(), 0)) {
    return std::nullopt;
  }
  header.replid = ReplicationId(replid);
  header.first = Offset(first);
  header.bytes = fields.at();
  // The last line but its end; the check says that it is one.
  const std::string_view number = prologue.substr(0, prologue.size() - 2);
  const std::size_t line = number.rfind('\n') + 1;
  std::from_chars(number.data() + line, number.data() + number.size(), header.db);
  return header;
}

}  // namespace stele
