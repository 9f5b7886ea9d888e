#include "engine/list/quicklist.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "persistence/status.h"
#include "protocol/resp_integer.h"

namespace stele {

namespace {

// What an element may need besides its text, by Redis' estimate: encodings follow from it.
constexpr std::size_t kElementOverhead = 8;
constexpr std::size_t kListpackFrame = 7;
// Nodes limited by a count have at most these bytes, as in Redis.
constexpr std::size_t kCountedNodeBytesMax = 8192;
constexpr std::uint32_t kNodesMin = 4;

ListNode plain_node(std::string_view text) {
  ListNode node;
  node.data = static_cast<char*>(std::malloc(std::max<std::size_t>(text.size(), 1)));
  if (node.data == nullptr) throw std::bad_alloc();
  if (!text.empty()) std::memcpy(node.data, text.data(), text.size());
  node.bytes = static_cast<std::uint32_t>(text.size());
  node.count = 1;
  node.plain = 1;
  return node;
}

ListNode packed_node(Listpack pack, std::size_t count) {
  ListNode node;
  node.data = static_cast<char*>(pack.release());
  node.count = static_cast<std::uint32_t>(count) & 0x7FFFFFFF;
  return node;
}

ListNode packed_node(std::string_view text) {
  Listpack pack;
  pack.append(text);
  return packed_node(std::move(pack), 1);
}

void free_node(ListNode& node) {
  if (node.plain) {
    std::free(node.data);
  } else {
    Listpack::adopt(node.data);
  }
  node.data = nullptr;
}

void set_count(ListNode& node, std::size_t count) { node.count = static_cast<std::uint32_t>(count) & 0x7FFFFFFF; }

}  // namespace

NodeLimit NodeLimit::of(std::int64_t list_max_listpack_size) {
  if (list_max_listpack_size >= 0) {
    const auto count = std::clamp<std::int64_t>(list_max_listpack_size, 1, 1 << 15);
    return {.bytes = kCountedNodeBytesMax, .count = static_cast<std::uint32_t>(count), .by_count = true};
  }
  const auto size_class = std::min<std::int64_t>(-list_max_listpack_size, 5);
  return {.bytes = std::size_t{2048} << size_class};
}

ElementMatcher::ElementMatcher(std::string_view text) : text_(text), integer_(parse_integer(text)) {}

Quicklist::Quicklist(Listpack pack) {
  size_ = pack.size();
  if (size_ == 0) return;
  only_ = packed_node(std::move(pack), size_);
  count_ = 1;
}

Quicklist::~Quicklist() {
  for (std::size_t i = 0; i < count_; ++i) free_node(node(i));
  if (has_array()) std::free(nodes_);
}

Quicklist::Quicklist(Quicklist&& other) noexcept
    : begin_(other.begin_), count_(other.count_), capacity_(other.capacity_), size_(other.size_), only_(other.only_) {
  if (other.has_array()) nodes_ = other.nodes_;
  other.nodes_ = &other.only_;
  other.begin_ = other.count_ = 0;
  other.capacity_ = 1;
  other.size_ = 0;
}

Quicklist Quicklist::copy() const {
  Quicklist fresh;
  for (const ListNode& old : nodes()) {
    if (old.plain) {
      fresh.push_plain({old.data, old.bytes});
      continue;
    }
    const PackView pack(old);
    Listpack twin(pack->total());
    twin.append_all(*pack);
    fresh.add_node(fresh.count_) = packed_node(std::move(twin), old.count);
    fresh.size_ += old.count;
  }
  return fresh;
}

std::size_t Quicklist::allocated_bytes() const {
  std::size_t bytes = has_array() ? malloc_usable_size(nodes_) : 0;
  for (const ListNode& n : nodes()) bytes += n.plain ? malloc_usable_size(n.data) : PackView(n)->allocated_bytes();
  return bytes;
}

Listpack Quicklist::take_pack() {
  STELE_ASSERT(is_one_pack());
  if (count_ == 0) return Listpack();
  Listpack pack = Listpack::adopt(begin()->data);
  count_ = 0;
  size_ = 0;
  return pack;
}

// --- the array

void Quicklist::move_to(std::uint32_t capacity, ListEnd growing) {
  auto* fresh = static_cast<ListNode*>(std::malloc(capacity * sizeof(ListNode)));
  if (fresh == nullptr) throw std::bad_alloc();
  const std::uint32_t fresh_begin = begin_in(capacity, growing);
  std::copy_n(begin(), count_, fresh + fresh_begin);
  if (has_array()) std::free(nodes_);
  nodes_ = fresh;
  begin_ = fresh_begin;
  capacity_ = capacity;
}

/// Most of the room goes to the end where nodes are added, but the other one gets its share: whichever is hit next, as
/// many nodes were added since as a fixed part of those that have to be moved.
std::uint32_t Quicklist::begin_in(std::uint32_t capacity, ListEnd growing) const {
  const std::uint32_t room = capacity - count_;
  return growing == ListEnd::head ? room - room / 4 : room / 4;
}

ListNode& Quicklist::add_node(std::size_t at) {
  const bool towards_front = at < count_ - at;
  if (towards_front ? begin_ == 0 : begin_ + count_ == capacity_) {
    const ListEnd growing = towards_front ? ListEnd::head : ListEnd::tail;
    if (count_ <= capacity_ - capacity_ / 8 && capacity_ >= 2 * kNodesMin) {
      // The room is at the other end: a queue has walked to the end of its array.
      const std::uint32_t fresh_begin = begin_in(capacity_, growing);
      std::memmove(static_cast<void*>(nodes_ + fresh_begin), begin(), count_ * sizeof(ListNode));
      begin_ = fresh_begin;
    } else {
      STELE_ASSERT(capacity_ <= std::numeric_limits<std::uint32_t>::max() / 2);
      move_to(std::max(kNodesMin, capacity_ + std::max(kNodesMin, capacity_ / 4)), growing);
    }
  }
  if (towards_front) {
    std::memmove(static_cast<void*>(nodes_ + begin_ - 1), begin(), at * sizeof(ListNode));
    --begin_;
  } else {
    std::memmove(static_cast<void*>(begin() + at + 1), begin() + at, (count_ - at) * sizeof(ListNode));
  }
  ++count_;
  node(at) = ListNode();
  return node(at);
}

void Quicklist::remove_nodes(std::size_t at, std::size_t n) {
  if (n == 0) return;
  const std::size_t behind = count_ - at - n;
  if (at < behind) {
    std::memmove(static_cast<void*>(begin() + n), begin(), at * sizeof(ListNode));
    begin_ += static_cast<std::uint32_t>(n);
  } else {
    std::memmove(static_cast<void*>(begin() + at), begin() + at + n, behind * sizeof(ListNode));
  }
  count_ -= static_cast<std::uint32_t>(n);
  if (has_array() && capacity_ > 4 * kNodesMin && count_ < capacity_ / 8) move_to(capacity_ / 4, ListEnd::tail);
}

// --- places

std::pair<std::size_t, std::size_t> Quicklist::locate(std::size_t index) const {
  const std::span<const ListNode> all = nodes();
  if (index < size_ / 2) {
    std::size_t n = 0;
    while (index >= all[n].count) index -= all[n++].count;
    return {n, index};
  }
  std::size_t behind = size_ - index;  // elements from the one sought to the end
  std::size_t n = all.size() - 1;
  while (behind > all[n].count) behind -= all[n--].count;
  return {n, all[n].count - behind};
}

// --- changes

bool Quicklist::has_room(const ListNode& node, std::string_view text, const NodeLimit& limit) const {
  if (node.plain) return false;
  return limit.allows(PackView(node)->total() + text.size() + kElementOverhead, node.count + std::size_t{1});
}

void Quicklist::push(ListEnd end, std::string_view text, const NodeLimit& limit) {
  const std::size_t at_end = end == ListEnd::head ? 0 : count_;
  if (text.size() > limit.bytes) {
    add_node(at_end) = plain_node(text);
    ++size_;
    return;
  }
  if (count_ > 0) {
    ListNode& last = node(end == ListEnd::head ? 0 : count_ - 1);
    if (!last.plain) {
      LentPack pack(last);
      if (limit.allows(pack->total() + text.size() + kElementOverhead, last.count + std::size_t{1})) {
        end == ListEnd::head ? pack->prepend(text) : pack->append(text);
        ++last.count;
        ++size_;
        return;
      }
      pack->shrink();  // it is full and will stay as it is
    }
  }
  add_node(at_end) = packed_node(text);
  ++size_;
}

void Quicklist::push_node(Listpack pack) {
  const std::size_t elements = pack.size();
  add_node(count_) = packed_node(std::move(pack), elements);
  size_ += elements;
}

void Quicklist::push_plain(std::string_view text) {
  add_node(count_) = plain_node(text);
  ++size_;
}

void Quicklist::split(std::size_t n, Listpack::Place at) {
  std::size_t before = 0;
  ListNode right;
  {
    LentPack left(node(n));
    for (Listpack::Place place = left->first(); place != at; place = left->next(place)) ++before;
    Listpack rest(left->total());
    rest.append_all(*left);
    rest.erase(rest.first(), before);
    rest.shrink();
    const std::size_t behind = node(n).count - before;
    left->erase(at, behind);
    left->shrink();
    right = packed_node(std::move(rest), behind);
  }
  set_count(node(n), before);
  add_node(n + 1) = right;
}

void Quicklist::try_merge(std::size_t n, const NodeLimit& limit) {
  if (n + 1 >= count_ || node(n).plain || node(n + 1).plain) return;
  const std::size_t elements = std::size_t{node(n).count} + node(n + 1).count;
  {
    LentPack left(node(n));
    const PackView right(node(n + 1));
    if (!limit.allows(left->total() + right->total() - kListpackFrame, elements)) return;
    left->append_all(*right);
  }
  set_count(node(n), elements);
  free_node(node(n + 1));
  remove_nodes(n + 1, 1);
}

void Quicklist::insert(ListPlace place, bool after, std::string_view text, const NodeLimit& limit) {
  ++size_;
  const bool is_long = text.size() > limit.bytes;
  std::size_t boundary = after ? place.node + 1 : place.node;
  bool was_split = false;
  if (!node(place.node).plain) {
    if (!is_long && has_room(node(place.node), text, limit)) {
      LentPack pack(node(place.node));
      after ? pack->insert_after(place.at, text) : pack->insert_before(place.at, text);
      ++node(place.node).count;
      return;
    }
    const PackView pack(node(place.node));
    const Listpack::Place behind = after ? pack->next(place.at) : place.at;
    was_split = behind != Listpack::kNone && behind != pack->first();
    if (was_split) boundary = place.node + 1;
    place.at = behind;
  }
  if (was_split) split(place.node, place.at);

  // Between two nodes now: at the end of one, the start of the other, or in one of its own.
  if (!is_long && boundary > 0 && has_room(node(boundary - 1), text, limit)) {
    LentPack(node(boundary - 1))->append(text);
    ++node(boundary - 1).count;
  } else if (!is_long && boundary < count_ && has_room(node(boundary), text, limit)) {
    LentPack(node(boundary))->prepend(text);
    ++node(boundary).count;
  } else {
    add_node(boundary) = is_long ? plain_node(text) : packed_node(text);
  }
  if (!was_split) return;
  for (std::size_t n = boundary + 2; n-- > (boundary > 2 ? boundary - 2 : 0);) try_merge(n, limit);
}

void Quicklist::replace(std::size_t index, std::string_view text, const NodeLimit& limit) {
  const auto [n, offset] = locate(index);
  const bool is_long = text.size() > limit.bytes;
  if (node(n).count == 1) {
    ListNode fresh = is_long ? plain_node(text) : packed_node(text);
    free_node(node(n));
    node(n) = fresh;
    return;
  }
  if (!is_long) {
    LentPack pack(node(n));
    const Listpack::Place at = pack->at(static_cast<std::int64_t>(offset));
    const PackedValue old = pack->get(at);
    if ((!old.is_integer() && text.size() <= old.bytes) ||
        limit.allows(pack->total() + text.size() + kElementOverhead, node(n).count)) {
      pack->replace(at, text);
      return;
    }
  }
  erase(index, 1);
  if (index == size_) return push(ListEnd::tail, text, limit);
  const auto [there, behind] = locate(index);
  const Listpack::Place at =
      node(there).plain ? Listpack::kNone : PackView(node(there))->at(static_cast<std::int64_t>(behind));
  insert({there, at}, false, text, limit);
}

void Quicklist::erase(std::size_t first, std::size_t count) {
  if (count == 0) return;
  auto [n, offset] = locate(first);
  size_ -= count;
  // Only the first and the last node can lose a part; those in between go whole.
  std::size_t gone_at = 0, gone = 0;
  for (; count > 0; ++n, offset = 0) {
    ListNode& here = node(n);
    const std::size_t take = std::min<std::size_t>(count, here.count - offset);
    count -= take;
    if (take == here.count) {
      free_node(here);
      if (gone++ == 0) gone_at = n;
      continue;
    }
    LentPack pack(here);
    pack->erase(pack->at(static_cast<std::int64_t>(offset)), take);
    set_count(here, here.count - take);
  }
  remove_nodes(gone_at, gone);
}

std::size_t Quicklist::remove_equal(std::string_view text, ListPlace place, ListEnd from, std::size_t most) {
  const ElementMatcher matches(text);
  std::size_t removed = 0;
  bool emptied = false;
  for (std::size_t n = place.node; n < count_ && removed < most;
       from == ListEnd::head ? ++n : --n) {  // -1 is not < count_
    ListNode& here = node(n);
    if (here.plain) {
      if (!matches(here.plain_value())) continue;
      ++removed;
      here.count = 0;
    } else {
      LentPack pack(here);
      Listpack::Place at = from == ListEnd::head ? pack->first() : pack->last();
      while (at != Listpack::kNone && removed < most) {
        const bool found = matches(pack->get(at));
        if (from == ListEnd::head) {
          at = found ? pack->erase(at) : pack->next(at);
        } else {
          const Listpack::Place before = pack->previous(at);  // stays where it is
          if (found) pack->erase(at);
          at = before;
        }
        if (!found) continue;
        ++removed;
        --here.count;
      }
    }
    if (here.count == 0) {
      free_node(here);
      emptied = true;
    }
  }
  size_ -= removed;
  if (emptied) {
    // All at once: node by node it would be the square of them.
    ListNode* const end = std::remove_if(begin(), begin() + count_, [](const ListNode& n) { return n.count == 0; });
    const auto left = static_cast<std::size_t>(end - begin());
    remove_nodes(left, count_ - left);
  }
  return removed;
}

}  // namespace stele
