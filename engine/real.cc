#include "engine/real.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace stele {

namespace {

template <typename Real>
std::optional<Real> parse(std::string_view text, Real (*convert)(const char*, char**)) {
  // Longer than any spelling of a number that fits: not worth a buffer.
  char copy[5 * 1024];
  if (text.empty() || text.size() >= sizeof copy) return std::nullopt;
  if (const char c = text.front(); c == ' ' || (c >= '\t' && c <= '\r')) return std::nullopt;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  char* end = nullptr;
  errno = 0;
  const Real value = convert(copy, &end);
  if (end != copy + text.size() || std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || std::fpclassify(value) == FP_ZERO)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<long double> parse_real(std::string_view text) { return parse(text, std::strtold); }
std::optional<double> parse_double(std::string_view text) { return parse(text, std::strtod); }

std::string_view format_real(long double value, std::span<char> buffer) {
  const int printed = std::snprintf(buffer.data(), buffer.size(), "%.17Lf", value);
  std::string_view text(buffer.data(), static_cast<std::size_t>(printed));
  text = text.substr(0, text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.remove_suffix(1);
  return text == "-0" ? "0" : text;
}

}  // namespace stele
