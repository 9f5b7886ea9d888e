#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "persistence/offset.h"
#include "protocol/resp_buffer.h"

namespace stele {

namespace internal {

inline constexpr std::size_t kIntegerTextMax = 20;                      // -9223372036854775808
inline constexpr std::size_t kLengthLineMax = 1 + kIntegerTextMax + 2;  // $18446744073709551615CRLF
inline constexpr std::size_t kBulkFrameMax = kLengthLineMax + 2;        // a bulk without its payload

inline char* write_crlf(char* p) {
  std::memcpy(p, "\r\n", 2);
  return p + 2;
}

/// Writes `type`, `n` and CRLF at `p`, where kLengthLineMax bytes are free. Returns the end.
inline char* write_length(char* p, char type, std::uint64_t n) {
  *p++ = type;
  if (n < 10) {
    *p++ = static_cast<char>('0' + n);
  } else {
    p = std::to_chars(p, p + kIntegerTextMax, n).ptr;
  }
  return write_crlf(p);
}

inline char* write_bulk(char* p, std::string_view payload) {
  p = write_length(p, '$', payload.size());
  if (!payload.empty()) std::memcpy(p, payload.data(), payload.size());
  return write_crlf(p + payload.size());
}

template <std::integral Integer>
char* write_bulk(char* p, Integer value) {
  char text[kIntegerTextMax];
  const char* const end = std::to_chars(text, text + kIntegerTextMax, value).ptr;
  return write_bulk(p, std::string_view(text, static_cast<std::size_t>(end - text)));
}

// What a command may be made of, brought to one of two kinds.
inline std::string_view command_arg(std::string_view text) { return text; }
inline std::int64_t command_arg(UnixTime time) { return time.ms(); }
inline std::uint64_t command_arg(Offset offset) { return offset.bytes(); }
template <std::integral Integer>
  requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>)
Integer command_arg(Integer value) {
  return value;
}

inline std::size_t bulk_bytes_max(std::string_view text) { return kBulkFrameMax + text.size(); }
template <std::integral Integer>
std::size_t bulk_bytes_max(Integer) {
  return kBulkFrameMax + kIntegerTextMax;
}

}  // namespace internal

/// A connection's output or a journal's batch.
template <typename Buffer>
concept AppendBuffer = requires(Buffer& buffer, std::size_t n) {
  { buffer.reserve(n) } -> std::same_as<char*>;
  buffer.advance(n);
};

/// Appends a command as an array of bulk strings, the form that journals, replicas and servers read:
///
///     append_command(buffer, "SET", key, value, "PXAT", expire_at);
///
/// Arguments are texts, integers (in decimal), UnixTime (its milliseconds) and Offset (its bytes). None may point into
/// `buffer`. Allocates only if the buffer has to grow, and then once.
template <AppendBuffer Buffer, typename... Args>
  requires(sizeof...(Args) > 0)
void append_command(Buffer& buffer, const Args&... args) {
  const std::size_t bytes_max =
      internal::kLengthLineMax + (internal::bulk_bytes_max(internal::command_arg(args)) + ...);
  char* const begin = buffer.reserve(bytes_max);
  char* p = internal::write_length(begin, '*', sizeof...(Args));
  ((p = internal::write_bulk(p, internal::command_arg(args))), ...);
  buffer.advance(static_cast<std::size_t>(p - begin));
}

/// The same for a command whose arguments are only known at run time.
template <AppendBuffer Buffer>
void append_command(Buffer& buffer, std::span<const std::string_view> args) {
  std::size_t bytes_max = internal::kLengthLineMax;
  for (const std::string_view arg : args) bytes_max += internal::bulk_bytes_max(arg);
  char* const begin = buffer.reserve(bytes_max);
  char* p = internal::write_length(begin, '*', args.size());
  for (const std::string_view arg : args) p = internal::write_bulk(p, arg);
  buffer.advance(static_cast<std::size_t>(p - begin));
}

}  // namespace stele
