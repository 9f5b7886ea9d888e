#include "engine/rdb/aof_reader.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <vector>

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
      : file_(file), options_(options), run_(run), scanner_(file, options.position) {}

  Status read() {
    for (;;) {
      STELE_TRY(const AofScanner::Step step, scanner_.next());
      if (step == AofScanner::Step::bad) return bad(scanner_.problem());
      if (step == AofScanner::Step::end || step == AofScanner::Step::torn) return at_end(step);
      if (scanner_.position() >= options_.end) return Status();
      if (options_.on_progress && scanner_.position() >= next_report_) {
        next_report_ = scanner_.position() + kProgressBytes;
        options_.on_progress(scanner_.position(), scanner_.total());
      }
      if (step == AofScanner::Step::command) STELE_CHECK(take(scanner_.args()));
    }
  }

 private:
  /// As the messages of stock servers begin, which people and tools look for.
  Status failed(std::string_view what, std::string_view more) const {
    return Status::corrupt(
        "{} reading the append only file {}: position {}{}; `stele-aof check` says more, `redis-check-aof --fix` on a copy what can "
        "be kept",
        what, file_.path().native(), scanner_.position(), more);
  }
  Status bad(std::string_view what) const { return failed("Bad file format", fmt::format(": {}", what)); }

  Status take(std::span<const std::string_view> args) {
    if (args.empty()) return Status();
    if (equals_ignoring_case(args[0], "MULTI")) {
      if (multi_at_) return bad("MULTI in a transaction");
      multi_at_ = scanner_.position();
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

  Status at_end(AofScanner::Step step) {
    if (step == AofScanner::Step::end && !multi_at_) return Status();
    const std::uint64_t whole = multi_at_.value_or(scanner_.position());
    if (!options_.may_be_truncated) {
      return failed("Unexpected end of file", fmt::format(": it ends within a {}", multi_at_ ? "transaction" : "command"));
    }
    spdlog::warn("{}: the last {} bytes are a {} without its end, as a crash leaves it: left out (aof-load-truncated)",
                 file_.path().native(), scanner_.total() - whole, multi_at_ ? "transaction" : "command");
    return Status();
  }

  const File& file_;
  const AofReadOptions& options_;
  const Run& run_;
  AofScanner scanner_;
  std::optional<std::uint64_t> multi_at_;
  std::vector<std::vector<std::string>> queued_;
  std::uint64_t next_report_ = kProgressBytes;
};

}  // namespace

Result<AofScanner::Step> AofScanner::next() {
  at_ += std::exchange(taken_, 0);
  if (total_ <= begin_ + buffer_.size()) {
    STELE_TRY(total_, file_->size());
  }
  for (;;) {
    const std::string_view rest = std::string_view(buffer_).substr(at_);
    if (rest.empty() && left_to_read() == 0) return Step::end;
    if (rest.starts_with('#')) {
      const std::size_t end = rest.find('\n');
      if (std::min(end, rest.size()) >= kLineBytesMax) {
        return bad(fmt::format("a line that begins with # is longer than {} bytes", kLineBytesMax));
      }
      if (end != std::string_view::npos) return found(Step::annotation, end + 1);
    } else if (!rest.empty()) {
      const RespParser::Outcome outcome = parser_.parse(rest);
      if (outcome == RespParser::Outcome::error) return bad(parser_.error());
      if (outcome == RespParser::Outcome::command) {
        if (parser_.is_inline()) return bad("this is no command in RESP");
        return found(Step::command, parser_.consumed());
      }
    }
    if (left_to_read() == 0) return at_end();
    STELE_CHECK(fill());
  }
}

Status AofScanner::fill() {
  buffer_.erase(0, at_);
  begin_ += at_;
  at_ = 0;
  const std::size_t had = buffer_.size();
  // A large payload in one go, but not more than the file has.
  const std::size_t wanted = std::min<std::uint64_t>(left_to_read(), std::max(kReadBytes, parser_.wanted()));
  buffer_.resize(had + wanted);
  STELE_TRY(const std::size_t got, file_->read_at(begin_ + had, buffer_.data() + had, wanted));
  buffer_.resize(had + got);
  if (got == 0) total_ = begin_ + had;  // it became shorter
  return Status();
}

AofScanner::Step AofScanner::at_end() {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  if (const std::size_t end = rest.find('\n'); end != std::string_view::npos && (end == 0 || rest[end - 1] != '\r')) {
    return bad("a line does not end with CR LF");
  }
  if (rest.starts_with('#')) return Step::end;
  return Step::torn;
}

Status read_aof(const File& file, const AofReadOptions& options,
                const std::function<Status(std::span<const std::string_view>)>& run) {
  return Reader(file, options, run).read();
}

}  // namespace stele
