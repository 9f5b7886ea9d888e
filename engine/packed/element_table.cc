#include "engine/packed/element_table.h"

namespace stele {

ElementSegment* ElementSegment::make(std::size_t slot_count) {
  auto* segment = static_cast<ElementSegment*>(std::calloc(1, bytes(slot_count)));
  if (segment == nullptr) throw std::bad_alloc();
  segment->slot_count = static_cast<std::uint16_t>(slot_count);
  // The slots behind the last home take its overflow.
  segment->homes = static_cast<std::uint16_t>(slot_count <= 7 ? 1 : slot_count - slot_count / 14 - 3);
  return segment;
}

std::size_t ElementSegment::slots_for(std::size_t elements) {
  std::size_t slot_count = kSlotsMin;
  while (slot_count < kSlotsMax && used_max(slot_count) < elements) slot_count = slot_count * 2 + 1;
  return slot_count;
}

bool ElementSegment::place(std::uint64_t bits) {
  const std::uint64_t wanted = tag_of(bits);
  std::uint64_t* const all = slots();
  std::size_t at = home(wanted);
  while (at < slot_count && all[at] != 0 && tag_of(all[at]) <= wanted) ++at;
  std::size_t gap = at;
  while (gap < slot_count && all[gap] != 0) ++gap;
  if (gap == slot_count) return false;
  std::memmove(all + at + 1, all + at, (gap - at) * sizeof all[0]);
  all[at] = bits;
  ++used;
  return true;
}

void ElementSegment::clear_with_fewer_homes() {
  STELE_ASSERT(homes > 1);
  homes = static_cast<std::uint16_t>(homes / 2);
  used = 0;
  std::memset(slots(), 0, slot_count * sizeof(std::uint64_t));
}

void ElementSegment::remove(std::size_t at) {
  std::uint64_t* const all = slots();
  std::size_t end = at + 1;  // behind the slots that may move one place forward
  while (end < slot_count && all[end] != 0 && home(tag_of(all[end])) < end) ++end;
  std::memmove(all + at, all + at + 1, (end - at - 1) * sizeof all[0]);
  all[end - 1] = 0;
  --used;
}

bool ElementSegment::take_all(const ElementSegment& other) {
  depth = other.depth;
  std::size_t next = 0;  // behind the last one placed: what comes is in order
  for (std::size_t at = 0; at < other.slot_count; ++at) {
    const std::uint64_t bits = other.slots()[at];
    if (bits == 0) continue;
    next = std::max(next, home(tag_of(bits)));
    if (next == slot_count) return false;
    slots()[next++] = bits;
  }
  used = other.used;
  return true;
}

}  // namespace stele
