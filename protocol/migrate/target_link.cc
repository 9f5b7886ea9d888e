#include "protocol/migrate/target_link.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace stele {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 4096;
constexpr std::size_t kLineBytesMax = 64 * 1024;

/// Whether one of `events` came before `deadline`. Signals are the server's business, and do not end the wait.
bool poll_until(int fd, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd waiting{.fd = fd, .events = events, .revents = 0};
    const int wait_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000'000));
    const int ready = ::poll(&waiting, 1, wait_ms);
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= deadline) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

/// A socket that is connected to `address`, or -1 with the reason in errno.
int connect_to(const addrinfo& address, Clock::time_point deadline) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  int error = 0;
  if (::connect(fd, address.ai_addr, address.ai_addrlen) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      socklen_t bytes = sizeof error;
      if (!poll_until(fd, POLLOUT, deadline)) {
        error = ETIMEDOUT;
      } else if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) {
        error = errno;
      }
    }
  }
  if (error == 0) return fd;
  ::close(fd);
  errno = error;
  return -1;
}

}  // namespace

TargetLink::Connected TargetLink::connect(const std::string& host, const std::string& port, Timeout timeout,
                                          std::unique_ptr<TargetLink>& link) {
  link.reset();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* addresses = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &addresses) != 0) return Connected::no;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(addresses, ::freeaddrinfo);

  const Clock::time_point deadline = Clock::now() + timeout;
  Connected outcome = Connected::no;
  for (const addrinfo* address = addresses; address != nullptr; address = address->ai_next) {
    const int fd = connect_to(*address, deadline);
    if (fd < 0) {
      if (errno == ECONNREFUSED) outcome = Connected::refused;
      continue;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    link.reset(new TargetLink(fd));
    return Connected::yes;
  }
  return outcome;
}

TargetLink::~TargetLink() { ::close(fd_); }

bool TargetLink::wait_for(short events, Clock::time_point deadline) {
  if (poll_until(fd_, events, deadline)) return true;
  timed_out_ = true;
  return false;
}

bool TargetLink::flush(Timeout timeout) {
  while (output_.size() > 0) {
    std::size_t left = std::min(output_.size(), kWriteBytes);
    const Clock::time_point deadline = Clock::now() + timeout;
    while (left > 0) {
      const ssize_t sent = ::send(fd_, output_.data(), left, MSG_NOSIGNAL);
      if (sent > 0) {
        left -= static_cast<std::size_t>(sent);
        output_.consume(static_cast<std::size_t>(sent));
      } else if (sent < 0 && errno == EINTR) {
        continue;
      } else if (sent == 0 || (errno != EAGAIN && errno != EWOULDBLOCK) || !wait_for(POLLOUT, deadline)) {
        return false;
      }
    }
  }
  return true;
}

std::optional<std::string_view> TargetLink::read_line(Timeout timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  input_.erase(0, std::exchange(read_, 0));
  std::size_t scanned = 0;
  while (true) {
    if (const std::size_t end = input_.find('\n', scanned); end != std::string::npos) {
      read_ = end + 1;
      const std::string_view line = std::string_view(input_).substr(0, end);
      return line.ends_with('\r') ? line.substr(0, end - 1) : line;
    }
    scanned = input_.size();
    if (scanned > kLineBytesMax) return std::nullopt;
    char bytes[kReadBytes];
    const ssize_t received = ::recv(fd_, bytes, sizeof bytes, 0);
    if (received > 0) {
      input_.append(bytes, static_cast<std::size_t>(received));
    } else if (received < 0 && errno == EINTR) {
      continue;
    } else if (received == 0 || (errno != EAGAIN && errno != EWOULDBLOCK) || !wait_for(POLLIN, deadline)) {
      return std::nullopt;
    }
  }
}

bool TargetLink::is_quiet() const {
  if (input_.size() > read_) return false;
  pollfd state{.fd = fd_, .events = POLLIN, .revents = 0};
  return ::poll(&state, 1, 0) == 0;
}

}  // namespace stele
