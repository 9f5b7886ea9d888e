#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "protocol/resp_buffer.h"

namespace stele {

struct Connection;
class Pushes;

/// What can be subscribed to. The three have nothing to do with one another, even under the same name.
enum class Topic : std::uint8_t { channel, pattern, shard };
inline constexpr std::size_t kTopics = 3;

/// Those who subscribed to one name, the first first. A subscription is a link in two ways: in this list, and in the
/// subscriber's table. So it ends in O(1), however many there are on either side.
struct Audience {
  struct Subscription {
    Connection* subscriber;
    Subscription* previous;
    Subscription* next;
  };

  std::string name;
  Subscription* first = nullptr;
  Subscription* last = nullptr;
  std::size_t size = 0;
};

/// What one connection has subscribed to.
struct Subscriptions {
  using Table = absl::flat_hash_map<Audience*, std::unique_ptr<Audience::Subscription>>;
  std::array<Table, kTopics> tables;

  std::size_t count(Topic topic) const { return tables[static_cast<std::size_t>(topic)].size(); }
  /// What SUBSCRIBE and PSUBSCRIBE answer; shard channels are counted apart.
  std::size_t channels_and_patterns() const { return count(Topic::channel) + count(Topic::pattern); }
  bool empty() const { return channels_and_patterns() + count(Topic::shard) == 0; }
};

/// Who listens to what, and the delivery of messages.
///
///     PUBLISH ──► channel's audience, then each pattern that matches, in the order in which patterns were first
///     subscribed to
///                   `─► a message is formatted once for each protocol version, then copied to outputs
///
/// Messages are no effects: they reach who is connected, and are not in the journal.
/// Threads: the executor.
class PubSub {
 public:
  explicit PubSub(Pushes& pushes) : pushes_(pushes) {}
  PubSub(const PubSub&) = delete;
  PubSub& operator=(const PubSub&) = delete;

  /// False if it was subscribed already.
  bool subscribe(Connection& connection, Topic topic, std::string_view name);
  /// False if it was not subscribed.
  bool unsubscribe(Connection& connection, Topic topic, std::string_view name);
  /// Ends all subscriptions, silently.
  void forget(Connection& connection);
  /// The names `connection` has subscribed to, in no particular order.
  static std::vector<std::string> names(const Connection& connection, Topic topic);

  /// How many received `message`; one that subscribed in several ways counts as often. O(subscribers + patterns).
  std::size_t publish(std::string_view channel, std::string_view message);
  std::size_t publish_in_shard(std::string_view channel, std::string_view message);
  /// publish() would reach nobody, whatever the channel.
  bool nobody_listens() const { return table(Topic::channel).empty() && table(Topic::pattern).empty(); }

  std::size_t subscribers(Topic topic, std::string_view name) const;
  /// Names with a subscriber.
  std::size_t count(Topic topic) const { return table(topic).size(); }
  template <typename Visit>
  void for_each_name(Topic topic, Visit&& visit) const {
    for (const auto& [name, audience] : table(topic)) visit(name);
  }

 private:
  using Table = absl::flat_hash_map<std::string_view, std::unique_ptr<Audience>>;  // keys point into the audience

  const Table& table(Topic topic) const { return tables_[static_cast<std::size_t>(topic)]; }
  Table& table(Topic topic) { return tables_[static_cast<std::size_t>(topic)]; }
  void end(Topic topic, Audience& audience, Audience::Subscription& subscription);
  std::size_t deliver(const Audience& audience, std::string_view kind, std::string_view channel,
                      std::string_view message);

  Pushes& pushes_;
  std::array<Table, kTopics> tables_;
  std::vector<Audience*> patterns_;        // those of the table, the oldest first
  std::array<OutputBuffer, 2> formatted_;  // the message being delivered, in RESP2 and RESP3; empty in between
};

}  // namespace stele
