#pragma once

#include <thread>

#include <gtest/gtest.h>

#include "engine/backup/restore.h"
#include "tests/system/system_fixture.h"
#include "tests/system/workload.h"

namespace stele::test {

namespace fs = std::filesystem;

/// Writers on all types, each on a connection and a thread of its own, until destroyed.
class Load {
 public:
  Load(Server& server, int id) {
    for (auto& workload : all_workloads(id)) {
      if (workload->name() == "expiring") continue;  // what has expired since is gone in a server that is restored
      writers_.push_back(std::make_unique<Writer>(std::move(workload), static_cast<std::uint64_t>(id)));
    }
    for (auto& writer : writers_) {
      threads_.emplace_back([&server, raw = writer.get()] {
        try {
          raw->run(server.connect());
        } catch (const std::exception&) {
          // the server is gone
        }
      });
    }
  }
  ~Load() { stop(); }

  void stop() {
    for (auto& writer : writers_) writer->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<std::thread> threads_;
};

/// A server, a directory for its backups, and a second server to restore them with.
class BackedUp : public ::testing::Test {
 protected:
  fs::path backups() const { return temporary_.path() / "backups"; }

  template <typename... Options>
  Reply start_backup(Server& server, const Options&... options) {
    return server.run("BACKUP", "TO", backups().native(), options...);
  }
  static void wait_for_backup(Server& server) {
    server.wait_until([&] { return server.info("backup_in_progress") == "0"; }, std::chrono::seconds(60));
  }
  template <typename... Options>
  void back_up(Server& server, const Options&... options) {
    ASSERT_EQ(start_backup(server, options...), "Background backup started");
    wait_for_backup(server);
    ASSERT_EQ(server.info("backup_last_status"), "ok") << server.info("backup_last_error");
  }

  /// Begins a backup while nobody writes; returns the digest of the state that it is to hold.
  template <typename... Options>
  std::string start_backup_and_digest(Server& server, const Options&... options) {
    Client client = server.connect();
    client.run("CLIENT", "PAUSE", "60000", "WRITE");
    EXPECT_EQ(client.run("BACKUP", "TO", backups().native(), options...), "Background backup started");
    const std::string digest = client.run("DEBUG", "DIGEST").text;
    client.run("CLIENT", "UNPAUSE");
    return digest;
  }

  BackupDirectory directory() const {
    Result<BackupDirectory> directory = BackupDirectory::open(backups());
    if (!directory.ok()) throw std::runtime_error(directory.status().message());
    return std::move(*directory);
  }

  /// A server that has been started on what the backup holds; the same one each time.
  Server& restored(std::uint64_t number) {
    if (restored_ == nullptr) restored_ = std::make_unique<Server>();
    restored_->kill9();
    fs::remove_all(restored_->directory());
    const BackupDirectory from = directory();
    const Result<Backup> backup = from.find(number);
    if (!backup.ok()) throw std::runtime_error(backup.status().message());
    const Status status = restore_backup(from, *backup, {.data_dir = restored_->directory()});
    EXPECT_TRUE(status.ok()) << status.message();
    restored_->restart();
    EXPECT_EQ(restored_->info("journal_end"), fmt::format("{}", backup->end));
    return *restored_;
  }

  TemporaryDirectory temporary_;

 private:
  std::unique_ptr<Server> restored_;
};

}  // namespace stele::test
