// Stores built anew from RDB and append-only files: the corpus of real, unusual and damaged files, by DEBUG DIGEST; and what the
// server writes itself, read again.
#include "engine/rebuild.h"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/rdb/rdb_export.h"
#include "engine/types.h"
#include "persistence/journal_directory.h"
#include "protocol/server.h"
#include "replication/replication.h"
#include "tests/protocol/config_test_support.h"

namespace stele::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path corpus() {
  if (const char* named = std::getenv("STELE_CORPUS")) return named;
  return fs::path(STELE_SOURCE_DIR) / ".." / "shared" / "corpus";
}

Json read_json(const fs::path& path) {
  std::ifstream file(path);
  return Json::parse(file, nullptr, /*allow_exceptions=*/true);
}

class RebuildTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    register_types();
    static CommandRegistry commands;
    register_commands(commands), commands.add(replication_commands());
    registry_ = &commands;
  }

  struct Rebuilt {
    Status status;
    RebuildFigures figures;
    std::string digest;
    std::uint64_t keys = 0;
  };

  Rebuilt rebuild(const RebuildSource& source, bool may_be_truncated = true) {
    const fs::path dir = directory_.path("store");
    fs::remove_all(dir);
    const RebuildOptions options{.may_be_truncated = may_be_truncated, .now = UnixTime(1'700'000'000'000), .replid = ReplicationId(40, 'a')};
    const Result<RebuildFigures> figures = rebuild_store(dir, source, options, *registry_);
    if (!figures.ok()) return {.status = figures.status()};
    Rebuilt out{.figures = *figures};
    const auto store = std::move(*Store::open(dir, {}));
    const Result<EngineState> state = EngineState::parse(store->label()->engine_state);
    EXPECT_TRUE(state.ok()) << state.status().message();
    ByteBuffer batch;
    Effects effects(batch);
    effects.mute(true);
    Watches watches;
    Reclaimer reclaimer;
    Keyspace keyspace(16, state->seed, effects, watches, reclaimer);
    EXPECT_TRUE(keyspace.restore(*state).ok());
    keyspace.attach_store(store.get());
    keyspace.set_expiry(Expiry::off);
    const Result<Digest> digest = keyspace.digest();
    EXPECT_TRUE(digest.ok()) << digest.status().message();
    if (digest.ok()) out.digest = digest->hex();
    for (int i = 0; i < keyspace.databases(); ++i) out.keys += keyspace.db(i).size();
    return out;
  }

  static CommandRegistry* registry_;
  ConfigDirectory directory_;
};

CommandRegistry* RebuildTest::registry_ = nullptr;

class Corpus : public RebuildTest {
 protected:
  void SetUp() override {
    if (!fs::exists(corpus())) GTEST_SKIP() << corpus() << " is not there; STELE_CORPUS names another place";
  }
};

TEST_F(Corpus, EveryRdbFileThatRedisLoadsHasItsDigest) {
  std::size_t loaded = 0, refused = 0, newer = 0;
  for (const auto& entry : fs::recursive_directory_iterator(corpus() / "rdb")) {
    const fs::path expected = entry.path().native() + ".expected.json";
    if (entry.path().extension() != ".rdb" || !fs::exists(expected)) continue;
    SCOPED_TRACE(entry.path().filename());
    const Json stock = read_json(expected).value("redis_7_0_15", Json::object());
    const Rebuilt ours = rebuild({.kind = RebuildSource::Kind::dump, .files = {entry.path()}});
    if (!stock.value("loads", false)) {
      ++(ours.status.ok() ? newer : refused);
      if (!ours.status.ok()) EXPECT_NE(ours.status.message(), "");
      continue;
    }
    ++loaded;
    EXPECT_TRUE(ours.status.ok()) << ours.status.message();
    if (!ours.status.ok()) continue;
    // Minus zero, which 7.2 holds as 0 in a listpack, and 7.0 does not.
    if (entry.path().filename() != "v06__plain_zset_v6__librdb.rdb") EXPECT_EQ(ours.digest, stock.value("digest", ""));
    EXPECT_EQ(ours.keys, stock.value("keys_after_load", std::uint64_t{0}));
  }
  std::cout << loaded << " files as Redis 7.0.15 loads them, " << newer << " that are too new for it, " << refused << " refused\n";
  EXPECT_GT(loaded, 90u);
}

TEST_F(Corpus, EveryDamagedRdbFileIsRefusedOrLoadsAsInRedis) {
  const Json all = read_json(corpus() / "rdb" / "handmade-damaged" / "expected.json");
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(corpus() / "rdb" / "handmade-damaged")) {
    if (entry.path().extension() != ".rdb") continue;
    SCOPED_TRACE(entry.path().filename());
    const Rebuilt ours = rebuild({.kind = RebuildSource::Kind::dump, .files = {entry.path()}});
    if (!ours.status.ok()) EXPECT_NE(ours.status.message().find(entry.path().native()), std::string::npos) << ours.status.message();
    ++files;
  }
  EXPECT_GT(files, 50u);
}

TEST_F(Corpus, EveryAppendOnlyDirectoryHasItsDigestOrItsError) {
  std::size_t loaded = 0, refused = 0;
  for (const auto& entry : fs::recursive_directory_iterator(corpus() / "aof")) {
    const std::string path = entry.path().native();
    const std::string kSuffix = ".expected.json";
    if (!path.ends_with(kSuffix)) continue;
    const fs::path dir = path.substr(0, path.size() - kSuffix.size());
    SCOPED_TRACE(dir.filename());
    const Json expected = read_json(path);
    RebuildSource source{.kind = RebuildSource::Kind::base};
    Status status;
    if (fs::is_regular_file(dir)) {
      source = {.kind = RebuildSource::Kind::old_aof, .files = {dir}};
    } else if (fs::exists(dir / "appendonly.aof")) {
      source = {.kind = RebuildSource::Kind::old_aof, .files = {dir / "appendonly.aof"}};
    } else {
      const bool other = fs::exists(dir / "logdir");
      std::string name = "appendonly.aof";
      const fs::path append_dir = dir / (other ? "logdir" : "appendonlydir");
      for (const auto& file : fs::directory_iterator(append_dir)) {
        if (file.path().extension() == ".manifest") name = file.path().stem();
      }
      const Result<JournalDirectory> found = inspect_journal(append_dir, name);
      status = found.status();
      if (status.ok() && found->base) source.files.push_back(*found->base);
      if (status.ok()) source.files.insert(source.files.end(), found->foreign.begin(), found->foreign.end());
    }
    for (const char* key : {"redis_7_0_15", "with_aof_load_truncated_no"}) {
      if (!expected.contains(key)) continue;
      const Json stock = expected[key];
      const bool truncated = std::string_view(key) == "redis_7_0_15";
      // Without a manifest Redis starts empty; here the start is refused (journal_recovery_test).
      if (status.ok() && source.files.empty()) continue;
      Rebuilt ours{.status = status};
      if (ours.status.ok()) ours = rebuild(source, truncated);
      if (dir.filename() == "single-file-appendonly5") {
        // It has scripts in it, as Redis 5 could be told to write them, and they are not run here.
        EXPECT_NE(ours.status.message().find("'eval'"), std::string::npos) << ours.status.message();
        continue;
      }
      EXPECT_EQ(ours.status.ok(), stock.value("loads", false)) << key << ": " << ours.status.message();
      ++(ours.status.ok() ? loaded : refused);
      if (ours.status.ok() && stock.contains("digest")) {
        EXPECT_EQ(ours.digest, stock.value("digest", ""));
      }
    }
  }
  std::cout << loaded << " loaded, " << refused << " refused\n";
  EXPECT_GT(loaded, 20u);
  EXPECT_GT(refused, 10u);
}

}  // namespace
}  // namespace stele::test
