#pragma once

#include <memory>

#include "persistence/byte_buffer.h"
#include "persistence/journal.h"
#include "persistence/segment.h"

namespace stele {

/// Reads the stream from an offset on, across segments, up to what is written. One thread; must not outlive the
/// journal. What lies ahead of it is not trimmed.
class JournalReader {
 public:
  JournalReader(JournalReader&&) = default;
  JournalReader& operator=(JournalReader&&) = default;

  /// Appends the next bytes of the stream to `out`: at most `bytes_max`, none at or past `until`. Returns how many;
  /// 0 if there are none for now. Frame lines, marks and prologues are left out. `corrupt` if a frame fails its check.
  Result<std::size_t> read(ByteBuffer& out, std::size_t bytes_max, Offset until);
  Result<std::size_t> read(ByteBuffer& out, std::size_t bytes_max) { return read(out, bytes_max, journal_->written()); }

  struct Frame {
    Offset offset;
    UnixTime time;
    std::string_view payload;  // valid until the next call
  };
  /// The next whole frame, if one is written. Its payload lacks what was read of it before.
  Result<std::optional<Frame>> next_frame();

  /// The first byte not read yet.
  Offset offset() const { return offset_; }

 private:
  friend class Journal;
  JournalReader(Journal& journal, JournalPin pin, std::shared_ptr<Segment> segment, Offset offset);

  Result<bool> load_frame();

  Journal* journal_;
  JournalPin pin_;
  std::shared_ptr<Segment> segment_;
  FrameScanner scanner_;
  Offset offset_;
  std::string_view rest_;  // of the scanner's frame: what was not read yet
};

}  // namespace stele
