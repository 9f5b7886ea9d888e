#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/change_feed/feed_reader.h"
#include "protocol/environment.h"

namespace stele {

class InfoText;

struct FeedFigures {
  std::uint64_t reads = 0;
  std::uint64_t entries = 0;
  std::uint64_t cursors_let_go = 0;
};

/// The change feed: JOURNAL READ and its cursors.
///
///     JOURNAL READ ──► reader's thread ──┬─ changes ──────────────► reply
///         │                              └─ none ──BLOCK──► waits ──after_commit()──► reader's thread ...
///         └─ nothing is there yet ───────────────────────────▲
///
/// What is handed out is `written` (under `appendfsync always`: `durable`), so no restart takes it back; a power cut can, unless
/// the policy is `always`, and a failover can. Offsets with a replication id say so when it happens.
///
/// A cursor is data (engine/feed_cursors.h): it survives what data survives. Here each one has a pin on the journal, until it holds back
/// too much.
///
/// Threads: the executor. The environment must outlive it.
class ChangeFeed {
 public:
  explicit ChangeFeed(Environment& environment);
  ~ChangeFeed();

  // --- commands
  struct Read {
    Offset from;
    std::size_t count = 0;
    bool blocks = false;
    Call::Deadline deadline;
    std::optional<std::string> match;
    std::optional<int> db;
  };
  void read(Call& call, Read read);
  /// How far may be read.
  Offset safe_end() const;
  /// A cursor is there, has moved, or is gone.
  void cursor_changed(std::string_view name);
  /// Nothing keeps what the cursor needs; perhaps it is still there.
  bool is_let_go(std::string_view name) const;

  // --- turns
  void turn();
  void after_commit();
  void cron();
  std::optional<std::chrono::steady_clock::time_point> next_deadline() const;
  void forget(const Connection& connection);
  /// The journal is about to be another one.
  void leave_journal();

  void add_info(InfoText& info) const;

 private:
  struct Waiting {
    std::uint64_t client = 0;
    FeedRequest request;
    bool blocks = false;
    Call::Deadline deadline;
    bool reading = false;  // the reader has it
  };
  struct Pin {
    JournalPin pin;
    Offset at;  // the cursor's
    bool let_go = false;
  };

  void submit(Waiting& waiting);
  void take_result(FeedResult result);
  void answer(const Waiting& waiting, const FeedResult& result);
  void reply_with(RespWriter& reply, const FeedResult& result) const;
  std::optional<FeedPlace> known_place(Offset offset) const;
  void remember(FeedPlace place);
  void update_pins();

  Environment& environment_;
  std::unique_ptr<FeedReader> reader_;  // once somebody has read
  std::uint64_t last_id_ = 0;
  std::vector<Waiting> waiting_;
  std::deque<FeedPlace> places_;  // where readers were told to go on, lately
  std::map<std::string, Pin, std::less<>> pins_;
  FeedFigures figures_;
};

}  // namespace stele
