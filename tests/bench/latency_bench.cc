// How long GETs, or SETs, take while something else goes on: paced clients, which do not keep a core busy themselves, and every
// request's time. A request that is late because the one before was counts from when it should have been sent.
//
//     bench_latency PORT CLIENTS REQUESTS_PER_SECOND KEYS [VALUE_BYTES]        until standard input ends
//
// With VALUE_BYTES the requests are SETs of such values. Keys are "k" and nine digits. Prints one line: requests, then p50, p99,
// p99.9 and the longest, in microseconds.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "bench_socket.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Client {
  int fd = -1;
  Clock::time_point due;
  bool waits = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) return std::fprintf(stderr, "bench_latency PORT CLIENTS REQUESTS_PER_SECOND KEYS [VALUE_BYTES]\n"), 2;
  const std::string value(argc == 6 ? static_cast<std::size_t>(std::atoi(argv[5])) : 0, 'x');
  const int port = std::atoi(argv[1]);
  const auto count = static_cast<std::size_t>(std::atoi(argv[2]));
  const auto interval = std::chrono::nanoseconds(1'000'000'000LL * std::atoll(argv[2]) / std::atoll(argv[3]));
  std::uniform_int_distribution<long> key(0, std::atol(argv[4]) - 1);
  std::mt19937_64 random(1);

  std::vector<Client> clients(count);
  std::vector<pollfd> polled(count + 1);
  const Clock::time_point begin = Clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    clients[i] = {.fd = connect_to(port), .due = begin + interval * static_cast<long>(i) / static_cast<long>(count)};
    polled[i] = {.fd = clients[i].fd, .events = POLLIN, .revents = 0};
  }
  polled[count] = {.fd = 0, .events = POLLIN, .revents = 0};

  std::vector<std::uint32_t> taken;  // microseconds
  taken.reserve(10'000'000);
  char reply[4096];
  std::string request;
  while (polled[count].revents == 0) {
    const Clock::time_point now = Clock::now();
    Clock::time_point next = now + std::chrono::seconds(1);
    for (Client& client : clients) {
      if (!client.waits && client.due <= now) {
        char start[64];
        const int bytes = std::snprintf(start, sizeof start, "*%d\r\n$3\r\n%s\r\n$10\r\nk%09ld\r\n", value.empty() ? 2 : 3,
                                        value.empty() ? "GET" : "SET", key(random));
        request.assign(start, static_cast<std::size_t>(bytes));
        if (!value.empty()) request += "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
        if (::write(client.fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) return std::perror("write"), 2;
        client.waits = true;
      }
      if (!client.waits) next = std::min(next, client.due);
    }
    const auto wait = std::max(Clock::duration::zero(), next - Clock::now());
    const timespec timeout{.tv_sec = wait.count() / 1'000'000'000, .tv_nsec = wait.count() % 1'000'000'000};
    if (::ppoll(polled.data(), polled.size(), &timeout, nullptr) <= 0) continue;
    for (std::size_t i = 0; i < count; ++i) {
      if (polled[i].revents == 0) continue;
      if (::read(clients[i].fd, reply, sizeof reply) <= 0) return std::perror("read"), 2;
      const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - clients[i].due);
      taken.push_back(static_cast<std::uint32_t>(micros.count()));
      clients[i].waits = false;
      clients[i].due += interval;
    }
  }
  if (taken.empty()) return 1;
  std::sort(taken.begin(), taken.end());
  const auto at = [&](double share) {
    return taken[static_cast<std::size_t>(share * static_cast<double>(taken.size() - 1))];
  };
  std::printf("%zu %u %u %u %u\n", taken.size(), at(0.5), at(0.99), at(0.999), taken.back());
}
