#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "persistence/offset.h"
#include "persistence/status.h"

namespace stele {

/// How far a consumer of the change feed has come.
struct FeedCursor {
  Offset offset;       // everything before it is acknowledged
  ReplicationId replid;  // the history that it counts in
  UnixTime moved_at;
};

/// The cursors of the change feed. They are data like keys, though not in any database: kept here, in the checkpoint's label, in RDB
/// files for replicas and of the journal's base, and said in the stream, as the text of a PING, which stock servers pass over:
///
///     PING "stele-cursor <name in hex> <offset> <replid> <unix ms>"    it is there now
///     PING "stele-cursor <name in hex>"                                it is not
///
/// Threads: the executor.
class FeedCursors {
 public:
  static constexpr std::size_t kNameBytesMax = 256;
  static constexpr std::size_t kCountMax = 1000;

  const std::map<std::string, FeedCursor, std::less<>>& all() const { return cursors_; }
  const FeedCursor* find(std::string_view name) const;
  void set(std::string_view name, FeedCursor cursor);
  bool erase(std::string_view name);  // false if there is none

  static std::string message(std::string_view name, const FeedCursor& cursor);
  static std::string message_of_removal(std::string_view name);
  /// Does what such a text says. False if it is about something else, or malformed.
  bool take(std::string_view text);

  /// Lines for the label, "cursor" and what follows the word in a message.
  std::string label_lines() const;

 private:
  std::map<std::string, FeedCursor, std::less<>> cursors_;
};

}  // namespace stele
