// INFO memory.

#include "protocol/client_text.h"
#include "protocol/config_directive.h"
#include "protocol/info.h"
#include "protocol/memory_limits.h"
#include "protocol/memory_overhead.h"
#include "protocol/scripting/scripting.h"
#include "protocol/replication_role.h"

namespace stele {

double ratio(std::size_t a, std::size_t b) { return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b); }

double MemoryOverhead::dataset_percent(std::size_t allocated) const {
  if (allocated <= startup) return 0;
  return std::min(100.0, ratio(dataset(allocated), allocated - startup) * 100);
}

MemoryOverhead memory_overhead(Environment& environment) {
  MemoryOverhead overhead;
  overhead.startup = environment.stats.memory.startup();
  environment.clients.for_each([&](Connection& connection) { overhead.clients += client_bytes(connection); });
  Storage& storage = environment.storage;
  overhead.journal_buffer = storage.is_open() ? storage.journal().batch().size() : 0;
  for (int i = 0; i < storage.keyspace().databases(); ++i) {
    const Table& table = *storage.keyspace().db(i).table;
    // Empty tables are part of what the start took.
    if (table.size() + table.tombstones() > 0) overhead.tables += table.overhead_bytes();
    overhead.keys += table.size();
  }
  const StoreStats store = storage.is_open() ? storage.store().stats() : StoreStats();
  overhead.store = store.block_cache_bytes + store.filter_and_index_bytes + store.memtable_bytes;
  overhead.total = overhead.startup + overhead.clients + overhead.journal_buffer + overhead.tables + overhead.store;
  return overhead;
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::string_view kUnits = "KMGTP";
  if (bytes < 1024) return fmt::format("{}B", bytes);
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.2f}{}", value, kUnits[unit]);
}

namespace {

void add_bytes(InfoText& info, std::string_view name, std::size_t bytes) {
  info.add(name, bytes);
  info.line("{}_human:{}", name, human_bytes(bytes));
}

std::int64_t difference(std::size_t a, std::size_t b) {
  return static_cast<std::int64_t>(a) - static_cast<std::int64_t>(b);
}

std::string configured(Environment& environment, std::string_view directive) {
  const Directive& row = *find_directive(directive);
  return format_config_value(row, config_value(row, environment.config.now()));
}

}  // namespace

void add_memory(InfoText& info, Environment& environment) {
  environment.stats.memory.refresh();
  const MemoryFigures& now = environment.stats.memory.now();
  const MemoryOverhead overhead = memory_overhead(environment);
  const std::size_t peak = environment.stats.memory.peak();

  info.begin("Memory");
  add_bytes(info, "used_memory", now.allocated);
  add_bytes(info, "used_memory_rss", now.rss);
  add_bytes(info, "used_memory_peak", peak);
  info.line("used_memory_peak_perc:{:.2f}%", ratio(now.allocated, peak) * 100);
  info.add("used_memory_overhead", overhead.total);
  info.add("used_memory_startup", overhead.startup);
  info.add("used_memory_dataset", overhead.dataset(now.allocated));
  info.line("used_memory_dataset_perc:{:.2f}%", overhead.dataset_percent(now.allocated));
  info.add("allocator_allocated", now.allocated);
  info.add("allocator_active", now.active);
  info.add("allocator_resident", now.resident);
  add_bytes(info, "total_system_memory", system_memory_bytes());
  Scripting& scripting = *environment.scripting;
  const std::size_t scripts_vm = scripting.cache().sandbox().bytes();
  const std::size_t functions_vm = scripting.functions().sandbox().bytes();
  const std::size_t scripts = scripting.cache().script_bytes();
  const std::size_t functions = scripting.functions().code_bytes();
  add_bytes(info, "used_memory_lua", scripts_vm);
  info.add("used_memory_vm_eval", scripts_vm);
  info.add("used_memory_scripts_eval", scripts);
  info.add("number_of_cached_scripts", scripting.cache().size());
  info.add("number_of_functions", scripting.functions().functions());
  info.add("number_of_libraries", scripting.functions().libraries().size());
  info.add("used_memory_vm_functions", functions_vm);
  add_bytes(info, "used_memory_vm_total", scripts_vm + functions_vm);
  info.add("used_memory_functions", functions);
  add_bytes(info, "used_memory_scripts", scripts + functions);
  add_bytes(info, "maxmemory", static_cast<std::size_t>(environment.config.now().maxmemory));
  info.add("maxmemory_policy", configured(environment, "maxmemory-policy"));
  info.line("allocator_frag_ratio:{:.2f}", ratio(now.active, now.allocated));
  info.add("allocator_frag_bytes", difference(now.active, now.allocated));
  info.line("allocator_rss_ratio:{:.2f}", ratio(now.resident, now.active));
  info.add("allocator_rss_bytes", difference(now.resident, now.active));
  info.line("rss_overhead_ratio:{:.2f}", ratio(now.rss, now.resident));
  info.add("rss_overhead_bytes", difference(now.rss, now.resident));
  info.line("mem_fragmentation_ratio:{:.2f}", ratio(now.rss, now.allocated));
  info.add("mem_fragmentation_bytes", difference(now.rss, now.allocated));
  info.add("mem_not_counted_for_evict", environment.memory_limits->not_counted_bytes());
  // Replicas have no buffers of their own.
  const std::size_t tail = environment.replication->traffic().tail_bytes;
  info.add("mem_replication_backlog", tail);
  info.add("mem_total_replication_buffers", tail);
  info.add("mem_clients_slaves", 0);
  info.add("mem_clients_normal", overhead.clients);
  info.add("mem_cluster_links", 0);
  info.add("mem_aof_buffer", overhead.journal_buffer);
  info.add("mem_allocator", allocator_name());
  info.add("active_defrag_running", 0);
  info.add("lazyfree_pending_objects", environment.storage.reclaimer().pending_objects());
  info.add("lazyfreed_objects", environment.storage.reclaimer().freed_objects());
}

}  // namespace stele
