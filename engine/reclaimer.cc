#include "engine/reclaimer.h"

namespace stele {

Reclaimer::Reclaimer() : thread_([this] { run(); }) {}

Reclaimer::~Reclaimer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Reclaimer::submit(std::function<void()> release, std::size_t objects) {
  {
    const std::lock_guard lock(mutex_);
    pending_ += objects;
    jobs_.push_back({std::move(release), objects});
  }
  wake_.notify_one();
}

std::size_t Reclaimer::pending_objects() const {
  const std::lock_guard lock(mutex_);
  return pending_;
}

std::size_t Reclaimer::freed_objects() const {
  const std::lock_guard lock(mutex_);
  return freed_;
}

void Reclaimer::reset_freed() {
  const std::lock_guard lock(mutex_);
  freed_ = 0;
}

void Reclaimer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.release();
    job.release = nullptr;
    lock.lock();
    pending_ -= job.objects;
    freed_ += job.objects;
  }
}

}  // namespace stele
