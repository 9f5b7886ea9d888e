#include "persistence/journal_reader.h"

namespace stele {

JournalPin::JournalPin(JournalPin&& other) noexcept
    : journal_(std::exchange(other.journal_, nullptr)), id_(std::exchange(other.id_, 0)) {}

JournalPin& JournalPin::operator=(JournalPin&& other) noexcept {
  std::swap(journal_, other.journal_);
  std::swap(id_, other.id_);
  return *this;
}

JournalPin::~JournalPin() {
  if (journal_ != nullptr) journal_->unpin(id_);
}

Offset JournalPin::offset() const {
  STELE_ASSERT(journal_ != nullptr);
  return journal_->pin_offset(id_);
}

void JournalPin::advance(Offset offset) {
  STELE_ASSERT(journal_ != nullptr);
  journal_->move_pin(id_, offset);
}

Result<JournalPin> Journal::pin(Offset offset, std::string owner) {
  const std::lock_guard lock(segments_mutex_);
  if (offset < segments_.front()->first()) {
    return Status::unavailable("offset {} is trimmed: the journal begins at {}", offset, segments_.front()->first());
  }
  JournalPin pin;
  pin.journal_ = this;
  pin.id_ = ++last_pin_id_;
  pins_.push_back({.id = pin.id_, .offset = offset, .owner = std::move(owner)});
  return pin;
}

void Journal::unpin(std::uint64_t id) {
  {
    const std::lock_guard lock(segments_mutex_);
    pins_.remove_if([&](const PinRecord& pin) { return pin.id == id; });
    pin_logged_ = false;
  }
  retry_trim();
}

void Journal::move_pin(std::uint64_t id, Offset offset) {
  {
    const std::lock_guard lock(segments_mutex_);
    for (PinRecord& pin : pins_) {
      if (pin.id == id) pin.offset = std::max(pin.offset, offset);
    }
  }
  retry_trim();
}

Offset Journal::pin_offset(std::uint64_t id) const {
  const std::lock_guard lock(segments_mutex_);
  for (const PinRecord& pin : pins_) {
    if (pin.id == id) return pin.offset;
  }
  return {};
}

void Journal::retry_trim() {
  const std::lock_guard lock(mutex_);
  if (trim_to_ <= start()) return;
  housekeeping_wanted_ = true;
  sync_wakes_.notify_one();
}

std::shared_ptr<Segment> Journal::segment_holding(Offset offset) const {
  const std::lock_guard lock(segments_mutex_);
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), offset,
                                      [](Offset o, const auto& segment) { return o < segment->first(); });
  return after == segments_.begin() ? nullptr : *std::prev(after);
}

std::shared_ptr<Segment> Journal::segment_after(const Segment& segment) const {
  const std::lock_guard lock(segments_mutex_);
  for (const auto& other : segments_) {
    if (other->seq() > segment.seq()) return other;
  }
  return nullptr;
}

Result<JournalReader> Journal::read_from(Offset offset) {
  if (offset > end()) return Status::unavailable("offset {} is ahead of the journal's end {}", offset, end());
  STELE_TRY(JournalPin held, pin(offset, "reader"));
  std::shared_ptr<Segment> segment = segment_holding(offset);
  return JournalReader(*this, std::move(held), std::move(segment), offset);
}

Result<Journal::SegmentStart> Journal::segment_start(Offset offset) const {
  const std::shared_ptr<Segment> segment = segment_holding(offset);
  if (segment == nullptr) return Status::unavailable("offset {} is trimmed", offset);
  return SegmentStart{.offset = segment->first(), .db = segment->header().db};
}

Result<Journal::SealedSegments> Journal::sealed_segments(Offset from, Offset to) {
  STELE_CHECK(await_segment_at(to));
  const std::lock_guard lock(segments_mutex_);
  if (from < segments_.front()->first()) return Status::unavailable("offset {} is trimmed: the journal begins at {}", from, segments_.front()->first());
  SealedSegments sealed;
  for (std::size_t i = 0; i < segments_.size() && segments_[i]->first() <= to; ++i) {
    if (segments_[i]->first() == to) sealed.next = segments_[i]->header();  // of several, the last: the others are empty
    // One without frames, of a start that was followed by another, adds nothing.
    const bool ends_before = i + 1 < segments_.size() && segments_[i + 1]->first() <= std::max(from, segments_[i]->first());
    if (segments_[i]->first() < to && !ends_before) sealed.segments.push_back(segments_[i]);
  }
  return sealed;
}

std::vector<std::shared_ptr<const Segment>> Journal::sealed_segments() const {
  const std::lock_guard lock(segments_mutex_);
  std::vector<std::shared_ptr<const Segment>> sealed;
  for (const auto& segment : segments_) {
    if (segment->sealed()) sealed.push_back(segment);
  }
  return sealed;
}

std::vector<Journal::OlderHistory> Journal::older_histories() const {
  const std::lock_guard lock(segments_mutex_);
  std::vector<OlderHistory> older;
  for (std::size_t i = 1; i < segments_.size(); ++i) {
    const ReplicationId& before = segments_[i - 1]->header().replid;
    if (before != segments_[i]->header().replid) older.push_back({before, segments_[i]->first()});
  }
  return older;
}

Status Journal::replay(Offset from, const ReplayFrame& frame) {
  STELE_TRY(JournalReader reader, read_from(from));
  while (true) {
    STELE_TRY(const std::optional<JournalReader::Frame> next, reader.next_frame());
    if (!next) break;
    if (next->payload.size() != reader.scanner_.payload().size()) {
      return Status::invalid("{}: no frame begins at offset {}", reader.segment_->file().path().native(), from);
    }
    STELE_CHECK(frame(next->payload, next->time, next->offset));
  }
  return {};
}

JournalReader::JournalReader(Journal& journal, JournalPin pin, std::shared_ptr<Segment> segment, Offset offset)
    : journal_(&journal),
      pin_(std::move(pin)),
      segment_(std::move(segment)),
      scanner_(segment_->file(), segment_->header().chain, segment_->place_before(offset)),
      offset_(offset) {}

/// Makes rest_ the unread part of the frame that holds offset_. False if it is not written yet.
Result<bool> JournalReader::load_frame() {
  while (rest_.empty()) {
    // In this order: nothing is added to a segment once it is sealed.
    const bool sealed = segment_->sealed();
    STELE_TRY(const FrameScanner::Step step, scanner_.next(segment_->written_bytes()));
    if (step == FrameScanner::Step::bad) {
      return Status::corrupt("{}: position {}: bad frame at offset {}", segment_->file().path().native(),
                             scanner_.place().position, scanner_.place().offset);
    }
    if (step == FrameScanner::Step::frame) {
      if (scanner_.line().end() <= offset_) continue;
      rest_ = scanner_.payload().substr(offset_ - scanner_.line().offset);
      break;
    }
    if (!sealed) return false;
    const std::shared_ptr<Segment> next = journal_->segment_after(*segment_);
    if (next == nullptr) return false;
    if (next->first() != scanner_.place().offset || next->header().chain != scanner_.place().chain) {
      return Status::corrupt("{}: ends at offset {}, but {} continues from {}", segment_->file().path().native(),
                             scanner_.place().offset, next->name(), next->first());
    }
    segment_ = next;
    scanner_ = FrameScanner(segment_->file(), segment_->header().chain, segment_->begin());
    pin_.advance(offset_);
  }
  return true;
}

Result<std::size_t> JournalReader::read(ByteBuffer& out, std::size_t bytes_max, Offset until) {
  std::size_t done = 0;
  while (done < bytes_max && offset_ < until) {
    STELE_TRY(const bool loaded, load_frame());
    if (!loaded) break;
    const std::size_t n = std::min({rest_.size(), bytes_max - done, static_cast<std::size_t>(until - offset_)});
    out.append(rest_.data(), n);
    rest_.remove_prefix(n);
    offset_ += n;
    done += n;
  }
  return done;
}

Result<std::optional<JournalReader::Frame>> JournalReader::next_frame() {
  STELE_TRY(const bool loaded, load_frame());
  if (!loaded) return std::optional<Frame>();
  const Frame frame{.offset = offset_, .time = scanner_.line().time, .payload = rest_};
  offset_ += rest_.size();
  rest_ = {};
  return std::optional<Frame>(frame);
}

}  // namespace stele
