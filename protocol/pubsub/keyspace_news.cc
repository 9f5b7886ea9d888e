#include "protocol/pubsub/keyspace_news.h"

#include <fmt/format.h>

#include "protocol/config.h"
#include "protocol/pubsub/pubsub.h"
#include "protocol/tracking/tracking.h"

namespace stele {

void KeyspaceNews::set_notifications(std::int64_t letters) {
  static constexpr std::pair<std::int64_t, std::uint32_t> kKinds[] = {
      {kNotifyKeyspace, key_event::kKeyspace}, {kNotifyKeyevent, key_event::kKeyevent},
      {kNotifyGeneric, key_event::kGeneric},   {kNotifyString, key_event::kString},
      {kNotifyList, key_event::kList},         {kNotifySet, key_event::kSet},
      {kNotifyHash, key_event::kHash},         {kNotifyZset, key_event::kZset},
      {kNotifyExpired, key_event::kExpired},   {kNotifyEvicted, key_event::kEvicted},
      {kNotifyStream, key_event::kStream},     {kNotifyModule, key_event::kModule},
      {kNotifyKeyMiss, key_event::kKeyMiss},   {kNotifyNew, key_event::kNew},
  };
  kinds_ = 0;
  for (const auto& [letter, kind] : kKinds) {
    if (letters & letter) kinds_ |= kind;
  }
  update();
}

void KeyspaceNews::update() {
  // Without K and E there is no channel that an event could be published in.
  const bool published = (kinds_ & (key_event::kKeyspace | key_event::kKeyevent)) != 0;
  keyspace_.observe(this, tracking_.used(), published ? kinds_ : 0);
}

void KeyspaceNews::publish(std::string_view space, int db, std::string_view name, std::string_view message) {
  channel_.assign(space);
  fmt::format_to(std::back_inserter(channel_), "{}", db);
  channel_.append("__:").append(name);
  pubsub_.publish(channel_, message);
}

void KeyspaceNews::key_event(std::uint32_t, std::string_view event, int db, std::string_view key) {
  if (pubsub_.nobody_listens()) return;
  if (kinds_ & key_event::kKeyspace) publish("__keyspace@", db, key, event);
  if (kinds_ & key_event::kKeyevent) publish("__keyevent@", db, event, key);
}

void KeyspaceNews::key_changed(int, std::string_view key, bool by_client) { tracking_.key_changed(key, by_client); }

void KeyspaceNews::database_changed(int) { tracking_.all_changed(); }

}  // namespace stele
