#include "engine/call.h"
#include "engine/commands.h"
#include "engine/type_ops.h"

namespace stele {

// A value gets another name or another database: itself, or a copy of it.
//
// An Item holds only until the next key comes or goes, so the two keys are looked up in turn: both to decide, then each
// again right before it changes. The old key is erased (a tombstone stays if the store has it), the new one created.

namespace {

/// The value of `from`, which is live, becomes that of `to_key`, which is not.
void move_entry(Keyspace& keyspace, Database& from_db, std::string_view from_key, Database& to_db, std::string_view to_key) {
  Item from = keyspace.find(from_db, from_key);
  Entry* entry = Entry::with_key(keyspace.take(from), to_key);
  const std::uint32_t access = entry->access();  // create() would start it anew
  Item to = keyspace.find(to_db, to_key);
  keyspace.create(to, entry);
  entry->set_access(access);
}

/// RENAME key newkey, RENAMENX key newkey
///
/// Effect  verbatim, unless both names are the same.
/// The expiry comes along; what `newkey` held is gone, its expiry too.
void rename(Call& call, bool only_if_absent) {
  Keyspace& keyspace = call.keyspace();
  const std::string_view from = call.arg(1), to = call.arg(2);
  if (!keyspace.find(call.db(), from)) return call.no_such_key();
  if (from == to) return only_if_absent ? call.reply().integer(0) : call.reply().ok();

  if (Item target = keyspace.find(call.db(), to)) {
    if (only_if_absent) return call.reply().integer(0);
    keyspace.erase(target, keyspace.lazy_free().server_del);
  }
  move_entry(keyspace, call.db(), from, call.db(), to);
  call.notify(key_event::kGeneric, "rename_from", from);
  call.notify(key_event::kGeneric, "rename_to", to);
  call.emit_verbatim();
  only_if_absent ? call.reply().integer(1) : call.reply().ok();
}

void rename_always(Call& call) { rename(call, false); }
void renamenx(Call& call) { rename(call, true); }

/// MOVE key db
///
/// Effect  verbatim, if the key was moved.
void move(Call& call) {
  Keyspace& keyspace = call.keyspace();
  const std::string_view key = call.arg(1);
  int to = 0;
  if (!call.database_arg(2, to)) return;
  if (to == call.session().db) return call.fail("ERR source and destination objects are the same");

  if (!keyspace.find(call.db(), key) || keyspace.find(keyspace.db(to), key)) return call.reply().integer(0);
  move_entry(keyspace, call.db(), key, keyspace.db(to), key);
  call.notify(key_event::kGeneric, "move_from", key);
  keyspace.notify(key_event::kGeneric, "move_to", to, key);
  call.emit_verbatim();
  call.reply().integer(1);
}

/// COPY source destination [DB destination-db] [REPLACE]
///
/// Effect  verbatim, if a copy was made.
void copy(Call& call) {
  Keyspace& keyspace = call.keyspace();
  const std::string_view from = call.arg(1), to = call.arg(2);
  int to_db = call.session().db;
  bool replace = false;
  for (std::size_t i = 3; i < call.argc(); ++i) {
    if (call.arg_is(i, "replace")) {
      replace = true;
    } else if (call.arg_is(i, "db") && i + 1 < call.argc()) {
      if (!call.database_arg(++i, to_db)) return;
    } else {
      return call.syntax_error();
    }
  }
  if (to_db == call.session().db && from == to) return call.fail("ERR source and destination objects are the same");

  if (!keyspace.read(call.db(), from)) return call.reply().integer(0);
  Database& target_db = keyspace.db(to_db);
  if (Item target = keyspace.find(target_db, to)) {
    if (!replace) return call.reply().integer(0);
    keyspace.erase(target, keyspace.lazy_free().server_del);
  }
  const Entry& source = *keyspace.find(call.db(), from).entry;
  Entry* entry = type_ops(source.type()).copy(source, to);
  Item target = keyspace.find(target_db, to);
  keyspace.create(target, entry);
  keyspace.notify(key_event::kGeneric, "copy_to", to_db, to);
  call.emit_verbatim();
  call.reply().integer(1);
}

using namespace command_flag;
using namespace key_flag;

constexpr Command kCommands[] = {
    {.name = "rename", .arity = 3, .flags = kWrite, .categories = category::kKeyspace,
     .keys = {KeySpec::one(1, kRW | kAccess | kDelete), KeySpec::one(2, kOW | key_flag::kUpdate)}, .run = rename_always,
     .group = "generic", .since = "1.0.0", .summary = "Gives a key another name, replacing what had it.",
     .complexity = "O(1), and O(M) to free a replaced value of M elements", .syntax = "key newkey:key"},
    {.name = "renamenx", .arity = 3, .flags = kWrite | kFast, .categories = category::kKeyspace,
     .keys = {KeySpec::one(1, kRW | kAccess | kDelete), KeySpec::one(2, kOW | kInsert)}, .run = renamenx,
     .group = "generic", .since = "1.0.0", .summary = "Gives a key another name if no key has it.",
     .complexity = "O(1)", .syntax = "key newkey:key"},
    {.name = "copy", .arity = -3, .flags = kWrite | kDenyOom, .categories = category::kKeyspace,
     .keys = {KeySpec::one(1, kRO | kAccess), KeySpec::one(2, kOW | key_flag::kUpdate)}, .run = copy,
     .group = "generic", .since = "6.2.0", .summary = "Copies a value, with its expiry, to another key.",
     .complexity = "O(N) for a value of N elements",
     .syntax = "source:key destination:key [DB destination-db:integer] [REPLACE]"},
    {.name = "move", .arity = 3, .flags = kWrite | kFast, .categories = category::kKeyspace,
     .keys = {KeySpec::one(1, kRW | kAccess | key_flag::kUpdate)}, .run = move, .group = "generic", .since = "1.0.0",
     .summary = "Moves a key to another database.", .complexity = "O(1)", .syntax = "key db:integer"},
};

}  // namespace

std::span<const Command> move_commands() { return kCommands; }

}  // namespace stele
