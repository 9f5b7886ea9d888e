// The commands that make a stream: XADD, XGROUP, XCLAIM, XSETID.

#include <algorithm>
#include <vector>

#include "engine/rdb/value_commands.h"
#include "engine/stream/stream.h"
#include "engine/stream/stream_rdb.h"

namespace stele {

namespace {

constexpr int kFiguresSince = 700;  // XSETID ... ENTRIESADDED, XGROUP CREATE ... ENTRIESREAD

class CommandText {
 public:
  CommandText(std::string& out, std::size_t args) : out_(out) { out_ += fmt::format("*{}\r\n", args); }
  CommandText& operator<<(std::string_view text) {
    append_bulk(out_, text);
    return *this;
  }
  CommandText& operator<<(StreamId id) { return *this << StreamIdText(id).view(); }
  CommandText& operator<<(std::int64_t value) { return *this << std::string_view(fmt::format_int(value).c_str()); }

 private:
  std::string& out_;
};

/// What is pending in any group and no longer in the stream, in order.
std::vector<StreamId> gone_entries(const Stream& stream) {
  std::vector<StreamId> pending;
  for (const auto& [name, group] : stream.groups) {
    for (const auto& [id, entry] : group->pending()) pending.push_back(id);
  }
  std::sort(pending.begin(), pending.end());
  pending.erase(std::unique(pending.begin(), pending.end()), pending.end());
  if (pending.empty()) return pending;
  // Both are in order, so one walk over the entries is enough.
  std::vector<StreamId> gone;
  auto next = pending.begin();
  StreamCursor entry(stream, {}, StreamId::max());
  for (bool more = entry.next(); next != pending.end();) {
    if (!more || *next < entry.id()) {
      gone.push_back(*next++);
    } else {
      if (*next == entry.id()) ++next;
      more = entry.next();
    }
  }
  return gone;
}

}  // namespace

Status ValueCommands::stream(const Key& key) {
  const Result<std::unique_ptr<Stream>> read = stream_from_rdb(key.type, key.value);
  if (!read.ok()) return read.status();
  const Stream& stream = **read;
  std::vector<StreamId> gone = gone_entries(stream);
  if (!gone.empty() && gone.front().is_zero()) {
    lose(key.key, "that the entry 0-0 is pending: no stream can have it");
    gone.erase(gone.begin());
  }
  STELE_CHECK(entries(key.key, stream, gone));
  STELE_CHECK(groups(key.key, stream));
  forget(key.key, stream, gone);
  if (options_.redis_version < kFiguresSince) {
    CommandText(out_, 3) << "XSETID" << key.key << stream.facts.last_id;
  } else {
    CommandText(out_, 7) << "XSETID" << key.key << stream.facts.last_id << "ENTRIESADDED"
                         << static_cast<std::int64_t>(stream.facts.entries_added) << "MAXDELETEDID"
                         << stream.facts.max_deleted_id;
  }
  return Status();
}

/// The entries, and in their places those that only groups remember.
Status ValueCommands::entries(std::string_view key, const Stream& stream, std::span<const StreamId> gone) {
  const auto add_gone = [&] {
    CommandText(out_, 5) << "XADD" << key << gone.front() << "gone"
                         << "1";
    gone = gone.subspan(1);
  };
  char field_digits[24];
  char value_digits[24];
  StreamCursor entry(stream, {}, StreamId::max());
  if (stream.length() == 0 && gone.empty()) {
    // The way to an empty stream: an entry that is trimmed away at once. Any id but 0-0 will do.
    CommandText(out_, 7) << "XADD" << key << "MAXLEN"
                         << "0" << StreamId{0, 1} << "x"
                         << "y";
  }
  while (entry.next()) {
    while (!gone.empty() && gone.front() < entry.id()) add_gone();
    CommandText text(out_, 3 + 2 * entry.fields());
    text << "XADD" << key << entry.id();
    entry.each_pair([&](const PackedValue& field, const PackedValue& value) {
      text << field.text(field_digits) << value.text(value_digits);
    });
    STELE_CHECK(spill());
  }
  while (!gone.empty()) add_gone();
  return spill();
}

Status ValueCommands::groups(std::string_view key, const Stream& stream) {
  for (const auto& [name, group] : stream.groups) {
    if (options_.redis_version < kFiguresSince) {
      CommandText(out_, 5) << "XGROUP"
                           << "CREATE" << key << name << group->last_id;
    } else {
      CommandText(out_, 7) << "XGROUP"
                           << "CREATE" << key << name << group->last_id << "ENTRIESREAD" << group->entries_read;
    }
    for (const auto& [consumer_name, consumer] : group->consumers()) {
      CommandText(out_, 5) << "XGROUP"
                           << "CREATECONSUMER" << key << name << consumer_name;
    }
    for (const auto& [id, pending] : group->pending()) {
      CommandText(out_, 12) << "XCLAIM" << key << name << pending.consumer->name << "0" << id << "TIME"
                            << pending.delivered_ms << "RETRYCOUNT" << static_cast<std::int64_t>(pending.deliveries)
                            << "JUSTID"
                            << "FORCE";
      STELE_CHECK(spill());
    }
  }
  return Status();
}

/// Takes the entries away again that only groups remember.
void ValueCommands::forget(std::string_view key, const Stream& stream, std::span<const StreamId> gone) {
  if (gone.empty()) return;
  // Where nothing was ever deleted they were trimmed away, and XDEL would leave a trace that XSETID cannot take back.
  const bool trimmed = stream.facts.max_deleted_id.is_zero() && options_.redis_version >= kFiguresSince;
  if (trimmed && stream.length() == 0) {
    CommandText(out_, 4) << "XTRIM" << key << "MAXLEN"
                         << "0";
  } else if (trimmed && gone.back() < stream.first_id()) {
    CommandText(out_, 4) << "XTRIM" << key << "MINID" << stream.first_id();
  } else {
    for (const StreamId id : gone) CommandText(out_, 3) << "XDEL" << key << id;
  }
}

}  // namespace stele
