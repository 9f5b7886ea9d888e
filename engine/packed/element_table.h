#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "engine/packed/element_hash.h"
#include "engine/random.h"
#include "persistence/status.h"

namespace stele {

/// An array of slots in hash order, by linear probing with gaps: see ElementTable. A slot stands at its home or as near
/// behind it as the slots before it allow, so a search ends at the first gap or greater tag. Small ones have one home:
/// they are sorted arrays.
struct ElementSegment {
  static constexpr int kTagBits = 16;
  static constexpr std::size_t kSlotsMin = 3;    // with the header 32 bytes
  static constexpr std::size_t kSlotsMax = 511;  // with the header 4 KiB

  static ElementSegment* make(std::size_t slot_count);
  static void free(ElementSegment* segment) { std::free(segment); }
  static std::size_t bytes(std::size_t slot_count) { return sizeof(ElementSegment) + slot_count * 8; }
  /// The smallest number of slots for `elements`, or kSlotsMax.
  static std::size_t slots_for(std::size_t elements);
  static std::size_t used_max(std::size_t slot_count) { return slot_count <= 7 ? slot_count : slot_count * 13 / 16; }

  static std::uint64_t tag_of(std::uint64_t bits) { return bits >> 48; }
  static void* pointer_of(std::uint64_t bits) { return reinterpret_cast<void*>(bits & ((std::uint64_t{1} << 48) - 1)); }
  static std::uint64_t make_slot(std::uint64_t tag, const void* pointer) {
    return tag << 48 | reinterpret_cast<std::uint64_t>(pointer);
  }

  const std::uint64_t* slots() const { return reinterpret_cast<const std::uint64_t*>(this + 1); }
  std::uint64_t* slots() { return reinterpret_cast<std::uint64_t*>(this + 1); }

  std::uint64_t tag(std::uint64_t hash) const { return hash << depth >> (64 - kTagBits); }
  std::size_t home(std::uint64_t tag_bits) const { return tag_bits * homes >> kTagBits; }
  bool is_full() const { return used >= used_max(slot_count); }

  /// Puts `bits` in tag order; false if there is no room behind its home.
  bool place(std::uint64_t bits);
  /// Empties it, and halves its homes: with more room behind the last one, also tags that are all near each other have
  /// their place. With a single home it is a sorted array, in which whatever its slots can hold has.
  void clear_with_fewer_homes();
  /// Empties position `at` and pulls the run behind it forward.
  void remove(std::size_t at);
  /// Places all slots of `other`, which has the same depth, in tag order.
  bool take_all(const ElementSegment& other);

  std::uint16_t depth;  // bits of hash that all elements here share
  std::uint16_t used;
  std::uint16_t slot_count;
  std::uint16_t homes;
};

static_assert(sizeof(ElementSegment) == 8);

/// Who wants to know, for a while, what happens to the elements of a table.
template <typename Node>
class ElementWatcher {
 public:
  virtual void inserted(std::uint64_t hash, const Node& node) = 0;
  /// Before it changes or is taken out.
  virtual void changing(std::uint64_t hash, const Node& node) = 0;
  /// Before the table and all elements are freed; must end the watch.
  virtual void table_going() = 0;

 protected:
  ~ElementWatcher() = default;
};

/// The elements of one big collection, found by their text: fields of a hash, members of a set or sorted set. Owns
/// them.
///
///     Node   std::string_view text() const       its name in here; must not change
///            static void destroy(Node*)          frees it
///
/// A directory over the top bits of the hash points to segments in hash order, as in Table (engine/table.h):
///
///     directory  [ 2^depth pointers ]       indexed by the top `depth` bits of the hash; none while there is one segment
///     segment    [ slot slot .  slot . ]    3 slots at first, doubling up to 511 (4 KiB); then it splits in two
///     slot       tag (16 bits: the hash behind the segment's prefix) | node pointer (48 bits)
///
/// So nothing is ever rehashed but one segment, an element costs 10 to 20 bytes beside its node, and a scan is a walk
/// in hash order, whose cursor is a hash: what is there from the scan's beginning to its end is visited whatever the
/// table does meanwhile, and only a shrinking table shows an element twice.
template <typename Node>
class ElementTable {
 public:
  ElementTable() : ElementTable(0) {}
  /// With room for some `elements`; more come for less growing.
  explicit ElementTable(std::size_t elements) : only_(ElementSegment::make(ElementSegment::slots_for(elements))) {}
  ~ElementTable();
  ElementTable(const ElementTable&) = delete;
  ElementTable& operator=(const ElementTable&) = delete;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Of this object and what it points to, without the nodes.
  std::size_t allocated_bytes() const;

  /// Null if there is none. O(1), as the rest unless it says otherwise.
  Node* find(std::string_view text) const { return find(element_hash(text), text); }
  Node* find(std::uint64_t hash, std::string_view text) const;
  /// Adds a node whose text is not there; takes ownership.
  void insert(Node* node) { insert(element_hash(node->text()), node); }
  void insert(std::uint64_t hash, Node* node);
  /// Takes the node of `text` out; null if there is none. The caller owns it then.
  Node* extract(std::string_view text) { return extract(element_hash(text), text); }
  Node* extract(std::uint64_t hash, std::string_view text);
  /// Takes it out and destroys it; false if there is none.
  bool erase(std::string_view text);
  /// `fresh`, of the same text, is where `old` was, which may be freed already. Takes ownership.
  void replace(std::uint64_t hash, const Node* old, Node* fresh);

  /// Of the nodes, about: what the first of them are on average. They lie in no order that their size has part in.
  std::size_t node_bytes() const;

  /// Any element, each as likely as any other. Not when empty.
  Node* random() const;

  /// Visits about `count` elements from `cursor` on, which is 0 at first, and returns the next cursor, 0 at the end.
  /// visit(Node&) must not change the table.
  template <typename Visit>
  std::uint64_t scan(std::uint64_t cursor, std::size_t count, Visit&& visit) const;

  /// A cursor of scan() is these top bits of a hash: depth and tag.
  static constexpr int kCursorBits = 32 + ElementSegment::kTagBits;

  /// One at a time; null ends it.
  void watch(ElementWatcher<Node>* watcher) { watcher_ = watcher; }
  /// To be called before anything but the text of a node changes.
  void about_to_change(std::uint64_t hash, const Node& node) {
    if (watcher_ != nullptr) [[unlikely]] watcher_->changing(hash, node);
  }

  /// All elements, one at a time, while the table does not change.
  class Walk {
   public:
    explicit Walk(const ElementTable& table) : table_(table), segment_(table.segment_of(0)) {}
    /// Null at the end.
    Node* next();

   private:
    const ElementTable& table_;
    const ElementSegment* segment_;
    std::size_t index_ = 0;  // in the directory
    std::size_t at_ = 0;
  };

 private:
  static constexpr int kDepthMax = kCursorBits - ElementSegment::kTagBits;

  static Node* node_of(std::uint64_t bits) { return static_cast<Node*>(ElementSegment::pointer_of(bits)); }

  std::size_t directory_index(std::uint64_t hash) const { return hash >> (64 - depth_); }  // depth_ > 0
  ElementSegment* segment_of(std::uint64_t hash) const {
    return depth_ == 0 ? only_ : directory_[directory_index(hash)];
  }
  std::size_t span_of(const ElementSegment& segment) const { return std::size_t{1} << (depth_ - segment.depth); }
  std::size_t position(const ElementSegment& segment, std::uint64_t hash, std::string_view text) const;
  void grow(ElementSegment* segment, std::uint64_t hash);
  void split(ElementSegment* segment, std::uint64_t hash);
  ElementSegment* half_of(const ElementSegment& segment, std::uint64_t upper) const;
  void resize_only(std::size_t slot_count);
  void double_directory();
  void halve_directory();
  void merge(ElementSegment* segment, std::uint64_t hash);

  union {
    ElementSegment* only_;        // depth_ == 0
    ElementSegment** directory_;  // else, 2^depth_ of them; neighbours may be the same
  };
  std::size_t size_ = 0;
  std::uint32_t depth_ = 0;
  ElementWatcher<Node>* watcher_ = nullptr;
  std::uint32_t deepest_ = 0;  // segments whose depth is depth_; when there is none the directory halves
};

template <typename Node>
ElementTable<Node>::~ElementTable() {
  if (watcher_ != nullptr) watcher_->table_going();
  const std::size_t end = std::size_t{1} << depth_;
  for (std::size_t index = 0; index < end;) {
    ElementSegment* segment = depth_ == 0 ? only_ : directory_[index];
    index += span_of(*segment);
    for (std::size_t at = 0; at < segment->slot_count; ++at) {
      if (segment->slots()[at] != 0) Node::destroy(node_of(segment->slots()[at]));
    }
    ElementSegment::free(segment);
  }
  if (depth_ > 0) std::free(directory_);
}

template <typename Node>
std::size_t ElementTable<Node>::allocated_bytes() const {
  const std::size_t own = sizeof *this;
  if (depth_ == 0) return own + malloc_usable_size(only_);
  std::size_t segments = 0;
  const std::size_t end = std::size_t{1} << depth_;
  for (std::size_t index = 0; index < end; index += span_of(*directory_[index])) ++segments;
  return own + malloc_usable_size(directory_) + segments * malloc_usable_size(directory_[0]);
}

template <typename Node>
std::size_t ElementTable<Node>::node_bytes() const {
  constexpr std::size_t kSamples = 64;
  Walk walk(*this);
  std::size_t bytes = 0, samples = 0;
  for (const Node* node = nullptr; samples < kSamples && (node = walk.next()) != nullptr; ++samples) {
    bytes += node->allocated_bytes();
  }
  return samples == 0 ? 0 : bytes * size_ / samples;
}

/// The position of the element in `segment`, slot_count if it is not there.
template <typename Node>
std::size_t ElementTable<Node>::position(const ElementSegment& segment, std::uint64_t hash,
                                         std::string_view text) const {
  const std::uint64_t wanted = segment.tag(hash);
  for (std::size_t at = segment.home(wanted); at < segment.slot_count; ++at) {
    const std::uint64_t bits = segment.slots()[at];
    const std::uint64_t tag = ElementSegment::tag_of(bits);
    if (bits == 0 || tag > wanted) break;
    if (tag == wanted && node_of(bits)->text() == text) return at;
  }
  return segment.slot_count;
}

template <typename Node>
Node* ElementTable<Node>::find(std::uint64_t hash, std::string_view text) const {
  const ElementSegment& segment = *segment_of(hash);
  const std::size_t at = position(segment, hash, text);
  return at == segment.slot_count ? nullptr : node_of(segment.slots()[at]);
}

template <typename Node>
void ElementTable<Node>::insert(std::uint64_t hash, Node* node) {
  for (;;) {
    ElementSegment* segment = segment_of(hash);
    if (!segment->is_full() && segment->place(ElementSegment::make_slot(segment->tag(hash), node))) break;
    grow(segment, hash);
  }
  ++size_;
  if (watcher_ != nullptr) [[unlikely]] watcher_->inserted(hash, *node);
}

template <typename Node>
Node* ElementTable<Node>::extract(std::uint64_t hash, std::string_view text) {
  ElementSegment* segment = segment_of(hash);
  const std::size_t at = position(*segment, hash, text);
  if (at == segment->slot_count) return nullptr;
  Node* node = node_of(segment->slots()[at]);
  about_to_change(hash, *node);
  segment->remove(at);
  --size_;
  if (segment->used < segment->slot_count / 8u) {
    if (depth_ > 0) {
      merge(segment, hash);
    } else if (segment->slot_count > ElementSegment::kSlotsMin) {
      resize_only(segment->slot_count / 2u);
    }
  }
  return node;
}

template <typename Node>
bool ElementTable<Node>::erase(std::string_view text) {
  Node* node = extract(text);
  if (node != nullptr) Node::destroy(node);
  return node != nullptr;
}

template <typename Node>
void ElementTable<Node>::replace(std::uint64_t hash, const Node* old, Node* fresh) {
  ElementSegment* segment = segment_of(hash);
  const std::uint64_t tag = segment->tag(hash);
  std::size_t at = segment->home(tag);
  while (at < segment->slot_count && segment->slots()[at] != ElementSegment::make_slot(tag, old)) ++at;
  STELE_ASSERT(at < segment->slot_count);
  segment->slots()[at] = ElementSegment::make_slot(tag, fresh);
}

template <typename Node>
void ElementTable<Node>::grow(ElementSegment* segment, std::uint64_t hash) {
  if (segment->slot_count < ElementSegment::kSlotsMax) return resize_only(segment->slot_count * 2u + 1);
  split(segment, hash);
}

/// While there is one segment its size follows the number of elements.
template <typename Node>
void ElementTable<Node>::resize_only(std::size_t slot_count) {
  ElementSegment* const old = only_;
  // Many tags near each other may not fit behind their home; the size it had has room for them.
  for (; slot_count != old->slot_count; slot_count = slot_count * 2 + 1) {
    ElementSegment* fresh = ElementSegment::make(slot_count);
    if (fresh->take_all(*old)) {
      only_ = fresh;
      return ElementSegment::free(old);
    }
    ElementSegment::free(fresh);
    STELE_ASSERT(slot_count < ElementSegment::kSlotsMax);
  }
}

template <typename Node>
void ElementTable<Node>::double_directory() {
  const std::size_t before = std::size_t{1} << depth_;
  auto** doubled = static_cast<ElementSegment**>(std::malloc(2 * before * sizeof(ElementSegment*)));
  if (doubled == nullptr) throw std::bad_alloc();
  for (std::size_t i = 0; i < before; ++i) doubled[2 * i] = doubled[2 * i + 1] = depth_ == 0 ? only_ : directory_[i];
  if (depth_ > 0) std::free(directory_);
  directory_ = doubled;
  ++depth_;
  deepest_ = 0;
}

template <typename Node>
void ElementTable<Node>::halve_directory() {
  --depth_;
  const std::size_t after = std::size_t{1} << depth_;
  for (std::size_t i = 0; i < after; ++i) directory_[i] = directory_[2 * i];
  if (depth_ == 0) {
    ElementSegment* segment = directory_[0];
    std::free(directory_);
    only_ = segment;
    return;
  }
  if (auto** smaller = static_cast<ElementSegment**>(std::realloc(directory_, after * sizeof(ElementSegment*)))) {
    directory_ = smaller;
  }
  deepest_ = 0;
  for (std::size_t i = 0; i < after; ++i) deepest_ += directory_[i]->depth == depth_;
}

/// The lower or upper half of `segment`, as a segment of its own.
template <typename Node>
ElementSegment* ElementTable<Node>::half_of(const ElementSegment& segment, std::uint64_t upper) const {
  ElementSegment* half = ElementSegment::make(ElementSegment::kSlotsMax);
  half->depth = static_cast<std::uint16_t>(segment.depth + 1);
  for (std::size_t at = 0; at < segment.slot_count;) {
    const std::uint64_t bits = segment.slots()[at++];
    // The first bit of the tag says which half; the new tag needs a bit of hash that the old one does not have.
    if (bits == 0 || bits >> 63 != upper) continue;
    const std::uint64_t tag = half->tag(element_hash(node_of(bits)->text()));
    if (half->place(ElementSegment::make_slot(tag, node_of(bits)))) continue;
    // Those that stood in the middle, spilled into what was the upper half, may be too many for the end of the lower one.
    half->clear_with_fewer_homes();
    at = 0;
  }
  return half;
}

template <typename Node>
void ElementTable<Node>::split(ElementSegment* segment, std::uint64_t hash) {
  // 2^32 segments are beyond any memory; running into this means that the hash does not spread.
  STELE_ASSERT(segment->depth < kDepthMax);
  if (segment->depth == depth_) double_directory();
  for (std::size_t at = 0; at < segment->slot_count; ++at) {
    if (segment->slots()[at] != 0) __builtin_prefetch(node_of(segment->slots()[at]));
  }
  ElementSegment* const halves[2] = {half_of(*segment, 0), half_of(*segment, 1)};
  const std::size_t span = span_of(*segment);
  const std::size_t first = directory_index(hash) / span * span;
  for (std::size_t i = 0; i < span; ++i) directory_[first + i] = halves[i >= span / 2];
  if (halves[0]->depth == depth_) deepest_ += 2;
  ElementSegment::free(segment);
}

/// Joins `segment` with the one it was split from, as often as both together are few, and find their places: who removes in
/// the order of a scan leaves elements at the upper end only, and they may be too many there for half the homes.
template <typename Node>
void ElementTable<Node>::merge(ElementSegment* segment, std::uint64_t hash) {
  while (segment->depth > 0) {
    const std::size_t span = span_of(*segment);
    const std::size_t first = directory_index(hash) / span * span;
    ElementSegment* buddy = directory_[first ^ span];
    if (buddy->depth != segment->depth) return;
    if (buddy->used + segment->used > ElementSegment::used_max(ElementSegment::kSlotsMax) / 2) return;
    ElementSegment* merged = ElementSegment::make(ElementSegment::kSlotsMax);
    merged->depth = static_cast<std::uint16_t>(segment->depth - 1);
    const std::uint64_t upper = first & span ? 1 : 0;  // whether `segment` is the upper half
    for (const ElementSegment* half : {segment, buddy}) {
      const std::uint64_t bit = (half == segment ? upper : 1 - upper) << (ElementSegment::kTagBits - 1);
      for (std::size_t at = 0; at < half->slot_count; ++at) {
        const std::uint64_t bits = half->slots()[at];
        if (bits == 0) continue;
        const std::uint64_t tag = bit | ElementSegment::tag_of(bits) >> 1;
        if (!merged->place(ElementSegment::make_slot(tag, node_of(bits)))) return ElementSegment::free(merged);
      }
    }
    if (segment->depth == depth_) deepest_ -= 2;
    const std::size_t begin = std::min(first, first ^ span);
    for (std::size_t i = 0; i < 2 * span; ++i) directory_[begin + i] = merged;
    ElementSegment::free(segment);
    ElementSegment::free(buddy);
    segment = merged;
    if (deepest_ == 0) halve_directory();
  }
}

template <typename Node>
Node* ElementTable<Node>::random() const {
  STELE_ASSERT(size_ > 0);
  // Any slot of any segment, and again if it is empty. A segment that stands in the directory twice is drawn twice as
  // often, so it is taken half as often.
  for (;;) {
    const std::uint64_t hash = Random::next();
    const ElementSegment& segment = *segment_of(hash);
    const std::size_t span = span_of(segment);
    if (span > 1 && (directory_index(hash) & (span - 1)) != 0) continue;
    const std::uint64_t bits = segment.slots()[Random::below(segment.slot_count)];
    if (bits != 0) return node_of(bits);
  }
}

template <typename Node>
template <typename Visit>
std::uint64_t ElementTable<Node>::scan(std::uint64_t cursor, std::size_t count, Visit&& visit) const {
  if (cursor >> kCursorBits != 0) return 0;
  std::size_t visited = 0;
  for (;;) {
    const std::uint64_t hash = cursor << (64 - kCursorBits);
    const ElementSegment& segment = *segment_of(hash);
    const std::uint64_t from = segment.tag(hash);
    const int below = kCursorBits - ElementSegment::kTagBits - segment.depth;  // bits of cursor behind the tag
    const std::uint64_t prefix = segment.depth == 0 ? 0 : hash >> (64 - segment.depth);
    std::uint64_t last = from;
    for (std::size_t at = segment.home(from); at < segment.slot_count; ++at) {
      const std::uint64_t bits = segment.slots()[at];
      const std::uint64_t tag = ElementSegment::tag_of(bits);
      if (bits == 0 || tag < from) continue;
      // Elements of one tag go together: the cursor cannot stand between them.
      if (visited >= count && tag != last) return (prefix << ElementSegment::kTagBits | tag) << below;
      visit(*node_of(bits));
      ++visited;
      last = tag;
    }
    cursor = (prefix + 1) << (kCursorBits - segment.depth);
    if (cursor >> kCursorBits != 0) return 0;
    if (visited >= count) return cursor;
  }
}

template <typename Node>
Node* ElementTable<Node>::Walk::next() {
  constexpr std::size_t kAhead = 4;
  for (;;) {
    while (at_ < segment_->slot_count) {
      const std::uint64_t bits = segment_->slots()[at_++];
      if (at_ + kAhead < segment_->slot_count) __builtin_prefetch(node_of(segment_->slots()[at_ + kAhead]));
      if (bits != 0) return node_of(bits);
    }
    if (index_ >> table_.depth_ != 0) return nullptr;
    index_ += table_.span_of(*segment_);
    if (index_ >> table_.depth_ != 0) return nullptr;
    segment_ = table_.directory_[index_];
    at_ = 0;
  }
}

}  // namespace stele
