#include "engine/keyspace.h"

#include <map>
#include <random>

#include "engine/checkpointer.h"
#include "engine_fixture.h"
#include "persistence/store.h"

namespace stele::test {
namespace {

struct Value {
  std::string text;
  std::optional<std::int64_t> expire_ms;
};
using Model = std::map<std::string, Value>;

constexpr int kDatabases = 3;

/// A keyspace of its own over its own journal, as one run of a server has it.
class Engine {
 public:
  explicit Engine(const std::filesystem::path& dir, const KeyHasher::Seed& seed = {7}) {
    register_types();
    journal_ = std::move(*Journal::open(dir, {.fsync = Fsync::no}));
    effects_ = std::make_unique<Effects>(journal_->batch());
    effects_->mute(true);
    keyspace = std::make_unique<Keyspace>(kDatabases, seed, *effects_, watches_, reclaimer_);
    keyspace->set_now(UnixTime(1000));
  }

  Keyspace* operator->() { return keyspace.get(); }
  void set(int db, std::string_view key, std::string_view value, std::optional<std::int64_t> expire_ms = std::nullopt) {
    Item item = keyspace->find(keyspace->db(db), key);
    keyspace->set_string(item, value, expire_ms ? std::optional(UnixTime(*expire_ms)) : std::nullopt);
  }
  void del(int db, std::string_view key) {
    Item item = keyspace->find(keyspace->db(db), key);
    if (item) keyspace->erase(item);
  }
  std::string digest() { return keyspace->digest()->hex(); }

  std::unique_ptr<Keyspace> keyspace;

 private:
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Effects> effects_;
  Watches watches_;
  Reclaimer reclaimer_;
};

class KeyspaceTest : public ::testing::Test {
 protected:
  std::unique_ptr<Engine> engine(const KeyHasher::Seed& seed = {7}) {
    return std::make_unique<Engine>(directory_.path() / fmt::format("journal-{}", ++engines_), seed);
  }
  std::unique_ptr<Store> open_store() { return std::move(*Store::open(directory_.path() / "store", {})); }
  /// The state of the last checkpoint, every key cold.
  std::unique_ptr<Engine> reopened(const Store& store) {
    const EngineState state = *EngineState::parse(store.label()->engine_state);
    auto cold = engine(state.seed);
    const Status status = (*cold)->restore(state);
    EXPECT_TRUE(status.ok()) << status.message();
    (*cold)->attach_store(&store);
    return cold;
  }

  ScratchDirectory directory_;
  std::mt19937_64 random_{20240607};

 private:
  int engines_ = 0;
};

/// Takes what changes early and what the walk, done by hand, finds.
class FakeSink : public FrozenSink {
 public:
  void take_early(Partition, Hash48, Entry& entry) override { take(entry); }
  void before_free(const Entry&) override {}
  void take(Entry& entry) {
    char scratch[24];
    const bool fresh =
        taken.emplace(entry.key(), entry.is_tombstone() ? "(gone)" : std::string(entry.string_value(scratch))).second;
    EXPECT_TRUE(fresh) << entry.key() << " was taken twice";
  }
  void walk(const Frozen& frozen) {
    for (const auto& range : frozen.ranges) {
      for (Hash48 at = 0; at < kHashEnd;) {
        at = range.table->visit_dirty(at, frozen.epoch, [&](Table::Slot slot, Hash48) {
          take(*slot.entry());
          slot.entry()->set_stored(true);
          range.table->clear_dirty(slot, frozen.epoch);
        });
      }
    }
  }
  std::map<std::string, std::string> taken;
};

TEST_F(KeyspaceTest, TheExpiryIndexFollowsEveryChange) {
  auto keys = engine();
  Model model;
  std::int64_t now = 1000;
  for (int step = 0; step < 50'000; ++step) {
    const std::string key = fmt::format("k{}", random_() % 300);
    const std::int64_t at = now + 1 + static_cast<std::int64_t>(random_() % 500);
    Item item = (*keys)->find((*keys)->db(0), key);
    switch (random_() % 6) {
      case 0:
        keys->set(0, key, "v");
        model[key] = {"v", std::nullopt};
        break;
      case 1:
        keys->set(0, key, std::string(random_() % 60, 'x'), at);
        model[key] = {"", at};
        break;
      case 2:
        if (item) (*keys)->set_expire(item, UnixTime(at)), model[key].expire_ms = at;
        break;
      case 3:
        if (item) (*keys)->set_expire(item, std::nullopt), model[key].expire_ms.reset();
        break;
      case 4:
        if (item) (*keys)->erase(item);
        model.erase(key);
        break;
      default:
        (*keys)->set_now(UnixTime(now += static_cast<std::int64_t>(random_() % 5)));
        (*keys)->expire_due(1000);
    }
    std::erase_if(model, [&](const auto& row) { return row.second.expire_ms && *row.second.expire_ms <= now; });
    if (step % 50 != 0) continue;
    (*keys)->expire_due(1000);
    std::multiset<std::pair<std::int64_t, Hash48>> expected;
    for (const auto& [name, value] : model) {
      if (value.expire_ms) expected.emplace(*value.expire_ms, (*keys)->hasher()(name));
    }
    const auto& index = (*keys)->db(0).expires;
    ASSERT_TRUE(std::equal(index.begin(), index.end(), expected.begin(), expected.end())) << "at step " << step;
    ASSERT_EQ((*keys)->db(0).size(), model.size());
  }
}

TEST_F(KeyspaceTest, AFrozenEntryIsTakenBeforeItChanges) {
  auto keys = engine();
  FakeSink sink;
  (*keys)->set_frozen_sink(&sink);
  for (const char* key : {"changed", "deleted", "same", "expiring"}) keys->set(0, key, "before");
  const Frozen frozen = (*keys)->freeze();
  keys->set(0, "changed", "after");
  keys->set(0, "changed", "after that");
  keys->del(0, "deleted");
  keys->set(0, "deleted", "again");
  keys->set(0, "new", "after");
  Item item = (*keys)->find((*keys)->db(0), "expiring");
  (*keys)->set_expire(item, UnixTime(5000));
  sink.walk(frozen);
  EXPECT_EQ(sink.taken, (std::map<std::string, std::string>{
                            {"changed", "before"}, {"deleted", "before"}, {"same", "before"}, {"expiring", "before"}}));
  EXPECT_EQ((*keys)->dirty_keys(), 4u);  // for the next one: all but "same"
}

TEST_F(KeyspaceTest, AFailedCheckpointMakesEverythingDirtyAgain) {
  auto keys = engine();
  FakeSink sink;
  (*keys)->set_frozen_sink(&sink);
  keys->set(0, "stays", "1");
  keys->set(0, "goes", "1");
  const Frozen frozen = (*keys)->freeze();
  keys->del(0, "goes");
  sink.walk(frozen);
  EXPECT_EQ((*keys)->dirty_keys(), 1u);
  (*keys)->thaw(frozen);
  EXPECT_EQ((*keys)->dirty_keys(), 2u);
  sink.taken.clear();
  sink.walk((*keys)->freeze());
  EXPECT_EQ(sink.taken, (std::map<std::string, std::string>{{"stays", "1"}, {"goes", "(gone)"}}));
}

TEST_F(KeyspaceTest, ATombstoneOutlivesTheSweepUntilItsCheckpointHasEnded) {
  auto store = open_store();
  auto keys = engine();
  (*keys)->attach_store(store.get());
  Checkpointer checkpointer(*keys->keyspace, *store, [] { return Status(); }, [] {});
  keys->set(0, "a", "1");
  checkpointer.start({});
  ASSERT_TRUE(checkpointer.finish().status.ok());  // a sweep may run from now on
  keys->del(0, "a");
  checkpointer.start({});
  checkpointer.step(std::chrono::seconds(1));  // the tombstone is clean, the store still has the key
  (*keys)->sweep_tombstones(1000);
  EXPECT_EQ((*keys)->db(0).table->tombstones(), 1u);
  ASSERT_TRUE(checkpointer.finish().status.ok());
  while (!(*keys)->sweep_tombstones(1000)) {
  }
  EXPECT_EQ((*keys)->db(0).table->tombstones(), 0u);
  EXPECT_FALSE((*keys)->find((*keys)->db(0), "a"));
}

TEST_F(KeyspaceTest, ALabelThatIsCutShortIsRefused) {
  auto keys = engine();
  keys->set(0, "a", "1");
  const std::string state = (*keys)->freeze().engine_state;
  for (std::size_t bytes = 0; bytes < state.size(); ++bytes) {
    // A cut between two lines takes whole databases away; that is for the label's own checksum to find.
    if (bytes > 0 && state[bytes - 1] == '\n') continue;
    EXPECT_FALSE(EngineState::parse(state.substr(0, bytes)).ok()) << bytes;
  }
}

/// A store with a checkpoint of many keys, and the keyspace it was made from.
class ColdKeys : public KeyspaceTest {
 protected:
  ColdKeys() {
    for (int i = 0; i < kKeys; ++i) {
      const auto expire = i % 5 == 0 ? std::optional<std::int64_t>(5000 + i) : std::nullopt;
      warm_->set(i % 2, name(i), fmt::format("value {}", i), expire);
    }
    Checkpointer checkpointer(*warm_->keyspace, *store_, [] { return Status(); }, [] {});
    checkpointer.start({});
    const Status status = checkpointer.finish().status;
    EXPECT_TRUE(status.ok()) << status.message();
    cold_ = reopened(*store_);
  }

  static std::string name(int i) { return fmt::format("key:{}", i); }

  std::multiset<std::string> scanned(Engine& keys, int db, std::size_t count, std::size_t* largest = nullptr) {
    std::multiset<std::string> out;
    Hash48 cursor = 0;
    do {
      std::size_t shown = 0;
      cursor = *keys->scan(keys->db(db), cursor, count, [&](std::string_view key, const TypeOps& type) {
        EXPECT_EQ(type.name, "string");
        out.emplace(key);
        ++shown;
      });
      if (largest != nullptr) *largest = std::max(*largest, shown);
    } while (cursor != 0);
    return out;
  }

  static constexpr int kKeys = 4000;
  std::unique_ptr<Store> store_ = open_store();
  std::unique_ptr<Engine> warm_ = engine();
  std::unique_ptr<Engine> cold_;
};

TEST_F(ColdKeys, AreCountedAndDigestedWithoutBeingLoaded) {
  EXPECT_EQ((*cold_)->db(0).table->size(), 0u);
  for (int db = 0; db < kDatabases; ++db) {
    EXPECT_EQ((*cold_)->db(db).size(), (*warm_)->db(db).size());
    EXPECT_EQ((*cold_)->db(db).expires_size(), (*warm_)->db(db).expires_size());
  }
  EXPECT_EQ(cold_->digest(), warm_->digest());
  EXPECT_EQ((*cold_)->stats().loads, 0u);
}

TEST_F(ColdKeys, AreFoundWithValueAndExpiry) {
  for (int i = 0; i < kKeys; ++i) {
    const Item item = (*cold_)->find((*cold_)->db(i % 2), name(i));
    ASSERT_TRUE(item) << name(i);
    EXPECT_EQ(item.entry->inline_value(), fmt::format("value {}", i));
    EXPECT_EQ(item.entry->has_expire(), i % 5 == 0);
  }
  EXPECT_FALSE((*cold_)->find((*cold_)->db(0), "none"));
  EXPECT_EQ((*cold_)->db(0).cold + (*cold_)->db(1).cold, 0u);
  EXPECT_EQ(cold_->digest(), warm_->digest());
}

TEST_F(ColdKeys, AreScannedOnceEachTogetherWithResidentOnes) {
  for (int i = 0; i < kKeys; i += 3) (*cold_)->find((*cold_)->db(i % 2), name(i));  // now resident
  for (int i = 0; i < kKeys; i += 7) cold_->del(i % 2, name(i)), warm_->del(i % 2, name(i));
  for (int i = 0; i < 500; ++i) cold_->set(0, fmt::format("new:{}", i), "v"), warm_->set(0, fmt::format("new:{}", i), "v");
  for (const std::size_t count : {1, 10, 100'000}) {
    std::size_t largest = 0;
    EXPECT_EQ(scanned(*cold_, 0, count, &largest), scanned(*warm_, 0, 10));
    EXPECT_EQ(scanned(*cold_, 1, count, &largest), scanned(*warm_, 1, 10));
    EXPECT_LE(largest, count);
  }
}

TEST_F(ColdKeys, AreDrawnAtRandom) {
  std::set<std::string> drawn;
  for (int i = 0; i < 500; ++i) drawn.emplace((*cold_)->random((*cold_)->db(0)).key);
  EXPECT_GT(drawn.size(), 350u);
}

TEST_F(ColdKeys, ExpireByTheRowsOfTheStore) {
  for (auto* keys : {warm_.get(), cold_.get()}) (*keys)->set_now(UnixTime(7000));
  std::size_t rows = 0;
  auto row = store_->expires_until((*cold_)->now());
  for (; row.valid(); row.next(), ++rows) {
    if ((*cold_)->expire_stored(row.expire_at(), row.object_key(), false) != Keyspace::StoredExpiry::cold) continue;
    const Status status = (*cold_)->install_loaded(row.object_key(), *store_->get(row.object_key()));
    ASSERT_TRUE(status.ok()) << status.message();
  }
  EXPECT_EQ(rows, 401u);
  EXPECT_EQ((*cold_)->expire_due(kKeys), rows);
  EXPECT_EQ((*warm_)->expire_due(kKeys), rows);
  EXPECT_EQ(cold_->digest(), warm_->digest());
}

TEST_F(KeyspaceTest, TheStoreHoldsTheStateAtTheFreezeWhateverHappensMeanwhile) {
  auto store = open_store();
  auto keys = engine();
  (*keys)->attach_store(store.get());
  (*keys)->set_now(UnixTime(1'000'000));
  const auto mutate = [&] {
    const int db = static_cast<int>(random_() % kDatabases);
    const std::string key = fmt::format("key:{}", random_() % 3000);
    const std::int64_t later = (*keys)->now().ms() + static_cast<std::int64_t>(random_() % 5000);
    Item item = (*keys)->find((*keys)->db(db), key);
    switch (random_() % 8) {
      case 0:
      case 1:
        keys->set(db, key, fmt::format("{}", random_()));
        break;
      case 2:
        keys->set(db, key, std::string(random_() % 100, 'y'), later);
        break;
      case 3:
        if (item) (*keys)->set_expire(item, UnixTime(later));
        break;
      case 4:
        if (item) (*keys)->set_expire(item, std::nullopt);
        break;
      case 5:
        if (item) (*keys)->erase(item);
        break;
      case 6:
        if (item) (*keys)->erase(item);
        item = (*keys)->find((*keys)->db(db), key);
        (*keys)->create(item, Entry::make_string(key, "again", UnixTime(later)));
        break;
      default:
        (*keys)->set_now(UnixTime((*keys)->now().ms() + 1));
        (*keys)->expire_due(3);
        if (random_() % 1000 == 0) (*keys)->flush((*keys)->db(db), random_() % 2 == 0);
        if (random_() % 200 == 0) (*keys)->swap(db, static_cast<int>(random_() % kDatabases));
    }
  };
  Checkpointer checkpointer(*keys->keyspace, *store, [] { return Status(); }, [] {});
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 6000; ++i) mutate();
    const std::string digest = keys->digest();
    const std::int64_t now = (*keys)->now().ms();
    checkpointer.start({});
    while (checkpointer.walking()) {
      for (int i = 0; i < 300; ++i) mutate();
      if (random_() % 3 == 0) (*keys)->sweep_tombstones(2);
      checkpointer.step(std::chrono::microseconds(20));
    }
    const Status status = checkpointer.finish().status;
    ASSERT_TRUE(status.ok()) << status.message();

    auto cold = reopened(*store);
    (*cold)->set_now(UnixTime(now));
    (*cold)->set_expiry(Expiry::off);
    ASSERT_EQ(cold->digest(), digest) << "round " << round;
    // Rows of the expiry index: exactly those of the keys that the partitions in use hold.
    std::multiset<std::pair<std::int64_t, std::string>> rows, expected;
    std::set<Partition> partitions;
    for (int db = 0; db < kDatabases; ++db) partitions.insert((*cold)->db(db).partition);
    auto row = store->expires_until(UnixTime(std::numeric_limits<std::int64_t>::max()));
    for (; row.valid(); row.next()) {
      const std::string_view stored = row.object_key();
      if (partitions.contains(stored_key_partition(stored))) {
        rows.emplace(row.expire_at().ms(), stored);
      }
    }
    for (int db = 0; db < kDatabases; ++db) {
      std::vector<std::string> names;
      const auto end = (*cold)->scan((*cold)->db(db), 0, 1'000'000,
                                     [&](std::string_view key, const TypeOps&) { names.emplace_back(key); });
      ASSERT_TRUE(end.ok());
      ASSERT_EQ(names.size(), (*cold)->db(db).size());
      for (const std::string& key : names) {
        const Item item = (*cold)->find((*cold)->db(db), key);
        ASSERT_TRUE(item) << key;
        if (const auto at = item.entry->expire_at()) {
          expected.emplace(at->ms(), (*cold)->stored_key_of((*cold)->db(db), key));
        }
      }
    }
    ASSERT_EQ(rows, expected) << "round " << round;
    while (round % 2 == 0 && !(*keys)->sweep_tombstones(1000)) {
    }
  }
}

}  // namespace
}  // namespace stele::test
