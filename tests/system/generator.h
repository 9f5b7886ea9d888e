#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stele::test {

using Command = std::vector<std::string>;

/// How the two servers' replies to a command are compared. Errors and replies of another type are compared exactly
/// under every one of them.
enum class Compare {
  exact,
  as_set,        // an array in no particular order: KEYS
  as_pairs,      // field, value, field, value in no particular order of the pairs
  near_seconds,  // numbers that depend on the clock: within 2 s. Negative ones exactly
  near_millis,
  shape,     // type and nullness only, to the depth of aggregates' lengths: RANDOMKEY, CLIENT ID
  encoding,  // OBJECT ENCODING: exact until a restart has made every string what SET makes of it
  args_first,  // exact, but Redis 7.2 refuses bad arguments also where 7.0 says at once that the key is not there, or of another type
  places,    // what a search found: exact if every member is a "place..."
  scan,      // the whole iteration that the command begins, as a set
  pending,      // XPENDING: idle times are near_millis
  stream_info,  // XINFO: without times, and without consumers that have nothing pending, whom 7.2 creates more readily
};

/// The random choices of one run. Everything follows from the seed.
///
/// Keys come from a small universe, in families by type, so that commands meet keys that exist, mostly of the type
/// they want. key("s") is from family "s" nine times out of ten, any key otherwise.
class Source {
 public:
  explicit Source(std::uint64_t seed) : random_(seed) {}

  std::int64_t between(std::int64_t first, std::int64_t last);
  bool one_in(int n) { return between(1, n) == 1; }
  template <typename... Strings>
  std::string one_of(Strings&&... strings) {
    const std::string_view all[] = {strings...};
    return std::string(all[static_cast<std::size_t>(between(0, std::ssize(all) - 1))]);
  }

  std::string key(std::string_view family);
  std::string any_key();

  /// A string of any kind: empty, a number, short, at the embstr limit, odd bytes, sometimes long.
  std::string value();
  std::string big_value();  // 10 KB to 200 KB
  std::string bytes(std::size_t count);

  std::string integer();   // mostly small, sometimes at the limits of 63 bits and past them
  std::string real();      // what INCRBYFLOAT takes, and some it does not
  std::string index();     // -20 .. 20, sometimes huge
  std::string glob();      // a pattern that matches some keys
  std::string database();  // 0 .. 3, sometimes none at all

  /// A lifetime so long that no run sees its end, or no lifetime at all (0 and negative). Wide ranges, because two that
  /// differ by less than the servers' clocks would compare differently on each.
  std::string seconds();
  std::string milliseconds();
  std::string unix_seconds();  // far in the future, or past
  std::string unix_milliseconds();

 private:
  std::mt19937_64 random_;
};

/// One kind of command. `make` need not make valid ones; damage() sees to the syntax errors.
struct Generator {
  int weight;
  Command (*make)(Source& source);
  Compare compare = Compare::exact;
};

/// The commands of one group, `tests/system/generator_<name>.cc`. Constructing one makes it known.
///
///     const GeneratorGroup kLists("lists", {"l"}, {
///         {20, [](Source& s) -> Command { return {"LPUSH", s.key("l"), s.value()}; }},
///         {1, [](Source& s) -> Command { return {"SMEMBERS", s.key("l")}; }, Compare::as_set},
///     });
class GeneratorGroup {
 public:
  /// `families` are those whose keys the group's commands create; any_key() draws from all groups'.
  GeneratorGroup(std::string name, std::vector<std::string> families, std::vector<Generator> generators);

  const std::string& name() const { return name_; }
  std::span<const Generator> generators() const { return generators_; }

  static std::span<const GeneratorGroup* const> all();

 private:
  std::string name_;
  std::vector<Generator> generators_;
};

/// Every key that a command can name, damaged or not.
std::vector<std::string> key_universe();

/// Breaks a command the way clients do: an argument too many or too few, an odd one in place of a good one, the name
/// in another case or unknown. Never turns a long lifetime into a short one.
Command damage(Source& source, Command command);

/// What one run draws from: the generators of the chosen groups by weight.
class Mix {
 public:
  /// All groups if `names` is empty. Throws for a name that no group has.
  explicit Mix(std::span<const std::string> names);

  const Generator& choose(Source& source) const;

 private:
  std::vector<const Generator*> generators_;
  std::vector<std::int64_t> weight_ends_;  // running sums
};

}  // namespace stele::test
