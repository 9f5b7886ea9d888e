#include "protocol/resp_reply.h"

#include <cmath>

#include <fmt/format.h>

#include "protocol/resp_writer.h"

namespace stele {

namespace {

using Type = RespReply::Type;

void print(const RespReply& reply, std::string& out, std::size_t indent);

std::string_view name_of_empty(Type type) {
  switch (type) {
    case Type::map:
      return "(empty hash)";
    case Type::set:
      return "(empty set)";
    case Type::push:
      return "(empty push)";
    default:
      return "(empty array)";
  }
}

char mark_of(Type type) {
  switch (type) {
    case Type::map:
      return '#';
    case Type::set:
      return '~';
    case Type::push:
      return '>';
    default:
      return ')';
  }
}

// Each element has a line that starts with its number; what is nested is indented by the width of that.
void print_elements(const RespReply& reply, std::string& out, std::size_t indent) {
  const std::size_t stride = reply.type == Type::map ? 2 : 1;
  const std::size_t count = reply.elements.size() / stride;
  const std::size_t digits = std::to_string(count).size();
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += '\n' + std::string(indent, ' ');
    out += fmt::format("{:>{}}{} ", i + 1, digits, mark_of(reply.type));
    print(reply.elements[i * stride], out, indent + digits + 2);
    if (stride == 2) {
      out += " => ";
      print(reply.elements[i * stride + 1], out, indent + digits + 2);
    }
  }
}

void print_attributes(const RespReply& reply, std::string& out, std::size_t indent) {
  RespReply pairs;
  pairs.type = Type::map;
  pairs.elements = reply.attributes;
  out += "(attributes) ";
  print(pairs, out, indent + std::string_view("(attributes) ").size());
  out += '\n' + std::string(indent, ' ');
}

void print(const RespReply& reply, std::string& out, std::size_t indent) {
  if (!reply.attributes.empty()) print_attributes(reply, out, indent);
  switch (reply.type) {
    case Type::simple:
    case Type::big_number:
    case Type::verbatim:
      out += reply.text;
      return;
    case Type::error:
      out += "(error) " + reply.text;
      return;
    case Type::integer:
      out += fmt::format("(integer) {}", reply.integer);
      return;
    case Type::bulk:
      out += quote(reply.text);
      return;
    case Type::null:
    case Type::null_array:
      out += "(nil)";
      return;
    case Type::boolean:
      out += reply.integer != 0 ? "(true)" : "(false)";
      return;
    case Type::real:
      out += "(double) " + format_double(reply.real);
      return;
    case Type::array:
    case Type::map:
    case Type::set:
    case Type::push:
      if (reply.elements.empty()) {
        out += name_of_empty(reply.type);
      } else {
        print_elements(reply, out, indent);
      }
      return;
  }
}

}  // namespace

bool RespReply::operator==(const RespReply& other) const {
  const bool same_real = real == other.real || (std::isnan(real) && std::isnan(other.real));
  return type == other.type && integer == other.integer && same_real && text == other.text && format == other.format &&
         elements == other.elements && attributes == other.attributes;
}

std::string RespReply::to_string() const {
  std::string out;
  print(*this, out, 0);
  return out;
}

std::string quote(std::string_view bytes) {
  std::string out = "\"";
  for (const char c : bytes) {
    switch (c) {
      case '\\':
      case '"':
        out += '\\';
        out += c;
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\a':
        out += "\\a";
        break;
      case '\b':
        out += "\\b";
        break;
      default:
        if (c >= ' ' && c <= '~') {
          out += c;
        } else {
          out += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        }
    }
  }
  out += '"';
  return out;
}

}  // namespace stele
