#include "tests/system/server_pair.h"

#include <algorithm>
#include <cctype>
#include <set>

#include <fmt/format.h>

#include "tests/system/compare.h"

namespace stele::test {
namespace {

constexpr std::size_t kPipelineMax = 16;
constexpr std::chrono::seconds kReplyTimeout{30};
constexpr std::array<int, 5> kDatabases{0, 1, 2, 3, 15};  // those that Source::database() can name

bool is_named(const Command& command, std::string_view upper_name) {
  return std::ranges::equal(command[0], upper_name,
                            [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; });
}

std::string both(const Reply& stele, const Reply& redis) {
  return fmt::format("  stele: {}\n  redis: {}", describe(stele), describe(redis));
}

// All that an iteration returns, in `elements`, a pair as one; the first reply itself if that is no page of one.
Reply scan_all(Client& client, Command command) {
  Reply all{.type = '*'};
  std::set<std::string> seen;
  const bool of_key = !is_named(command, "SCAN");
  const bool pairs = is_named(command, "ZSCAN") || is_named(command, "HSCAN");
  const std::size_t cursor = of_key ? 2 : 1;
  for (;;) {
    const Reply page = client.run_arguments(command);
    if (page.type != '*' || page.elements.size() != 2) return page;
    const std::vector<Reply>& elements = page.elements[1].elements;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      Reply element = elements[i];
      if (pairs && i + 1 < elements.size()) element.text += "=" + elements[++i].text;
      if (seen.insert(element.text).second) all.elements.push_back(element);
    }
    // A damaged command may have ended before its cursor.
    if (command.size() <= cursor) return all;
    command[cursor] = page.elements[0].text;
    if (command[cursor] == "0") return all;
  }
}

}  // namespace

std::string describe(const Step& step) {
  switch (step.kind) {
    case Step::Kind::kill9:
      return "   kill -9 stele, restart";
    case Step::Kind::restart:
      return "   restart stele";
    case Step::Kind::sabotage:
      return "   sabotage";
    case Step::Kind::command:
      break;
  }
  std::string text = fmt::format("{}>", step.connection);
  for (const std::string& arg : step.command) text += " " + quote(arg, 120);
  return text;
}

ServerPair::ServerPair(int resp, std::vector<std::string> stele_args)
    : resp_(resp), redis_{"--appendonly", "no"}, stele_(std::move(stele_args)) {
  connect();
}

void ServerPair::connect() {
  for (Connections& connections : connections_) {
    connections = {.stele = stele_.connect(kReplyTimeout), .redis = redis_.connect(kReplyTimeout), .queued = {}};
    if (resp_ == 3) {
      connections.stele->run("HELLO", 3);
      connections.redis->run("HELLO", 3);
    }
  }
  stele_state_ = stele_.connect(kReplyTimeout);
  redis_state_ = redis_.connect(kReplyTimeout);
}

void ServerPair::reset() {
  if (!stele_.running()) stele_.restart();
  connect();
  stele_state_->run("FLUSHALL");
  redis_state_->run("FLUSHALL");
  for (Client* const client : {&*stele_state_, &*redis_state_}) {
    client->run("FUNCTION", "FLUSH");
    client->run("SCRIPT", "FLUSH");
  }
}

void ServerPair::restart_both() {
  redis_.restart();
  if (stele_.running()) stele_.kill9();  // it may be past terminating
  stele_.restart();
  connect();
}

std::optional<Mismatch> ServerPair::run(std::span<const Step> steps) {
  for (std::size_t begin = 0; begin < steps.size();) {
    const auto pipelines = [&](const Step& step) {
      return step.kind == Step::Kind::command && step.connection == steps[begin].connection &&
             step.compare != Compare::scan;
    };
    std::size_t end = begin;
    while (end < steps.size() && end - begin < kPipelineMax && pipelines(steps[end])) ++end;
    std::size_t at = begin;
    try {
      if (end == begin) {
        end = begin + 1;
        if (steps[begin].kind != Step::Kind::command) {
          run_event(steps[begin]);
        } else if (auto what = run_scan(connections_[steps[begin].connection], steps[begin])) {
          return Mismatch{begin, *what};
        }
      } else {
        Connections& connections = connections_[steps[begin].connection];
        for (std::size_t i = begin; i < end; ++i) {
          connections.stele->send(steps[i].command);
          connections.redis->send(steps[i].command);
        }
        connections.stele->flush();
        connections.redis->flush();
        for (; at < end; ++at) {
          const Reply redis = connections.redis->read();
          const Reply stele = connections.stele->read();
          if (auto what = check(connections, steps[at], stele, redis)) return Mismatch{at, *what};
        }
      }
    } catch (const std::runtime_error& e) {
      return Mismatch{at, fmt::format("{}\n  {}", describe(steps[at]), e.what())};
    }
    begin = end;
  }
  return std::nullopt;
}

std::optional<std::string> ServerPair::check(Connections& connections, const Step& step, const Reply& stele,
                                             const Reply& redis) {
  std::string name = step.command[0].substr(0, 12);
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  Tally& tally = tallies_[name];
  ++tally.runs;
  tally.errors += redis.is_error() ? 1 : 0;
  tally.nulls += redis.null ? 1 : 0;
  tally.queued += redis.type == '+' && redis.text == "QUEUED" ? 1 : 0;

  bool agree = false;
  if (is_named(step.command, "EXEC") && redis.is_aggregate() && !redis.null) {
    agree = stele.type == redis.type && stele.elements.size() == redis.elements.size() &&
            redis.elements.size() == connections.queued.size();
    for (std::size_t i = 0; agree && i < redis.elements.size(); ++i) {
      agree = same(stele.elements[i], redis.elements[i], connections.queued[i], restarted_);
    }
  } else {
    agree = same(stele, redis, step.compare, restarted_);
  }
  if (is_named(step.command, "MULTI") && redis.type == '+') connections.queued.clear();
  if (redis.type == '+' && redis.text == "QUEUED") connections.queued.push_back(step.compare);
  if (agree) return std::nullopt;
  return fmt::format("{}\n{}", describe(step), both(stele, redis));
}

std::optional<std::string> ServerPair::run_scan(Connections& connections, const Step& step) {
  if (step.command.size() < 2 || step.command[1] != "0") {
    const Reply stele = connections.stele->run_arguments(step.command);
    return check(connections, step, stele, connections.redis->run_arguments(step.command));
  }
  const Reply stele = scan_all(*connections.stele, step.command);
  const Reply redis = scan_all(*connections.redis, step.command);
  if (stele.type != '*' || redis.type != '*') return check(connections, step, stele, redis);
  ++tallies_["SCAN"].runs;
  if (same(stele, redis, Compare::as_set)) return std::nullopt;
  return fmt::format("{} (the whole iteration)\n{}", describe(step), both(stele, redis));
}

void ServerPair::run_event(const Step& step) {
  if (step.kind == Step::Kind::sabotage) {
    stele_state_->run("SELECT", 0);
    stele_state_->run("SET", "s0", "sabotage");
    return;
  }
  if (step.kind == Step::Kind::kill9) stele_.kill9();
  stele_.restart();
  restarted_ = true;
  connect();
  redis_state_->run("SCRIPT", "FLUSH");  // what no server remembers over a restart
}

std::optional<std::string> ServerPair::compare_state() {
  // Naming a key makes a server drop it if its time has passed; each would do so at its own pace otherwise.
  static const std::vector<std::string> universe = key_universe();
  Command exists{"EXISTS"};
  exists.insert(exists.end(), universe.begin(), universe.end());
  try {
    for (const int database : kDatabases) {
      for (const Command& command : {Command{"SELECT", std::to_string(database)}, exists, Command{"DBSIZE"}}) {
        const Reply redis = redis_state_->run_arguments(command);
        const Reply stele = stele_state_->run_arguments(command);
        if (stele != redis) {
          return fmt::format("{} in database {}\n{}{}", command[0], database, both(stele, redis), differing_keys());
        }
      }
    }
    const Reply redis = redis_state_->run("DEBUG", "DIGEST");
    const Reply stele = stele_state_->run("DEBUG", "DIGEST");
    if (stele != redis) return fmt::format("DEBUG DIGEST\n{}{}", both(stele, redis), differing_keys());
  } catch (const std::runtime_error& e) {
    return fmt::format("while comparing states: {}", e.what());
  }
  return std::nullopt;
}

std::string ServerPair::differing_keys() {
  std::string text;
  for (const int database : kDatabases) {
    std::set<std::string> keys;
    for (Client* client : {&*stele_state_, &*redis_state_}) {
      client->run("SELECT", database);
      for (const Reply& key : client->run("KEYS", "*").elements) keys.insert(key.text);
    }
    for (const std::string& key : keys) {
      const auto look = [&](Client& client) {
        return fmt::format("{} digest {} ttl {} value {}", describe(client.run("TYPE", key)),
                           describe(client.run("DEBUG", "DIGEST-VALUE", key)), describe(client.run("TTL", key)),
                           describe(client.run("GET", key)));
      };
      const bool same_digest =
          redis_state_->run("DEBUG", "DIGEST-VALUE", key) == stele_state_->run("DEBUG", "DIGEST-VALUE", key);
      const bool same_lifetime =
          same(redis_state_->run("PTTL", key), stele_state_->run("PTTL", key), Compare::near_millis);
      const bool same_existence = redis_state_->run("EXISTS", key) == stele_state_->run("EXISTS", key);
      if (same_digest && same_lifetime && same_existence) continue;
      text += fmt::format("\n  database {} key {}\n    stele: {}\n    redis: {}", database, quote(key),
                          look(*stele_state_), look(*redis_state_));
    }
  }
  return text;
}

}  // namespace stele::test
