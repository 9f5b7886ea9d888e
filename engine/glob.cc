#include "engine/glob.h"

#include <cstddef>
#include <utility>

#include "protocol/resp_text.h"

namespace stele {

namespace {

/// Matches one byte against the class whose first byte behind `[` is at `at`; leaves `at` behind the class.
bool class_matches(std::string_view pattern, std::size_t& at, char c, bool ignore_case) {
  const auto fold = [&](char x) { return ignore_case ? to_lower(x) : x; };
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool matches = false;
  for (; at < pattern.size() && pattern[at] != ']'; ++at) {
    const std::size_t left = pattern.size() - at;
    if (pattern[at] == '\\' && left >= 2) {
      ++at;
      if (pattern[at] == c) matches = true;
    } else if (left >= 3 && pattern[at + 1] == '-') {
      // Bytes count as signed here: that is how the ranges of existing patterns were written.
      auto first = static_cast<signed char>(pattern[at]);
      auto last = static_cast<signed char>(pattern[at + 2]);
      if (first > last) std::swap(first, last);
      const auto lower = static_cast<signed char>(fold(static_cast<char>(first)));
      const auto upper = static_cast<signed char>(fold(static_cast<char>(last)));
      const auto byte = static_cast<signed char>(fold(c));
      if (byte >= lower && byte <= upper) matches = true;
      at += 2;
    } else if (fold(pattern[at]) == fold(c)) {
      matches = true;
    }
  }
  if (at < pattern.size()) ++at;  // the ]
  return matches != negated;
}

/// Matches one byte against the token at `at`, which is no star; leaves `at` behind the token.
bool token_matches(std::string_view pattern, std::size_t& at, char c, bool ignore_case) {
  switch (pattern[at++]) {
    case '?':
      return true;
    case '[':
      return class_matches(pattern, at, c, ignore_case);
    case '\\':
      if (at < pattern.size()) ++at;
      break;
    default:
      break;
  }
  const char literal = pattern[at - 1];
  return ignore_case ? to_lower(literal) == to_lower(c) : literal == c;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text, bool ignore_case) {
  if (text.empty()) return pattern.empty();
  std::size_t p = 0, t = 0;
  // Where to go on after a mismatch: behind the last star, which then takes one byte more.
  std::size_t retry_pattern = std::string_view::npos, retry_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      while (p < pattern.size() && pattern[p] == '*') ++p;
      if (p == pattern.size()) return true;
      retry_pattern = p;
      retry_text = t;
      continue;
    }
    if (p < pattern.size() && token_matches(pattern, p, text[t], ignore_case)) {
      ++t;
      continue;
    }
    if (retry_pattern == std::string_view::npos) return false;
    p = retry_pattern;
    t = ++retry_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace stele
