#include "engine/checkpointer.h"

#include <cstring>

#include "engine/stored_value.h"
#include "engine/type_ops.h"

namespace stele {

namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;
// The walk pauses when the thread is this far behind, so that a slow disk does not turn into memory.
constexpr std::size_t kQueuedBytesMax = 32 * 1024 * 1024;

/// A record on its way to the thread:
///
///     4  bytes of the stored key
///     4  bytes of the value; kErase for a tombstone
///     8  expire at, unix ms; kNoExpire if none
///     stored key, value
struct RecordHeader {
  std::uint32_t key_bytes;
  std::uint32_t value_bytes;
  std::int64_t expire_at;
};
constexpr std::uint32_t kErase = ~std::uint32_t{0};
constexpr std::int64_t kNoExpire = -1;

}  // namespace

Checkpointer::Checkpointer(Keyspace& keyspace, Store& store, std::function<Status()> before_ingest,
                           std::function<void()> on_progress)
    : keyspace_(keyspace), store_(store), before_ingest_(std::move(before_ingest)), on_progress_(std::move(on_progress)),
      thread_([this] { run(); }) {
  keyspace_.set_frozen_sink(this);
}

Checkpointer::~Checkpointer() {
  keyspace_.set_frozen_sink(nullptr);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

// --- executor

void Checkpointer::start(Label label) {
  STELE_ASSERT(state_ == State::idle && early_.empty());
  objects_total_ = keyspace_.dirty_keys();
  objects_done_ = bytes_done_ = 0;
  started_at_ = std::chrono::steady_clock::now();
  frozen_ = keyspace_.freeze();
  label.engine_state = frozen_.engine_state;
  range_ = 0;
  at_ = 0;
  state_ = State::walking;
  {
    const std::lock_guard lock(mutex_);
    label_ = std::move(label);
    stale_expires_ = frozen_.stale_expires;
  }
  wake_.notify_all();
}

void Checkpointer::append_record(std::string& out, std::string_view stored, const Entry& entry) {
  const std::size_t start = out.size();
  RecordHeader header{static_cast<std::uint32_t>(stored.size()), kErase, kNoExpire};
  out.resize(start + sizeof header);
  out.append(stored);
  if (!entry.is_tombstone()) {
    const std::size_t value_start = out.size();
    append_stored_value(entry, out);
    STELE_ASSERT(out.size() - value_start < kErase);
    header.value_bytes = static_cast<std::uint32_t>(out.size() - value_start);
    if (const auto at = entry.expire_at()) header.expire_at = at->ms();
  }
  std::memcpy(out.data() + start, &header, sizeof header);
  ++objects_done_;
  bytes_done_ += out.size() - start;
}

Checkpointer::Early Checkpointer::make_early(std::string_view stored, Entry& entry) {
  Early early;
  const TypeOps& ops = type_ops(entry.type());
  if (!entry.is_tombstone() && ops.slice != nullptr) early.value = ops.slice(entry);
  if (early.value == nullptr) {
    append_record(early.record, stored, entry);
    return early;
  }
  RecordHeader header{static_cast<std::uint32_t>(stored.size()), 0, kNoExpire};
  if (const auto at = entry.expire_at()) header.expire_at = at->ms();
  std::string prefix(reinterpret_cast<const char*>(&header), sizeof header);
  prefix.append(stored);
  append_stored_header(early.value->rdb_type(), entry.access(), entry.expire_at(), prefix);
  early.value->begin_with(prefix, ops.body_bytes(entry));
  return early;
}

void Checkpointer::take_early(Partition partition, Hash48 hash, Entry& entry) {
  STELE_ASSERT(state_ == State::walking);
  std::string stored = stored_key(partition, hash, entry.key());
  Early early = make_early(stored, entry);
  early_.emplace(std::move(stored), std::move(early));
}

void Checkpointer::before_free(const Entry& entry) {
  if (entry.is_tombstone() || type_ops(entry.type()).slice == nullptr) return;
  for (auto& [stored, early] : early_) {
    if (early.value != nullptr && early.value->body() == entry.body()) early.value->finish();
  }
}

bool Checkpointer::append_early_until(std::string_view bound, std::chrono::steady_clock::time_point until) {
  while (!early_.empty() && early_.begin()->first < bound) {
    Early& early = early_.begin()->second;
    if (early.value != nullptr) {
      if (!early.value->step(until)) return false;
      std::string& record = early.value->bytes();
      RecordHeader header;
      std::memcpy(&header, record.data(), sizeof header);
      const std::size_t value_bytes = record.size() - sizeof header - header.key_bytes;
      STELE_ASSERT(value_bytes < kErase);
      header.value_bytes = static_cast<std::uint32_t>(value_bytes);
      std::memcpy(record.data(), &header, sizeof header);
      ++objects_done_;
      bytes_done_ += record.size();
      // A chunk of its own: copying it would take as long as many slices.
      if (!chunk_.records.empty()) submit(false);
      chunk_.records = std::move(record);
      submit(false);
    } else {
      chunk_.records += early.record;
    }
    early_.erase(early_.begin());
  }
  return true;
}

void Checkpointer::submit(bool last) {
  chunk_.last = last;
  {
    const std::lock_guard lock(mutex_);
    queued_bytes_ += chunk_.records.size();
    chunks_.push_back(std::move(chunk_));
  }
  wake_.notify_all();
  chunk_ = Chunk();
  if (!last) chunk_.records.reserve(kChunkBytes + kChunkBytes / 4);
}

void Checkpointer::step(std::chrono::microseconds budget) {
  if (state_ != State::walking) return;
  {
    const std::lock_guard lock(mutex_);
    if (queued_bytes_ > kQueuedBytesMax) return;
  }
  const auto until = std::chrono::steady_clock::now() + budget;
  const auto out_of_time = [&] { return std::chrono::steady_clock::now() >= until; };
  while (range_ < frozen_.ranges.size()) {
    const auto& [partition, table] = frozen_.ranges[range_];
    for (;;) {
      // Everything before at_ has been walked; what of it was taken early is due.
      const std::string bound = at_ >= kHashEnd ? stored_key(partition + 1, 0, {}) : stored_key(partition, at_, {});
      const bool in_time = append_early_until(bound, until);
      if (chunk_.records.size() >= kChunkBytes) submit(false);
      if (!in_time) return;
      if (at_ >= kHashEnd) break;
      if (table->dirty(frozen_.epoch) == 0) {
        at_ = kHashEnd;
        continue;
      }
      bool waits = false;  // something before the slot has yet to be serialised
      at_ = table->visit_dirty(at_, frozen_.epoch, [&](Table::Slot slot, Hash48 hash) {
        key_scratch_.clear();
        append_stored_key(key_scratch_, partition, hash, slot.entry()->key());
        // Taken early: those of this segment that come before, so that the order holds.
        waits = waits || !append_early_until(key_scratch_, std::chrono::steady_clock::time_point::min());
        Entry& entry = *slot.entry();
        const bool may_be_large = !entry.is_tombstone() && type_ops(entry.type()).slice != nullptr;
        if (waits || may_be_large) {
          early_.emplace(key_scratch_, make_early(key_scratch_, entry));
        } else {
          append_record(chunk_.records, key_scratch_, entry);
        }
        entry.set_stored(true);
        table->clear_dirty(slot, frozen_.epoch);
      });
      if (out_of_time()) return;
    }
    ++range_;
    at_ = 0;
  }
  STELE_ASSERT(early_.empty());
  submit(true);
  state_ = State::writing;
}

std::optional<Checkpointer::Outcome> Checkpointer::poll() {
  std::optional<Outcome> outcome;
  {
    const std::lock_guard lock(mutex_);
    outcome = std::exchange(outcome_, std::nullopt);
  }
  if (!outcome) return std::nullopt;
  outcome->took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_at_);
  outcome->objects = objects_done_;
  outcome->bytes = bytes_done_;
  if (outcome->status.ok()) {
    keyspace_.begin_sweep();
  } else {
    // Failed while walking too: what was not walked yet is still marked, and thaw() makes all of it dirty again.
    keyspace_.thaw(frozen_);
  }
  early_.clear();
  chunk_ = Chunk();
  keyspace_.release(std::move(frozen_));
  frozen_ = Frozen();
  state_ = State::idle;
  return outcome;
}

Checkpointer::Outcome Checkpointer::finish() {
  STELE_ASSERT(state_ != State::idle);
  for (;;) {
    step(std::chrono::milliseconds(50));
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] {
        return outcome_.has_value() || (state_ == State::walking && queued_bytes_ <= kQueuedBytesMax);
      });
    }
    if (auto outcome = poll()) return *outcome;
  }
}

unsigned Checkpointer::percent_done() const {
  if (objects_total_ == 0) return 100;
  return static_cast<unsigned>(std::min<std::uint64_t>(100, objects_done_ * 100 / objects_total_));
}

// --- checkpoint thread

void Checkpointer::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || label_.has_value(); });
      if (stopping_) return;
    }
    write_one();
  }
}

void Checkpointer::write_one() {
  Label label;
  std::vector<std::pair<UnixTime, std::string>> stale_expires;
  {
    const std::lock_guard lock(mutex_);
    label = *std::exchange(label_, std::nullopt);
    stale_expires = std::move(stale_expires_);
    stale_expires_.clear();
  }
  Result<CheckpointWriter> writer = store_.begin_checkpoint();
  Status status = writer.status();
  if (writer.ok()) {
    // Erasures first: a row that is put again wins.
    for (const auto& [at, stored] : stale_expires) writer->erase_expire(at, stored);
  }
  for (bool last = false; !last;) {
    Chunk chunk;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !chunks_.empty(); });
      if (chunks_.empty()) return;
      chunk = std::move(chunks_.front());
      chunks_.pop_front();
      queued_bytes_ -= chunk.records.size();
    }
    wake_.notify_all();
    last = chunk.last;
    if (status.ok()) status = write(*writer, chunk.records);
  }
  if (status.ok()) status = before_ingest_();
  if (status.ok()) status = writer->finish(label);
  {
    const std::lock_guard lock(mutex_);
    outcome_ = Outcome{.status = std::move(status), .label = std::move(label)};
  }
  wake_.notify_all();
  on_progress_();
}

Status Checkpointer::write(CheckpointWriter& writer, std::string_view records) {
  while (!records.empty()) {
    RecordHeader header;
    std::memcpy(&header, records.data(), sizeof header);
    records.remove_prefix(sizeof header);
    const std::string_view key = records.substr(0, header.key_bytes);
    records.remove_prefix(header.key_bytes);
    if (header.value_bytes == kErase) {
      STELE_CHECK(writer.erase(key));
      continue;
    }
    STELE_CHECK(writer.put(key, records.substr(0, header.value_bytes)));
    records.remove_prefix(header.value_bytes);
    if (header.expire_at != kNoExpire) writer.put_expire(UnixTime(header.expire_at), key);
  }
  return Status();
}

}  // namespace stele
