#include "tests/support/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace stele::test {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

[[noreturn]] void lost(std::string_view what) {
  throw ConnectionLost(fmt::format("{}: {}", what, std::strerror(errno)));
}

int connected(int family, const sockaddr* address, socklen_t bytes) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) lost("socket");
  if (::connect(fd, address, bytes) != 0) {
    const int error = errno;
    ::close(fd);
    errno = error;
    lost("connect");
  }
  return fd;
}

}  // namespace

Client Client::tcp(int port, std::chrono::milliseconds timeout) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = connected(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return Client(fd, timeout);
}

Client Client::unix_socket(const std::filesystem::path& path, std::chrono::milliseconds timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof(address.sun_path)) throw ConnectionLost("socket path too long: " + path.native());
  std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
  return Client(connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), timeout);
}

Client::Client(Client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      timeout_(other.timeout_),
      out_(std::move(other.out_)),
      in_(std::move(other.in_)),
      in_used_(other.in_used_) {}

Client& Client::operator=(Client&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(timeout_, other.timeout_);
  std::swap(out_, other.out_);
  std::swap(in_, other.in_);
  std::swap(in_used_, other.in_used_);
  return *this;
}

Client::~Client() {
  if (fd_ >= 0) ::close(fd_);
}

Reply Client::run_arguments(std::span<const std::string> args) {
  send(args);
  return read();
}

void Client::send(std::span<const std::string> args) {
  fmt::format_to(std::back_inserter(out_), "*{}\r\n", args.size());
  for (const std::string& arg : args) {
    fmt::format_to(std::back_inserter(out_), "${}\r\n", arg.size());
    out_ += arg;
    out_ += "\r\n";
  }
}

void Client::send_raw(std::string_view bytes) { out_ += bytes; }

void Client::flush() {
  std::string_view rest = out_;
  while (!rest.empty()) {
    const ssize_t sent = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) lost("send");
    // The server may be waiting for us to take replies before it reads on.
    pollfd ready{.fd = fd_, .events = POLLIN | POLLOUT, .revents = 0};
    const int count = ::poll(&ready, 1, static_cast<int>(timeout_.count()));
    if (count == 0) throw ConnectionLost("send: timed out");
    if ((ready.revents & POLLIN) != 0) fill();
  }
  out_.clear();
}

void Client::fill() {
  for (;;) {
    pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
    const int count = ::poll(&ready, 1, static_cast<int>(timeout_.count()));
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) throw ConnectionLost(fmt::format("no reply within {} ms", timeout_.count()));
    break;
  }
  if (in_used_ == in_.size() || in_used_ > (std::size_t{1} << 20)) {
    in_.erase(0, in_used_);
    in_used_ = 0;
  }
  const std::size_t old = in_.size();
  in_.resize(old + kReadBytes);
  const ssize_t got = ::recv(fd_, in_.data() + old, kReadBytes, 0);
  in_.resize(old + static_cast<std::size_t>(got > 0 ? got : 0));
  if (got == 0) throw ConnectionLost("the server closed the connection");
  if (got < 0) lost("recv");
}

std::string_view Client::read_line() {
  for (;;) {
    const std::size_t end = in_.find("\r\n", in_used_);
    if (end != std::string::npos) {
      const std::string_view line = std::string_view(in_).substr(in_used_, end - in_used_);
      in_used_ = end + 2;
      return line;
    }
    fill();
  }
}

std::string Client::read_bytes(std::size_t bytes) {
  while (in_.size() - in_used_ < bytes + 2) fill();
  std::string text = in_.substr(in_used_, bytes);
  if (in_.compare(in_used_ + bytes, 2, "\r\n") != 0) throw std::runtime_error("a string without its closing CRLF");
  in_used_ += bytes + 2;
  return text;
}

Reply Client::read() {
  if (!out_.empty()) flush();
  const std::string_view line = read_line();
  if (line.empty()) throw std::runtime_error("an empty line where a reply begins");
  Reply reply{.type = line[0], .null = false, .text = std::string(line.substr(1)), .elements = {}};
  const auto length = [&] {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(reply.text.data(), reply.text.data() + reply.text.size(), value);
    if (error != std::errc() || end != reply.text.data() + reply.text.size() || value < -1) {
      throw std::runtime_error(fmt::format("a bad length: {}{}", reply.type, reply.text));
    }
    reply.text.clear();
    return value;
  };
  switch (reply.type) {
    case '+':
    case '-':
    case ':':
    case ',':
    case '#':
    case '(':
      return reply;
    case '_':
      reply.null = true;
      return reply;
    case '$':
    case '!':
    case '=': {
      const std::int64_t bytes = length();
      if (bytes < 0) {
        reply.null = true;
      } else {
        reply.text = read_bytes(static_cast<std::size_t>(bytes));
      }
      return reply;
    }
    case '*':
    case '%':
    case '~':
    case '>':
    case '|': {
      std::int64_t count = length();
      reply.null = count < 0;
      if (reply.type == '%' || reply.type == '|') count *= 2;
      for (std::int64_t i = 0; i < count; ++i) reply.elements.push_back(read());
      if (reply.type == '|') return read();  // attributes are about the reply that follows, and no part of it
      return reply;
    }
    default:
      throw std::runtime_error("not a reply: " + quote(line));
  }
}

bool Client::closed_by_server() {
  try {
    flush();
    for (;;) read();
  } catch (const ConnectionLost& e) {
    return std::string_view(e.what()).find("no reply within") == std::string_view::npos;
  }
}

void Client::finish_sending() { ::shutdown(fd_, SHUT_WR); }

void Client::shut_down() { ::shutdown(fd_, SHUT_RDWR); }

}  // namespace stele::test
