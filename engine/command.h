#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace stele {

class Call;

using Flags = std::uint64_t;

/// What a command does and where it may run; the names in COMMAND INFO are those behind the k, in lower case.
namespace command_flag {
inline constexpr Flags kWrite = 1u << 0;
inline constexpr Flags kReadonly = 1u << 1;
inline constexpr Flags kDenyOom = 1u << 2;
inline constexpr Flags kModule = 1u << 3;
inline constexpr Flags kAdmin = 1u << 4;
inline constexpr Flags kPubsub = 1u << 5;
inline constexpr Flags kNoscript = 1u << 6;
inline constexpr Flags kBlocking = 1u << 7;
inline constexpr Flags kLoading = 1u << 8;
inline constexpr Flags kStale = 1u << 9;
inline constexpr Flags kSkipMonitor = 1u << 10;
inline constexpr Flags kSkipSlowlog = 1u << 11;
inline constexpr Flags kAsking = 1u << 12;
inline constexpr Flags kFast = 1u << 13;
inline constexpr Flags kNoAuth = 1u << 14;
inline constexpr Flags kMayReplicate = 1u << 15;
inline constexpr Flags kNoMandatoryKeys = 1u << 16;
inline constexpr Flags kProtected = 1u << 17;
inline constexpr Flags kNoAsyncLoading = 1u << 18;
inline constexpr Flags kNoMulti = 1u << 19;
inline constexpr Flags kAllowBusy = 1u << 20;
inline constexpr Flags kTouchesArbitraryKeys = 1u << 21;
inline constexpr Flags kMovableKeys = 1u << 22;  // computed: some keys cannot be told from positions alone
}  // namespace command_flag

/// ACL categories a row names; those that follow from the flags (write, read, fast, slow, admin, dangerous, pubsub,
/// blocking) are added by the registry as Redis does.
namespace category {
inline constexpr Flags kKeyspace = 1u << 0;
inline constexpr Flags kRead = 1u << 1;
inline constexpr Flags kWrite = 1u << 2;
inline constexpr Flags kSet = 1u << 3;
inline constexpr Flags kSortedSet = 1u << 4;
inline constexpr Flags kList = 1u << 5;
inline constexpr Flags kHash = 1u << 6;
inline constexpr Flags kString = 1u << 7;
inline constexpr Flags kBitmap = 1u << 8;
inline constexpr Flags kHyperloglog = 1u << 9;
inline constexpr Flags kGeo = 1u << 10;
inline constexpr Flags kStream = 1u << 11;
inline constexpr Flags kPubsub = 1u << 12;
inline constexpr Flags kAdmin = 1u << 13;
inline constexpr Flags kFast = 1u << 14;
inline constexpr Flags kSlow = 1u << 15;
inline constexpr Flags kBlocking = 1u << 16;
inline constexpr Flags kDangerous = 1u << 17;
inline constexpr Flags kConnection = 1u << 18;
inline constexpr Flags kTransaction = 1u << 19;
inline constexpr Flags kScripting = 1u << 20;
}  // namespace category

/// What happens to the keys that a key specification finds; the names are Redis'.
namespace key_flag {
inline constexpr Flags kRO = 1u << 0;
inline constexpr Flags kRW = 1u << 1;
inline constexpr Flags kOW = 1u << 2;
inline constexpr Flags kRM = 1u << 3;
inline constexpr Flags kAccess = 1u << 4;
inline constexpr Flags kUpdate = 1u << 5;
inline constexpr Flags kInsert = 1u << 6;
inline constexpr Flags kDelete = 1u << 7;
inline constexpr Flags kNotKey = 1u << 8;
inline constexpr Flags kIncomplete = 1u << 9;
inline constexpr Flags kVariableFlags = 1u << 10;
}  // namespace key_flag

/// Where in the arguments keys are, as Redis 7 describes it: a place to begin, and how to go on from there.
struct KeySpec {
  enum class Begin : std::uint8_t { none, index, keyword, unknown };
  enum class Find : std::uint8_t { none, range, keynum, unknown };

  Flags flags = 0;
  Begin begin = Begin::none;
  Find find = Find::none;
  int index = 0;              // of the first key, or where the search for `keyword` starts (negative: from the end)
  std::string_view keyword;
  int last = 0;               // range: relative to the first; negative: from the last argument
  int step = 1;
  int limit = 0;              // range: 2 means half of the rest, and so on
  int keynum_index = 0;       // keynum: where the number stands, relative to the begin
  int first_key = 0;          // keynum: where the first key stands, likewise

  static constexpr KeySpec one(int index, Flags flags) { return range(index, 0, 1, flags); }
  static constexpr KeySpec range(int index, int last, int step, Flags flags) {
    return {.flags = flags, .begin = Begin::index, .find = Find::range, .index = index, .last = last, .step = step};
  }
  static constexpr KeySpec counted(int index, int keynum_index, int first_key, int step, Flags flags) {
    return {.flags = flags, .begin = Begin::index, .find = Find::keynum, .index = index, .step = step,
            .keynum_index = keynum_index, .first_key = first_key};
  }
};

/// One row of the command table.
struct Command {
  std::string_view name;  // lower case; of a subcommand, its own name without the container's
  int arity = 0;          // arguments with the name; negative: at least
  Flags flags = 0;
  Flags categories = 0;
  std::array<KeySpec, 3> keys{};  // up to the first with Begin::none
  void (*run)(Call&) = nullptr;   // null: a container, its first argument names the subcommand
  std::string_view group;
  std::string_view since;
  std::string_view summary;
  std::string_view complexity;
  std::span<const Command> subcommands{};
  std::span<const std::string_view> tips{};
  std::string_view deprecated_since{};
  std::string_view replaced_by{};
  std::string_view syntax{};  // the arguments behind the name; protocol/command_syntax.h says how
};

}  // namespace stele
