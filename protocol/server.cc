#include "protocol/server.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include <spdlog/spdlog.h>

#include "protocol/server_io.h"

namespace stele {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
// An announced payload is a claim: room is made for this much at most before bytes arrive.
constexpr std::size_t kReadAheadBytesMax = 4 * 1024 * 1024;
constexpr std::size_t kUncheckedOutputBytesMax = 1024 * 1024;
constexpr std::size_t kIdleBufferBytesMax = 64 * 1024;
// What is left of a client's output buffer while it rests.
constexpr std::size_t kRestingOutputBytes = 1024;
// With maxmemory, a buffer that grew beyond the first figure gives back all but the second: the messages about keys that
// were evicted must not leave behind buffers that more keys have to be evicted for.
constexpr std::size_t kLimitedBufferBytesMax = 16 * 1024;
constexpr std::size_t kLimitedBufferBytesKept = 1024;
constexpr std::size_t kExpirePerTurn = 64;
constexpr std::chrono::microseconds kIoPollInterval{2000};
// With so much accepted and not yet taken by the kernel (a disk that stalls), nothing more is read from clients.
constexpr std::uint64_t kUnwrittenBytesMax = 256 * 1024 * 1024;
constexpr std::chrono::milliseconds kStallWait{10};
constexpr int kLooksBeforeSleep = 12;

}  // namespace

int Server::run() {
  auto io_polled = std::chrono::steady_clock::now();
  while (!shutdown_) {
    const bool idle = !more_work_ && resumed_.empty();
    std::span<epoll_event> ready;
    if (journal_stalls()) {
      wakeup_.wait(kStallWait);
    } else {
      ready = poller_.ready(std::chrono::milliseconds(0));
      // Whoever was answered just now is likely to ask again at once: looking twice more costs less than going to sleep and
      // being woken, for the server and for its clients.
      for (int look = 0; idle && served_ && look < kLooksBeforeSleep && ready.empty() && !poller_.accepts(); ++look) {
        ready = poller_.ready(std::chrono::milliseconds(0));
      }
      if (idle && ready.empty() && !poller_.accepts()) ready = poller_.ready(until_something_is_due());
    }
    served_ = !ready.empty();
    // asio has little to do, so it is asked when there is a sign of it, and now and then.
    if (ready.empty() || poller_.accepts() || now_ - io_polled >= kIoPollInterval) {
      io_->context.poll();
      io_polled = std::chrono::steady_clock::now();
    }
    turn(ready);
  }
  return shut_down();
}

void Server::show_in(ProcessTitle& title) {
  if (!config_.now().set_proc_title) return;
  const auto show = [this, &title](const Config& config) {
    title.set(process_title_text(config, title.program(), config_.file()));
    return Status();
  };
  config_.on_change({"proc-title-template", "bind", "port"}, show);
  (void)show(config_.now());
}

std::chrono::milliseconds Server::until_something_is_due() const {
  const auto cron = io_->until_cron();
  auto deadline = blocked_->next_deadline();
  for (const auto& other : {replication_->next_deadline(), change_feed_->next_deadline()}) {
    if (other && (!deadline || *other < *deadline)) deadline = other;
  }
  if (!deadline) return cron;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
  return std::clamp(left, std::chrono::milliseconds(0), cron);
}

bool Server::journal_stalls() const {
  const Journal& journal = storage_->journal();
  return journal.end() - journal.written() > kUnwrittenBytesMax;
}

void Server::update_clock() {
  now_ = std::chrono::steady_clock::now();
  const auto wall = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  storage_->keyspace().set_now(UnixTime(wall.count()));
  dispatcher_->begin_turn(now_);
}

void Server::turn(std::span<epoll_event> ready) {
  ++stats_.turns;
  update_clock();
  for (const epoll_event& event : ready) {
    if (event.data.ptr == nullptr) continue;
    Connection& connection = *static_cast<Connection*>(event.data.ptr);
    if (connection.closed) continue;
    if (connection.waits != Waits::no) {
      if (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) clients_.close(connection);
    } else if (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
      read_from(connection);
    }
    if (event.events & EPOLLOUT && !connection.closed) send(connection);
  }
  more_work_ = storage_->turn();
  replication_->turn();
  change_feed_->turn();
  if (environment_->shutdown_deadline) end_waiting_shutdown();
  blocked_->expire(now_);
  if (storage_->keyspace().waiters().has_ready()) blocked_->serve_ready();
  for (Connection* connection : std::exchange(resumed_, {})) {
    if (!connection->closed) process_input(*connection);
  }
  if (environment_->active_expire && !environment_->pause.is_on()) {
    const bool measures = config_.now().latency_monitor_threshold > 0;
    const auto began = measures ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
    const std::size_t removed = storage_->keyspace().expire_due(kExpirePerTurn);
    if (measures && removed > 0) {
      const auto ms =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count();
      if (ms >= config_.now().latency_monitor_threshold) {
        environment_->latency.add("expire-cycle", storage_->keyspace().now(), static_cast<std::uint64_t>(ms));
      }
    }
    stats_.expired_keys_active += removed;
    more_work_ |= removed == kExpirePerTurn;
  }
  more_work_ |= memory_limits_->turn();
  if (io_->take_cron_due()) cron();
  tracking_->broadcast();
  replication_->before_commit();
  commit();
  clients_.free_closed([this](Connection& connection) { forget(connection); });
}

// --- input

void Server::read_from(Connection& connection) {
  // Bytes go to the shared buffer and are parsed there; only what is left of them is copied to the connection.
  const bool fresh = connection.input.empty();
  char* buffer = read_buffer_.data();
  std::size_t room = kReadBytes;
  if (!fresh) {
    // What is left of a payload fits into what was reserved for it: no need for more than that.
    const std::size_t wanted = connection.parser.wanted();
    room = wanted > 0 && wanted <= connection.input.room() ? connection.input.room()
                                                           : std::max(kReadBytes, std::min(wanted, kReadAheadBytesMax));
    buffer = connection.input.reserve(room);
  }
  const ssize_t got = ::recv(connection.fd, buffer, room, 0);
  if (got <= 0) {
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0 || connection.output.empty()) return clients_.close(connection);
    // It has said all it wanted to and waits for the replies, which wait for the disk or for room in the socket.
    connection.peer_is_done = connection.close_after_reply = true;
    return clients_.watch(connection, false, connection.watches_writes);
  }
  const auto bytes = static_cast<std::size_t>(got);
  connection.bytes_in += bytes;
  connection.last_active = now_;
  stats_.net_input_bytes += bytes;
  ++stats_.reads_processed;
  if (!fresh) {
    connection.input.advance(bytes);
    connection.input_peak = std::max(connection.input_peak, connection.input.size());
    return process_input(connection);
  }
  const std::size_t used = process(connection, {buffer, bytes});
  if (connection.closed) return;
  if (used < bytes) {
    connection.input.append(buffer + used, bytes - used);
    connection.input_peak = std::max(connection.input_peak, connection.input.size());
  }
  check_query_limit(connection);
  count_memory(connection);
}

void Server::process_input(Connection& connection) {
  const std::size_t used = process(connection, connection.input.view());
  if (connection.closed) return;
  connection.input.consume(used);
  if (connection.input.empty()) connection.input.shrink(kIdleBufferBytesMax);
  check_query_limit(connection);
  count_memory(connection);
}

void Server::check_query_limit(Connection& connection) {
  if (connection.primary) return;
  // Commands that wait for EXEC are as much the client's unfinished business as half a command.
  const std::size_t bytes = connection.input.size() + connection.queue_bytes;
  if (bytes <= static_cast<std::size_t>(config_.now().client_query_buffer_limit)) return;
  ++stats_.query_buffer_limit_disconnections;
  spdlog::warn("closing client {}: its unfinished command or transaction has {} bytes, over client-query-buffer-limit",
               connection.peer, bytes);
  clients_.close(connection);
}

std::size_t Server::process(Connection& connection, std::string_view bytes) {
  if (connection.primary) return replication_->receive(connection, bytes);
  std::string_view rest = bytes;
  while (!rest.empty() && !connection.close_after_reply && !connection.closed) {
    const RespParser::Outcome outcome = connection.parser.parse(rest);
    if (outcome == RespParser::Outcome::need_more) break;
    note_replied(connection);
    if (outcome == RespParser::Outcome::error) {
      RespWriter(connection.output, connection.resp).error(fmt::format("ERR {}", connection.parser.error()));
      spdlog::debug("protocol error from client {}: {}", connection.peer, connection.parser.error());
      connection.close_after_reply = true;
      return bytes.size();
    }
    if (!connection.parser.args().empty()) {
      const Dispatcher::Outcome executed =
          dispatcher_->execute(connection, connection.parser.args(), connection.parser.raw());
      if (executed == Dispatcher::Outcome::blocked) {
        rest.remove_prefix(connection.parser.consumed());
        clients_.watch(connection, false, connection.watches_writes);
        blocked_->add(connection);
        break;
      }
      if (executed != Dispatcher::Outcome::done) {
        // The command stays where it is and is parsed again when its time comes.
        connection.parser.reset();
        put_off(connection, executed);
        break;
      }
      count_memory(connection);
      if (connection.closed) break;
      // Not only when they are sent: one packet can ask for more replies than there is memory.
      if (connection.output.size() > kUncheckedOutputBytesMax && over_output_limit(connection, now_)) break;
    }
    rest.remove_prefix(connection.parser.consumed());
  }
  return bytes.size() - rest.size();
}

void Server::put_off(Connection& connection, Dispatcher::Outcome outcome) {
  clients_.watch(connection, false, connection.watches_writes);
  if (outcome == Dispatcher::Outcome::wait_for_pause) {
    connection.waits = Waits::for_pause;
    paused_.push_back(&connection);
    return;
  }
  connection.waits = Waits::for_keys;
  const auto go_on = [this, id = connection.id] {
    if (Connection* waiting = clients_.find(id)) resume(*waiting);
  };
  if (outcome == Dispatcher::Outcome::wait_for_counts) {
    storage_->when_counts_are_exact(go_on);
  } else {
    storage_->load(dispatcher_->take_cold_keys(), go_on);
  }
}

void Server::resume(Connection& connection) {
  connection.waits = Waits::no;
  clients_.watch(connection, true, connection.watches_writes);
  resumed_.push_back(&connection);
}

// --- while a script is busy

void Server::busy_turn() {
  // The client whose script it is has a command under way: neither its input nor its output may be touched.
  Connection* const caller = scripting_->caller();
  now_ = std::chrono::steady_clock::now();
  dispatcher_->begin_turn(now_);
  Effects& effects = storage_->effects();
  if (effects.unit_effects() == 0) {
    // The batch holds whole units only: they can go, with the replies that wait for them.
    commit(caller);
    effects.begin_unit();
  } else if (!gated_.empty()) {
    release_gated(acknowledged(), caller);
  }
  // Replies of the turn that are held back until the script's unit is committed; what is said from here on depends on
  // nothing that is in it.
  const auto held_back = static_cast<std::ptrdiff_t>(replied_.size());

  look_at_others(caller);

  const std::vector<Connection*> answered(replied_.begin() + held_back, replied_.end());
  replied_.erase(replied_.begin() + held_back, replied_.end());
  for (Connection* connection : answered) {
    connection->in_turn = false;
    if (!connection->closed) release_replies(*connection, storage_->journal().end(), acknowledged());
  }
  if (shutdown_ && shutdown_->save == ShutdownRequest::Save::no) end_in_script();
}

/// Reads what has come from connections other than `caller`, and lets new ones in.
void Server::look_at_others(const Connection* caller) {
  std::array<epoll_event, 256> events;
  bool accepts = false;
  for (const epoll_event& event : poller_.look(events, accepts)) {
    if (event.data.ptr == nullptr) continue;
    Connection& connection = *static_cast<Connection*>(event.data.ptr);
    if (connection.closed || &connection == caller) continue;
    if (connection.waits != Waits::no) {
      if (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) clients_.close(connection);
    } else if (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
      read_while_busy(connection);
    }
    if (event.events & EPOLLOUT && !connection.closed) send(connection);
  }
  io_->context.poll();
}

/// While the data are loaded: nothing can be changed, so no reply waits for anything.
void Server::loading_turn() {
  const UnixTime now_of_replay = storage_->keyspace().now();
  now_ = std::chrono::steady_clock::now();
  dispatcher_->begin_turn(now_);
  look_at_others(nullptr);
  for (Connection* connection : std::exchange(replied_, {})) {
    connection->in_turn = false;
    if (!connection->closed) release_replies(*connection, Offset(), Offset());
  }
  storage_->keyspace().set_now(now_of_replay);
  if (!shutdown_) return;
  spdlog::warn("stele ends before its data are loaded, as asked to; the files are as they were");
  spdlog::shutdown();
  std::_Exit(0);
}

void Server::read_while_busy(Connection& connection) {
  // Not into the shared buffer: the command that runs has its arguments there.
  const std::size_t room = std::max(kReadBytes, std::min(connection.parser.wanted(), kReadAheadBytesMax));
  const ssize_t got = ::recv(connection.fd, connection.input.reserve(room), room, 0);
  if (got <= 0) {
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0 || connection.output.empty()) return clients_.close(connection);
    connection.peer_is_done = connection.close_after_reply = true;
    return clients_.watch(connection, false, connection.watches_writes);
  }
  const auto bytes = static_cast<std::size_t>(got);
  connection.bytes_in += bytes;
  connection.last_active = now_;
  stats_.net_input_bytes += bytes;
  ++stats_.reads_processed;
  connection.input.advance(bytes);
  process_input(connection);
}

void Server::end_in_script() {
  spdlog::warn("ending in the middle of a script: its effects so far are given up, in memory as in the journal");
  storage_->effects().abandon_unit();
  const int status = shut_down();
  if (!pidfile_.empty()) ::unlink(pidfile_.c_str());
  spdlog::shutdown();
  // The script is still on the stack, so destructors are not for now; nothing is left that they would have to write.
  std::_Exit(status);
}

// --- replies

void Server::note_replied(Connection& connection) {
  if (connection.in_turn) return;
  connection.in_turn = true;
  replied_.push_back(&connection);
}

Offset Server::acknowledged() const {
  const Journal& journal = storage_->journal();
  return journal.fsync() == Fsync::always ? journal.durable() : journal.written();
}

void Server::commit(Connection* held_back) {
  if (environment_->commit_delay.count() > 0 && !storage_->journal().batch().empty()) {
    std::this_thread::sleep_for(environment_->commit_delay);
  }
  Result<Offset> gate = storage_->journal().commit(storage_->keyspace().now(), storage_->effects().stream_db());
  if (!gate.ok()) {
    spdlog::critical("the journal has failed: {}. Stopping: nothing more could be acknowledged. Check the disk, then start "
                     "again; what was acknowledged is on it",
                     gate.status().message());
    // No clean-up: a replica or a client must not take this for an orderly end.
    spdlog::shutdown();
    std::_Exit(1);
  }
  const Offset passed = acknowledged();
  if (held_back == nullptr) {
    storage_->after_commit();
    replication_->after_commit(passed);
    change_feed_->after_commit();
  }
  if (!gated_.empty()) release_gated(passed, held_back);
  std::erase_if(replied_, [&](Connection* connection) {
    if (connection == held_back) return false;
    connection->in_turn = false;
    if (connection->closed) return true;
    release_replies(*connection, *gate, passed);
    count_memory(*connection);
    return true;
  });
  memory_limits_->evict_clients();
}

void Server::release_replies(Connection& connection, Offset gate, Offset acknowledged) {
  if (connection.gates.empty() && gate <= acknowledged) {
    connection.released = connection.output.size();
    return send(connection);
  }
  if (connection.gates.empty()) gated_.push_back(&connection);
  connection.gates.push_back({connection.sent + connection.output.size(), gate});
}

void Server::release_gated(Offset acknowledged, const Connection* held_back) {
  std::erase_if(gated_, [&](Connection* connection) {
    if (connection == held_back) return false;
    if (connection->closed) return true;
    while (!connection->gates.empty() && connection->gates.front().offset <= acknowledged) {
      connection->released = connection->gates.front().end - connection->sent;
      connection->gates.pop_front();
    }
    if (connection->released > 0) send(*connection);
    count_memory(*connection);
    return connection->gates.empty();
  });
}

void Server::send(Connection& connection) {
  if (over_output_limit(connection, now_)) return;
  while (connection.released > 0) {
    const ssize_t sent = ::send(connection.fd, connection.output.data(), connection.released, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return clients_.close(connection);
      if (!connection.watches_writes) clients_.watch(connection, connection.waits == Waits::no, true);
      return;
    }
    const auto bytes = static_cast<std::size_t>(sent);
    connection.output.consume(bytes);
    connection.sent += bytes;
    connection.released -= bytes;
    stats_.net_output_bytes += bytes;
    ++stats_.writes_processed;
  }
  if (connection.watches_writes) clients_.watch(connection, connection.waits == Waits::no, false);
  if (!connection.output.empty()) return;
  if (memory_limits_->any() && connection.output.capacity() > kLimitedBufferBytesMax) {
    connection.output.shrink(kLimitedBufferBytesKept);
  } else if (connection.output.capacity() > kIdleBufferBytesMax) {
    connection.output.shrink(kIdleBufferBytesMax);
  }
  if (connection.close_after_reply) clients_.close(connection);
}

bool Server::over_output_limit(Connection& connection, std::chrono::steady_clock::time_point now) {
  const OutputBufferLimits& limits = config_.now().client_output_buffer_limit;
  const OutputBufferLimit& limit = connection.is_subscriber() ? limits.pubsub : limits.normal;
  const auto bytes = static_cast<std::int64_t>(connection.output.size());
  connection.output_peak = std::max(connection.output_peak, connection.output.size());
  bool over = limit.hard_bytes > 0 && bytes > limit.hard_bytes;
  if (limit.soft_bytes > 0 && bytes > limit.soft_bytes) {
    if (connection.over_soft_limit_since.time_since_epoch().count() == 0) connection.over_soft_limit_since = now;
    // By whole seconds of the clock, as in Redis: the last of them counts when it is over.
    using std::chrono::floor, std::chrono::seconds;
    const auto since = floor<seconds>(connection.over_soft_limit_since.time_since_epoch());
    over |= floor<seconds>(now.time_since_epoch()) - since > seconds(limit.soft_seconds);
  } else {
    connection.over_soft_limit_since = {};
  }
  if (!over) return false;
  ++stats_.output_buffer_limit_disconnections;
  spdlog::warn("closing client {}: {} bytes of replies wait for it, over client-output-buffer-limit", connection.peer, bytes);
  clients_.close(connection);
  return true;
}

// --- connections

void Server::forget(Connection& connection) {
  blocked_->forget(connection);
  storage_->watches().forget(connection.watch);
  for (auto* list : {&replied_, &gated_, &resumed_, &paused_, &environment_->monitors}) std::erase(*list, &connection);
}

void Server::check_client(Connection& connection, std::chrono::steady_clock::time_point now) {
  const std::int64_t timeout = config_.now().timeout;
  if (timeout > 0 && connection.waits == Waits::no && !connection.monitor && !connection.replica && !connection.primary && !connection.is_subscriber() &&
      now - connection.last_active > std::chrono::seconds(timeout)) {
    spdlog::debug("closing idle client {}", connection.peer);
    return clients_.close(connection);
  }
  if (over_output_limit(connection, now)) return;
  give_back_room(connection);
}

void Server::give_back_room(Connection& connection) {
  // By halves: who sends large commands now and then does not find all of it gone each time.
  const std::size_t input_room = connection.input.capacity();
  if (connection.input.empty()) {
    if (input_room > 0 && connection.input_peak <= input_room / 2) connection.input.shrink(input_room / 2);
    connection.parser.give_back();
  }
  connection.input_peak = 0;
  const std::size_t output_room = connection.output.capacity();
  if (connection.output.empty() && output_room > kRestingOutputBytes) {
    connection.output.shrink(std::max(output_room / 2, kRestingOutputBytes));
  }
  count_memory(connection);
}

}  // namespace stele
