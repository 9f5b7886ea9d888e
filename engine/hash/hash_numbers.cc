// HINCRBY, HINCRBYFLOAT: values as numbers.

#include <charconv>
#include <cmath>

#include "engine/hash/hash_commands.h"
#include "engine/real.h"
#include "protocol/resp_integer.h"

namespace stele::hash_command {

/// HINCRBY key field increment. Effect: verbatim.
void hincrby(Call& call) {
  std::int64_t increment = 0;
  if (!call.integer_arg(3, increment)) return;
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_hash_or_absent(call, item)) return;
  std::int64_t value = 0;
  if (const auto old = item ? HashBody(*item.entry).find(call.arg(2)) : std::nullopt) {
    const auto number = old->is_integer() ? old->integer : parse_integer({old->data, old->bytes});
    if (!number) return call.fail("ERR hash value is not an integer");
    value = *number;
  }
  if (__builtin_add_overflow(value, increment, &value)) {
    return call.fail("ERR increment or decrement would overflow");
  }

  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  set_field(call, item, call.arg(2), {digits, static_cast<std::size_t>(end - digits)});
  call.notify(key_event::kHash, "hincrby", call.arg(1));
  call.emit_verbatim();
  call.reply().integer(value);
}

/// HINCRBYFLOAT key field increment
///
/// Effect  HSET key field value: another machine's floating point may round differently.
void hincrbyfloat(Call& call) {
  const auto increment = parse_real(call.arg(3));
  if (!increment) return call.fail("ERR value is not a valid float");
  if (!std::isfinite(*increment)) return call.fail("ERR value is NaN or Infinity");
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_hash_or_absent(call, item)) return;
  long double value = 0;
  if (const auto old = item ? HashBody(*item.entry).find(call.arg(2)) : std::nullopt) {
    char scratch[24];
    const auto number = parse_real(old->text(scratch));
    if (!number) return call.fail("ERR hash value is not a float");
    value = *number;
  }
  value += *increment;
  if (!std::isfinite(value)) return call.fail("ERR increment would produce NaN or Infinity");

  char buffer[kRealTextMax];
  const std::string_view text = format_real(value, buffer);
  set_field(call, item, call.arg(2), text);
  call.notify(key_event::kHash, "hincrbyfloat", call.arg(1));
  call.emit("HSET", call.arg(1), call.arg(2), text);
  call.reply().bulk(text);
}

}  // namespace stele::hash_command
