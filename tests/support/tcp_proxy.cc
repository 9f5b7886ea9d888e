#include "tests/support/tcp_proxy.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/support/loopback.h"

namespace stele::test {
namespace {

constexpr std::size_t kHeldMax = 64 * 1024;
constexpr int kSocketBuffer = 64 * 1024;  // small ones: a limited rate is felt by the server, not by the kernel
constexpr double kFateBytesMax = 2'000'000;
constexpr std::int64_t kDelayMsMax = 300;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

TcpProxy::TcpProxy(int target_port, std::uint64_t seed)
    : target_port_(target_port),
      wake_fd_(::eventfd(0, EFD_CLOEXEC)),
      random_(seed) {
  const Listener listener = listen_on_loopback();
  listener_ = listener.fd;
  port_ = listener.port;
  thread_ = std::thread([this] { run(); });
}

TcpProxy::~TcpProxy() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
  for (Link& link : links_) close(link, false);
  ::close(listener_);
  ::close(wake_fd_);
}

void TcpProxy::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
}

void TcpProxy::storm() {
  const std::lock_guard lock(mutex_);
  storms_ = true;
  for (Link& link : links_) choose_fate(link);
}

void TcpProxy::calm(bool heal) {
  {
    const std::lock_guard lock(mutex_);
    storms_ = false;
    for (Link& link : links_) {
      link.fate = Fate::none;
      link.resumes_at_ms = 0;
      if (heal && link.silent) close(link, false);
    }
  }
  wake();
}

void TcpProxy::cut() {
  {
    const std::lock_guard lock(mutex_);
    counts_.cuts += std::ssize(links_);
    for (Link& link : links_) close(link, random_() % 2 == 0);
  }
  wake();
}

void TcpProxy::freeze(bool frozen) {
  {
    const std::lock_guard lock(mutex_);
    frozen_ = frozen;
  }
  wake();
}

void TcpProxy::limit_rate(std::uint64_t bytes_per_second) {
  {
    const std::lock_guard lock(mutex_);
    rate_ = bytes_per_second;
    allowance_ = 0;
    allowed_at_ms_ = now_ms();
  }
  wake();
}

TcpProxy::Counts TcpProxy::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void TcpProxy::choose_fate(Link& link) {
  // Any order of magnitude: the handshake has a hundred bytes, a snapshot millions.
  const double share = std::uniform_real_distribution<double>(0, 1)(random_);
  link.fate_after = static_cast<std::uint64_t>(std::exp(share * std::log(kFateBytesMax)));
  switch (random_() % 8) {
    case 0:
    case 1:
      link.fate = Fate::close;
      break;
    case 2:
    case 3:
      link.fate = Fate::reset;
      break;
    case 4:
    case 5:
      link.fate = Fate::delay;
      break;
    case 6:
      link.fate = Fate::silence;
      break;
    default:
      link.fate = Fate::none;
      break;
  }
}

void TcpProxy::meet_fate(Link& link) {
  switch (std::exchange(link.fate, Fate::none)) {
    case Fate::none:
      break;
    case Fate::close:
    case Fate::reset:
      ++counts_.cuts;
      close(link, random_() % 2 == 0);
      break;
    case Fate::delay:
      ++counts_.delays;
      link.resumes_at_ms = now_ms() + static_cast<std::int64_t>(random_() % kDelayMsMax);
      choose_fate(link);
      break;
    case Fate::silence:
      ++counts_.silences;
      link.silent = true;
      break;
  }
}

void TcpProxy::close(Link& link, bool reset) {
  if (link.dead) return;
  link.dead = true;
  for (const int fd : {link.down.from, link.up.from}) {
    if (reset) {
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    ::close(fd);
  }
}

void TcpProxy::accept_one() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) return;
  const int target = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::setsockopt(target, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  const sockaddr_in address = loopback(target_port_);
  if (::connect(target, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(target);
    ::close(client);
    return;
  }
  const int on = 1;
  ::setsockopt(target, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ++counts_.connections;
  Link& link = links_.emplace_back();
  link.down = {.from = target, .to = client, .held = {}};
  link.up = {.from = client, .to = target, .held = {}};
  if (storms_) choose_fate(link);
}

void TcpProxy::read_some(Link& link, Pipe& pipe) {
  char bytes[16 * 1024];
  const ssize_t got = ::recv(pipe.from, bytes, std::min(sizeof bytes, kHeldMax - pipe.held.size()), MSG_DONTWAIT);
  if (got > 0) {
    pipe.held.append(bytes, static_cast<std::size_t>(got));
  } else if (got == 0) {
    pipe.ended = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    close(link, true);
  }
}

void TcpProxy::write_some(Link& link, Pipe& pipe) {
  std::size_t most = pipe.held.size();
  const bool limited = rate_ > 0 && &pipe == &link.down;
  if (limited) most = std::min(most, static_cast<std::size_t>(std::max(0.0, allowance_)));
  if (link.fate != Fate::none) most = std::min<std::size_t>(most, link.fate_after);
  if (most > 0) {
    const ssize_t sent = ::send(pipe.to, pipe.held.data(), most, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) close(link, true);
      return;
    }
    pipe.held.erase(0, static_cast<std::size_t>(sent));
    if (&pipe == &link.down) counts_.to_client += sent;
    if (limited) allowance_ -= static_cast<double>(sent);
    if (link.fate != Fate::none) link.fate_after -= static_cast<std::uint64_t>(sent);
  }
  if (link.fate != Fate::none && link.fate_after == 0) meet_fate(link);
}

void TcpProxy::run() {
  std::vector<pollfd> waiting;
  for (;;) {
    int timeout = -1;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      links_.remove_if([](const Link& link) { return link.dead; });
      const std::int64_t now = now_ms();
      if (rate_ > 0) {
        allowance_ += static_cast<double>(rate_) * static_cast<double>(now - allowed_at_ms_) / 1000;
        allowance_ = std::min(allowance_, static_cast<double>(rate_) / 20 + 4096);
        allowed_at_ms_ = now;
      }
      waiting.assign({{.fd = wake_fd_, .events = POLLIN, .revents = 0},
                      {.fd = frozen_ ? -1 : listener_, .events = POLLIN, .revents = 0}});
      for (Link& link : links_) {
        const bool rests = frozen_ || link.silent || link.resumes_at_ms > now;
        if (link.resumes_at_ms > now) timeout = 5;
        for (Pipe* pipe : {&link.down, &link.up}) {
          const bool dry = rate_ > 0 && pipe == &link.down && allowance_ < 1;
          if (dry) timeout = 5;
          const bool reads = !rests && !pipe->ended && pipe->held.size() < kHeldMax;
          const bool writes = !rests && !dry && !pipe->held.empty();
          waiting.push_back({.fd = reads ? pipe->from : -1, .events = POLLIN, .revents = 0});
          waiting.push_back({.fd = writes ? pipe->to : -1, .events = POLLOUT, .revents = 0});
        }
      }
    }
    ::poll(waiting.data(), waiting.size(), timeout);
    const std::lock_guard lock(mutex_);
    if (waiting[0].revents != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake_fd_, &count, sizeof count);
    }
    std::size_t at = 2;
    for (Link& link : links_) {
      if (at + 3 >= waiting.size()) break;
      for (Pipe* pipe : {&link.down, &link.up}) {
        const short readable = waiting[at++].revents;
        const short writable = waiting[at++].revents;
        if (readable != 0 && !link.dead) read_some(link, *pipe);
        if (writable != 0 && !link.dead && !link.silent) write_some(link, *pipe);
      }
      const bool ends = (link.down.ended && link.down.held.empty()) || (link.up.ended && link.up.held.empty());
      if (ends && !link.dead) close(link, false);
    }
    if (waiting[1].revents != 0) accept_one();
  }
}

}  // namespace stele::test
