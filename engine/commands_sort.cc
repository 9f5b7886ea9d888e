// SORT and SORT_RO: the elements of a list, set or sorted set in order, or something that is looked up for each.

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <string>
#include <tuple>

#include "engine/call.h"
#include "engine/commands.h"
#include "engine/hash/hash_value.h"
#include "engine/list/list_commands.h"
#include "engine/permissions.h"
#include "engine/set/set_value.h"
#include "engine/string/string_commands.h"
#include "engine/zset/zset_value.h"

namespace stele {

namespace {

struct SortOptions {
  bool descending = false;
  bool alpha = false;
  bool unsorted = false;  // BY something without a place for the element
  std::int64_t limit_first = 0;
  std::int64_t limit_count = -1;
  std::optional<std::string_view> by;
  std::vector<std::string_view> get;
  std::optional<std::string_view> store;
};

/// Elements decide which keys BY and GET lead to, so only who may read all of them may use these.
bool may_look_up(Call& call, std::string_view option) {
  const Permissions* permissions = call.session().permissions;
  if (permissions == nullptr || permissions->reads_every_key(call.command(), call.args())) return true;
  call.fail(fmt::format("ERR {} option of SORT denied due to insufficient ACL permissions.", option));
  return false;
}

bool parse_sort_options(Call& call, bool may_store, SortOptions& options) {
  for (std::size_t i = 2; i < call.argc(); ++i) {
    const std::size_t left = call.argc() - i - 1;
    if (call.arg_is(i, "ASC")) {
      options.descending = false;
    } else if (call.arg_is(i, "DESC")) {
      options.descending = true;
    } else if (call.arg_is(i, "ALPHA")) {
      options.alpha = true;
    } else if (call.arg_is(i, "LIMIT") && left >= 2) {
      if (!call.integer_arg(i + 1, options.limit_first) || !call.integer_arg(i + 2, options.limit_count)) return false;
      i += 2;
    } else if (may_store && call.arg_is(i, "STORE") && left >= 1) {
      options.store = call.arg(++i);
    } else if (call.arg_is(i, "BY") && left >= 1) {
      options.by = call.arg(++i);
      options.unsorted = options.by->find('*') == std::string_view::npos;
      if (!options.unsorted && !may_look_up(call, "BY")) return false;
    } else if (call.arg_is(i, "GET") && left >= 1) {
      if (!may_look_up(call, "GET")) return false;
      options.get.push_back(call.arg(++i));
    } else {
      call.syntax_error();
      return false;
    }
  }
  return true;
}

/// A pattern of BY or GET: a key with a place for the element, perhaps a field of the hash there; or the element itself.
class Pattern {
 public:
  explicit Pattern(std::string_view text) : is_element_(text == "#") {
    const std::size_t star = text.find('*');
    has_place_ = star != std::string_view::npos;
    if (!has_place_) return;
    before_ = text.substr(0, star);
    behind_ = text.substr(star + 1);
    const std::size_t arrow = behind_.find("->");
    if (arrow == std::string_view::npos || arrow + 2 == behind_.size()) return;
    field_ = behind_.substr(arrow + 2);
    behind_ = behind_.substr(0, arrow);
  }

  /// Shows what the pattern leads to for `element` to `visit(const PackedValue*)`, null if that is nothing.
  template <typename Visit>
  void look_up(Call& call, std::string_view element, Visit&& visit) {
    if (is_element_) {
      const PackedValue value = packed(element);
      return visit(&value);
    }
    if (!has_place_) return visit(nullptr);
    key_.assign(before_).append(element).append(behind_);
    const Item item = call.keyspace().read(call.db(), key_);
    if (!item) return visit(nullptr);
    if (field_) {
      if (item.entry->type() != ObjectType::hash) return visit(nullptr);
      const auto value = HashBody(*item.entry).find(*field_);
      return visit(value ? &*value : nullptr);
    }
    if (item.entry->type() != ObjectType::string) return visit(nullptr);
    char digits[24];
    const PackedValue value = packed(item.entry->string_value(digits));
    visit(&value);
  }

 private:
  bool is_element_;
  bool has_place_ = false;
  std::string_view before_, behind_;
  std::optional<std::string_view> field_;
  std::string key_;
};

/// The elements, and what each is sorted by. Texts lie in one string, each with a zero behind it, which strcoll() wants.
class SortVector {
 public:
  struct Row {
    std::size_t at, bytes;  // the element
    std::size_t by_at = 0, by_bytes = 0;
    double score = 0;
    bool has_by = false;
  };

  void add(const PackedValue& value) {
    char digits[24];
    const auto [at, bytes] = keep(value.text(digits));
    rows_.push_back({.at = at, .bytes = bytes});
  }
  void set_by(Row& row, const PackedValue& value) {
    char digits[24];
    std::tie(row.by_at, row.by_bytes) = keep(value.text(digits));
    row.has_by = true;
  }

  std::vector<Row>& rows() { return rows_; }
  std::string_view element(const Row& row) const { return {texts_.data() + row.at, row.bytes}; }
  std::string_view by(const Row& row) const { return {texts_.data() + row.by_at, row.by_bytes}; }

 private:
  std::pair<std::size_t, std::size_t> keep(std::string_view text) {
    const std::size_t at = texts_.size();
    texts_.append(text).push_back('\0');
    return {at, text.size()};
  }

  std::vector<Row> rows_;
  std::string texts_;
};

/// [first, last), and how many elements there are.
struct SortRange {
  std::size_t first = 0, last = 0, size = 0;
  bool is_all() const { return first == 0 && last == size; }
};

SortRange range_of(const SortOptions& options, std::size_t size) {
  const auto elements = static_cast<std::int64_t>(size);
  const std::int64_t first = std::clamp<std::int64_t>(options.limit_first, 0, elements);
  const std::int64_t count = std::clamp<std::int64_t>(options.limit_count, -1, elements);
  const std::int64_t last = count < 0 ? elements : std::min(first + count, elements);
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(last), size};
}

std::size_t size_of(const Item& item) {
  if (!item) return 0;
  if (item.entry->type() == ObjectType::list) return ListView(*item.entry).size();
  if (item.entry->type() == ObjectType::set) return SetBody(*item.entry).size();
  return SortedSet(*item.entry).size();
}

/// Fills `vector`. Where the native order is asked for, only with `range`, which becomes all of it.
void load(const Entry& entry, const SortOptions& options, SortRange& range, SortVector& vector) {
  const bool in_native_order = options.unsorted;
  const auto only_range = [&range] { range = {.first = 0, .last = range.last - range.first, .size = range.last - range.first}; };
  if (entry.type() == ObjectType::list) {
    const ListView list(entry);
    const auto add = [&vector](const PackedValue& value) {
      vector.add(value);
      return true;
    };
    if (!in_native_order) {
      list.visit(0, list.size(), ListEnd::tail, add);
      return;
    }
    const std::size_t count = range.last - range.first;
    if (count > 0 && options.descending) list.visit(list.size() - 1 - range.first, count, ListEnd::head, add);
    if (count > 0 && !options.descending) list.visit(range.first, count, ListEnd::tail, add);
    return only_range();
  }
  if (entry.type() == ObjectType::set) {
    SetWalk walk((SetBody(entry)));
    for (PackedValue member; walk.next(member);) vector.add(member);
    return;
  }
  const SortedSet zset(entry);
  const auto add = [&vector](std::string_view text, double) { vector.add(packed(text)); };
  if (!in_native_order) return zset.for_each(add);
  const bool backwards = options.descending;
  zset.for_each(backwards ? RankRange{range.size - range.last, range.size - range.first} : RankRange{range.first, range.last},
                backwards, add);
  only_range();
}

/// False if one of the elements, or what stands for it, is no number.
bool find_what_to_sort_by(Call& call, const SortOptions& options, SortVector& vector) {
  bool all_numbers = true;
  const auto number_of = [&all_numbers](std::string_view text) {  // with a zero behind it
    char* end = nullptr;
    errno = 0;
    const double number = std::strtod(text.data(), &end);
    if (*end != '\0' || errno == ERANGE || std::isnan(number)) all_numbers = false;
    return number;
  };
  if (!options.by) {
    if (options.alpha) return true;
    for (SortVector::Row& row : vector.rows()) row.score = number_of(vector.element(row));
    return all_numbers;
  }
  Pattern pattern(*options.by);
  std::string number;
  for (SortVector::Row& row : vector.rows()) {
    pattern.look_up(call, vector.element(row), [&](const PackedValue* value) {
      if (value == nullptr) return;
      if (options.alpha) return vector.set_by(row, *value);
      char digits[24];
      number.assign(value->text(digits));
      row.score = number_of(number);
    });
  }
  return all_numbers;
}

void sort(const SortOptions& options, bool is_set, SortVector& vector) {
  std::vector<SortVector::Row>& rows = vector.rows();
  const auto by_bytes = [&](const SortVector::Row& a, const SortVector::Row& b) {
    return vector.element(a).compare(vector.element(b));
  };
  // What is stored must be the same wherever the command runs again, whatever the locale and the order in a hash table.
  const auto collate = [&options](std::string_view a, std::string_view b) {
    return options.store ? a.compare(b) : std::strcoll(a.data(), b.data());
  };
  const auto compare = [&](const SortVector::Row& a, const SortVector::Row& b) {
    if (!options.alpha) {
      if (a.score != b.score) return a.score < b.score ? -1 : 1;
      return by_bytes(a, b);
    }
    if (!options.by) return collate(vector.element(a), vector.element(b));
    if (!a.has_by || !b.has_by) return static_cast<int>(a.has_by) - static_cast<int>(b.has_by);
    return collate(vector.by(a), vector.by(b));
  };
  if (options.store && is_set && options.by && options.alpha) {
    std::sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) { return by_bytes(a, b) < 0; });
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
    return options.descending ? compare(b, a) < 0 : compare(a, b) < 0;
  });
}

/// Shows the output to `visit(const PackedValue*)`, in order; null for what a GET did not find.
template <typename Visit>
void for_each_output(Call& call, const SortOptions& options, const SortRange& range, SortVector& vector, Visit&& visit) {
  std::vector<Pattern> patterns(options.get.begin(), options.get.end());
  for (std::size_t i = range.first; i < range.last; ++i) {
    const std::string_view element = vector.element(vector.rows()[i]);
    if (patterns.empty()) {
      const PackedValue value = packed(element);
      visit(&value);
    }
    for (Pattern& pattern : patterns) pattern.look_up(call, element, visit);
  }
}

void store(Call& call, const SortOptions& options, const SortRange& range, SortVector& vector) {
  Keyspace& keyspace = call.keyspace();
  const NodeLimit limit = NodeLimit::of(keyspace.limits().list_max_listpack_size);
  Quicklist list;
  for_each_output(call, options, range, vector, [&](const PackedValue* value) {
    char digits[24];
    list.push(ListEnd::tail, value == nullptr ? std::string_view() : value->text(digits), limit);
  });
  const std::size_t size = list.size();
  Item target = keyspace.find(call.db(), *options.store);
  const bool was_there = bool(target);
  const bool lazy = keyspace.lazy_free().server_del;
  if (size > 0) {
    keyspace.replace(target, make_list_entry(*options.store, std::move(list), limit), lazy);
    call.notify(key_event::kList, "sortstore", *options.store);
  } else if (was_there) {
    keyspace.erase(target, lazy);
    call.notify(key_event::kGeneric, "del", *options.store);
  }
  if (size > 0 || was_there) call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(size));
}

void sort_elements(Call& call, bool may_store) {
  SortOptions options;
  if (!parse_sort_options(call, may_store, options)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  const ObjectType type = item ? item.entry->type() : ObjectType::list;
  if (type != ObjectType::list && type != ObjectType::set && type != ObjectType::zset) return call.wrong_type();
  if (options.unsorted && type == ObjectType::set && (options.store || call.session().may_not_block)) {
    // A set has no order of its own that a replica or another run of a script would find as well.
    options.unsorted = false;
    options.alpha = true;
    options.by.reset();
  }

  SortRange range = range_of(options, size_of(item));
  SortVector vector;
  if (item) load(*item.entry, options, range, vector);
  // From here on keys are looked up, and the item may be worth nothing any more.
  if (!options.unsorted) {
    if (!find_what_to_sort_by(call, options, vector)) {
      return call.fail("ERR One or more scores can't be converted into double");
    }
    sort(options, type == ObjectType::set, vector);
  }
  if (options.store) return store(call, options, range, vector);
  RespWriter& reply = call.reply();
  reply.array((range.last - range.first) * std::max<std::size_t>(options.get.size(), 1));
  for_each_output(call, options, range, vector, [&reply](const PackedValue* value) {
    value == nullptr ? reply.null() : list_command::reply_with_element(reply, *value);
  });
}

/// SORT key [BY pattern] [LIMIT first count] [GET pattern ...] [ASC | DESC] [ALPHA] [STORE target]. Effect with STORE: verbatim.
void sort(Call& call) { sort_elements(call, true); }
void sort_ro(Call& call) { sort_elements(call, false); }

using namespace command_flag;

constexpr Flags kSortCategories = category::kSet | category::kSortedSet | category::kList | category::kDangerous;
constexpr KeySpec kSource = KeySpec::one(1, key_flag::kRO | key_flag::kAccess);
constexpr KeySpec kLookedUp = {
    .flags = key_flag::kRO | key_flag::kAccess, .begin = KeySpec::Begin::unknown, .find = KeySpec::Find::unknown};
constexpr KeySpec kTarget = {
    .flags = key_flag::kOW | key_flag::kUpdate, .begin = KeySpec::Begin::unknown, .find = KeySpec::Find::unknown};

constexpr Command kCommands[] = {
    {.name = "sort", .arity = -2, .flags = kWrite | kDenyOom, .categories = kSortCategories,
     .keys = {kSource, kLookedUp, kTarget}, .run = sort, .group = "generic", .since = "1.0.0",
     .summary = "Returns or stores the elements of a list, set or sorted set in order.",
     .complexity = "O(N+M*log(M)) in the elements and those returned",
     .syntax = "key [BY pattern:pattern@1] [LIMIT (offset:integer count:integer)] [GET pattern:pattern@1]+... order=[ASC|"
               "DESC] [sorting=ALPHA] [STORE destination:key@2]"},
    {.name = "sort_ro", .arity = -2, .flags = kReadonly, .categories = kSortCategories, .keys = {kSource, kLookedUp},
     .run = sort_ro, .group = "generic", .since = "7.0.0",
     .summary = "Returns the elements of a list, set or sorted set in order.",
     .complexity = "O(N+M*log(M)) in the elements and those returned",
     .syntax = "key [BY pattern:pattern@1] [LIMIT (offset:integer count:integer)] [GET pattern:pattern@1]+... order=[ASC|"
               "DESC] [sorting=ALPHA]"},
};

}  // namespace

std::span<const Command> sort_commands() { return kCommands; }

}  // namespace stele
