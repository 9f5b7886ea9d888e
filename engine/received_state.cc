#include "engine/received_state.h"

#include "engine/rdb/rdb_import.h"
#include "engine/rdb/rdb_saver.h"

namespace stele {

namespace {

namespace fs = std::filesystem;

fs::path loading(const fs::path& dir) { return dir / "sync.loading"; }
fs::path ready(const fs::path& dir) { return dir / "sync.ready"; }
fs::path old(const fs::path& dir) { return dir / "sync.old"; }

Status remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? Status::io("{}: remove: {}", path.native(), error.message()) : Status();
}

/// That goes on from there.
Status make_journal(const ReceivedState& state, int stream_db, const fs::path& base) {
  JournalOptions options = state.journal;
  options.on_progress = nullptr;
  options.verify_from = state.offset;
  options.create_on_base = base;
  options.replid = state.replid;
  options.create_at = state.offset;
  options.create_in_db = std::max(0, stream_db);
  STELE_TRY(const std::unique_ptr<Journal> journal, Journal::open(loading(state.dir) / state.append_dir_name, options));
  return journal->close();
}

Result<ReceivedFigures> load(const ReceivedState& state) {
  const fs::path dir = loading(state.dir);
  STELE_CHECK(create_directories_durably(dir));
  StoreOptions filling = state.store;
  filling.fills_empty_store = true;
  STELE_TRY(const std::unique_ptr<Store> store, Store::open(dir / "rocksdb", filling));
  STELE_TRY(const File file, File::open(state.rdb, File::Mode::read));
  STELE_TRY(const std::uint64_t bytes, file.size());
  RdbSource source(file, 0, bytes);
  STELE_TRY(RdbImport import, import_rdb(source, *store,
                                         {.databases = state.databases,
                                          .skip_unknown = state.skip_unknown,
                                          .verify_checksum = state.verify_checksum,
                                          .keep_expired = true,  // whoever wrote it decides
                                          .lfu = state.lfu,
                                          .now = state.now,
                                          .stop = state.stop,
                                          .key_delay = state.key_delay,
                                          .on_progress = state.on_progress}));
  if (import.summary.end != bytes) {
    return Status::corrupt("{}: {} bytes behind the end of the RDB", state.rdb.native(), bytes - import.summary.end);
  }
  Label label;
  label.offset = state.offset;
  label.stream_db = state.stream_db >= 0 ? state.stream_db : import.stream_db;
  label.replid = state.replid;
  label.taken_at = state.now;
  label.engine_state = import.state.text();
  STELE_CHECK(set_label(*store, label));
  if (state.with_journal) STELE_CHECK(make_journal(state, label.stream_db, state.rdb));
  return ReceivedFigures{.keys = import.summary.keys, .unknown = import.summary.unknown_skipped};
}

}  // namespace

Result<ReceivedFigures> prepare_received_state(const ReceivedState& state) {
  STELE_CHECK(remove_tree(loading(state.dir)));
  Result<ReceivedFigures> figures = load(state);
  if (!figures.ok()) (void)remove_tree(loading(state.dir));
  return figures;
}

Result<fs::path> begin_received_store(const fs::path& dir) {
  STELE_CHECK(remove_tree(loading(dir)));
  const fs::path store = loading(dir) / "rocksdb";
  STELE_CHECK(create_directories_durably(store));
  return store;
}

void give_up_received_store(const fs::path& dir) { (void)remove_tree(loading(dir)); }

Status prepare_received_store(const ReceivedState& state) {
  const auto prepare = [&]() -> Status {
    const fs::path dir = loading(state.dir) / "rocksdb";
    STELE_CHECK(sync_directory(dir));
    STELE_TRY(const std::unique_ptr<Store> store, Store::open(dir, state.store));
    const auto label = store->label();
    if (label == nullptr || label->replid != state.replid || label->offset != state.offset) {
      return Status::corrupt("the store that was received is not of the state that was announced");
    }
    STELE_TRY(const EngineState engine, EngineState::parse(label->engine_state));
    for (const EngineState::Database& db : engine.databases) {
      if (db.keys > 0 && db.index >= state.databases) {
        return Status::invalid("the primary has keys in database {}, but 'databases' is {}: raise it", db.index, state.databases);
      }
    }
    return make_journal(state, label->stream_db, {});
  };
  Status status = prepare();
  if (!status.ok()) give_up_received_store(state.dir);
  return status;
}

Status settle_on_received_state(const fs::path& dir) { return rename_durably(loading(dir), ready(dir)); }

Status install_received_state(const fs::path& dir) {
  std::error_code error;
  if (!fs::exists(ready(dir), error)) return Status();
  STELE_CHECK(create_directories_durably(old(dir)));
  std::vector<fs::path> parts;
  for (const auto& part : fs::directory_iterator(ready(dir), error)) parts.push_back(part.path().filename());
  if (error) return Status::io("{}: {}", ready(dir).native(), error.message());
  for (const fs::path& part : parts) {
    if (fs::exists(dir / part, error)) {
      // Of an installation that was cut short there may be one already: what is moved now is what that one has brought.
      STELE_CHECK(remove_tree(old(dir) / part));
      STELE_CHECK(rename_durably(dir / part, old(dir) / part));
    }
    STELE_CHECK(rename_durably(ready(dir) / part, dir / part));
  }
  return remove_tree(ready(dir));
}

Status remove_replaced_state(const fs::path& dir) { return remove_tree(old(dir)); }

Status remove_received_remains(const fs::path& dir) {
  for (const char* const file : {"sync.rdb", "sync.links", "temp-sync.rdb", "temp-functions.rdb"}) STELE_CHECK(remove_tree(dir / file));
  STELE_CHECK(remove_tree(loading(dir)));
  return remove_replaced_state(dir);
}

}  // namespace stele
