#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/rdb/rdb_source.h"

namespace stele {

/// Value types (../formats: RDB, section 5).
namespace rdb_type {
inline constexpr std::uint8_t kString = 0;
inline constexpr std::uint8_t kList = 1;
inline constexpr std::uint8_t kSet = 2;
inline constexpr std::uint8_t kZsetText = 3;
inline constexpr std::uint8_t kHash = 4;
inline constexpr std::uint8_t kZset = 5;
inline constexpr std::uint8_t kModulePreRelease = 6;
inline constexpr std::uint8_t kModule = 7;
inline constexpr std::uint8_t kHashZipmap = 9;
inline constexpr std::uint8_t kListZiplist = 10;
inline constexpr std::uint8_t kSetIntset = 11;
inline constexpr std::uint8_t kZsetZiplist = 12;
inline constexpr std::uint8_t kHashZiplist = 13;
inline constexpr std::uint8_t kQuicklist = 14;
inline constexpr std::uint8_t kStream = 15;
inline constexpr std::uint8_t kHashListpack = 16;
inline constexpr std::uint8_t kZsetListpack = 17;
inline constexpr std::uint8_t kQuicklist2 = 18;
inline constexpr std::uint8_t kStream2 = 19;
inline constexpr std::uint8_t kSetListpack = 20;
inline constexpr std::uint8_t kStream3 = 21;
inline constexpr std::uint8_t kHashExpiringRc = 22;  // in a file that begins with VALKEY: kHashExpiringValkey
inline constexpr std::uint8_t kHashListpackExpiringRc = 23;
inline constexpr std::uint8_t kHashExpiring = 24;
inline constexpr std::uint8_t kHashListpackExpiring = 25;
inline constexpr std::uint8_t kStream4 = 26;
inline constexpr std::uint8_t kStream5 = 27;
}  // namespace rdb_type

/// Who wrote the file: the same number means different things.
enum class RdbDialect { redis, valkey };

/// A value in the form that the engine reads and the store holds: one of the types 0, 2, 4, 5, 11, 15 to 21, no string
/// in it compressed. What older and newer versions wrote is converted: every packed form of the past becomes its
/// listpack.
struct RdbValue {
  std::uint8_t type = 0;
  std::string bytes;
  std::uint64_t elements = 0;         // of a collection; 0 of a string or stream
  std::uint64_t expiring_fields = 0;  // fields of a hash that had an expiry of their own, which is not in `bytes`
  std::vector<std::int64_t> field_expires_at_ms;  // if there are such: of every field, in order; 0 for none
  std::uint64_t producers = 0;                    // a stream of Redis 8.6 remembers, which are not in `bytes`
  std::uint64_t module_id = 0;                    // of a module's value, which is in no other member
};

enum class RdbValueOutcome {
  value,
  empty,    // a collection without elements: there is no such key
  unknown,  // of a type or module that nobody here knows; skipped if that is possible, else the source has failed
  failed,   // source.status() says why
};

/// Reads one value of `type`. Lengths, packed forms and text are checked; that elements do not repeat and are in order
/// is left to the engine. Memory: the value, and once more its largest string.
RdbValueOutcome read_rdb_value(RdbSource& source, std::uint8_t type, RdbDialect dialect, RdbValue& value);

/// "list-quicklist2" and the like, for messages and listings; "unknown" for no type.
std::string_view rdb_type_name(std::uint8_t type, RdbDialect dialect);

/// The name in a module id (section 10): nine characters.
std::string module_name(std::uint64_t id);
/// Skips tagged fields up to their end.
bool skip_module_fields(RdbSource& source);

}  // namespace stele
