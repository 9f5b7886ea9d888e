#include "engine/rdb/row_buckets.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <future>

#include "engine/stored_value.h"

namespace stele {

namespace {

constexpr std::size_t kWriteBytes = std::size_t{1} << 20;
constexpr std::uint64_t kRangeBytesMax = std::uint64_t{64} << 20;
constexpr std::uint64_t kRangeBytesMin = std::uint64_t{1} << 20;
// What is stored at once: bounds the expiries that wait to be sorted.
constexpr std::uint64_t kCheckpointBytes = std::uint64_t{1} << 30;
constexpr std::size_t kPrefetchRows = 8;

struct SpilledHead {
  Hash48 hash;
  std::uint32_t key_bytes;
  std::uint32_t row_bytes;
};

}  // namespace

Status RowBuckets::add(Rows added, const std::vector<Hash48>& hashes) {
  const Rows& rows = kept_.emplace_back(std::move(added));
  const char* at = rows.bytes.data();
  Partition partition = 0;
  Buckets* buckets = nullptr;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    const Rows::Row& row = rows.rows[i];
    if (buckets == nullptr || partition != row.partition) {
      partition = row.partition;
      std::unique_ptr<Buckets>& of_partition = partitions_[partition];
      if (of_partition == nullptr) of_partition = std::make_unique<Buckets>();
      buckets = of_partition.get();
    }
    Bucket& bucket = (*buckets)[hashes[i] >> (kHashBits - kHashBitsOfBucket)];
    bucket.items.push_back({hashes[i], at, row.key_bytes, row.row_bytes});
    const std::size_t bytes = std::size_t{row.key_bytes} + row.row_bytes;
    bucket.bytes += bytes;
    at += bytes;
  }
  total_bytes_ += rows.bytes.size();
  kept_bytes_ += rows.bytes.size() + rows.rows.size() * (sizeof(Item) + sizeof(Rows::Row));
  kept_.back().rows.clear();
  return kept_bytes_ <= memory_bytes_ ? Status() : spill();
}

RowBuckets::Rows RowBuckets::no_rows() {
  if (spare_.empty()) return {};
  Rows rows = std::move(spare_.back());
  spare_.pop_back();
  return rows;
}

Status RowBuckets::spill() {
  if (scratch_.fd() < 0) {
    STELE_CHECK(create_directories_durably(scratch_dir_));
    const std::filesystem::path path = scratch_dir_ / "rows.tmp";
    STELE_TRY(scratch_, File::open(path, File::Mode::replace));
    std::error_code error;
    std::filesystem::remove(path, error);
    if (error) return Status::io("{}: remove: {}", path.native(), error.message());
  }
  std::string out;
  const auto flush = [&] {
    STELE_CHECK(scratch_.write_at(spilled_, out));
    spilled_ += out.size();
    out.clear();
    return Status();
  };
  for (auto& [partition, buckets] : partitions_) {
    for (Bucket& bucket : *buckets) {
      if (bucket.items.empty()) continue;
      const std::uint64_t begin = spilled_ + out.size();
      for (const Item& item : bucket.items) {
        const SpilledHead head{item.hash, item.key_bytes, item.row_bytes};
        out.append(reinterpret_cast<const char*>(&head), sizeof head);
        out.append(item.at, std::size_t{item.key_bytes} + item.row_bytes);
        if (out.size() >= kWriteBytes) STELE_CHECK(flush());
      }
      bucket.slices.push_back({begin, spilled_ + out.size() - begin});
      bucket.items.clear();
    }
  }
  STELE_CHECK(flush());
  for (Rows& rows : kept_) {
    rows.bytes.clear();
    spare_.push_back(std::move(rows));
  }
  kept_.clear();
  kept_bytes_ = 0;
  return Status();
}

std::vector<RowBuckets::Range> RowBuckets::ranges(std::uint64_t range_bytes) {
  std::vector<Range> ranges;
  for (auto& [partition, buckets] : partitions_) {
    for (Bucket& bucket : *buckets) {
      if (bucket.bytes == 0) continue;
      if (ranges.empty() || ranges.back().bytes >= range_bytes) ranges.emplace_back();
      ranges.back().buckets.emplace_back(partition, &bucket);
      ranges.back().bytes += bucket.bytes;
    }
  }
  return ranges;
}

/// The rows of `bucket`, of which those in the file are read into `buffer`.
Status RowBuckets::load(const Bucket& bucket, std::string& buffer, std::vector<Item>& items) const {
  items = bucket.items;
  std::uint64_t bytes = 0;
  for (const Slice& slice : bucket.slices) bytes += slice.bytes;
  buffer.resize(bytes);
  char* to = buffer.data();
  for (const Slice& slice : bucket.slices) {
    STELE_TRY(const std::size_t got, scratch_.read_at(slice.offset, to, slice.bytes));
    if (got != slice.bytes) return Status::io("{}: became shorter while it was read", scratch_.path().native());
    to += got;
  }
  for (const char* at = buffer.data(); at != to;) {
    SpilledHead head;
    std::memcpy(&head, at, sizeof head);
    at += sizeof head;
    items.push_back({head.hash, at, head.key_bytes, head.row_bytes});
    at += std::size_t{head.key_bytes} + head.row_bytes;
  }
  return Status();
}

Status RowBuckets::store_bucket(Partition partition, const Bucket& bucket, CheckpointPart& part) const {
  std::string buffer;
  std::vector<Item> items;
  STELE_CHECK(load(bucket, buffer, items));
  const auto key = [](const Item& item) { return std::string_view(item.at, item.key_bytes); };
  std::sort(items.begin(), items.end(),
            [&](const Item& a, const Item& b) { return a.hash != b.hash ? a.hash < b.hash : key(a) < key(b); });
  std::string stored;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i + kPrefetchRows < items.size()) __builtin_prefetch(items[i + kPrefetchRows].at);
    const Item& item = items[i];
    if (i > 0 && items[i - 1].hash == item.hash && key(items[i - 1]) == key(item)) {
      return Status::corrupt("key '{}' is in the file twice", key(item));
    }
    stored.clear();
    append_stored_key(stored, partition, item.hash, key(item));
    const std::string_view row(item.at + item.key_bytes, item.row_bytes);
    STELE_CHECK(part.put(stored, row));
    if (const auto at = stored_value_expire(row)) part.put_expire(std::max(UnixTime(0), *at), stored);
  }
  return Status();
}

Status RowBuckets::store(Store& store, int threads, const std::function<void(double)>& on_progress,
                         const std::function<bool()>& stopped) {
  const auto several = static_cast<std::uint64_t>(threads) * 4;
  std::vector<Range> all = ranges(std::clamp(total_bytes_ / several, kRangeBytesMin, kRangeBytesMax));
  std::atomic<std::uint64_t> done_bytes = 0;
  for (std::size_t first = 0; first < all.size();) {
    std::size_t end = first;
    for (std::uint64_t bytes = 0; end < all.size() && bytes < kCheckpointBytes; ++end) bytes += all[end].bytes;

    STELE_TRY(CheckpointWriter writer, store.begin_checkpoint());
    std::vector<CheckpointPart> parts;
    for (std::size_t i = first; i < end; ++i) parts.push_back(writer.begin_part());
    std::atomic<std::size_t> next = first;
    std::atomic<bool> failed = false;
    const auto work = [&](bool reports) {
      Status status;
      for (std::size_t i = next++; i < end && status.ok() && !failed; i = next++) {
        for (const auto& [partition, bucket] : all[i].buckets) {
          status = stopped() ? Status::unavailable("given up on request")
                             : store_bucket(partition, *bucket, parts[i - first]);
          if (!status.ok()) break;
          done_bytes += bucket->bytes;
          bucket->items = {};
          if (reports && on_progress) on_progress(static_cast<double>(done_bytes) / static_cast<double>(total_bytes_));
        }
        if (status.ok()) status = parts[i - first].seal();
      }
      if (!status.ok()) failed = true;
      return status;
    };
    std::vector<std::future<Status>> others;
    for (int i = 1; i < threads; ++i) others.push_back(std::async(std::launch::async, work, false));
    Status status = work(true);
    for (std::future<Status>& other : others) {
      if (Status its = other.get(); status.ok()) status = its;
    }
    STELE_CHECK(status);
    for (CheckpointPart& part : parts) STELE_CHECK(writer.join(std::move(part)));
    STELE_CHECK(writer.finish(Label{}));
    first = end;
  }
  return Status();
}

}  // namespace stele
