#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

namespace stele {

struct Connection;

/// Which connections can be read or written: one level-triggered epoll set, so that a connection costs one system call
/// when it comes and one when it goes, and none a turn. (An asio reactor re-arms a socket for every wait.)
/// Threads: the executor.
class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// Readable when any of its connections has something; asio waits on it when the server is idle.
  int fd() const { return fd_; }

  void add(int fd, Connection* connection);
  /// What to report from now on. A connection that waits reports neither, but still that its peer has gone.
  void watch(int fd, Connection* connection, bool reads, bool writes);
  void remove(int fd);

  /// What is ready now; `connection` is in data.ptr, null for the wake-up. Does not wait.
  std::span<epoll_event> ready();

 private:
  static constexpr int kEventsMax = 1024;

  int fd_;
  epoll_event events_[kEventsMax];
};

/// Ends a wait of the executor from any thread: an eventfd in the poller's set.
class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  int fd() const { return fd_; }
  void signal() const;  // any thread
  void drain() const;

 private:
  int fd_;
};

}  // namespace stele
