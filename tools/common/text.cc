#include "tools/common/text.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

namespace stele::tools {

namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kYear = 365 * kDay;

/// The number at the front, not negative; what is behind it stays in `text`.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || !(value >= 0)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

void append_escaped(std::string& out, std::string_view text, std::size_t bytes_max, bool escape_quotes) {
  for (std::size_t at = 0; at < text.size() && at < bytes_max;) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t character = byte < 0x80 ? 1 : utf8_character_bytes(text.substr(at));
    // 0x80 to 0x9f are control characters to a terminal, also when they are spelled as UTF-8.
    const bool is_control = byte < 0x20 || byte == 0x7f || character == 0 ||
                            (byte == 0xc2 && static_cast<unsigned char>(text[at + 1]) < 0xa0);
    if (is_control) {
      switch (byte) {
        case '\n':
          out += "\\n";
          break;
        case '\r':
          out += "\\r";
          break;
        case '\t':
          out += "\\t";
          break;
        default:
          fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
      }
      ++at;
      continue;
    }
    if (escape_quotes && (byte == '"' || byte == '\\')) out += '\\';
    out += text.substr(at, character);
    at += character;
  }
}

}  // namespace

std::string format_bytes(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string format_count(std::uint64_t count) {
  std::string digits = fmt::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string format_duration(std::int64_t ms) {
  if (ms < 0) return ms == std::numeric_limits<std::int64_t>::min() ? "-292471208y" : "-" + format_duration(-ms);
  if (ms < kSecond) return fmt::format("{}ms", ms);
  if (ms < kMinute) return fmt::format("{}s", ms / kSecond);
  if (ms < kHour) return fmt::format("{}m {}s", ms / kMinute, ms % kMinute / kSecond);
  if (ms < kDay) return fmt::format("{}h {}m", ms / kHour, ms % kHour / kMinute);
  if (ms < kYear) return fmt::format("{}d {}h", ms / kDay, ms % kDay / kHour);
  return fmt::format("{}y {}d", ms / kYear, ms % kYear / kDay);
}

std::string format_time(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms >= 0 ? unix_ms / 1000 : (unix_ms - 999) / 1000;
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr || parts.tm_year > 8099) return fmt::format("{} ms", unix_ms);
  return fmt::format("{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string format_time_ms(std::int64_t unix_ms) {
  std::string text = format_time(unix_ms);
  if (!text.ends_with('Z')) return text;
  text.pop_back();
  return text + fmt::format(".{:03d}Z", (unix_ms % 1000 + 1000) % 1000);
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  // Whole numbers and three digits of a fraction, so that what was printed is read back to the millisecond.
  const auto take_digits = [&](std::size_t most) -> std::optional<int> {
    std::size_t n = 0;
    while (n < text.size() && n < most && text[n] >= '0' && text[n] <= '9') ++n;
    int value = 0;
    if (n == 0 || std::from_chars(text.data(), text.data() + n, value).ec != std::errc()) return std::nullopt;
    text.remove_prefix(n);
    return value;
  };
  const auto take = [&](char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
  };
  const auto take_fraction = [&]() -> std::optional<int> {
    if (!take('.')) return 0;
    int ms = 0;
    std::size_t digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
      if (digits < 3) ms = ms * 10 + (text.front() - '0');
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 3; ++digits) ms *= 10;
    return ms;
  };
  if (take('@')) {
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || seconds < 0 || seconds > std::int64_t{1} << 40) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto ms = take_fraction();
    if (!ms || !text.empty()) return std::nullopt;
    return seconds * kSecond + *ms;
  }
  std::tm parts{};
  const auto year = take_digits(4);
  if (!year || *year < 1970 || !take('-')) return std::nullopt;
  const auto month = take_digits(2);
  if (!month || *month < 1 || *month > 12 || !take('-')) return std::nullopt;
  const auto day = take_digits(2);
  if (!day || *day < 1 || *day > 31) return std::nullopt;
  int ms = 0;
  int ahead_minutes = 0;
  if (take('T') || take(' ')) {
    const auto hour = take_digits(2);
    if (!hour || *hour > 23 || !take(':')) return std::nullopt;
    const auto minute = take_digits(2);
    if (!minute || *minute > 59) return std::nullopt;
    parts.tm_hour = *hour;
    parts.tm_min = *minute;
    if (take(':')) {
      const auto second = take_digits(2);
      const auto fraction = take_fraction();
      if (!second || *second > 60 || !fraction) return std::nullopt;
      parts.tm_sec = *second;
      ms = *fraction;
    }
    if (!take('Z') && !text.empty()) {
      const int sign = take('+') ? 1 : take('-') ? -1 : 0;
      const auto hours = take_digits(2);
      take(':');
      const auto minutes = take_digits(2);
      if (sign == 0 || !hours || !minutes) return std::nullopt;
      ahead_minutes = sign * (*hours * 60 + *minutes);
    }
  }
  if (!text.empty()) return std::nullopt;
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  return static_cast<std::int64_t>(::timegm(&parts)) * kSecond + ms - ahead_minutes * kMinute;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1},        {"b", 1},   {"k", 1e3},     {"kb", 1024.0}, {"m", 1e6},
      {"mb", 0x1p20}, {"g", 1e9}, {"gb", 0x1p30}, {"t", 1e12},    {"tb", 0x1p40}};
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  std::string unit(text);
  for (char& c : unit) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (const auto& [name, factor] : kUnits) {
    if (unit == name && *number * factor < 0x1p63) return static_cast<std::uint64_t>(*number * factor);
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  static constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {{"", kSecond},   {"ms", 1},    {"s", kSecond},
                                                                         {"m", kMinute},  {"h", kHour}, {"d", kDay},
                                                                         {"w", 7 * kDay}, {"y", kYear}};
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  for (const auto& [name, factor] : kUnits) {
    const double ms = *number * static_cast<double>(factor);
    if (text == name && ms < 0x1p62) return static_cast<std::int64_t>(ms);
  }
  return std::nullopt;
}

std::string in_quotes(std::string_view text, std::size_t bytes_max) {
  std::string out = "\"";
  append_escaped(out, text, bytes_max, true);
  out += '"';
  if (text.size() > bytes_max) out += "...";
  return out;
}

std::string printable(std::string_view text, std::size_t bytes_max) {
  std::string out;
  append_escaped(out, text, bytes_max, false);
  if (text.size() > bytes_max) out += "...";
  return out;
}

std::size_t utf8_character_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Spelled longer than needed, half of a pair, or beyond the last character.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) ||
      (first == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return bytes;
}

bool is_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    // Most text is ASCII: eight at a time.
    std::uint64_t word;
    while (text.size() - at >= sizeof word) {
      std::memcpy(&word, text.data() + at, sizeof word);
      if ((word & 0x8080808080808080) != 0) break;
      at += sizeof word;
    }
    if (at == text.size()) break;
    const std::size_t bytes = utf8_character_bytes(text.substr(at, 4));
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

}  // namespace stele::tools
