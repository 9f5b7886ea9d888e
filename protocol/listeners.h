#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "persistence/status.h"

namespace asio {
class io_context;
}

namespace stele {

class Poller;

/// The sockets that new connections come in by. Threads: the executor.
class Listeners {
 public:
  /// `accepted` is given each connected socket, and owns it. `poller` tells when `io` has somebody to accept.
  Listeners(asio::io_context& io, Poller& poller, std::function<void(int fd)> accepted);
  ~Listeners();
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  /// Listens on `port` of each of `addresses` ("*" and "::*" for all); one with a '-' in front is forgiven if this machine
  /// does not have it. In place of what it listened on by TCP before, which comes back if the new ones cannot be had:
  /// `invalid`, naming address and port.
  Status listen_tcp(const std::vector<std::string>& addresses, int port, int backlog);

  /// Listens on a unix socket at `path`, replacing one that nobody listens on. `permissions` 0: as the umask has it.
  Status listen_unix(const std::string& path, unsigned permissions, int backlog);

  void close();

 private:
  struct Acceptor;
  struct Bound {
    std::vector<std::string> addresses;
    int port = 0;
    int backlog = 0;
  };
  Status open_all(const Bound& wanted);
  Status open_tcp(const std::string& word, const Bound& wanted);

  asio::io_context& io_;
  Poller& poller_;
  const std::function<void(int)> accepted_;
  std::vector<std::unique_ptr<Acceptor>> tcp_;
  Bound bound_;  // what tcp_ was opened for
  std::unique_ptr<Acceptor> unix_;
  std::string unix_path_;
};

}  // namespace stele
