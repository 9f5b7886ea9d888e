// MEMORY: what keys and the server take.

#include "engine/type_ops.h"
#include "protocol/command_tips.h"
#include "protocol/commands_debug.h"
#include "protocol/environment.h"
#include "protocol/help.h"
#include "protocol/memory_overhead.h"
#include "protocol/replication_role.h"
#include "protocol/resp_integer.h"

namespace stele {

namespace {

/// MEMORY USAGE key [SAMPLES count]: everything is counted, whatever the samples.
void usage(Call& call) {
  for (std::size_t i = 3; i < call.argc(); i += 2) {
    if (!call.arg_is(i, "SAMPLES") || i + 1 >= call.argc()) return call.syntax_error();
    std::int64_t samples = 0;
    if (!call.integer_arg(i + 1, samples)) return;
    if (samples < 0) return call.syntax_error();
  }
  const Item item = call.keyspace().find(call.db(), call.arg(2));
  if (!item) return call.reply().null();
  std::size_t bytes = item.entry->allocated_bytes() + sizeof(std::uint64_t);  // the slot
  if (item.entry->type() != ObjectType::string) bytes += type_ops(item.entry->type()).body_bytes(*item.entry);
  call.reply().integer(static_cast<std::int64_t>(bytes));
}

void add(RespWriter& reply, std::string_view name, std::size_t value) {
  reply.bulk(name);
  reply.integer(static_cast<std::int64_t>(value));
}

void add_ratio(RespWriter& reply, std::string_view name, double value) {
  reply.bulk(name);
  reply.real(value);
}

void add_excess(RespWriter& reply, std::string_view name, std::size_t more, std::size_t less) {
  reply.bulk(name);
  reply.integer(static_cast<std::int64_t>(more) - static_cast<std::int64_t>(less));
}

/// MEMORY STATS
void stats(Call& call) {
  Environment& environment = call.environment();
  environment.stats.memory.refresh();
  const MemoryFigures& now = environment.stats.memory.now();
  const MemoryOverhead overhead = memory_overhead(environment);
  const std::size_t peak = environment.stats.memory.peak();
  std::vector<const Database*> dbs;
  for (int i = 0; i < call.keyspace().databases(); ++i) {
    if (call.keyspace().db(i).size() > 0) dbs.push_back(&call.keyspace().db(i));
  }

  RespWriter& reply = call.reply();
  reply.map(27 + dbs.size());
  add(reply, "peak.allocated", peak);
  add(reply, "total.allocated", now.allocated);
  add(reply, "startup.allocated", overhead.startup);
  add(reply, "replication.backlog", call.environment().replication->traffic().tail_bytes);
  add(reply, "clients.slaves", 0);
  add(reply, "clients.normal", overhead.clients);
  add(reply, "cluster.links", 0);
  add(reply, "aof.buffer", overhead.journal_buffer);
  add(reply, "lua.caches", 0);
  add(reply, "functions.caches", 0);
  for (const Database* db : dbs) {
    reply.bulk(fmt::format("db.{}", db->index));
    reply.map(3);
    add(reply, "overhead.hashtable.main", db->table->overhead_bytes());
    add(reply, "overhead.hashtable.expires", db->expires.size() * sizeof(std::pair<std::int64_t, Hash48>));
    add(reply, "overhead.hashtable.slot-to-keys", 0);
  }
  add(reply, "overhead.total", overhead.total);
  add(reply, "keys.count", overhead.keys);
  const std::size_t since_start = now.allocated > overhead.startup ? now.allocated - overhead.startup : 0;
  add(reply, "keys.bytes-per-key", overhead.keys == 0 ? 0 : since_start / overhead.keys);
  add(reply, "dataset.bytes", overhead.dataset(now.allocated));
  add_ratio(reply, "dataset.percentage", overhead.dataset_percent(now.allocated));
  add_ratio(reply, "peak.percentage", ratio(now.allocated, peak) * 100);
  add(reply, "allocator.allocated", now.allocated);
  add(reply, "allocator.active", now.active);
  add(reply, "allocator.resident", now.resident);
  add_ratio(reply, "allocator-fragmentation.ratio", ratio(now.active, now.allocated));
  add_excess(reply, "allocator-fragmentation.bytes", now.active, now.allocated);
  add_ratio(reply, "allocator-rss.ratio", ratio(now.resident, now.active));
  add_excess(reply, "allocator-rss.bytes", now.resident, now.active);
  add_ratio(reply, "rss-overhead.ratio", ratio(now.rss, now.resident));
  add_excess(reply, "rss-overhead.bytes", now.rss, now.resident);
  add_ratio(reply, "fragmentation", ratio(now.rss, now.allocated));
  add_excess(reply, "fragmentation.bytes", now.rss, now.allocated);
}

/// MEMORY DOCTOR
void doctor(Call& call) {
  constexpr std::size_t kTooSmall = std::size_t{5} << 20;
  call.environment().stats.memory.refresh();
  const MemoryFigures& now = call.environment().stats.memory.now();
  const std::size_t peak = call.environment().stats.memory.peak();
  std::string report;
  if (now.allocated < kTooSmall) {
    report = "There is too little data for the figures to mean anything.\n";
  } else {
    if (ratio(peak, now.allocated) > 1.5) {
      report += fmt::format("The peak was {} bytes, {} are in use now: what was freed may stay with the allocator.\n", peak,
                            now.allocated);
    }
    if (ratio(now.active, now.allocated) > 1.1 && now.active - now.allocated > (std::size_t{10} << 20)) {
      report += fmt::format("{} bytes are lost to fragmentation. MEMORY PURGE may help.\n", now.active - now.allocated);
    }
    if (ratio(now.rss, now.resident) > 1.1 && now.rss - now.resident > (std::size_t{10} << 20)) {
      report += fmt::format("{} bytes of the process are not the allocator's.\n", now.rss - now.resident);
    }
    if (report.empty()) report = "Nothing is wrong with how memory is used.\n";
  }
  call.reply().verbatim(report);
}

/// MEMORY PURGE
void purge(Call& call) {
  purge_free_memory();
  call.reply().ok();
}

/// MEMORY MALLOC-STATS
void malloc_stats(Call& call) { call.reply().verbatim(allocator_report()); }

/// MEMORY HELP
void help(Call& call) {
  reply_with_help(call, "MEMORY",
                  {"DOCTOR", "    Say in words what is wrong with memory.", "MALLOC-STATS", "    The allocator's own report.",
                   "PURGE", "    Give free memory back to the kernel.", "STATS", "    Where memory goes.",
                   "USAGE <key> [SAMPLES <count>]", "    Bytes that a key and its value take."});
}

using namespace command_flag;

constexpr std::string_view kGroup = "server";

const Command kMemoryCommands[] = {
    {.name = "doctor", .arity = 2, .run = doctor, .group = kGroup, .since = "4.0.0",
     .summary = "Reports on memory in words.", .complexity = "O(1)", .tips = tips::kVariesByShard},
    {.name = "help", .arity = 2, .flags = kLoading | kStale, .run = help, .group = kGroup, .since = "4.0.0",
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "malloc-stats", .arity = 2, .run = malloc_stats, .group = kGroup, .since = "4.0.0",
     .summary = "Returns the allocator's report.", .complexity = "Depends on the allocator.",
     .tips = tips::kVariesByShard},
    {.name = "purge", .arity = 2, .run = purge, .group = kGroup, .since = "4.0.0",
     .summary = "Gives free memory back to the kernel.", .complexity = "Depends on the allocator.",
     .tips = tips::kDoneOnShards},
    {.name = "stats", .arity = 2, .run = stats, .group = kGroup, .since = "4.0.0",
     .summary = "Returns where memory goes.", .complexity = "O(1)", .tips = tips::kVariesByShard},
    {.name = "usage", .arity = -3, .flags = kReadonly, .keys = {KeySpec::one(2, key_flag::kRO)}, .run = usage,
     .group = kGroup, .since = "4.0.0", .summary = "Returns the bytes that a key takes.",
     .complexity = "O(N) in the elements of the value", .syntax = "key [SAMPLES count:integer]"},
};

}  // namespace

std::span<const Command> memory_subcommands() { return kMemoryCommands; }

}  // namespace stele
