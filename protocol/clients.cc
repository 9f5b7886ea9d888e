#include "protocol/clients.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/client_text.h"

namespace stele {

namespace {

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN];
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return fmt::format("{}:{}", ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text), ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    return fmt::format("[{}]:{}", ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text), ntohs(v6.sin6_port));
  }
  return {};
}

}  // namespace

bool Connection::is_loopback() const {
  return unix_socket || peer.starts_with("127.") || peer.starts_with("[::1]") || peer.starts_with("[::ffff:127.");
}

Clients::~Clients() {
  for (auto& [id, connection] : by_id_) {
    if (!connection->closed) ::close(connection->fd);
  }
}

Connection& Clients::add(int fd) {
  auto owned = std::make_unique<Connection>();
  Connection& connection = *owned;
  connection.fd = fd;
  connection.id = ++last_id_;
  connection.created = connection.last_active = std::chrono::steady_clock::now();
  sockaddr_storage address{};
  socklen_t bytes = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes) == 0) {
    if (address.ss_family == AF_UNIX) {
      connection.unix_socket = true;
      connection.local = connection.peer = std::string(reinterpret_cast<sockaddr_un&>(address).sun_path) + ":0";
    } else {
      connection.local = address_text(address);
      bytes = sizeof address;
      if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &bytes) == 0) connection.peer = address_text(address);
    }
  }
  poller_.add(fd, &connection);
  by_id_.emplace(connection.id, std::move(owned));
  return connection;
}

void Clients::close(Connection& connection) {
  if (connection.closed) return;
  connection.closed = true;
  counted_bytes_ -= std::exchange(connection.counted_bytes, 0);
  poller_.remove(connection.fd);
  ::close(connection.fd);
  closed_.push_back(connection.id);
  if (on_close_) on_close_(connection);
}

void Clients::count_memory(Connection& connection) {
  if (connection.closed) return;
  const std::size_t bytes = client_bytes(connection);
  counted_bytes_ += bytes - std::exchange(connection.counted_bytes, bytes);
}

void Clients::close_after_reply(Connection& connection) {
  connection.close_after_reply = true;
  if (connection.output.empty()) close(connection);
}

void Clients::free_closed(const std::function<void(Connection&)>& before) {
  for (const std::uint64_t id : closed_) {
    const auto found = by_id_.find(id);
    before(*found->second);
    by_id_.erase(found);
  }
  closed_.clear();
}

Connection* Clients::find(std::uint64_t id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() || found->second->closed ? nullptr : found->second.get();
}

void Clients::watch(Connection& connection, bool reads, bool writes) {
  if (connection.closed) return;
  poller_.watch(connection.fd, &connection, reads && !connection.peer_is_done, writes, !connection.peer_is_done);
  connection.watches_writes = writes;
}

}  // namespace stele
