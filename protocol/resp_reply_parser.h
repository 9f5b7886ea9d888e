#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_reply.h"

namespace stele {

struct ReplyLimits {
  std::size_t depth_max = 128;  // aggregates within aggregates, attributes included
  std::size_t bulk_bytes_max = std::size_t{1} << 40;
  std::size_t line_bytes_max = std::size_t{1} << 20;  // simple strings, errors, numbers
};

/// Reads replies, RESP2 and RESP3 alike, as they arrive. Streamed strings and aggregates ("$?") are refused; no server
/// sends them.
///
/// Pushes come out as replies of their own, in their place in the stream: the caller tells them by their type. An
/// announced length is a claim, and memory grows with the bytes that came: one node for each 3 bytes at worst.
class ReplyParser {
 public:
  enum class Outcome {
    reply,      // take() it; drop consumed() bytes, then call again with the rest
    need_more,  // call again with the same bytes and more of them behind
    error,      // error() says what is wrong; the stream cannot be read on
  };

  explicit ReplyParser(ReplyLimits limits = {}) : limits_(limits) {}

  /// Parses the reply that starts at input[0]. On need_more the next call goes on where this one stopped; `input` may
  /// have moved to another address meanwhile.
  Outcome parse(std::string_view input);

  /// The reply, once after each `reply`.
  RespReply take() { return std::move(reply_); }
  /// Bytes of `input` that the reply took. 0 unless the outcome was `reply`.
  std::size_t consumed() const { return consumed_; }
  const std::string& error() const { return error_; }

  /// After need_more inside a payload: the bytes still missing from it. 0 elsewhere.
  std::size_t wanted() const { return wanted_; }

  void reset();

 private:
  enum class Step { done, need_more, error };

  /// An aggregate that is not complete, or attributes on their way to the reply they describe.
  struct Open {
    RespReply aggregate;
    std::uint64_t missing = 0;  // elements still to come
    bool is_attribute = false;
    std::vector<RespReply> attributes;  // for the next element
  };

  Step read_one(std::string_view input);
  Step read_line_reply(char type, std::string_view text);
  Step read_payload(std::string_view input);
  Step begin_aggregate(RespReply::Type type, std::uint64_t elements, bool is_attribute);
  void complete(RespReply value);
  Step fail(std::string text);

  ReplyLimits limits_;

  RespReply reply_;
  bool have_reply_ = false;
  std::size_t consumed_ = 0;
  std::size_t wanted_ = 0;
  std::string error_;

  // The reply that is half read. Positions count from its start.
  std::size_t position_ = 0;                  // all before it is in `open_`
  std::size_t scanned_ = 0;                   // no CR lies in [position_, scanned_)
  std::optional<std::size_t> payload_bytes_;  // known once the line before a payload was read
  char payload_type_ = 0;
  std::vector<Open> open_;                    // outermost first
  std::vector<RespReply> attributes_;         // for the outermost reply
};

}  // namespace stele
