// Clients as CLIENT LIST shows them.

#include "protocol/client_text.h"

#include "engine/command_registry.h"
#include "protocol/resp_text.h"

namespace stele {

namespace {

constexpr std::size_t kReplyBlockBytes = 16 * 1024;

std::string flags_of(const Connection& connection) {
  std::string flags;
  const auto add = [&flags](bool is_set, char letter) {
    if (is_set) flags += letter;
  };
  add(connection.replica, connection.monitor ? 'O' : 'S');
  add(connection.monitor && !connection.replica, 'O');
  add(connection.primary, 'M');
  add(connection.is_subscriber(), 'P');
  add(connection.in_multi, 'x');
  add(is_blocked(connection), 'b');
  add(connection.tracking != nullptr, 't');
  add(connection.tracking != nullptr && connection.tracking->broken_redirect, 'R');
  add(connection.tracking != nullptr && connection.tracking->bcast, 'B');
  add(connection.watch.touched, 'd');
  add(connection.close_after_reply, 'c');
  add(connection.unix_socket, 'U');
  add(connection.no_evict, 'e');
  add(connection.no_touch, 'T');
  return flags.empty() ? std::string(1, 'N') : flags;
}

// Each of these counts here and in an index of its own: a watched key, a subscription, a prefix of CLIENT TRACKING.
constexpr std::size_t kWatchBytes = 2 * sizeof(std::pair<int, std::string>) + 2 * sizeof(void*);
constexpr std::size_t kSubscriptionBytes = sizeof(Audience) + sizeof(Audience::Subscription) + 4 * sizeof(void*);
constexpr std::size_t kPrefixBytes = 4 * sizeof(std::string);

/// Of what the client has asked to be told about.
std::size_t interest_bytes(const Connection& connection) {
  std::size_t bytes = connection.watch.keys.size() * kWatchBytes;
  if (const Subscriptions* all = connection.subscriptions.get()) {
    bytes += (all->channels_and_patterns() + all->count(Topic::shard)) * kSubscriptionBytes;
  }
  if (connection.tracking != nullptr) bytes += connection.tracking->prefixes.size() * kPrefixBytes;
  return bytes;
}

std::int64_t seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(to - from).count());
}

}  // namespace

bool is_blocked(const Connection& connection) {
  return connection.waits == Waits::blocked || connection.waits == Waits::for_pause || connection.waits == Waits::for_acks ||
         connection.waits == Waits::for_end;
}

std::optional<ClientType> client_type_of_name(std::string_view name) {
  if (equals_ignoring_case(name, "normal")) return ClientType::normal;
  if (equals_ignoring_case(name, "master")) return ClientType::primary;
  if (equals_ignoring_case(name, "replica") || equals_ignoring_case(name, "slave")) return ClientType::replica;
  if (equals_ignoring_case(name, "pubsub")) return ClientType::pubsub;
  return std::nullopt;
}

ClientType type_of(const Connection& connection) {
  if (connection.primary) return ClientType::primary;
  if (connection.replica) return ClientType::replica;
  return connection.is_subscriber() ? ClientType::pubsub : ClientType::normal;
}

std::size_t client_bytes(const Connection& connection) {
  return sizeof connection + connection.input.capacity() + connection.output.capacity() + connection.parser.allocated_bytes() +
         connection.queue_bytes + interest_bytes(connection) + connection.name.size() + connection.peer.size() + connection.local.size();
}

void append_client_line(std::string& out, const Connection& connection, const ClientSight& sight) {
  const bool asks = !sight.command.empty();
  std::string_view command = sight.command;
  if (!asks && connection.last_command != nullptr) {
    const bool in_parts = connection.last_command->row->run == nullptr && connection.last_subcommand != nullptr;
    command = in_parts ? connection.last_subcommand->full_name : connection.last_command->full_name;
  }
  if (command.empty()) command = "NULL";
  // The command that asks was read where it was received; only what follows it would be in the buffer.
  const std::size_t query =
      std::max(connection.input.size() - std::min(connection.parser.parsed(), connection.input.size()),
               asks ? connection.parser.consumed() : 0);
  const std::int64_t queued = connection.in_multi ? static_cast<std::int64_t>(connection.queue.size()) : -1;
  const std::int64_t redirect = connection.tracking == nullptr ? -1 : static_cast<std::int64_t>(connection.tracking->redirect);
  auto at = std::back_inserter(out);
  fmt::format_to(at, "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={}", connection.id, connection.peer,
                 connection.local, connection.fd, connection.name, seconds_between(connection.created, sight.now),
                 seconds_between(connection.last_active, sight.now), flags_of(connection), connection.db);
  const auto subscribed = [&](Topic topic) {
    return connection.subscriptions == nullptr ? 0 : connection.subscriptions->count(topic);
  };
  fmt::format_to(at, " sub={} psub={} ssub={} multi={} qbuf={} qbuf-free={} argv-mem={} multi-mem={}",
                 subscribed(Topic::channel), subscribed(Topic::pattern), subscribed(Topic::shard), queued,
                 query,
                 connection.input.capacity() - connection.input.size(), sight.argument_bytes,
                 connection.queue_bytes);
  // Redis has a buffer of at most 16 KiB and behind it a list of blocks; so much of ours is shown as either.
  const std::size_t in_buffer = std::min(connection.output.size(), kReplyBlockBytes);
  const std::size_t in_list = connection.output.size() - in_buffer;
  fmt::format_to(at, " rbs={} rbp={} obl={} oll={} omem={} tot-mem={} events=r{} cmd={} user={} redir={} resp={}",
                 std::min(connection.output.capacity(), kReplyBlockBytes),
                 std::max(connection.output_peak, connection.output.size()), in_buffer,
                 (in_list + kReplyBlockBytes - 1) / kReplyBlockBytes, in_list, client_bytes(connection), connection.watches_writes ? "w" : "", command,
                 connection.user, redirect, static_cast<int>(connection.resp));
  fmt::format_to(at, " lib-name={} lib-ver={}\n", connection.lib_name, connection.lib_version);
}

bool is_valid_client_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

}  // namespace stele
