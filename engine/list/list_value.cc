#include "engine/list/list_value.h"

#include <utility>

#include "persistence/status.h"

namespace stele {

// --- ListView

ListView::ListView(const Entry& entry) {
  if (entry.encoding() == Encoding::quicklist) {
    const Quicklist& list = *static_cast<const Quicklist*>(entry.body());
    nodes_ = list.nodes();
    size_ = list.size();
    return;
  }
  only_.data = static_cast<char*>(entry.body());
  size_ = PackView(only_)->size();
  only_.count = static_cast<std::uint32_t>(size_) & 0x7FFFFFFF;
  nodes_ = {&only_, size_ == 0 ? 0u : 1u};
}

std::pair<std::size_t, std::int64_t> ListView::locate(std::size_t index) const {
  if (index < size_ / 2) {
    std::size_t n = 0;
    while (index >= nodes_[n].count) index -= nodes_[n++].count;
    return {n, static_cast<std::int64_t>(index)};
  }
  std::size_t behind = size_ - index;  // elements from the one sought to the end
  std::size_t n = nodes_.size() - 1;
  while (behind > nodes_[n].count) behind -= nodes_[n--].count;
  return {n, static_cast<std::int64_t>(nodes_[n].count - behind)};
}

std::optional<PackedValue> ListView::at(std::size_t index) const {
  if (index >= size_) return std::nullopt;
  const auto [n, offset] = locate(index);
  if (nodes_[n].plain) return nodes_[n].plain_value();
  const PackView pack(nodes_[n]);
  return pack->get(pack->at(offset));
}

std::optional<ListPlace> ListView::find(std::string_view text, ListEnd from) const {
  const ElementMatcher matches(text);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const std::size_t n = from == ListEnd::head ? i : nodes_.size() - 1 - i;
    if (nodes_[n].plain) {
      if (matches(nodes_[n].plain_value())) return ListPlace{n, Listpack::kNone};
      continue;
    }
    const PackView pack(nodes_[n]);
    if (from == ListEnd::head) {
      const Listpack::Place at = pack->find(text, pack->first());
      if (at != Listpack::kNone) return ListPlace{n, at};
    } else {
      for (Listpack::Place at = pack->last(); at != Listpack::kNone; at = pack->previous(at)) {
        if (matches(pack->get(at))) return ListPlace{n, at};
      }
    }
  }
  return std::nullopt;
}

// --- ListChange

namespace {

Listpack begin_with(Keyspace& keyspace, Item& item) {
  keyspace.begin_change(item);
  return Listpack::adopt(item.entry->body());
}

}  // namespace

ListChange::ListChange(Keyspace& keyspace, Item& item)
    : keyspace_(keyspace),
      item_(item),
      limit_(NodeLimit::of(keyspace.limits().list_max_listpack_size)),
      packed_(item && item.entry->encoding() == Encoding::listpack ? Quicklist(begin_with(keyspace, item))
                                                                   : Quicklist()) {
  if (!item_ || item_.entry->encoding() == Encoding::listpack) return;
  keyspace_.begin_change(item_);
  list_ = static_cast<Quicklist*>(item_.entry->body());
}

ListChange::~ListChange() { STELE_ASSERT(finished_); }

void ListChange::grow(std::size_t bytes, std::size_t elements) {
  if (list_ != &packed_) return;
  constexpr std::size_t kEmptyBytes = 7;
  const std::size_t total = packed_.empty() ? kEmptyBytes : PackView(packed_.nodes()[0])->total();
  to_quicklist_ = !limit_.allows(total + bytes, packed_.size() + elements);
}

bool ListChange::finish(Shrinks shrinks) {
  finished_ = true;
  if (!item_) {
    Entry* entry = make_list_entry(item_.key, std::move(packed_), !to_quicklist_, std::nullopt);
    keyspace_.create(item_, entry);
    return true;
  }
  Entry& entry = *item_.entry;
  if (list_ == &packed_) {
    if (to_quicklist_) {
      entry.set_body(new Quicklist(std::move(packed_)));
      entry.set_encoding(Encoding::quicklist);
    } else {
      entry.set_body(packed_.take_pack().release());
    }
  }
  const bool is_empty = entry.encoding() == Encoding::quicklist ? static_cast<Quicklist*>(entry.body())->empty()
                                                                : ListView(entry).size() == 0;
  if (is_empty) {
    keyspace_.erase(item_);
    return false;
  }
  if (shrinks == Shrinks::yes && entry.encoding() == Encoding::quicklist) {
    auto* list = static_cast<Quicklist*>(entry.body());
    if (list->is_one_pack()) {
      const NodeLimit half = limit_.half();
      if (half.allows(PackView(list->nodes()[0])->total(), list->size())) {
        entry.set_body(list->take_pack().release());
        entry.set_encoding(Encoding::listpack);
        delete list;
      }
    }
  }
  keyspace_.end_change(item_, &entry);
  return true;
}

// --- new entries

Entry* make_list_entry(std::string_view key, Quicklist list, bool as_listpack, std::optional<UnixTime> expire_at) {
  STELE_ASSERT(!list.empty());
  if (as_listpack && list.is_one_pack()) {
    return Entry::make_body(key, ObjectType::list, Encoding::listpack, list.take_pack().release(), expire_at);
  }
  return Entry::make_body(key, ObjectType::list, Encoding::quicklist, new Quicklist(std::move(list)), expire_at);
}

Entry* make_list_entry(std::string_view key, Quicklist list, const NodeLimit& limit) {
  NodeLimit whole = limit;
  if (whole.by_count) whole.bytes = std::numeric_limits<std::size_t>::max();
  const bool fits = list.is_one_pack() && whole.allows(PackView(list.nodes()[0])->total(), list.size());
  return make_list_entry(key, std::move(list), fits, std::nullopt);
}

}  // namespace stele
