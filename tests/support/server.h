#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/client.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/wait.h"

namespace stele::test {

/// The server under test: $STELE_SERVER, else the stele-server beside this executable. The value "redis" means
/// redis_program(), for proving the tests themselves.
Program stele_program();

/// Debian's Redis 7.0.15. Package redis-tools is enough: its redis-check-rdb is the server when called redis-server.
Program redis_program();

/// A real server on a free loopback port, in a fresh directory that is removed with it.
///
///     spawn() ──► loading ──► wait_until_ready() ──► run(), info(), ...
///        ▲                                             │
///        └── restart() ◄── stopped ◄── kill9(), terminate()
///
/// Started with "--appendonly yes --save '' --enable-debug-command yes"; arguments given here come later and win. What
/// goes wrong is thrown, with the log's end. The log is printed when the gtest test around it has failed.
class Server {
 public:
  /// How long a start may take, loading included.
  static constexpr std::chrono::seconds kStartDeadline{60};

  Server() : Server(std::vector<std::string>{}) {}
  Server(std::initializer_list<std::string> args) : Server(std::vector<std::string>(args)) {}
  explicit Server(std::vector<std::string> args) : Server(stele_program(), std::move(args)) {}
  Server(Program program, std::vector<std::string> args);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Runs a command on the fixture's own connection, which follows the server across restarts.
  template <typename... Args>
  Reply run(Args&&... args) {
    return client().run(std::forward<Args>(args)...);
  }

  /// A connection of the caller's own.
  Client connect(std::chrono::milliseconds timeout = Client::kTimeout) const { return Client::tcp(port_, timeout); }

  /// SIGKILL, to its saving child as well.
  void kill9();
  /// Stops it with SIGTERM if it runs, starts it on the same port and directory. `extra` arguments stay for later
  /// starts.
  void restart(std::vector<std::string> extra = {});
  /// SIGTERM; the exit code.
  int terminate();
  /// The exit code of a server that ends by itself, after SHUTDOWN.
  int wait_until_ended();

  /// Starts the process and returns at once, so that it can be killed while it loads.
  void spawn();
  void wait_until_ready();

  /// A field of INFO, "" if it has none of that name.
  std::string info(std::string_view field);

  bool running() { return process_ != nullptr && process_->running(); }
  pid_t pid() const { return process_->pid(); }
  int port() const { return port_; }
  std::string address() const { return "127.0.0.1 " + std::to_string(port_); }
  const std::filesystem::path& directory() const { return data_; }
  const Program& program() const { return program_; }

  /// Everything it has printed, over all its starts.
  std::string log() const { return read_file(log_path_); }
  std::string log_tail() const;

  template <typename Condition>
  void wait_until(Condition&& condition, std::chrono::milliseconds deadline = std::chrono::seconds(30)) {
    if (!test::wait_until(std::forward<Condition>(condition), deadline)) fail("a condition did not come true in time");
  }

 private:
  Client& client();
  bool ready();
  [[noreturn]] void fail(std::string_view what) const;

  const Program program_;
  std::vector<std::string> args_;
  TemporaryDirectory temporary_;
  std::filesystem::path data_;
  std::filesystem::path log_path_;
  std::uintmax_t log_start_ = 0;  // where the present process' part of the log begins
  int port_ = 0;
  std::unique_ptr<Process> process_;
  std::optional<Client> client_;
};

/// Debian's redis-server, for comparison and for the other end of a replication link.
class RedisServer : public Server {
 public:
  RedisServer() : Server(redis_program(), {}) {}
  RedisServer(std::initializer_list<std::string> args) : Server(redis_program(), std::vector<std::string>(args)) {}
  explicit RedisServer(std::vector<std::string> args) : Server(redis_program(), std::move(args)) {}
};

}  // namespace stele::test
