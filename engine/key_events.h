#pragma once

#include <cstdint>
#include <string_view>

namespace stele {

/// The kinds of keyspace notifications, one letter of `notify-keyspace-events` each, in Redis' order of bits.
namespace key_event {
inline constexpr std::uint32_t kKeyspace = 1u << 0;  // K: published as __keyspace@<db>__:<key>
inline constexpr std::uint32_t kKeyevent = 1u << 1;  // E: published as __keyevent@<db>__:<event>
inline constexpr std::uint32_t kGeneric = 1u << 2;   // g
inline constexpr std::uint32_t kString = 1u << 3;    // $
inline constexpr std::uint32_t kList = 1u << 4;      // l
inline constexpr std::uint32_t kSet = 1u << 5;       // s
inline constexpr std::uint32_t kHash = 1u << 6;      // h
inline constexpr std::uint32_t kZset = 1u << 7;      // z
inline constexpr std::uint32_t kExpired = 1u << 8;   // x
inline constexpr std::uint32_t kEvicted = 1u << 9;   // e
inline constexpr std::uint32_t kStream = 1u << 10;   // t
inline constexpr std::uint32_t kKeyMiss = 1u << 11;  // m, not part of A
inline constexpr std::uint32_t kModule = 1u << 13;   // d
inline constexpr std::uint32_t kNew = 1u << 14;      // n, not part of A
}  // namespace key_event

/// Who wants to know what happens to keys: notifications and client-side caching. Called on the executor while a command
/// runs; must not change the keyspace.
class KeyspaceObserver {
 public:
  virtual ~KeyspaceObserver() = default;
  /// A notification of one kind, whose name is `event`.
  virtual void key_event(std::uint32_t kind, std::string_view event, int db, std::string_view key) = 0;
  /// The key was created, changed, removed, or its expiry was. `by_client`: by the command that runs; a key that expires or
  /// is evicted goes by itself, even if a command came across it.
  virtual void key_changed(int db, std::string_view key, bool by_client) = 0;
  /// All of a database changed at once: FLUSHDB, SWAPDB.
  virtual void database_changed(int db) = 0;
};

}  // namespace stele
