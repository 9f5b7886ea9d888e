// Kills a server at random moments under load and checks that nothing it acknowledged is gone.
//
//     start writers ──► disturb (BGSAVE, SAVE, ...) ──► kill -9 ──► [start, kill -9 while it recovers]*
//          ▲                                                                          │
//          └── [quiet: digest, kill -9, digest, DEBUG RELOAD, digest, store removed, digest] ◄── verify ◄── start
//
// The RDB file that a kill may have interrupted is whole or absent: redis-check-rdb looks at it.
//
// Small segments and checkpoints make rotation and checkpointing happen many times a second, so that kills hit them.
#include <array>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include "tests/support/server.h"
#include "tests/system/options.h"
#include "tests/system/workload.h"

namespace stele::test {
namespace {

using Clock = std::chrono::steady_clock;

// More than what was under way when the server died: something acknowledged has to be in it.
constexpr std::uintmax_t kCutBytes = 100'000;

/// How the checker itself is put to the test.
enum class Sabotage { none, cut_tail, no_journal, tamper };

Sabotage sabotage_named(const std::string& name) {
  if (name == "none") return Sabotage::none;
  if (name == "cut-tail") return Sabotage::cut_tail;
  if (name == "no-journal") return Sabotage::no_journal;
  if (name == "tamper") return Sabotage::tamper;
  throw std::runtime_error("--sabotage none|cut-tail|no-journal|tamper, not " + name);
}

struct Counts {
  std::int64_t rounds = 0;
  std::int64_t kills = 0;
  std::int64_t kills_in_recovery = 0;
  std::int64_t digests = 0;
  std::int64_t acknowledged = 0;
  std::int64_t refused = 0;
  std::int64_t lost = 0;                // checks that failed
  std::set<std::string> losing_checks;  // by name
};

struct Settings {
  std::string fsync;
  std::int64_t rounds_max = 0;
  std::chrono::milliseconds time{};
  std::int64_t writers = 1;
  Sabotage sabotage = Sabotage::none;
  std::vector<std::string> server_args;
  std::string keep;  // where a failing server's directory is copied to
};

class CrashRun {
 public:
  CrashRun(Settings settings, std::uint64_t seed)
      : settings_(std::move(settings)), random_(seed), server_(arguments(settings_)) {
    for (int id = 0; id < settings_.writers; ++id) {
      for (std::unique_ptr<Workload>& workload : all_workloads(id)) {
        writers_.push_back(std::make_unique<Writer>(std::move(workload), random_()));
      }
    }
  }

  Counts run() {
    const auto end = Clock::now() + settings_.time;
    while (Clock::now() < end && (settings_.rounds_max == 0 || counts_.rounds < settings_.rounds_max) &&
           (counts_.lost == 0 || settings_.sabotage == Sabotage::tamper)) {
      ++counts_.rounds;
      load_until_killed();
      sabotage_files();
      check_dump();
      while (one_in(3)) interrupt_recovery();
      server_.restart();
      sabotage_keys();
      verify();
      if (counts_.lost == 0 && one_in(3)) compare_digests();
    }
    for (const auto& writer : writers_) {
      counts_.acknowledged += writer->acknowledged_total();
      counts_.refused += writer->refused();
      if (writer->refused() > 0) std::cout << "refused: " << writer->last_error() << "\n";
    }
    if (counts_.lost > 0) std::cout << "--- the server's log ends with\n" << server_.log_tail() << "---\n";
    return counts_;
  }

 private:
  static std::vector<std::string> arguments(const Settings& settings) {
    std::vector<std::string> args{"--appendfsync", settings.fsync};
    if (settings.sabotage == Sabotage::no_journal) args.insert(args.end(), {"--appendonly", "no"});
    if (!stele_program().is_redis()) {
      args.insert(args.end(), {"--journal-segment-size", "1mb", "--checkpoint-journal-bytes", "1mb"});
    }
    args.insert(args.end(), settings.server_args.begin(), settings.server_args.end());
    return args;
  }

  bool one_in(int n) { return between(1, n) == 1; }
  std::int64_t between(std::int64_t first, std::int64_t last) {
    return std::uniform_int_distribution<std::int64_t>(first, last)(random_);
  }
  void sleep_for_random(std::int64_t first_ms, std::int64_t last_ms) {  // the random moment is the point, not a wait
    std::this_thread::sleep_for(std::chrono::milliseconds(between(first_ms, last_ms)));
  }

  void load_until_killed() {
    std::vector<std::thread> threads;
    for (const auto& writer : writers_) {
      threads.emplace_back([&writer, client = server_.connect()]() mutable { writer->run(std::move(client)); });
    }
    if (settings_.sabotage == Sabotage::none) {
      threads.emplace_back(
          [client = server_.connect(), seed = random_()]() mutable { disturb(std::move(client), seed); });
    }
    sleep_for_random(settings_.sabotage == Sabotage::none ? 30 : 300, 700);  // enough to sabotage
    server_.kill9();
    ++counts_.kills;
    for (std::thread& thread : threads) thread.join();
  }

  static void disturb(Client client, std::uint64_t seed) {
    static constexpr std::array<const char*, 4> kCommands{"BGSAVE", "BGSAVE", "SAVE", "BGREWRITEAOF"};
    std::mt19937_64 random(seed);
    try {
      for (;;) {
        client.run(kCommands[random() % kCommands.size()]);  // one that is refused because another runs is as well
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 100));
      }
    } catch (const ConnectionLost&) {
      return;
    }
  }

  void interrupt_recovery() {
    server_.spawn();
    sleep_for_random(0, 60);
    server_.kill9();
    ++counts_.kills;
    ++counts_.kills_in_recovery;
  }

  void sabotage_files() {
    if (settings_.sabotage != Sabotage::cut_tail) return;
    std::filesystem::path newest;
    for (const auto& entry : std::filesystem::directory_iterator(server_.directory() / "appendonlydir")) {
      if (entry.path().extension() != ".aof" || entry.file_size() == 0) continue;
      if (newest.empty() || entry.last_write_time() > std::filesystem::last_write_time(newest)) newest = entry.path();
    }
    const std::uintmax_t size = std::filesystem::file_size(newest);
    std::filesystem::resize_file(newest, size - std::min(size, kCutBytes));
  }

  void sabotage_keys() {
    if (settings_.sabotage != Sabotage::tamper) return;
    Client client = server_.connect();
    for (const auto& writer : writers_) writer->workload().tamper(client);
  }

  void verify() {
    Client client = server_.connect();
    for (const auto& writer : writers_) {
      const std::string what = writer->verify(client);
      if (!what.empty()) lost(writer->workload().name(), what);
    }
  }

  // state(checkpoint) + journal = state(memory), with no client about.
  void compare_digests() {
    const Reply memory = server_.run("DEBUG", "DIGEST");
    server_.kill9();
    ++counts_.kills;
    server_.restart();
    const Reply recovered = server_.run("DEBUG", "DIGEST");
    if (recovered != memory) {
      lost("digest", fmt::format("DEBUG DIGEST was {} and is {} after kill -9", describe(memory), describe(recovered)));
    }
    const Reply reload = server_.run("DEBUG", "RELOAD");
    const Reply reloaded = server_.run("DEBUG", "DIGEST");
    if (reload.is_error() || reloaded != memory) {
      lost("reload", fmt::format("DEBUG DIGEST was {} and is {} after DEBUG RELOAD, which said {}", describe(memory),
                                 describe(reloaded), describe(reload)));
    }
    counts_.digests += 2;
    if (!stele_program().is_redis() && settings_.sabotage == Sabotage::none && one_in(2)) compare_without_store(memory);
  }

  // The base and the segments behind it have all the data as well.
  void compare_without_store(const Reply& expected) {
    server_.kill9();
    ++counts_.kills;
    std::filesystem::remove_all(server_.directory() / "rocksdb");
    while (one_in(3)) interrupt_recovery();
    server_.restart();
    const Reply rebuilt = server_.run("DEBUG", "DIGEST");
    if (rebuilt != expected) {
      lost("rebuild", fmt::format("DEBUG DIGEST was {} and is {} after the store was lost", describe(expected), describe(rebuilt)));
    }
    ++counts_.digests;
  }

  void check_dump() {
    const std::filesystem::path dump = server_.directory() / "dump.rdb";
    if (!std::filesystem::exists(dump) || !std::filesystem::exists("/usr/bin/redis-check-rdb")) return;
    const Outcome outcome = run_program("/usr/bin/redis-check-rdb", {dump});
    if (outcome.exit_code != 0) lost("dump.rdb", outcome.output);
  }

  void lost(const std::string& check, const std::string& what) {
    std::cout << "LOST in round " << counts_.rounds << " (" << check << "): " << what << std::endl;
    if (counts_.lost == 0 && !settings_.keep.empty()) {
      std::filesystem::copy(server_.directory(), settings_.keep, std::filesystem::copy_options::recursive);
    }
    ++counts_.lost;
    counts_.losing_checks.insert(check);
  }

  const Settings settings_;
  std::mt19937_64 random_;
  Server server_;
  std::vector<std::unique_ptr<Writer>> writers_;
  Counts counts_;
};

// With sabotage, what should be noticed has to be: by every check there is if keys were tampered with.
bool as_expected(const Counts& counts, Sabotage sabotage) {
  if (sabotage == Sabotage::none) return counts.lost == 0 && counts.refused == 0;
  if (sabotage != Sabotage::tamper) return counts.lost > 0;
  for (const auto& workload : all_workloads(0)) {
    if (!counts.losing_checks.contains(workload->name())) {
      std::cout << "not noticed by " << workload->name() << "\n";
      return false;
    }
  }
  return true;
}

int run_crash(const Options& options) {
  if (!options.text("server").empty()) ::setenv("STELE_SERVER", options.text("server").c_str(), 1);
  std::uint64_t seed = static_cast<std::uint64_t>(options.number("seed"));
  if (seed == 0) seed = std::random_device{}();
  std::vector<std::string> policies{options.text("fsync")};
  if (policies[0] == "all") policies = {"always", "everysec", "no"};

  bool good = true;
  std::cout << "seed " << seed << ", " << stele_program().path.native() << "\n"
            << "fsync     rounds   kills  in recovery  digests  acknowledged  refused  lost\n";
  for (const std::string& policy : policies) {
    Settings settings{.fsync = policy, .rounds_max = options.number("rounds")};
    settings.time = std::chrono::milliseconds(options.number("seconds") * 1000 / std::ssize(policies));
    settings.writers = options.number("writers");
    settings.sabotage = sabotage_named(options.text("sabotage"));
    settings.keep = options.text("keep");
    std::istringstream words(options.text("server-args"));
    for (std::string word; words >> word;) settings.server_args.push_back(word);
    CrashRun run(settings, seed);
    const Counts counts = run.run();
    std::cout << fmt::format("{:8}{:8}{:8}{:13}{:9}{:14}{:9}{:6}\n", policy, counts.rounds, counts.kills,
                             counts.kills_in_recovery, counts.digests, counts.acknowledged, counts.refused, counts.lost)
              << std::flush;
    good = good && as_expected(counts, settings.sabotage);
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace stele::test

int main(int argc, char** argv) {
  const stele::test::Options options(argc, argv,
                                     {{"seed", "0"},      // 0: a random one, printed. Timing is not reproduced by it
                                      {"rounds", "0"},    // 0: as many as the time allows
                                      {"seconds", "30"},  // over all policies
                                      {"fsync", "all"},   // always, everysec, no
                                      {"writers", "1"},   // of each kind
                                      {"server", ""},     // instead of $STELE_SERVER
                                      {"server-args", ""},
                                      {"keep", ""},            // copies a failing server's directory there
                                      {"sabotage", "none"}});  // cut-tail, no-journal, tamper: must be noticed
  try {
    return stele::test::run_crash(options);
  } catch (const std::exception& e) {
    std::cerr << e.what() << "\n";
    return 2;
  }
}
