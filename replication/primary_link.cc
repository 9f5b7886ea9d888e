#include "replication/primary_link.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <spdlog/spdlog.h>

#include "engine/backup/checksum.h"
#include "engine/store_copy.h"
#include "protocol/resp_buffer.h"
#include "protocol/resp_command.h"
#include "protocol/resp_integer.h"
#include "replication/feeder.h"

namespace stele {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kLineBytesMax = 64 * 1024;
constexpr std::size_t kMarkBytes = 40;
constexpr std::uint64_t kSyncEvery = std::uint64_t{8} << 20;  // so that the last fsync is short
constexpr std::chrono::milliseconds kPollSlice{100};
constexpr std::chrono::seconds kNewlineEvery{1};

std::string text_of(const addrinfo& address) {
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (::getnameinfo(address.ai_addr, address.ai_addrlen, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "?";
  }
  return fmt::format("{}:{}", host, port);
}

std::string_view value_of(std::string_view info, std::string_view name) {
  const std::string start = fmt::format("\n{}:", name);
  const std::size_t at = info.find(start);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = info.substr(at + start.size());
  return rest.substr(0, rest.find_first_of("\r\n"));
}

}  // namespace

struct PrimaryLink::Primary {
  bool known = false;
  std::vector<KnownHistory> histories;  // its own name first, then what it was called before
  bool has_keys = false;

  const std::string& replid() const { return histories.front().replid; }
  Offset end() const { return histories.front().end; }
  bool knows(std::string_view name) const {
    return std::any_of(histories.begin(), histories.end(), [&](const KnownHistory& history) { return history.replid == name; });
  }
};

PrimaryLink::PrimaryLink(Request request, std::function<void()> on_progress)
    : request_(std::move(request)), on_progress_(std::move(on_progress)) {
  last_io_ = Clock::now().time_since_epoch().count();
  thread_ = std::thread([this] {
    outcome_.status = run();
    if (outcome_.status.ok()) {
      outcome_.fd = fd_;
      outcome_.rest = input_.substr(at_);
    } else if (fd_ >= 0) {
      ::close(fd_);
    }
    phase_.store(Phase::ended, std::memory_order_release);
    on_progress_();
  });
}

PrimaryLink::~PrimaryLink() {
  stop();
  thread_.join();
  if (outcome_.fd >= 0) ::close(outcome_.fd);
}

PrimaryLink::Outcome PrimaryLink::take_outcome() {
  STELE_ASSERT(ended());
  Outcome outcome = std::move(outcome_);
  outcome_ = Outcome();
  return outcome;
}

Status PrimaryLink::run() {
  STELE_CHECK(connect());
  phase_ = Phase::handshake;
  STELE_CHECK(handshake());
  STELE_CHECK(psync());
  if (!outcome_.full) return Status();
  phase_ = Phase::waiting_for_snapshot;
  if (const Status status = receive_snapshot(); !status.ok()) {
    // It may be as large as the data, and the next attempt may be far away.
    std::error_code ignored;
    fs::remove(request_.into.dir / "sync.rdb", ignored);
    if (is_store_) give_up_received_store(request_.into.dir);
    return status;
  }
  phase_ = Phase::loading;
  spdlog::info("MASTER <-> REPLICA sync: Loading DB in memory, beside the data in use");
  return load_snapshot();
}

// --- the connection

Status PrimaryLink::wait(short events, Clock::time_point deadline) {
  while (true) {
    if (stopping_) return Status::unavailable("stopped");
    pollfd waiting{.fd = fd_, .events = events, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(kPollSlice.count()));
    if (ready > 0) return Status();
    if (ready < 0 && errno != EINTR) return Status::io("poll: {}", std::strerror(errno));
    if (Clock::now() < deadline) continue;
    const bool connected = phase() > Phase::handshake;
    return Status::unavailable("{}nothing came for {} s (repl-timeout)", connected ? "" : "Timeout connecting to the MASTER... ",
                               request_.timeout.count());
  }
}

Status PrimaryLink::connect() {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* addresses = nullptr;
  const std::string port = std::to_string(request_.port);
  if (const int error = ::getaddrinfo(request_.host.c_str(), port.c_str(), &hints, &addresses); error != 0) {
    return Status::unavailable("{}: {}", request_.host, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(addresses, ::freeaddrinfo);
  Status last = Status::unavailable("{}: no address", request_.host);
  for (const addrinfo* address = addresses; address != nullptr; address = address->ai_next) {
    fd_ = ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) continue;
    int error = ::connect(fd_, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      if (const Status waited = wait(POLLOUT, Clock::now() + request_.timeout); !waited.ok()) {
        return Status::unavailable("{}: {}", text_of(*address), waited.message());
      }
      socklen_t bytes = sizeof error;
      if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) error = errno;
    }
    if (error == 0) {
      const int on = 1;
      ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      ::setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      return Status();
    }
    last = Status::unavailable("{}: {}", text_of(*address), std::strerror(error));
    ::close(std::exchange(fd_, -1));
  }
  return last;
}

Status PrimaryLink::send(std::string_view bytes) {
  const Clock::time_point deadline = Clock::now() + request_.timeout;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      STELE_CHECK(wait(POLLOUT, deadline));
    } else if (errno != EINTR) {
      return Status::unavailable("the primary closed the connection: {}", std::strerror(errno));
    }
  }
  return Status();
}

Status PrimaryLink::command(std::initializer_list<std::string_view> args) {
  OutputBuffer buffer;
  append_command(buffer, std::span<const std::string_view>(args.begin(), args.size()));
  return send(buffer.view());
}

/// What has come and was not used yet, at least a byte and no more than `most`.
Result<std::string_view> PrimaryLink::some_bytes(std::size_t most) {
  if (at_ == input_.size()) {
    input_.resize(kReadBytes);
    at_ = 0;
    const Clock::time_point deadline = Clock::now() + request_.timeout;
    while (true) {
      const ssize_t got = ::recv(fd_, input_.data(), input_.size(), MSG_DONTWAIT);
      if (got > 0) {
        input_.resize(static_cast<std::size_t>(got));
        break;
      }
      const int error = errno;
      Status status;
      if (got == 0) {
        status = Status::unavailable("the primary closed the connection");
      } else if (error == EAGAIN) {
        status = wait(POLLIN, deadline);
      } else if (error != EINTR) {
        status = Status::unavailable("the connection to the primary broke: {}", std::strerror(error));
      }
      if (!status.ok()) {
        input_.clear();
        return status;
      }
    }
    last_io_ = Clock::now().time_since_epoch().count();
  }
  const std::string_view bytes = std::string_view(input_).substr(at_, most);
  at_ += bytes.size();
  return bytes;
}

Result<std::string> PrimaryLink::line() {
  std::string text;
  while (text.size() < kLineBytesMax) {
    STELE_TRY(const std::string_view byte, some_bytes(1));
    if (byte[0] != '\n') {
      text += byte[0];
      continue;
    }
    if (text.ends_with('\r')) text.pop_back();
    return text;
  }
  return Status::corrupt("the primary sent a line of more than {} bytes", kLineBytesMax);
}

/// The next line that says something: a primary sends empty ones while it is busy.
Result<std::string> PrimaryLink::reply() {
  while (true) {
    STELE_TRY(std::string text, line());
    if (!text.empty()) return text;
  }
}

// --- the handshake

Status PrimaryLink::handshake() {
  STELE_CHECK(command({"PING"}));
  STELE_TRY(const std::string pong, reply());
  if (pong[0] != '+' && !pong.starts_with("-NOAUTH") && !pong.starts_with("-NOPERM") &&
      !pong.starts_with("-ERR operation not permitted")) {
    return Status::unavailable("Error reply to PING from master: '{}'", pong);
  }
  if (!request_.password.empty()) {
    if (request_.user.empty()) {
      STELE_CHECK(command({"AUTH", request_.password}));
    } else {
      STELE_CHECK(command({"AUTH", request_.user, request_.password}));
    }
    STELE_TRY(const std::string answer, reply());
    if (answer[0] == '-') {
      return Status::unavailable("Unable to AUTH to MASTER: {}; check masterauth and masteruser", answer);
    }
  }
  STELE_CHECK(command({"REPLCONF", "listening-port", std::to_string(request_.own_port)}));
  if (!request_.own_ip.empty()) STELE_CHECK(command({"REPLCONF", "ip-address", request_.own_ip}));
  if (request_.into.key_delay.count() > 0) {
    STELE_CHECK(command({"REPLCONF", "capa", "eof", "capa", "psync2", "capa", "stele-digest"}));
  } else {
    STELE_CHECK(command({"REPLCONF", "capa", "eof", "capa", "psync2", "capa", "stele-digest", "capa", store_copy_format()}));
  }
  const int answers = request_.own_ip.empty() ? 2 : 3;
  for (int i = 0; i < answers; ++i) {
    STELE_TRY(const std::string answer, reply());
    if (answer.starts_with("-NOAUTH")) return Status::unavailable("{}: set masterauth to the primary's password", answer);
    if (answer[0] == '-') spdlog::debug("the primary does not know a REPLCONF: {}", answer);
  }
  STELE_TRY(const Primary primary, ask_info());
  return check_primary(primary);
}

/// Its history, before it is asked for anything. A user who may not run INFO replicates all the same.
Result<PrimaryLink::Primary> PrimaryLink::ask_info() {
  STELE_CHECK(command({"INFO"}));
  STELE_TRY(const std::string head, reply());
  Primary primary;
  if (head[0] != '$') return primary;
  const auto bytes = parse_integer(std::string_view(head).substr(1));
  if (!bytes || *bytes < 0 || *bytes > (std::int64_t{1} << 24)) return Status::corrupt("the primary's INFO begins '{:.40}'", head);
  std::string info = "\n";
  while (info.size() < static_cast<std::size_t>(*bytes) + 3) {
    STELE_TRY(const std::string_view more, some_bytes(static_cast<std::size_t>(*bytes) + 3 - info.size()));
    info += more;
  }
  primary.known = true;
  const auto add = [&](std::string_view replid, std::string_view end, std::int64_t less) {
    const auto offset = parse_integer(end);
    primary.histories.push_back({ReplicationId(replid), Offset(static_cast<std::uint64_t>(std::max<std::int64_t>(0, offset.value_or(0) - less)))});
  };
  add(value_of(info, "master_replid"), value_of(info, "master_repl_offset"), 0);
  add(value_of(info, "master_replid2"), value_of(info, "second_repl_offset"), 1);
  for (std::string_view rest = value_of(info, "master_older_replids"); !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (const std::size_t colon = one.find(':'); colon != std::string_view::npos) add(one.substr(0, colon), one.substr(colon + 1), 0);
  }
  primary.has_keys = info.find("\ndb") != std::string::npos && info.find(":keys=") != std::string::npos;
  return primary;
}

/// Never wipe: a server that was born again without its data, or has lost its end, must not take ours with it.
Status PrimaryLink::check_primary(const Primary& primary) {
  outcome_.histories = primary.histories;
  // The answer to an earlier attempt was lost on its way: it has taken over, so it is followed as any primary is.
  if (primary.known && request_.takes_over && primary.histories[1].replid == request_.replid) {
    has_taken_over_ = true;
    request_.older_replid.clear();
  }
  if (!primary.known || !request_.holds_data || request_.accepts_empty || request_.takes_over) return Status();
  if (!primary.has_keys && !primary.knows(request_.replid)) {
    outcome_.refused = true;
    return Status::invalid("empty-primary");
  }
  if (primary.replid() == request_.replid && primary.end() < request_.offset) {
    outcome_.refused = true;
    return Status::invalid("primary-is-behind");
  }
  return Status();
}

Status PrimaryLink::psync() {
  const bool older = !request_.older_replid.empty();
  const std::string next = request_.replid.empty() ? "-1" : std::to_string(request_.offset.bytes() + 1);
  const std::string_view id = older ? request_.older_replid : request_.replid.empty() ? std::string_view("?") : request_.replid;
  if (request_.takes_over && !has_taken_over_) {
    outcome_.asked_to_take_over = true;
    STELE_CHECK(command({"PSYNC", id, next, "FAILOVER"}));
  } else {
    STELE_CHECK(command({"PSYNC", id, next}));
  }
  STELE_TRY(const std::string answer, reply());
  if (answer.starts_with("+CONTINUE")) {
    const std::string named = answer.size() > 10 ? answer.substr(10) : std::string();
    outcome_.replid = named.size() == 40 ? named : std::string(id);
    outcome_.offset = request_.offset;
    return Status();
  }
  if (answer.starts_with("+FULLRESYNC ")) {
    const std::size_t space = answer.find(' ', 12);
    const auto offset = space == std::string::npos ? std::nullopt : parse_integer(std::string_view(answer).substr(space + 1));
    if (space != 12 + 40 || !offset || *offset < 0) return Status::corrupt("the primary answered PSYNC with '{:.80}'", answer);
    outcome_.full = true;
    outcome_.replid = answer.substr(12, 40);
    outcome_.offset = Offset(static_cast<std::uint64_t>(*offset));
    return Status();
  }
  outcome_.declined = answer.starts_with('-');
  return Status::unavailable("the primary answered PSYNC with '{}'", answer);
}

// --- a full sync

Status PrimaryLink::receive_snapshot() {
  STELE_TRY(const std::string head, reply());
  if (head[0] == '-') return Status::unavailable("MASTER aborted replication with an error: {}", head.substr(1));
  if (head.starts_with(kStoreCopyHead)) return receive_store(std::string_view(head).substr(kStoreCopyHead.size()));
  if (head[0] != '$') return Status::corrupt("the primary's snapshot begins with '{:.40}' instead of its size", head);
  const bool by_mark = head.starts_with("$EOF:");
  std::string mark;
  std::uint64_t bytes = 0;
  if (by_mark) {
    mark = head.substr(5);
    if (mark.size() != kMarkBytes) return Status::corrupt("the mark of the snapshot's end has {} bytes", mark.size());
  } else {
    const auto size = parse_integer(std::string_view(head).substr(1));
    if (!size || *size < 0) return Status::corrupt("the primary's snapshot begins with '{:.40}'", head);
    bytes = static_cast<std::uint64_t>(*size);
    total_ = bytes;
  }
  phase_ = Phase::receiving;
  const fs::path path = request_.into.dir / "sync.rdb";
  STELE_TRY(File file, File::open(path, File::Mode::replace));
  std::uint64_t written = 0, synced = 0;
  std::string held;  // by a mark: the last bytes, which may be it
  const auto put = [&](std::string_view part) -> Status {
    STELE_CHECK(file.write_at(written, part));
    written += part.size();
    received_ = written;
    if (written - synced < kSyncEvery) return Status();
    synced = written;
    return file.datasync();
  };
  while (by_mark || written < bytes) {
    STELE_TRY(const std::string_view part, some_bytes(by_mark ? kReadBytes : std::min<std::uint64_t>(kReadBytes, bytes - written)));
    if (!by_mark) {
      STELE_CHECK(put(part));
      continue;
    }
    held += part;
    if (held.ends_with(mark)) {
      held.resize(held.size() - kMarkBytes);
      STELE_CHECK(put(held));
      break;
    }
    if (held.size() <= kMarkBytes) continue;
    const std::size_t certain = held.size() - kMarkBytes;
    STELE_CHECK(put(std::string_view(held).substr(0, certain)));
    held.erase(0, certain);
  }
  return file.sync();
}

Status PrimaryLink::receive_store(std::string_view head) {
  const auto malformed = [](std::string_view what) { return Status::corrupt("the primary's store: {}", what); };
  const auto two_words = [](std::string_view line) { return std::pair(line.substr(0, line.find(' ')), line.substr(std::min(line.find(' '), line.size() - 1) + 1)); };
  const auto [files_word, total_word] = two_words(head);
  const auto files = parse_integer(files_word), total = parse_integer(total_word);
  if (!files || !total || *files < 0 || *total < 0) return malformed("it begins with nonsense");
  total_ = static_cast<std::uint64_t>(*total);
  is_store_ = true;
  STELE_TRY(const fs::path dir, begin_received_store(request_.into.dir));
  for (std::int64_t i = 0; i < *files; ++i) {
    STELE_TRY(const std::string line, reply());
    const auto [bytes_word, name] = two_words(line);
    const auto bytes = parse_integer(bytes_word);
    if (!bytes || *bytes < 0 || name.empty() || name.find('/') != name.npos || name == "." || name == "..") return malformed("a file's line is none");
    STELE_TRY(File file, File::open(dir / name, File::Mode::create));
    Checksum checksum;
    std::uint64_t written = 0, synced = 0;
    while (written < static_cast<std::uint64_t>(*bytes)) {
      STELE_TRY(const std::string_view part, some_bytes(std::min<std::uint64_t>(kReadBytes, static_cast<std::uint64_t>(*bytes) - written)));
      checksum.add(part);
      STELE_CHECK(file.write_at(written, part));
      written += part.size();
      received_ += part.size();
      if (written - synced >= kSyncEvery) {
        STELE_CHECK(file.start_writing(synced, written));
        synced = written;
      }
    }
    STELE_TRY(const std::string sum, this->line());
    if (sum != checksum.hex()) return malformed("a file is not as it was sent");
    STELE_CHECK(file.sync());
  }
  return Status();
}

Status PrimaryLink::load_snapshot() {
  ReceivedState& into = request_.into;
  into.rdb = into.dir / "sync.rdb";
  into.replid = outcome_.replid;
  into.offset = outcome_.offset;
  into.stop = &stopping_;
  if (is_store_) return prepare_received_store(into);
  Clock::time_point newline_at = Clock::now();
  into.on_progress = [&](std::uint64_t, std::uint64_t) {
    // The primary hears that we are alive, as from a stock replica.
    if (Clock::now() - newline_at < kNewlineEvery) return;
    newline_at = Clock::now();
    [[maybe_unused]] const ssize_t sent = ::send(fd_, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    last_io_ = newline_at.time_since_epoch().count();
  };
  const Result<ReceivedFigures> figures = prepare_received_state(into);
  std::error_code ignored;
  fs::remove(into.rdb, ignored);
  if (!figures.ok()) return figures.status();
  if (stopping_) return Status::unavailable("stopped");
  return Status();
}

}  // namespace stele
