#include "tests/system/generator.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include <fmt/format.h>

namespace stele::test {
namespace {

constexpr int kKeysPerFamily = 8;

// Names that have tripped parsers, matchers and digests before.
const std::vector<std::string>& odd_keys() {
  static const std::vector<std::string> keys{"",           "a b",         std::string("\0\xff\r\n", 4),
                                             "{tag}1",     "*",           "[a-c]",
                                             "\"quoted\"", "back\\slash", std::string(300, 'k')};
  return keys;
}

// What damage() puts in an argument's place. No small positive number among them: as a lifetime it would end during the
// run, on each server at its own time.
const std::vector<std::string>& odd_arguments() {
  static const std::vector<std::string> arguments{"",
                                                  "0",
                                                  "-1",
                                                  "abc",
                                                  "9223372036854775807",
                                                  "9223372036854775808",
                                                  "1.5",
                                                  " ",
                                                  "NX",
                                                  "XX",
                                                  "EX",
                                                  "KEEPTTL",
                                                  "nan",
                                                  "\r\n",
                                                  "$5",
                                                  "GET",
                                                  "*",
                                                  std::string(1, '\0'),
                                                  "99999999999999999999"};
  return arguments;
}

struct Registry {
  std::vector<const GeneratorGroup*> groups;
  std::vector<std::string> families;
};

Registry& registry() {
  static Registry all;
  return all;
}

}  // namespace

GeneratorGroup::GeneratorGroup(std::string name, std::vector<std::string> families, std::vector<Generator> generators)
    : name_(std::move(name)), generators_(std::move(generators)) {
  registry().groups.push_back(this);
  // Files are linked in any order, a seed must mean the same in each.
  std::ranges::sort(registry().groups, {}, [](const GeneratorGroup* group) { return group->name(); });
  for (std::string& family : families) registry().families.push_back(std::move(family));
  std::ranges::sort(registry().families);
}

std::span<const GeneratorGroup* const> GeneratorGroup::all() { return registry().groups; }

std::vector<std::string> key_universe() {
  std::vector<std::string> keys = odd_keys();
  keys.insert(keys.end(), odd_arguments().begin(), odd_arguments().end());
  for (const std::string& family : registry().families) {
    for (int i = 0; i < kKeysPerFamily; ++i) keys.push_back(family + std::to_string(i));
  }
  return keys;
}

std::int64_t Source::between(std::int64_t first, std::int64_t last) {
  return std::uniform_int_distribution<std::int64_t>(first, last)(random_);
}

std::string Source::key(std::string_view family) {
  if (one_in(10)) return any_key();
  return std::string(family) + std::to_string(between(0, kKeysPerFamily - 1));
}

std::string Source::any_key() {
  const auto& families = registry().families;
  if (one_in(12) || families.empty())
    return odd_keys()[static_cast<std::size_t>(between(0, std::ssize(odd_keys()) - 1))];
  return families[static_cast<std::size_t>(between(0, std::ssize(families) - 1))] +
         std::to_string(between(0, kKeysPerFamily - 1));
}

std::string Source::bytes(std::size_t count) {
  std::string text(count, '\0');
  for (char& c : text) c = static_cast<char>(between(0, 255));
  return text;
}

std::string Source::big_value() {
  const std::string piece = bytes(static_cast<std::size_t>(between(1, 100)));
  const auto size = static_cast<std::size_t>(between(10'000, 200'000));
  std::string text;
  while (text.size() < size) text += piece;
  return text;
}

std::string Source::value() {
  switch (between(0, 11)) {
    case 0:
      return "";
    case 1:
    case 2:
      return integer();
    case 3:
      return real();
    case 4:
      return bytes(static_cast<std::size_t>(between(1, 20)));
    case 5:
      return std::string(static_cast<std::size_t>(between(42, 47)), 'e');  // the embstr limit is 44
    case 6:
      return std::string(static_cast<std::size_t>(between(100, 3000)), 'v');
    case 7:
      return one_of("foo", "bar", "foobar", "oomyooba", "hello world", " 12", "12 ", "+5", "-0", "007", "0x10");
    default:
      return "v" + std::to_string(between(0, 1000));
  }
}

std::string Source::integer() {
  switch (between(0, 19)) {
    case 0:
      return one_of("9223372036854775807", "-9223372036854775808", "9223372036854775800", "-9223372036854775800");
    case 1:
      return one_of("9223372036854775808", "-9223372036854775809", "1e3", "1.0", "abc", "", " 1", "01",
                    "99999999999999999999");
    case 2:
      return std::to_string(between(INT64_MIN, INT64_MAX));
    case 3:
      return one_of("2147483647", "2147483648", "-2147483649", "4294967296", "9999", "10000");
    default:
      return std::to_string(between(-100, 100));
  }
}

std::string Source::real() {
  switch (between(0, 11)) {
    case 0:
      return one_of("1e5", "-1.5e-3", "3.0e3", "1e20", "1e-20", "-1e300", "1e308");
    case 1:
      return one_of("inf", "-inf", "nan", "infinity", "abc", "", " 1.5", "1.5 ", "0x1p4", "1,5");
    case 2:
      return one_of("0", "-0", "0.0", "-0.0", "0.1", "0.2", "3.14159265358979323846", "100000000000000000000");
    case 3:
      return integer();
    default:
      return fmt::format("{:.{}f}", static_cast<double>(between(-1'000'000, 1'000'000)) / 997, between(0, 10));
  }
}

std::string Source::index() {
  if (one_in(15))
    return one_of("9223372036854775807", "-9223372036854775808", "4294967295", "-1000000", "9223372036854775808", "x",
                  "");
  return std::to_string(between(-20, 20));
}

std::string Source::glob() {
  if (one_in(3))
    return one_of("*", "?", "", "[a-c]", "\\*", "*[", "[^s]*", "*[0-3]", "s[1-", "?*?", "\\", "**1", "[5-1]*", "*\\");
  std::string key = any_key();
  if (key.empty() || one_in(4)) return key;
  key[static_cast<std::size_t>(between(0, std::ssize(key) - 1))] = one_in(2) ? '*' : '?';
  return key;
}

std::string Source::database() {
  if (one_in(20)) return one_of("15", "16", "-1", "abc", "", "99999999999999999999", "1.5");
  return std::to_string(between(0, 3));
}

std::string Source::seconds() {
  if (one_in(8))
    return one_of("0", "-1", "-100000", "9223372036854775807", "-9223372036854775808", "9223372036854775", "abc", "",
                  "1.5");
  return std::to_string(between(10'000, 100'000'000));
}

std::string Source::milliseconds() {
  if (one_in(8))
    return one_of("0", "-1", "-100000", "9223372036854775807", "-9223372036854775808", "9223370000000000000", "abc",
                  "");
  return std::to_string(between(10'000'000, 100'000'000'000));
}

std::string Source::unix_seconds() {
  if (one_in(8))
    return one_of("0", "-1", "1", "1000000000", "9223372036854775807", "9223372036854775", "-9223372036854775808",
                  "abc");
  return std::to_string(between(5'000'000'000, 6'000'000'000));
}

std::string Source::unix_milliseconds() {
  if (one_in(8)) return one_of("0", "-1", "1", "1000000000000", "9223372036854775807", "-9223372036854775808", "abc");
  return std::to_string(between(5'000'000'000'000, 6'000'000'000'000));
}

Command damage(Source& source, Command command) {
  const auto any = [&](std::size_t first) {
    return static_cast<std::size_t>(source.between(static_cast<std::int64_t>(first), std::ssize(command) - 1));
  };
  const auto& odd_ones = odd_arguments();
  const std::string& odd = odd_ones[static_cast<std::size_t>(source.between(0, std::ssize(odd_ones) - 1))];
  // A blocking command with another timeout might wait for ever: only its name is safe to touch.
  const bool blocks = command[0].starts_with("BL") || command[0].starts_with("BR") || command[0].starts_with("BZ");
  // Without its count SPOP draws a member, which is each server's own choice.
  const bool draws = command[0] == "SPOP";
  // From 7.2 on these take one argument more: an error then, but another one, and in MULTI at another time.
  const bool takes_more = command[0] == "ZRANK" || command[0] == "ZREVRANK";
  switch (source.between(blocks ? 4 : 0, 6)) {
    case 0:
      if (command.size() > 1 && !draws) command.pop_back();
      break;
    case 1:
      if (command.size() > 1 && !draws) command.erase(command.begin() + static_cast<std::ptrdiff_t>(any(1)));
      break;
    case 2:
      if (!takes_more) command.push_back(odd);
      break;
    case 3:
      // XADD's * would be an id by the clock, and XSETID refuses smaller ids only since 7.2.
      if (command[0] == "XSETID") break;
      if (command.size() > 1) command[any(1)] = odd == "*" && command[0] == "XADD" ? "**" : odd;
      break;
    case 4:
      command.resize(1);
      break;
    case 5:
      for (char& c : command[0]) c = static_cast<char>(source.one_in(2) ? std::tolower(c) : std::toupper(c));
      break;
    default:
      if (source.one_in(3))
        command[0] = source.one_of("NOSUCH", "", "GETT", "set\n", std::string_view("g\0t", 3), std::string(200, 'x'));
      break;
  }
  return command;
}

Mix::Mix(std::span<const std::string> names) {
  for (const std::string& name : names) {
    if (std::ranges::none_of(GeneratorGroup::all(), [&](const auto* group) { return group->name() == name; })) {
      throw std::runtime_error("no generator group of that name: " + name);
    }
  }
  std::int64_t sum = 0;
  for (const GeneratorGroup* group : GeneratorGroup::all()) {
    if (!names.empty() && std::ranges::find(names, group->name()) == names.end()) continue;
    for (const Generator& generator : group->generators()) {
      generators_.push_back(&generator);
      weight_ends_.push_back(sum += generator.weight);
    }
  }
}

const Generator& Mix::choose(Source& source) const {
  const std::int64_t at = source.between(0, weight_ends_.back() - 1);
  return *generators_[static_cast<std::size_t>(std::ranges::upper_bound(weight_ends_, at) - weight_ends_.begin())];
}

}  // namespace stele::test
