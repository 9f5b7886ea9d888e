// Runs the same random commands against stele and redis-server 7.0.15 and compares every reply, and at intervals the
// data sets. On a mismatch it prints both replies and the shortest sequence it finds that still shows one.
#include <chrono>
#include <iostream>
#include <random>
#include <sstream>

#include <fmt/format.h>

#include "tests/system/generator.h"
#include "tests/system/options.h"
#include "tests/system/server_pair.h"

namespace stele::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kStepsPerCheck = 500;  // how often data sets are compared
constexpr std::size_t kChecksPerEpoch = 40;  // how often both begin anew, so that a reproduction is never long
constexpr int kDamagedOneIn = 25;
constexpr int kSwitchOneIn = 6;
constexpr std::chrono::seconds kShrinkTime{20};

struct Run {
  std::vector<std::string> groups;
  std::int64_t commands_max = 0;  // 0: no limit
  Clock::time_point end;
  std::int64_t kill9_every = 0;
  std::int64_t restart_every = 0;
  std::int64_t sabotage_every = 0;
};

/// Produces the steps of a run, one after the other.
class Script {
 public:
  Script(std::uint64_t seed, const Run& run) : source_(seed), mix_(run.groups), run_(run) {}

  Step next() {
    for (const auto& [every, kind] :
         {std::pair{run_.kill9_every, Step::Kind::kill9}, std::pair{run_.restart_every, Step::Kind::restart},
          std::pair{run_.sabotage_every, Step::Kind::sabotage}}) {
      if (every > 0 && source_.between(1, every) == 1) return {.kind = kind};
    }
    if (source_.one_in(kSwitchOneIn)) connection_ = (connection_ + 1) % ServerPair::kConnections;
    const Generator& generator = mix_.choose(source_);
    Command command = generator.make(source_);
    // Sets that are asked by text have equal scores: a damaged one would leave their order undefined.
    const bool scores_matter = command.size() > 1 && command[0] == "ZADD" && command[1].starts_with("lex");
    if (source_.one_in(kDamagedOneIn) && !scores_matter) command = damage(source_, std::move(command));
    return {.connection = connection_, .command = std::move(command), .compare = generator.compare};
  }

 private:
  Source source_;
  Mix mix_;
  const Run& run_;
  std::size_t connection_ = 0;
};

bool fails(ServerPair& pair, const std::vector<Step>& steps) {
  pair.reset();
  return pair.run(steps) || pair.compare_state();
}

// The shortest tail, by doubling, then without every part that is not needed. Empty if nothing fails from scratch.
std::vector<Step> shrink(ServerPair& pair, const std::vector<Step>& history) {
  pair.restart_both();
  const auto deadline = Clock::now() + kShrinkTime;
  std::vector<Step> steps;
  for (std::size_t size = 4;; size *= 2) {
    size = std::min(size, history.size());
    steps.assign(history.end() - static_cast<std::ptrdiff_t>(size), history.end());
    if (fails(pair, steps)) break;
    if (size == history.size()) return {};
  }
  for (std::size_t part = std::max<std::size_t>(1, steps.size() / 2);;) {
    bool removed = false;
    for (std::size_t at = 0; at < steps.size() && Clock::now() < deadline;) {
      std::vector<Step> fewer(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(at));
      fewer.insert(fewer.end(), steps.begin() + static_cast<std::ptrdiff_t>(std::min(at + part, steps.size())),
                   steps.end());
      if (!fewer.empty() && fails(pair, fewer)) {
        steps = std::move(fewer);
        removed = true;
      } else {
        at += part;
      }
    }
    if (Clock::now() >= deadline || (part == 1 && !removed)) return steps;
    if (!removed) part = std::max<std::size_t>(1, part / 2);
  }
}

void report(ServerPair& pair, const std::vector<Step>& history, const std::string& what) {
  std::cout << "MISMATCH\n" << what << "\n\nlast commands:\n";
  for (std::size_t i = history.size() - std::min<std::size_t>(history.size(), 15); i < history.size(); ++i) {
    std::cout << "  " << describe(history[i]) << "\n";
  }
  std::cout << "\nshrinking " << history.size() << " steps ..." << std::endl;
  const std::vector<Step> shortest = shrink(pair, history);
  if (shortest.empty()) {
    std::cout << "does not show again in new processes: timing, or memory that one of them had damaged\n";
    return;
  }
  std::cout << "shortest reproduction, " << shortest.size() << " steps:\n";
  for (const Step& step : shortest) std::cout << "  " << describe(step) << "\n";
  pair.reset();
  const std::optional<Mismatch> mismatch = pair.run(shortest);
  const std::optional<std::string> state = mismatch ? mismatch->what : pair.compare_state();
  if (state) std::cout << "which ends in:\n" << *state << "\n";
}

int run_differential(const Options& options) {
  std::uint64_t seed = static_cast<std::uint64_t>(options.number("seed"));
  if (seed == 0) seed = std::random_device{}();
  Run run{.groups = {}, .commands_max = options.number("commands")};
  run.end = Clock::now() + std::chrono::seconds(options.number("seconds"));
  run.kill9_every = options.number("kill9-every");
  run.restart_every = options.number("restart-every");
  run.sabotage_every = options.number("sabotage-every");
  std::istringstream groups(options.text("groups"));
  for (std::string group; std::getline(groups, group, ',');) run.groups.push_back(group);

  std::istringstream words(options.text("server-args"));
  std::vector<std::string> server_args;
  for (std::string word; words >> word;) server_args.push_back(word);

  std::cout << "seed " << seed << ", RESP" << options.number("resp") << std::endl;
  ServerPair pair(static_cast<int>(options.number("resp")), server_args);
  Script script(seed, run);
  std::vector<Step> history;
  std::int64_t commands = 0;
  std::int64_t checks = 0;
  const auto started = Clock::now();
  while (Clock::now() < run.end && (run.commands_max == 0 || commands < run.commands_max)) {
    if (history.size() >= kStepsPerCheck * kChecksPerEpoch) {
      history.clear();
      pair.reset();
    }
    std::vector<Step> steps;
    while (steps.size() < kStepsPerCheck) {
      steps.push_back(script.next());
      if (steps.back().kind != Step::Kind::command) break;  // and compare states right after it
    }
    const std::size_t before = history.size();
    history.insert(history.end(), steps.begin(), steps.end());
    std::string what;
    if (const std::optional<Mismatch> mismatch = pair.run(steps)) {
      history.resize(before + mismatch->step + 1);
      what = mismatch->what;
    } else if (const std::optional<std::string> state = pair.compare_state()) {
      what = *state;
    }
    commands += static_cast<std::int64_t>(steps.size());
    ++checks;
    if (!what.empty()) {
      report(pair, history, what);
      std::cout << "\nstele's log ends with:\n" << pair.stele_log() << "\nseed " << seed << "\n";
      return 1;
    }
  }
  // What both have agreed on is there after a crash.
  const std::vector<Step> crash{{.kind = Step::Kind::kill9}};
  const std::optional<Mismatch> died = pair.run(crash);
  if (const std::optional<std::string> lost = died ? died->what : pair.compare_state()) {
    std::cout << "after kill -9 and a restart: " << *lost << "\n\nstele's log ends with:\n" << pair.stele_log() << "\nseed " << seed << "\n";
    return 1;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  std::cout << fmt::format("{} commands and {} comparisons of the data sets agree, {:.1f} s\n", commands, checks,
                           seconds);
  if (options.number("tally") != 0) {
    for (const auto& [name, tally] : pair.tallies()) {
      std::cout << fmt::format("{:14}{:8} runs{:8} errors{:8} null{:8} queued\n", quote(name), tally.runs, tally.errors,
                               tally.nulls, tally.queued);
    }
  }
  return 0;
}

}  // namespace
}  // namespace stele::test

int main(int argc, char** argv) {
  const stele::test::Options options(argc, argv,
                                     {{"seed", "0"},      // 0: a random one, printed
                                      {"commands", "0"},  // 0: as many as the time allows
                                      {"seconds", "30"},
                                      {"resp", "2"},
                                      {"groups", ""},        // "strings,generic"; empty: all
                                      {"kill9-every", "0"},  // steps on average
                                      {"restart-every", "0"},
                                      {"sabotage-every", "0"},  // must end in a mismatch
                                      {"tally", "0"},           // 1: what each command got, at the end
                                      {"server-args", ""}});
  try {
    return stele::test::run_differential(options);
  } catch (const std::exception& e) {
    std::cerr << e.what() << "\n";
    return 2;
  }
}
