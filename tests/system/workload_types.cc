// Workloads on keys of every type. Each follows what the server should hold in a model of its own, operation by
// operation.
#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/system/workload.h"

namespace stele::test {
namespace {

using Lines = std::vector<std::string>;
using Command = std::vector<std::string>;

/// A workload whose state is compared as lines: `State` has apply(n), what operation n does, and lines().
template <typename State>
class Modelled : public Workload {
 public:
  explicit Modelled(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string verify(Client& client, std::int64_t first, std::int64_t last, std::int64_t& k) override {
    const Lines found = observe(client);
    while (applied_ < first) model_.apply(++applied_);
    State trial = model_;
    const std::string difference = difference_between(found, trial.lines());
    for (std::int64_t n = first;; trial.apply(++n)) {
      if (trial.lines() == found) {
        model_ = std::move(trial);
        k = applied_ = n;
        return "";
      }
      if (n == last) break;
    }
    return fmt::format("{} is in no state after operation {} .. {}; after the first it should {}", prefix_, first, last,
                       difference);
  }

 protected:
  virtual Lines observe(Client& client) = 0;

  std::string key(std::string_view name) const { return prefix_ + std::string(name); }

 private:
  static std::string difference_between(const Lines& found, const Lines& expected) {
    const auto [a, b] = std::ranges::mismatch(found, expected);
    return fmt::format("have {} lines and has {}, at {} {} and is {}", expected.size(), found.size(), a - found.begin(),
                       b == expected.end() ? "end" : *b, a == found.end() ? "at its end" : *a);
  }

  const std::string prefix_;
  State model_;
  std::int64_t applied_ = 0;
};

void add_line(Lines& lines, std::string_view name, Lines elements) {
  lines.push_back(fmt::format("{}: {}", name, elements.size()));
  for (std::string& element : elements) lines.push_back(std::move(element));
}

Lines texts(const Reply& reply) {
  if (reply.is_error()) return {describe(reply)};
  Lines out;
  for (const Reply& element : reply.elements) out.push_back(element.text);
  return out;
}

Lines pairs(const Reply& reply) {
  Lines out;
  for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    out.push_back(reply.elements[i].text + "=" + reply.elements[i + 1].text);
  }
  return out;
}

Lines sorted(Lines lines) {
  std::ranges::sort(lines);
  return lines;
}

// --- hash

/// Fields set, counted and deleted. There are so many, as of members below, that checkpoints serialise them in slices; prime
/// numbers, so that what is deleted is now and then what was set.
struct HashState {
  std::map<std::string, std::int64_t> fields;

  static std::string set_field(std::int64_t n) { return fmt::format("f{}", n * 7 % 4001); }
  static std::string deleted_field(std::int64_t n) { return fmt::format("f{}", n * 11 % 4001); }
  void apply(std::int64_t n) {
    if (n % 5 == 3) {
      fields.erase(deleted_field(n));
    } else if (n % 5 == 4) {
      fields["sum"] += n;
    } else {
      fields[set_field(n)] = n;
    }
  }
  Lines lines() const {
    Lines out;
    for (const auto& [field, value] : fields) out.push_back(fmt::format("{}={}", field, value));
    return sorted(std::move(out));
  }
};

class HashFields : public Modelled<HashState> {
 public:
  explicit HashFields(int id) : Modelled(fmt::format("w{}:hash", id)) {}
  std::string name() const override { return "hash"; }

  void issue(Client& client, std::int64_t n) override {
    if (n % 5 == 3) {
      client.send(Command{"HDEL", key(""), HashState::deleted_field(n)});
    } else if (n % 5 == 4) {
      client.send(Command{"HINCRBY", key(""), "sum", std::to_string(n)});
    } else {
      client.send(Command{"HSET", key(""), HashState::set_field(n), std::to_string(n)});
    }
  }
  void tamper(Client& client) override { client.run("HSET", key(""), "more", 1); }

 protected:
  Lines observe(Client& client) override { return sorted(pairs(client.run("HGETALL", key("")))); }
};

// --- set

/// Members added, moved and removed, and members drawn: of those only the number is known.
struct SetState {
  std::set<std::string> a, b;
  std::int64_t drawn_from = 0;

  static std::string member(std::int64_t n) { return fmt::format("m{}", n * 7 % 6007); }
  static bool draws(std::int64_t n) { return n % 100 == 8; }
  static bool feeds(std::int64_t n) { return n % 10 == 9; }
  static constexpr std::int64_t kDrawn = 10;
  void apply(std::int64_t n) {
    if (draws(n)) {
      drawn_from = std::max<std::int64_t>(0, drawn_from - kDrawn);
    } else if (feeds(n)) {
      ++drawn_from;
    } else if (n % 2 == 1) {
      a.insert(member(n));
    } else if (n % 4 == 2) {
      if (a.erase(member(n - 1)) > 0) b.insert(member(n - 1));
    } else {
      b.erase(member(n * 3));
    }
  }
  Lines lines() const {
    Lines out;
    add_line(out, "a", {a.begin(), a.end()});
    add_line(out, "b", {b.begin(), b.end()});
    out.push_back(fmt::format("drawn from: {}", drawn_from));
    return out;
  }
};

class SetMembers : public Modelled<SetState> {
 public:
  explicit SetMembers(int id) : Modelled(fmt::format("w{}:set:", id)) {}
  std::string name() const override { return "set"; }

  void issue(Client& client, std::int64_t n) override {
    if (SetState::draws(n)) {
      client.send(Command{"SPOP", key("drawn"), std::to_string(SetState::kDrawn)});
    } else if (SetState::feeds(n)) {
      client.send(Command{"SADD", key("drawn"), std::to_string(n)});
    } else if (n % 2 == 1) {
      client.send(Command{"SADD", key("a"), SetState::member(n)});
    } else if (n % 4 == 2) {
      client.send(Command{"SMOVE", key("a"), key("b"), SetState::member(n - 1)});
    } else {
      client.send(Command{"SREM", key("b"), SetState::member(n * 3)});
    }
  }
  void tamper(Client& client) override { client.run("SADD", key("a"), "more"); }

 protected:
  Lines observe(Client& client) override {
    Lines out;
    add_line(out, "a", sorted(texts(client.run("SMEMBERS", key("a")))));
    add_line(out, "b", sorted(texts(client.run("SMEMBERS", key("b")))));
    out.push_back(fmt::format("drawn from: {}", client.run("SCARD", key("drawn")).text));
    return out;
  }
};

// --- sorted set

/// Scores set and raised, members removed and popped.
struct ZsetState {
  std::map<std::string, std::int64_t> scores;

  static std::string member(std::int64_t n) { return fmt::format("m{}", n * 7 % 4001); }
  void apply(std::int64_t n) {
    switch (n % 5) {
      case 2:
        scores[member(n)] += 1000;
        break;
      case 3:
        scores.erase(member(n * 3));
        break;
      case 4:
        if (const auto lowest = std::ranges::min_element(
                scores, {}, [](const auto& pair) { return std::pair(pair.second, pair.first); });
            lowest != scores.end()) {
          scores.erase(lowest);
        }
        break;
      default:
        scores[member(n)] = n;
        break;
    }
  }
  Lines lines() const {
    std::vector<std::pair<std::int64_t, std::string>> order;
    for (const auto& [member, score] : scores) order.emplace_back(score, member);
    std::ranges::sort(order);
    Lines out;
    for (const auto& [score, member] : order) out.push_back(fmt::format("{}={}", member, score));
    return out;
  }
};

class ZsetScores : public Modelled<ZsetState> {
 public:
  explicit ZsetScores(int id) : Modelled(fmt::format("w{}:zset", id)) {}
  std::string name() const override { return "zset"; }

  void issue(Client& client, std::int64_t n) override {
    switch (n % 5) {
      case 2:
        return client.send(Command{"ZINCRBY", key(""), "1000", ZsetState::member(n)});
      case 3:
        return client.send(Command{"ZREM", key(""), ZsetState::member(n * 3)});
      case 4:
        return client.send(n % 2 == 0 ? Command{"ZPOPMIN", key("")} : Command{"BZPOPMIN", key(""), "0.001"});
      default:
        return client.send(Command{"ZADD", key(""), std::to_string(n), ZsetState::member(n)});
    }
  }
  void tamper(Client& client) override { client.run("ZADD", key(""), 1, "more"); }

 protected:
  Lines observe(Client& client) override { return pairs(client.run("ZRANGE", key(""), 0, -1, "WITHSCORES")); }
};

// --- list

/// Two queues: pushed, popped, moved from one to the other, set and trimmed.
struct ListState {
  std::deque<std::int64_t> q, r;

  static constexpr std::size_t kLength = 300;
  void apply(std::int64_t n) {
    if (n % 97 == 0) {
      if (q.size() > kLength) q.erase(q.begin(), q.end() - kLength);
    } else if (n % 7 == 3) {
      if (!q.empty()) r.push_back(q.front()), q.pop_front();
    } else if (n % 7 == 4) {  // BLPOP of both
      std::deque<std::int64_t>& from = r.empty() ? q : r;
      if (!from.empty()) from.pop_front();
    } else if (n % 7 == 5) {
      if (!q.empty()) q.push_front(q.back()), q.pop_back();
    } else {
      q.push_back(n);
    }
  }
  Lines lines() const {
    Lines out;
    const auto numbers = [](const auto& list) {
      Lines lines;
      for (const std::int64_t n : list) lines.push_back(std::to_string(n));
      return lines;
    };
    add_line(out, "q", numbers(q));
    add_line(out, "r", numbers(r));
    return out;
  }
};

class ListQueue : public Modelled<ListState> {
 public:
  explicit ListQueue(int id) : Modelled(fmt::format("w{}:list:", id)) {}
  std::string name() const override { return "list"; }

  void issue(Client& client, std::int64_t n) override {
    if (n % 97 == 0) {
      client.send(Command{"LTRIM", key("q"), fmt::format("-{}", ListState::kLength), "-1"});
    } else if (n % 7 == 3) {
      client.send(Command{"LMOVE", key("q"), key("r"), "LEFT", "RIGHT"});
    } else if (n % 7 == 4) {
      client.send(Command{"BLPOP", key("r"), key("q"), "0.001"});
    } else if (n % 7 == 5) {
      client.send(Command{"RPOPLPUSH", key("q"), key("q")});
    } else {
      client.send(Command{"RPUSH", key("q"), std::to_string(n)});
    }
  }
  void tamper(Client& client) override { client.run("RPUSH", key("q"), "more"); }

 protected:
  Lines observe(Client& client) override {
    Lines out;
    add_line(out, "q", texts(client.run("LRANGE", key("q"), 0, -1)));
    add_line(out, "r", texts(client.run("LRANGE", key("r"), 0, -1)));
    return out;
  }
};

// --- stream

/// Entries added, deleted and trimmed, and a group that reads, acknowledges, goes and comes again.
struct StreamState {
  std::set<std::int64_t> entries;
  std::int64_t last = 0;
  bool has_group = false;
  std::int64_t delivered = 0;
  std::map<std::int64_t, std::string> pending;

  static constexpr std::size_t kLength = 150;
  static constexpr std::size_t kRead = 2;
  enum class Kind { create, destroy, add, add_and_trim, read, remove, acknowledge };
  static Kind kind(std::int64_t n) {
    if (n % 1000 == 999) return Kind::destroy;
    if (n % 1000 == 0 || n == 1) return Kind::create;
    if (n % 4 == 2) return Kind::read;
    if (n % 4 == 3) return n % 28 == 3 ? Kind::remove : Kind::acknowledge;
    return n % 40 == 4 ? Kind::add_and_trim : Kind::add;
  }
  static std::string consumer(std::int64_t n) { return fmt::format("c{}", n % 3); }
  void apply(std::int64_t n) {
    switch (kind(n)) {
      case Kind::create:
        if (!has_group) delivered = last;
        has_group = true;
        break;
      case Kind::destroy:
        has_group = false;
        pending.clear();
        break;
      case Kind::add:
      case Kind::add_and_trim:
        entries.insert(last = n);
        while (kind(n) == Kind::add_and_trim && entries.size() > kLength) entries.erase(entries.begin());
        break;
      case Kind::read:
        for (std::size_t i = 0; i < kRead; ++i) {
          const auto next = entries.upper_bound(delivered);
          if (next == entries.end()) break;
          delivered = *next;
          pending[delivered] = consumer(n);
        }
        break;
      case Kind::remove:
        entries.erase(n - 14);
        break;
      case Kind::acknowledge:
        pending.erase(n - 10);
        pending.erase(n - 11);
        break;
    }
  }
  Lines lines() const {
    Lines out;
    add_line(out, "entries", {});
    for (const std::int64_t n : entries) out.push_back(fmt::format("{}-1 n {}", n, n));
    out.push_back(has_group ? fmt::format("delivered {}", delivered) : "no group");
    for (const auto& [n, consumer] : pending) out.push_back(fmt::format("{}-1 {} 1", n, consumer));
    return out;
  }
};

class StreamGroupReads : public Modelled<StreamState> {
 public:
  explicit StreamGroupReads(int id) : Modelled(fmt::format("w{}:stream", id)) {}
  std::string name() const override { return "stream"; }

  void issue(Client& client, std::int64_t n) override {
    const std::string id = fmt::format("{}-1", n), number = std::to_string(n);
    switch (StreamState::kind(n)) {
      case StreamState::Kind::create:
        return client.send(Command{"XGROUP", "CREATE", key(""), "g", "$", "MKSTREAM"});
      case StreamState::Kind::destroy:
        return client.send(Command{"XGROUP", "DESTROY", key(""), "g"});
      case StreamState::Kind::add:
        return client.send(Command{"XADD", key(""), id, "n", number});
      case StreamState::Kind::add_and_trim:
        return client.send(Command{"XADD", key(""), "MAXLEN", std::to_string(StreamState::kLength), id, "n", number});
      case StreamState::Kind::read:
        return client.send(Command{"XREADGROUP", "GROUP", "g", StreamState::consumer(n), "COUNT",
                                   std::to_string(StreamState::kRead), "STREAMS", key(""), ">"});
      case StreamState::Kind::remove:
        return client.send(Command{"XDEL", key(""), fmt::format("{}-1", std::max<std::int64_t>(0, n - 14))});
      case StreamState::Kind::acknowledge:
        return client.send(Command{"XACK", key(""), "g", fmt::format("{}-1", std::max<std::int64_t>(0, n - 10)),
                                   fmt::format("{}-1", std::max<std::int64_t>(0, n - 11))});
    }
  }
  void tamper(Client& client) override { client.run("XADD", key(""), "*", "more", 1); }

 protected:
  Lines observe(Client& client) override {
    Lines out;
    add_line(out, "entries", {});
    for (const Reply& entry : client.run("XRANGE", key(""), "-", "+").elements) {
      out.push_back(fmt::format("{} {}", entry.elements[0].text, fmt::join(texts(entry.elements[1]), " ")));
    }
    const Reply groups = client.run("XINFO", "GROUPS", key(""));
    if (groups.is_error() || groups.elements.empty()) {
      out.emplace_back("no group");
      return out;
    }
    const std::vector<Reply>& facts = groups.elements[0].elements;
    for (std::size_t i = 0; i + 1 < facts.size(); i += 2) {
      if (facts[i] != "last-delivered-id") continue;
      out.push_back("delivered " + facts[i + 1].text.substr(0, facts[i + 1].text.find('-')));
    }
    for (const Reply& pending : client.run("XPENDING", key(""), "g", "-", "+", 100'000).elements) {
      out.push_back(
          fmt::format("{} {} {}", pending.elements[0].text, pending.elements[1].text, pending.elements[3].text));
    }
    return out;
  }
};

// --- several types at once

/// Keys of every type that hold the same number, all or none of which may have taken an operation.
class Across : public Workload {
 public:
  Across(std::string name, int id) : name_(std::move(name)), prefix_(fmt::format("w{}:{}:", id, name_)) {}
  std::string name() const override { return name_; }

  std::string verify(Client& client, std::int64_t first, std::int64_t last, std::int64_t& k) override {
    const Reply hash = client.run("HGET", key("hash"), "n");
    k = hash.null ? 0 : std::stoll(hash.text);
    Lines found;
    add_line(found, "string", {client.run("GET", key("string")).text});
    add_line(found, "set", sorted(texts(client.run("SMEMBERS", key("set")))));
    add_line(found, "zset", pairs(client.run("ZRANGE", key("zset"), 0, -1, "WITHSCORES")));
    add_line(found, "list", texts(client.run("LRANGE", key("list"), 0, -1)));
    const Reply entries = client.run("XRANGE", key("stream"), "-", "+");
    add_line(found, "stream", entries.elements.empty() ? Lines{} : texts(entries.elements.back().elements[1]));

    Lines members, numbers;
    for (std::int64_t n = std::max<std::int64_t>(1, k - 4); n <= k; ++n) numbers.push_back(std::to_string(n));
    const std::string number = std::to_string(k);
    Lines expected;
    add_line(expected, "string", {k == 0 ? "" : number});
    add_line(expected, "set", sorted(numbers));
    add_line(expected, "zset", k == 0 ? Lines{} : Lines{"m=" + number});
    add_line(expected, "list", numbers);
    add_line(expected, "stream", k == 0 ? Lines{} : Lines{"n", number});
    if (found != expected) {
      return fmt::format("{}: operation {} took place in part: {}", prefix_, k, fmt::join(found, " "));
    }
    if (k < first || k > last) return fmt::format("{} holds {}, expected {} .. {}", prefix_, k, first, last);
    return "";
  }
  void tamper(Client& client) override { client.run("SADD", key("set"), "more"); }

 protected:
  std::string key(std::string_view type) const { return prefix_ + std::string(type); }

 private:
  const std::string name_;
  const std::string prefix_;
};

class TransactionAcross : public Across {
 public:
  explicit TransactionAcross(int id) : Across("multi", id) {}
  std::size_t requests_per_operation() const override { return 10; }

  void issue(Client& client, std::int64_t n) override {
    const std::string number = std::to_string(n);
    client.send(Command{"MULTI"});
    client.send(Command{"HINCRBY", key("hash"), "n", "1"});
    client.send(Command{"SET", key("string"), number});
    client.send(Command{"SADD", key("set"), number});
    client.send(Command{"SREM", key("set"), std::to_string(n - 5)});
    client.send(Command{"ZINCRBY", key("zset"), "1", "m"});
    client.send(Command{"RPUSH", key("list"), number});
    client.send(Command{"LTRIM", key("list"), "-5", "-1"});
    client.send(Command{"XADD", key("stream"), "MAXLEN", "~", "100", "*", "n", number});
    client.send(Command{"EXEC"});
  }
};

/// The same by one script, which also draws a random member and catches an error.
class ScriptAcross : public Across {
 public:
  explicit ScriptAcross(int id) : Across("script", id) {}

  void issue(Client& client, std::int64_t n) override {
    client.send(Command{"EVAL",
                        "redis.call('HINCRBY', KEYS[1], 'n', 1) "
                        "redis.call('SETEX', KEYS[2], 1000000, ARGV[1]) redis.call('PERSIST', KEYS[2]) "
                        "redis.call('SADD', KEYS[3], ARGV[1]) redis.call('SREM', KEYS[3], ARGV[1] - 5) "
                        "redis.call('ZINCRBY', KEYS[4], 1, 'm') "
                        "redis.pcall('INCR', KEYS[4]) "
                        "redis.call('RPUSH', KEYS[5], ARGV[1]) redis.call('LTRIM', KEYS[5], -5, -1) "
                        "redis.call('SADD', KEYS[7], redis.call('SRANDMEMBER', KEYS[3])) redis.call('SPOP', KEYS[7]) "
                        "return redis.call('XADD', KEYS[6], 'MAXLEN', '~', 100, '*', 'n', ARGV[1])",
                        "7", key("hash"), key("string"), key("set"), key("zset"), key("list"), key("stream"),
                        key("drawn"), std::to_string(n)});
  }
};

// --- functions

/// A library that is loaded again and again with another number in it, and a function of it that writes that number.
struct FunctionState {
  std::int64_t loaded = 0;
  std::string written;

  static bool loads(std::int64_t n) { return n % 20 == 1; }
  void apply(std::int64_t n) {
    if (loads(n)) {
      loaded = n;
    } else {
      written = fmt::format("{}:{}", loaded, n);
    }
  }
  Lines lines() const { return {loaded == 0 ? "none" : std::to_string(loaded), written, written}; }
};

class Functions : public Modelled<FunctionState> {
 public:
  explicit Functions(int id) : Modelled(fmt::format("w{}:function:", id)), library_(fmt::format("library{}", id)) {}
  std::string name() const override { return "function"; }

  void issue(Client& client, std::int64_t n) override {
    if (!FunctionState::loads(n)) {
      return client.send(Command{"FCALL", library_ + "_write", "2", key("a"), key("b"), std::to_string(n)});
    }
    client.send(Command{
        "FUNCTION", "LOAD", "REPLACE",
        fmt::format(
            "#!lua name={0}\n"
            "redis.register_function{{function_name = '{0}_look', flags = {{'no-writes'}}, callback = function() "
            "return '{1}' end}}\n"
            "redis.register_function('{0}_write', function(keys, args) redis.call('SET', keys[1], '{1}:' .. args[1])\n"
            "return redis.call('SET', keys[2], '{1}:' .. args[1]) end)",
            library_, n)});
  }
  void tamper(Client& client) override { client.run("SET", key("b"), "more"); }

 protected:
  Lines observe(Client& client) override {
    const Reply loaded = client.run("FCALL_RO", library_ + "_look", 0);
    return {loaded.is_error() ? "none" : loaded.text, client.run("GET", key("a")).text,
            client.run("GET", key("b")).text};
  }

 private:
  const std::string library_;
};

}  // namespace

void add_workloads_of_types(int id, std::vector<std::unique_ptr<Workload>>& all) {
  all.push_back(std::make_unique<HashFields>(id));
  all.push_back(std::make_unique<SetMembers>(id));
  all.push_back(std::make_unique<ZsetScores>(id));
  all.push_back(std::make_unique<ListQueue>(id));
  all.push_back(std::make_unique<StreamGroupReads>(id));
  all.push_back(std::make_unique<TransactionAcross>(id));
  all.push_back(std::make_unique<ScriptAcross>(id));
  all.push_back(std::make_unique<Functions>(id));
}

}  // namespace stele::test
