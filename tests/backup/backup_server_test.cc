// BACKUP on a running server, and servers that are restored from what it wrote.

#include <sys/mount.h>

#include <fstream>

#include "tests/backup/backup_fixture.h"

namespace stele::test {
namespace {

TEST_F(BackedUp, ServerIsRestoredAsItWas) {
  Server server;
  Client client = server.connect();
  set_keys(client, 1000);
  server.run("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 7 end)");
  server.run("SELECT", "3");
  server.run("RPUSH", "list", "a", "b");
  const std::string digest = server.run("DEBUG", "DIGEST").text;
  back_up(server);
  server.run("SET", "after", "the backup");
  Server& copy = restored(1);
  EXPECT_EQ(copy.run("DEBUG", "DIGEST").text, digest);
  EXPECT_EQ(copy.run("FCALL", "f", "0"), "7");
  // Another history: what the first server went on to do is not its own.
  EXPECT_NE(copy.info("master_replid"), server.info("master_replid"));
  EXPECT_EQ(copy.info("master_replid2"), server.info("master_replid"));
}

TEST_F(BackedUp, StateOfTheMomentIsRestoredWhileEverythingIsWrittenTo) {
  Server server{"--checkpoint-journal-bytes", "2mb", "--journal-segment-size", "1mb", "--backup-rate", "0"};
  server.run("SAVE");
  Load load(server, 1);
  std::vector<std::string> digests;
  for (int i = 0; i < 4; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    digests.push_back(i % 2 == 0 ? start_backup_and_digest(server) : start_backup_and_digest(server, "INCREMENTAL"));
    wait_for_backup(server);
    ASSERT_EQ(server.info("backup_last_status"), "ok") << server.info("backup_last_error");
  }
  load.stop();
  for (std::size_t i = 0; i < digests.size(); ++i) {
    EXPECT_EQ(restored(i + 1).run("DEBUG", "DIGEST").text, digests[i]) << "backup " << i + 1;
  }
}

TEST_F(BackedUp, EachOfTwentyIncrementalStepsIsRestored) {
  Server server{"--journal-segment-size", "1mb"};
  server.run("SAVE");
  std::vector<std::string> digests;
  for (int i = 0; i <= 20; ++i) {
    {
      Load load(server, i);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      digests.push_back(start_backup_and_digest(server, "INCREMENTAL"));
    }
    wait_for_backup(server);
    ASSERT_EQ(server.info("backup_last_status"), "ok") << server.info("backup_last_error");
  }
  const BackupDirectory there = directory();
  ASSERT_EQ(there.backups().size(), 21u);
  for (std::size_t i = 0; i < digests.size(); ++i) {
    EXPECT_EQ(there.backups()[i].kind, i == 0 ? Backup::Kind::full : Backup::Kind::incremental) << i;
    EXPECT_EQ(restored(i + 1).run("DEBUG", "DIGEST").text, digests[i]) << "backup " << i + 1;
  }
}

TEST_F(BackedUp, IncrementalOneIsFullWhenTheJournalWasTrimmed) {
  Server server{"--journal-segment-size", "1mb", "--journal-retain-size", "0", "--appendonly", "no"};
  Client client = server.connect();
  set_keys(client, 20000);
  server.run("SAVE");
  back_up(server);
  for (int i = 0; i < 4; ++i) {
    set_keys(client, 20000, fmt::format("round:{}:", i));
    server.run("SAVE");
  }
  server.wait_until([&] { return std::stoull(server.info("journal_start")) > directory().backups()[0].end.bytes(); });
  const std::string digest = start_backup_and_digest(server, "INCREMENTAL");
  wait_for_backup(server);
  EXPECT_TRUE(contains(server.info("backup_last_full_because"), "trimmed"));
  EXPECT_EQ(server.info("backup_last_kind"), "full");
  EXPECT_EQ(restored(2).run("DEBUG", "DIGEST").text, digest);
}

TEST_F(BackedUp, FilesThatTheLastOneHasAreNotStoredAgain) {
  Server server;
  Client client = server.connect();
  set_keys(client, 50000);
  server.run("SAVE");
  back_up(server);
  client.run("SET", "one", "more");
  back_up(server);
  const BackupDirectory there = directory();
  const auto sst_of = [](const Backup& backup) {
    std::vector<std::string> paths;
    for (const BackupFile& file : backup.store) {
      if (file.path.ends_with(".sst")) paths.push_back(file.path);
    }
    return paths;
  };
  EXPECT_EQ(sst_of(there.backups()[0]), sst_of(there.backups()[1]));
  EXPECT_EQ(there.backups()[1].kind, Backup::Kind::full);
  // Copied ones are found to be the same by their checksums.
  back_up(server, "COPY");
  EXPECT_EQ(sst_of(directory().backups()[2]), sst_of(there.backups()[0]));
  EXPECT_EQ(restored(3).run("GET", "one"), "more");
}

TEST_F(BackedUp, ItsSegmentsAreReadByLz4) {
  Server server;
  server.run("SAVE");
  server.run("SET", "key", "value");
  back_up(server);
  const Backup backup = directory().backups()[0];
  ASSERT_FALSE(backup.segments.empty());
  const Outcome unpacked = run_program("lz4", {"-dc", (backups() / backup.segments.back().file.path).native()});
  EXPECT_EQ(unpacked.exit_code, 0);
  EXPECT_EQ(unpacked.output.size(), backup.segments.back().segment_bytes);
  EXPECT_TRUE(contains(unpacked.output, "SET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n"));
}

TEST_F(BackedUp, OneChangedByteAnywhereIsFoundAndTheFileIsNamed) {
  Server server;
  Client client = server.connect();
  set_keys(client, 2000);
  back_up(server);
  set_keys(client, 500, "more:");
  back_up(server, "INCREMENTAL");
  const auto problem = [&](const fs::path& restore_to) -> Status {
    STELE_TRY(const BackupDirectory there, BackupDirectory::open(backups()));
    STELE_TRY(const Backup backup, there.find(2));
    STELE_CHECK(there.verify(backup));
    return restore_backup(there, backup, {.data_dir = restore_to});
  };
  ASSERT_TRUE(problem(temporary_.path() / "good").ok());
  std::size_t flipped = 0;
  for (const fs::path& file : files_in(backups())) {
    const bool means_nothing = file.filename() == "LOCK" || file.filename() == "000001.backup";  // not of backup 2
    const std::uint64_t bytes = fs::file_size(file);
    if (means_nothing || bytes == 0) continue;
    const Backup second = directory().backups()[1];
    const bool belongs = file.filename() == kBackupMarkFile || file.extension() == ".backup" ||
                         std::ranges::any_of(second.files(), [&](const BackupFile* f) { return backups() / f->path == file; });
    if (!belongs) continue;
    for (const std::uint64_t at : {std::uint64_t{0}, bytes / 3, bytes / 2, bytes - 1}) {
      flip_byte_at(file, at);
      const Status status = problem(temporary_.path() / "bad");
      EXPECT_EQ(status.code(), Code::corrupt) << file << " at " << at;
      EXPECT_TRUE(contains(status.message(), file.filename().native())) << "at " << at;
      // A restore that does not verify first finds it as well, and leaves nothing behind.
      if (const auto there = BackupDirectory::open(backups()); there.ok() && there->find(2).ok()) {
        const Status refused = restore_backup(*there, *there->find(2), {.data_dir = temporary_.path() / "bad"});
        EXPECT_TRUE(contains(refused.message(), file.filename().native()));
        EXPECT_FALSE(fs::exists(temporary_.path() / "bad"));
      }
      flip_byte_at(file, at);
      ++flipped;
    }
    const std::string content = read_file(file);
    fs::remove(file);
    EXPECT_FALSE(problem(temporary_.path() / "bad").ok()) << file << " removed";
    write_file(file, content);
  }
  EXPECT_GT(flipped, 20u);
  EXPECT_TRUE(problem(temporary_.path() / "good again").ok());
}

TEST_F(BackedUp, RestoreDoesNotGoWhereSomethingIs) {
  Server server;
  back_up(server);
  const BackupDirectory there = directory();
  const fs::path to = temporary_.path() / "data";
  fs::create_directories(to / "rocksdb");
  const Status status = restore_backup(there, there.backups()[0], {.data_dir = to});
  EXPECT_EQ(status.code(), Code::invalid);
  EXPECT_TRUE(contains(status.message(), "rocksdb is there already"));
}

TEST_F(BackedUp, WrongPlacesAreRefused) {
  Server server;
  EXPECT_TRUE(contains(server.run("BACKUP", "TO", "relative").text, "ERR the path must be absolute"));
  EXPECT_TRUE(contains(server.run("BACKUP", "TO", server.directory().native()).text, "keeps its data"));
  EXPECT_TRUE(contains(server.run("BACKUP", "TO", (server.directory() / "rocksdb").native() + "/").text, "keeps its data"));
  EXPECT_EQ(server.run("BACKUP", "TO", backups().native(), "SIDEWAYS"), error("ERR syntax error"));
  EXPECT_EQ(server.run("BACKUP", "TO", backups().native(), "COPY", "COPY"), error("ERR syntax error"));
  EXPECT_EQ(server.run("BACKUP", "CANCEL"), error("ERR No backup is in progress"));

  fs::create_directories(backups());
  write_file(backups() / "photo.jpg", "something else");
  start_backup(server);
  wait_for_backup(server);
  EXPECT_TRUE(contains(server.info("backup_last_error"), "holds something that is no backup of stele"));
  EXPECT_EQ(files_in(backups()).size(), 1u);

  fs::remove(backups() / "photo.jpg");
  back_up(server);
  Server other;
  start_backup(other);
  wait_for_backup(other);
  EXPECT_TRUE(contains(other.info("backup_last_error"), "holds backups of another server"));
  EXPECT_EQ(directory().backups().size(), 1u);
}

TEST_F(BackedUp, ServerKnowsItsBackupsAgainAfterAKill) {
  Server server;
  server.run("SET", "key", "1");
  back_up(server);
  server.run("SET", "key", "2");
  for (int i = 0; i < 3; ++i) {  // each begins a segment
    server.kill9();
    server.restart();
  }
  server.run("SET", "key", "3");
  back_up(server, "INCREMENTAL");
  EXPECT_EQ(server.info("backup_last_kind"), "incremental") << server.info("backup_last_full_because");
  back_up(server, "INCREMENTAL");  // nothing has come since
  EXPECT_EQ(restored(2).run("GET", "key"), "3");
  EXPECT_EQ(restored(3).run("GET", "key"), "3");
}

TEST_F(BackedUp, BackupThatWasKilledLeavesNothingThatCountsAsOne) {
  Server server{"--backup-rate", "200kb"};
  server.run("DEBUG", "POPULATE", "30000", "key", "100");
  server.run("SAVE");
  start_backup(server);
  server.wait_until([&] { return std::stoull(server.info("backup_current_bytes")) > 0; });
  EXPECT_EQ(start_backup(server), error("ERR A backup is in progress already"));
  server.kill9();
  EXPECT_TRUE(directory().backups().empty());
  server.restart({"--backup-rate", "0"});
  EXPECT_FALSE(fs::exists(server.directory() / "backup.linking"));
  back_up(server);
  for (const auto& entry : fs::directory_iterator(backups())) EXPECT_FALSE(entry.path().native().ends_with(".partial"));
  EXPECT_EQ(restored(1).run("DBSIZE"), "30000");
}

TEST_F(BackedUp, CancelledBackupEndsSoonAndLeavesNothing) {
  Server server{"--backup-rate", "100kb"};
  server.run("DEBUG", "POPULATE", "30000", "key", "100");
  server.run("SAVE");
  start_backup(server);
  server.wait_until([&] { return std::stoull(server.info("backup_current_bytes")) > 0; });
  EXPECT_EQ(server.run("BACKUP", "CANCEL"), "OK");
  wait_for_backup(server);
  EXPECT_EQ(server.info("backup_last_status"), "err");
  EXPECT_EQ(server.info("backup_last_error"), "cancelled");
  EXPECT_TRUE(directory().backups().empty());
  EXPECT_FALSE(fs::exists(backups() / "000001.partial"));
}

TEST_F(BackedUp, FullDiskIsOneClearMessage) {
  if (!is_root()) GTEST_SKIP() << "needs root: it mounts a small file system";
  fs::create_directories(backups());
  ASSERT_EQ(::mount("tmpfs", backups().c_str(), "tmpfs", 0, "size=1m"), 0);
  {
    Server server;
    server.run("SET", "key", "value");
    back_up(server);
    for (int i = 0; i < 64; ++i) {
      std::string noise;
      for (int j = 0; j < 50'000; ++j) noise.push_back(static_cast<char>((i * 7919 + j * j * 104729 + j * 31) >> 3));
      server.run("SET", fmt::format("noise:{}", i), noise);
    }
    server.run("SAVE");
    start_backup(server);
    wait_for_backup(server);
    EXPECT_EQ(server.info("backup_last_status"), "err");
    EXPECT_TRUE(contains(server.info("backup_last_error"), "No space left on device"));
    EXPECT_TRUE(contains(server.log(), "free some space there, then BACKUP again"));
    EXPECT_EQ(server.run("SET", "key", "goes on"), "OK");
    EXPECT_EQ(directory().backups().size(), 1u);
    EXPECT_FALSE(fs::exists(backups() / "000002.partial"));
    EXPECT_TRUE(directory().verify(directory().backups()[0]).ok());
  }
  EXPECT_EQ(::umount2(backups().c_str(), MNT_DETACH), 0);
}

TEST_F(BackedUp, OnlyAnOperatorMayHaveOneMade) {
  Server server;
  server.run("ACL", "SETUSER", "app", "on", "nopass", "+@all", "-@dangerous", "~*");
  Client app = server.connect();
  app.run("AUTH", "app", "x");
  EXPECT_TRUE(contains(app.run("BACKUP", "TO", backups().native()).text, "NOPERM"));
  EXPECT_TRUE(contains(server.run("EVAL", "return redis.call('BACKUP', 'TO', '/x')", "0").text, "not allowed from script"));
}

}  // namespace
}  // namespace stele::test
