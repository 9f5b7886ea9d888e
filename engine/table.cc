#include "engine/table.h"

#include <algorithm>

namespace stele {

namespace {

constexpr std::uint64_t kMarks = 15;
constexpr std::uint64_t kDirtyMarks = 3;

std::uint64_t make_slot(std::uint64_t tag, Entry* entry, std::uint64_t marks) {
  const auto pointer = reinterpret_cast<std::uint64_t>(entry);
  STELE_ASSERT((pointer & kMarks) == 0 && pointer >> 48 == 0);
  return tag << 48 | pointer | marks;
}

}  // namespace

bool TableSegment::place(std::uint64_t bits) {
  const std::uint64_t wanted = tag_of(bits);
  std::size_t at = home(wanted);
  while (at < kSlots && slots[at] != 0 && tag_of(slots[at]) <= wanted) ++at;
  std::size_t gap = at;
  while (gap < kSlots && slots[gap] != 0) ++gap;
  if (gap == kSlots) return false;
  std::memmove(slots + at + 1, slots + at, (gap - at) * sizeof slots[0]);
  slots[at] = bits;
  ++used;
  return true;
}

void TableSegment::clear_with_fewer_homes() {
  STELE_ASSERT(homes > 1);
  homes = static_cast<std::uint16_t>(homes / 2);
  used = tombstones = dirty[0] = dirty[1] = 0;
  std::fill(std::begin(slots), std::end(slots), 0);
}

void TableSegment::remove(std::size_t at) {
  std::size_t end = at + 1;  // behind the slots that may move one place forward
  while (end < kSlots && slots[end] != 0 && home(tag_of(slots[end])) < end) ++end;
  std::memmove(slots + at, slots + at + 1, (end - at - 1) * sizeof slots[0]);
  slots[end - 1] = 0;
  --used;
}

Entry* Table::Slot::entry() const { return TableSegment::entry_of(*bits_); }

void Table::Slot::set_entry(Entry* entry) { *bits_ = make_slot(TableSegment::tag_of(*bits_), entry, *bits_ & kMarks); }

Table::Table(const KeyHasher& hasher) : hasher_(hasher), directory_{new TableSegment()}, segments_(1) {}

Table::~Table() {
  TableSegment* last = nullptr;
  for (TableSegment* segment : directory_) {
    if (segment == last) continue;
    last = segment;
    for (const std::uint64_t bits : segment->slots) {
      if (bits != 0) Entry::destroy(TableSegment::entry_of(bits));
    }
    delete segment;
  }
}

std::size_t Table::overhead_bytes() const {
  return segments_ * sizeof(TableSegment) + directory_.capacity() * sizeof(TableSegment*);
}

Table::Slot Table::find(Hash48 hash, std::string_view key) {
  TableSegment* segment = segment_of(hash);
  const std::uint64_t wanted = segment->tag(hash);
  for (std::size_t at = segment->home(wanted); at < TableSegment::kSlots; ++at) {
    std::uint64_t& bits = segment->slots[at];
    if (bits == 0) break;
    const std::uint64_t tag = TableSegment::tag_of(bits);
    if (tag < wanted) continue;
    if (tag > wanted) break;
    if (TableSegment::entry_of(bits)->key() == key) return Slot(segment, &bits);
  }
  return {};
}

Table::Slot Table::insert(Hash48 hash, Entry* entry) {
  for (;;) {
    TableSegment* segment = segment_of(hash);
    const std::uint64_t marks = entry->is_tombstone() ? Slot::kTombstoneMark : 0;
    if (segment->used < TableSegment::kSplitAt && segment->place(make_slot(segment->tag(hash), entry, marks))) {
      if (marks != 0) {
        ++segment->tombstones;
        ++tombstones_;
      } else {
        ++live_;
      }
      // place() may have put it behind others of the same tag.
      std::size_t at = segment->home(segment->tag(hash));
      while (TableSegment::entry_of(segment->slots[at]) != entry) ++at;
      return Slot(segment, &segment->slots[at]);
    }
    split(segment, hash);
  }
}

TableSegment* Table::half_of(const TableSegment& segment, std::uint64_t upper) const {
  auto* half = new TableSegment();
  half->depth = static_cast<std::uint16_t>(segment.depth + 1);
  for (std::size_t at = 0; at < TableSegment::kSlots;) {
    const std::uint64_t bits = segment.slots[at++];
    // The first bit of the tag says which half; the new tag needs a bit of hash that the old one does not have.
    if (bits == 0 || bits >> 63 != upper) continue;
    Entry* entry = TableSegment::entry_of(bits);
    if (!half->place(make_slot(half->tag(hasher_(entry->key())), entry, bits & kMarks))) {
      // Those that stood in the middle, spilled into what was the upper half, may be too many for the end of the lower one.
      half->clear_with_fewer_homes();
      at = 0;
      continue;
    }
    half->dirty[0] = static_cast<std::uint16_t>(half->dirty[0] + (bits & 1));
    half->dirty[1] = static_cast<std::uint16_t>(half->dirty[1] + (bits >> 1 & 1));
    half->tombstones = static_cast<std::uint16_t>(half->tombstones + ((bits & Slot::kTombstoneMark) != 0));
  }
  return half;
}

void Table::split(TableSegment* segment, Hash48 hash) {
  // 2^30 segments are beyond any memory; running into this means that the hash does not spread.
  STELE_ASSERT(segment->depth < 30);
  if (segment->depth == depth_) {
    std::vector<TableSegment*> doubled(directory_.size() * 2);
    for (std::size_t i = 0; i < doubled.size(); ++i) doubled[i] = directory_[i / 2];
    directory_ = std::move(doubled);
    ++depth_;
  }
  for (const std::uint64_t bits : segment->slots) {
    if (bits != 0) __builtin_prefetch(TableSegment::entry_of(bits));
  }
  TableSegment* const lower = half_of(*segment, 0);
  TableSegment* const upper = half_of(*segment, 1);
  const std::size_t span = std::size_t{1} << (depth_ - segment->depth);
  const std::size_t first = directory_index(hash) / span * span;
  std::fill_n(directory_.begin() + static_cast<std::ptrdiff_t>(first), span / 2, lower);
  std::fill_n(directory_.begin() + static_cast<std::ptrdiff_t>(first + span / 2), span / 2, upper);
  ++segments_;
  delete segment;
}

void Table::try_merge(TableSegment* segment, Hash48 hash) {
  while (segment->depth > 0) {
    const std::size_t span = std::size_t{1} << (depth_ - segment->depth);
    const std::size_t first = directory_index(hash) / span * span;
    TableSegment* buddy = directory_[first ^ span];
    if (buddy->depth != segment->depth || buddy->used + segment->used > TableSegment::kMergeAt) return;
    auto* merged = new TableSegment();
    merged->depth = static_cast<std::uint16_t>(segment->depth - 1);
    for (const TableSegment* half : {segment, buddy}) {
      for (const std::uint64_t bits : half->slots) {
        if (bits == 0) continue;
        Entry* entry = TableSegment::entry_of(bits);
        // Who deletes in the order of a scan leaves keys at the upper end only, perhaps too many there for half the homes.
        if (!merged->place(make_slot(merged->tag(hasher_(entry->key())), entry, bits & kMarks))) {
          delete merged;
          return;
        }
      }
      for (int epoch : {0, 1}) {
        merged->dirty[epoch] = static_cast<std::uint16_t>(merged->dirty[epoch] + half->dirty[epoch]);
      }
      merged->tombstones = static_cast<std::uint16_t>(merged->tombstones + half->tombstones);
    }
    std::fill_n(directory_.begin() + static_cast<std::ptrdiff_t>(std::min(first, first ^ span)), 2 * span, merged);
    delete segment;
    delete buddy;
    --segments_;
    segment = merged;
  }
  // One segment left: the directory goes back to its first size. Between, its pointers cost 8 bytes a segment.
  if (segments_ == 1 && depth_ > 0) {
    directory_.assign(1, segment);
    directory_.shrink_to_fit();
    depth_ = 0;
  }
}

Entry* Table::extract(Slot slot) {
  TableSegment* segment = slot.segment_;
  const std::uint64_t bits = *slot.bits_;
  Entry* entry = TableSegment::entry_of(bits);
  for (unsigned epoch : {0u, 1u}) clear_dirty(slot, epoch);
  if (bits & Slot::kTombstoneMark) {
    --segment->tombstones;
    --tombstones_;
  } else {
    --live_;
  }
  segment->remove(static_cast<std::size_t>(slot.bits_ - segment->slots));
  if (segment->used < TableSegment::kMergeAt / 2 && segment->depth > 0) try_merge(segment, hasher_(entry->key()));
  return entry;
}

void Table::bury(Slot slot, Entry* tombstone) {
  slot.set_entry(tombstone);
  *slot.bits_ |= Slot::kTombstoneMark;
  ++slot.segment_->tombstones;
  ++tombstones_;
  --live_;
}

void Table::revive(Slot slot, Entry* entry) {
  Entry* tombstone = slot.entry();
  entry->set_stored(true);
  slot.set_entry(entry);
  *slot.bits_ &= ~Slot::kTombstoneMark;
  --slot.segment_->tombstones;
  --tombstones_;
  ++live_;
  Entry::destroy(tombstone);
}

void Table::mark_dirty(Slot slot, unsigned epoch) {
  if (slot.is_dirty(epoch)) return;
  *slot.bits_ |= std::uint64_t{1} << epoch;
  ++slot.segment_->dirty[epoch];
  ++dirty_[epoch];
}

void Table::clear_dirty(Slot slot, unsigned epoch) {
  if (!slot.is_dirty(epoch)) return;
  *slot.bits_ &= ~(std::uint64_t{1} << epoch);
  --slot.segment_->dirty[epoch];
  --dirty_[epoch];
}

void Table::mark_all_dirty(unsigned epoch) {
  for (Hash48 at = 0; at < kHashEnd;) {
    TableSegment* segment = segment_of(at);
    for (std::uint64_t& bits : segment->slots) {
      if (bits != 0) mark_dirty(Slot(segment, &bits), epoch);
    }
    at = segment->end_hash(at);
  }
}

void Table::clear_all_dirty(unsigned epoch) {
  for (Hash48 at = 0; at < kHashEnd;) {
    TableSegment* segment = segment_of(at);
    for (std::uint64_t& bits : segment->slots) {
      if (bits != 0) clear_dirty(Slot(segment, &bits), epoch);
    }
    at = segment->end_hash(at);
  }
}

Hash48 Table::sweep_tombstones(Hash48 from) {
  TableSegment* segment = segment_of(from);
  const Hash48 end = segment->end_hash(from);
  for (std::size_t at = 0; at < TableSegment::kSlots && segment->tombstones > 0;) {
    const std::uint64_t bits = segment->slots[at];
    if (bits == 0 || (bits & Slot::kTombstoneMark) == 0 || (bits & kDirtyMarks) != 0) {
      ++at;
      continue;
    }
    Entry::destroy(TableSegment::entry_of(bits));
    --segment->tombstones;
    --tombstones_;
    segment->remove(at);
  }
  if (segment->used < TableSegment::kMergeAt / 2 && segment->depth > 0) try_merge(segment, from);
  return end;
}

Table::Slot Table::random_live(std::uint64_t random) {
  if (live_ == 0) return {};
  // A random hash falls into a segment in proportion to its keys; in there, all live ones are as likely.
  Hash48 at = random & (kHashEnd - 1);
  TableSegment* segment = segment_of(at);
  while (segment->used == segment->tombstones) {
    at = segment->end_hash(at) & (kHashEnd - 1);
    segment = segment_of(at);
  }
  std::size_t before = (random >> kHashBits) % (static_cast<std::size_t>(segment->used) - segment->tombstones);
  for (std::uint64_t& bits : segment->slots) {
    if (bits == 0 || (bits & Slot::kTombstoneMark) != 0) continue;
    if (before-- == 0) return Slot(segment, &bits);
  }
  return {};
}

}  // namespace stele
