#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stele::tools {

/// Figures for people: "1.2 GiB", "1,234,567", "3d 4h", "2100-01-01T00:00:00Z".
std::string format_bytes(std::uint64_t bytes);
std::string format_count(std::uint64_t count);
std::string format_duration(std::int64_t ms);
/// UTC, to the second.
std::string format_time(std::int64_t unix_ms);
/// The same to the millisecond: "2100-01-01T00:00:00.000Z".
std::string format_time_ms(std::int64_t unix_ms);

/// "100", "4kb", "1.5gb": k, m, g, t are thousands, kb, mb, gb, tb powers of 1024, as in Redis' configuration.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// "250ms", "90s", "15m", "2h", "7d", "1y"; a bare number is seconds. Milliseconds.
std::optional<std::int64_t> parse_duration(std::string_view text);
/// "2100-01-01T00:00:00.000Z", with a space for the T, without seconds, fraction or time of day, with +01:00 for the Z (without
/// either: UTC); or "@4102444800.5", seconds since 1970. Unix milliseconds.
std::optional<std::int64_t> parse_time(std::string_view text);

/// `text` in double quotes as redis-cli shows it: printable UTF-8 as it is, the rest as \n, \x1b ... At most
/// `bytes_max` of it, then "..." behind the quotes.
std::string in_quotes(std::string_view text, std::size_t bytes_max = 256);
/// The same without the quotes, for messages: what came from a file must not reach a terminal as it is.
std::string printable(std::string_view text, std::size_t bytes_max = 4096);

/// How many bytes at the front of `text` are one valid UTF-8 character; 0 if they are none.
std::size_t utf8_character_bytes(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace stele::tools
