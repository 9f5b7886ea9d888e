#pragma once

#include <netinet/in.h>

namespace stele::test {

sockaddr_in loopback(int port);

struct Listener {
  int fd = -1;  // the caller's
  int port = 0;
};

/// On a free port. Throws if there is none.
Listener listen_on_loopback();

}  // namespace stele::test
