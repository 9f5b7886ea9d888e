#include "tools/common/server_link.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace stele::tools {

namespace {

constexpr std::size_t kBytesPerRead = 64 * 1024;

Result<int> connect_unix(const std::string& path) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.size() >= sizeof to.sun_path) return Status::invalid("{}: the path is too long for a socket", path);
  std::memcpy(to.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return fd;
  const Status status = Status::unavailable("{}: {}", path, std::strerror(errno));
  if (fd >= 0) ::close(fd);
  return status;
}

Result<int> connect_tcp(const ServerAddress& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found); error != 0) {
    return Status::unavailable("{}: {}", address.text(), ::gai_strerror(error));
  }
  int fd = -1;
  int error = 0;
  for (const addrinfo* to = found; to != nullptr && fd < 0; to = to->ai_next) {
    fd = ::socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);
    if (fd >= 0 && ::connect(fd, to->ai_addr, to->ai_addrlen) == 0) break;
    error = errno;
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  ::freeaddrinfo(found);
  if (fd < 0) return Status::unavailable("{}: {}", address.text(), std::strerror(error));
  return fd;
}

}  // namespace

ServerLink::ServerLink(ServerLink&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), name_(std::move(other.name_)), parser_(std::move(other.parser_)), input_(std::move(other.input_)) {}

ServerLink::~ServerLink() {
  if (fd_ >= 0) ::close(fd_);
}

Result<ServerLink> ServerLink::connect(const ServerAddress& address) {
  STELE_TRY(const int fd, address.socket.empty() ? connect_tcp(address) : connect_unix(address.socket));
  ServerLink link(fd, address.text());
  const timeval timeout{.tv_sec = address.timeout.count(), .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (!address.user.empty()) {
    STELE_CHECK(link.run({"AUTH", address.user, address.password}).status());
  } else if (!address.password.empty()) {
    STELE_CHECK(link.run({"AUTH", address.password}).status());
  }
  return link;
}

Result<RespReply> ServerLink::run(std::initializer_list<std::string_view> args) {
  std::string request = fmt::format("*{}\r\n", args.size());
  for (const std::string_view arg : args) fmt::format_to(std::back_inserter(request), "${}\r\n{}\r\n", arg.size(), arg);
  for (std::string_view rest = request; !rest.empty();) {
    const ssize_t sent = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return Status::unavailable("{}: {}", name_, std::strerror(errno));
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  while (true) {
    const ReplyParser::Outcome outcome = parser_.parse(input_);
    if (outcome == ReplyParser::Outcome::error) return Status::invalid("{}: is no server of this kind: {}", name_, parser_.error());
    if (outcome == ReplyParser::Outcome::reply) break;
    const std::size_t had = input_.size();
    input_.resize(had + kBytesPerRead);
    const ssize_t got = ::recv(fd_, input_.data() + had, kBytesPerRead, 0);
    const int error = errno;
    input_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(0, got)));
    if (got < 0 && error == EINTR) continue;
    if (got < 0) return Status::unavailable("{}: {}", name_, error == EAGAIN ? "no answer in time" : std::strerror(error));
    if (got == 0) return Status::unavailable("{}: the server closed the connection", name_);
  }
  RespReply reply = parser_.take();
  input_.erase(0, parser_.consumed());
  if (reply.is_error()) return Status::invalid("{}", reply.text);
  return reply;
}

std::string_view info_field(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const std::size_t end = std::min(info.find("\r\n"), info.size());
    const std::string_view line = info.substr(0, end);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') return line.substr(name.size() + 1);
    info.remove_prefix(std::min(end + 2, info.size()));
  }
  return {};
}

}  // namespace stele::tools
