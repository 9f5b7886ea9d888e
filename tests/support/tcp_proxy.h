#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <thread>

namespace stele::test {

/// A bad network between two servers: accepts connections on a loopback port of its own and carries each to another
/// port.
///
///     carries ──a random number of bytes──► closes, or resets, or delays and goes on, or falls silent ("half-open")
///        ▲                                                                                            │
///        └── calm(): what is silent is closed, the rest is carried as it comes ◄──────────────────────┘
///
/// Threads: any; the work is done on one of its own.
class TcpProxy {
 public:
  explicit TcpProxy(int target_port, std::uint64_t seed = 1);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  int port() const { return port_; }

  /// From now on something happens to most connections, those that are open and those to come.
  void storm();
  /// Nothing more happens. `heal` false: connections that are silent stay so; whoever waits has to notice.
  void calm(bool heal = true);
  /// Ends every connection now.
  void cut();
  /// Carries nothing, closes nothing, until it is called with false.
  void freeze(bool frozen);
  /// What the target sends passes at so many bytes per second; 0: as it comes.
  void limit_rate(std::uint64_t bytes_per_second);

  struct Counts {
    std::int64_t connections = 0;
    std::int64_t cuts = 0;
    std::int64_t delays = 0;
    std::int64_t silences = 0;
    std::int64_t to_client = 0;  // bytes
  };
  Counts counts() const;

 private:
  enum class Fate { none, close, reset, delay, silence };

  struct Pipe {
    int from = -1;
    int to = -1;
    std::string held;
    bool ended = false;
  };

  struct Link {
    Pipe down;  // from the target
    Pipe up;
    Fate fate = Fate::none;
    std::uint64_t fate_after = 0;  // bytes
    bool silent = false;
    std::int64_t resumes_at_ms = 0;
    bool dead = false;
  };

  void run();
  void accept_one();
  void choose_fate(Link& link);
  void read_some(Link& link, Pipe& pipe);
  void write_some(Link& link, Pipe& pipe);
  void meet_fate(Link& link);
  void close(Link& link, bool reset);
  void wake() const;

  const int target_port_;
  int listener_ = -1;
  int wake_fd_ = -1;
  int port_ = 0;

  mutable std::mutex mutex_;  // guards everything below
  std::mt19937_64 random_;
  std::list<Link> links_;
  Counts counts_;
  bool storms_ = false;
  bool frozen_ = false;
  bool stopping_ = false;
  std::uint64_t rate_ = 0;
  double allowance_ = 0;  // bytes that may pass now
  std::int64_t allowed_at_ms_ = 0;
  std::thread thread_;
};

}  // namespace stele::test
