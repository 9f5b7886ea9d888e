// APPEND, STRLEN, GETRANGE, SETRANGE: parts of values. What is changed in part is raw from then on, with room to grow.

#include "engine/string/string_commands.h"

namespace stele::string_command {

namespace {

/// Replies with an error and returns false if a string of `bytes` and `more` behind them would be too long. What the
/// journal says was checked when it was executed, perhaps under a higher limit.
bool may_grow_to(Call& call, std::size_t bytes, std::size_t more) {
  const std::size_t max = call.keyspace().string_bytes_max();
  if ((bytes <= max && more <= max - bytes) || call.keyspace().expiry() == Expiry::off) return true;
  call.fail("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  return false;
}

}  // namespace

/// APPEND key value. Effect: verbatim.
void append(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;
  const std::string_view tail = call.arg(2);
  std::size_t bytes = tail.size();
  if (!item) {
    call.keyspace().create(item, Entry::make_string(call.arg(1), tail, std::nullopt));
  } else {
    const std::size_t old_bytes = StringView(item).text().size();
    if (!may_grow_to(call, old_bytes, tail.size())) return;
    bytes += old_bytes;
    call.keyspace().begin_change(item);
    Entry* entry = Entry::resize_raw(item.entry, bytes);
    if (!tail.empty()) std::memcpy(entry->inline_data() + old_bytes, tail.data(), tail.size());
    call.keyspace().end_change(item, entry);
  }
  call.notify(key_event::kString, "append", call.arg(1));
  call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(bytes));
}

/// STRLEN key
void strlen(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;
  call.reply().integer(static_cast<std::int64_t>(StringView(item).text().size()));
}

/// GETRANGE key first last: both inclusive, negative ones count from the end, and what lies outside is cut off.
void getrange(Call& call) {
  std::int64_t first = 0, last = 0;
  if (!call.integer_arg(2, first) || !call.integer_arg(3, last)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;

  const StringView value(item);
  const auto bytes = static_cast<std::int64_t>(value.text().size());
  // Two positions before the start meet at 0 below; out of order they are still an empty range.
  const bool empty = first < 0 && last < 0 && first > last;
  if (first < 0) first = std::max<std::int64_t>(first + bytes, 0);
  if (last < 0) last = std::max<std::int64_t>(last + bytes, 0);
  last = std::min(last, bytes - 1);
  if (empty || first > last) return call.reply().bulk("");
  call.reply().bulk(value.text().substr(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first + 1)));
}

/// SETRANGE key offset value: bytes between the old end and `offset` become zero. Effect: verbatim; none if `value` is
/// empty.
void setrange(Call& call) {
  std::int64_t offset = 0;
  if (!call.integer_arg(2, offset)) return;
  if (offset < 0) return call.fail("ERR offset is out of range");
  const std::string_view patch = call.arg(3);
  const auto begin = static_cast<std::size_t>(offset);

  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;
  const std::size_t old_bytes = StringView(item).text().size();
  if (patch.empty()) return call.reply().integer(static_cast<std::int64_t>(old_bytes));
  if (!may_grow_to(call, begin, patch.size())) return;

  const std::size_t bytes = std::max(old_bytes, begin + patch.size());
  if (!item) {
    Entry* entry = Entry::make_raw(call.arg(1), bytes, std::nullopt);
    std::memset(entry->inline_data(), 0, begin);
    std::memcpy(entry->inline_data() + begin, patch.data(), patch.size());
    call.keyspace().create(item, entry);
  } else {
    call.keyspace().begin_change(item);
    Entry* entry = Entry::resize_raw(item.entry, bytes);
    std::memcpy(entry->inline_data() + begin, patch.data(), patch.size());
    call.keyspace().end_change(item, entry);
  }
  call.notify(key_event::kString, "setrange", call.arg(1));
  call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(bytes));
}

}  // namespace stele::string_command
