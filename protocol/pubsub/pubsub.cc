#include "protocol/pubsub/pubsub.h"

#include "engine/glob.h"
#include "protocol/connection.h"
#include "protocol/pushes.h"
#include "protocol/resp_writer.h"

namespace stele {

namespace {

constexpr std::string_view kPatternMessage = "pmessage";
constexpr std::size_t kKeptBytesMax = 64 * 1024;

}  // namespace

bool PubSub::subscribe(Connection& connection, Topic topic, std::string_view name) {
  if (connection.subscriptions == nullptr) connection.subscriptions = std::make_unique<Subscriptions>();
  Table& audiences = table(topic);
  auto found = audiences.find(name);
  if (found == audiences.end()) {
    auto audience = std::make_unique<Audience>();
    audience->name = name;
    if (topic == Topic::pattern) patterns_.push_back(audience.get());
    const std::string_view key = audience->name;
    found = audiences.emplace(key, std::move(audience)).first;
  }
  Audience& audience = *found->second;
  auto& own = connection.subscriptions->tables[static_cast<std::size_t>(topic)][&audience];
  if (own != nullptr) return false;
  own = std::make_unique<Audience::Subscription>(
      Audience::Subscription{.subscriber = &connection, .previous = audience.last, .next = nullptr});
  (audience.last == nullptr ? audience.first : audience.last->next) = own.get();
  audience.last = own.get();
  ++audience.size;
  return true;
}

void PubSub::end(Topic topic, Audience& audience, Audience::Subscription& subscription) {
  (subscription.previous == nullptr ? audience.first : subscription.previous->next) = subscription.next;
  (subscription.next == nullptr ? audience.last : subscription.next->previous) = subscription.previous;
  if (--audience.size > 0) return;
  if (topic == Topic::pattern) std::erase(patterns_, &audience);
  table(topic).erase(std::string_view(audience.name));
}

bool PubSub::unsubscribe(Connection& connection, Topic topic, std::string_view name) {
  if (connection.subscriptions == nullptr) return false;
  const auto found = table(topic).find(name);
  if (found == table(topic).end()) return false;
  Audience& audience = *found->second;
  auto& own = connection.subscriptions->tables[static_cast<std::size_t>(topic)];
  const auto subscription = own.extract(&audience);
  if (subscription.empty()) return false;
  end(topic, audience, *subscription.mapped());
  return true;
}

void PubSub::forget(Connection& connection) {
  if (connection.subscriptions == nullptr) return;
  for (std::size_t i = 0; i < kTopics; ++i) {
    for (auto& [audience, subscription] : connection.subscriptions->tables[i]) {
      end(static_cast<Topic>(i), *audience, *subscription);
    }
  }
  connection.subscriptions.reset();
}

std::vector<std::string> PubSub::names(const Connection& connection, Topic topic) {
  std::vector<std::string> names;
  if (connection.subscriptions == nullptr) return names;
  for (const auto& [audience, subscription] : connection.subscriptions->tables[static_cast<std::size_t>(topic)]) {
    names.push_back(audience->name);
  }
  return names;
}

std::size_t PubSub::subscribers(Topic topic, std::string_view name) const {
  const auto found = table(topic).find(name);
  return found == table(topic).end() ? 0 : found->second->size;
}

std::size_t PubSub::deliver(const Audience& audience, std::string_view kind, std::string_view channel,
                            std::string_view message) {
  const bool by_pattern = kind == kPatternMessage;
  for (OutputBuffer& buffer : formatted_) buffer.clear();
  for (const Audience::Subscription* at = audience.first; at != nullptr; at = at->next) {
    Connection& subscriber = *at->subscriber;
    OutputBuffer& bytes = formatted_[subscriber.resp == RespVersion::resp3];
    if (bytes.empty()) {
      RespWriter writer(bytes, subscriber.resp);
      writer.push(by_pattern ? 4 : 3);
      writer.bulk(kind);
      if (by_pattern) writer.bulk(audience.name);
      writer.bulk(channel);
      writer.bulk(message);
    }
    pushes_.send(subscriber, bytes.view());
  }
  for (OutputBuffer& buffer : formatted_) {
    buffer.clear();
    buffer.shrink(kKeptBytesMax);
  }
  return audience.size;
}

std::size_t PubSub::publish(std::string_view channel, std::string_view message) {
  std::size_t receivers = 0;
  const auto found = table(Topic::channel).find(channel);
  if (found != table(Topic::channel).end()) receivers += deliver(*found->second, "message", channel, message);
  for (const Audience* pattern : patterns_) {
    if (glob_matches(pattern->name, channel)) receivers += deliver(*pattern, kPatternMessage, channel, message);
  }
  pushes_.end_delivery();
  return receivers;
}

std::size_t PubSub::publish_in_shard(std::string_view channel, std::string_view message) {
  const auto found = table(Topic::shard).find(channel);
  if (found == table(Topic::shard).end()) return 0;
  const std::size_t receivers = deliver(*found->second, "smessage", channel, message);
  pushes_.end_delivery();
  return receivers;
}

}  // namespace stele
