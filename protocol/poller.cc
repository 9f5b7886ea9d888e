#include "protocol/poller.h"

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

void Poller::watch(int fd, Connection* connection, bool reads, bool writes) {
  epoll_event event{};
  event.events = (reads ? EPOLLIN : EPOLLRDHUP) | (writes ? EPOLLOUT : 0u);
  event.data.ptr = connection;
  STELE_ASSERT(::epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void Poller::remove(int fd) { ::epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr); }

std::span<epoll_event> Poller::ready() {
  const int count = ::epoll_wait(fd_, events_, kEventsMax, 0);
  if (count < 0) {
    STELE_ASSERT(errno == EINTR);
    return {};
  }
  return {events_, static_cast<std::size_t>(count)};
}

Wakeup::Wakeup() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { STELE_ASSERT(fd_ >= 0); }

Wakeup::~Wakeup() { ::close(fd_); }

void Wakeup::signal() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);  // full: it is signalled already
}

void Wakeup::drain() const {
  std::uint64_t count;
  [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
}

}  // namespace stele
