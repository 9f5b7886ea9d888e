#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/byte_buffer.h"
#include "persistence/file.h"
#include "persistence/frame.h"
#include "persistence/status.h"

namespace stele {

/// A place in a segment where a frame begins, and what has to be known to check that frame.
struct FramePlace {
  std::uint64_t position = 0;  // in the file
  Offset offset;
  Chain chain = 0;  // of the frame before
};

/// A file of frames. One thread at a time writes (the journal sees to it); any thread reads what is written.
class Segment {
 public:
  Segment(File file, std::uint64_t seq, SegmentHeader header)
      : file_(std::move(file)), seq_(seq), header_(std::move(header)), written_bytes_(header_.bytes) {}

  File& file() { return file_; }
  const File& file() const { return file_; }
  std::string name() const { return file_.path().filename().native(); }
  std::uint64_t seq() const { return seq_; }
  const SegmentHeader& header() const { return header_; }
  Offset first() const { return header_.first; }
  FramePlace begin() const { return {header_.bytes, header_.first, header_.chain}; }

  /// Bytes of the file that hold whole lines and frames; readers go no further.
  std::uint64_t written_bytes() const { return written_bytes_.load(std::memory_order_acquire); }
  void set_written_bytes(std::uint64_t bytes) { written_bytes_.store(bytes, std::memory_order_release); }

  /// True once nothing is added any more.
  bool sealed() const { return sealed_.load(std::memory_order_acquire); }
  void seal() { sealed_.store(true, std::memory_order_release); }

  /// Notes a frame's place now and then, so that reading can begin near an offset. Cheap when there is nothing to note.
  void note(const FramePlace& place) {
    if (place.position < next_note_) return;
    add_note(place);
  }
  /// The last noted place at or before `offset`, else begin().
  FramePlace place_before(Offset offset) const;

 private:
  void add_note(const FramePlace& place);

  File file_;
  const std::uint64_t seq_;
  const SegmentHeader header_;

  std::atomic<std::uint64_t> written_bytes_;
  std::atomic<bool> sealed_{false};

  std::uint64_t next_note_ = 0;  // writer only

  mutable std::mutex notes_mutex_;
  std::vector<FramePlace> notes_;  // guarded by notes_mutex_; rising offsets
};

/// Walks over a segment's frames from a place on and checks each.
///
///     next() ──► frame ──► next() ...
///        ├─────► end     everything up to the limit was whole; more may come when the limit grows
///        └─────► bad     the bytes at place() are neither a valid frame nor a valid mark; stays so
class FrameScanner {
 public:
  enum class Step { frame, end, bad };

  FrameScanner(const File& file, Chain mark_seed, FramePlace from) : file_(&file), mark_seed_(mark_seed), place_(from) {}

  /// `limit` is how far the file may be read. Frames are views into a buffer, valid until the next call.
  Result<Step> next(std::uint64_t limit);

  const FrameLine& line() const { return line_; }
  std::string_view payload() const { return payload_; }
  std::uint64_t frame_position() const { return frame_position_; }

  /// Behind the last valid frame or mark.
  const FramePlace& place() const { return place_; }
  /// The last valid mark passed, and whether it stands at place().
  const std::optional<Mark>& mark() const { return mark_; }
  bool mark_is_last() const { return mark_is_last_; }

 private:
  /// The next bytes of the file, at least `n` unless the limit comes first.
  Result<std::string_view> peek(std::uint64_t n, std::uint64_t limit);
  /// `before` bytes stand between place() and the line: a timestamp.
  Result<Step> take_frame(const FrameLine& line, std::size_t before, std::uint64_t limit);

  const File* file_;
  Chain mark_seed_;
  FramePlace place_;

  FrameLine line_;
  std::string_view payload_;
  std::uint64_t frame_position_ = 0;
  std::optional<Mark> mark_;
  bool mark_is_last_ = false;

  ByteBuffer buffer_;
  std::uint64_t buffer_position_ = 0;  // of the buffer's first byte in the file
};

/// Whether a valid mark beyond `offset` stands anywhere in [position, end): proof that the stream was on disk past it.
Result<bool> has_mark_beyond(const File& file, std::uint64_t position, std::uint64_t end, Offset offset, Chain seed);

/// Whether anything that reads as a frame's line stands in [position, end).
Result<bool> has_frame_line(const File& file, std::uint64_t position, std::uint64_t end);

}  // namespace stele
