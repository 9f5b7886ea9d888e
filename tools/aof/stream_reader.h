#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/rdb/aof_reader.h"
#include "persistence/segment.h"
#include "protocol/resp_parser.h"
#include "tools/aof/aof_source.h"
#include "tools/common/progress.h"

namespace stele::tools {

/// A command where it stands.
struct StreamCommand {
  const AofFile* file = nullptr;
  std::uint64_t position = 0;       // of its first byte in the file
  std::uint64_t unit_position = 0;  // of the MULTI of the transaction that it is in; else `position`
  std::uint64_t offset = 0;         // of a segment: in the stream; of a stock file: bytes of all files before
  std::optional<UnixTime> time;     // of its frame, or of the last #TS line before it
  int db = 0;                       // that it works on
  bool in_transaction = false;      // MULTI, EXEC, and what stands between them
  bool begins_frame = false;
  std::span<const std::string_view> args;
  std::string_view raw;
};

/// Goes through one file, a command or a frame at a time:
///
///     next() ──► command ──► next() ...
///        ├─────► end    all of it was whole; more may come in a file that grows
///        ├─────► torn   what stands at position() is without its end, as a crash leaves it, and nothing says that more was there
///        └─────► bad    what stands at position() is damaged; problem() says how
///
/// The views of a command are valid until the next call.
class FileReader {
 public:
  enum class Step { command, end, torn, bad };

  /// `last`: no file follows, so that it may end anywhere. `time` goes on from the file before.
  static Result<std::unique_ptr<FileReader>> open(const AofFile& file, std::uint64_t commands_at, bool last,
                                                  std::optional<UnixTime> time);

  Result<Step> next();
  /// Of a segment: the next frame as a whole. `frame()` and `payload()` are it.
  Result<Step> next_frame();

  const AofFile& file() const { return file_; }
  const File& bytes() const { return open_; }
  const StreamCommand& command() const { return command_; }
  const FrameLine& frame() const { return frames_->line(); }
  std::string_view payload() const { return frames_->payload(); }
  std::uint64_t frame_position() const { return frames_->frame_position(); }
  /// Of a segment: behind the last whole frame or mark.
  const FramePlace& place() const { return frames_->place(); }
  const std::optional<Mark>& mark() const { return frames_->mark(); }
  bool closed() const;

  std::uint64_t position() const;
  const std::string& problem() const { return problem_; }
  bool is_segment() const { return frames_.has_value(); }
  /// A transaction has begun and not ended.
  bool in_transaction() const { return multi_at_.has_value(); }
  std::uint64_t transaction_position() const { return *multi_at_; }
  /// Of a stock file: what next() passed on its way; the last #TS line.
  std::optional<UnixTime> time() const { return command_.time; }
  std::uint64_t timestamps() const { return timestamps_; }
  bool times_go_back() const { return times_go_back_; }

 private:
  FileReader(const AofFile& file, File open) : file_(file), open_(std::move(open)) {}

  Result<Step> next_of_stock();
  Result<Step> next_of_frame();
  Result<Step> judge_bad_frame();
  void take(std::span<const std::string_view> args, std::string_view raw, std::uint64_t position);
  Step bad(std::string what) {
    problem_ = std::move(what);
    return Step::bad;
  }

  const AofFile file_;
  File open_;
  bool last_ = true;
  std::optional<AofScanner> scanner_;    // of a stock file
  std::optional<FrameScanner> frames_;   // of a segment
  std::string_view rest_;                // of the frame
  std::uint64_t size_ = 0;
  RespParser parser_{ParserLimits{.bulk_bytes_max = std::size_t{4} << 30, .authenticated = true}};
  StreamCommand command_;
  int db_ = 0;
  bool ends_transaction_ = false;
  std::optional<std::uint64_t> multi_at_;
  std::uint64_t timestamps_ = 0;
  bool times_go_back_ = false;
  std::string problem_;
};

/// The frame from `place` on that cannot be read: torn, or damage that something behind it vouches for. The words say which.
struct BadFrame {
  bool torn = false;
  std::string what;
};
Result<BadFrame> judge_bad_frame(const File& file, const FramePlace& place, std::uint64_t size, const SegmentHeader& header, bool last);

struct StreamOptions {
  bool with_history = false;  // begins with what the base has replaced
  bool quiet = false;         // no progress
  bool prints = false;        // to the terminal that the progress would go to
  std::string label = "reading";
};

/// Goes through all files of a source; what is damaged is an error with file, position and offset. A torn end ends it.
class StreamReader {
 public:
  StreamReader(const AofSource& source, StreamOptions options);
  ~StreamReader();

  /// False at the end.
  Result<bool> next() { return advance(false); }
  /// Of segments: whole frames; of stock files: commands.
  Result<bool> next_frame() { return advance(true); }

  const StreamCommand& command() const { return reader_->command(); }
  FileReader& reader() { return *reader_; }
  std::size_t file_index() const { return index_; }
  /// What a crash has left at the end, in words; empty if there is nothing of that kind.
  const std::string& torn() const { return torn_; }
  bool has_times() const { return has_times_; }

  void finish() { progress_.finish(); }

 private:
  Result<bool> advance(bool frames);
  Result<bool> open_next();

  const AofSource& source_;
  const StreamOptions options_;
  std::unique_ptr<FileReader> reader_;
  std::size_t index_ = 0;
  std::size_t next_index_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t next_report_ = 0;
  std::optional<FramePlace> end_of_segment_;  // of the one before
  std::string torn_;
  bool has_times_ = false;
  Progress progress_;
};

/// Memory for what is read of the file, as it counts it: a position in it, in words for people.
std::string at_position(const AofFile& file, std::uint64_t position);

}  // namespace stele::tools
