#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "persistence/file.h"
#include "protocol/resp_parser.h"

namespace stele {

/// Walks over a plain append-only file (../formats: AOF), from a place on, one command or annotation after the other:
///
///     next() ──► command, annotation ──► next() ...
///        ├─────► end    whole up to the end of the file, or up to a cut annotation, which servers take for a whole one
///        ├─────► torn   the file ends within what stands at position(); there may be more later on
///        └─────► bad    what stands at position() is neither; problem() says why
///
/// MULTI and EXEC are commands like others. Memory: the longest command. The file must outlive it.
class AofScanner {
 public:
  enum class Step { command, annotation, end, torn, bad };

  AofScanner(const File& file, std::uint64_t position) : file_(&file), begin_(position) {}

  /// The file may grow between calls: what was torn is looked at again. What the functions below return is valid until then.
  Result<Step> next();

  /// Of what the last next() has found, and how long that is: 0 for end, torn and bad.
  std::uint64_t position() const { return begin_ + at_; }
  std::uint64_t bytes() const { return taken_; }
  std::span<const std::string_view> args() const { return parser_.args(); }
  std::string_view raw() const { return std::string_view(buffer_).substr(at_, taken_); }
  const std::string& problem() const { return problem_; }
  /// Of the file, as of the last look.
  std::uint64_t total() const { return total_; }

 private:
  Step found(Step step, std::size_t bytes) {
    taken_ = bytes;
    return step;
  }
  Step bad(std::string_view what) {
    problem_ = what;
    return Step::bad;
  }
  Status fill();
  Step at_end();
  std::uint64_t left_to_read() const { return total_ - std::min<std::uint64_t>(total_, begin_ + buffer_.size()); }

  const File* file_;
  std::uint64_t total_ = 0;
  std::uint64_t begin_;  // of buffer_ in the file
  std::string buffer_;
  std::size_t at_ = 0;
  std::size_t taken_ = 0;
  std::string problem_;
  RespParser parser_{ParserLimits{.bulk_bytes_max = std::size_t{4} << 30, .authenticated = true}};
};

struct AofReadOptions {
  std::uint64_t position = 0;  // of the first command
  /// Reading ends with the last whole transaction or command that begins before here.
  std::uint64_t end = ~std::uint64_t{0};
  /// What a crash has cut off at the end, half a command or a transaction without EXEC, is left out with a warning; otherwise
  /// it is an error.
  bool may_be_truncated = false;
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;
};

/// Hands out the commands of a plain append-only file (../formats: AOF), those of a transaction once its EXEC is there; lines
/// that begin with '#' are skipped. `corrupt`, with file and position, for what is no command and for what `run` refuses.
Status read_aof(const File& file, const AofReadOptions& options,
                const std::function<Status(std::span<const std::string_view>)>& run);

}  // namespace stele
