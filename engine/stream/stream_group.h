#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include "engine/stream/stream_id.h"

namespace stele {

/// Who reads a stream as a member of a group.
struct StreamConsumer {
  static constexpr std::int64_t kNever = -1;

  std::string name;
  std::int64_t seen_ms = 0;           // when it last tried, unix ms
  std::int64_t active_ms = kNever;    // when it last got something
  absl::btree_set<StreamId> pending;  // of the group's, those that are this consumer's
};

/// An entry that was delivered and not yet acknowledged. It may be gone from the stream by now.
struct StreamPending {
  StreamConsumer* consumer = nullptr;
  std::int64_t delivered_ms = 0;  // unix ms
  std::uint64_t deliveries = 1;
};

/// How far a group of consumers has read a stream, and what they have not acknowledged.
///
/// Every pending entry belongs to exactly one consumer, which has its id in its own set.
class StreamGroup {
 public:
  static constexpr std::int64_t kUnknown = -1;

  using Pending = absl::btree_map<StreamId, StreamPending>;
  using Consumers = absl::btree_map<std::string, std::unique_ptr<StreamConsumer>, std::less<>>;

  StreamId last_id;                      // delivered
  std::int64_t entries_read = kUnknown;  // how many entries there ever were up to last_id

  const Pending& pending() const { return pending_; }
  const Consumers& consumers() const { return consumers_; }

  /// Null if there is none.
  StreamConsumer* find_consumer(std::string_view name) const;
  StreamConsumer& add_consumer(std::string_view name, std::int64_t now_ms);
  /// With all that it has pending.
  void erase_consumer(std::string_view name);

  /// The entry is `consumer`'s from now on, whosever it was; added if it was not pending.
  StreamPending& assign(StreamId id, StreamConsumer& consumer);
  /// Null if it is not pending.
  StreamPending* find_pending(StreamId id);
  /// False if it was not pending.
  bool erase_pending(StreamId id);

  StreamGroup copy() const;
  /// An estimate of the heap memory.
  std::size_t allocated_bytes() const;

 private:
  Pending pending_;
  Consumers consumers_;
};

}  // namespace stele
