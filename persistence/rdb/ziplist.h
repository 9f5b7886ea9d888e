#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace stele {

/// One element of a packed form that Redis no longer writes: text, or an integer that stands for its decimal text.
struct LegacyElement {
  std::string_view text;
  std::int64_t integer = 0;
  bool is_integer = false;
};

/// Calls `visit` for every entry of a ziplist (../formats: RDB, section 6), in order. False if `bytes` is not exactly
/// one well-formed ziplist; some entries may have been visited by then. Any bytes will do.
bool read_ziplist(std::string_view bytes, const std::function<void(const LegacyElement&)>& visit);

/// Likewise for a zipmap (section 8): field, value, field, value.
bool read_zipmap(std::string_view bytes, const std::function<void(std::string_view)>& visit);

}  // namespace stele
