#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/system/system_fixture.h"

namespace stele::test {

/// Arguments of a server that follows the one on `port`, and gives snapshots to its own replicas at once.
std::vector<std::string> following(int port, std::vector<std::string> more = {});
inline std::vector<std::string> following(const Server& primary, std::vector<std::string> more = {}) {
  return following(primary.port(), std::move(more));
}

/// True if `replica` is connected and has all that `primary` has.
bool in_step(Server& primary, Server& replica);
/// Waits for that; throws if it does not come.
void wait_in_step(Server& primary, Server& replica);

std::int64_t number(Server& server, std::string_view field);
std::string digest(Server& server);

/// What a full sync leaves behind while it runs: sync.rdb, sync.loading, ...
std::vector<std::filesystem::path> sync_remains(const Server& server);

/// A bare connection, for those who speak the protocol by hand. Every wait ends with ConnectionLost after 10 s.
class Wire {
 public:
  explicit Wire(int port);
  /// Takes over a connected socket.
  static Wire of(int fd) { return {fd, 0}; }
  /// Ends its waits, from any thread.
  void shut_down();
  Wire(Wire&& other) noexcept : fd_(std::exchange(other.fd_, -1)), in_(std::move(other.in_)) {}
  ~Wire();

  void send(std::string_view bytes);
  /// Up to and without "\r\n"; lines that say nothing are left out if `skips_empty`.
  std::string line(bool skips_empty = true);
  std::string bytes(std::size_t count);
  /// Everything until `end` was seen, that included.
  std::string until(std::string_view end);
  /// Nothing came for a while.
  bool is_silent(std::chrono::milliseconds a_while = std::chrono::milliseconds(150));
  bool is_closed();
  void close();

 private:
  Wire(int fd, int) : fd_(fd) {}
  bool fill(std::chrono::milliseconds deadline);

  int fd_ = -1;
  std::string in_;
};

/// A primary that goes by the book until it is asked for data, and then does what the test wants.
class FakePrimary {
 public:
  /// `answer` gets the connection after PSYNC was read, and its arguments. INFO is answered with `info`, an error if
  /// that is empty.
  using Answer = std::function<void(Wire& replica, const std::string& psync)>;
  explicit FakePrimary(Answer answer, std::string info = {});
  ~FakePrimary();
  FakePrimary(const FakePrimary&) = delete;
  FakePrimary& operator=(const FakePrimary&) = delete;

  int port() const { return port_; }
  int asked() const { return asked_; }
  void set_answer(Answer answer);

 private:
  void run();
  void serve(Wire& replica);

  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  Answer answer_;  // guarded by mutex_
  const std::string info_;
  Wire* serving_ = nullptr;  // guarded by mutex_
  std::atomic<int> asked_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace stele::test
