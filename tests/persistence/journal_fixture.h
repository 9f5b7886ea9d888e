#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "persistence/journal.h"
#include "persistence/journal_reader.h"

namespace stele {

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void spill(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// SET key value as a client sends it.
inline std::string set_command(std::string_view key, std::string_view value) {
  return fmt::format("*3\r\n$3\r\nSET\r\n${}\r\n{}\r\n${}\r\n{}\r\n", key.size(), key, value.size(), value);
}

template <typename Condition>
bool wait_until(Condition condition, std::chrono::milliseconds deadline = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// A fresh directory with a journal in it, and what can happen to one.
class JournalFixture : public ::testing::Test {
 protected:
  JournalFixture() {
    // In memory where that is possible: what these tests look at does not depend on how long an fsync takes.
    const std::filesystem::path memory = "/dev/shm";
    const std::filesystem::path temp =
        std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    std::string name = (temp / "stele-journal-XXXXXX").native();
    root_ = ::mkdtemp(name.data());
    dir_ = root_ / "appendonlydir";
    options_.replid = ReplicationId(40, 'a');
    options_.segment_bytes_target = 1 << 30;
  }
  ~JournalFixture() override {
    journal_.reset();
    std::filesystem::remove_all(root_);
  }

  void open() {
    journal_.reset();
    Result<std::unique_ptr<Journal>> journal = Journal::open(dir_, options_);
    ASSERT_TRUE(journal.ok()) << journal.status().message();
    journal_ = std::move(*journal);
  }

  /// The status of opening what is in the directory; a journal that opens is closed again.
  Status try_open() {
    journal_.reset();
    return Journal::open(dir_, options_).status();
  }

  Offset commit(std::string_view effects, UnixTime now = UnixTime(1700000000000)) {
    journal_->batch().append(effects);
    const Result<Offset> end = journal_->commit(now, 0);
    EXPECT_TRUE(end.ok()) << end.status().message();
    return end.ok() ? *end : Offset();
  }

  void sync() { ASSERT_TRUE(journal_->sync().ok()) << journal_->health().message(); }

  /// As kill -9 leaves it: the journal's files as they are now, while it is still open. `journal_` is closed.
  void crash() {
    const std::filesystem::path image = root_ / "image";
    // A copy takes time; one during which the sync thread added or removed files is no moment in the journal's life.
    ASSERT_TRUE(wait_until([&] {
      const std::string before = names();
      std::error_code changed;
      std::filesystem::remove_all(image);
      std::filesystem::copy(dir_, image, std::filesystem::copy_options::recursive, changed);
      return !changed && names() == before;
    }));
    journal_.reset();
    std::filesystem::remove_all(dir_);
    std::filesystem::rename(image, dir_);
  }

  /// The directory's files and what the manifest says of them.
  std::string names() const {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(dir_)) names.push_back(file.path().filename());
    std::sort(names.begin(), names.end());
    return fmt::format("{} {}", fmt::join(names, " "), slurp(manifest()));
  }

  std::filesystem::path segment(int seq) const { return dir_ / fmt::format("appendonly.aof.{}.incr.aof", seq); }
  std::filesystem::path manifest() const { return dir_ / "appendonly.aof.manifest"; }

  std::string stream(Offset from = Offset()) {
    std::string stream;
    const Status status = journal_->replay(from, [&](std::string_view payload, UnixTime, Offset start) {
      EXPECT_EQ(start - from, stream.size());
      stream += payload;
      return Status();
    });
    EXPECT_TRUE(status.ok()) << status.message();
    return stream;
  }

  /// Goes through rotations: commits until segment `seq` is the one written to.
  void fill_until_segment(int seq) {
    ASSERT_TRUE(wait_until([&] {
      commit(set_command("filler", std::string(200, 'f')));
      return journal_->stats().segments >= static_cast<std::size_t>(seq);
    }));
  }

  std::filesystem::path root_;
  std::filesystem::path dir_;
  JournalOptions options_;
  std::unique_ptr<Journal> journal_;
};

}  // namespace stele
