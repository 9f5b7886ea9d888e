#include "engine/rdb/rdb_import.h"

#include <algorithm>
#include <charconv>
#include <future>
#include <thread>

#include <spdlog/spdlog.h>

#include "engine/access.h"
#include "engine/rdb/key_delay.h"
#include "engine/rdb/row_buckets.h"
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

/// Strings and integers have been checked by reading them; of a collection, that its elements are in order and do not
/// repeat.
Status check_value(std::string_view key, std::string_view row) {
  STELE_TRY(const StoredValue stored, split_stored_value(row));
  const TypeOps* ops = type_ops_of_rdb(stored.rdb_type);
  if (ops == nullptr) return Status::corrupt("key '{}' has a value of the unknown type {}", key, stored.rdb_type);
  if (stored.rdb_type == rdb_type::kString) return Status();
  const Result<Entry*> entry = ops->from_rdb(key, stored.rdb_type, stored.value, std::nullopt);
  if (!entry.ok()) return Status::corrupt("integrity check failed: the value of key '{}' is malformed: {}", key, entry.status().message());
  Entry::destroy(*entry);
  return Status();
}

constexpr std::size_t kRowsBytes = std::size_t{4} << 20;
constexpr unsigned kThreadsMax = 4;

/// Reads on one thread while another checks and sorts what was read before; then all of them store.
class Importer final : public RdbVisitor {
 public:
  Importer(Store& store, const RdbImportOptions& options, std::string file)
      : store_(store),
        options_(options),
        file_(std::move(file)),
        hasher_(KeyHasher::random_seed()),
        buckets_(store.scratch_dir(), options.memory_bytes) {
    import_.state.seed = hasher_.seed();
    for (int i = 0; i < options.databases; ++i) {
      import_.state.databases.push_back({.index = i, .partition = import_.state.next_partition++});
    }
  }
  ~Importer() override {
    if (sorting_.valid()) sorting_.wait();
  }

  Status aux(std::string_view name, std::string_view value) override {
    if (name == "repl-id" && value.size() == 40) import_.replid = ReplicationId(value);
    if (name == "stele-hash-seed" && rows_.rows.empty() && !sorting_.valid()) {
      if (const auto seed = seed_of_text(value)) hasher_ = KeyHasher(import_.state.seed = *seed);
    }
    if (name == "stele-cursor") import_.state.cursors.take(value);
    if (name == "repl-stream-db") import_.stream_db = parse<int>(value).value_or(-1);
    if (name == "repl-offset") {
      if (const auto offset = parse<std::uint64_t>(value)) import_.offset = Offset(*offset);
    }
    return Status();
  }

  Status function(std::string_view source) override {
    const Result<LibraryHead> head = parse_library_head(source);
    if (!head.ok())
      return Status::corrupt("{}: a function library in it is malformed: {}", file_, head.status().message());
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
    add(db.partition, key);
    return rows_.bytes.size() < kRowsBytes ? Status() : submit();
  }

  Status skipped(const RdbKey& key, RdbValueOutcome why) override {
    if (why == RdbValueOutcome::empty && empty_logged_++ < kEmptyKeysLogged) {
      spdlog::warn("{}: skipping empty key: {}", file_, printed(key.key, 128));
    }
    return Status();
  }

  Result<RdbImport> finish(RdbSummary summary, std::uint64_t file_bytes) {
    if (summary.empty_skipped > 0) spdlog::warn("{}: empty keys skipped: {}", file_, summary.empty_skipped);
    STELE_CHECK(submit());
    STELE_CHECK(wait());
    const auto threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, kThreadsMax));
    STELE_CHECK(named(buckets_.store(
        store_, threads,
        [&](double share) {
          if (options_.on_progress)
            options_.on_progress(
                (summary.end + static_cast<std::uint64_t>(share * static_cast<double>(summary.end))) / 2, file_bytes);
        },
        [this] { return stopped(); })));
    import_.summary = std::move(summary);
    return std::move(import_);
  }

 private:
  std::uint32_t access_of(const RdbKey& key) const {
    const auto clock = static_cast<std::uint32_t>(options_.now.ms() / 1000);
    if (!options_.lfu) {
      return (clock - static_cast<std::uint32_t>(std::min<std::uint64_t>(key.idle_seconds.value_or(0), 0xffffff))) &
             0xffffff;
    }
    return key.frequency ? lfu_minutes(options_.now) << 8 | *key.frequency : lfu_start(options_.now);
  }

  void add(Partition partition, const RdbKey& key) {
    rows_.bytes += key.key;
    const std::size_t start = rows_.bytes.size();
    append_stored_header(key.value.type, access_of(key),
                         key.expire_at_ms ? std::optional(UnixTime(*key.expire_at_ms)) : std::nullopt, rows_.bytes);
    rows_.bytes += key.value.bytes;
    rows_.rows.push_back({partition, static_cast<std::uint32_t>(key.key.size()),
                          static_cast<std::uint32_t>(rows_.bytes.size() - start)});
  }

  bool stopped() const { return options_.stop != nullptr && *options_.stop; }

  /// On the other thread.
  Status sort(RowBuckets::Rows rows) {
    std::vector<Hash48> hashes;
    hashes.reserve(rows.rows.size());
    std::string_view rest = rows.bytes;
    for (const RowBuckets::Rows::Row& row : rows.rows) {
      const std::string_view key = rest.substr(0, row.key_bytes);
      hashes.push_back(hasher_(key));
      STELE_CHECK(check_value(key, rest.substr(row.key_bytes, row.row_bytes)));
      rest.remove_prefix(std::size_t{row.key_bytes} + row.row_bytes);
    }
    return buckets_.add(std::move(rows), hashes);
  }

  Status given_up() const { return Status::unavailable("{}: loading was given up on request", file_); }

  Status submit() {
    STELE_CHECK(wait());
    if (stopped()) return given_up();
    sorting_ = std::async(std::launch::async, [this, rows = std::exchange(rows_, buckets_.no_rows())]() mutable {
      return sort(std::move(rows));
    });
    rows_.bytes.reserve(kRowsBytes + kRowsBytes / 8);
    return Status();
  }

  Status wait() { return sorting_.valid() ? named(sorting_.get()) : Status(); }

  Status named(const Status& status) const {
    return status.code() == Code::corrupt ? Status::corrupt("{}: {}", file_, status.message()) : status;
  }

  Store& store_;
  const RdbImportOptions& options_;
  const std::string file_;
  KeyHasher hasher_;
  RdbImport import_;
  RowBuckets::Rows rows_;
  RowBuckets buckets_;
  std::future<Status> sorting_;
  int empty_logged_ = 0;
};

}  // namespace

Result<RdbImport> import_rdb(RdbSource& source, Store& store, const RdbImportOptions& options) {
  Importer importer(store, options, source.name());
  const std::uint64_t file_bytes = source.offset() + source.left();
  const auto on_progress = [&](std::uint64_t done, std::uint64_t total) {
    if (options.on_progress) options.on_progress(done / 2, total);
  };
  const RdbReadOptions read{
      .skip_unknown = options.skip_unknown, .verify_checksum = options.verify_checksum, .on_progress = on_progress};
  STELE_TRY(RdbSummary summary, read_rdb(source, read, importer));
  return importer.finish(std::move(summary), file_bytes);
}

Status set_label(Store& store, const Label& label) {
  STELE_TRY(CheckpointWriter writer, store.begin_checkpoint());
  return writer.finish(label);
}

}  // namespace stele
