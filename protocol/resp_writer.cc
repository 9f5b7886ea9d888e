#include "protocol/resp_writer.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "persistence/status.h"

namespace stele {

std::string_view format_double(double value, char (&scratch)[kDoubleTextMax]) {
  // Most are small integers: %.17g of these are their digits.
  constexpr double kExact = 1e15;
  if (value > -kExact && value < kExact) {
    const auto integer = static_cast<std::int64_t>(value);
    if (static_cast<double>(integer) == value && (integer != 0 || !std::signbit(value))) {
      const char* const end = std::to_chars(scratch, scratch + kDoubleTextMax, integer).ptr;
      return {scratch, static_cast<std::size_t>(end - scratch)};
    }
  }
  if (std::isnan(value)) return "nan";  // whatever its sign
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const char* const end = std::to_chars(scratch, scratch + kDoubleTextMax, value, std::chars_format::general, 17).ptr;
  return {scratch, static_cast<std::size_t>(end - scratch)};
}

std::string format_double(double value) {
  char text[kDoubleTextMax];
  return std::string(format_double(value, text));
}

void RespWriter::line(char type, std::string_view text) {
  while (text.ends_with('\r') || text.ends_with('\n')) text.remove_suffix(1);
  char* const begin = buffer_.reserve(text.size() + 3);
  char* p = begin;
  *p++ = type;
  for (const char c : text) *p++ = c == '\r' || c == '\n' ? ' ' : c;
  buffer_.advance(static_cast<std::size_t>(internal::write_crlf(p) - begin));
}

void RespWriter::attribute(std::size_t pairs) {
  STELE_ASSERT(resp3());  // a RESP2 client would take the pairs for the reply
  length('|', pairs);
}

void RespWriter::boolean(bool value) {
  if (resp3()) {
    buffer_.append(value ? std::string_view("#t\r\n") : std::string_view("#f\r\n"));
  } else {
    integer(value ? 1 : 0);
  }
}

void RespWriter::real(double value) {
  char text[kDoubleTextMax];
  const std::string_view digits = format_double(value, text);
  resp3() ? line(',', digits) : bulk(digits);
}

void RespWriter::big_number(std::string_view digits) { resp3() ? line('(', digits) : bulk(digits); }

void RespWriter::verbatim(std::string_view text, std::string_view format) {
  if (!resp3()) return bulk(text);
  STELE_ASSERT(format.size() == 3);
  length('=', text.size() + 4);
  buffer_.append(format);
  buffer_.push(':');
  buffer_.append(text);
  buffer_.append(std::string_view("\r\n"));
}

RespWriter::Mark RespWriter::begin(std::size_t n_expected) {
  char* const at = buffer_.reserve(internal::kLengthLineMax);
  const Mark mark = {.position = buffer_.size(),
                     .line_bytes = static_cast<std::size_t>(internal::write_length(at, '*', n_expected) - at)};
  buffer_.advance(mark.line_bytes);
  return mark;
}

void RespWriter::end(Mark mark, char type, std::size_t n) {
  char text[internal::kLengthLineMax];
  const std::size_t line_bytes = static_cast<std::size_t>(internal::write_length(text, type, n) - text);
  if (line_bytes != mark.line_bytes) {
    const std::size_t elements_at = mark.position + mark.line_bytes;
    STELE_ASSERT(buffer_.size() >= elements_at);
    const std::size_t elements_bytes = buffer_.size() - elements_at;
    if (line_bytes > mark.line_bytes) buffer_.reserve(line_bytes - mark.line_bytes);
    std::memmove(buffer_.data() + mark.position + line_bytes, buffer_.data() + elements_at, elements_bytes);
    buffer_.truncate(mark.position);
    buffer_.advance(line_bytes + elements_bytes);
  }
  std::memcpy(buffer_.data() + mark.position, text, line_bytes);
}

}  // namespace stele
