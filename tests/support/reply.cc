#include "tests/support/reply.h"

#include <charconv>
#include <stdexcept>

#include <fmt/format.h>

namespace stele::test {

std::int64_t Reply::integer() const {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (null || is_error() || is_aggregate() || error != std::errc() || end != text.data() + text.size()) {
    throw std::runtime_error(fmt::format("expected an integer, got {}", describe(*this)));
  }
  return value;
}

std::string quote(std::string_view text, std::size_t bytes_max) {
  std::string shown = "\"";
  for (const char c : text.substr(0, bytes_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      shown += '\\';
      shown += c;
    } else if (c == '\n') {
      shown += "\\n";
    } else if (c == '\r') {
      shown += "\\r";
    } else if (byte < 0x20 || byte >= 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  shown += '"';
  if (text.size() > bytes_max) shown += fmt::format("... ({} bytes)", text.size());
  return shown;
}

std::string describe(const Reply& reply) {
  if (reply.null) return reply.type == '*' ? "(null array)" : reply.type == '$' ? "(null string)" : "(null)";
  switch (reply.type) {
    case '+':
      return reply.text;
    case '-':
    case '!':
      return "(error) " + quote(reply.text);
    case ':':
      return "(integer) " + reply.text;
    case '$':
      return quote(reply.text);
    case ',':
      return "(double) " + reply.text;
    case '#':
      return "(boolean) " + reply.text;
    case '(':
      return "(big number) " + reply.text;
    case '=':
      return "(verbatim) " + quote(reply.text);
    default:
      break;
  }
  std::string shown = reply.type == '%' ? "map[" : reply.type == '~' ? "set[" : reply.type == '>' ? "push[" : "[";
  for (std::size_t i = 0; i < reply.elements.size(); ++i) {
    if (i == 100) return shown + fmt::format(", ... {} elements]", reply.elements.size());
    if (i > 0) shown += ", ";
    shown += describe(reply.elements[i]);
  }
  return shown + "]";
}

std::ostream& operator<<(std::ostream& out, const Reply& reply) { return out << describe(reply); }

}  // namespace stele::test
