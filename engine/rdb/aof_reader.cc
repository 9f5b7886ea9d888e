#include "engine/rdb/aof_reader.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/resp_parser.h"
#include "protocol/resp_text.h"

namespace stele {

namespace {

constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::uint64_t kProgressBytes = 4 << 20;
constexpr std::size_t kLineBytesMax = 1023;  // of an annotation, as stock servers read it

class Reader {
 public:
  using Run = std::function<Status(std::span<const std::string_view>)>;

  Reader(const File& file, const AofReadOptions& options, const Run& run)
      : file_(file), options_(options), run_(run), begin_(options.position) {}

  Status read() {
    STELE_TRY(total_, file_.size());
    for (;;) {
      const std::string_view rest = std::string_view(buffer_).substr(at_);
      if (rest.empty() && left_to_read() == 0) break;
      if (rest.starts_with('#')) {
        const std::size_t end = rest.find('\n');
        if (std::min(end, rest.size()) >= kLineBytesMax) {
          return bad(fmt::format("a line that begins with # is longer than {} bytes", kLineBytesMax));
        }
        if (end != std::string_view::npos) {
          at_ += end + 1;
          continue;
        }
      } else if (!rest.empty()) {
        const RespParser::Outcome outcome = parser_.parse(rest);
        if (outcome == RespParser::Outcome::error) return bad(parser_.error());
        if (outcome == RespParser::Outcome::command) {
          if (parser_.is_inline()) return bad("this is no command in RESP");
          STELE_CHECK(take(parser_.args()));
          at_ += parser_.consumed();
          continue;
        }
      }
      if (left_to_read() == 0) break;
      STELE_CHECK(fill());
    }
    return at_end();
  }

 private:
  std::uint64_t position() const { return begin_ + at_; }
  std::uint64_t left_to_read() const { return total_ - std::min<std::uint64_t>(total_, begin_ + buffer_.size()); }

  /// As the messages of stock servers begin, which people and tools look for.
  Status failed(std::string_view what, std::string_view more) const {
    return Status::corrupt("{} reading the append only file {}: position {}{}; `redis-check-aof --fix` on a copy shows what can be kept",
                           what, file_.path().native(), position(), more);
  }
  Status bad(std::string_view what) const { return failed("Bad file format", fmt::format(": {}", what)); }

  Status fill() {
    buffer_.erase(0, at_);
    begin_ += at_;
    at_ = 0;
    const std::size_t had = buffer_.size();
    // A large payload in one go, but not more than the file has.
    const std::size_t wanted = std::min<std::uint64_t>(left_to_read(), std::max(kReadBytes, parser_.wanted()));
    buffer_.resize(had + wanted);
    STELE_TRY(const std::size_t got, file_.read_at(begin_ + had, buffer_.data() + had, wanted));
    buffer_.resize(had + got);
    if (got == 0) total_ = begin_ + had;  // it became shorter
    if (options_.on_progress && position() >= next_report_) {
      next_report_ = position() + kProgressBytes;
      options_.on_progress(position(), total_);
    }
    return Status();
  }

  Status take(std::span<const std::string_view> args) {
    if (args.empty()) return Status();
    if (equals_ignoring_case(args[0], "MULTI")) {
      if (multi_at_) return bad("MULTI in a transaction");
      multi_at_ = position();
      return Status();
    }
    if (equals_ignoring_case(args[0], "EXEC")) {
      // Without MULTI, it is an error of a command, and those are not looked at.
      for (const std::vector<std::string>& queued : queued_) {
        const std::vector<std::string_view> views(queued.begin(), queued.end());
        STELE_CHECK(run(views));
      }
      queued_.clear();
      multi_at_.reset();
      return Status();
    }
    if (!multi_at_) return run(args);
    queued_.emplace_back(args.begin(), args.end());
    return Status();
  }

  Status run(std::span<const std::string_view> args) {
    const Status status = run_(args);
    return status.ok() ? status : failed(status.message(), "");
  }

  Status at_end() {
    const std::string_view rest = std::string_view(buffer_).substr(at_);
    if (const std::size_t end = rest.find('\n'); end != std::string_view::npos && (end == 0 || rest[end - 1] != '\r')) {
      return bad("a line does not end with CR LF");
    }
    if (rest.starts_with('#')) at_ = buffer_.size();
    const std::uint64_t whole = multi_at_.value_or(position());
    if (whole == total_) return Status();
    if (!options_.may_be_truncated) {
      return failed("Unexpected end of file", fmt::format(": it ends within a {}", multi_at_ ? "transaction" : "command"));
    }
    spdlog::warn("{}: the last {} bytes are a {} without its end, as a crash leaves it: left out (aof-load-truncated)",
                 file_.path().native(), total_ - whole, multi_at_ ? "transaction" : "command");
    return Status();
  }

  const File& file_;
  const AofReadOptions& options_;
  const Run& run_;
  std::uint64_t total_ = 0;
  std::uint64_t begin_;  // of buffer_ in the file
  std::string buffer_;
  std::size_t at_ = 0;
  RespParser parser_{ParserLimits{.bulk_bytes_max = std::size_t{4} << 30, .authenticated = true}};
  std::optional<std::uint64_t> multi_at_;
  std::vector<std::vector<std::string>> queued_;
  std::uint64_t next_report_ = kProgressBytes;
};

}  // namespace

Status read_aof(const File& file, const AofReadOptions& options,
                const std::function<Status(std::span<const std::string_view>)>& run) {
  return Reader(file, options, run).read();
}

}  // namespace stele
