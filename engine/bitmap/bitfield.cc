// BITFIELD, BITFIELD_RO: integers of 1 to 64 bits, anywhere in a string.

#include <vector>

#include "engine/bitmap/bitmap_commands.h"
#include "engine/bitmap/bits.h"
#include "engine/string/string_commands.h"
#include "protocol/resp_integer.h"

namespace stele::bitmap_command {

using string_command::is_string_or_absent;
using string_command::StringView;

namespace {

enum class Overflow : std::uint8_t { wrap, saturate, fail };
enum class Kind : std::uint8_t { get, set, incrby };

struct Operation {
  Kind kind;
  Overflow overflow;
  bool is_signed;
  unsigned width;
  std::uint64_t at;
  std::int64_t operand;
};

struct Sum {
  std::uint64_t value;
  bool overflowed;
};

std::uint64_t mask_of(unsigned width) { return width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1; }

std::int64_t sign_extended(std::uint64_t value, unsigned width) {
  const unsigned unused = 64 - width;
  return static_cast<std::int64_t>(value << unused) >> unused;
}

/// value + increment in `width` bits with a sign. A `value` from outside the range is one that is about to be set; the
/// distances to the limits are then modulo 2^64, as Redis has them.
Sum add_signed(std::int64_t value, std::int64_t increment, const Operation& op) {
  const auto max = static_cast<std::int64_t>((std::uint64_t{1} << (op.width - 1)) - 1);
  const std::int64_t min = -max - 1;
  const auto to_max = static_cast<std::int64_t>(static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(value));
  const auto to_min = static_cast<std::int64_t>(static_cast<std::uint64_t>(min) - static_cast<std::uint64_t>(value));
  const bool narrow = op.width < 64;
  const std::uint64_t sum = static_cast<std::uint64_t>(value) + static_cast<std::uint64_t>(increment);
  const bool over = value > max || ((narrow || (value >= 0 && increment > 0)) && increment > to_max);
  const bool under = !over && (value < min || ((narrow || (value < 0 && increment < 0)) && increment < to_min));
  if (!over && !under) return {sum, false};
  if (op.overflow == Overflow::saturate) return {static_cast<std::uint64_t>(over ? max : min), true};
  return {static_cast<std::uint64_t>(sign_extended(sum, op.width)), true};
}

Sum add_unsigned(std::uint64_t value, std::int64_t increment, const Operation& op) {
  const std::uint64_t max = mask_of(op.width);
  const std::uint64_t sum = value + static_cast<std::uint64_t>(increment);
  const bool over = value > max || (increment > 0 && static_cast<std::uint64_t>(increment) > max - value);
  const bool under = !over && increment < 0 && std::uint64_t{0} - static_cast<std::uint64_t>(increment) > value;
  if (!over && !under) return {sum, false};
  if (op.overflow == Overflow::saturate) return {over ? max : 0, true};
  return {sum & max, true};
}

/// "i16", "u8".
bool parse_type(Call& call, std::size_t i, Operation& op) {
  const std::string_view text = call.arg(i);
  op.is_signed = text.starts_with('i');
  if (op.is_signed || text.starts_with('u')) {
    const auto width = parse_integer(text.substr(1));
    if (width && *width >= 1 && *width <= (op.is_signed ? 64 : 63)) {
      op.width = static_cast<unsigned>(*width);
      return true;
    }
  }
  call.fail("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");
  return false;
}

/// False after an error reply.
bool parse(Call& call, std::vector<Operation>& operations) {
  Overflow overflow = Overflow::wrap;
  for (std::size_t i = 2; i < call.argc();) {
    const std::size_t left = call.argc() - i - 1;
    Operation op{};
    if (call.arg_is(i, "OVERFLOW") && left >= 1) {
      if (call.arg_is(i + 1, "WRAP")) {
        overflow = Overflow::wrap;
      } else if (call.arg_is(i + 1, "SAT")) {
        overflow = Overflow::saturate;
      } else if (call.arg_is(i + 1, "FAIL")) {
        overflow = Overflow::fail;
      } else {
        call.fail("ERR Invalid OVERFLOW type specified");
        return false;
      }
      i += 2;
      continue;
    }
    if (call.arg_is(i, "GET") && left >= 2) {
      op.kind = Kind::get;
    } else if (call.arg_is(i, "SET") && left >= 3) {
      op.kind = Kind::set;
    } else if (call.arg_is(i, "INCRBY") && left >= 3) {
      op.kind = Kind::incrby;
    } else {
      call.syntax_error();
      return false;
    }
    op.overflow = overflow;
    if (!parse_type(call, i + 1, op)) return false;
    const auto at = offset_arg(call, i + 2, op.width);
    if (!at) return false;
    op.at = *at;
    if (op.kind != Kind::get && !call.integer_arg(i + 3, op.operand)) return false;
    operations.push_back(op);
    i += op.kind == Kind::get ? 3 : 4;
  }
  return true;
}

void reply_with_field(Call& call, std::uint64_t field, const Operation& op) {
  call.reply().integer(op.is_signed ? sign_extended(field, op.width) : static_cast<std::int64_t>(field));
}

void read_fields(Call& call, const std::vector<Operation>& operations) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;
  const StringView value(item);
  call.reply().array(operations.size());
  for (const Operation& op : operations) reply_with_field(call, bits::load_field(value.text(), op.at, op.width), op);
}

/// Replies with the result of a SET or INCRBY and carries it out, unless it is to fail. Says whether it changed
/// anything.
enum class Written : std::uint8_t { nothing, same, another };
Written write_field(Call& call, std::span<char> bytes, const Operation& op) {
  const std::uint64_t old = bits::load_field({bytes.data(), bytes.size()}, op.at, op.width);
  const bool sets = op.kind == Kind::set;
  const std::int64_t increment = sets ? 0 : op.operand;
  const Sum result = op.is_signed ? add_signed(sets ? op.operand : sign_extended(old, op.width), increment, op)
                                  : add_unsigned(sets ? static_cast<std::uint64_t>(op.operand) : old, increment, op);
  if (result.overflowed && op.overflow == Overflow::fail) {
    call.reply().null();
    return Written::nothing;
  }
  const std::uint64_t field = result.value & mask_of(op.width);
  reply_with_field(call, sets ? old : field, op);
  bits::store_field(bytes, op.at, op.width, field);
  return field != old ? Written::another : Written::same;
}

}  // namespace

/// BITFIELD key [GET type offset | [OVERFLOW WRAP|SAT|FAIL] SET type offset value | INCRBY type offset increment] ...
///
/// Effect  verbatim; none if it only reads or nothing changes.
void bitfield(Call& call) {
  std::vector<Operation> operations;
  if (!parse(call, operations)) return;
  std::uint64_t end = 0;  // of the last bit that is written
  for (const Operation& op : operations) {
    if (op.kind != Kind::get) end = std::max(end, op.at + op.width);
  }
  if (end == 0) return read_fields(call, operations);

  const std::size_t needed = (end + 7) / 8;
  if (needed > Keyspace::kStringBytesLimit) return call.fail("ERR bit offset is not an integer or out of range");
  Keyspace& keyspace = call.keyspace();
  Item item = keyspace.find(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;

  // A string that is long enough may turn out not to change; then it must not count as changed.
  const std::size_t old_bytes = StringView(item).text().size();
  const std::size_t bytes = std::max(old_bytes, needed);
  const bool grows = !item || needed > old_bytes;
  call.reply().array(operations.size());
  const auto run = [&](std::span<char> value) {
    bool counts = false;
    for (const Operation& op : operations) {
      if (op.kind == Kind::get) {
        reply_with_field(call, bits::load_field({value.data(), value.size()}, op.at, op.width), op);
        continue;
      }
      const Written written = write_field(call, value, op);
      counts |= written == Written::another || (written == Written::same && grows);
    }
    return counts;
  };
  bool changed = false;
  if (!item) {
    Entry* entry = Entry::make_raw(call.arg(1), bytes, std::nullopt);
    std::memset(entry->inline_data(), 0, bytes);
    changed = run({entry->inline_data(), bytes});
    keyspace.create(item, entry);
  } else {
    // Dirty before the bytes change, as a checkpoint under way wants it; a mark too many does no harm.
    keyspace.begin_change(item);
    Entry* entry = Entry::resize_raw(item.entry, bytes);
    changed = run({entry->inline_data(), bytes});
    if (changed || grows) {
      keyspace.end_change(item, entry);
    } else {
      item.slot.set_entry(entry);
    }
  }
  // Zeros that were added stay, also where every write failed; that is no event.
  if (changed || grows) call.emit_verbatim();
  if (changed) call.notify(key_event::kString, "setbit", call.arg(1));
}

/// BITFIELD_RO key [GET type offset] ...
void bitfield_ro(Call& call) {
  std::vector<Operation> operations;
  if (!parse(call, operations)) return;
  for (const Operation& op : operations) {
    if (op.kind != Kind::get) return call.fail("ERR BITFIELD_RO only supports the GET subcommand");
  }
  read_fields(call, operations);
}

}  // namespace stele::bitmap_command
