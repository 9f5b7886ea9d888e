#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <span>

namespace stele {

struct Connection;

/// Ends a wait of the executor from any thread: an eventfd in the poller's set.
class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  int fd() const { return fd_; }
  void signal() const;  // any thread
  /// Waits for a signal alone, whatever else is ready.
  void wait(std::chrono::milliseconds timeout) const;

 private:
  int fd_;
};

/// Which connections can be read or written: one level-triggered epoll set, so that a connection costs one system call
/// when it comes and one when it goes, and none a turn. (An asio reactor re-arms a socket for every wait.)
/// Threads: the executor.
class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void add(int fd, Connection* connection);
  /// A listening socket: ready() then says so by accepts().
  void add_listener(int fd);
  /// Returns from ready() at each signal(); nothing has to be read.
  void add_wakeup(const Wakeup& wakeup);
  /// What to report from now on. Without reads, it is still reported that the peer will send nothing more, if `hangups`.
  void watch(int fd, Connection* connection, bool reads, bool writes, bool hangups);
  void remove(int fd);

  /// The connections (in data.ptr; null is none) that are ready, after waiting up to `timeout`; a signal ends the wait.
  std::span<epoll_event> ready(std::chrono::milliseconds timeout);
  /// As ready() without waiting, into `events`: for a look in the middle of a turn, which still needs what ready() returned.
  std::span<epoll_event> look(std::span<epoll_event> events, bool& accepts);
  /// Whether the last ready() found somebody waiting to be accepted.
  bool accepts() const { return accepts_; }

 private:
  static constexpr int kEventsMax = 1024;

  int fd_;
  bool accepts_ = false;
  epoll_event events_[kEventsMax];
};

}  // namespace stele
