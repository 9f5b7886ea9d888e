// CLIENT TRACKING, CACHING, TRACKINGINFO, GETREDIR: client-side caching.

#include "protocol/commands_client.h"
#include "protocol/environment.h"
#include "protocol/resp_integer.h"
#include "protocol/tracking/tracking.h"

namespace stele::client_command {

namespace {

/// The options from argument 3 on. False after an error reply.
bool parse_options(Call& call, TrackingState& options) {
  for (std::size_t i = 3; i < call.argc(); ++i) {
    const bool more = i + 1 < call.argc();
    if (call.arg_is(i, "REDIRECT") && more) {
      if (options.redirect != 0) {
        call.fail("ERR A client can only redirect to a single other client");
        return false;
      }
      std::int64_t id = 0;
      if (!call.integer_arg(++i, id)) return false;
      if (id <= 0 || call.environment().clients.find(static_cast<std::uint64_t>(id)) == nullptr) {
        call.fail("ERR The client ID you want redirect to does not exist");
        return false;
      }
      options.redirect = static_cast<std::uint64_t>(id);
    } else if (call.arg_is(i, "BCAST")) {
      options.bcast = true;
    } else if (call.arg_is(i, "OPTIN")) {
      options.optin = true;
    } else if (call.arg_is(i, "OPTOUT")) {
      options.optout = true;
    } else if (call.arg_is(i, "NOLOOP")) {
      options.noloop = true;
    } else if (call.arg_is(i, "PREFIX") && more) {
      options.prefixes.emplace_back(call.arg(++i));
    } else {
      call.syntax_error();
      return false;
    }
  }
  return true;
}

bool overlap(std::string_view a, std::string_view b) { return a.starts_with(b) || b.starts_with(a); }

/// A key must belong to one prefix of a client at most. False after an error reply.
bool check_prefixes(Call& call, const std::vector<std::string>& had, const std::vector<std::string>& given) {
  const auto refuse = [&call](std::string_view prefix, std::string_view kind, std::string_view other) {
    call.fail(
        fmt::format("ERR Prefix '{}' overlaps with {} prefix '{}'. Prefixes for a single client must not overlap.",
                    prefix, kind, other));
    return false;
  };
  for (std::size_t i = 0; i < given.size(); ++i) {
    for (const std::string& other : had) {
      if (overlap(given[i], other)) return refuse(given[i], "an existing", other);
    }
    for (std::size_t j = i + 1; j < given.size(); ++j) {
      if (overlap(given[i], given[j])) return refuse(given[i], "another provided", given[j]);
    }
  }
  return true;
}

/// Whether the options go together, and with those the connection has. False after an error reply.
bool check_options(Call& call, const TrackingState* current, const TrackingState& options) {
  static constexpr std::string_view kOffFirst =
      "before disabling tracking for this client, and then re-enabling it with a different mode.";
  if (!options.bcast && !options.prefixes.empty()) {
    call.fail("ERR PREFIX option requires BCAST mode to be enabled");
  } else if (current != nullptr && current->bcast != options.bcast) {
    call.fail(fmt::format("ERR You can't switch BCAST mode on/off {}", kOffFirst));
  } else if (options.bcast && (options.optin || options.optout)) {
    call.fail("ERR OPTIN and OPTOUT are not compatible with BCAST");
  } else if (options.optin && options.optout) {
    call.fail("ERR You can't specify both OPTIN mode and OPTOUT mode");
  } else if (current != nullptr && ((options.optin && current->optout) || (options.optout && current->optin))) {
    call.fail(fmt::format("ERR You can't switch OPTIN/OPTOUT mode {}", kOffFirst));
  } else {
    static const std::vector<std::string> kNone;
    return check_prefixes(call, current == nullptr ? kNone : current->prefixes, options.prefixes);
  }
  return false;
}

}  // namespace

/// CLIENT TRACKING (ON | OFF) [REDIRECT client-id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]
void tracking(Call& call) {
  TrackingState options;
  if (!parse_options(call, options)) return;
  Connection& connection = connection_of(call);
  Tracking& tracking = *call.environment().tracking;
  if (call.arg_is(2, "ON")) {
    if (!check_options(call, connection.tracking.get(), options)) return;
    tracking.enable(connection, std::move(options));
  } else if (call.arg_is(2, "OFF")) {
    tracking.disable(connection);
  } else {
    return call.syntax_error();
  }
  call.reply().ok();
}

/// CLIENT CACHING (YES | NO): about the next command, or the transaction that it begins.
void caching(Call& call) {
  TrackingState* const state = connection_of(call).tracking.get();
  if (state == nullptr) {
    return call.fail(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode "
        "enabled");
  }
  if (call.arg_is(2, "YES")) {
    if (!state->optin) return call.fail("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
  } else if (call.arg_is(2, "NO")) {
    if (!state->optout)
      return call.fail("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
  } else {
    return call.syntax_error();
  }
  state->caching = true;
  call.reply().ok();
}

/// CLIENT GETREDIR: -1 without tracking, 0 if it is this client that is told.
void getredir(Call& call) {
  const TrackingState* const state = connection_of(call).tracking.get();
  call.reply().integer(state == nullptr ? -1 : static_cast<std::int64_t>(state->redirect));
}

/// CLIENT TRACKINGINFO
void trackinginfo(Call& call) {
  static const TrackingState kNone;
  const TrackingState* const current = connection_of(call).tracking.get();
  const TrackingState& state = current == nullptr ? kNone : *current;
  std::vector<std::string_view> flags{current == nullptr ? "off" : "on"};
  if (state.bcast) flags.emplace_back("bcast");
  if (state.optin) flags.emplace_back("optin");
  if (state.optin && state.caching) flags.emplace_back("caching-yes");
  if (state.optout) flags.emplace_back("optout");
  if (state.optout && state.caching) flags.emplace_back("caching-no");
  if (state.noloop) flags.emplace_back("noloop");
  if (state.broken_redirect) flags.emplace_back("broken_redirect");
  RespWriter& reply = call.reply();
  reply.map(3);
  reply.bulk("flags");
  reply.set(flags.size());
  for (const std::string_view flag : flags) reply.bulk(flag);
  reply.bulk("redirect");
  reply.integer(current == nullptr ? -1 : static_cast<std::int64_t>(state.redirect));
  reply.bulk("prefixes");
  reply.array(state.prefixes.size());
  for (const std::string& prefix : state.prefixes) reply.bulk(prefix);
}

}  // namespace stele::client_command
