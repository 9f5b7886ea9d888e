#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stele {

/// What a peer may announce. Those of Redis 7.0.
struct ParserLimits {
  std::size_t bulk_bytes_max = std::size_t{512} << 20;                            // proto-max-bulk-len
  std::int64_t multibulk_count_max = std::numeric_limits<std::int32_t>::max();
  std::size_t inline_bytes_max = std::size_t{64} << 10;                           // inline commands, length lines
  bool authenticated = true;  // until then at most kUnauthenticatedCountMax arguments of kUnauthenticatedBulkBytesMax
};

inline constexpr std::int64_t kUnauthenticatedCountMax = 10;
inline constexpr std::size_t kUnauthenticatedBulkBytesMax = 16384;
/// From here on Redis makes an argument of the query buffer instead of copying it there.
inline constexpr std::size_t kLargePayloadBytes = 32 * 1024;

/// Cuts one command after the other out of what a peer sends, by the rules of Redis 7.0:
///
///     request  =  "*" count line end, then `count` times "$" bytes line end, payload, 2 bytes
///              |  anything else up to LF, split by split_args(); a CR before the LF is dropped
///
///     count <= 0, blank line    an empty command: consumed, nothing to run, no reply
///     line end                  CR and one more byte, which need not be LF; nor are the 2 bytes behind a payload
///                               looked at. Such a command has no raw().
///     NUL in a line             hides the line's end, so that the line grows until it is too long
///
/// An announced length is a claim: nothing is allocated for it. Memory is two words an argument that has arrived.
class RespParser {
 public:
  enum class Outcome {
    command,    // args() and raw() are set; drop consumed() bytes, then call again with the rest
    need_more,  // call again with the same bytes and more of them behind
    error,      // reply error() and close: there is no telling where the next command starts
  };

  explicit RespParser(ParserLimits limits = {}) : limits_(limits) {}

  /// Parses the command that starts at input[0]. On need_more the next call goes on where this one stopped, so it
  /// costs the new bytes only; `input` may have moved to another address meanwhile.
  Outcome parse(std::string_view input);

  /// The command's arguments, valid until the next parse(). They point into `input`, those of an inline command into
  /// the parser.
  std::span<const std::string_view> args() const { return args_; }

  /// The command's bytes in `input` if they are exactly what append_command(args()) would write, fit to be passed on
  /// as they are. Empty otherwise: inline commands, empty commands, line ends other than CR LF.
  std::string_view raw() const { return raw_; }

  /// Bytes of `input` that the command took. 0 unless the outcome was `command`.
  std::size_t consumed() const { return consumed_; }

  /// Whether the command came as a line rather than an array. A primary never sends its replicas such.
  bool is_inline() const { return is_inline_; }

  /// Redis' text without the leading "ERR ": "Protocol error: invalid bulk length".
  std::string_view error() const { return error_; }

  /// After need_more inside a payload: the bytes still missing from it. 0 elsewhere, where it is not known. A hint
  /// for the size of the next read, to be capped: the peer has only announced them.
  std::size_t wanted() const { return wanted_; }

  /// Bytes in front of the large payload that is half read, which are parsed already; 0 elsewhere.
  std::size_t parsed() const { return state_ == State::payload && bulk_bytes_ >= kLargePayloadBytes ? position_ : 0; }

  /// Forgets a command that is half read.
  void reset();

  /// Between commands: gives back what a command of very many arguments took. args() are gone then.
  void give_back();
  /// What is allocated for arguments.
  std::size_t allocated_bytes() const {
    return args_.capacity() * sizeof args_[0] + pieces_.capacity() * sizeof pieces_[0];
  }

  const ParserLimits& limits() const { return limits_; }
  /// Counts from the next length on, in the middle of a command too.
  void set_limits(const ParserLimits& limits) { limits_ = limits; }
  void set_authenticated(bool authenticated) { limits_.authenticated = authenticated; }

 private:
  //             "*"            count > 0                length
  //      start ─────► count ──────────────► bulk_line ─────────────► payload
  //        │            │ count <= 0            ▲      payload whole    │
  //        │ other      │                       └───────────────────────┤ the last one
  //        ▼            ▼                                               ▼
  //   inline_line ──► command                                        command
  enum class State { start, inline_line, count, bulk_line, payload };

  struct Piece {
    std::size_t begin;  // from the start of the command
    std::size_t bytes;
  };
  struct Line {
    bool complete;
    std::size_t begin;
    std::size_t end;  // of the text, without its line end
  };

  bool parse_whole(std::string_view input);
  Outcome parse_slowly(std::string_view input);
  Outcome parse_inline(std::string_view input);
  Outcome parse_array(std::string_view input);
  Outcome read_count(std::string_view input);
  Outcome read_bulk_line(std::string_view input);
  Outcome read_payload(std::string_view input);
  Line find_line(std::string_view input, char end);
  bool too_long(std::string_view input, const Line& line) const;

  Outcome finish(std::string_view input);
  Outcome fail(std::string_view text);
  void release_excess();

  ParserLimits limits_;

  // The last outcome.
  std::vector<std::string_view> args_;
  std::string_view raw_;
  std::size_t consumed_ = 0;
  std::size_t wanted_ = 0;
  bool is_inline_ = false;
  std::string error_;
  std::vector<std::string> inline_args_;

  // The command that is half read. Positions count from its start.
  State state_ = State::start;
  std::size_t position_ = 0;  // all before it is parsed
  std::size_t scanned_ = 0;   // no line end lies in [position_, scanned_)
  std::int64_t bulks_left_ = 0;
  std::size_t bulk_bytes_ = 0;
  bool canonical_ = true;  // each line and payload so far ended in CR LF
  std::vector<Piece> pieces_;
};

}  // namespace stele
