#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace stele {

/// ASCII letters only, whatever the locale.
inline char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
inline char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }

inline std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = to_lower(c);
  return out;
}

inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

/// What an error text quotes of a client's bytes, as Redis does: up to a NUL, and not more than `bytes_max`.
inline std::string_view printed(std::string_view text, std::size_t bytes_max = std::string_view::npos) {
  const std::size_t nul = text.find('\0');
  return text.substr(0, nul < bytes_max ? nul : bytes_max);
}

/// Lets maps keyed by std::string be searched with a string_view.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

}  // namespace stele
