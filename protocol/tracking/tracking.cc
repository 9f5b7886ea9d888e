#include "protocol/tracking/tracking.h"

#include <algorithm>

#include <fmt/format.h>

#include "protocol/clients.h"
#include "protocol/pushes.h"
#include "protocol/resp_writer.h"

namespace stele {

namespace {

constexpr std::string_view kInvalidate = ">2\r\n$10\r\ninvalidate\r\n";
constexpr std::string_view kInvalidateMessage = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";

}  // namespace

void Tracking::enable(Connection& connection, TrackingState options) {
  const bool first = connection.tracking == nullptr && tracking_clients_ == 0;
  if (connection.tracking == nullptr) {
    ++tracking_clients_;
    connection.tracking = std::make_unique<TrackingState>();
  }
  if (options.bcast) {
    if (options.prefixes.empty()) options.prefixes.emplace_back();
    for (const std::string& prefix : options.prefixes) prefixes_[prefix].clients.insert(connection.id);
  }
  options.caching = connection.tracking->caching;
  const std::vector<std::string>& had = connection.tracking->prefixes;
  for (const std::string& prefix : had) {
    if (std::find(options.prefixes.begin(), options.prefixes.end(), prefix) == options.prefixes.end()) {
      options.prefixes.push_back(prefix);
    }
  }
  *connection.tracking = std::move(options);
  if (first) changed_use_();
}

void Tracking::leave_prefixes(Connection& connection) {
  for (const std::string& name : connection.tracking->prefixes) {
    const auto found = prefixes_.find(name);
    found->second.clients.erase(connection.id);
    if (found->second.clients.empty()) prefixes_.erase(found);
  }
}

void Tracking::disable(Connection& connection) {
  if (connection.tracking == nullptr) return;
  leave_prefixes(connection);
  connection.tracking.reset();
  if (--tracking_clients_ > 0) return;
  table_.clear();
  rows_.clear();
  items_ = 0;
  changed_use_();
}

Connection* Tracking::reader(std::uint64_t id) {
  Connection* connection = clients_.find(id);
  return connection == nullptr || connection->tracking == nullptr || connection->tracking->bcast ? nullptr : connection;
}

void Tracking::add_reader(std::string_view key, std::uint64_t id) {
  auto found = table_.find(key);
  if (found == table_.end()) {
    auto row = std::make_unique<Row>(Row{.key = std::string(key), .readers = {}, .place = rows_.size()});
    rows_.push_back(row.get());
    const std::string_view own_key = row->key;
    found = table_.emplace(own_key, std::move(row)).first;
  }
  std::vector<std::uint64_t>& readers = found->second->readers;
  auto at = std::lower_bound(readers.begin(), readers.end(), id);
  if (at != readers.end() && *at == id) return;
  if (readers.size() > 1 && readers.size() == readers.capacity()) {
    // A popular key that never changes would collect everyone who ever came.
    const std::size_t before = readers.size();
    std::erase_if(readers, [this](std::uint64_t reader_id) { return reader(reader_id) == nullptr; });
    items_ -= before - readers.size();
    at = std::lower_bound(readers.begin(), readers.end(), id);
  }
  readers.insert(at, id);
  ++items_;
}

void Tracking::remember(Connection& connection, const RegisteredCommand& command,
                        std::span<const std::string_view> args) {
  const TrackingState& state = *connection.tracking;
  // What a script reads is remembered as it reads it.
  if (state.bcast || !command.is(command_flag::kReadonly) || command.row->group == "scripting") return;
  if ((state.optin && !state.caching) || (state.optout && state.caching)) return;
  if (all_changed_) tell_all_changed();  // what is read now is newer
  positions_.clear();
  key_positions(command, args, positions_);
  for (const KeyPosition& position : positions_) {
    add_reader(args[static_cast<std::size_t>(position.index)], connection.id);
  }
  trim(positions_.size());
}

Tracking::Row Tracking::take_row(std::size_t place) {
  Row* const row = rows_[place];
  rows_[place] = rows_.back();
  rows_[place]->place = place;
  rows_.pop_back();
  items_ -= row->readers.size();
  auto node = table_.extract(std::string_view(row->key));
  return std::move(*node.mapped());
}

void Tracking::key_changed(std::string_view key, bool by_client) {
  if (all_changed_) tell_all_changed();
  Connection* const by = by_client ? pushes_.running() : nullptr;
  for (auto& [prefix, news] : prefixes_) {
    if (!key.starts_with(prefix)) continue;
    news.changed.insert_or_assign(std::string(key), by == nullptr ? 0 : by->id);
    prefixes_changed_ = true;
  }
  if (rows_.empty()) return;
  const auto found = table_.find(key);
  if (found == table_.end()) return;
  const Row row = take_row(found->second->place);
  tell_readers(row, by);
}

void Tracking::tell_readers(const Row& row, const Connection* by) {
  OutputBuffer keys;
  RespWriter writer(keys, RespVersion::resp2);
  writer.array(1);
  writer.bulk(row.key);
  for (const std::uint64_t id : row.readers) {
    Connection* const connection = reader(id);
    if (connection == nullptr || (connection == by && connection->tracking->noloop)) continue;
    tell(*connection, keys.view());
  }
  pushes_.end_delivery();
}

void Tracking::drop_rows(std::size_t most) {
  while (rows_.size() > keys_max_ && most-- > 0) {
    random_ ^= random_ << 13, random_ ^= random_ >> 7, random_ ^= random_ << 17;
    // Nobody changed it: NOLOOP spares no one.
    const Row row = take_row(random_ % rows_.size());
    tell_readers(row, nullptr);
  }
}

void Tracking::tell(Connection& connection, std::optional<std::string_view> keys) {
  Connection* target = &connection;
  if (const std::uint64_t redirect = connection.tracking->redirect; redirect != 0) {
    target = clients_.find(redirect);
    if (target == nullptr) {
      connection.tracking->broken_redirect = true;
      if (connection.resp != RespVersion::resp3) return;
      return pushes_.send(connection, fmt::format(">2\r\n$21\r\ntracking-redir-broken\r\n:{}\r\n", redirect));
    }
  }
  if (target->resp == RespVersion::resp3) {
    pushes_.send(*target, kInvalidate);
    pushes_.send(*target, keys.value_or("_\r\n"));
  } else if (target != &connection && target->is_subscriber()) {
    pushes_.send(*target, kInvalidateMessage);
    pushes_.send(*target, keys.value_or("$-1\r\n"));
  }
  // RESP2 has no way to say it unasked to one that does not listen.
}

void Tracking::all_changed() {
  all_changed_ = true;
  table_.clear();
  rows_.clear();
  items_ = 0;
}

void Tracking::tell_all_changed() {
  all_changed_ = false;
  clients_.for_each([this](Connection& connection) {
    if (connection.tracking != nullptr) tell(connection, std::nullopt);
  });
  pushes_.end_delivery();
}

void Tracking::tell_prefixes() {
  prefixes_changed_ = false;
  // One message for all, but for those who do not want to hear of their own changes.
  const auto format = [](const auto& changed, std::uint64_t but_by) {
    OutputBuffer keys;
    RespWriter writer(keys, RespVersion::resp2);
    const auto mark = writer.begin_array(changed.size());
    std::size_t n = 0;
    for (const auto& [key, by] : changed) {
      if (but_by != 0 && by == but_by) continue;
      writer.bulk(key);
      ++n;
    }
    writer.end_array(mark, n);
    if (n == 0) keys.clear();
    return keys;
  };
  for (auto& [name, prefix] : prefixes_) {
    if (prefix.changed.empty()) continue;
    const auto changed = std::exchange(prefix.changed, {});
    const OutputBuffer all = format(changed, 0);
    for (const std::uint64_t id : prefix.clients) {
      Connection* const connection = clients_.find(id);
      if (connection == nullptr) continue;
      if (!connection->tracking->noloop) {
        tell(*connection, all.view());
        continue;
      }
      const OutputBuffer others = format(changed, id);
      if (!others.empty()) tell(*connection, others.view());
    }
  }
  pushes_.end_delivery();
}

}  // namespace stele
