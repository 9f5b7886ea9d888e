// How much memory there is in use, by allocator and kernel.

#include "protocol/memory_usage.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

// Only a program that is linked with jemalloc has these; elsewhere they are null.
extern "C" {
[[gnu::weak]] int mallctl(const char* name, void* old, std::size_t* old_bytes, void* value, std::size_t value_bytes);
[[gnu::weak]] void malloc_stats_print(void (*write)(void*, const char*), void* to, const char* options);
}

namespace stele {

namespace {

// 4096 means all arenas.
constexpr const char* kCachedByThreads = "stats.arenas.4096.tcache_bytes";

std::size_t jemalloc_figure(const char* name) {
  std::size_t value = 0;
  std::size_t bytes = sizeof value;
  return mallctl(name, &value, &bytes, nullptr, 0) == 0 ? value : 0;
}

std::size_t rss_bytes() {
  const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[256];
  const ssize_t n = ::read(fd, text, sizeof text);
  ::close(fd);
  const std::string_view line(text, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  const std::size_t second = line.find(' ');
  if (second == std::string_view::npos) return 0;
  std::size_t pages = 0;
  std::from_chars(line.data() + second + 1, line.data() + line.size(), pages);
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

MemoryFigures read_memory_figures() {
  MemoryFigures figures;
  figures.rss = rss_bytes();
  if (mallctl != nullptr) {
    // The figures stand still until the epoch is moved.
    std::uint64_t epoch = 1;
    std::size_t bytes = sizeof epoch;
    if (mallctl("epoch", &epoch, &bytes, &epoch, bytes) == 0) {
      // What was freed and waits in a thread's cache still counts as allocated there.
      figures.allocated = jemalloc_figure("stats.allocated") - jemalloc_figure(kCachedByThreads);
      figures.active = jemalloc_figure("stats.active");
      figures.resident = jemalloc_figure("stats.resident");
      return figures;
    }
  }
  const struct mallinfo2 info = ::mallinfo2();
  figures.allocated = info.uordblks + info.hblkhd;
  figures.active = figures.resident = info.arena + info.hblkhd;
  return figures;
}

std::string_view allocator_name() {
  static const std::string name = [] {
    const char* version = nullptr;
    std::size_t bytes = sizeof version;
    if (mallctl == nullptr || mallctl("version", &version, &bytes, nullptr, 0) != 0) return std::string("libc");
    const std::string_view whole(version);  // "5.3.0-0-g54eaed1d8b56"
    return "jemalloc-" + std::string(whole.substr(0, whole.find('-')));
  }();
  return name;
}

void purge_free_memory() {
  if (mallctl != nullptr) {
    // 4096 means all arenas.
    mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);
  } else {
    ::malloc_trim(0);
  }
}

std::string allocator_report() {
  std::string report;
  if (malloc_stats_print != nullptr) {
    malloc_stats_print([](void* to, const char* text) { static_cast<std::string*>(to)->append(text); }, &report, nullptr);
    return report;
  }
  const struct mallinfo2 info = ::mallinfo2();
  return fmt::format("arena {}\nmapped {}\nin use {}\nfree {}\n", info.arena, info.hblkhd, info.uordblks, info.fordblks);
}

std::size_t system_memory_bytes() {
  return static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t thread_allocated_bytes() {
  struct Counters {
    const std::uint64_t* allocated = nullptr;
    const std::uint64_t* freed = nullptr;
    Counters() {
      std::size_t bytes = sizeof allocated;
      if (mallctl == nullptr || mallctl("thread.allocatedp", &allocated, &bytes, nullptr, 0) != 0 ||
          mallctl("thread.deallocatedp", &freed, &bytes, nullptr, 0) != 0) {
        allocated = freed = nullptr;
      }
    }
  };
  thread_local const Counters counters;
  return counters.freed == nullptr ? 0 : *counters.allocated - *counters.freed;
}

void MemoryUsage::refresh() {
  now_ = read_memory_figures();
  thread_allocated_ = thread_allocated_bytes();
  peak_ = std::max(peak_, now_.allocated);
}

}  // namespace stele
