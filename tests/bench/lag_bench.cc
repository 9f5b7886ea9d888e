// How long a write takes to be seen on a replica: numbers are written to the primary, each as soon as the one before was seen, and
// looked for on the replica until it is there.
//
//     bench_lag PRIMARY_PORT REPLICA_PORT SECONDS
//
// Prints one line: writes, then p50, p99 and the longest time from the primary's reply, in microseconds.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::perror("connect");
    std::exit(2);
  }
  return fd;
}

/// Replies here are short, and come one at a time.
std::string run(int fd, const std::string& command) {
  char reply[256];
  if (::write(fd, command.data(), command.size()) != static_cast<ssize_t>(command.size())) std::exit(2);
  const ssize_t got = ::read(fd, reply, sizeof reply);
  if (got <= 0) std::exit(2);
  return {reply, static_cast<std::size_t>(got)};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "bench_lag PRIMARY_PORT REPLICA_PORT SECONDS\n"), 2;
  const int primary = connect_to(std::atoi(argv[1]));
  const int replica = connect_to(std::atoi(argv[2]));
  const Clock::time_point end = Clock::now() + std::chrono::seconds(std::atoi(argv[3]));
  std::vector<long> taken;
  for (long i = 0; Clock::now() < end; ++i) {
    char request[96], expected[48];
    const std::string value = std::to_string(1'000'000'000 + i);
    std::snprintf(request, sizeof request, "*3\r\n$3\r\nSET\r\n$3\r\nlag\r\n$%zu\r\n%s\r\n", value.size(), value.c_str());
    std::snprintf(expected, sizeof expected, "$%zu\r\n%s\r\n", value.size(), value.c_str());
    run(primary, request);
    const Clock::time_point replied = Clock::now();
    while (run(replica, "*2\r\n$3\r\nGET\r\n$3\r\nlag\r\n") != expected) std::this_thread::sleep_for(std::chrono::microseconds(100));
    taken.push_back(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - replied).count());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (taken.empty()) return 1;
  std::sort(taken.begin(), taken.end());
  std::printf("%zu %ld %ld %ld\n", taken.size(), taken[taken.size() / 2], taken[taken.size() * 99 / 100], taken.back());
}
