#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/protocol/config_test_support.h"

// What a real Redis 7.0 says to the same questions.

namespace stele {
namespace {

using test::ConfigDirectory;
using test::set;

// The server is the same program under another name; package redis-tools is enough.
constexpr const char* kRedisServer = "/usr/bin/redis-check-rdb";

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

/// A redis-server of its own directory and port, and one connection to it.
class Redis {
 public:
  Redis() : port_(free_port()) {
    const std::string port = std::to_string(port_);
    const std::string dir = directory_.path("");
    const std::string log = directory_.path("log");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl(kRedisServer, "redis-server", "--port", port.c_str(), "--dir", dir.c_str(), "--logfile", log.c_str(),
              "--bind", "127.0.0.1", "--enable-protected-configs", "yes", nullptr);
      ::_exit(127);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!connect() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  ~Redis() {
    if (fd_ >= 0) ::close(fd_);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Redis(const Redis&) = delete;
  Redis& operator=(const Redis&) = delete;

  bool is_up() const { return fd_ >= 0; }

  /// The words of the reply: one for a status or an error (without its first character), all for an array.
  Words run(const Words& command) {
    std::string request = fmt::format("*{}\r\n", command.size());
    for (const std::string& word : command) request += fmt::format("${}\r\n{}\r\n", word.size(), word);
    EXPECT_EQ(::send(fd_, request.data(), request.size(), MSG_NOSIGNAL), std::ssize(request));
    return read_reply();
  }

 private:
  bool connect() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(port_);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      ::close(fd);
      return false;
    }
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    fd_ = fd;
    return true;
  }

  bool fill() {
    char bytes[16384];
    const ssize_t received = ::recv(fd_, bytes, sizeof(bytes), 0);
    EXPECT_GT(received, 0);
    if (received > 0) buffer_.append(bytes, static_cast<std::size_t>(received));
    return received > 0;
  }

  std::string read_line() {
    std::size_t end = buffer_.find("\r\n");
    while (end == std::string::npos) {
      if (!fill()) return "-closed";
      end = buffer_.find("\r\n");
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return line;
  }

  Words read_reply() {
    const std::string line = read_line();
    const int count = line.starts_with('*') || line.starts_with('$') ? std::stoi(line.substr(1)) : 0;
    if (line.starts_with('*')) {
      Words words;
      for (int i = 0; i < count; ++i) words.push_back(read_reply().at(0));
      return words;
    }
    if (line.starts_with('$')) {
      const std::size_t size = static_cast<std::size_t>(count);
      while (buffer_.size() < size + 2 && fill()) {
      }
      std::string bulk = buffer_.substr(0, size);
      buffer_.erase(0, size + 2);
      return {bulk};
    }
    return {line.substr(1)};
  }

  ConfigDirectory directory_;
  int port_;
  pid_t pid_ = -1;
  int fd_ = -1;
  std::string buffer_;
};

class ConfigBesideRedis : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access(kRedisServer, X_OK) != 0) GTEST_SKIP() << "no " << kRedisServer << " to compare with";
    redis_ = std::make_unique<Redis>();
    ASSERT_TRUE(redis_->is_up());
    const std::string info = redis_->run({"INFO", "server"}).at(0);
    if (info.find("redis_version:7.0.") == std::string::npos) GTEST_SKIP() << "not a Redis 7.0: " << info;
  }

  std::map<std::string, std::string> redis_values() {
    const Words words = redis_->run({"CONFIG", "GET", "*", "rdb-key-save-delay", "key-load-delay", "use-exit-on-panic",
                                     "watchdog-period", "loading-process-events-interval-bytes"});
    std::map<std::string, std::string> values;
    for (std::size_t i = 0; i + 1 < words.size(); i += 2) values[words[i]] = words[i + 1];
    return values;
  }

  std::unique_ptr<Redis> redis_;
};

std::map<std::string, std::string> our_values() {
  const std::vector<std::string_view> patterns = {"*",
                                                  "rdb-key-save-delay",
                                                  "key-load-delay",
                                                  "use-exit-on-panic",
                                                  "watchdog-period",
                                                  "loading-process-events-interval-bytes"};
  std::map<std::string, std::string> values;
  for (auto& [name, value] : test::live().get(patterns)) values.emplace(name, std::move(value));
  return values;
}

TEST_F(ConfigBesideRedis, EveryNameOfRedisIsKnownAndTheOthersAreOurs) {
  const std::set<std::string> ours = {
      "backup-rate",
      "scrub-interval",
      "scrub-rate",
      "journal-retain-size",
      "journal-retain-seconds",
      "journal-segment-size",
      "journal-pin-size-max",
      "replica-accept-empty-primary",
      "repl-digest-interval",
      "resident-memory",
      "block-cache-size",
      "checkpoint-interval",
      "checkpoint-journal-bytes",
      "loader-threads",
      "warm-up",
      "rdb-version",
      "rdb-skip-unknown",
      "recover-from-checkpoint",
      "load-replaced-files",
      // of Redis 7.2
      "set-max-listpack-entries",
      "set-max-listpack-value",
      "locale-collate",
      "cluster-announce-human-nodename",
  };
  const auto known = our_values();
  const auto redis = redis_values();
  for (const auto& [name, value] : redis) EXPECT_TRUE(known.contains(name)) << name;
  for (const auto& [name, value] : known) EXPECT_NE(redis.contains(name), ours.contains(name)) << name;
}

TEST_F(ConfigBesideRedis, DefaultsAreTheSame) {
  const std::map<std::string, std::string> differ = {
      {"appendonly", "durable unless told otherwise"},
      {"syslog-ident", "the program's name"},
      {"dir", "given to Redis by this test"},
      {"port", "given to Redis by this test"},
      {"bind", "given to Redis by this test"},
      {"logfile", "given to Redis by this test"},
      {"enable-protected-configs", "given to Redis by this test"},
  };
  const auto known = our_values();
  for (const auto& [name, value] : redis_values()) {
    if (differ.contains(name)) continue;
    EXPECT_EQ(known.at(name), value) << name;
  }
}

TEST_F(ConfigBesideRedis, WhatRedisDoesNotKnowMayBeSetToTheValueThatItHas) {
  std::set<std::string> known;
  for (const auto& [name, value] : redis_values()) known.insert(name);
  LiveConfig config = test::live();
  for (const auto& [name, value] : our_values()) {
    if (known.contains(name)) continue;
    const Status status = set(config, {{name, value}});
    EXPECT_TRUE(status.ok()) << status.message();
  }
}

TEST_F(ConfigBesideRedis, WrongValuesGetTheSameAnswer) {
  // To Redis these are more than values: a new port or password would end the test, others need the system's help.
  const std::set<std::string> left_out = {"requirepass",  "port",          "tls-port",
                                          "bind",         "dir",           "maxclients",
                                          "activedefrag", "oom-score-adj", "proc-title-template"};
  LiveConfig config = test::live();
  for (const auto& [name, value] : redis_values()) {
    if (left_out.contains(name) || name.starts_with("tls-")) continue;
    // Redis takes these as unsigned, or wraps them around; here every size ends at 2^63.
    const bool is_unsigned = name == "maxmemory" || name == "maxmemory-clients" || name == "cluster-link-sendbuf-limit";
    for (const char* wrong :
         {"BOGUS^", "", "-99999999999999", "9223372036854775808", "007", "1.5", "+1", "1 2", "yes "}) {
      if (name == "latency-tracking-info-percentiles" && std::string_view(wrong) == "+1") continue;  // strtod's view
      if (is_unsigned && std::string_view(wrong).starts_with('9')) continue;
      const std::string theirs = redis_->run({"CONFIG", "SET", name, wrong}).at(0);
      const Status status = set(config, {{name, wrong}}, true);
      EXPECT_EQ(status.ok() ? "OK" : "ERR " + status.message(), theirs) << name << " " << wrong;
    }
  }
}

TEST_F(ConfigBesideRedis, GoodValuesAreShownAlike) {
  const std::vector<std::pair<std::string, std::string>> settings = {
      {"maxmemory", "100mb"},
      {"maxmemory-clients", "7%"},
      {"maxmemory-clients", "3gb"},
      {"save", "3600 1 300 100"},
      {"save", ""},
      {"client-output-buffer-limit", "replica 1mb 2kb 3 normal 1 2 3"},
      {"notify-keyspace-events", "KEA"},
      {"notify-keyspace-events", "Elmx$n"},
      {"notify-keyspace-events", ""},
      {"latency-tracking-info-percentiles", "50.0 99.900 12.3456789"},
      {"latency-tracking-info-percentiles", ""},
      {"appendfsync", "ALWAYS"},
      {"repl-diskless-sync", "NO"},
      {"hz", "1000"},
      {"hz", "0"},
      {"repl-backlog-size", "1"},
      {"shutdown-on-sigterm", "force nosave"},
      {"shutdown-on-sigterm", "default"},
      {"oom-score-adj-values", "3 2 1"},
      {"slowlog-log-slower-than", "-1"},
      {"list-max-ziplist-size", "-5"},
      {"cluster-announce-hostname", "a-b.c"},
      {"masterauth", "with \"quotes\" and spaces"},
      {"maxmemory-policy", "allkeys-lfu"},
  };
  LiveConfig config = test::live();
  for (const auto& [name, value] : settings) {
    ASSERT_EQ(redis_->run({"CONFIG", "SET", name, value}).at(0), "OK") << name << " " << value;
    ASSERT_TRUE(set(config, {{name, value}}).ok()) << name << " " << value;
    EXPECT_EQ(test::value_of(config, name), redis_->run({"CONFIG", "GET", name}).at(1)) << name << " " << value;
  }
}

}  // namespace
}  // namespace stele
