#include "engine/rdb/rdb_import.h"

#include <algorithm>
#include <charconv>
#include <future>

#include <spdlog/spdlog.h>

#include "engine/access.h"
#include "engine/rdb/key_delay.h"
#include "engine/stored_value.h"
#include "engine/type_ops.h"
#include "protocol/resp_text.h"

namespace stele {

namespace {

constexpr int kEmptyKeysLogged = 10;

template <typename Integer>
std::optional<Integer> parse(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Keys and rows in the order they came, sorted when there are enough of them.
class Lot {
 public:
  struct Row {
    std::uint64_t order;  // partition (16 bits) | hash48
    std::size_t at;       // in bytes_: the user key, then the stored row
    std::uint32_t key_bytes;
    std::uint32_t row_bytes;
  };
  static constexpr Partition kPartitionMax = 0xffff;

  void add(Partition partition, Hash48 hash, const RdbKey& key, std::uint32_t access) {
    Row row{std::uint64_t{partition} << kHashBits | hash, bytes_.size(), static_cast<std::uint32_t>(key.key.size()), 0};
    bytes_ += key.key;
    const std::size_t start = bytes_.size();
    append_stored_header(key.value.type, access,
                         key.expire_at_ms ? std::optional(UnixTime(*key.expire_at_ms)) : std::nullopt, bytes_);
    bytes_ += key.value.bytes;
    row.row_bytes = static_cast<std::uint32_t>(bytes_.size() - start);
    rows_.push_back(row);
  }

  std::size_t bytes() const { return bytes_.size() + rows_.size() * sizeof(Row); }
  bool empty() const { return rows_.empty(); }
  std::string_view key(const Row& row) const { return std::string_view(bytes_).substr(row.at, row.key_bytes); }
  std::string_view stored(const Row& row) const {
    return std::string_view(bytes_).substr(row.at + row.key_bytes, row.row_bytes);
  }

  const std::vector<Row>& sorted() {
    std::sort(rows_.begin(), rows_.end(), [this](const Row& a, const Row& b) {
      return a.order != b.order ? a.order < b.order : key(a) < key(b);
    });
    return rows_;
  }

 private:
  std::string bytes_;
  std::vector<Row> rows_;
};

/// Strings and integers have been checked by reading them; of a collection, that its elements are in order and do not repeat.
Status check_value(std::string_view key, const StoredValue& stored) {
  const TypeOps* ops = type_ops_of_rdb(stored.rdb_type);
  if (ops == nullptr) return Status::corrupt("key '{}' has a value of the unknown type {}", key, stored.rdb_type);
  if (stored.rdb_type == rdb_type::kString) return Status();
  const Result<Entry*> entry = ops->from_rdb(key, stored.rdb_type, stored.value, std::nullopt);
  if (!entry.ok()) return Status::corrupt("integrity check failed: the value of key '{}' is malformed: {}", key, entry.status().message());
  Entry::destroy(*entry);
  return Status();
}

Status store_lot(Store& store, Lot& lot, bool first) {
  STELE_TRY(CheckpointWriter writer, store.begin_checkpoint());
  std::string stored;
  std::string last;
  for (const Lot::Row& row : lot.sorted()) {
    const std::string_view key = lot.key(row);
    stored.clear();
    append_stored_key(stored, static_cast<Partition>(row.order >> kHashBits), row.order & (kHashEnd - 1), key);
    bool twice = stored == last;
    if (!twice && !first && store.may_contain(stored)) {
      STELE_TRY(const auto earlier, store.get(stored));
      twice = earlier.has_value();
    }
    if (twice) return Status::corrupt("key '{}' is in the file twice", key);
    STELE_TRY(const StoredValue value, split_stored_value(lot.stored(row)));
    STELE_CHECK(check_value(key, value));
    STELE_CHECK(writer.put(stored, lot.stored(row)));
    if (value.expire_at) writer.put_expire(std::max(UnixTime(0), *value.expire_at), stored);
    last.swap(stored);
  }
  return writer.finish(Label{});
}

/// Reads on one thread while another stores the lot before.
class Importer final : public RdbVisitor {
 public:
  Importer(Store& store, const RdbImportOptions& options, std::string file)
      : store_(store), options_(options), file_(std::move(file)), hasher_(KeyHasher::random_seed()) {
    import_.state.seed = hasher_.seed();
    for (int i = 0; i < options.databases; ++i) {
      import_.state.databases.push_back({.index = i, .partition = import_.state.next_partition++});
    }
    STELE_ASSERT(import_.state.next_partition <= Lot::kPartitionMax);
  }
  ~Importer() override {
    if (storing_.valid()) storing_.wait();
  }

  Status aux(std::string_view name, std::string_view value) override {
    if (name == "repl-id" && value.size() == 40) import_.replid = ReplicationId(value);
    if (name == "stele-hash-seed" && lot_.empty() && first_) {
      if (const auto seed = seed_of_text(value)) hasher_ = KeyHasher(import_.state.seed = *seed);
    }
    if (name == "repl-stream-db") import_.stream_db = parse<int>(value).value_or(-1);
    if (name == "repl-offset") {
      if (const auto offset = parse<std::uint64_t>(value)) import_.offset = Offset(*offset);
    }
    return Status();
  }

  Status function(std::string_view source) override {
    const Result<LibraryHead> head = parse_library_head(source);
    if (!head.ok()) return Status::corrupt("{}: a function library in it is malformed: {}", file_, head.status().message());
    if (import_.state.functions.find(head->name) != nullptr) {
      return Status::corrupt("{}: the function library '{}' is in it twice", file_, head->name);
    }
    import_.state.functions.set(head->name, source);
    return Status();
  }

  Status key(RdbKey& key) override {
    if (key.db >= import_.state.databases.size()) {
      return Status::invalid("{}: it has keys in database {}, but 'databases' is {}: raise it", file_, key.db,
                             options_.databases);
    }
    if (key.expire_at_ms && !options_.keep_expired && UnixTime(*key.expire_at_ms) <= options_.now) {
      ++import_.expired;
      return Status();
    }
    if (key.key.size() + key.value.bytes.size() >= std::numeric_limits<std::uint32_t>::max() - 64) {
      return Status::invalid("{}: key '{:.128}' and its value take {} bytes, 4 GiB are the most", file_, key.key,
                             key.key.size() + key.value.bytes.size());
    }
    if (options_.key_delay.count() > 0) {
      static const std::atomic<bool> never{false};
      if (!sleep_unless(options_.stop != nullptr ? *options_.stop : never, options_.key_delay)) return given_up();
    }
    EngineState::Database& db = import_.state.databases[key.db];
    ++db.keys;
    db.expires += key.expire_at_ms ? 1 : 0;
    lot_.add(db.partition, hasher_(key.key), key, access_of(key));
    return lot_.bytes() < options_.lot_bytes ? Status() : submit();
  }

  Status skipped(const RdbKey& key, RdbValueOutcome why) override {
    if (why == RdbValueOutcome::empty && empty_logged_++ < kEmptyKeysLogged) spdlog::warn("{}: skipping empty key: {}", file_, printed(key.key, 128));
    return Status();
  }

  Result<RdbImport> finish(RdbSummary summary) {
    if (summary.empty_skipped > 0) spdlog::warn("{}: empty keys skipped: {}", file_, summary.empty_skipped);
    if (!lot_.empty()) STELE_CHECK(submit());
    STELE_CHECK(wait());
    import_.summary = std::move(summary);
    return std::move(import_);
  }

 private:
  std::uint32_t access_of(const RdbKey& key) const {
    const auto clock = static_cast<std::uint32_t>(options_.now.ms() / 1000);
    if (!options_.lfu) {
      return (clock - static_cast<std::uint32_t>(std::min<std::uint64_t>(key.idle_seconds.value_or(0), 0xffffff))) & 0xffffff;
    }
    return key.frequency ? lfu_minutes(options_.now) << 8 | *key.frequency : lfu_start(options_.now);
  }

  Status given_up() const { return Status::unavailable("{}: loading was given up on request", file_); }

  Status submit() {
    STELE_CHECK(wait());
    if (options_.stop != nullptr && *options_.stop) return given_up();
    storing_ = std::async(std::launch::async, [this, first = std::exchange(first_, false), lot = std::move(lot_)]() mutable {
      return store_lot(store_, lot, first);
    });
    lot_ = Lot();
    return Status();
  }

  Status wait() {
    if (!storing_.valid()) return Status();
    const Status status = storing_.get();
    return status.code() == Code::corrupt ? Status::corrupt("{}: {}", file_, status.message()) : status;
  }

  Store& store_;
  const RdbImportOptions& options_;
  const std::string file_;
  KeyHasher hasher_;
  RdbImport import_;
  Lot lot_;
  bool first_ = true;
  int empty_logged_ = 0;
  std::future<Status> storing_;
};

}  // namespace

Result<RdbImport> import_rdb(RdbSource& source, Store& store, const RdbImportOptions& options) {
  Importer importer(store, options, source.name());
  const RdbReadOptions read{.skip_unknown = options.skip_unknown, .verify_checksum = options.verify_checksum,
                            .on_progress = options.on_progress};
  STELE_TRY(RdbSummary summary, read_rdb(source, read, importer));
  return importer.finish(std::move(summary));
}

Status set_label(Store& store, const Label& label) {
  STELE_TRY(CheckpointWriter writer, store.begin_checkpoint());
  return writer.finish(label);
}

}  // namespace stele
