#include "protocol/acl/key_access.h"

#include "protocol/resp_text.h"

namespace stele {

namespace {

using namespace key_flag;

constexpr Flags kReads = kRO | kAccess;
constexpr Flags kOverwrites = kOW | kUpdate;
constexpr Flags kReadsAndWrites = kRW | kAccess | kUpdate;

bool is(std::string_view arg, std::string_view word) { return equals_ignoring_case(arg, word); }

/// SET key value ... [GET] ...: a GET anywhere, though it may be the value of another option. That is a syntax error later.
Flags set_access(std::span<const std::string_view> args) {
  for (std::size_t i = 3; i < args.size(); ++i) {
    if (is(args[i], "GET")) return kReadsAndWrites;
  }
  return kOverwrites;
}

/// BITFIELD key [GET encoding offset | OVERFLOW mode | SET ... | INCRBY ...] ...
Flags bitfield_access(std::span<const std::string_view> args) {
  for (std::size_t i = 2; i < args.size();) {
    const std::size_t more = args.size() - 1 - i;
    if (is(args[i], "GET") && more >= 2) {
      i += 3;
    } else if (is(args[i], "OVERFLOW") && more >= 1) {
      i += 2;
    } else {
      return kReadsAndWrites;
    }
  }
  return kReads;
}

/// SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [STORE destination] ...
void sort_keys(std::span<const std::string_view> args, std::vector<KeyPosition>& out) {
  out.push_back({1, kReads});
  int store = 0;
  for (std::size_t i = 2; i < args.size(); ++i) {
    const std::size_t more = args.size() - 1 - i;
    if (is(args[i], "LIMIT")) {
      i += 2;
    } else if (is(args[i], "GET") || is(args[i], "BY")) {
      i += 1;
    } else if (is(args[i], "STORE") && more >= 1) {
      store = static_cast<int>(++i);  // the last one counts
    }
  }
  if (store > 0) out.push_back({store, kOverwrites});
}

/// MIGRATE host port (key | "") db timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key ...]
bool migrate_keys(std::span<const std::string_view> args, std::vector<KeyPosition>& out) {
  std::size_t first = 3, last = 3;
  for (std::size_t i = 6; i < args.size(); ++i) {
    if (is(args[i], "AUTH")) {
      i += 1;
    } else if (is(args[i], "AUTH2")) {
      i += 2;
    } else if (is(args[i], "KEYS")) {
      if (!args[3].empty()) return false;
      if (i + 1 == args.size()) break;
      first = i + 1;
      last = args.size() - 1;
      break;
    }
  }
  for (std::size_t i = first; i <= last; ++i) out.push_back({static_cast<int>(i), kRW | kAccess | kDelete});
  return true;
}

}  // namespace

bool key_accesses(const RegisteredCommand& command, std::span<const std::string_view> args, std::vector<KeyPosition>& out) {
  const Command& row = *command.row;
  const KeySpec& first = row.keys[0];
  if (first.begin == KeySpec::Begin::none) return true;
  const auto is_open = [](const KeySpec& spec) {
    return spec.begin == KeySpec::Begin::unknown || (spec.flags & kIncomplete) != 0;
  };
  if (is_open(first) || is_open(row.keys[1])) {
    if (row.name == "sort" || row.name == "sort_ro") {
      sort_keys(args, out);
      return true;
    }
    if (row.name == "migrate") return migrate_keys(args, out);
  }
  const std::size_t before = out.size();
  const bool fits = key_positions(command, args, out);
  if ((first.flags & kVariableFlags) && out.size() > before) {
    if (row.name == "set") out[before].flags = set_access(args);
    if (row.name == "bitfield") out[before].flags = bitfield_access(args);
  }
  return fits;
}

}  // namespace stele
