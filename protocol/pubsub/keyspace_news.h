#pragma once

#include <cstdint>
#include <string>

#include "engine/key_events.h"
#include "engine/keyspace.h"

namespace stele {

class PubSub;
class Tracking;

/// Passes on what the keyspace says of itself: notifications to PubSub, changes to Tracking. Asks the keyspace for no
/// more than somebody wants to know.
///
///     event "set" of key "a" in database 3     K:  __keyspace@3__:a  set
///                                              E:  __keyevent@3__:set  a
class KeyspaceNews final : public KeyspaceObserver {
 public:
  KeyspaceNews(Keyspace& keyspace, PubSub& pubsub, Tracking& tracking)
      : keyspace_(keyspace), pubsub_(pubsub), tracking_(tracking) {}
  ~KeyspaceNews() override { keyspace_.observe(nullptr, false, 0); }

  /// `letters`: the bits of `notify-keyspace-events` as the configuration has them.
  void set_notifications(std::int64_t letters);
  /// Whether anybody tracks has changed.
  void update();

  void key_event(std::uint32_t kind, std::string_view event, int db, std::string_view key) override;
  void key_changed(int db, std::string_view key, bool by_client) override;
  void database_changed(int db) override;

 private:
  void publish(std::string_view space, int db, std::string_view name, std::string_view message);

  Keyspace& keyspace_;
  PubSub& pubsub_;
  Tracking& tracking_;
  std::uint32_t kinds_ = 0;  // bits of key_event
  std::string channel_;      // reused
};

}  // namespace stele
