#include "protocol/poller.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "persistence/status.h"

namespace stele {

Poller::Poller() : fd_(::epoll_create1(EPOLL_CLOEXEC)) { STELE_ASSERT(fd_ >= 0); }

Poller::~Poller() { ::close(fd_); }

void Poller::add(int fd, Connection* connection) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = connection;
  STELE_ASSERT(::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) == 0);
}

void Poller::watch(int fd, Connection* connection, bool reads, bool writes, bool hangups) {
  epoll_event event{};
  event.events = (reads ? EPOLLIN : hangups ? EPOLLRDHUP : 0u) | (writes ? EPOLLOUT : 0u);
  event.data.ptr = connection;
  STELE_ASSERT(::epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void Poller::remove(int fd) { ::epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr); }

void Poller::add_listener(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = this;
  STELE_ASSERT(::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) == 0);
}

void Poller::add_wakeup(const Wakeup& wakeup) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // every signal is an edge
  STELE_ASSERT(::epoll_ctl(fd_, EPOLL_CTL_ADD, wakeup.fd(), &event) == 0);
}

std::span<epoll_event> Poller::ready(std::chrono::milliseconds timeout) {
  accepts_ = false;
  const int count = ::epoll_wait(fd_, events_, kEventsMax, static_cast<int>(timeout.count()));
  if (count < 0) {
    STELE_ASSERT(errno == EINTR);
    return {};
  }
  for (int i = 0; i < count; ++i) {
    if (events_[i].data.ptr != this) continue;
    accepts_ = true;
    events_[i].data.ptr = nullptr;
  }
  return {events_, static_cast<std::size_t>(count)};
}

std::span<epoll_event> Poller::look(std::span<epoll_event> events, bool& accepts) {
  accepts = false;
  const int count = ::epoll_wait(fd_, events.data(), static_cast<int>(events.size()), 0);
  if (count < 0) {
    STELE_ASSERT(errno == EINTR);
    return {};
  }
  const auto found = events.first(static_cast<std::size_t>(count));
  for (epoll_event& event : found) {
    if (event.data.ptr != this) continue;
    accepts = true;
    event.data.ptr = nullptr;
  }
  return found;
}

Wakeup::Wakeup() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { STELE_ASSERT(fd_ >= 0); }

Wakeup::~Wakeup() { ::close(fd_); }

void Wakeup::signal() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);  // full: it is signalled already
}

void Wakeup::wait(std::chrono::milliseconds timeout) const {
  pollfd wanted{.fd = fd_, .events = POLLIN, .revents = 0};
  if (::poll(&wanted, 1, static_cast<int>(timeout.count())) <= 0) return;
  std::uint64_t signals;
  [[maybe_unused]] const ssize_t got = ::read(fd_, &signals, sizeof signals);
}

}  // namespace stele
