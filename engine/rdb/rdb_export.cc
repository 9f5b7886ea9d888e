#include "engine/rdb/rdb_export.h"

#include "engine/engine_state.h"
#include "engine/rdb/key_delay.h"
#include "engine/rdb/value_commands.h"
#include "engine/stored_value.h"
#include "persistence/file_appender.h"
#include "protocol/resp_text.h"

namespace stele {

namespace {

constexpr std::uint64_t kKeysPerReport = 1024;

Status write_head(RdbWriter& writer, const RdbExportOptions& options, const Label& label, const EngineState& state) {
  STELE_CHECK(writer.begin());
  STELE_CHECK(writer.aux("redis-ver", options.server_version));
  STELE_CHECK(writer.aux("redis-bits", "64"));
  STELE_CHECK(writer.aux("ctime", fmt::to_string(options.now.ms() / 1000)));
  STELE_CHECK(writer.aux("used-mem", fmt::to_string(options.used_memory)));
  STELE_CHECK(writer.aux("repl-stream-db", fmt::to_string(label.stream_db)));
  STELE_CHECK(writer.aux("repl-id", label.replid));
  STELE_CHECK(writer.aux("repl-offset", fmt::to_string(label.offset)));
  if (options.tell_hash_seed) STELE_CHECK(writer.aux("stele-hash-seed", text_of_seed(state.seed)));
  if (options.tell_hash_seed) {
    for (const auto& [name, cursor] : state.cursors.all()) STELE_CHECK(writer.aux("stele-cursor", FeedCursors::message(name, cursor)));
  }
  return writer.aux("aof-base", options.is_aof_base ? "1" : "0");
}

/// Keys of the store into an RDB file.
class RdbOutput {
 public:
  RdbOutput(RdbWriter& writer, const RdbExportOptions& options) : writer_(writer), options_(options) {}

  Status select(const EngineState::Database& db) {
    return writer_.select(static_cast<std::uint64_t>(db.index), db.keys, db.expires);
  }

  Status key(std::string_view user_key, const StoredValue& value) {
    RdbWriter::Key key{.key = user_key, .type = value.rdb_type, .value = value.value};
    if (value.expire_at) key.expire_at_ms = value.expire_at->ms();
    switch (options_.access) {
      case RdbExportOptions::Access::none:
        break;
      case RdbExportOptions::Access::idle:
        key.idle_seconds = lru_idle_seconds(value.access, static_cast<std::uint32_t>(options_.now.ms() / 1000));
        break;
      case RdbExportOptions::Access::frequency:
        key.frequency = static_cast<std::uint8_t>(lfu_counter(value.access, options_.policy, options_.now));
        break;
    }
    return writer_.key(key);
  }

  std::uint64_t bytes() const { return writer_.bytes(); }

 private:
  RdbWriter& writer_;
  const RdbExportOptions& options_;
};

/// Keys of the store into a file of commands.
class CommandOutput {
 public:
  CommandOutput(ValueCommands& commands, const FileAppender& file) : commands_(commands), file_(file) {}

  Status select(const EngineState::Database& db) {
    db_ = static_cast<std::uint64_t>(db.index);
    return Status();
  }

  Status key(std::string_view user_key, const StoredValue& value) {
    ValueCommands::Key key{.db = db_, .key = user_key, .type = value.rdb_type, .value = value.value};
    if (value.expire_at) key.expire_at_ms = value.expire_at->ms();
    const Status status = commands_.key(key);
    if (status.code() != Code::corrupt) return status;
    return Status::corrupt("key '{}': {}", printed(user_key, 128), status.message());
  }

  std::uint64_t bytes() const { return file_.bytes(); }

 private:
  ValueCommands& commands_;
  const FileAppender& file_;
  std::uint64_t db_ = 0;
};

template <typename Output>
class Exporter {
 public:
  Exporter(StoreIterator& objects, Output output, std::chrono::microseconds key_delay, RdbExportProgress& progress)
      : objects_(objects), output_(output), key_delay_(key_delay), progress_(progress) {}

  Status write(const EngineState::Database& db) {
    if (db.keys == 0) return Status();
    STELE_CHECK(output_.select(db));
    const std::string end = stored_key(db.partition + 1, 0, {});
    std::uint64_t keys = 0;
    for (objects_.seek(stored_key(db.partition, 0, {})); objects_.valid() && objects_.key() < end; objects_.next()) {
      if (keys++ % kKeysPerReport == 0) STELE_CHECK(report());
      STELE_TRY(const StoredValue value, split_stored_value(objects_.value()));
      STELE_CHECK(output_.key(stored_key_user_key(objects_.key()), value));
      progress_.keys.fetch_add(1, std::memory_order_relaxed);
      if (key_delay_.count() > 0 && !sleep_unless(progress_.cancelled, key_delay_)) STELE_CHECK(report());
    }
    STELE_CHECK(objects_.status());
    if (keys == db.keys) return Status();
    return Status::corrupt("the store has {} keys of database {}, but its label counts {}", keys, db.index, db.keys);
  }

 private:
  Status report() {
    progress_.bytes.store(output_.bytes(), std::memory_order_relaxed);
    return progress_.cancelled ? Status::unavailable("it was given up on request") : Status();
  }

  StoreIterator& objects_;
  Output output_;
  const std::chrono::microseconds key_delay_;
  RdbExportProgress& progress_;
};

Status write_rdb(Store::Snapshot& snapshot, const EngineState& state, const RdbExportOptions& options, File& file,
                 RdbExportProgress& progress) {
  RdbWriter writer(file, options.rdb);
  STELE_CHECK(write_head(writer, options, *snapshot.label, state));
  for (const auto& [name, code] : state.functions.all()) STELE_CHECK(writer.function(code));
  Exporter exporter(snapshot.objects, RdbOutput(writer, options), options.key_delay, progress);
  for (const EngineState::Database& db : state.databases) STELE_CHECK(exporter.write(db));
  STELE_CHECK(writer.end());
  progress.bytes = writer.bytes();
  return {};
}

Status write_commands(Store::Snapshot& snapshot, const EngineState& state, const RdbExportOptions& options, File& file,
                      RdbExportProgress& progress) {
  FileAppender appender(file);
  ValueCommands commands({}, [&](std::string& bytes) {
    const Status status = appender.append(bytes);
    bytes.clear();
    return status;
  });
  if (options.annotate_time) STELE_CHECK(appender.append(fmt::format("#TS:{}\r\n", options.now.ms() / 1000)));
  // As every file of commands begins; and a base must not be empty.
  commands.select(0);
  for (const auto& [name, code] : state.functions.all()) STELE_CHECK(commands.function(code));
  Exporter exporter(snapshot.objects, CommandOutput(commands, appender), options.key_delay, progress);
  for (const EngineState::Database& db : state.databases) STELE_CHECK(exporter.write(db));
  STELE_CHECK(commands.finish());
  progress.bytes = appender.bytes();
  return {};
}

}  // namespace

Status export_rdb(Store::Snapshot& snapshot, const RdbExportOptions& options, File& file, RdbExportProgress& progress) {
  STELE_ASSERT(snapshot.label != nullptr);
  STELE_TRY(const EngineState state, EngineState::parse(snapshot.label->engine_state));
  std::uint64_t total = 0;
  for (const EngineState::Database& db : state.databases) total += db.keys;
  progress.keys_total = total;

  STELE_CHECK(options.as_commands ? write_commands(snapshot, state, options, file, progress)
                                  : write_rdb(snapshot, state, options, file, progress));
  return file.sync();
}

}  // namespace stele
