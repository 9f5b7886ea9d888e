#include "engine/loader.h"

namespace stele {

Loader::Loader(const Store& store, int threads, std::function<void()> on_progress)
    : store_(store), on_progress_(std::move(on_progress)),
      background_max_(static_cast<std::size_t>(std::max(1, threads - 1))) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    urgent_.clear();
    background_.clear();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Loader::submit(Job job, Urgency urgency) {
  {
    const std::lock_guard lock(mutex_);
    (urgency == Urgency::background ? background_ : urgent_).push_back(std::move(job));
  }
  wake_.notify_one();
}

void Loader::load(std::uint64_t ticket, std::uint64_t generation, std::vector<std::string> stored_keys, Urgency urgency) {
  Result result{.ticket = ticket, .generation = generation};
  for (std::string& stored : stored_keys) result.rows.push_back({std::move(stored), std::nullopt});
  submit({ticket,
          [this](Result& out) {
            // In the order of the store, neighbours share blocks.
            std::sort(out.rows.begin(), out.rows.end(), [](const Row& a, const Row& b) { return a.stored < b.stored; });
            std::vector<std::string_view> keys;
            for (const Row& row : out.rows) keys.push_back(row.stored);
            auto values = store_.multi_get(keys);
            out.status = values.status();
            if (!values.ok()) return;
            for (std::size_t i = 0; i < out.rows.size(); ++i) out.rows[i].value = std::move((*values)[i]);
          },
          std::move(result)},
         urgency);
}

void Loader::load_page(std::uint64_t ticket, std::uint64_t generation, std::string first, std::string end,
                       std::size_t count) {
  submit({ticket,
          [this, first = std::move(first), end = std::move(end), count](Result& out) {
            StoreIterator it = store_.iterate(first, end);
            for (; it.valid() && out.rows.size() < count; it.next()) {
              out.rows.push_back({std::string(it.key()), std::string(it.value())});
            }
            out.status = it.status();
            if (it.valid()) out.next = std::string(it.key());
          },
          Result{.ticket = ticket, .generation = generation}},
         Urgency::background);
}

void Loader::load_due(std::uint64_t ticket, std::uint64_t generation, UnixTime now, std::size_t count) {
  submit({ticket,
          [this, now, count](Result& out) {
            ExpiryIterator it = store_.expires_until(now);
            for (; it.valid() && out.due.size() < count; it.next()) {
              out.due.emplace_back(it.expire_at(), std::string(it.object_key()));
            }
            out.status = it.status();
          },
          Result{.ticket = ticket, .generation = generation}},
         Urgency::background);
}

std::vector<Loader::Result> Loader::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(results_, {});
}

void Loader::wait() {
  std::unique_lock lock(mutex_);
  read_.wait(lock, [this] { return !results_.empty(); });
}

bool Loader::may_begin_background() const { return !background_.empty() && in_background_ < background_max_; }

void Loader::run() {
  for (;;) {
    Job job;
    bool in_background = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !urgent_.empty() || may_begin_background(); });
      if (stopping_) return;
      in_background = urgent_.empty();
      auto& jobs = in_background ? background_ : urgent_;
      job = std::move(jobs.front());
      jobs.pop_front();
      in_background_ += in_background;
    }
    job.read(job.result);
    {
      const std::lock_guard lock(mutex_);
      results_.push_back(std::move(job.result));
      in_background_ -= in_background;
    }
    read_.notify_all();
    on_progress_();
  }
}

}  // namespace stele
