// MIGRATE: keys go to another server.
//
//     look up ──► link ──► login, database ──► RESTORE ... RESTORE ──► answers ──► what was acknowledged is deleted here
//                  ▲                                                      |
//                  `---- once more, if a kept connection turns out dead --+
//
// The server waits for the other one meanwhile, as Redis does: at any moment each key is whole in one of the two at least, and
// no client sees it in neither.

#include "engine/dump.h"
#include "protocol/command_tips.h"
#include "protocol/commands.h"
#include "protocol/commands_server.h"
#include "protocol/environment.h"
#include "protocol/migrate/target_links.h"

namespace stele {

namespace {

constexpr std::chrono::milliseconds kDefaultTimeout{1000};

struct Request {
  Target target;
  std::int64_t db = 0;
  std::chrono::milliseconds timeout = kDefaultTimeout;
  bool copy = false;
  bool replace = false;
  std::span<const std::string_view> keys;
};

bool parse(Call& call, Request& request) {
  request.target.host = call.arg(1);
  request.target.port = call.arg(2);
  request.keys = call.args().subspan(3, 1);
  for (std::size_t i = 6; i < call.argc(); ++i) {
    const std::size_t more = call.argc() - 1 - i;
    if (call.arg_is(i, "COPY")) {
      request.copy = true;
    } else if (call.arg_is(i, "REPLACE")) {
      request.replace = true;
    } else if (call.arg_is(i, "AUTH") && more >= 1) {
      request.target.user.reset();
      request.target.password = call.arg(++i);
    } else if (call.arg_is(i, "AUTH2") && more >= 2) {
      request.target.user = call.arg(++i);
      request.target.password = call.arg(++i);
    } else if (call.arg_is(i, "KEYS")) {
      if (!call.arg(3).empty()) {
        call.fail("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
        return false;
      }
      request.keys = call.args().subspan(i + 1);
      break;
    } else {
      return call.syntax_error(), false;
    }
  }
  std::int64_t timeout_ms = 0;
  if (!call.integer_arg(5, timeout_ms) || !call.integer_arg(4, request.db)) return false;
  if (timeout_ms > 0) request.timeout = std::chrono::milliseconds(timeout_ms);
  return true;
}

/// One MIGRATE on its way.
class Migration {
 public:
  Migration(Call& call, const Request& request) : call_(call), request_(request) {}

  void run() {
    Keyspace& keyspace = call_.keyspace();
    for (const std::string_view key : request_.keys) {
      if (keyspace.read(call_.db(), key)) wanted_.push_back(key);
    }
    if (wanted_.empty()) return call_.reply().simple("NOKEY");

    TargetLinks& links = call_.environment().target_links;
    link_ = links.take(request_.target);
    if (link_ != nullptr) {
      const Outcome outcome = transfer();
      if (outcome != Outcome::lost || answered_ > 0 || link_->timed_out()) return finish(outcome);
      // It was kept from an earlier command, and the other side had given it up. Should a key have arrived there all the
      // same, it is refused now, unless REPLACE.
    }
    if (!connect()) return;
    finish(transfer());
  }

 private:
  enum class Outcome {
    done,
    refused,  // by the other server: refusal_ has its words
    lost,     // no way to it, or no answer in time
  };

  bool connect() {
    failed_writing_ = false;
    refusal_.clear();
    switch (TargetLink::connect(request_.target.host, request_.target.port, request_.timeout, link_)) {
      case TargetLink::Connected::yes: return true;
      // Redis finds out only when it writes.
      case TargetLink::Connected::refused: call_.fail("IOERR error or timeout writing to target instance"); break;
      case TargetLink::Connected::no: call_.fail("IOERR error or timeout connecting to the client"); break;
    }
    return false;
  }

  Outcome transfer() {
    if (const Outcome outcome = prepare(); outcome != Outcome::done) return outcome;
    if (!send_keys()) return Outcome::lost;
    return read_answers();
  }

  /// Login and database, whose answers are waited for: keys must not end up with another user or in another database.
  Outcome prepare() {
    const Target& target = request_.target;
    OutputBuffer& output = link_->output();
    int answers = 0;
    if (target.password) {
      ++answers;
      if (target.user) {
        append_command(output, "AUTH", *target.user, *target.password);
      } else {
        append_command(output, "AUTH", *target.password);
      }
    }
    if (link_->db != request_.db) {
      ++answers;
      append_command(output, "SELECT", request_.db);
    }
    if (!flush()) return Outcome::lost;
    for (; answers > 0; --answers) {
      if (!read_answer()) return Outcome::lost;
    }
    if (!refusal_.empty()) return Outcome::refused;
    link_->db = request_.db;
    return Outcome::done;
  }

  bool send_keys() {
    sent_.clear();
    OutputBuffer& output = link_->output();
    for (const std::string_view key : wanted_) {
      const Item item = call_.keyspace().peek(call_.db(), key);
      if (!item) continue;
      std::int64_t ttl_ms = 0;
      if (const auto expire_at = item.entry->expire_at()) {
        // By the clock: for the other server, time went on while this one waited.
        ttl_ms = expire_at->ms() - unix_microseconds() / 1000;
        if (ttl_ms < 0) continue;  // it expires here
        ttl_ms = std::max<std::int64_t>(ttl_ms, 1);
      }
      const std::string payload = dump_payload(*item.entry);
      if (request_.replace) {
        append_command(output, "RESTORE", key, ttl_ms, payload, "REPLACE");
      } else {
        append_command(output, "RESTORE", key, ttl_ms, payload);
      }
      sent_.push_back(key);
      if (output.size() >= TargetLink::kWriteBytes && !flush()) return false;
    }
    return flush();
  }

  Outcome read_answers() {
    Keyspace& keyspace = call_.keyspace();
    std::vector<std::string_view> effect{"DEL"};
    bool lost = false;
    for (const std::string_view key : sent_) {
      const std::size_t refusals = refusals_;
      if (!read_answer()) {
        lost = true;
        break;
      }
      ++answered_;
      if (refusals_ > refusals || request_.copy) continue;
      Item item = keyspace.find(call_.db(), key);
      if (!item) continue;  // named twice
      keyspace.erase(item, keyspace.lazy_free().server_del);
      call_.notify(key_event::kGeneric, "del", key);
      effect.push_back(key);
    }
    if (effect.size() > 1) call_.effects().emit_list(call_.session().db, effect);
    if (!refusal_.empty()) {
      if (lost) link_.reset();
      return Outcome::refused;
    }
    return lost ? Outcome::lost : Outcome::done;
  }

  bool flush() {
    if (link_->flush(request_.timeout)) return true;
    failed_writing_ = true;
    return false;
  }

  /// The first refusal is the one that is told.
  bool read_answer() {
    const auto line = link_->read_line(request_.timeout);
    if (!line) return false;
    if (line->starts_with('-')) {
      ++refusals_;
      if (refusal_.empty()) refusal_ = line->substr(1);
    }
    return true;
  }

  void finish(Outcome outcome) {
    switch (outcome) {
      case Outcome::done: call_.reply().ok(); break;
      case Outcome::refused: call_.fail("ERR Target instance replied with error: " + refusal_); break;
      case Outcome::lost:
        call_.fail(failed_writing_ ? "IOERR error or timeout writing to target instance"
                                   : "IOERR error or timeout reading to target instance");
        return;
    }
    if (link_ != nullptr) call_.environment().target_links.keep(request_.target, std::move(link_));
  }

  Call& call_;
  const Request& request_;
  std::unique_ptr<TargetLink> link_;
  std::vector<std::string_view> wanted_;  // live when the command began
  std::vector<std::string_view> sent_;
  std::size_t answered_ = 0;  // keys of sent_
  std::size_t refusals_ = 0;
  std::string refusal_;
  bool failed_writing_ = false;
};

/// MIGRATE host port (key | "") destination-db timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key ...]
///
/// Effect  DEL of the keys that the other server acknowledged, unless COPY.
/// Errors  IOERR if it cannot be reached or does not answer within `timeout` milliseconds, which each wait may take; what was
///         acknowledged before is gone here all the same.
void migrate(Call& call) {
  Request request;
  if (!parse(call, request)) return;
  Migration(call, request).run();
}

using namespace command_flag;
namespace key = key_flag;

constexpr Flags kMoved = key::kRW | key::kAccess | key::kDelete;

const Command kCommands[] = {
    {.name = "migrate", .arity = -6, .flags = kWrite, .categories = category::kKeyspace | category::kDangerous,
     .keys = {KeySpec::one(3, kMoved),
              KeySpec{.flags = kMoved | key::kIncomplete, .begin = KeySpec::Begin::keyword, .find = KeySpec::Find::range,
                      .index = -2, .keyword = "KEYS", .last = -1, .step = 1}},
     .run = migrate, .group = "generic", .since = "2.6.0", .summary = "Moves keys to another server.",
     .complexity = "As DUMP and DEL here and RESTORE there, and O(N) to transfer the bytes.", .tips = tips::kVaries,
     .syntax = "host port:integer key_or_empty_string=(key|empty_string=\"\") destination-db:integer timeout:integer [COPY] "
               "[REPLACE] authentication=[[AUTH password]|[AUTH2 (username password)]] [KEYS key]..."},
};

}  // namespace

std::span<const Command> migrate_commands() { return kCommands; }

}  // namespace stele
