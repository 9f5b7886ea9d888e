#include "tests/support/loopback.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace stele::test {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

Listener listen_on_loopback() {
  Listener listener{.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address = loopback(0);
  socklen_t bytes = sizeof address;
  if (::bind(listener.fd, reinterpret_cast<sockaddr*>(&address), bytes) != 0 || ::listen(listener.fd, 64) != 0 ||
      ::getsockname(listener.fd, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) {
    throw std::system_error(errno, std::generic_category(), "a socket that listens on the loopback interface");
  }
  listener.port = ntohs(address.sin_port);
  return listener;
}

}  // namespace stele::test
