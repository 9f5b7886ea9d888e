#include "engine/stream/stream_id.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "protocol/resp_integer.h"

namespace stele {

namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kTextMax = 127;

/// `text` must be followed by a NUL.
std::optional<std::uint64_t> parse_unsigned(const char* text) {
  if (const auto number = parse_integer(text)) {
    if (*number < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*number);
  }
  errno = 0;
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text, &end, 10);
  if (errno != 0 || *text == '\0' || *end != '\0') return std::nullopt;
  return value;
}

/// A copy that ends in a NUL, which is where Redis stops reading.
struct Terminated {
  explicit Terminated(std::string_view from) {
    std::memcpy(text, from.data(), from.size());
    text[from.size()] = '\0';
  }
  char text[kTextMax + 1];
};

}  // namespace

std::optional<StreamId> StreamId::next() const {
  if (seq < kMax) return StreamId{ms, seq + 1};
  if (ms < kMax) return StreamId{ms + 1, 0};
  return std::nullopt;
}

std::optional<StreamId> StreamId::previous() const {
  if (seq > 0) return StreamId{ms, seq - 1};
  if (ms > 0) return StreamId{ms - 1, kMax};
  return std::nullopt;
}

StreamIdText::StreamIdText(StreamId id) {
  char* const end = text_ + sizeof text_;
  char* at = std::to_chars(text_, end, id.ms).ptr;
  *at++ = '-';
  at = std::to_chars(at, end, id.seq).ptr;
  bytes_ = static_cast<std::uint8_t>(at - text_);
}

std::optional<StreamId> parse_stream_id(std::string_view text, std::uint64_t missing_seq) {
  if (text.size() > kTextMax) return std::nullopt;
  Terminated copy(text);
  char* const dash = std::strchr(copy.text, '-');
  if (dash != nullptr) *dash = '\0';
  const auto ms = parse_unsigned(copy.text);
  const auto seq = dash == nullptr ? missing_seq : parse_unsigned(dash + 1);
  if (!ms || !seq) return std::nullopt;
  return StreamId{*ms, *seq};
}

std::optional<StreamId> parse_stream_bound(std::string_view text, std::uint64_t missing_seq) {
  if (text == "-") return StreamId{};
  if (text == "+") return StreamId::max();
  return parse_stream_id(text, missing_seq);
}

std::optional<std::uint64_t> parse_stream_id_without_seq(std::string_view text) {
  if (text.size() > kTextMax || !text.ends_with("-*")) return std::nullopt;
  const std::string_view ms = text.substr(0, text.size() - 2);
  if (ms.find('-') != std::string_view::npos) return std::nullopt;
  return parse_unsigned(Terminated(ms).text);
}

}  // namespace stele
