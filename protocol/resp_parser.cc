// Requests. Nearly all of them are short and arrive whole: parse_whole() reads those in one pass without touching any
// state, and gives up on everything else, however slightly unusual. Then parse_slowly() starts over, with the state
// that lets it go on when more bytes have come. Only the slow path decides what is an error.

#include "protocol/resp_parser.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "protocol/resp_integer.h"
#include "protocol/resp_split_args.h"

namespace stele {

namespace {

// A parser that has seen a command of more arguments gives the memory back.
constexpr std::size_t kArgsKept = 4096;

// The fast path takes counts of at most two digits, and checks the limit of lengths only from the fourth digit on.
constexpr std::int64_t kFastCountMax = 99;
constexpr std::size_t kFastBulkBytesMax = 999;
constexpr std::size_t kFastBulkBytesCap = std::size_t{1} << 30;  // above, the sums of parse_whole() could overflow
constexpr std::size_t kFastCountBytes = 5;  // *12CRLF: once so many are there, the line can be read unchecked
constexpr std::size_t kFastBulkBytes = 6;   // $123CRLF, and the shortest bulk, $0CRLFCRLF, is no shorter

bool is_crlf(const char* p) { return std::memcmp(p, "\r\n", 2) == 0; }
unsigned digit(char c) { return static_cast<unsigned char>(c) - unsigned{'0'}; }

}  // namespace

RespParser::Outcome RespParser::parse(std::string_view input) {
  if (state_ == State::start) {
    if (parse_whole(input)) return Outcome::command;
    release_excess();
  }
  raw_ = {};
  consumed_ = 0;
  wanted_ = 0;
  args_.clear();
  return parse_slowly(input);
}

bool RespParser::parse_whole(std::string_view input) {
  const char* p = input.data();
  const char* const end = p + input.size();
  if (input.size() < kFastCountBytes || p[0] != '*' || !limits_.authenticated) return false;
  if (limits_.multibulk_count_max < kFastCountMax || limits_.bulk_bytes_max < kFastBulkBytesMax) return false;

  std::size_t count = digit(p[1]);
  if (count - 1 > 8) return false;
  p += 2;
  if (const unsigned second = digit(*p); second <= 9) {
    count = count * 10 + second;
    ++p;
  }
  if (!is_crlf(p)) return false;
  p += 2;

  if (args_.size() != count) {
    release_excess();
    args_.resize(count);
  }
  for (std::string_view& arg : args_) {
    if (end - p < static_cast<std::ptrdiff_t>(kFastBulkBytes) || p[0] != '$') return false;

    std::size_t bytes = digit(p[1]);
    if (bytes > 9) return false;
    p += 2;
    if (const unsigned second = digit(p[0]); second <= 9) {
      if (bytes == 0) return false;  // a leading zero
      bytes = bytes * 10 + second;
      ++p;
      if (const unsigned third = digit(p[0]); third <= 9) {
        bytes = bytes * 10 + third;
        ++p;
        for (; end - p >= 3 && digit(p[0]) <= 9; ++p) {
          bytes = bytes * 10 + digit(p[0]);
          if (bytes > kFastBulkBytesCap || bytes > limits_.bulk_bytes_max) return false;
        }
        if (end - p < 2) return false;
      }
    }
    if (!is_crlf(p)) return false;
    p += 2;

    if (static_cast<std::size_t>(end - p) < bytes + 2 || !is_crlf(p + bytes)) return false;
    arg = {p, bytes};
    p += bytes + 2;
  }

  consumed_ = static_cast<std::size_t>(p - input.data());
  raw_ = input.substr(0, consumed_);
  wanted_ = 0;
  is_inline_ = false;
  return true;
}

RespParser::Outcome RespParser::parse_slowly(std::string_view input) {
  if (state_ == State::start) {
    reset();
    if (input.empty()) return Outcome::need_more;
    is_inline_ = input.front() != '*';
    state_ = is_inline_ ? State::inline_line : State::count;
  }
  return is_inline_ ? parse_inline(input) : parse_array(input);
}

RespParser::Outcome RespParser::parse_inline(std::string_view input) {
  const Line line = find_line(input, '\n');
  if (too_long(input, line)) return fail("Protocol error: too big inline request");
  if (!line.complete) return Outcome::need_more;

  std::string_view text = input.substr(0, line.end);
  if (text.ends_with('\r')) text.remove_suffix(1);
  std::optional<std::vector<std::string>> args = split_args(text);
  if (!args) return fail("Protocol error: unbalanced quotes in request");

  inline_args_ = std::move(*args);
  args_.assign(inline_args_.begin(), inline_args_.end());
  consumed_ = line.end + 1;
  state_ = State::start;
  return Outcome::command;
}

RespParser::Outcome RespParser::parse_array(std::string_view input) {
  if (state_ == State::count) {
    if (const Outcome outcome = read_count(input); outcome != Outcome::command) return outcome;
  }
  while (bulks_left_ > 0) {
    if (state_ == State::bulk_line) {
      if (const Outcome outcome = read_bulk_line(input); outcome != Outcome::command) return outcome;
    }
    if (const Outcome outcome = read_payload(input); outcome != Outcome::command) return outcome;
  }
  return finish(input);
}

// The steps of parse_array() return `command` for "done, go on".

RespParser::Outcome RespParser::read_count(std::string_view input) {
  const Line line = find_line(input, '\r');
  if (too_long(input, line)) return fail("Protocol error: too big mbulk count string");
  if (!line.complete || line.end + 2 > input.size()) return Outcome::need_more;

  const std::optional<std::int64_t> count = parse_integer(input.substr(1, line.end - 1));
  if (!count || *count > limits_.multibulk_count_max) return fail("Protocol error: invalid multibulk length");
  if (*count > kUnauthenticatedCountMax && !limits_.authenticated) {
    return fail("Protocol error: unauthenticated multibulk length");
  }

  canonical_ = is_crlf(input.data() + line.end);
  bulks_left_ = *count > 0 ? *count : 0;
  position_ = scanned_ = line.end + 2;
  state_ = State::bulk_line;
  return Outcome::command;
}

RespParser::Outcome RespParser::read_bulk_line(std::string_view input) {
  const Line line = find_line(input, '\r');
  if (too_long(input, line)) return fail("Protocol error: too big bulk count string");
  if (!line.complete || line.end + 2 > input.size()) return Outcome::need_more;

  if (const char type = input[line.begin]; type != '$') {
    // The text is one line, so a line end is shown as a space.
    return fail(fmt::format("Protocol error: expected '$', got '{}'", type == '\r' || type == '\n' ? ' ' : type));
  }
  const std::optional<std::int64_t> bytes = parse_integer(input.substr(line.begin + 1, line.end - line.begin - 1));
  if (!bytes || *bytes < 0 || static_cast<std::uint64_t>(*bytes) > limits_.bulk_bytes_max) {
    return fail("Protocol error: invalid bulk length");
  }
  if (static_cast<std::uint64_t>(*bytes) > kUnauthenticatedBulkBytesMax && !limits_.authenticated) {
    return fail("Protocol error: unauthenticated bulk length");
  }

  canonical_ &= is_crlf(input.data() + line.end);
  bulk_bytes_ = static_cast<std::size_t>(*bytes);
  position_ = scanned_ = line.end + 2;
  state_ = State::payload;
  return Outcome::command;
}

RespParser::Outcome RespParser::read_payload(std::string_view input) {
  const std::size_t arrived = input.size() - position_;
  if (arrived < 2 || arrived - 2 < bulk_bytes_) {
    wanted_ = bulk_bytes_ - arrived + 2;  // unsigned, so the order of the terms does not matter
    return Outcome::need_more;
  }

  canonical_ &= is_crlf(input.data() + position_ + bulk_bytes_);
  pieces_.push_back({.begin = position_, .bytes = bulk_bytes_});
  position_ += bulk_bytes_ + 2;
  scanned_ = position_;
  --bulks_left_;
  state_ = State::bulk_line;
  return Outcome::command;
}

RespParser::Line RespParser::find_line(std::string_view input, char end) {
  const std::size_t last = std::min(input.size(), position_ + limits_.inline_bytes_max + 1);
  while (scanned_ < last && input[scanned_] != end && input[scanned_] != '\0') ++scanned_;
  return {.complete = scanned_ < last && input[scanned_] == end, .begin = position_, .end = scanned_};
}

// A line counts as too long once that many bytes have come without its end, however the reads were cut.
bool RespParser::too_long(std::string_view input, const Line& line) const {
  return !line.complete && input.size() - line.begin > limits_.inline_bytes_max;
}

RespParser::Outcome RespParser::finish(std::string_view input) {
  for (const Piece& piece : pieces_) args_.push_back(input.substr(piece.begin, piece.bytes));
  consumed_ = position_;
  if (canonical_ && !pieces_.empty()) raw_ = input.substr(0, position_);
  state_ = State::start;
  return Outcome::command;
}

RespParser::Outcome RespParser::fail(std::string_view text) {
  error_ = text;
  state_ = State::start;
  return Outcome::error;
}

void RespParser::release_excess() {
  // Assigning {} would assign no elements, and keep the capacity.
  if (args_.capacity() > kArgsKept) decltype(args_)().swap(args_);
  if (pieces_.capacity() > kArgsKept) decltype(pieces_)().swap(pieces_);
}

void RespParser::give_back() {
  if (state_ != State::start || allocated_bytes() <= kArgsKept * (sizeof args_[0] + sizeof pieces_[0])) return;
  raw_ = {};
  release_excess();
}

void RespParser::reset() {
  state_ = State::start;
  position_ = 0;
  scanned_ = 0;
  bulks_left_ = 0;
  bulk_bytes_ = 0;
  canonical_ = true;
  pieces_.clear();
}

}  // namespace stele
