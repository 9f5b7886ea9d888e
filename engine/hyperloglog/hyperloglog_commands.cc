// PFADD, PFCOUNT, PFMERGE, PFDEBUG, PFSELFTEST, and their table.

#include <cmath>

#include "engine/call.h"
#include "engine/commands.h"
#include "engine/hyperloglog/hyperloglog.h"
#include "engine/string/string_commands.h"

namespace stele {

namespace {

/// Replies with an error and returns false if `item` is there and no HyperLogLog.
bool is_hyperloglog_or_absent(Call& call, const Item& item) {
  if (!string_command::is_string_or_absent(call, item)) return false;
  if (!item || (item.entry->is_inline() && hll::has_header(item.entry->inline_value()))) return true;
  call.fail("WRONGTYPE Key is not a valid HyperLogLog string value.");
  return false;
}

/// As Redis: whatever looks into a value makes it one that can be written to. No change of the value, so nothing is dirty.
void make_raw(Item& item) {
  if (item.entry->encoding() == Encoding::raw) return;
  item.entry = Entry::resize_raw(item.entry, item.entry->inline_value().size());
  item.slot.set_entry(item.entry);
}

void malformed(Call& call) { call.fail("INVALIDOBJ Corrupted HLL object detected"); }

std::size_t sparse_bytes_max(Call& call) {
  return static_cast<std::size_t>(std::max<std::int64_t>(0, call.keyspace().limits().hll_sparse_max_bytes));
}

/// Puts `value` into `item`, which is live or absent; the string is raw from then on.
void store(Call& call, Item& item, std::string_view value) {
  if (!item) {
    Entry* entry = Entry::make_raw(item.key, value.size(), std::nullopt);
    std::memcpy(entry->inline_data(), value.data(), value.size());
    return call.keyspace().create(item, entry);
  }
  call.keyspace().begin_change(item);
  Entry* entry = Entry::resize_raw(item.entry, value.size());
  std::memcpy(entry->inline_data(), value.data(), value.size());
  call.keyspace().end_change(item, entry);
}

/// PFADD to a value that is dense: in place, since it cannot fail and is 12 KiB. Whether a register was raised.
bool add_to_dense(Call& call, Item& item) {
  bool changes = false;
  for (const std::string_view text : call.args().subspan(2)) {
    const hll::Element element = hll::element_of(text);
    changes |= hll::dense_register(item.entry->inline_value(), element.index) < element.rank;
    if (changes) break;
  }
  if (!changes) return false;
  call.keyspace().begin_change(item);
  Entry* entry = Entry::resize_raw(item.entry, hll::kDenseBytes);
  const std::span<char> value(entry->inline_data(), hll::kDenseBytes);
  for (const std::string_view text : call.args().subspan(2)) hll::raise_dense(value, hll::element_of(text));
  hll::mark_out_of_date(value);
  call.keyspace().end_change(item, entry);
  return true;
}

/// PFADD key [element ...]: 1 if the estimate may be another now. Effect: verbatim; none if nothing changed.
void pfadd(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_hyperloglog_or_absent(call, item)) return;
  if (item) make_raw(item);
  bool changed = !item;
  if (item && hll::is_dense(item.entry->inline_value())) {
    changed = add_to_dense(call, item);
  } else {
    std::string value = item ? std::string(item.entry->inline_value()) : hll::empty();
    for (const std::string_view text : call.args().subspan(2)) {
      const hll::Raised raised = hll::raise(value, hll::element_of(text), sparse_bytes_max(call));
      if (raised == hll::Raised::malformed) return malformed(call);
      changed |= raised == hll::Raised::yes;
    }
    if (changed) {
      hll::mark_out_of_date(value);
      store(call, item, value);
    }
  }
  if (changed) {
    call.emit_verbatim();
    call.notify(key_event::kString, "pfadd", call.arg(1));
  }
  call.reply().integer(changed ? 1 : 0);
}

/// The estimate of all keys' union; nothing is changed.
void count_union(Call& call) {
  hll::Registers registers{};
  for (const std::string_view key : call.args().subspan(1)) {
    const Item item = call.keyspace().read(call.db(), key);
    if (!is_hyperloglog_or_absent(call, item)) return;
    if (item && !hll::merge(registers, item.entry->inline_value())) return malformed(call);
  }
  call.reply().integer(static_cast<std::int64_t>(hll::estimate(registers)));
}

/// PFCOUNT key [key ...]
///
/// Effect  verbatim where the estimate that the value keeps was out of date and is renewed; else none.
void pfcount(Call& call) {
  if (call.argc() > 2) return count_union(call);
  Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_hyperloglog_or_absent(call, item)) return;
  if (!item) return call.reply().integer(0);
  make_raw(item);
  if (const auto cached = hll::cached_estimate(item.entry->inline_value())) {
    return call.reply().integer(static_cast<std::int64_t>(*cached));
  }
  const auto estimate = hll::estimate(item.entry->inline_value());
  if (!estimate) return malformed(call);
  // A replica's values are its primary's, to the byte: what its clients ask leaves nothing behind.
  if (call.keyspace().expiry() == Expiry::hidden) return call.reply().integer(static_cast<std::int64_t>(*estimate));
  call.keyspace().begin_change(item);
  Entry* entry = Entry::resize_raw(item.entry, item.entry->inline_value().size());
  hll::set_cached_estimate({entry->inline_data(), entry->inline_value().size()}, *estimate);
  call.keyspace().end_change(item, entry);
  call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(*estimate));
}

/// PFMERGE destination [source ...]: the destination is one of the sources. Effect: verbatim.
void pfmerge(Call& call) {
  hll::Registers registers{};
  bool dense = false;
  for (const std::string_view key : call.args().subspan(1)) {
    const Item item = call.keyspace().read(call.db(), key);
    if (!is_hyperloglog_or_absent(call, item)) return;
    if (!item) continue;
    const std::string_view value = item.entry->inline_value();
    dense |= hll::is_dense(value);
    if (!hll::merge(registers, value)) return malformed(call);
  }

  Item item = call.keyspace().find(call.db(), call.arg(1));
  std::string value = item ? std::string(item.entry->inline_value()) : hll::empty();
  if (dense && !hll::is_dense(value)) {
    std::optional<std::string> converted = hll::to_dense(value);
    if (!converted) return malformed(call);
    value = std::move(*converted);
  }
  for (std::size_t i = 0; i < hll::kRegisters; ++i) {
    if (registers[i] == 0) continue;
    const hll::Element element{static_cast<std::uint32_t>(i), registers[i]};
    if (hll::raise(value, element, sparse_bytes_max(call)) == hll::Raised::malformed) return malformed(call);
  }
  hll::mark_out_of_date(value);
  store(call, item, value);
  call.emit_verbatim();
  call.notify(key_event::kString, "pfadd", call.arg(1));
  call.reply().ok();
}

/// PFDEBUG GETREG | DECODE | ENCODING | TODENSE key
///
/// Effect  verbatim where the value becomes dense: TODENSE, and GETREG too.
void pfdebug(Call& call) {
  Item item = call.keyspace().read(call.db(), call.arg(2));
  if (!item) return call.fail("ERR The specified key does not exist");
  if (!is_hyperloglog_or_absent(call, item)) return;
  make_raw(item);
  const bool sparse = !hll::is_dense(item.entry->inline_value());
  const auto make_dense = [&] {
    if (!sparse) return true;
    const std::optional<std::string> dense = hll::to_dense(item.entry->inline_value());
    if (!dense) return false;
    store(call, item, *dense);
    call.emit_verbatim();
    return true;
  };
  if (call.arg_is(1, "GETREG")) {
    if (!make_dense()) return malformed(call);
    call.reply().array(hll::kRegisters);
    for (std::size_t i = 0; i < hll::kRegisters; ++i) {
      call.reply().integer(hll::dense_register(item.entry->inline_value(), i));
    }
  } else if (call.arg_is(1, "DECODE")) {
    if (!sparse) return call.fail("ERR HLL encoding is not sparse");
    call.reply().bulk(hll::runs_text(item.entry->inline_value()));
  } else if (call.arg_is(1, "ENCODING")) {
    call.reply().simple(sparse ? "sparse" : "dense");
  } else if (call.arg_is(1, "TODENSE")) {
    if (!make_dense()) return malformed(call);
    call.reply().integer(sparse ? 1 : 0);
  } else {
    call.fail(fmt::format("ERR Unknown PFDEBUG subcommand '{}'", call.arg(1)));
  }
}

/// PFSELFTEST: whether registers hold what is put into them, both representations say the same, and estimates are as
/// near as they should be: the standard error is 1.04 / sqrt(registers), and five times that does not happen.
void pfselftest(Call& call) {
  std::uint64_t random = 0x9E3779B97F4A7C15;
  const auto next = [&random] {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    return random * 0x2545F4914F6CDD1Dull;
  };
  std::string value = *hll::to_dense(hll::empty());
  hll::Registers expected{};
  for (std::size_t i = 0; i < 20 * hll::kRegisters; ++i) {
    const hll::Element element{static_cast<std::uint32_t>(next() % hll::kRegisters),
                               static_cast<std::uint8_t>(next() % hll::kRegisterMax + 1)};
    hll::raise_dense(value, element);
    expected[element.index] = std::max(expected[element.index], element.rank);
    if (hll::dense_register(value, element.index) != expected[element.index]) {
      return call.fail(fmt::format("ERR TESTFAILED Register {} should be {}", element.index, expected[element.index]));
    }
  }
  hll::Registers read{};
  if (!hll::merge(read, value) || read != expected)
    return call.fail("ERR TESTFAILED Registers differ when read together");

  std::string dense = *hll::to_dense(hll::empty());
  std::string sparse = hll::empty();
  std::uint64_t checkpoint = 1;
  const double tolerance = 5 * 1.04 / std::sqrt(static_cast<double>(hll::kRegisters));
  for (std::uint64_t count = 1; count <= 1'000'000; ++count) {
    const std::uint64_t text = next();
    const hll::Element element = hll::element_of({reinterpret_cast<const char*>(&text), sizeof text});
    hll::raise_dense(dense, element);
    if (hll::raise(sparse, element, sparse_bytes_max(call)) == hll::Raised::malformed) {
      return call.fail("ERR TESTFAILED A sparse value is malformed");
    }
    if (count != checkpoint) continue;
    checkpoint *= 10;
    const std::uint64_t estimate = *hll::estimate(dense);
    if (hll::estimate(sparse) != estimate) return call.fail("ERR TESTFAILED dense/sparse disagree");
    const double error = std::abs(static_cast<double>(estimate) - static_cast<double>(count));
    if (error > std::max(1.0, tolerance * static_cast<double>(count))) {
      return call.fail(fmt::format("ERR TESTFAILED Too big error. card:{} estimated:{}", count, estimate));
    }
  }
  call.reply().ok();
}

using namespace command_flag;

constexpr Flags kHyperLogLog = category::kHyperloglog;

constexpr Command kHyperLogLogCommands[] = {
    {.name = "pfadd",
     .arity = -2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHyperLogLog,
     .keys = {KeySpec::one(1, key_flag::kRW | key_flag::kInsert)},
     .run = pfadd,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Adds elements to an estimate of how many there are.",
     .complexity = "O(1) for each element",
     .syntax = "key [element]..."},
    {.name = "pfcount",
     .arity = -2,
     .flags = kReadonly | kMayReplicate,
     .categories = kHyperLogLog,
     .keys = {KeySpec::range(1, -1, 1, key_flag::kRW | key_flag::kAccess)},
     .run = pfcount,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Estimates how many different elements were added.",
     .complexity = "O(1), with a small constant, for one key; O(N) for the union of several",
     .syntax = "key..."},
    {.name = "pfdebug",
     .arity = 3,
     .flags = kWrite | kDenyOom | kAdmin,
     .categories = kHyperLogLog,
     .keys = {KeySpec::one(2, key_flag::kRW | key_flag::kAccess)},
     .run = pfdebug,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Shows how an estimate is held, for tests.",
     .complexity = "O(1)",
     .syntax = "subcommand key"},
    {.name = "pfmerge",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .categories = kHyperLogLog,
     .keys = {KeySpec::one(1, key_flag::kRW | key_flag::kAccess | key_flag::kInsert),
              KeySpec::range(2, -1, 1, key_flag::kRO | key_flag::kAccess)},
     .run = pfmerge,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Merges estimates into one.",
     .complexity = "O(N) in the number of keys",
     .syntax = "destkey:key sourcekey:key..."},
    {.name = "pfselftest",
     .arity = 1,
     .flags = kAdmin,
     .categories = kHyperLogLog,
     .run = pfselftest,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Tests the estimates, for tests.",
     .complexity = "O(1), about a second"},
};

}  // namespace

std::span<const Command> hyperloglog_commands() { return kHyperLogLogCommands; }

}  // namespace stele
