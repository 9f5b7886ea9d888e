#include "replication/feeder.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "engine/backup/checksum.h"
#include "persistence/journal_reader.h"

namespace stele {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBytesPerRead = std::size_t{1} << 20;
constexpr std::size_t kBytesPerSendfile = std::size_t{1} << 20;
constexpr std::chrono::milliseconds kPollSlice{100};
constexpr std::chrono::milliseconds kIdleWait{1};

/// How far the stream may leave this server: what a crash could take back would put a replica ahead of us.
Offset safe_end(const Journal& journal) { return journal.fsync() == Fsync::always ? journal.durable() : journal.written(); }

}  // namespace

Feeder::Feeder(int fd, Journal& journal, const StreamTail& tail, Job job, std::function<void()> on_progress)
    : fd_(::fcntl(fd, F_DUPFD_CLOEXEC, 0)),
      journal_(journal),
      tail_(tail),
      job_(std::move(job)),
      on_progress_(std::move(on_progress)),
      state_(job_.snapshot || job_.copy_store ? State::sending_snapshot : State::sending_stream),
      offset_(job_.from.bytes()) {
  thread_ = std::thread([this] {
    status_ = run();
    job_.snapshot.reset();
    job_.pin = JournalPin();
    state_.store(status_.ok() ? State::done : State::failed, std::memory_order_release);
    on_progress_();
  });
}

Feeder::~Feeder() {
  stop();
  thread_.join();
  ::close(fd_);
}

void Feeder::stop() { stopping_ = true; }

Status Feeder::run() {
  if (fd_ < 0) return Status::io("dup: {}", std::strerror(errno));
  if (job_.copy_store) {
    STELE_CHECK(send_store());
    state_ = State::sending_stream;
    return send_stream();
  }
  STELE_CHECK(send(job_.preamble));
  if (job_.snapshot) STELE_CHECK(send_snapshot());
  if (job_.snapshot_only) return Status();
  state_ = State::sending_stream;
  return send_stream();
}

Status Feeder::wait_writable() {
  const Clock::time_point deadline = Clock::now() + job_.timeout;
  while (true) {
    if (stopping_) return Status::unavailable("stopped");
    pollfd waiting{.fd = fd_, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(kPollSlice.count()));
    if (ready > 0) {
      if (waiting.revents & (POLLERR | POLLHUP)) return Status::unavailable("the connection was closed");
      return Status();
    }
    if (ready < 0 && errno != EINTR) return Status::io("poll: {}", std::strerror(errno));
    if (Clock::now() >= deadline) return Status::unavailable("Disconnecting timedout replica (full sync): it took nothing for {} s", job_.timeout.count());
  }
}

Status Feeder::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      sent_ += static_cast<std::uint64_t>(sent);
    } else if (errno == EAGAIN) {
      STELE_CHECK(wait_writable());
    } else if (errno != EINTR) {
      return Status::unavailable("the connection was closed: {}", std::strerror(errno));
    }
  }
  return Status();
}

Status Feeder::send_snapshot() {
  const SyncSnapshot& snapshot = *job_.snapshot;
  off_t at = 0;
  while (static_cast<std::uint64_t>(at) < snapshot.bytes) {
    if (stopping_) return Status::unavailable("stopped");
    const std::size_t most = std::min<std::uint64_t>(kBytesPerSendfile, snapshot.bytes - static_cast<std::uint64_t>(at));
    const ssize_t sent = ::sendfile(fd_, snapshot.file.fd(), &at, most);
    if (sent > 0) {
      sent_ += static_cast<std::uint64_t>(sent);
    } else if (sent == 0) {
      return Status::corrupt("{}: is shorter than it was", snapshot.file.path().native());
    } else if (errno == EAGAIN) {
      STELE_CHECK(wait_writable());
    } else if (errno != EINTR) {
      return Status::unavailable("the connection was closed: {}", std::strerror(errno));
    }
  }
  if (job_.end_mark.empty()) return Status();
  if (job_.snapshot_only) return send(job_.end_mark);
  // The replica finds the mark by looking at the last bytes it got, so nothing may follow before it says that it has.
  STELE_CHECK(send(job_.end_mark));
  state_ = State::awaiting_ack;
  const Clock::time_point sent_at = Clock::now();
  while (!acked_) {
    if (stopping_) return Status::unavailable("stopped");
    if (Clock::now() - sent_at > job_.timeout * 10) return Status::unavailable("no word of it after the snapshot");
    std::this_thread::sleep_for(kIdleWait);
  }
  return Status();
}

Status Feeder::send_store() {
  STELE_TRY(StoreCopy copy, job_.copy_store());
  job_.copy_store = nullptr;
  job_.from = copy.offset;
  offset_.store(copy.offset.bytes(), std::memory_order_release);
  STELE_CHECK(send(fmt::format("+FULLRESYNC {} {}\r\n{}{} {}\r\n", copy.replid, copy.offset, kStoreCopyHead, copy.parts.size(), copy.bytes)));
  std::string bytes;
  for (StoreCopy::Part& part : copy.parts) {
    STELE_CHECK(send(fmt::format("{} {}\r\n", part.bytes, part.name)));
    Checksum checksum;
    for (std::uint64_t at = 0; at < part.bytes;) {
      bytes.resize(std::min<std::uint64_t>(kBytesPerRead, part.bytes - at));
      STELE_TRY(const std::size_t got, part.file.read_at(at, bytes.data(), bytes.size()));
      if (got == 0) return Status::corrupt("{}: is shorter than it was", part.file.path().native());
      const std::string_view read = std::string_view(bytes).substr(0, got);
      checksum.add(read);
      STELE_CHECK(send(read));
      at += got;
    }
    STELE_CHECK(send(fmt::format("{}\r\n", checksum.hex())));
    part.file = File();  // gives its space back, if the server has replaced it
  }
  return Status();
}

Status Feeder::send_stream() {
  STELE_TRY(JournalReader reader, journal_.read_from(job_.from));
  job_.snapshot.reset();
  job_.pin = JournalPin();  // the reader keeps what is needed from here on
  ByteBuffer buffer;
  while (!stopping_) {
    // Close behind the tail's first byte it would be overtaken again at once.
    const Offset near = tail_.begin() + tail_.capacity() / 4;
    if (reader.offset() >= std::min(near, safe_end(journal_)) && reader.offset() >= tail_.begin()) return Status();
    buffer.clear_keeping(kBytesPerRead * 2);
    STELE_TRY(const std::size_t bytes, reader.read(buffer, kBytesPerRead, safe_end(journal_)));
    if (bytes == 0) {
      std::this_thread::sleep_for(kIdleWait);
      continue;
    }
    STELE_CHECK(send(buffer.view()));
    offset_.store(reader.offset().bytes(), std::memory_order_release);
  }
  return Status::unavailable("stopped");
}

}  // namespace stele
