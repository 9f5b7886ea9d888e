#pragma once

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

#include "persistence/status.h"
#include "protocol/resp_reply_parser.h"

namespace stele::tools {

/// Where a server is, and as whom to speak to it.
struct ServerAddress {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string socket;  // a Unix socket, in their place
  std::string user;
  std::string password;
  std::chrono::seconds timeout{30};  // of each wait

  std::string text() const { return socket.empty() ? fmt::format("{}:{}", host, port) : socket; }
};

/// A blocking connection to a server, one command at a time.
class ServerLink {
 public:
  /// Connects, and authenticates if there is a password. `unavailable` if nobody answers, `invalid` if it is refused.
  static Result<ServerLink> connect(const ServerAddress& address);

  ServerLink(ServerLink&& other) noexcept;
  ServerLink& operator=(ServerLink&&) = delete;
  ~ServerLink();

  /// The reply, which is no error: that is `invalid`, with its text. `unavailable` if the server is gone.
  Result<RespReply> run(std::initializer_list<std::string_view> args);

 private:
  explicit ServerLink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  int fd_ = -1;
  std::string name_;
  ReplyParser parser_;
  std::string input_;
};

/// A field of what INFO replied; empty if it is not there.
std::string_view info_field(std::string_view info, std::string_view name);

}  // namespace stele::tools
