// Whose history is whose: what resumes after promotions, crashes and losses, what is refused, and what is saved before
// it is dropped.
#include <signal.h>

#include <fmt/format.h>

#include "tests/system/replication_fixture.h"

namespace stele::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

void copy_tree(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

/// What is in the files of writes that a new primary did not have.
std::string lost_writes_of(const Server& server) {
  std::string lost;
  for (const auto& entry : fs::directory_iterator(server.directory())) {
    if (entry.path().filename().native().starts_with("lost-writes-")) lost += read_file(entry.path());
  }
  return lost;
}

class ReplicationHistory : public ::testing::Test {
 protected:
  // Nothing is in the stream that a test has not put there.
  Server primary_{"--repl-diskless-sync-delay", "0", "--journal-retain-size",      "64mb",
                  "--repl-digest-interval",     "0", "--repl-ping-replica-period", "3600"};
};

TEST_F(ReplicationHistory, APromotedReplicaGoesOnWithTheHistoryAndTheReplicasBelowItResume) {
  Server promoted(following(primary_));
  Server ours(following(promoted));
  RedisServer stock(following(promoted));
  primary_.run("SET", "before", "1");
  for (Server* const server : {&promoted, &ours, static_cast<Server*>(&stock)}) {
    server->wait_until([&] { return in_step(primary_, *server); });
  }
  const std::string replid = primary_.info("master_replid");
  const std::int64_t full = number(promoted, "sync_full");
  ASSERT_EQ(promoted.run("REPLICAOF", "NO", "ONE"), "OK");
  EXPECT_EQ(promoted.info("role"), "master");
  EXPECT_EQ(promoted.info("master_replid2"), replid);
  EXPECT_NE(promoted.info("master_replid"), replid);
  EXPECT_EQ(promoted.run("SET", "after", "1"), "OK");
  for (Server* const server : {&ours, static_cast<Server*>(&stock)}) {
    server->wait_until([&] { return in_step(promoted, *server); });
    EXPECT_EQ(digest(*server), digest(promoted));
    EXPECT_EQ(server->info("master_replid"), promoted.info("master_replid"));
  }
  EXPECT_EQ(number(promoted, "sync_full"), full);
  EXPECT_EQ(number(promoted, "sync_partial_ok"), 2);

  // And the old primary, if it has written nothing since, comes back without a full sync.
  ASSERT_EQ(primary_.run("REPLICAOF", "127.0.0.1", promoted.port()), "OK");
  wait_in_step(promoted, primary_);
  EXPECT_EQ(primary_.run("GET", "after"), "1");
  EXPECT_EQ(number(promoted, "sync_full"), full);
}

TEST_F(ReplicationHistory, APromotedReplicaKeepsItsNamesAcrossARestart) {
  Server promoted(following(primary_));
  wait_in_step(primary_, promoted);
  primary_.run("SET", "k", "v");
  wait_in_step(primary_, promoted);
  promoted.run("REPLICAOF", "NO", "ONE");
  const std::string replid = promoted.info("master_replid"), older = promoted.info("master_replid2");
  const std::string until = promoted.info("second_repl_offset");
  promoted.terminate();
  Server sibling(following(primary_));
  wait_in_step(primary_, sibling);
  const TemporaryDirectory directory;
  copy_tree(promoted.directory(), directory.path() / "data");
  Server again{"--dir", (directory.path() / "data").native(), "--repl-diskless-sync-delay", "0"};
  EXPECT_EQ(again.info("master_replid"), replid);
  EXPECT_EQ(again.info("master_replid2"), older);
  EXPECT_EQ(again.info("second_repl_offset"), until);
  // Somebody who knows the older name only.
  sibling.run("REPLICAOF", "127.0.0.1", again.port());
  wait_in_step(again, sibling);
  EXPECT_EQ(again.info("sync_full"), "0");
}

TEST_F(ReplicationHistory, AfterAnUncleanRestartThePrimaryHasANewNameAndReplicasResume) {
  Server replica(following(primary_));
  RedisServer stock(following(primary_));
  primary_.run("SET", "k", "v");
  wait_in_step(primary_, replica);
  wait_in_step(primary_, stock);
  const std::string replid = primary_.info("master_replid");
  primary_.kill9();
  primary_.restart();
  EXPECT_NE(primary_.info("master_replid"), replid);
  EXPECT_EQ(primary_.info("master_replid2"), replid);
  primary_.run("SET", "k", "w");
  for (Server* const server : {&replica, static_cast<Server*>(&stock)}) {
    server->wait_until([&] { return in_step(primary_, *server); });
    EXPECT_EQ(server->run("GET", "k"), "w");
    EXPECT_EQ(server->info("master_replid"), primary_.info("master_replid"));
  }
  EXPECT_EQ(primary_.info("sync_full"), "0");
  EXPECT_EQ(primary_.info("sync_partial_ok"), "2");
}

TEST_F(ReplicationHistory, AfterACleanRestartThePrimaryHasTheNameItHad) {
  Server replica(following(primary_));
  primary_.run("SET", "k", "v");
  wait_in_step(primary_, replica);
  const std::string replid = primary_.info("master_replid");
  primary_.restart();
  EXPECT_EQ(primary_.info("master_replid"), replid);
  wait_in_step(primary_, replica);
  EXPECT_EQ(primary_.info("sync_full"), "0");
}

// The replica knows a name that is two crashes old.
TEST_F(ReplicationHistory, SeveralUncleanRestartsWhileAReplicaIsAwayCostNoFullSync) {
  Server replica(following(primary_));
  primary_.run("SET", "k", "v");
  wait_in_step(primary_, replica);
  replica.terminate();
  for (int i = 0; i < 4; ++i) {
    primary_.run("SET", "k", std::to_string(i));
    primary_.kill9();
    if (i % 2 == 0) {  // once more, before anyone was there to use the new name
      primary_.restart();
      primary_.kill9();
    }
    primary_.restart();
  }
  replica.restart();
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("GET", "k"), "3");
  EXPECT_EQ(digest(replica), digest(primary_));
  EXPECT_EQ(primary_.info("sync_full"), "0");
  EXPECT_EQ(primary_.info("sync_partial_ok"), "1");
}

TEST_F(ReplicationHistory, AReplicaThatWasKilledResumes) {
  primary_.run("SET", "k", "v");
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  for (int i = 0; i < 5; ++i) {
    replica.kill9();
    primary_.run("INCR", "counter");
    replica.spawn();
    std::this_thread::sleep_for(std::chrono::milliseconds(i * 20));  // the random moment is the point, not a wait
    replica.kill9();
    primary_.run("INCR", "counter");
    replica.restart();
    wait_in_step(primary_, replica);
    EXPECT_EQ(digest(replica), digest(primary_));
  }
  EXPECT_EQ(primary_.info("sync_full"), "1");
}

TEST_F(ReplicationHistory, AReplicaThatHasLostItsStoreResumesFromItsAppendOnlyFiles) {
  Client client = primary_.connect();
  set_keys(client, 1000);
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  set_keys(client, 1000, "later:");
  wait_in_step(primary_, replica);
  replica.terminate();
  fs::remove_all(replica.directory() / "rocksdb");
  primary_.run("SET", "meanwhile", "v");
  replica.restart();
  wait_in_step(primary_, replica);
  EXPECT_EQ(digest(replica), digest(primary_));
  EXPECT_EQ(primary_.info("sync_full"), "1");
  EXPECT_EQ(primary_.info("sync_partial_ok"), "1");
}

TEST_F(ReplicationHistory, AReplicaThatWasAwayForLongIsServedFromTheDisk) {
  primary_.run("SET", "k", "v");
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  replica.terminate();
  primary_.run("CONFIG", "SET", "repl-backlog-size", "16kb");
  Client client = primary_.connect();
  set_keys(client, 100'000);
  primary_.run("BGSAVE");
  primary_.restart();
  replica.restart();
  wait_in_step(primary_, replica);
  EXPECT_EQ(digest(replica), digest(primary_));
  EXPECT_EQ(primary_.info("sync_full"), "0");
}

// --- never wipe

TEST_F(ReplicationHistory, AReplicaWithDataDoesNotFollowAnEmptyPrimaryUnlessToldTo) {
  Server replica;
  replica.run("SET", "mine", "1");
  ASSERT_EQ(replica.run("REPLICAOF", "127.0.0.1", primary_.port()), "OK");
  replica.wait_until([&] { return replica.info("master_sync_refused_reason") == "empty-primary"; });
  EXPECT_EQ(replica.run("GET", "mine"), "1");
  EXPECT_EQ(replica.info("master_link_status"), "down");
  EXPECT_TRUE(contains(replica.log(), "FORCE"));
  EXPECT_EQ(primary_.info("sync_full"), "0") << "it was not even asked for";

  ASSERT_EQ(replica.run("REPLICAOF", "127.0.0.1", primary_.port(), "FORCE"), "OK");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("DBSIZE"), "0");
  EXPECT_EQ(replica.info("master_sync_refused_reason"), "");
}

TEST_F(ReplicationHistory, ASettingAllowsAnEmptyPrimaryForEver) {
  Server replica{"--replica-accept-empty-primary", "yes"};
  replica.run("SET", "mine", "1");
  replica.run("REPLICAOF", "127.0.0.1", primary_.port());
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("DBSIZE"), "0");
}

TEST_F(ReplicationHistory, TheReplicasOfAPrimaryThatLostItsDiskKeepTheData) {
  Server replica(following(primary_));
  primary_.run("SET", "k", "v");
  wait_in_step(primary_, replica);
  primary_.kill9();
  for (const auto& entry : fs::directory_iterator(primary_.directory())) fs::remove_all(entry.path());
  primary_.restart();
  EXPECT_EQ(primary_.run("DBSIZE"), "0");
  replica.wait_until([&] { return replica.info("master_sync_refused_reason") == "empty-primary"; });
  EXPECT_EQ(replica.run("GET", "k"), "v");
  // Once it has data again it is followed, as any primary is.
  primary_.run("SET", "new", "1");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("DBSIZE"), "1");
}

TEST_F(ReplicationHistory, AStockPrimaryThatStartsEmptyDoesNotEmptyItsReplicas) {
  RedisServer stock{"--appendonly", "no", "--repl-diskless-sync-delay", "0"};
  Server replica(following(stock));
  stock.run("SET", "k", "v");
  wait_in_step(stock, replica);
  stock.kill9();
  stock.restart();
  replica.wait_until([&] { return replica.info("master_sync_refused_reason") == "empty-primary"; });
  EXPECT_EQ(replica.run("GET", "k"), "v");
}

TEST_F(ReplicationHistory, APrimaryThatFlushedEverythingIsFollowed) {
  Server replica(following(primary_));
  primary_.run("SET", "k", "v");
  wait_in_step(primary_, replica);
  primary_.run("FLUSHALL");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("DBSIZE"), "0");
  primary_.run("SET", "k", "v");
  wait_in_step(primary_, replica);
  replica.terminate();
  primary_.run("FLUSHALL");
  replica.restart();
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("DBSIZE"), "0");
  EXPECT_EQ(primary_.info("sync_full"), "1");
}

TEST_F(ReplicationHistory, APrimaryThatWasPutBackFromAnOldCopyDoesNotTakeItsReplicasBack) {
  Server replica(following(primary_));
  primary_.run("SET", "k", "old");
  wait_in_step(primary_, replica);
  const TemporaryDirectory directory;
  primary_.terminate();
  copy_tree(primary_.directory(), directory.path() / "copy");
  primary_.restart();
  primary_.run("SET", "k", "new");
  wait_in_step(primary_, replica);
  primary_.terminate();
  copy_tree(directory.path() / "copy", primary_.directory());
  primary_.restart();
  EXPECT_EQ(primary_.run("GET", "k"), "old");
  replica.wait_until([&] { return replica.info("master_sync_refused_reason") == "primary-is-behind"; });
  EXPECT_EQ(replica.run("GET", "k"), "new");
  EXPECT_EQ(replica.run("REPLICAOF", "127.0.0.1", primary_.port(), "FORCE"), "OK");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("GET", "k"), "old");
  // And what that has cost is in a file.
  EXPECT_EQ(replica.info("lost_writes_files"), "1");
  EXPECT_TRUE(contains(lost_writes_of(replica), "$3\r\nnew\r\n"));
}

// --- lost writes

TEST_F(ReplicationHistory, WritesThatADemotedPrimaryAloneHadAreSavedAndCanBeReplayed) {
  Server promoted(following(primary_));
  primary_.run("SELECT", 3);
  primary_.run("SET", "shared", "1");
  wait_in_step(primary_, promoted);
  promoted.run("REPLICAOF", "NO", "ONE");
  promoted.run("SET", "there", "1");
  primary_.run("SET", "here", "1");
  primary_.run("RPUSH", "list", "a", "b");
  primary_.run("SELECT", 0);
  primary_.run("INCR", "counter");
  ASSERT_EQ(primary_.run("REPLICAOF", "127.0.0.1", promoted.port()), "OK");
  wait_in_step(promoted, primary_);
  EXPECT_EQ(digest(primary_), digest(promoted));
  EXPECT_EQ(primary_.info("lost_writes_files"), "1");
  EXPECT_GT(number(primary_, "lost_writes_bytes"), 0);

  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(primary_.directory())) {
    if (entry.path().filename().native().starts_with("lost-writes-")) files.push_back(entry.path());
  }
  ASSERT_EQ(files.size(), 1u);
  const std::string lost = read_file(files[0]);
  EXPECT_TRUE(contains(lost, "here"));
  EXPECT_EQ(lost.find("shared"), std::string::npos) << lost;
  const Outcome pipe = run_program("redis-cli", {"-p", std::to_string(promoted.port()), "--pipe"}, lost);
  EXPECT_EQ(pipe.exit_code, 0) << pipe.output;
  EXPECT_TRUE(contains(pipe.output, "errors: 0"));
  wait_in_step(promoted, primary_);
  EXPECT_EQ(primary_.run("GET", "counter"), "1");
  primary_.run("SELECT", 3);
  EXPECT_EQ(primary_.run("GET", "here"), "1");
  EXPECT_EQ(primary_.run("LLEN", "list"), "2");
}

TEST_F(ReplicationHistory, ADemotedPrimaryThatHadNothingAloneSavesNothing) {
  Server promoted(following(primary_));
  primary_.run("SET", "shared", "1");
  wait_in_step(primary_, promoted);
  promoted.run("REPLICAOF", "NO", "ONE");
  promoted.run("SET", "there", "1");
  primary_.run("REPLICAOF", "127.0.0.1", promoted.port());
  wait_in_step(promoted, primary_);
  EXPECT_EQ(primary_.info("lost_writes_files"), "0");
  EXPECT_EQ(promoted.info("sync_full"), "0");
}

// A crash of a primary that was about to be demoted changes its name; what it had alone is as lost as before.
TEST_F(ReplicationHistory, WritesThatWereLostAreSavedAlsoIfThePrimaryHadCrashed) {
  Server promoted(following(primary_));
  primary_.run("SET", "shared", "1");
  wait_in_step(primary_, promoted);
  promoted.run("REPLICAOF", "NO", "ONE");
  primary_.run("SET", "here", "1");
  primary_.kill9();
  promoted.run("SET", "there", "1");
  primary_.restart();
  primary_.run("SET", "here-too", "1");
  primary_.run("REPLICAOF", "127.0.0.1", promoted.port());
  wait_in_step(promoted, primary_);
  EXPECT_EQ(digest(primary_), digest(promoted));
  ASSERT_EQ(primary_.info("lost_writes_files"), "1");
  const std::string lost = lost_writes_of(primary_);
  EXPECT_TRUE(contains(lost, "here-too"));
  EXPECT_EQ(lost.find("shared"), std::string::npos) << lost;
}

// Twice, so that INFO's second name is not the one that was shared.
TEST_F(ReplicationHistory, WritesThatWereLostAreSavedAlsoIfThePromotedServerHasCrashedSince) {
  Server promoted{"--repl-diskless-sync-delay", "0"};
  promoted.run("REPLICAOF", "127.0.0.1", primary_.port());
  primary_.run("SET", "shared", "1");
  wait_in_step(primary_, promoted);
  promoted.run("REPLICAOF", "NO", "ONE");
  primary_.run("SET", "here", "1");
  for (int i = 0; i < 2; ++i) {
    promoted.run("SET", "there", std::to_string(i));
    promoted.kill9();
    promoted.restart();
  }
  primary_.run("REPLICAOF", "127.0.0.1", promoted.port());
  wait_in_step(promoted, primary_);
  EXPECT_EQ(digest(primary_), digest(promoted));
  ASSERT_EQ(primary_.info("lost_writes_files"), "1");
  const std::string lost = lost_writes_of(primary_);
  EXPECT_TRUE(contains(lost, "here"));
  EXPECT_EQ(lost.find("shared"), std::string::npos) << lost;
}

// What a primary says to its replicas alone is no loss.
TEST_F(ReplicationHistory, PingsAreNoLostWrites) {
  Server promoted(following(primary_));
  Server other(following(primary_));
  primary_.run("SET", "shared", "1");
  wait_in_step(primary_, promoted);
  promoted.run("REPLICAOF", "NO", "ONE");
  primary_.run("CONFIG", "SET", "repl-ping-replica-period", 1);
  const std::int64_t before = number(primary_, "master_repl_offset");
  primary_.wait_until([&] { return number(primary_, "master_repl_offset") > before; });
  promoted.run("SET", "there", "1");
  primary_.run("REPLICAOF", "127.0.0.1", promoted.port());
  wait_in_step(promoted, primary_);
  EXPECT_EQ(promoted.info("sync_full"), "1");
  EXPECT_EQ(primary_.info("lost_writes_files"), "0");
  EXPECT_EQ(lost_writes_of(primary_), "");
}

}  // namespace
}  // namespace stele::test
