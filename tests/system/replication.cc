// Servers that follow each other, stele and Redis, under a random load and random faults: whenever they are left alone
// for a moment they must have the same data, and what it took to get there must be what it had to be.
//
//     load the primary ──► [kill, restart, cut, wipe, CLIENT KILL, at random moments] ──► leave alone ──► same offset,
//     same digest?
//          ▲                                                                                                   │
//          └───────────────────────────────────────────────────────────────────────────────────────────────────┘
//
// Full syncs are counted. A link that has been in step once is resumed, whatever happens to it, as long as the journal
// is kept; what may cost a full sync is said where it is allowed, in Run::expect_full_sync().
#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <iostream>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include "tests/support/server.h"
#include "tests/support/tcp_proxy.h"
#include "tests/system/compare.h"
#include "tests/system/generator.h"
#include "tests/system/options.h"

namespace stele::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kConnections = 3;
constexpr std::size_t kBlockingConnections = 4;
constexpr std::int64_t kPipelineMax = 16;
constexpr int kDamagedOneIn = 25;
constexpr int kExtraOneIn = 5;
constexpr std::int64_t kShortLifetimeMsMax = 60;
constexpr std::array<int, 6> kDatabases{0, 1, 2,
                                        3, 9, 15};  // those that Source::database() can name, and that of the marker
constexpr std::int64_t kRoomBytes = 400'000;        // until keys are evicted
constexpr std::size_t kHistoryMax = 50'000;

// --- commands that the differential cannot compare, because each server chooses or clocks differ

std::string stream_key(Source& s) { return s.key("x"); }

// clang-format off
const Generator kExtras[] = {
    {20, [](Source& s) -> Command { return {"SET", s.key("s"), s.value(), "PX", std::to_string(s.between(1, kShortLifetimeMsMax))}; }},
    {10, [](Source& s) -> Command { return {"PEXPIRE", s.any_key(), std::to_string(s.between(1, kShortLifetimeMsMax))}; }},
    {6, [](Source& s) -> Command { return {"GETEX", s.key("s"), "PX", std::to_string(s.between(1, kShortLifetimeMsMax))}; }},
    {12, [](Source& s) -> Command { return {"SPOP", s.key("u")}; }},
    {6, [](Source& s) -> Command { return {"SPOP", s.key("u"), std::to_string(s.between(0, 40))}; }},
    {12, [](Source& s) -> Command { return {"XADD", stream_key(s), "*", "field", s.value()}; }},
    {4, [](Source& s) -> Command { return {"XADD", stream_key(s), "MAXLEN", "~", std::to_string(s.between(1, 200)), "*", "field", s.value()}; }},
    {4, [](Source& s) -> Command { return {"XTRIM", stream_key(s), "MAXLEN", "~", std::to_string(s.between(0, 100))}; }},
    {6, [](Source& s) -> Command { return {"INCRBYFLOAT", s.key("n"), s.real()}; }},
    {6, [](Source& s) -> Command { return {"EVAL", "local t = redis.call('TIME') redis.call('SET', KEYS[1], t[1] .. t[2]) return redis.call('INCR', KEYS[1])", "1", s.key("n")}; }},
    {6, [](Source& s) -> Command { return {"EVAL", "redis.call('SPOP', KEYS[1], 2) redis.call('SADD', KEYS[1], math.random(), ARGV[1]) return redis.call('SRANDMEMBER', KEYS[1])", "1", s.key("u"), s.value()}; }},
    {4, [](Source& s) -> Command { return {"EVAL", "for i = 1, tonumber(ARGV[1]) do redis.call('RPUSH', KEYS[1], i) end redis.call('PEXPIRE', KEYS[1], 20)", "1", s.key("l"), std::to_string(s.between(1, 300))}; }},
    {5, [](Source& s) -> Command { return {"SET", s.key("s"), s.big_value()}; }},
    {2, [](Source& s) -> Command { return {"RPUSH", s.key("l"), s.big_value(), s.value()}; }},
    {2, [](Source& s) -> Command { return {"HSET", s.key("h"), s.value(), s.big_value()}; }},
    {2, [](Source& s) -> Command { return {"APPEND", s.key("s"), s.big_value()}; }},
    {3, [](Source& s) -> Command { return {s.one_of("PUBLISH", "SPUBLISH"), s.value(), s.value()}; }},
    {20, [](Source& s) -> Command { return {"SET", "evict:" + std::to_string(s.between(0, 499)), std::string(static_cast<std::size_t>(s.between(100, 3000)), 'e')}; }},
};

// From connections of their own, while others push.
const Generator kBlocking[] = {
    {4, [](Source& s) -> Command { return {s.one_of("BLPOP", "BRPOP"), s.key("l"), s.key("l"), s.one_of("0.05", "0.2")}; }},
    {3, [](Source& s) -> Command { return {"BLMOVE", s.key("l"), s.key("l"), s.one_of("LEFT", "RIGHT"), s.one_of("LEFT", "RIGHT"), "0.1"}; }},
    {2, [](Source& s) -> Command { return {"BRPOPLPUSH", s.key("l"), s.key("l"), "0.1"}; }},
    {3, [](Source& s) -> Command { return {"BLMPOP", "0.1", "2", s.key("l"), s.key("l"), s.one_of("LEFT", "RIGHT"), "COUNT", "3"}; }},
    {3, [](Source& s) -> Command { return {s.one_of("BZPOPMIN", "BZPOPMAX"), s.key("z"), s.key("z"), s.one_of("0.05", "0.2")}; }},
    {2, [](Source& s) -> Command { return {"BZMPOP", "0.1", "2", s.key("z"), s.key("z"), s.one_of("MIN", "MAX"), "COUNT", "2"}; }},
    {2, [](Source& s) -> Command { return {"XREADGROUP", "GROUP", "g1", "alice", "COUNT", "2", "BLOCK", "100", "STREAMS", stream_key(s), ">"}; }},
};
// clang-format on

Command make_one(std::span<const Generator> generators, Source& source) {
  std::int64_t sum = 0;
  for (const Generator& generator : generators) sum += generator.weight;
  std::int64_t at = source.between(0, sum - 1);
  for (const Generator& generator : generators) {
    if (at < generator.weight) return generator.make(source);
    at -= generator.weight;
  }
  return {"PING"};
}

std::string printed(const Command& command) {
  std::string text;
  for (const std::string& arg : command) text += (text.empty() ? "" : " ") + quote(arg, 60);
  return text;
}

// --- the servers

struct Place {
  bool redis = false;
  int upstream = -1;
};

const std::map<std::string, std::vector<Place>>& topologies() {
  static const std::map<std::string, std::vector<Place>> all{
      {"stele-stele", {{false, -1}, {false, 0}}},
      {"stele-redis", {{false, -1}, {true, 0}}},
      {"redis-stele", {{true, -1}, {false, 0}}},
      {"stele-stele-redis", {{false, -1}, {false, 0}, {true, 1}}},
      {"redis-stele-redis", {{true, -1}, {false, 0}, {true, 1}}},
      {"stele-2stele", {{false, -1}, {false, 0}, {false, 0}}},
  };
  return all;
}

struct Settings {
  std::string topology;
  milliseconds time{};
  std::int64_t rounds_max = 0;
  std::int64_t commands_per_round = 400;
  std::int64_t preload = 20'000;
  bool cuts = false;
  bool kills_primary = false;
  bool kills_replica = false;
  bool restarts = false;
  bool kills_clients = false;
  bool evicts = false;
  std::string keep;
  std::vector<std::string> server_args;
};

struct Node {
  Place place;
  std::string name;
  std::unique_ptr<TcpProxy> proxy;  // to its upstream
  std::unique_ptr<Server> server;
  std::vector<std::size_t> below;
  std::int64_t full = 0;  // given by it, over all its starts but the present one
  std::int64_t partial = 0;
  std::int64_t allowed = 0;   // full syncs that it may have given
  bool pending = false;       // its own full sync may not have ended yet
  std::int64_t back_at = -1;  // the pipeline at which it is started again
  TcpProxy::Counts counted;
  std::optional<Client> client;  // for reads
};

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Run {
 public:
  Run(Settings settings, std::uint64_t seed) : settings_(std::move(settings)), source_(seed), mix_({}) {
    const std::vector<Place>& places = topologies().at(settings_.topology);
    nodes_.resize(places.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      nodes_[i].place = places[i];
      nodes_[i].name = fmt::format("{} ({})", i, places[i].redis ? "redis" : "stele");
      if (places[i].upstream >= 0) upstream(i).below.push_back(i);
    }
    nodes_[0].server = std::make_unique<Server>(program(0), arguments(0));
    preload();
    choose_fsync();
    for (std::size_t i = 1; i < nodes_.size(); ++i) start_replica(i);
  }

  /// Throws Failure.
  void run() {
    const auto end = Clock::now() + settings_.time;
    compare();
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
      if (full_syncs(parent(i)) < std::ssize(upstream(i).below)) fail("no full sync, and yet the same data");
    }
    while (Clock::now() < end && (settings_.rounds_max == 0 || rounds_ < settings_.rounds_max)) {
      ++rounds_;
      round();
      compare();
    }
    kill_everything_and_compare();
    count_syncs();
    compare_streams();
  }

  std::string report() {
    if (full_ == 0) count_syncs();
    std::string faults;
    for (const auto& [kind, count] : faults_) faults += fmt::format("  {} {}", kind, count);
    return fmt::format(
        "{:18}{:6} rounds{:9} commands{:8} MB of stream{:4} full syncs ({} accounted for){:6} partial; faults:{}\n",
        settings_.topology, rounds_, commands_, stream_bytes_ >> 20, full_, full_needed_, partial_,
        faults.empty() ? " none" : faults);
  }

  void print_logs() {
    for (const Node& node : nodes_) {
      std::cout << "--- the log of " << node.name << " ends with\n" << node.server->log_tail() << "---\n";
      if (settings_.keep.empty()) continue;
      const auto to = std::filesystem::path(settings_.keep) / node.name.substr(0, 1);
      std::filesystem::create_directories(to);
      std::filesystem::copy(node.server->directory().parent_path(), to, std::filesystem::copy_options::recursive);
    }
  }

 private:
  // --- servers

  static Program program_of(bool redis) { return redis ? redis_program() : stele_program(); }
  Program program(std::size_t i) const { return program_of(nodes_[i].place.redis); }
  std::size_t parent(std::size_t i) const { return static_cast<std::size_t>(nodes_[i].place.upstream); }
  Node& upstream(std::size_t i) { return nodes_[parent(i)]; }
  bool is_redis(std::size_t i) const { return nodes_[i].place.redis; }

  std::vector<std::string> arguments(std::size_t i) {
    std::vector<std::string> args{"--repl-diskless-sync-delay",
                                  "0",
                                  "--repl-timeout",
                                  "5",
                                  "--repl-ping-replica-period",
                                  "1",
                                  "--shutdown-timeout",
                                  "1",
                                  "--repl-diskless-sync",
                                  source_.one_of("yes", "no"),
                                  "--appendfsync",
                                  source_.one_of("always", "everysec", "no"),
                                  "--maxmemory-policy",
                                  "allkeys-lru"};
    if (is_redis(i)) {
      args.insert(args.end(), {"--appendonly", i == 0 ? "yes" : "no", "--repl-backlog-size", "256mb",
                               "--client-output-buffer-limit", "replica", "0", "0", "0"});
    } else {
      // Small segments, checkpoints and memory tails: replicas that lag are fed from the disk, from many files.
      args.insert(args.end(), {"--journal-segment-size", "1mb", "--checkpoint-journal-bytes",
                               source_.one_of("1mb", "4mb"), "--journal-retain-size", "256mb", "--repl-digest-interval",
                               "1", "--repl-backlog-size", source_.one_of("16kb", "1mb")});
      args.insert(args.end(), settings_.server_args.begin(), settings_.server_args.end());
    }
    if (i > 0) {
      const int port = nodes_[i].proxy ? nodes_[i].proxy->port() : upstream(i).server->port();
      args.insert(args.end(), {"--replicaof", "127.0.0.1", std::to_string(port)});
    }
    return args;
  }

  void start_replica(std::size_t i) {
    Node& node = nodes_[i];
    if (settings_.cuts)
      node.proxy = std::make_unique<TcpProxy>(upstream(i).server->port(),
                                              static_cast<std::uint64_t>(source_.between(1, INT64_MAX)));
    expect_full_sync(i);
    node.server = std::make_unique<Server>(program(i), arguments(i));
  }

  std::int64_t number(std::size_t i, std::string_view field) {
    const std::string text = nodes_[i].server->info(field);
    return text.empty() ? -1 : std::stoll(text);
  }

  std::int64_t full_syncs(std::size_t i) {
    return nodes_[i].full + (nodes_[i].server->running() ? number(i, "sync_full") : 0);
  }

  /// The link above `i` has to begin anew, and with it those below. That is so
  /// - when it is new, or its data were removed;
  /// - when a stock Redis restarts as a replica: it forgets where it was;
  /// - when a stock Redis restarts as a primary: its backlog was in its memory.
  /// Nothing of that is true of stele: it has its place, and its backlog, on disk.
  void expect_full_sync(std::size_t i) {
    Node& node = nodes_[i];
    if (!node.pending) ++full_needed_;
    node.pending = true;
    ++upstream(i).allowed;
    for (const std::size_t child : node.below) expect_full_sync(child);
  }

  /// Something was disturbed: a full sync that was under way then may have to begin again.
  void note_fault(const std::string& kind) {
    ++faults_[kind];
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
      if (nodes_[i].pending) ++upstream(i).allowed;
    }
  }

  void remember_counts(std::size_t i) {
    nodes_[i].client.reset();
    try {
      nodes_[i].full += number(i, "sync_full");
      nodes_[i].partial += number(i, "sync_partial_ok");
    } catch (const std::runtime_error&) {
      fail("server {} does not answer before it is stopped", nodes_[i].name);
    }
  }

  void after_stop(std::size_t i) {
    if (!is_redis(i)) return;
    if (i > 0) expect_full_sync(i);
    for (const std::size_t child : nodes_[i].below) expect_full_sync(child);
  }

  void stop(std::size_t i, bool kill) {
    Node& node = nodes_[i];
    if (!node.server->running()) return;
    if (loading(i)) return;
    if (i == 0) leave_marker();
    remember_counts(i);
    if (i == 0) send_unread_load();
    if (kill) {
      node.server->kill9();
    } else if (const int code = node.server->terminate(); code != 0) {
      fail("server {} ended with {} on SIGTERM", node.name, code);
    }
    if (i == 0) drop_clients();
    note_fault(fmt::format("{}-{}", kill ? "kill9" : "restart", i == 0 ? "primary" : "replica"));
    after_stop(i);
  }

  bool loading(std::size_t i) {
    try {
      return nodes_[i].server->info("loading") != "0";
    } catch (const std::runtime_error&) {
      if (nodes_[i].server->running()) return true;
      fail("server {} has crashed", nodes_[i].name);
    }
  }

  /// Perhaps it dies again while it starts.
  void spawn_again(std::size_t i, bool may_die) {
    Server& server = *nodes_[i].server;
    server.spawn();
    while (may_die && source_.one_in(3)) {
      sleep_for_random(0, 150);
      if (!server.running()) fail("server {} did not start", nodes_[i].name);
      try {
        if (server.log_tail().find("Ready to accept") != std::string::npos) remember_counts(i);
      } catch (const std::runtime_error&) {
      }
      server.kill9();
      note_fault("kill9-starting");
      after_stop(i);
      server.spawn();
    }
    nodes_[i].back_at = -1;
  }

  void wipe(std::size_t i) {
    Node& node = nodes_[i];
    if (!node.server->running() || loading(i)) return;
    remember_counts(i);
    node.server->kill9();
    for (const auto& entry : std::filesystem::directory_iterator(node.server->directory()))
      std::filesystem::remove_all(entry.path());
    note_fault("wiped");
    expect_full_sync(i);
    node.server->spawn();
    // What follows may well meet its full sync.
    sleep_for_random(0, 400);
    const int what = static_cast<int>(source_.between(0, 4));
    if (what == 0) {
      node.server->kill9();
      note_fault("kill9-full-sync");
      spawn_again(i, true);
    } else if (what == 1 && settings_.kills_primary) {
      restart_with_children(parent(i), true);
    } else if (what == 2 && node.proxy) {
      node.proxy->cut();
      note_fault("cut-full-sync");
    }
  }

  /// A primary is not away for long: nothing would be going on.
  void restart_with_children(std::size_t i, bool kill) {
    if (!nodes_[i].server->running() || loading(i)) return;
    stop(i, kill);
    spawn_again(i, kill);
    if (i == 0) nodes_[0].server->wait_until_ready();
  }

  // --- faults

  std::size_t random_replica() { return static_cast<std::size_t>(source_.between(1, std::ssize(nodes_) - 1)); }
  std::size_t random_primary() { return parent(random_replica()); }

  void random_fault(std::int64_t pipeline) {
    std::vector<std::function<void()>> kinds;
    if (settings_.kills_primary) kinds.push_back([&] { restart_with_children(random_primary(), true); });
    if (settings_.kills_replica) {
      kinds.push_back([&] { stop_for_a_while(random_replica(), true, pipeline); });
      if (source_.one_in(3)) kinds.push_back([&] { wipe(random_replica()); });
    }
    if (settings_.restarts) {
      kinds.push_back([&] { stop_for_a_while(random_replica(), false, pipeline); });
      kinds.push_back([&] { restart_with_children(random_primary(), false); });
    }
    if (settings_.kills_clients) kinds.push_back([&] { kill_clients(); });
    if (settings_.cuts) kinds.push_back([&] { storm(); });
    if (kinds.empty()) return;
    kinds[static_cast<std::size_t>(source_.between(0, std::ssize(kinds) - 1))]();
  }

  void stop_for_a_while(std::size_t i, bool kill, std::int64_t pipeline) {
    if (!nodes_[i].server->running() || loading(i)) return;
    stop(i, kill);
    nodes_[i].back_at = pipeline + source_.between(0, 20);
  }

  void kill_clients() {
    const std::size_t i = random_replica();
    if (!nodes_[i].server->running() || !upstream(i).server->running() || loading(i) || loading(parent(i))) return;
    if (source_.one_in(2)) {
      nodes_[i].server->run("CLIENT", "KILL", "TYPE", "master");
      note_fault("client-kill-master");
    } else {
      upstream(i).server->run("CLIENT", "KILL", "TYPE", source_.one_of("replica", "slave"));
      note_fault("client-kill-replica");
    }
  }

  void storm() {
    TcpProxy& proxy = *nodes_[random_replica()].proxy;
    if (source_.one_in(3)) return proxy.cut();
    proxy.storm();
  }

  /// What the proxies did since it was last asked.
  void note_cuts() {
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
      Node& node = nodes_[i];
      if (!node.proxy) continue;
      const TcpProxy::Counts counts = node.proxy->counts();
      const std::int64_t cuts = counts.cuts - node.counted.cuts;
      const std::int64_t silences = counts.silences - node.counted.silences;
      faults_["cut"] += cuts;
      faults_["half-open"] += silences;
      faults_["delay"] += counts.delays - node.counted.delays;
      node.counted = counts;
      for (std::size_t j = 1; j < nodes_.size(); ++j) {
        if (nodes_[j].pending) upstream(j).allowed += cuts + silences;
      }
    }
  }

  // --- load

  Command next_command() {
    Command command;
    if (source_.one_in(kExtraOneIn)) {
      command = make_one(kExtras, source_);
      if (source_.one_in(500))
        command = {"SET", source_.key("s"), std::string(static_cast<std::size_t>(source_.between(1, 6)) << 20, 'B')};
    } else {
      command = mix_.choose(source_).make(source_);
      if (source_.one_in(kDamagedOneIn)) command = damage(source_, std::move(command));
    }
    // A stock primary that lost everything by its own will and then its history is one that a replica does not follow.
    if (command[0] == "FLUSHALL" && is_redis(0)) command[0] = "FLUSHDB";
    // Redis 7.0 makes the string longer for a field that it then does not set, and tells its replicas nothing of it.
    if (command[0] == "BITFIELD" && is_redis(0)) {
      for (std::string& word : command) {
        if (word == "FAIL") word = "WRAP";
      }
    }
    return command;
  }

  void remember(Command command) {
    ++commands_;
    if (history_.size() < kHistoryMax) history_.push_back(std::move(command));
  }

  Client& client(std::size_t i) {
    if (!clients_[i]) clients_[i] = nodes_[0].server->connect();
    return *clients_[i];
  }

  void drop_clients() {
    for (auto& client : clients_) client.reset();
    for (auto& client : blocking_) client.reset();
    blocked_ = {};
  }

  std::size_t send_load(Client& to) {
    const auto count = static_cast<std::size_t>(source_.between(1, kPipelineMax));
    for (std::size_t i = 0; i < count; ++i) {
      Command command = next_command();
      to.send(command);
      remember(std::move(command));
    }
    to.flush();
    return count;
  }

  /// The server is about to die: it shall be doing something.
  void send_unread_load() {
    for (std::size_t i = 0; i < kConnections; ++i) {
      try {
        if (source_.one_in(2)) send_load(client(i));
      } catch (const ConnectionLost&) {
        clients_[i].reset();
      }
    }
  }

  void one_pipeline() {
    const auto i = static_cast<std::size_t>(source_.between(0, kConnections - 1));
    try {
      const std::size_t count = send_load(client(i));
      for (std::size_t n = 0; n < count; ++n) client(i).read();
    } catch (const ConnectionLost& e) {
      if (!nodes_[0].server->running()) fail("the primary has crashed");
      fail("the primary: {}", e.what());
    }
    if (source_.one_in(6)) send_blocking();
    if (source_.one_in(4)) read_from_replica();
  }

  void send_blocking() {
    const auto i = static_cast<std::size_t>(source_.between(0, kBlockingConnections - 1));
    if (blocked_[i] > 0) return;
    if (!blocking_[i]) blocking_[i] = nodes_[0].server->connect();
    for (std::int64_t n = source_.between(1, 3); n > 0; --n) {
      Command command = make_one(kBlocking, source_);
      blocking_[i]->send(command);
      remember(std::move(command));
      ++blocked_[i];
    }
    blocking_[i]->flush();
  }

  void end_blocking() {
    for (std::size_t i = 0; i < kBlockingConnections; ++i) {
      for (; blocked_[i] > 0; --blocked_[i]) blocking_[i]->read();
    }
  }

  /// Any command at all: what writes is refused, and nothing that a client does there may change it.
  void read_from_replica() {
    Node& node = nodes_[random_replica()];
    if (!node.server->running()) return;
    try {
      if (!node.client) node.client = node.server->connect();
      const int count = static_cast<int>(source_.between(1, 6));
      for (int i = 0; i < count; ++i) {
        Command command = mix_.choose(source_).make(source_);
        // A stock replica keeps the estimate that a client had it make, and differs from its primary then.
        if (node.place.redis && command[0] == "PFCOUNT") command[0] = "TYPE";
        node.client->send(command);
      }
      for (int i = 0; i < count; ++i) node.client->read();
    } catch (const ConnectionLost&) {
      node.client.reset();
      if (node.back_at < 0 && !node.server->running()) fail("server {} has crashed", node.name);
    }
  }

  void preload() {
    Client client = nodes_[0].server->connect();
    for (std::int64_t i = 0; i < settings_.preload; ++i) {
      const Command command{"SET", "p:" + std::to_string(i), source_.bytes(100)};
      client.send(command);
      if (i % 500 == 499) {
        for (int n = 0; n < 500; ++n) client.read();
      }
    }
    for (std::int64_t n = settings_.preload % 500; n > 0; --n) client.read();
    leave_marker();
    for (int i = 0; i < 200; ++i) one_pipeline_of_preload();
  }

  void one_pipeline_of_preload() {
    const std::size_t count = send_load(client(0));
    for (std::size_t n = 0; n < count; ++n) client(0).read();
  }

  /// Slow on a busy disk: for whole runs, and from here on.
  void choose_fsync() {
    if (source_.one_in(4)) nodes_[0].server->run("CONFIG", "SET", "appendfsync", "always");
  }

  /// A stock primary that comes back has something.
  void leave_marker() {
    nodes_[0].server->run("SELECT", 9);
    nodes_[0].server->run("INCR", "marker");
  }

  void limit_memory() {
    if (!settings_.evicts) return;
    const std::int64_t counted = number(0, "used_memory") - number(0, "mem_not_counted_for_evict");
    nodes_[0].server->run("CONFIG", "SET", "maxmemory", std::to_string(counted + kRoomBytes));
  }

  void round() {
    limit_memory();
    const std::int64_t pipelines = std::max<std::int64_t>(1, settings_.commands_per_round / (kPipelineMax / 2));
    std::set<std::int64_t> faults_at;
    for (std::int64_t n = source_.between(0, 3); n > 0; --n) faults_at.insert(source_.between(0, pipelines - 1));
    for (std::int64_t at = 0; at < pipelines; ++at) {
      if (faults_at.contains(at)) random_fault(at);
      for (std::size_t i = 1; i < nodes_.size(); ++i) {
        if (nodes_[i].back_at >= 0 && nodes_[i].back_at <= at) spawn_again(i, settings_.kills_replica);
      }
      one_pipeline();
    }
    end_blocking();
  }

  // --- comparison

  /// Until every replica has all that the primary has.
  void quiesce() {
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
      if (nodes_[i].back_at >= 0) spawn_again(i, false);
      // Now and then a silent connection is left to the time-outs.
      if (nodes_[i].proxy) nodes_[i].proxy->calm(!source_.one_in(10));
    }
    for (Node& node : nodes_) node.server->wait_until_ready();
    std::this_thread::sleep_for(milliseconds(kShortLifetimeMsMax + 10));
    // Naming a key makes a server drop it if its time has passed.
    static const std::vector<std::string> universe = key_universe();
    Command exists{"EXISTS"};
    exists.insert(exists.end(), universe.begin(), universe.end());
    {
      Client client = nodes_[0].server->connect();
      for (const int database : kDatabases) {
        client.run("SELECT", database);
        client.run_arguments(exists);
      }
    }
    const bool together = wait_until([&] { return in_step(); }, std::chrono::seconds(60));
    note_cuts();
    if (together) return;
    std::string places;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      places += fmt::format("\n  server {}: offset {}, link {}", nodes_[i].name, number(i, "master_repl_offset"),
                            nodes_[i].server->info("master_link_status"));
    }
    fail("not in step after 60 s:{}", places);
  }

  bool in_step() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i].server->running()) fail("server {} has crashed", nodes_[i].name);
    }
    const std::string offset = nodes_[0].server->info("master_repl_offset");
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
      if (nodes_[i].server->info("master_link_status") != "up") return false;
      if (nodes_[i].server->info("master_repl_offset") != offset) return false;
    }
    return true;
  }

  struct State {
    std::string digest;
    std::vector<std::string> sizes;
    std::set<std::string> functions;
    std::string replid;
    bool operator==(const State&) const = default;
  };

  State state_of(std::size_t i) {
    State state;
    Client client = nodes_[i].server->connect();
    for (const int database : kDatabases) {
      client.run("SELECT", database);
      state.sizes.push_back(client.run("DBSIZE").text);
    }
    state.digest = client.run("DEBUG", "DIGEST").text;
    for (const Reply& library : client.run("FUNCTION", "LIST", "WITHCODE").elements)
      state.functions.insert(library.elements.back().text);
    state.replid = nodes_[i].server->info("master_replid");
    return state;
  }

  void compare() {
    // A key may be evicted, or a ping be counted, between two looks: what is wrong stays wrong.
    for (int tries = 1;; ++tries) {
      quiesce();
      const State primary = state_of(0);
      std::string what;
      for (std::size_t i = 1; i < nodes_.size() && what.empty(); ++i) {
        const State replica = state_of(i);
        if (replica == primary) continue;
        what = fmt::format(
            "servers {} and {} differ at offset {}: digests {} and {}, sizes {} and {}, replids {} and {}{}{}",
            nodes_[0].name, nodes_[i].name, number(0, "master_repl_offset"), primary.digest, replica.digest,
            joined(primary.sizes), joined(replica.sizes), primary.replid, replica.replid,
            primary.functions == replica.functions ? "" : ", functions differ", tries < 3 ? "" : differing_keys(i));
      }
      if (what.empty() && tries < 3) what = differing_groups();
      if (what.empty()) break;
      if (tries == 3) fail("{}", what);
    }
    check_counts();
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
      // What they compare by themselves, under load.
      if (!is_redis(i) && number(i, "digest_ranges_that_differ") > 0) {
        fail("server {} found a difference by itself: {}", nodes_[i].name,
             nodes_[i].server->info("digest_last_difference"));
      }
    }
    for (const Node& node : nodes_) {
      const std::string log = node.server->log();
      if (const std::size_t at = log.find("== CRITICAL =="); at != std::string::npos) {
        fail("server {} says: {}", node.name, log.substr(at, log.find('\n', at) - at));
      }
    }
    history_.clear();
  }

  static std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : ",") + text;
    return all;
  }

  /// Consumer groups are not in the digest.
  std::string differing_groups() {
    Client primary = nodes_[0].server->connect();
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
      Client replica = nodes_[i].server->connect();
      for (int key = 0; key < 8; ++key) {
        const Command command{"XINFO", "STREAM", "x" + std::to_string(key), "FULL"};
        const Reply left = primary.run_arguments(command), right = replica.run_arguments(command);
        if (!same(left, right, Compare::stream_info)) {
          return fmt::format("servers {} and {}: {}\n  {}\n  {}{}", nodes_[0].name, nodes_[i].name, printed(command),
                             describe(left), describe(right), about(command[2]));
        }
      }
    }
    return {};
  }

  std::string differing_keys(std::size_t i) {
    std::string text;
    Client left = nodes_[0].server->connect(), right = nodes_[i].server->connect();
    int shown = 0;
    for (const int database : kDatabases) {
      std::set<std::string> keys;
      for (Client* client : {&left, &right}) {
        client->run("SELECT", database);
        for (const Reply& key : client->run("KEYS", "*").elements) keys.insert(key.text);
      }
      for (const std::string& key : keys) {
        const Reply a = left.run("DEBUG", "DIGEST-VALUE", key), b = right.run("DEBUG", "DIGEST-VALUE", key);
        const Reply c = left.run("PEXPIRETIME", key), d = right.run("PEXPIRETIME", key);
        if ((a == b && c == d) || ++shown > 5) continue;
        text += fmt::format("\n  database {} key {}: {} {} expires {} and {} {} expires {}{}", database, quote(key),
                            describe(left.run("TYPE", key)), describe(a), describe(c), describe(right.run("TYPE", key)),
                            describe(b), describe(d), about(key));
      }
    }
    return text;
  }

  /// What was said of that key since they were last the same.
  std::string about(const std::string& key) const {
    std::deque<std::string> lines;
    for (const Command& command : history_) {
      if (std::ranges::find(command, key) == command.end()) continue;
      lines.push_back("\n      " + printed(command));
      if (lines.size() > 25) lines.pop_front();
    }
    std::string text;
    for (const std::string& line : lines) text += line;
    return text;
  }

  void check_counts() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      Node& node = nodes_[i];
      const std::int64_t full = full_syncs(i);
      if (full > node.allowed)
        fail("server {} gave {} full syncs where {} are accounted for", node.name, full, node.allowed);
      node.allowed = full;  // what was allowed and not needed is not saved up
      node.pending = false;
    }
  }

  void kill_everything_and_compare() {
    for (std::size_t i = nodes_.size(); i-- > 1;) {
      stop(i, true);
      spawn_again(i, false);
    }
    if (settings_.kills_primary) restart_with_children(0, true);
    compare();
    stream_bytes_ = number(0, "master_repl_offset");
  }

  /// The stream, from the segments: first offset and bytes of each frame.
  static std::map<std::uint64_t, std::string> frames_of(const std::filesystem::path& dir) {
    std::map<std::uint64_t, std::string> frames;
    for (const auto& entry : std::filesystem::directory_iterator(dir / "appendonlydir")) {
      if (!entry.path().native().ends_with(".incr.aof")) continue;
      const std::string text = read_file(entry.path());
      std::size_t at = text.find("#J:");
      while (at != std::string::npos && text.compare(at, 3, "#J:") == 0) {
        unsigned long long offset = 0, bytes = 0;
        const std::size_t line = text.find("\r\n", at);
        if (line == std::string::npos || std::sscanf(text.c_str() + at, "#J:%llu:%llu:", &offset, &bytes) != 2) break;
        frames.emplace(offset, text.substr(line + 2, bytes));
        at = line + 2 + bytes;
        // A mark, perhaps, that says how far is durable.
        while (at < text.size() && text[at] == '#' && text.compare(at, 3, "#J:") != 0) {
          const std::size_t next = text.find("\r\n", at);
          at = next == std::string::npos ? std::string::npos : next + 2;
        }
      }
    }
    return frames;
  }

  void count_syncs() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      full_ += full_syncs(i);
      partial_ += nodes_[i].partial + (nodes_[i].server->running() ? number(i, "sync_partial_ok") : 0);
    }
  }

  /// What every one of ours has at an offset is what the primary sent for it.
  void compare_streams() {
    std::optional<std::map<std::uint64_t, std::string>> first;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (is_redis(i)) continue;
      nodes_[i].server->terminate();
      std::map<std::uint64_t, std::string> frames = frames_of(nodes_[i].server->directory());
      if (!first) {
        first = std::move(frames);
        continue;
      }
      std::string left, right;
      if (first->empty() || frames.empty()) continue;
      std::uint64_t begin = std::max(first->begin()->first, frames.begin()->first);
      const auto append = [&](const auto& from, std::string& to) {
        std::uint64_t at = begin;
        for (const auto& [offset, bytes] : from) {
          if (offset + bytes.size() <= at) continue;
          if (offset > at) fail("a hole in the stream of a server at offset {}", at);
          to += bytes.substr(at - offset);
          at = offset + bytes.size();
        }
      };
      append(*first, left);
      append(frames, right);
      const std::size_t common = std::min(left.size(), right.size());
      const auto [a, b] =
          std::mismatch(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(common), right.begin());
      compared_bytes_ += common;
      if (a != left.begin() + static_cast<std::ptrdiff_t>(common)) {
        fail("the streams of two servers differ at offset {}", begin + static_cast<std::uint64_t>(a - left.begin()));
      }
    }
  }

  void sleep_for_random(std::int64_t first_ms, std::int64_t last_ms) {  // the random moment is the point, not a wait
    std::this_thread::sleep_for(milliseconds(source_.between(first_ms, last_ms)));
  }

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) const {
    throw Failure(fmt::format("in round {}: ", rounds_) + fmt::format(text, std::forward<Args>(args)...));
  }

  const Settings settings_;
  Source source_;
  Mix mix_;
  std::vector<Node> nodes_;
  std::array<std::optional<Client>, kConnections> clients_;
  std::array<std::optional<Client>, kBlockingConnections> blocking_;
  std::array<int, kBlockingConnections> blocked_{};  // replies to come
  std::deque<Command> history_;
  std::int64_t rounds_ = 0;
  std::int64_t commands_ = 0;
  std::int64_t stream_bytes_ = 0;
  std::uint64_t compared_bytes_ = 0;
  std::int64_t full_needed_ = 0;
  std::int64_t full_ = 0;  // at the end
  std::int64_t partial_ = 0;
  std::map<std::string, std::int64_t> faults_;
};

int run_replication(const Options& options) {
  std::uint64_t seed = static_cast<std::uint64_t>(options.number("seed"));
  if (seed == 0) seed = std::random_device{}();
  std::vector<std::string> names;
  std::istringstream asked(options.text("topology"));
  for (std::string name; std::getline(asked, name, ',');) {
    if (name == "all") {
      for (const auto& [known, places] : topologies()) names.push_back(known);
    } else if (topologies().contains(name)) {
      names.push_back(name);
    } else {
      throw std::runtime_error("no topology of that name: " + name);
    }
  }
  const std::string kills = options.text("kill9");
  std::cout << "seed " << seed << ", " << stele_program().path.native() << std::endl;
  for (const std::string& name : names) {
    Settings settings{.topology = name};
    settings.time = milliseconds(options.number("seconds") * 1000 / std::ssize(names));
    settings.rounds_max = options.number("rounds");
    settings.commands_per_round = options.number("commands");
    settings.preload = options.number("preload");
    settings.cuts = options.number("cut") != 0;
    settings.kills_primary = kills == "primary" || kills == "both";
    settings.kills_replica = kills == "replica" || kills == "both";
    settings.restarts = options.number("restart") != 0;
    settings.kills_clients = options.number("client-kill") != 0;
    settings.evicts = options.number("maxmemory") != 0;
    settings.keep = options.text("keep");
    std::istringstream words(options.text("server-args"));
    for (std::string word; words >> word;) settings.server_args.push_back(word);
    Run run(settings, seed);
    try {
      run.run();
      std::cout << run.report() << std::flush;
    } catch (const std::exception& e) {
      std::cout << "FAILED " << e.what() << "\n";
      try {
        std::cout << run.report();
      } catch (const std::exception&) {
      }
      run.print_logs();
      std::cout << "seed " << seed << ", topology " << name << "\n";
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace stele::test

int main(int argc, char** argv) {
  const stele::test::Options options(
      argc, argv,
      {{"seed", "0"},         // 0: a random one, printed. Timing is not reproduced by it
       {"seconds", "30"},     // over all topologies
       {"rounds", "0"},       // 0: as many as the time allows
       {"commands", "400"},   // in a round
       {"preload", "20000"},  // keys, so that a full sync takes a moment
       {"topology", "all"},   // "stele-stele,redis-stele"
       {"cut", "0"},          // 1: through proxies that cut, delay and fall silent
       {"kill9", "none"},     // primary, replica, both; full syncs and starts are hit as well
       {"restart", "0"},      // 1: SIGTERM
       {"client-kill", "0"},  // 1: CLIENT KILL TYPE master, replica
       {"maxmemory", "0"},    // 1: the primary evicts
       {"server-args", ""},   // of stele
       {"keep", ""}});        // copies the directories there after a failure
  try {
    return stele::test::run_replication(options);
  } catch (const std::exception& e) {
    std::cerr << e.what() << "\n";
    return 2;
  }
}
