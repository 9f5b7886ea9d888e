// HKEYS, HVALS, HGETALL, HSCAN: many fields at once.

#include "engine/hash/hash_commands.h"
#include "engine/scan_reply.h"

namespace stele::hash_command {

namespace {

/// HKEYS and HVALS.
void reply_with_half(Call& call, bool values) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_hash_or_absent(call, item)) return;
  if (!item) return call.reply().array(0);
  const HashBody hash(*item.entry);
  call.reply().array(hash.size());
  HashWalk walk(hash);
  PackedValue field, value;
  while (walk.next(field, value)) reply_packed(call.reply(), values ? value : field);
}

}  // namespace

/// HKEYS key
void hkeys(Call& call) { reply_with_half(call, false); }

/// HVALS key
void hvals(Call& call) { reply_with_half(call, true); }

/// HGETALL key
void hgetall(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_hash_or_absent(call, item)) return;
  if (!item) return call.reply().map(0);
  const HashBody hash(*item.entry);
  call.reply().map(hash.size());
  HashWalk walk(hash);
  PackedValue field, value;
  while (walk.next(field, value)) {
    reply_packed(call.reply(), field);
    reply_packed(call.reply(), value);
  }
}

/// HSCAN key cursor [MATCH pattern] [COUNT count]
void hscan(Call& call) {
  std::uint64_t cursor = 0;
  if (!scan_cursor_arg(call, 2, cursor)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!item) return reply_empty_scan(call);
  if (!is_hash_or_absent(call, item)) return;
  ScanOptions options;
  if (!scan_options(call, 3, options)) return;

  const HashBody hash(*item.entry);
  if (hash.encoding() == Encoding::hashtable) {
    return reply_table_scan(call, hash.table(), cursor, options, [&](const HashField& field) {
      call.reply().bulk(field.text());
      call.reply().bulk(field.value());
      return std::size_t{2};
    });
  }
  reply_scan(call, 0, [&] {
    HashWalk walk(hash);
    PackedValue field, value;
    char scratch[24];
    std::size_t written = 0;
    while (walk.next(field, value)) {
      if (!options.accepts(field.text(scratch))) continue;
      reply_packed(call.reply(), field);
      reply_packed(call.reply(), value);
      written += 2;
    }
    return written;
  });
}

}  // namespace stele::hash_command
