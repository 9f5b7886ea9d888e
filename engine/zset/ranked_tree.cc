#include "engine/zset/ranked_tree.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "persistence/status.h"

namespace stele {

namespace {

// Where a member with this score and text belongs: behind all that come before it, and behind itself.
struct NotBehind {
  double score;
  std::string_view text;

  bool operator()(double other_score, const Member* other) const {
    return other_score != score ? other_score < score : other->text() <= text;
  }
};

void* allocate(std::size_t bytes) {
  void* const place = std::malloc(bytes);
  if (place == nullptr) throw std::bad_alloc();
  return place;
}

}  // namespace

// --- nodes

RankedTree::Leaf* RankedTree::make_leaf(std::uint32_t capacity) {
  const std::size_t bytes = sizeof(Leaf) + capacity * sizeof(Slot);
  allocated_bytes_ += bytes;
  return new (allocate(bytes)) Leaf{0, capacity, nullptr, nullptr};
}

RankedTree::Inner* RankedTree::make_inner() {
  allocated_bytes_ += sizeof(Inner);
  Inner* const inner = static_cast<Inner*>(allocate(sizeof(Inner)));
  inner->count = 0;
  return inner;
}

void RankedTree::free_leaf(Leaf* leaf) {
  allocated_bytes_ -= sizeof(Leaf) + leaf->capacity * sizeof(Slot);
  std::free(leaf);
}

void RankedTree::free_inner(Inner* inner) {
  allocated_bytes_ -= sizeof(Inner);
  std::free(inner);
}

void RankedTree::free_below(void* node, unsigned height) {
  if (height == 0) return free_leaf(static_cast<Leaf*>(node));
  Inner* const inner = static_cast<Inner*>(node);
  for (std::uint32_t i = 0; i < inner->count; ++i) free_below(inner->child[i], height - 1);
  free_inner(inner);
}

RankedTree::~RankedTree() {
  if (root_ != nullptr) free_below(root_, height_);
}

RankedTree::RankedTree(RankedTree&& other) noexcept
    : root_(std::exchange(other.root_, nullptr)),
      height_(std::exchange(other.height_, 0)),
      size_(std::exchange(other.size_, 0)),
      allocated_bytes_(std::exchange(other.allocated_bytes_, 0)) {}

RankedTree& RankedTree::operator=(RankedTree&& other) noexcept {
  std::swap(root_, other.root_);
  std::swap(height_, other.height_);
  std::swap(size_, other.size_);
  std::swap(allocated_bytes_, other.allocated_bytes_);
  return *this;
}

// --- looking

void RankedTree::descend_to(Path& path, std::size_t rank) const {
  STELE_ASSERT(rank < size_);
  path.rank = rank;
  void* node = root_;
  for (unsigned h = height_; h > 0; --h) {
    Inner* const inner = static_cast<Inner*>(node);
    std::uint32_t i = 0;
    while (rank >= inner->elements[i]) rank -= inner->elements[i++];
    path.inner[h] = inner;
    path.child[h] = i;
    node = inner->child[i];
  }
  path.leaf = static_cast<Leaf*>(node);
  path.index = static_cast<std::uint32_t>(rank);
}

void RankedTree::descend_to(Path& path, const Member* member) const {
  descend(path, NotBehind{member->score(), member->text()});
  STELE_ASSERT(path.index > 0 && path.leaf->slots()[path.index - 1].member == member);
  --path.index;
  --path.rank;
}

std::size_t RankedTree::rank_of(const Member* member) const {
  Path path;
  descend_to(path, member);
  return path.rank;
}

RankedTree::Cursor RankedTree::cursor_at(std::size_t rank) const {
  Path path;
  descend_to(path, rank);
  return Cursor(path.leaf, path.index);
}

// --- inserting

void RankedTree::insert(Member* member) {
  Path path;
  descend(path, NotBehind{member->score(), member->text()});
  insert_at(path, {member->score(), member});
}

void RankedTree::insert_at(Path& path, Slot slot) {
  if (path.leaf == nullptr) root_ = path.leaf = make_leaf(kFirstCapacity);
  if (path.leaf->count == path.leaf->capacity) make_room(path, slot);
  Slot* const slots = path.leaf->slots();
  std::copy_backward(slots + path.index, slots + path.leaf->count, slots + path.leaf->count + 1);
  slots[path.index] = slot;
  ++path.leaf->count;
  ++size_;
  for (unsigned h = 1; h <= height_; ++h) ++path.inner[h]->elements[path.child[h]];
  if (path.index == 0) refresh_firsts(path, 1, slot);
}

// The leaf is full. Afterwards `path` leads to where `slot` can be put.
void RankedTree::make_room(Path& path, const Slot& slot) {
  Leaf* const left = path.leaf;
  if (height_ == 0 && left->capacity < kFanout) {
    Leaf* const larger = make_leaf(std::min(kFanout, left->capacity * 2 + 2));
    larger->count = left->count;
    std::copy_n(left->slots(), left->count, larger->slots());
    free_leaf(left);
    root_ = path.leaf = larger;
    return;
  }
  std::uint32_t keep = left->count / 2;
  if (path.index == left->count && left->next == nullptr) keep = left->count;
  if (path.index == 0 && left->previous == nullptr) keep = 0;

  Leaf* const right = make_leaf(kFanout);
  right->count = left->count - keep;
  std::copy_n(left->slots() + keep, right->count, right->slots());
  left->count = keep;
  right->previous = left;
  right->next = left->next;
  if (right->next != nullptr) right->next->previous = right;
  left->next = right;

  const bool follow = path.index > keep || keep == kFanout;
  add_child(path, 1, right->count > 0 ? right->slots()[0] : slot, right, right->count, follow);
  if (!follow) return;
  path.leaf = right;
  path.index -= keep;
}

// Puts `node` behind the child that `path` goes through at this height; its `elements` were counted as that child's.
// `path` goes through the new one afterwards if `follow`.
void RankedTree::add_child(Path& path, unsigned height, const Slot& first, void* node, std::size_t elements,
                           bool follow) {
  if (height > height_) {
    STELE_ASSERT(height <= kHeightMax);
    Inner* const root = make_inner();
    root->count = 1;
    root->child[0] = root_;
    root->elements[0] = size_;
    if (height > 1) {
      root->first[0] = static_cast<Inner*>(root_)->first[0];
    } else {
      root->first[0] = static_cast<Leaf*>(root_)->count > 0 ? static_cast<Leaf*>(root_)->slots()[0] : first;
    }
    root_ = path.inner[height] = root;
    path.child[height] = 0;
    height_ = height;
  }
  Inner& parent = *path.inner[height];
  const std::uint32_t at = path.child[height] + 1;
  std::copy_backward(parent.first + at, parent.first + parent.count, parent.first + parent.count + 1);
  std::copy_backward(parent.child + at, parent.child + parent.count, parent.child + parent.count + 1);
  std::copy_backward(parent.elements + at, parent.elements + parent.count, parent.elements + parent.count + 1);
  parent.first[at] = first;
  parent.child[at] = node;
  parent.elements[at] = elements;
  parent.elements[at - 1] -= elements;
  ++parent.count;
  if (follow) path.child[height] = at;
  if (parent.count <= kFanout) return;

  const std::uint32_t keep = parent.count / 2;
  Inner* const right = make_inner();
  right->count = parent.count - keep;
  std::copy_n(parent.first + keep, right->count, right->first);
  std::copy_n(parent.child + keep, right->count, right->child);
  std::copy_n(parent.elements + keep, right->count, right->elements);
  parent.count = keep;
  std::size_t moved = 0;
  for (std::uint32_t i = 0; i < right->count; ++i) moved += right->elements[i];
  const bool follow_right = path.child[height] >= keep;
  add_child(path, height + 1, right->first[0], right, moved, follow_right);
  if (!follow_right) return;
  path.inner[height] = right;
  path.child[height] -= keep;
}

// The child that `path` goes through at this height begins with `first` now.
void RankedTree::refresh_firsts(Path& path, unsigned height, const Slot& first) {
  for (unsigned h = height; h <= height_; ++h) {
    path.inner[h]->first[path.child[h]] = first;
    if (path.child[h] > 0) return;
  }
}

// --- erasing

void RankedTree::erase(const Member* member) {
  Path path;
  descend_to(path, member);
  erase_slots(path, 1);
}

void RankedTree::erase_slots(Path& path, std::uint32_t count) {
  Leaf& leaf = *path.leaf;
  Slot* const slots = leaf.slots();
  std::copy(slots + path.index + count, slots + leaf.count, slots + path.index);
  leaf.count -= count;
  size_ -= count;
  for (unsigned h = 1; h <= height_; ++h) path.inner[h]->elements[path.child[h]] -= count;
  if (path.index == 0 && leaf.count > 0) refresh_firsts(path, 1, slots[0]);

  join_children(path, 1);
  while (height_ > 0 && static_cast<Inner*>(root_)->count == 1) {
    Inner* const root = static_cast<Inner*>(root_);
    root_ = root->child[0];
    --height_;
    free_inner(root);
  }
  if (size_ == 0) {
    free_below(root_, height_);
    root_ = nullptr;
    height_ = 0;
  }
}

// The child that `path` goes through at this height has become smaller: joins it with a neighbour if both fit into one,
// and so on upwards. None stays empty but the root.
void RankedTree::join_children(Path& path, unsigned height) {
  if (height > height_) return;
  Inner& parent = *path.inner[height];
  const std::uint32_t i = path.child[height];
  const auto count_of = [&](std::uint32_t child) {
    return height == 1 ? static_cast<Leaf*>(parent.child[child])->count
                       : static_cast<Inner*>(parent.child[child])->count;
  };
  const std::uint32_t count = count_of(i);
  // A leaf's count is known without looking at the leaf.
  const auto fit = [&](std::uint32_t other) {
    if (count == 0) return true;
    return count + (height == 1 ? parent.elements[other] : count_of(other)) <= kJoin;
  };
  if (i > 0 && fit(i - 1)) {
    join(parent, height, i - 1);
  } else if (i + 1 < parent.count && fit(i + 1)) {
    join(parent, height, i);
    refresh_firsts(path, height, parent.first[i]);
  } else if (count == 0) {
    STELE_ASSERT(parent.count == 1);
    if (height == 1) {
      Leaf* const leaf = path.leaf;
      if (leaf->previous != nullptr) leaf->previous->next = leaf->next;
      if (leaf->next != nullptr) leaf->next->previous = leaf->previous;
      free_leaf(leaf);
    } else {
      free_inner(static_cast<Inner*>(parent.child[i]));
    }
    parent.count = 0;
  } else {
    return;
  }
  join_children(path, height + 1);
}

// Moves what the child behind `left` has into `left`.
void RankedTree::join(Inner& parent, unsigned height, std::uint32_t left) {
  const std::uint32_t right = left + 1;
  if (height == 1) {
    Leaf* const a = static_cast<Leaf*>(parent.child[left]);
    Leaf* const b = static_cast<Leaf*>(parent.child[right]);
    std::copy_n(b->slots(), b->count, a->slots() + a->count);
    a->count += b->count;
    a->next = b->next;
    if (a->next != nullptr) a->next->previous = a;
    free_leaf(b);
    parent.first[left] = a->slots()[0];
  } else {
    Inner* const a = static_cast<Inner*>(parent.child[left]);
    Inner* const b = static_cast<Inner*>(parent.child[right]);
    std::copy_n(b->first, b->count, a->first + a->count);
    std::copy_n(b->child, b->count, a->child + a->count);
    std::copy_n(b->elements, b->count, a->elements + a->count);
    a->count += b->count;
    free_inner(b);
    parent.first[left] = a->first[0];
  }
  parent.elements[left] += parent.elements[right];
  std::copy(parent.first + right + 1, parent.first + parent.count, parent.first + right);
  std::copy(parent.child + right + 1, parent.child + parent.count, parent.child + right);
  std::copy(parent.elements + right + 1, parent.elements + parent.count, parent.elements + right);
  --parent.count;
}

// --- moving

// Whether the member that `path` leads to keeps its rank with another score.
bool RankedTree::stays_in_place(const Path& path, double score) const {
  const Leaf& leaf = *path.leaf;
  const std::string_view text = leaf.slots()[path.index].member->text();
  Cursor before(path.leaf, path.index), behind = before;
  before.previous();
  behind.next();
  const NotBehind not_behind{score, text};
  return (!before || not_behind(before.score(), before.member())) &&
         (!behind || !not_behind(behind.score(), behind.member()));
}

void RankedTree::move(Member* member, double score) {
  Path path;
  descend_to(path, member);
  if (stays_in_place(path, score)) {
    member->set_score(score);
    path.leaf->slots()[path.index].score = score;
    if (path.index == 0) refresh_firsts(path, 1, {score, member});
    return;
  }
  erase_slots(path, 1);
  member->set_score(score);
  insert(member);
}

}  // namespace stele
