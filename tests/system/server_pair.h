#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/support/server.h"
#include "tests/system/generator.h"

namespace stele::test {

/// One step of a differential run: the same for both servers, or something that happens to stele alone.
struct Step {
  enum class Kind {
    command,
    kill9,     // SIGKILL and start again
    restart,   // SIGTERM and start again
    sabotage,  // changes a key of stele's behind the runner's back, to prove that this is noticed
  };
  Kind kind = Kind::command;
  std::size_t connection = 0;
  Command command;
  Compare compare = Compare::exact;
};

/// For reproductions: "1> SET \"k\" \"v\"".
std::string describe(const Step& step);

struct Mismatch {
  std::size_t step = 0;  // index in what was run; its size if the servers' states differ at the end
  std::string what;
};

/// How often a command ran and what it got: a generator whose commands mostly fail tests little.
struct Tally {
  std::int64_t runs = 0;
  std::int64_t errors = 0;
  std::int64_t nulls = 0;
  std::int64_t queued = 0;
};

/// stele and Debian's redis-server, side by side, each with kConnections connections that do the same.
class ServerPair {
 public:
  static constexpr std::size_t kConnections = 2;

  /// `resp` 3: every connection begins with HELLO 3.
  ServerPair(int resp, std::vector<std::string> stele_args);

  /// Back to empty data sets and new connections; starts stele again if it is down.
  void reset();

  /// Starts both again: what a damaged process would carry on must not decide about a reproduction.
  void restart_both();

  /// Runs the steps and compares every reply. Neighbouring commands of one connection go out as a pipeline.
  std::optional<Mismatch> run(std::span<const Step> steps);

  /// Compares DBSIZE and DEBUG DIGEST, and names the keys that differ.
  std::optional<std::string> compare_state();

  /// By upper-case command name.
  const std::map<std::string, Tally>& tallies() const { return tallies_; }

  std::string stele_log() const { return stele_.log_tail(); }

 private:
  /// What a connection pair has in MULTI: how to compare each element of EXEC's reply.
  using Queued = std::vector<Compare>;

  struct Connections {
    std::optional<Client> stele;
    std::optional<Client> redis;
    Queued queued;
  };

  void connect();
  std::optional<std::string> check(Connections& connections, const Step& step, const Reply& stele, const Reply& redis);
  std::optional<std::string> run_scan(Connections& connections, const Step& step);
  void run_event(const Step& step);
  std::string differing_keys();

  const int resp_;
  RedisServer redis_;
  Server stele_;
  bool restarted_ = false;
  std::map<std::string, Tally> tallies_;
  std::array<Connections, kConnections> connections_;
  std::optional<Client> stele_state_;  // for looking at the state, beside any MULTI
  std::optional<Client> redis_state_;
};

}  // namespace stele::test
