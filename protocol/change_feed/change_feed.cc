#include "protocol/change_feed/change_feed.h"

#include <spdlog/spdlog.h>

#include "protocol/connection.h"
#include "protocol/info.h"
#include "protocol/journal_retention.h"

namespace stele {

namespace {

using std::chrono::steady_clock;

constexpr std::size_t kPlacesKept = 256;

std::string error_text(const Status& status) {
  return fmt::format("{} {}", status.code() == Code::unavailable ? "TRIMMED" : "ERR", status.message());
}

}  // namespace

ChangeFeed::ChangeFeed(Environment& environment) : environment_(environment) {
  environment_.storage.before_journal_leaves([this] { leave_journal(); });
}

ChangeFeed::~ChangeFeed() = default;

Offset ChangeFeed::safe_end() const {
  const Journal& journal = environment_.storage.journal();
  return journal.fsync() == Fsync::always ? journal.durable() : journal.written();
}

void ChangeFeed::read(Call& call, Read read) {
  ++figures_.reads;
  Connection& connection = connection_of(call);
  Waiting waiting{.client = connection.id, .blocks = read.blocks, .deadline = read.deadline};
  waiting.request = {.id = ++last_id_,
                     .from = read.from,
                     .known = known_place(read.from),
                     .count = read.count,
                     .match = std::move(read.match),
                     .db = read.db};
  if (read.from >= safe_end() && !read.blocks) return reply_with(call.reply(), {.next = {.offset = read.from}});
  if (!call.may_block()) return call.fail("ERR JOURNAL READ may have to wait, and cannot here");
  call.block_aside();
  connection.waits = Waits::for_acks;
  if (read.from < safe_end()) submit(waiting);
  waiting_.push_back(std::move(waiting));
}

void ChangeFeed::submit(Waiting& waiting) {
  if (reader_ == nullptr) {
    reader_ = std::make_unique<FeedReader>(environment_.storage.journal(), environment_.commands, environment_.wake);
  }
  waiting.reading = true;
  waiting.request.until = safe_end();
  reader_->read(waiting.request);
}

void ChangeFeed::turn() {
  if (waiting_.empty()) return;
  if (reader_ != nullptr) {
    for (FeedResult& result : reader_->take()) take_result(std::move(result));
  }
  const auto now = steady_clock::now();
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.reading || !waiting.deadline || *waiting.deadline > now) return false;
    answer(waiting, {.next = {.offset = waiting.request.from}});
    return true;
  });
}

void ChangeFeed::take_result(FeedResult result) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) { return waiting.request.id == result.id; });
  if (found == waiting_.end()) return;  // the client has gone
  const bool nothing = result.status.ok() && result.entries.empty();
  if (nothing && found->blocks && result.next.offset >= found->request.until) {
    // All of it was about other things: what comes next is waited for.
    found->request.from = result.next.offset;
    found->request.known = result.next;
    found->reading = false;
    return;
  }
  answer(*found, result);
  waiting_.erase(found);
}

void ChangeFeed::answer(const Waiting& waiting, const FeedResult& result) {
  Connection* connection = environment_.clients.find(waiting.client);
  if (connection == nullptr) return;
  RespWriter reply(connection->output, connection->resp);
  if (result.status.ok()) {
    reply_with(reply, result);
    figures_.entries += result.entries.size();
    if (waiting.reading) remember(result.next);
  } else {
    reply.error(error_text(result.status));
  }
  environment_.replied(*connection);
  environment_.resume(*connection);
}

void ChangeFeed::reply_with(RespWriter& reply, const FeedResult& result) const {
  reply.array(3);
  reply.bulk(environment_.storage.journal().replid());
  reply.integer(static_cast<std::int64_t>(result.next.offset.bytes()));
  reply.array(result.entries.size());
  for (const FeedEntry& entry : result.entries) {
    reply.array(4);
    reply.integer(static_cast<std::int64_t>(entry.end.bytes()));
    reply.integer(entry.time.ms());
    reply.integer(entry.db);
    reply.array(entry.args.size());
    for (const std::string& arg : entry.args) reply.bulk(arg);
  }
}

std::optional<FeedPlace> ChangeFeed::known_place(Offset offset) const {
  for (const FeedPlace& place : places_) {
    if (place.offset == offset) return place;
  }
  return std::nullopt;
}

void ChangeFeed::remember(FeedPlace place) {
  if (known_place(place.offset)) return;
  places_.push_front(place);
  if (places_.size() > kPlacesKept) places_.pop_back();
}

void ChangeFeed::after_commit() {
  if (waiting_.empty()) return;
  const Offset end = safe_end();
  for (Waiting& waiting : waiting_) {
    if (!waiting.reading && waiting.request.from < end) submit(waiting);
  }
}

std::optional<steady_clock::time_point> ChangeFeed::next_deadline() const {
  std::optional<steady_clock::time_point> next;
  for (const Waiting& waiting : waiting_) {
    if (waiting.deadline && (!next || *waiting.deadline < *next)) next = waiting.deadline;
  }
  return next;
}

void ChangeFeed::forget(const Connection& connection) {
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.client == connection.id; });
}

void ChangeFeed::leave_journal() {
  reader_.reset();
  places_.clear();
  pins_.clear();
  const Status gone = Status::unavailable("this server has taken another one's data in the place of its own");
  for (const Waiting& waiting : std::exchange(waiting_, {})) answer(waiting, {.status = gone});
}

// --- cursors

void ChangeFeed::cursor_changed(std::string_view) { update_pins(); }

bool ChangeFeed::is_let_go(std::string_view name) const {
  const auto found = pins_.find(name);
  return found != pins_.end() && found->second.let_go;
}

/// Cursors come and go in the stream as well: what there is decides.
void ChangeFeed::update_pins() {
  Journal& journal = environment_.storage.journal();
  const auto& cursors = environment_.storage.keyspace().feed_cursors().all();
  std::erase_if(pins_, [&](const auto& entry) { return !cursors.contains(entry.first); });
  for (const auto& [name, cursor] : cursors) {
    const auto [found, is_new] = pins_.try_emplace(name);
    Pin& pin = found->second;
    if (!is_new && pin.at == cursor.offset) continue;
    // One that was made anew may stand before its former self.
    const bool forward = !is_new && pin.pin.held() && pin.at < cursor.offset;
    pin.at = cursor.offset;
    if (forward) {
      pin.pin.advance(cursor.offset);
      continue;
    }
    Result<JournalPin> made = journal.pin(cursor.offset, "the change feed's cursor " + name);
    pin.let_go = !made.ok();
    pin.pin = made.ok() ? std::move(*made) : JournalPin();
    if (!made.ok()) {
      spdlog::error("the change feed's cursor '{}' is behind the journal: {}. Its consumer has to begin anew", name, made.status().message());
    }
  }
}

void ChangeFeed::cron() {
  if (pins_.empty() && environment_.storage.keyspace().feed_cursors().all().empty()) return;
  update_pins();
  while (true) {
    auto oldest = pins_.end();
    for (auto at = pins_.begin(); at != pins_.end(); ++at) {
      if (at->second.pin.held() && (oldest == pins_.end() || at->second.at < oldest->second.at)) oldest = at;
    }
    if (oldest == pins_.end() || !holds_back_too_much(environment_.storage.journal(), environment_.config.now(), oldest->second.at, 0)) return;
    spdlog::error("the change feed's cursor '{}' is let go at offset {}: what it has not acknowledged is more than the disk may hold "
                  "(journal-pin-size-max, or the free space)", oldest->first, oldest->second.at);
    oldest->second.pin = JournalPin();
    oldest->second.let_go = true;
    ++figures_.cursors_let_go;
  }
}

void ChangeFeed::add_info(InfoText& info) const {
  const auto& cursors = environment_.storage.keyspace().feed_cursors().all();
  Offset oldest = environment_.storage.journal().end();
  for (const auto& [name, cursor] : cursors) oldest = std::min(oldest, cursor.offset);
  info.add("feed_cursors", cursors.size());
  info.add("feed_cursors_let_go", figures_.cursors_let_go);
  info.add("feed_behind_bytes", environment_.storage.journal().end() - oldest);
  info.add("feed_waiting", waiting_.size());
  info.add("feed_reads", figures_.reads);
  info.add("feed_entries", figures_.entries);
}

}  // namespace stele
