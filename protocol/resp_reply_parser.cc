#include "protocol/resp_reply_parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "protocol/resp_integer.h"

namespace stele {

namespace {

using Type = RespReply::Type;

std::optional<double> parse_real(std::string_view text) {
  if (text == "inf" || text == "+inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  if (text == "nan" || text == "-nan") return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool is_big_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

ReplyParser::Outcome ReplyParser::parse(std::string_view input) {
  consumed_ = 0;
  wanted_ = 0;
  have_reply_ = false;
  while (!have_reply_) {
    const Step step = payload_bytes_ ? read_payload(input) : read_one(input);
    if (step == Step::need_more) return Outcome::need_more;
    if (step == Step::error) return Outcome::error;
  }
  consumed_ = position_;
  reset();
  return Outcome::reply;
}

// Reads one line, and with it a whole scalar, the start of an aggregate, or the length of a payload.
ReplyParser::Step ReplyParser::read_one(std::string_view input) {
  scanned_ = std::min(input.find('\r', scanned_), input.size());
  if (scanned_ - position_ > limits_.line_bytes_max) {
    return fail(fmt::format("line of more than {} bytes", limits_.line_bytes_max));
  }
  if (scanned_ + 2 > input.size()) return Step::need_more;
  if (input[scanned_ + 1] != '\n') return fail("CR without LF");

  const std::string_view line = input.substr(position_, scanned_ - position_);
  if (line.empty()) return fail("empty line where a reply should start");
  position_ = scanned_ += 2;
  return read_line_reply(line.front(), line.substr(1));
}

ReplyParser::Step ReplyParser::read_line_reply(char type, std::string_view text) {
  RespReply value;
  switch (type) {
    case '+':
      value.type = Type::simple;
      value.text = text;
      break;
    case '-':
      value.type = Type::error;
      value.text = text;
      break;
    case '(':
      if (!is_big_number(text)) return fail(fmt::format("big number {}", quote(text)));
      value.type = Type::big_number;
      value.text = text;
      break;
    case ',': {
      const std::optional<double> real = parse_real(text);
      if (!real) return fail(fmt::format("double {}", quote(text)));
      value.type = Type::real;
      value.real = *real;
      break;
    }
    case '#':
      if (text != "t" && text != "f") return fail(fmt::format("boolean {}", quote(text)));
      value.type = Type::boolean;
      value.integer = text == "t" ? 1 : 0;
      break;
    case '_':
      if (!text.empty()) return fail(fmt::format("null {}", quote(text)));
      break;
    case ':':
    case '$':
    case '!':
    case '=':
    case '*':
    case '~':
    case '>':
    case '%':
    case '|': {
      const std::optional<std::int64_t> n = parse_integer(text);
      if (!n) return fail(fmt::format("number {} after '{}'", quote(text), type));
      if (type == ':') {
        value.type = Type::integer;
        value.integer = *n;
        break;
      }
      if (*n == -1 && (type == '$' || type == '*')) {
        value.type = type == '$' ? Type::null : Type::null_array;
        break;
      }
      if (*n < 0) return fail(fmt::format("length {} after '{}'", *n, type));
      const std::uint64_t length = static_cast<std::uint64_t>(*n);
      if (type == '*') return begin_aggregate(Type::array, length, false);
      if (type == '~') return begin_aggregate(Type::set, length, false);
      if (type == '>') return begin_aggregate(Type::push, length, false);
      if (type == '%') return begin_aggregate(Type::map, 2 * length, false);
      if (type == '|') return begin_aggregate(Type::map, 2 * length, true);

      if (length > limits_.bulk_bytes_max) return fail(fmt::format("payload of {} bytes", length));
      payload_bytes_ = length;
      payload_type_ = type;
      return Step::done;
    }
    default:
      return fail(fmt::format("reply of unknown type {}", quote({&type, 1})));
  }
  complete(std::move(value));
  return Step::done;
}

ReplyParser::Step ReplyParser::read_payload(std::string_view input) {
  const std::size_t bytes = *payload_bytes_;
  const std::size_t arrived = input.size() - position_;
  if (arrived < bytes + 2) {
    wanted_ = bytes + 2 - arrived;
    return Step::need_more;
  }
  std::string_view payload = input.substr(position_, bytes);
  if (input.substr(position_ + bytes, 2) != "\r\n") return fail("payload not followed by CR LF");

  RespReply value;
  value.type = payload_type_ == '!' ? Type::error : Type::bulk;
  if (payload_type_ == '=') {
    if (bytes < 4 || payload[3] != ':') return fail("verbatim string without a format");
    value.type = Type::verbatim;
    value.format = payload.substr(0, 3);
    payload.remove_prefix(4);
  }
  value.text = payload;
  position_ = scanned_ = position_ + bytes + 2;
  payload_bytes_.reset();
  complete(std::move(value));
  return Step::done;
}

ReplyParser::Step ReplyParser::begin_aggregate(Type type, std::uint64_t elements, bool is_attribute) {
  if (open_.size() >= limits_.depth_max) return fail(fmt::format("more than {} levels", limits_.depth_max));
  Open open;
  open.aggregate.type = type;
  open.missing = elements;
  open.is_attribute = is_attribute;
  open_.push_back(std::move(open));
  if (elements == 0) {
    RespReply value = std::move(open_.back().aggregate);
    open_.pop_back();
    if (!is_attribute) complete(std::move(value));  // no attributes are as good as none
  }
  return Step::done;
}

/// Puts a value where it belongs, and with it every aggregate that is complete by it.
void ReplyParser::complete(RespReply value) {
  while (true) {
    std::vector<RespReply>& attributes = open_.empty() ? attributes_ : open_.back().attributes;
    value.attributes = std::move(attributes);
    attributes.clear();
    if (open_.empty()) {
      reply_ = std::move(value);
      have_reply_ = true;
      return;
    }

    Open& parent = open_.back();
    parent.aggregate.elements.push_back(std::move(value));
    if (--parent.missing > 0) return;

    Open closed = std::move(parent);
    open_.pop_back();
    if (closed.is_attribute) {
      (open_.empty() ? attributes_ : open_.back().attributes) = std::move(closed.aggregate.elements);
      return;
    }
    value = std::move(closed.aggregate);
  }
}

ReplyParser::Step ReplyParser::fail(std::string text) {
  error_ = fmt::format("malformed reply at byte {}: {}", position_, text);
  reset();
  return Step::error;
}

void ReplyParser::reset() {
  position_ = 0;
  scanned_ = 0;
  payload_bytes_.reset();
  open_.clear();
  attributes_.clear();
}

}  // namespace stele
