#include "tests/system/replication_fixture.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "tests/support/loopback.h"

namespace stele::test {

namespace {

constexpr std::chrono::milliseconds kDeadline{10'000};

}  // namespace

std::vector<std::string> following(int port, std::vector<std::string> more) {
  std::vector<std::string> args{"--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", std::to_string(port)};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

bool in_step(Server& primary, Server& replica) {
  return replica.info("master_link_status") == "up" &&
         replica.info("master_repl_offset") == primary.info("master_repl_offset");
}

void wait_in_step(Server& primary, Server& replica) {
  replica.wait_until([&] { return in_step(primary, replica); });
}

std::int64_t number(Server& server, std::string_view field) {
  const std::string text = server.info(field);
  return text.empty() ? -1 : std::stoll(text);
}

std::string digest(Server& server) { return server.run("DEBUG", "DIGEST").text; }

std::vector<std::filesystem::path> sync_remains(const Server& server) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(server.directory())) {
    if (entry.path().filename().native().starts_with("sync.")) found.push_back(entry.path());
  }
  return found;
}

// --- Wire

Wire::Wire(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_in address = loopback(port);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd_);
    throw ConnectionLost("connect");
  }
}

Wire::~Wire() { close(); }

void Wire::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Wire::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) throw ConnectionLost("send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Wire::shut_down() { ::shutdown(fd_, SHUT_RDWR); }

bool Wire::fill(std::chrono::milliseconds deadline) {
  pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, static_cast<int>(deadline.count())) <= 0) return false;
  char part[16 * 1024];
  const ssize_t got = ::recv(fd_, part, sizeof part, 0);
  if (got <= 0) throw ConnectionLost("closed");
  in_.append(part, static_cast<std::size_t>(got));
  return true;
}

std::string Wire::line(bool skips_empty) {
  for (;;) {
    const std::size_t end = in_.find('\n');
    if (end == std::string::npos) {
      if (!fill(kDeadline)) throw ConnectionLost("no line came");
      continue;
    }
    std::string text = in_.substr(0, end);
    in_.erase(0, end + 1);
    if (text.ends_with('\r')) text.pop_back();
    if (!text.empty() || !skips_empty) return text;
  }
}

std::string Wire::bytes(std::size_t count) {
  while (in_.size() < count) {
    if (!fill(kDeadline)) throw ConnectionLost(fmt::format("{} of {} bytes came", in_.size(), count));
  }
  std::string text = in_.substr(0, count);
  in_.erase(0, count);
  return text;
}

std::string Wire::until(std::string_view end) {
  for (;;) {
    const std::size_t at = in_.find(end);
    if (at != std::string::npos) return bytes(at + end.size());
    if (!fill(kDeadline))
      throw ConnectionLost(fmt::format("what was waited for did not come, but: {}", in_.substr(0, 1000)));
  }
}

bool Wire::is_silent(std::chrono::milliseconds a_while) { return in_.empty() && !fill(a_while); }

bool Wire::is_closed() {
  try {
    while (fill(kDeadline)) in_.clear();
    return false;
  } catch (const ConnectionLost&) {
    return true;
  }
}

// --- FakePrimary

FakePrimary::FakePrimary(Answer answer, std::string info)
    : answer_(std::move(answer)), info_(std::move(info)) {
  const Listener listener = listen_on_loopback();
  listener_ = listener.fd;
  port_ = listener.port;
  thread_ = std::thread([this] { run(); });
}

FakePrimary::~FakePrimary() {
  stopping_ = true;
  {
    const std::lock_guard lock(mutex_);
    if (serving_ != nullptr) serving_->shut_down();
  }
  thread_.join();
  ::close(listener_);
}

void FakePrimary::set_answer(Answer answer) {
  const std::lock_guard lock(mutex_);
  answer_ = std::move(answer);
}

void FakePrimary::run() {
  while (!stopping_) {
    pollfd ready{.fd = listener_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 20) <= 0) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    Wire replica = Wire::of(fd);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      serving_ = &replica;
    }
    try {
      serve(replica);
    } catch (const ConnectionLost&) {
    }
    const std::lock_guard lock(mutex_);
    serving_ = nullptr;
  }
}

void FakePrimary::serve(Wire& replica) {
  for (;;) {
    const std::string head = replica.line();
    std::vector<std::string> args;
    for (int count = std::stoi(head.substr(1)); count > 0; --count) {
      const int size = std::stoi(replica.line().substr(1));
      args.push_back(replica.bytes(static_cast<std::size_t>(size)));
      replica.bytes(2);
    }
    if (args[0] == "PING") {
      replica.send("+PONG\r\n");
    } else if (args[0] == "INFO") {
      replica.send(info_.empty() ? "-NOPERM no\r\n" : fmt::format("${}\r\n{}\r\n", info_.size(), info_));
    } else if (args[0] == "PSYNC") {
      ++asked_;
      Answer answer;
      {
        const std::lock_guard lock(mutex_);
        answer = answer_;
      }
      return answer(replica, args[1] + " " + args[2]);
    } else {
      replica.send("+OK\r\n");
    }
  }
}

}  // namespace stele::test
