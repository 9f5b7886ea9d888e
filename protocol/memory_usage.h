#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace stele {

/// What the process takes, in bytes.
struct MemoryFigures {
  std::size_t allocated = 0;  // asked for by the program, with the allocator's rounding
  std::size_t active = 0;     // of pages that hold any of that
  std::size_t resident = 0;   // that the allocator has mapped and the kernel has backed
  std::size_t rss = 0;        // of the whole process
};

/// jemalloc's figures where the program is linked with it, else those of the C library.
MemoryFigures read_memory_figures();

/// "jemalloc-5.3.0", "libc".
std::string_view allocator_name();

/// Hands free pages back to the kernel.
void purge_free_memory();
/// The allocator's own report, for people.
std::string allocator_report();

/// Bytes of memory in the machine.
std::size_t system_memory_bytes();

/// Bytes that this thread has allocated, less those that it has freed, since it began: modulo 2^64, because one thread may free
/// what another has allocated. Costs two loads. 0 without jemalloc.
std::uint64_t thread_allocated_bytes();

/// The figures as of the last refresh(), which costs some 20 microseconds: once a tick. What the executor has allocated since
/// then is known at any time, what other threads have is not. Threads: the executor.
class MemoryUsage {
 public:
  MemoryUsage() { refresh(), startup_ = now_.allocated; }

  void refresh();
  const MemoryFigures& now() const { return now_; }
  /// The bytes allocated at this moment, as good as it is known.
  std::size_t allocated() const {
    const auto since = static_cast<std::int64_t>(thread_allocated_bytes() - thread_allocated_);
    const auto bytes = static_cast<std::int64_t>(now_.allocated) + since;
    return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
  }
  std::size_t startup() const { return startup_; }
  std::size_t peak() const { return peak_; }

 private:
  MemoryFigures now_;
  std::uint64_t thread_allocated_ = 0;  // as of now_
  std::size_t startup_ = 0;
  std::size_t peak_ = 0;
};

struct ServerStats;
/// Once a tick.
void update_memory_usage(ServerStats& stats);

}  // namespace stele
