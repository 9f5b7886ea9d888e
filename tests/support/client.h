#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/reply.h"

namespace stele::test {

/// The server hung up, was killed, or did not answer before the timeout.
class ConnectionLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One argument of a command, from whatever a test has at hand.
inline std::string to_argument(std::string_view text) { return std::string(text); }
template <std::integral Integer>
std::string to_argument(Integer number) {
  return std::to_string(number);
}

/// A blocking connection over TCP or a Unix socket. Speaks RESP2 until HELLO 3 was sent; reads both.
///
/// run() is send() and read(). To pipeline, send many and read as many: requests are collected and leave with the
/// first read() or flush(). Every wait ends with ConnectionLost after `timeout`.
///
/// Threads: one at a time.
class Client {
 public:
  static constexpr std::chrono::milliseconds kTimeout{60'000};

  /// Throws ConnectionLost when nothing listens there.
  static Client tcp(int port, std::chrono::milliseconds timeout = kTimeout);
  static Client unix_socket(const std::filesystem::path& path, std::chrono::milliseconds timeout = kTimeout);

  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;
  ~Client();

  template <typename... Args>
  Reply run(Args&&... args) {
    return run_arguments(std::vector<std::string>{to_argument(std::forward<Args>(args))...});
  }
  Reply run_arguments(std::span<const std::string> args);

  /// Adds one request, as an array of bulk strings, to what the next flush() sends.
  void send(std::span<const std::string> args);
  /// Adds bytes as they are: inline commands, broken framing.
  void send_raw(std::string_view bytes);
  void flush();

  /// The next reply.
  Reply read();

  /// True once the server has closed its end; false if it has not by the timeout.
  bool closed_by_server();

  /// Says that nothing more will be sent; replies can still be read.
  void finish_sending();

  /// Closes both directions at once, from any thread: a blocked read() then ends with ConnectionLost.
  void shut_down();

 private:
  Client(int fd, std::chrono::milliseconds timeout) : fd_(fd), timeout_(timeout) {}

  void fill();
  std::string_view read_line();
  std::string read_bytes(std::size_t bytes);

  int fd_ = -1;
  std::chrono::milliseconds timeout_;
  std::string out_;
  std::string in_;
  std::size_t in_used_ = 0;  // in_[0, in_used_) has been parsed
};

}  // namespace stele::test
