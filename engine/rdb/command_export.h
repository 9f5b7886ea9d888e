#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/status.h"

namespace stele {

/// Spells a data set as the commands that make it anew, in RESP: a base of append-only files without an RDB in it, or
/// what `redis-cli --pipe` takes. The commands are those of Redis' own rewrite, which 7.0 and later understand:
///
///     FUNCTION LOAD                                   a library
///     SELECT                                          a database
///     SET, RPUSH, SADD, ZADD, HMSET                   a key; collections in lots of 64 elements
///     XADD ... XSETID, XGROUP CREATE, XGROUP CREATECONSUMER, XCLAIM
///     PEXPIREAT                                       if it expires
///
/// What has no command is lost, as with Redis: how idle a key is, when a consumer was active, and who has not
/// acknowledged entries that were deleted since.
///
/// Memory: the bytes of one lot, and a stream as an object. Threads: one.
class CommandExport {
 public:
  /// Takes whole commands, one or many. A status that is not ok ends the export and is returned.
  using Sink = std::function<Status(std::string_view)>;

  explicit CommandExport(Sink sink) : sink_(std::move(sink)) {}

  Status function(std::string_view source);
  Status select(std::uint64_t db);

  struct Key {
    std::string_view key;
    std::optional<std::int64_t> expire_at_ms;
    std::uint8_t type = 0;  // with `value`, an RdbValue: the form that the store holds and that rdb_reader gives
    std::string_view value;
  };
  /// `corrupt`, naming the key, if the value is malformed; commands for a part of it may have gone out.
  Status key(const Key& key);

  /// Any command that is to stand here.
  Status command(std::initializer_list<std::string_view> args);
  /// A line that servers skip, beginning with '#' and without its end (../formats: AOF, section 5).
  Status annotation(std::string_view line);

  /// Hands the rest to the sink. To be called last.
  Status flush();

  std::uint64_t bytes() const { return handed_over_ + buffer_.size(); }

 private:
  class Lots;

  void begin(std::size_t args);
  void arg(std::string_view text);
  void arg(std::int64_t number);
  Status flush_if_full();

  Status collection(const Key& key);
  Status stream(const Key& key);

  const Sink sink_;
  std::string buffer_;
  std::uint64_t handed_over_ = 0;
};

}  // namespace stele
