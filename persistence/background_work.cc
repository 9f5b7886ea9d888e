#include "persistence/background_work.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace stele {

namespace {

constexpr int kNice = 10;  // at 19 a busy machine lets it do next to nothing
// linux/ioprio.h is not everywhere.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioBestEffort = 2;
constexpr int kIoprioLowest = 7;
constexpr int kIoprioClassShift = 13;

constexpr std::chrono::milliseconds kSavedUpMax{500};
constexpr std::chrono::milliseconds kSleepSlice{50};

}  // namespace

void lower_thread_priority() {
  const auto thread = static_cast<id_t>(::gettid());
  ::setpriority(PRIO_PROCESS, thread, kNice);
  // Not the idle class: a disk that is never idle would never let the work end.
  ::syscall(SYS_ioprio_set, kIoprioWhoProcess, thread, kIoprioBestEffort << kIoprioClassShift | kIoprioLowest);
}

void Throttle::spend(std::uint64_t bytes, const std::atomic<bool>& stop) {
  using Clock = std::chrono::steady_clock;
  const std::uint64_t rate = rate_.load(std::memory_order_relaxed);
  if (rate == 0) return;
  Clock::time_point now = Clock::now();
  free_at_ = std::max(free_at_, now - kSavedUpMax) +
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(rate)));
  while (now < free_at_ && !stop.load(std::memory_order_relaxed)) {
    std::this_thread::sleep_for(std::min<Clock::duration>(free_at_ - now, kSleepSlice));
    now = Clock::now();
  }
}

}  // namespace stele
