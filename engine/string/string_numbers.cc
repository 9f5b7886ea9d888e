// INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT: strings as numbers.

#include <cmath>
#include <limits>

#include "engine/real.h"
#include "engine/string/string_commands.h"
#include "protocol/resp_integer.h"

namespace stele::string_command {

namespace {

constexpr std::string_view kNotAFloat = "ERR value is not a valid float";

/// Adds `increment`; the value is held as an integer from then on. Effect: verbatim.
void increase(Call& call, std::int64_t increment) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;
  std::int64_t value = 0;
  if (item && item.entry->encoding() == Encoding::integer) {
    value = item.entry->integer();
  } else if (item) {
    const auto parsed = parse_integer(item.entry->inline_value());
    if (!parsed) return call.not_an_integer();
    value = *parsed;
  }
  if (__builtin_add_overflow(value, increment, &value)) {
    return call.fail("ERR increment or decrement would overflow");
  }

  if (!item) {
    call.keyspace().create(item, Entry::make_integer(call.arg(1), value, std::nullopt));
  } else {
    call.keyspace().begin_change(item);
    call.keyspace().end_change(item, Entry::assign_integer(item.entry, value, item.entry->expire_at()));
  }
  call.notify(key_event::kString, "incrby", call.arg(1));
  call.emit_verbatim();
  call.reply().integer(value);
}

}  // namespace

void incr(Call& call) { increase(call, 1); }
void decr(Call& call) { increase(call, -1); }

void incrby(Call& call) {
  std::int64_t increment = 0;
  if (call.integer_arg(2, increment)) increase(call, increment);
}

void decrby(Call& call) {
  std::int64_t decrement = 0;
  if (!call.integer_arg(2, decrement)) return;
  if (decrement == std::numeric_limits<std::int64_t>::min()) return call.fail("ERR decrement would overflow");
  increase(call, -decrement);
}

/// INCRBYFLOAT key increment
///
/// Effect  SET key value KEEPTTL: another machine's floating point may round differently.
void incrbyfloat(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;
  const auto old_value = item ? parse_real(StringView(item).text()) : 0.0L;
  if (!old_value) return call.fail(kNotAFloat);
  const auto increment = parse_real(call.arg(2));
  if (!increment) return call.fail(kNotAFloat);
  const long double value = *old_value + *increment;
  if (!std::isfinite(value)) return call.fail("ERR increment would produce NaN or Infinity");

  char buffer[kRealTextMax];
  const std::string_view text = format_real(value, buffer);
  // Not set_string(): Redis keeps the text of a result as text, even where it looks like an integer.
  Entry* entry = nullptr;
  if (item) {
    call.keyspace().begin_change(item);
    entry = Entry::resize_raw(item.entry, text.size());
  } else {
    entry = Entry::make_raw(call.arg(1), text.size(), std::nullopt);
  }
  std::memcpy(entry->inline_data(), text.data(), text.size());
  entry->set_encoding(text.size() <= kEmbstrBytesMax ? Encoding::embstr : Encoding::raw);
  item ? call.keyspace().end_change(item, entry) : call.keyspace().create(item, entry);

  call.notify(key_event::kString, "incrbyfloat", call.arg(1));
  call.emit("SET", call.arg(1), text, "KEEPTTL");
  call.reply().bulk(text);
}

}  // namespace stele::string_command
