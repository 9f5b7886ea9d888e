#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/resp_buffer.h"
#include "protocol/resp_command.h"

namespace stele {

enum class RespVersion { resp2 = 2, resp3 = 3 };

inline constexpr std::size_t kDoubleTextMax = 32;  // -2.2250738585072014e-308 has 24

/// `value` as Redis' replies spell it: %.17g, or "inf", "-inf", "nan".
std::string format_double(double value);
/// Likewise, into `scratch`.
std::string_view format_double(double value, char (&scratch)[kDoubleTextMax]);

/// Appends replies to a buffer, in the version the client chose with HELLO.
///
///                   RESP2                 RESP3
///     null          $-1                   _
///     null_array    *-1                   _
///     map           *<2n>                 %<n>           then n keys, each followed by its value
///     set           *<n>                  ~<n>
///     push          *<n>                  ><n>
///     boolean       :1 :0                 #t #f
///     real          bulk                  ,<%.17g>
///     big_number    bulk                  (<digits>
///     verbatim      bulk                  =<bytes + 4>, then "txt:" and the text
///     attribute     must not be written   |<n>           then n pairs, then the value they describe
///
/// An aggregate is its length followed by that many replies, which the caller writes; nothing counts them.
class RespWriter {
 public:
  RespWriter(OutputBuffer& buffer, RespVersion version) : buffer_(buffer), version_(version) {}

  RespVersion version() const { return version_; }
  bool resp3() const { return version_ == RespVersion::resp3; }
  OutputBuffer& buffer() { return buffer_; }

  void ok() { buffer_.append(std::string_view("+OK\r\n")); }
  void pong() { buffer_.append(std::string_view("+PONG\r\n")); }
  /// Line ends in `text` become spaces: it may quote what a client sent, and must stay one reply. Error texts come
  /// whole, without the `-`: "ERR syntax error".
  void simple(std::string_view text) { line('+', text); }
  void error(std::string_view text) { line('-', text); }

  void integer(std::int64_t value) {
    char* const begin = buffer_.reserve(internal::kLengthLineMax);
    char* p = begin;
    if (value >= 0) {
      p = internal::write_length(p, ':', static_cast<std::uint64_t>(value));
    } else {
      *p++ = ':';
      p = internal::write_crlf(std::to_chars(p, p + internal::kIntegerTextMax, value).ptr);
    }
    buffer_.advance(static_cast<std::size_t>(p - begin));
  }

  /// `payload` must not point into the buffer.
  void bulk(std::string_view payload) {
    char* const begin = buffer_.reserve(internal::bulk_bytes_max(payload));
    buffer_.advance(static_cast<std::size_t>(internal::write_bulk(begin, payload) - begin));
  }
  void bulk_integer(std::int64_t value) {
    char* const begin = buffer_.reserve(internal::bulk_bytes_max(value));
    buffer_.advance(static_cast<std::size_t>(internal::write_bulk(begin, value) - begin));
  }

  void null() { buffer_.append(resp3() ? std::string_view("_\r\n") : std::string_view("$-1\r\n")); }
  void null_array() { buffer_.append(resp3() ? std::string_view("_\r\n") : std::string_view("*-1\r\n")); }

  void array(std::size_t n) { length('*', n); }
  void map(std::size_t pairs) { resp3() ? length('%', pairs) : length('*', 2 * pairs); }
  void set(std::size_t n) { length(resp3() ? '~' : '*', n); }
  void push(std::size_t n) { length(resp3() ? '>' : '*', n); }
  void attribute(std::size_t pairs);

  void boolean(bool value);
  void real(double value);
  void big_number(std::string_view digits);
  /// `format` is three characters: "txt" or "mkd".
  void verbatim(std::string_view text, std::string_view format = "txt");

  /// Bytes that are RESP already.
  void raw(std::string_view bytes) { buffer_.append(bytes); }

  /// An aggregate whose length is known only after its elements were written:
  ///
  ///     const auto mark = writer.begin_array();
  ///     ... n replies ...
  ///     writer.end_array(mark, n);
  ///
  /// Room is left for the length line of `n_expected`. If the line turns out longer or shorter, the elements are moved
  /// once. Marks nest, and the inner one ends first; nothing may be consumed from the buffer meanwhile.
  struct Mark {
    std::size_t position;    // of the length line, from the start of the buffer
    std::size_t line_bytes;  // left for it
  };
  Mark begin_array(std::size_t n_expected = 0) { return begin(n_expected); }
  Mark begin_map(std::size_t pairs_expected = 0) { return begin(resp3() ? pairs_expected : 2 * pairs_expected); }
  Mark begin_set(std::size_t n_expected = 0) { return begin(n_expected); }
  void end_array(Mark mark, std::size_t n) { end(mark, '*', n); }
  void end_map(Mark mark, std::size_t pairs) { resp3() ? end(mark, '%', pairs) : end(mark, '*', 2 * pairs); }
  void end_set(Mark mark, std::size_t n) { end(mark, resp3() ? '~' : '*', n); }

 private:
  void length(char type, std::size_t n) {
    char* const begin = buffer_.reserve(internal::kLengthLineMax);
    buffer_.advance(static_cast<std::size_t>(internal::write_length(begin, type, n) - begin));
  }
  void line(char type, std::string_view text);
  Mark begin(std::size_t n_expected);
  void end(Mark mark, char type, std::size_t n);

  OutputBuffer& buffer_;
  RespVersion version_;
};

}  // namespace stele
