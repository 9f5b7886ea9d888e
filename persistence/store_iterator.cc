#include "persistence/store_iterator.h"

#include "persistence/store_core.h"
#include "persistence/store_keys.h"

namespace stele {

struct StoreIterator::Cursor {
  Cursor(Store::Core& store, Family which, std::string_view first, std::string_view end)
      : core(store), end_key(end), end_slice(end_key) {
    ++core.borrowers;
    rocksdb::ReadOptions options;
    options.fill_cache = false;  // a pass over everything must not push out what clients read
    if (!end_key.empty()) options.iterate_upper_bound = &end_slice;
    entries.reset(core.db->NewIterator(options, core.family(which)));
    entries->Seek(slice(first));
  }
  ~Cursor() {
    entries.reset();
    --core.borrowers;
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  Store::Core& core;
  const std::string end_key;
  const rocksdb::Slice end_slice;  // RocksDB keeps its address
  std::unique_ptr<rocksdb::Iterator> entries;
};

StoreIterator::StoreIterator(std::unique_ptr<Cursor> cursor) : cursor_(std::move(cursor)) {}
StoreIterator::StoreIterator(StoreIterator&&) noexcept = default;
StoreIterator& StoreIterator::operator=(StoreIterator&&) noexcept = default;
StoreIterator::~StoreIterator() = default;

bool StoreIterator::valid() const { return cursor_->entries->Valid(); }
void StoreIterator::next() { cursor_->entries->Next(); }
void StoreIterator::seek(std::string_view key) { cursor_->entries->Seek(slice(key)); }
std::string_view StoreIterator::key() const { return view(cursor_->entries->key()); }
std::string_view StoreIterator::value() const { return view(cursor_->entries->value()); }

Status StoreIterator::status() const {
  return from_rocksdb(cursor_->entries->status(), fmt::format("{}: iterate", cursor_->core.dir.native()));
}

UnixTime ExpiryIterator::expire_at() const {
  return UnixTime(static_cast<std::int64_t>(load_be64(entries_.key())));
}
std::string_view ExpiryIterator::object_key() const { return entries_.key().substr(kExpireBytes); }

StoreIterator Store::iterate(std::string_view first, std::string_view end) const {
  return StoreIterator(std::make_unique<StoreIterator::Cursor>(*core_, Family::objects, first, end));
}

ExpiryIterator Store::expires_until(UnixTime last) const {
  // One past: all entries at `last` itself sort before the first one of the next millisecond.
  const UnixTime end(std::min(last.ms(), std::numeric_limits<std::int64_t>::max() - 1) + 1);
  const std::string end_key = end.ms() > 0 ? expires_key(end, {}) : expires_key(UnixTime(0), {});
  return ExpiryIterator(
      StoreIterator(std::make_unique<StoreIterator::Cursor>(*core_, Family::expires, std::string_view(), end_key)));
}

Store::Snapshot Store::snapshot() const {
  const std::lock_guard lock(core_->ingest_mutex);
  return {label(), iterate({}, {})};
}

}  // namespace stele
