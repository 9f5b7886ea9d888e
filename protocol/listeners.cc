#include "protocol/listeners.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include "protocol/poller.h"

namespace stele {

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

std::unique_ptr<Listeners::Acceptor> Listeners::open_tcp(const std::string& address, int port, int backlog,
                                                         Status& status) {
  asio::error_code error;
  asio::ip::tcp::endpoint endpoint;
  if (address == "*") {
    endpoint = {asio::ip::tcp::v4(), static_cast<unsigned short>(port)};
  } else if (address == "::*") {
    endpoint = {asio::ip::tcp::v6(), static_cast<unsigned short>(port)};
  } else {
    asio::ip::address parsed = asio::ip::make_address(address, error);
    if (error) {
      asio::ip::tcp::resolver resolver(io_);
      const auto found = resolver.resolve(address, "", asio::ip::resolver_base::passive, error);
      if (!error && !found.empty()) parsed = found.begin()->endpoint().address();
    }
    if (error) {
      status = Status::invalid("Could not resolve the address '{}' of 'bind': {}", address, error.message());
      return nullptr;
    }
    endpoint = {parsed, static_cast<unsigned short>(port)};
  }
  auto acceptor = std::make_unique<Acceptor>(io_, accepted_);
  acceptor->socket.open(endpoint.protocol(), error);
  if (!error) acceptor->socket.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor->socket.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor->socket.bind(endpoint, error);
  if (!error) acceptor->socket.listen(backlog, error);
  if (error) {
    status = Status::invalid("Could not create server TCP listening socket {}:{}: bind: {}", address, port, error.message());
    return nullptr;
  }
  return acceptor;
}

Status Listeners::listen_tcp(const std::vector<std::string>& addresses, int port, int backlog) {
  std::vector<std::unique_ptr<Acceptor>> before = std::move(tcp_);
  tcp_.clear();
  if (port == 0) return Status();
  // The old sockets give way first: the new ones may be the same addresses.
  std::vector<std::unique_ptr<Acceptor>> opened;
  Status status;
  for (const auto& old : before) old->socket.cancel();
  for (const std::string& word : addresses) {
    const bool optional = word.starts_with('-');
    Status failure;
    auto acceptor = open_tcp(optional ? word.substr(1) : word, port, backlog, failure);
    if (acceptor == nullptr && !optional) {
      status = std::move(failure);
      break;
    }
    if (acceptor == nullptr) continue;
    poller_.add_listener(acceptor->socket.native_handle());
    opened.push_back(std::move(acceptor));
  }
  if (status.ok() && opened.empty() && !addresses.empty()) {
    status = Status::invalid("Failed listening on port {} (tcp), aborting: none of the addresses of 'bind' is available", port);
  }
  tcp_ = status.ok() ? std::move(opened) : std::move(before);
  for (const auto& acceptor : tcp_) acceptor->accept();
  return status;
}

Status Listeners::listen_unix(const std::string& path, unsigned permissions, int backlog) {
  sockaddr_un limits;
  if (path.size() >= sizeof limits.sun_path) {
    return Status::invalid("unixsocket: '{}' is longer than the {} bytes that a socket's path may have", path,
                           sizeof limits.sun_path - 1);
  }
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
