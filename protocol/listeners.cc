#include "protocol/listeners.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include "protocol/poller.h"

namespace stele {

namespace {

/// The machine does not have this address, or no address of its kind.
bool is_missing(const asio::error_code& error) {
  switch (error.value()) {
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ENOPROTOOPT: return true;
    default: return false;
  }
}

/// Whether somebody answers there; a crash leaves a socket file behind that nobody does.
bool has_listener(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  // Full backlog: there is one, and it is busy.
  const bool there = connected || errno == EAGAIN;
  ::close(fd);
  return there;
}

}  // namespace

/// One listening socket; accepts for as long as it lives.
struct Listeners::Acceptor {
  using Protocol = asio::generic::stream_protocol;
  using Socket = asio::basic_socket_acceptor<Protocol>;

  Acceptor(asio::io_context& io, const std::function<void(int)>& on_accepted)
      : socket(io), retry(io), accepted(on_accepted) {}

  void accept() {
    socket.async_accept([this](const asio::error_code& error, Protocol::socket peer) {
      if (error == asio::error::operation_aborted) return;
      if (!error) {
        accepted(peer.release());
        return accept();
      }
      // Out of file descriptors, most likely: the pending connection stays, so trying at once would spin.
      spdlog::warn("cannot accept a connection: {}. Trying again in a moment", error.message());
      retry.expires_after(std::chrono::milliseconds(100));
      retry.async_wait([this](const asio::error_code& stopped) {
        if (!stopped) accept();
      });
    });
  }

  Socket socket;
  asio::steady_timer retry;
  const std::function<void(int)>& accepted;
};

Listeners::Listeners(asio::io_context& io, Poller& poller, std::function<void(int)> accepted)
    : io_(io), poller_(poller), accepted_(std::move(accepted)) {}

Listeners::~Listeners() { close(); }

Status Listeners::open_tcp(const std::string& word, const Bound& wanted) {
  const bool optional = word.starts_with('-');
  const std::string address = optional ? word.substr(1) : word;
  const auto port = static_cast<unsigned short>(wanted.port);
  asio::error_code error;
  asio::ip::tcp::endpoint endpoint;
  if (address == "*") {
    endpoint = {asio::ip::tcp::v4(), port};
  } else if (address == "::*") {
    endpoint = {asio::ip::tcp::v6(), port};
  } else {
    asio::ip::address parsed = asio::ip::make_address(address, error);
    if (error) {
      asio::ip::tcp::resolver resolver(io_);
      const auto found = resolver.resolve(address, "", asio::ip::resolver_base::passive, error);
      if (!error && !found.empty()) parsed = found.begin()->endpoint().address();
    }
    if (error && optional) return Status();
    if (error) return Status::invalid("Could not resolve the address '{}' of 'bind': {}", address, error.message());
    endpoint = {parsed, port};
  }
  auto acceptor = std::make_unique<Acceptor>(io_, accepted_);
  acceptor->socket.open(endpoint.protocol(), error);
  if (!error) acceptor->socket.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor->socket.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor->socket.bind(endpoint, error);
  if (!error) acceptor->socket.listen(wanted.backlog, error);
  if (error && optional && is_missing(error)) return Status();
  if (error) {
    return Status::invalid(
        "Failed listening on port {} (tcp): Could not create server TCP listening socket {}:{}: bind: {}", wanted.port,
        address, wanted.port, error.message());
  }
  acceptor->accept();
  poller_.add_listener(acceptor->socket.native_handle());
  tcp_.push_back(std::move(acceptor));
  return Status();
}

Status Listeners::open_all(const Bound& wanted) {
  tcp_.clear();
  if (wanted.port == 0) return Status();
  Status status;
  for (const std::string& word : wanted.addresses) {
    if (status.ok()) status = open_tcp(word, wanted);
  }
  if (status.ok() && tcp_.empty() && !wanted.addresses.empty()) {
    status = Status::invalid("Failed listening on port {} (tcp): none of the addresses of 'bind' is available", wanted.port);
  }
  if (!status.ok()) tcp_.clear();
  return status;
}

Status Listeners::listen_tcp(const std::vector<std::string>& addresses, int port, int backlog) {
  // The old sockets give way first: the new addresses may be among theirs, and 'bind' allows no two at a time.
  Bound wanted{addresses, port, backlog};
  Status status = open_all(wanted);
  if (status.ok()) {
    bound_ = std::move(wanted);
    return status;
  }
  if (const Status back = open_all(bound_); !back.ok()) spdlog::error("not listening any more: {}", back.message());
  return status;
}

Status Listeners::listen_unix(const std::string& path, unsigned permissions, int backlog) {
  sockaddr_un limits;
  if (path.size() >= sizeof limits.sun_path) {
    return Status::invalid("unixsocket: '{}' is longer than the {} bytes that a socket's path may have", path,
                           sizeof limits.sun_path - 1);
  }
  if (has_listener(path)) return Status::invalid("Failed opening Unix socket: bind: {}: another server listens on it", path);
  ::unlink(path.c_str());
  auto acceptor = std::make_unique<Acceptor>(io_, accepted_);
  asio::error_code error;
  const asio::local::stream_protocol::endpoint endpoint(path);
  acceptor->socket.open(endpoint.protocol(), error);
  if (!error) acceptor->socket.bind(endpoint, error);
  if (!error) acceptor->socket.listen(backlog, error);
  if (error) return Status::invalid("Failed opening Unix socket: bind: {}: {}", path, error.message());
  if (permissions != 0) ::chmod(path.c_str(), permissions);
  acceptor->accept();
  poller_.add_listener(acceptor->socket.native_handle());
  unix_ = std::move(acceptor);
  unix_path_ = path;
  return Status();
}

void Listeners::close() {
  tcp_.clear();
  if (unix_ != nullptr) {
    unix_.reset();
    ::unlink(unix_path_.c_str());
  }
}

}  // namespace stele
