#include "engine/stream/stream_group.h"

namespace stele {

namespace {

// A B-tree node has room for more than it holds; on average it is about three quarters full.
constexpr std::size_t in_tree(std::size_t bytes) { return bytes + bytes / 3; }

}  // namespace

StreamConsumer* StreamGroup::find_consumer(std::string_view name) const {
  const auto found = consumers_.find(name);
  return found == consumers_.end() ? nullptr : found->second.get();
}

StreamConsumer& StreamGroup::add_consumer(std::string_view name, std::int64_t now_ms) {
  auto consumer = std::make_unique<StreamConsumer>();
  consumer->name = name;
  consumer->seen_ms = now_ms;
  return *consumers_.emplace(consumer->name, std::move(consumer)).first->second;
}

void StreamGroup::erase_consumer(std::string_view name) {
  const auto found = consumers_.find(name);
  for (const StreamId id : found->second->pending) pending_.erase(id);
  consumers_.erase(found);
}

StreamPending& StreamGroup::assign(StreamId id, StreamConsumer& consumer) {
  // What is delivered first is mostly behind all that is pending.
  const auto place = pending_.try_emplace(pending_.end(), id);
  StreamPending& pending = place->second;
  if (pending.consumer != &consumer) {
    if (pending.consumer != nullptr) pending.consumer->pending.erase(id);
    pending.consumer = &consumer;
    consumer.pending.insert(consumer.pending.end(), id);
  }
  return pending;
}

StreamPending* StreamGroup::find_pending(StreamId id) {
  const auto found = pending_.find(id);
  return found == pending_.end() ? nullptr : &found->second;
}

bool StreamGroup::erase_pending(StreamId id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return false;
  found->second.consumer->pending.erase(id);
  pending_.erase(found);
  return true;
}

StreamGroup StreamGroup::copy() const {
  StreamGroup fresh;
  fresh.last_id = last_id;
  fresh.entries_read = entries_read;
  for (const auto& [name, consumer] : consumers_) {
    auto same = std::make_unique<StreamConsumer>(*consumer);
    for (const StreamId id : same->pending) {
      const StreamPending& pending = pending_.find(id)->second;
      fresh.pending_.emplace(id, StreamPending{same.get(), pending.delivered_ms, pending.deliveries});
    }
    fresh.consumers_.emplace(name, std::move(same));
  }
  return fresh;
}

std::size_t StreamGroup::allocated_bytes() const {
  std::size_t bytes = in_tree(pending_.size() * (sizeof(Pending::value_type) + sizeof(StreamId)));
  for (const auto& [name, consumer] : consumers_) {
    bytes += in_tree(sizeof(Consumers::value_type)) + sizeof(StreamConsumer);
    if (name.size() > 15) bytes += 2 * name.size();
  }
  return bytes;
}

}  // namespace stele
