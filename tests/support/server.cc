#include "tests/support/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <stdexcept>

#include <fmt/format.h>

namespace stele::test {
namespace {

constexpr int kStartTries = 20;
constexpr std::size_t kLogTailBytes = 8192;

bool is_free(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return free;
}

// Below the range that outgoing connections draw from: a client of another test must not take the port of a server
// that is down for a restart. Random, so that parallel runs seldom meet.
int free_port() {
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> ports(10'000, 32'000);
  for (;;) {
    const int port = ports(random);
    if (is_free(port)) return port;
  }
}

}  // namespace

Program redis_program() { return {"/usr/bin/redis-check-rdb", "redis-server"}; }

Program stele_program() {
  if (const char* chosen = std::getenv("STELE_SERVER"); chosen != nullptr && *chosen != '\0') {
    if (std::string_view(chosen) == "redis") return redis_program();
    const std::filesystem::path path = std::filesystem::absolute(chosen);
    return {path, path.filename()};
  }
  return {std::filesystem::read_symlink("/proc/self/exe").parent_path() / "stele-server", "stele-server"};
}

Server::Server(Program program, std::vector<std::string> args) : program_(std::move(program)), args_(std::move(args)) {
  if (::access(program_.path.c_str(), X_OK) != 0) {
    throw std::runtime_error(program_.path.native() + ": no such program; STELE_SERVER names another");
  }
  data_ = temporary_.path() / "data";
  log_path_ = temporary_.path() / "log";
  std::filesystem::create_directory(data_);
  for (int tries = 1;; ++tries) {
    port_ = free_port();
    spawn();
    if (test::wait_until([&] { return ready() || !running(); }, kStartDeadline) && running()) return;
    const bool taken = log().find("Address already in use") != std::string::npos;
    if (!taken || tries == kStartTries) fail("did not start");
  }
}

Server::~Server() {
  process_.reset();
  if (testing::Test::HasFailure() || std::uncaught_exceptions() > 0) {
    std::cerr << "--- " << program_.name << " on port " << port_ << "\n" << log_tail() << "---\n";
  }
}

void Server::spawn() {
  std::vector<std::string> args{"--bind", "127.0.0.1",    "--port", std::to_string(port_),    "--dir", data_, "--save",
                                "",       "--appendonly", "yes"};
  if (program_.has_debug_directive) args.insert(args.end(), {"--enable-debug-command", "yes"});
  args.insert(args.end(), args_.begin(), args_.end());
  client_.reset();
  log_start_ = std::filesystem::exists(log_path_) ? std::filesystem::file_size(log_path_) : 0;
  process_ = std::make_unique<Process>(program_, args, log_path_);
}

// The log line comes first: before it, whoever answers on the port might be another test's server.
bool Server::ready() {
  if (log().find("Ready to accept connections", log_start_) == std::string::npos) return false;
  try {
    return connect(std::chrono::seconds(5)).run("PING").text.starts_with("PONG");
  } catch (const ConnectionLost&) {
    return false;
  }
}

void Server::wait_until_ready() {
  if (!test::wait_until([&] { return ready() || !running(); }, kStartDeadline) || !running()) fail("did not start");
}

void Server::kill9() {
  client_.reset();
  process_->kill9();
}

void Server::restart(std::vector<std::string> extra) {
  if (running()) terminate();
  args_.insert(args_.end(), extra.begin(), extra.end());
  spawn();
  wait_until_ready();
}

int Server::terminate() {
  process_->signal(SIGTERM);
  return wait_until_ended();
}

int Server::wait_until_ended() {
  client_.reset();
  const std::optional<int> exit_code = process_->wait(kStartDeadline);
  if (!exit_code) fail("still runs");
  return *exit_code;
}

std::string Server::info(std::string_view field) {
  const std::string text = "\r\n" + run("INFO", "all").text;
  const std::string line = fmt::format("\r\n{}:", field);
  const std::size_t start = text.find(line);
  if (start == std::string::npos) return "";
  const std::size_t value = start + line.size();
  return text.substr(value, text.find("\r\n", value) - value);
}

Client& Server::client() {
  if (!client_) client_ = connect();
  return *client_;
}

std::string Server::log_tail() const {
  std::string text = log();
  if (text.size() > kLogTailBytes) text = "... " + text.substr(text.size() - kLogTailBytes);
  return text;
}

void Server::fail(std::string_view what) const {
  throw std::runtime_error(fmt::format("{} on port {}: {}\n{}", program_.name, port_, what, log_tail()));
}

}  // namespace stele::test
