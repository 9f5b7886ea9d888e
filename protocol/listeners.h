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

  /// Listens on `port` of each of `addresses` ("*" and "::*" for all); one with a '-' in front may fail. In place of what it
  /// listened on by TCP before, which stays if the new ones cannot be had: `invalid`, naming address and port.
  Status listen_tcp(const std::vector<std::string>& addresses, int port, int backlog);

  /// Listens on a unix socket at `path`, replacing a file that is there. `permissions` 0: as the umask has it.
  Status listen_unix(const std::string& path, unsigned permissions, int backlog);

  void close();

 private:
  struct Acceptor;
  std::unique_ptr<Acceptor> open_tcp(const std::string& address, int port, int backlog, Status& status);

  asio::io_context& io_;
  Poller& poller_;
  const std::function<void(int)> accepted_;
  std::vector<std::unique_ptr<Acceptor>> tcp_;
  std::unique_ptr<Acceptor> unix_;
  std::string unix_path_;
};

}  // namespace stele
