// SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP, and the table of all bitmap commands. A bitmap is a string; what is written
// to by bits is raw from then on.

#include "engine/bitmap/bitmap_commands.h"

#include "engine/bitmap/bits.h"
#include "engine/commands.h"
#include "engine/string/string_commands.h"
#include "protocol/resp_integer.h"

namespace stele {

namespace bitmap_command {

using string_command::is_string_or_absent;
using string_command::StringView;

std::optional<std::uint64_t> offset_arg(Call& call, std::size_t i, unsigned field_bits) {
  std::string_view text = call.arg(i);
  const bool by_field = field_bits > 0 && text.starts_with('#');
  if (by_field) text.remove_prefix(1);
  std::optional<std::int64_t> offset = parse_integer(text);
  if (offset && by_field && __builtin_mul_overflow(*offset, static_cast<std::int64_t>(field_bits), &*offset))
    offset.reset();
  // What the journal says was checked when it was executed, perhaps under a higher limit.
  const std::size_t bytes_max =
      call.keyspace().expiry() == Expiry::off ? Keyspace::kStringBytesLimit - 8 : call.keyspace().string_bytes_max();
  if (!offset || *offset < 0 || static_cast<std::uint64_t>(*offset) / 8 >= bytes_max) {
    call.fail("ERR bit offset is not an integer or out of range");
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*offset);
}

/// SETBIT key offset value: replies with the old bit. Effect: verbatim; none if nothing changed.
void setbit(Call& call) {
  const auto offset = offset_arg(call, 2);
  if (!offset) return;
  const auto bit = parse_integer(call.arg(3));
  if (!bit || (*bit != 0 && *bit != 1)) return call.fail("ERR bit is not an integer or out of range");
  Keyspace& keyspace = call.keyspace();
  Item item = keyspace.find(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;

  const std::size_t needed = *offset / 8 + 1;
  const bool on = *bit != 0;
  if (!item) {
    Entry* entry = Entry::make_raw(call.arg(1), needed, std::nullopt);
    std::memset(entry->inline_data(), 0, needed);
    bits::store_field({entry->inline_data(), needed}, *offset, 1, on ? 1 : 0);
    keyspace.create(item, entry);
    call.reply().integer(0);
  } else {
    const StringView value(item);
    const std::size_t bytes = value.text().size();
    const bool old = bits::test(value.text(), *offset);
    call.reply().integer(old ? 1 : 0);
    if (old == on && needed <= bytes) {
      // As Redis: not a change, but the encoding is one that can be written to.
      return item.slot.set_entry(Entry::resize_raw(item.entry, bytes));
    }
    keyspace.begin_change(item);
    Entry* entry = Entry::resize_raw(item.entry, std::max(bytes, needed));
    bits::store_field({entry->inline_data(), std::max(bytes, needed)}, *offset, 1, on ? 1 : 0);
    keyspace.end_change(item, entry);
  }
  call.emit_verbatim();
  call.notify(key_event::kString, "setbit", call.arg(1));
}

/// GETBIT key offset
void getbit(Call& call) {
  const auto offset = offset_arg(call, 2);
  if (!offset) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;
  call.reply().integer(bits::test(StringView(item).text(), *offset) ? 1 : 0);
}

namespace {

/// "start end", as clients give it: inclusive, negative from the end, in bytes or bits.
struct Range {
  std::int64_t start = 0;
  std::int64_t last = -1;
  bool in_bits = false;
  bool has_last = false;

  /// As bits [begin, end) of a string of `bytes`; what lies outside is cut off. begin >= end: empty.
  std::pair<std::uint64_t, std::uint64_t> of(std::size_t bytes) const {
    const auto units = static_cast<std::int64_t>(bytes) * (in_bits ? 8 : 1);
    const std::int64_t begin = std::max<std::int64_t>(0, start < 0 ? start + units : start);
    // -1 without an end: everything; and Redis cuts an end before the start of the string off to position 0.
    std::int64_t end = std::max<std::int64_t>(0, last < 0 ? last + units : last);
    end = std::min(end, units - 1);
    if (begin > end) return {0, 0};
    const std::int64_t scale = in_bits ? 1 : 8;
    return {static_cast<std::uint64_t>(begin * scale), static_cast<std::uint64_t>((end + 1) * scale)};
  }
};

/// BYTE or BIT at argument `i`.
bool parse_unit(Call& call, std::size_t i, Range& range) {
  range.in_bits = call.arg_is(i, "BIT");
  if (range.in_bits || call.arg_is(i, "BYTE")) return true;
  call.syntax_error();
  return false;
}

}  // namespace

/// BITCOUNT key [start end [BYTE | BIT]]
void bitcount(Call& call) {
  Range range;
  if (call.argc() == 4 || call.argc() == 5) {
    if (!call.integer_arg(2, range.start) || !call.integer_arg(3, range.last)) return;
    if (call.argc() == 5 && !parse_unit(call, 4, range)) return;
  } else if (call.argc() != 2) {
    return call.syntax_error();
  }
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;

  const StringView value(item);
  // Two positions before the start would meet at 0; out of order they are still an empty range.
  const bool empty = range.start < 0 && range.last < 0 && range.start > range.last;
  const auto [begin, end] = range.of(value.text().size());
  call.reply().integer(empty ? 0 : static_cast<std::int64_t>(bits::count(value.text(), begin, end)));
}

/// BITPOS key bit [start [end [BYTE | BIT]]]: of a 0 that is nowhere, the position behind the end, unless an end was
/// given.
void bitpos(Call& call) {
  std::int64_t bit = 0;
  if (!call.integer_arg(2, bit)) return;
  if (bit != 0 && bit != 1) return call.fail("ERR The bit argument must be 1 or 0.");
  Range range;
  if (call.argc() > 6) return call.syntax_error();
  if (call.argc() > 3 && !call.integer_arg(3, range.start)) return;
  if (call.argc() == 6 && !parse_unit(call, 5, range)) return;
  range.has_last = call.argc() > 4;
  if (range.has_last && !call.integer_arg(4, range.last)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;
  // An absent key is zeros without end.
  if (!item) return call.reply().integer(bit == 1 ? -1 : 0);

  const StringView value(item);
  const auto [begin, end] = range.of(value.text().size());
  if (begin >= end) return call.reply().integer(-1);
  if (const auto found = bits::find(value.text(), bit == 1, begin, end)) {
    return call.reply().integer(static_cast<std::int64_t>(*found));
  }
  call.reply().integer(bit == 1 || range.has_last ? -1 : static_cast<std::int64_t>(end));
}

/// BITOP (AND | OR | XOR | NOT) destination key [key ...]: replies with the bytes of the result; an empty one is no
/// key. Effect: verbatim; none if there was and is nothing.
void bitop(Call& call) {
  const bool is_not = call.arg_is(1, "NOT");
  bits::Combine op = bits::Combine::bit_and;
  if (call.arg_is(1, "OR")) {
    op = bits::Combine::bit_or;
  } else if (call.arg_is(1, "XOR")) {
    op = bits::Combine::bit_xor;
  } else if (!is_not && !call.arg_is(1, "AND")) {
    return call.syntax_error();
  }
  if (is_not && call.argc() != 4) return call.fail("ERR BITOP NOT must be called with a single source key.");

  // Looking up one key may move another (it may be loaded, or have expired), so first each alone, then all for their
  // bytes.
  Keyspace& keyspace = call.keyspace();
  std::size_t bytes = 0;
  for (const std::string_view key : call.args().subspan(3)) {
    const Item item = keyspace.read(call.db(), key);
    if (!is_string_or_absent(call, item)) return;
    bytes = std::max(bytes, StringView(item).text().size());
  }
  if (bytes == 0) {
    Item old = keyspace.find(call.db(), call.arg(2));
    if (old) {
      keyspace.erase(old);
      call.emit_verbatim();
      call.notify(key_event::kGeneric, "del", call.arg(2));
    }
    return call.reply().integer(0);
  }

  Entry* entry = Entry::make_raw(call.arg(2), bytes, std::nullopt);
  const std::span<char> result(entry->inline_data(), bytes);
  for (std::size_t i = 3; i < call.argc(); ++i) {
    const Item item = keyspace.find(call.db(), call.arg(i));
    const StringView value(item);
    if (i > 3) {
      bits::combine(op, result, value.text());
      continue;
    }
    const std::string_view text = value.text();
    std::fill(std::copy(text.begin(), text.end(), result.begin()), result.end(), '\0');
    if (is_not) bits::invert(result);
  }
  Item item = keyspace.find(call.db(), call.arg(2));
  keyspace.replace(item, entry, keyspace.lazy_free().server_del);
  call.emit_verbatim();
  call.notify(key_event::kString, "set", call.arg(2));
  call.reply().integer(static_cast<std::int64_t>(bytes));
}

}  // namespace bitmap_command

namespace {

using namespace command_flag;

constexpr Flags kBitmap = category::kBitmap;
constexpr Flags kReading = key_flag::kRO | key_flag::kAccess;
constexpr Flags kUpdating = key_flag::kRW | key_flag::kAccess | key_flag::kUpdate;

constexpr Command kBitmapCommands[] = {
    {.name = "bitcount",
     .arity = -2,
     .flags = kReadonly,
     .categories = kBitmap,
     .keys = {KeySpec::one(1, kReading)},
     .run = bitmap_command::bitcount,
     .group = "bitmap",
     .since = "2.6.0",
     .summary = "Counts the set bits of a string.",
     .complexity = "O(N) in the bytes",
     .syntax = "key index=[start:integer end:integer index_unit=[BYTE|BIT]]"},
    {.name = "bitfield",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .categories = kBitmap,
     .keys = {KeySpec::one(1, kUpdating | key_flag::kVariableFlags)},
     .run = bitmap_command::bitfield,
     .group = "bitmap",
     .since = "3.2.0",
     .summary = "Reads and changes integers of any width inside a string.",
     .complexity = "O(1) for each integer",
     .syntax = "key operation=[GET (encoding offset:integer)|write=([OVERFLOW (WRAP|SAT|FAIL)] write_operation=(SET "
               "(encoding offset:integer value:integer)|INCRBY (encoding offset:integer increment:integer)))]..."},
    {.name = "bitfield_ro",
     .arity = -2,
     .flags = kReadonly | kFast,
     .categories = kBitmap,
     .keys = {KeySpec::one(1, kReading)},
     .run = bitmap_command::bitfield_ro,
     .group = "bitmap",
     .since = "6.0.0",
     .summary = "Reads integers of any width inside a string.",
     .complexity = "O(1) for each integer",
     .syntax = "key [GET (encoding offset:integer)]+..."},
    {.name = "bitop",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .categories = kBitmap,
     .keys = {KeySpec::one(2, key_flag::kOW | key_flag::kUpdate), KeySpec::range(3, -1, 1, kReading)},
     .run = bitmap_command::bitop,
     .group = "bitmap",
     .since = "2.6.0",
     .summary = "Combines strings bit by bit.",
     .complexity = "O(N) in the bytes",
     .syntax = "operation destkey:key key..."},
    {.name = "bitpos",
     .arity = -3,
     .flags = kReadonly,
     .categories = kBitmap,
     .keys = {KeySpec::one(1, kReading)},
     .run = bitmap_command::bitpos,
     .group = "bitmap",
     .since = "2.8.7",
     .summary = "Finds the first set or clear bit of a string.",
     .complexity = "O(N) in the bytes",
     .syntax = "key bit:integer index=[start:integer end_index=[end:integer index_unit=[BYTE|BIT]]]"},
    {.name = "getbit",
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kBitmap,
     .keys = {KeySpec::one(1, kReading)},
     .run = bitmap_command::getbit,
     .group = "bitmap",
     .since = "2.2.0",
     .summary = "Returns a bit of a string.",
     .complexity = "O(1)",
     .syntax = "key offset:integer"},
    {.name = "setbit",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kBitmap,
     .keys = {KeySpec::one(1, kUpdating)},
     .run = bitmap_command::setbit,
     .group = "bitmap",
     .since = "2.2.0",
     .summary = "Sets or clears a bit of a string, extending it as needed.",
     .complexity = "O(1)",
     .syntax = "key offset:integer value:integer"},
};

}  // namespace

std::span<const Command> bitmap_commands() { return kBitmapCommands; }

}  // namespace stele
