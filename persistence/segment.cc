#include "persistence/segment.h"

namespace stele {
namespace {

constexpr std::uint64_t kNoteEveryBytes = 1 << 20;
constexpr std::size_t kReadBytes = 1 << 20;

/// Calls `found(text)` for every place in [position, end) where `tag` stands, until it returns true. `text` is what
/// follows from there, at least kFrameLineBytesMax bytes unless the range ends.
template <typename Found>
Result<bool> search(const File& file, std::uint64_t position, std::uint64_t end, std::string_view tag, Found found) {
  std::string window;
  while (position < end) {
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(kReadBytes, end - position));
    window.resize(n);
    STELE_TRY(const std::size_t got, file.read_at(position, window.data(), n));
    window.resize(got);
    for (std::size_t at = window.find(tag); at != std::string::npos; at = window.find(tag, at + 1)) {
      if (found(std::string_view(window).substr(at))) return true;
    }
    if (got < n || position + n == end) break;
    // Windows overlap by a line, so that one across their border is seen whole.
    position += n - kFrameLineBytesMax;
  }
  return false;
}

}  // namespace

FramePlace Segment::place_before(Offset offset) const {
  const std::lock_guard lock(notes_mutex_);
  const auto after = std::upper_bound(notes_.begin(), notes_.end(), offset,
                                      [](Offset o, const FramePlace& place) { return o < place.offset; });
  return after == notes_.begin() ? begin() : *std::prev(after);
}

void Segment::add_note(const FramePlace& place) {
  const std::lock_guard lock(notes_mutex_);
  notes_.push_back(place);
  next_note_ = place.position + kNoteEveryBytes;
}

Result<std::string_view> FrameScanner::peek(std::uint64_t n, std::uint64_t limit) {
  const std::uint64_t skip = place_.position - buffer_position_;
  if (skip <= buffer_.size() && buffer_.size() - skip >= n) return buffer_.view().substr(skip);

  // Move what is left to the front, then fill up.
  const std::size_t left = skip < buffer_.size() ? buffer_.size() - static_cast<std::size_t>(skip) : 0;
  if (left != 0) std::memmove(buffer_.data(), buffer_.data() + skip, left);
  buffer_.resize_down(left);
  buffer_position_ = place_.position;
  const std::uint64_t available = limit > place_.position ? limit - place_.position : 0;
  const std::uint64_t wanted = std::min(std::max<std::uint64_t>(n, kReadBytes), available);
  if (wanted > left) {
    const std::size_t more = static_cast<std::size_t>(wanted) - left;
    char* to = buffer_.reserve(more);
    STELE_TRY(const std::size_t got, file_->read_at(place_.position + left, to, more));
    buffer_.advance(got);
  }
  return buffer_.view();
}

Result<FrameScanner::Step> FrameScanner::next(std::uint64_t limit) {
  while (true) {
    if (place_.position >= limit) return Step::end;
    STELE_TRY(const std::string_view text, peek(kTimestampBytesMax + kFrameLineBytesMax, limit));
    const std::optional<Timestamp> timestamp = parse_timestamp(text);
    const std::size_t before = timestamp ? timestamp->line_bytes : 0;
    if (const std::optional<FrameLine> line = parse_frame_line(text.substr(before))) {
      if (timestamp && timestamp->seconds != frame_second(line->time)) return Step::bad;
      return take_frame(*line, before, limit);
    }
    const std::optional<Mark> mark = parse_mark(text, mark_seed_);
    if (!mark || mark->durable > place_.offset) return Step::bad;
    mark_ = mark;
    mark_is_last_ = true;
    place_.position += mark->line_bytes;
  }
}

Result<FrameScanner::Step> FrameScanner::take_frame(const FrameLine& line, std::size_t before, std::uint64_t limit) {
  const std::uint64_t frame_bytes = before + line.line_bytes + line.bytes;
  // The length is only a claim: nothing is allocated for more than the file holds.
  if (line.offset != place_.offset || frame_bytes > limit - place_.position) return Step::bad;
  STELE_TRY(const std::string_view frame, peek(frame_bytes, limit));
  if (frame.size() < frame_bytes) return Step::bad;
  const std::string_view payload = frame.substr(before + line.line_bytes, line.bytes);
  if (frame_chain(frame.substr(before, line.line_bytes), payload, place_.chain) != line.chain) return Step::bad;
  line_ = line;
  payload_ = payload;
  frame_position_ = place_.position;
  place_ = {place_.position + frame_bytes, line.end(), line.chain};
  mark_is_last_ = false;
  return Step::frame;
}

Result<bool> has_mark_beyond(const File& file, std::uint64_t position, std::uint64_t end, Offset offset, Chain seed) {
  return search(file, position, end, "#D:", [&](std::string_view text) {
    const std::optional<Mark> mark = parse_mark(text, seed);
    return mark && mark->durable > offset;
  });
}

Result<bool> has_frame_line(const File& file, std::uint64_t position, std::uint64_t end) {
  return search(file, position, end, "#J:", [](std::string_view text) { return parse_frame_line(text).has_value(); });
}

}  // namespace stele
