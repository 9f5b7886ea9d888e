// CLIENT KILL, PAUSE, UNPAUSE, UNBLOCK: what one client does to others.

#include "protocol/acl/acl.h"
#include "protocol/blocked_clients.h"
#include "protocol/client_text.h"
#include "protocol/commands_client.h"
#include "protocol/environment.h"
#include "protocol/resp_integer.h"

namespace stele::client_command {

namespace {

/// Whom CLIENT KILL means: who fits all that was given.
struct Victims {
  std::optional<std::string_view> peer;
  std::optional<std::string_view> local;
  std::optional<std::string_view> user;
  std::optional<ClientType> type;
  std::optional<std::uint64_t> id;
  bool spare_me = true;

  bool include(const Connection& connection, const Connection& me) const {
    if (peer && connection.peer != *peer) return false;
    if (local && connection.local != *local) return false;
    if (user && connection.user != *user) return false;
    if (type && type_of(connection) != *type) return false;
    if (id && connection.id != *id) return false;
    return !spare_me || &connection != &me;
  }
};

/// One option of the new form and its value, at `i`. False after an error reply.
bool parse_option(Call& call, std::size_t i, Victims& victims) {
  if (i + 1 >= call.argc()) {
    call.syntax_error();
    return false;
  }
  const std::string_view value = call.arg(i + 1);
  if (call.arg_is(i, "ID")) {
    const auto id = parse_integer(value);
    if (!id || *id < 1) {
      call.fail("ERR client-id should be greater than 0");
      return false;
    }
    victims.id = static_cast<std::uint64_t>(*id);
  } else if (call.arg_is(i, "TYPE")) {
    victims.type = client_type_of_name(value);
    if (!victims.type) {
      call.fail(fmt::format("ERR Unknown client type '{}'", value));
      return false;
    }
  } else if (call.arg_is(i, "ADDR")) {
    victims.peer = value;
  } else if (call.arg_is(i, "LADDR")) {
    victims.local = value;
  } else if (call.arg_is(i, "USER")) {
    if (call.environment().acl->find(value) == nullptr) {
      call.fail(fmt::format("ERR No such user '{}'", value));
      return false;
    }
    victims.user = value;
  } else if (call.arg_is(i, "SKIPME") && (call.arg_is(i + 1, "YES") || call.arg_is(i + 1, "NO"))) {
    victims.spare_me = call.arg_is(i + 1, "YES");
  } else {
    call.syntax_error();
    return false;
  }
  return true;
}

void too_many_arguments(Call& call) {
  call.fail(fmt::format("ERR unknown subcommand or wrong number of arguments for '{:.128}'. Try CLIENT HELP.", call.arg(1)));
}

}  // namespace

/// CLIENT KILL addr | CLIENT KILL option value [option value ...]: the old form is answered OK, the new one with a count.
void kill(Call& call) {
  Connection& me = connection_of(call);
  Clients& clients = call.environment().clients;
  Victims victims;
  const bool old_form = call.argc() == 3;
  if (old_form) {
    victims.peer = call.arg(2);
    victims.spare_me = false;
  } else {
    for (std::size_t i = 2; i < call.argc(); i += 2) {
      if (!parse_option(call, i, victims)) return;
    }
  }

  std::vector<Connection*> found;
  clients.for_each([&](Connection& connection) {
    if (victims.include(connection, me)) found.push_back(&connection);
  });
  if (old_form && found.empty()) return call.fail("ERR No such client");
  old_form ? call.reply().ok() : call.reply().integer(static_cast<std::int64_t>(found.size()));
  for (Connection* connection : found) {
    // The client that asked reads the reply first.
    connection == &me ? clients.close_after_reply(me) : clients.close(*connection);
  }
}

/// CLIENT PAUSE timeout [WRITE | ALL]: a pause that is on is made longer or stricter by it, never the opposite.
void pause(Call& call) {
  if (call.argc() > 4) return too_many_arguments(call);
  bool reads_too = true;
  if (call.argc() == 4) {
    reads_too = call.arg_is(3, "ALL");
    if (!reads_too && !call.arg_is(3, "WRITE")) return call.fail("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  const auto ms = parse_integer(call.arg(2));
  if (!ms) return call.fail("ERR timeout is not an integer or out of range");
  if (*ms < 0) return call.fail("ERR timeout is negative");
  // The clock counts nanoseconds and ends at 292 years.
  constexpr std::int64_t kLongestMs = std::int64_t{100} * 365 * 24 * 3600 * 1000;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(std::min(*ms, kLongestMs));

  Pause& paused = call.environment().pause;
  paused.reads_too = reads_too || (paused.is_asked_for() && paused.reads_too);
  paused.until = std::max(paused.until, until);
  call.reply().ok();
}

/// CLIENT UNPAUSE
void unpause(Call& call) {
  Environment& environment = call.environment();
  environment.pause = Pause{.failover = environment.pause.failover, .shutdown = environment.pause.shutdown};
  std::vector<Connection*> waiting;
  environment.clients.for_each([&](Connection& connection) {
    if (connection.waits == Waits::for_pause) waiting.push_back(&connection);
  });
  for (Connection* connection : waiting) environment.resume(*connection);
  call.reply().ok();
}

/// CLIENT UNBLOCK client-id [TIMEOUT | ERROR]
void unblock(Call& call) {
  bool as_error = false;
  if (call.argc() > 4) return too_many_arguments(call);
  if (call.argc() == 4) {
    as_error = call.arg_is(3, "ERROR");
    if (!as_error && !call.arg_is(3, "TIMEOUT")) return call.fail("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  std::int64_t id = 0;
  if (!call.integer_arg(2, id)) return;
  Environment& environment = call.environment();
  Connection* target = id > 0 ? environment.clients.find(static_cast<std::uint64_t>(id)) : nullptr;
  const bool can = target != nullptr && target->waits == Waits::blocked;
  if (can) environment.blocked->unblock(*target, as_error ? "UNBLOCKED client unblocked via CLIENT UNBLOCK" : "");
  call.reply().integer(can ? 1 : 0);
}

}  // namespace stele::client_command
