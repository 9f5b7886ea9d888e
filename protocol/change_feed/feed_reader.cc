#include "protocol/change_feed/feed_reader.h"

#include "engine/glob.h"
#include "persistence/journal_reader.h"
#include "protocol/resp_integer.h"
#include "protocol/resp_parser.h"
#include "protocol/resp_text.h"

namespace stele {

namespace {

/// One request's way through the stream.
class Walk {
 public:
  Walk(const FeedRequest& request, CommandRegistry& registry, FeedResult& result)
      : request_(request), registry_(registry), result_(result) {}

  void begin_at(FeedPlace place) {
    at_ = place.offset;
    db_ = place.db;
    result_.next = place;
  }

  /// False once there is enough.
  Result<bool> take_frame(const JournalReader::Frame& frame) {
    if (frame.offset + frame.payload.size() > request_.until) return false;
    std::string_view rest = frame.payload;
    while (!rest.empty()) {
      if (parser_.parse(rest) != RespParser::Outcome::command) {
        return Status::corrupt("journal: no whole command at offset {}: {}", at_, parser_.error());
      }
      rest.remove_prefix(parser_.consumed());
      if (!in_transaction_) unit_begin_ = at_;
      at_ += parser_.consumed();
      if (!parser_.args().empty()) take(parser_.args(), frame.time);
      if (in_transaction_) continue;
      if (unit_begin_ < request_.from && at_ > request_.from) {
        return Status::invalid("no change begins at offset {}: the nearest are at {} and {}", request_.from, unit_begin_, at_);
      }
      settle();
      if (is_enough()) return false;
    }
    return true;
  }

 private:
  void take(std::span<const std::string_view> args, UnixTime time) {
    const std::string_view name = args[0];
    if (equals_ignoring_case(name, "MULTI")) {
      in_transaction_ = true;
    } else if (equals_ignoring_case(name, "EXEC")) {
      in_transaction_ = false;
    } else if (equals_ignoring_case(name, "SELECT")) {
      if (args.size() == 2) db_ = static_cast<int>(parse_integer(args[1]).value_or(db_));
    } else if (unit_begin_ >= request_.from && is_change(name) && fits(args)) {
      FeedEntry& entry = unit_.emplace_back(FeedEntry{.time = time, .db = db_});
      entry.args.assign(args.begin(), args.end());
    }
  }

  static bool is_change(std::string_view name) {
    for (const std::string_view message : {"PING", "REPLCONF", "PUBLISH", "SPUBLISH"}) {
      if (equals_ignoring_case(name, message)) return false;
    }
    return true;
  }

  bool fits(std::span<const std::string_view> args) {
    if (!request_.db && !request_.match) return true;
    RegisteredCommand* command = registry_.find_in_stream(args[0]);
    if (command != nullptr && !command->subcommands.empty() && args.size() > 1) {
      command = CommandRegistry::find_subcommand(*command, args[1]);
    }
    if (command == nullptr) return true;
    keys_.clear();
    const bool named = key_positions(*command, args, keys_) && !keys_.empty();
    if (request_.db && db_ != *request_.db && !is_of_database(args, *request_.db)) return false;
    // What names no key may be about any: FLUSHALL, FUNCTION LOAD.
    if (!request_.match || !named) return true;
    return std::any_of(keys_.begin(), keys_.end(), [&](const KeyPosition& key) { return glob_matches(*request_.match, args[static_cast<std::size_t>(key.index)]); });
  }

  /// Whether a command that stands in another database is about `db` as well.
  static bool is_of_database(std::span<const std::string_view> args, int db) {
    const std::string_view name = args[0];
    if (equals_ignoring_case(name, "FLUSHALL") || equals_ignoring_case(name, "SWAPDB") || equals_ignoring_case(name, "FUNCTION")) return true;
    if (equals_ignoring_case(name, "MOVE") && args.size() == 3) return parse_integer(args[2]) == db;
    if (!equals_ignoring_case(name, "COPY")) return false;
    for (std::size_t i = 3; i + 1 < args.size(); ++i) {
      if (equals_ignoring_case(args[i], "DB")) return parse_integer(args[i + 1]) == db;
    }
    return false;
  }

  /// A command alone, or a transaction, is there in full.
  void settle() {
    for (FeedEntry& entry : unit_) {
      entry.end = at_;
      for (const std::string& arg : entry.args) bytes_ += arg.size() + 16;
      result_.entries.push_back(std::move(entry));
    }
    unit_.clear();
    result_.next = {at_, db_};
  }

  bool is_enough() const {
    if (at_ <= request_.from) return false;
    return result_.entries.size() >= request_.count || bytes_ >= FeedReader::kEntryBytesMax ||
           at_ - request_.from >= FeedReader::kPassedOverBytesMax;
  }

  const FeedRequest& request_;
  CommandRegistry& registry_;
  FeedResult& result_;
  RespParser parser_;
  std::vector<KeyPosition> keys_;
  std::vector<FeedEntry> unit_;
  std::size_t bytes_ = 0;
  Offset at_;
  Offset unit_begin_;  // of the command or transaction that at_ is in, or behind
  int db_ = 0;
  bool in_transaction_ = false;
};

}  // namespace

FeedReader::FeedReader(Journal& journal, CommandRegistry& registry, std::function<void()> on_result)
    : journal_(journal), registry_(registry), on_result_(std::move(on_result)), thread_([this] { run(); }) {}

FeedReader::~FeedReader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakes_.notify_one();
  thread_.join();
}

void FeedReader::read(FeedRequest request) {
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
  }
  wakes_.notify_one();
}

std::vector<FeedResult> FeedReader::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(results_, {});
}

void FeedReader::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (requests_.empty()) {
      wakes_.wait(lock);
      continue;
    }
    const FeedRequest request = std::move(requests_.front());
    requests_.pop_front();
    lock.unlock();
    FeedResult result = serve(request);
    lock.lock();
    results_.push_back(std::move(result));
    lock.unlock();
    on_result_();
    lock.lock();
  }
}

FeedResult FeedReader::serve(const FeedRequest& request) {
  FeedResult result{.id = request.id};
  const auto read = [&]() -> Status {
    FeedPlace from;
    if (request.known) {
      from = *request.known;
    } else {
      STELE_TRY(const Journal::SegmentStart start, journal_.segment_start(request.from));
      from = {start.offset, start.db};
    }
    Walk walk(request, registry_, result);
    walk.begin_at(from);
    STELE_TRY(JournalReader reader, journal_.read_from(from.offset));
    bool more = true;
    while (more) {
      STELE_TRY(const std::optional<JournalReader::Frame> frame, reader.next_frame());
      if (!frame) break;
      STELE_TRY(more, walk.take_frame(*frame));
    }
    if (result.next.offset < request.from) result.next.offset = request.from;
    return {};
  };
  result.status = read();
  return result;
}

}  // namespace stele
