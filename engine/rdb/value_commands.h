#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "persistence/status.h"

namespace stele {

class Stream;
struct StreamId;

struct ValueCommandsOptions {
  /// Of the Redis that is to understand the commands: 7.0 is 700. Below 700 there are no functions and streams have
  /// fewer figures; from 704 on fields of hashes expire.
  int redis_version = 700;
  bool replace = false;  // takes away what is under the key, or library name, first
  /// Values as RESTORE payloads: shorter, exact to the last figure of a stream, and the only way to say how idle a key
  /// is or how often it is used. The reading server must be at least the one that `redis_version` says.
  bool restore = false;
  /// What the commands cannot say about a key ("" for what is no key's), once for each.
  std::function<void(std::string_view key, std::string_view what)> on_loss;
};

/// Writes data as the commands that make them, in RESP, as the AOF rewriting of Redis does: SET, RPUSH, SADD, ZADD and
/// HSET of at most 64 elements each, XADD ... XSETID, XGROUP, XCLAIM, PEXPIREAT, FUNCTION LOAD, SELECT. Beyond that,
/// entries that are pending in a group and gone from the stream stay pending: they are added, claimed and deleted
/// again. Lost with commands, not with RESTORE: when consumers were last seen, and which encoding the value had.
///
/// Memory: what `drain` leaves in the buffer, one batch, and of a stream the whole (engine/stream/stream.h).
class ValueCommands {
 public:
  /// Takes what it likes from the front of the buffer, usually all of it. Called between commands, whenever there are
  /// kDrainBytes of them.
  using Drain = std::function<Status(std::string& commands)>;
  static constexpr std::size_t kDrainBytes = 256 * 1024;

  ValueCommands(ValueCommandsOptions options, Drain drain) : options_(std::move(options)), drain_(std::move(drain)) {}

  Status function(std::string_view source);
  /// Before the first key of a database it is done without being asked.
  void select(std::uint64_t db);

  struct Key {
    std::uint64_t db = 0;
    std::string_view key;
    std::uint8_t type = 0;  // in the engine's form, RdbValue
    std::string_view value;
    std::optional<std::int64_t> expire_at_ms;
    std::optional<std::uint64_t> idle_seconds;
    std::optional<std::uint8_t> frequency;
    std::span<const std::int64_t> field_expires_at_ms = {};  // of a hash, as RdbValue has them
  };
  /// `corrupt` if the value is malformed; commands of a part of it may have been written.
  Status key(const Key& key);
  /// Drains the rest.
  Status finish();

 private:
  template <typename... Args>
  void command(const Args&... args);
  Status spill();
  void lose(std::string_view key, std::string_view what);

  bool restorable(const Key& key) const;
  void restore(const Key& key);
  Status elements(const Key& key);
  void batch(std::string_view name, std::string_view key);
  Status field_expiries(const Key& key);
  Status stream(const Key& key);
  Status entries(std::string_view key, const Stream& stream, std::span<const StreamId> gone);
  Status groups(std::string_view key, const Stream& stream);
  void forget(std::string_view key, const Stream& stream, std::span<const StreamId> gone);

  const ValueCommandsOptions options_;
  const Drain drain_;
  std::string out_;
  std::string batch_;          // arguments that wait for their command's head
  std::uint64_t batched_ = 0;  // arguments in it
  std::optional<std::uint64_t> db_;
};

/// One command, or a part of one: a bulk string.
void append_bulk(std::string& out, std::string_view text);

}  // namespace stele
