#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace stele {

/// The place of an entry in its stream: milliseconds, and a number within them. 0-0 is before every entry.
struct StreamId {
  std::uint64_t ms = 0;
  std::uint64_t seq = 0;

  auto operator<=>(const StreamId&) const = default;

  static constexpr StreamId max() {
    return {std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max()};
  }
  bool is_zero() const { return ms == 0 && seq == 0; }
  /// The ids right behind and right before this one, if there are any.
  std::optional<StreamId> next() const;
  std::optional<StreamId> previous() const;
};

/// `<ms>-<seq>` in decimal.
class StreamIdText {
 public:
  explicit StreamIdText(StreamId id);

  std::string_view view() const { return {text_, bytes_}; }

 private:
  char text_[41];
  std::uint8_t bytes_;
};

/// Reads `<ms>-<seq>` or `<ms>`, whose sequence number is `missing_seq` then. As lenient as Redis: whatever the C
/// library reads as an unsigned number, up to 127 characters in all.
std::optional<StreamId> parse_stream_id(std::string_view text, std::uint64_t missing_seq);

/// The same, and `-` and `+` for the smallest and the largest id.
std::optional<StreamId> parse_stream_bound(std::string_view text, std::uint64_t missing_seq);

/// `<ms>-*`, as XADD takes it: the sequence number is to be found.
std::optional<std::uint64_t> parse_stream_id_without_seq(std::string_view text);

}  // namespace stele
