#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "persistence/store.h"
#include "persistence/store_keys.h"

namespace stele {

/// As the engine makes it: partition, top 48 bits of a hash, user key.
inline std::string object_key(std::uint32_t partition, std::string_view user_key) {
  std::string key;
  append_be32(key, partition);
  std::string hash;
  append_be64(hash, std::hash<std::string_view>()(user_key));
  key.append(hash, 0, 6);
  key.append(user_key);
  return key;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

template <typename Condition>
bool wait_until(Condition condition, std::chrono::seconds deadline = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// A store in a directory of its own, checkpointed from plain maps.
class StoreFixture : public ::testing::Test {
 protected:
  using Objects = std::map<std::string, std::optional<std::string>>;  // nullopt: erased

  StoreFixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "stele-store-XXXXXX").native();
    STELE_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    dir_ = root_ / "rocksdb";
    options_.drop_retry = std::chrono::milliseconds(20);
  }
  ~StoreFixture() override {
    store_.reset();
    std::filesystem::remove_all(root_);
  }

  void open() {
    Result<std::unique_ptr<Store>> opened = Store::open(dir_, options_);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    store_ = std::move(*opened);
  }
  void reopen() {
    store_.reset();
    open();
  }
  Status open_error(const std::filesystem::path& dir) { return Store::open(dir, options_).status(); }

  static Label label_at(std::uint64_t offset) {
    return {.offset = Offset(offset),
            .stream_db = 3,
            .replid = std::string(40, 'a'),
            .replid2 = std::string(40, 'b'),
            .replid2_end = Offset(7),
            .taken_at = UnixTime(1'700'000'000'123),
            .engine_state = std::string("state\0with zero", 15)};
  }

  Status write(CheckpointWriter& writer, const Objects& objects) {
    for (const auto& [key, value] : objects) STELE_CHECK(value ? writer.put(key, *value) : writer.erase(key));
    return {};
  }
  Status try_checkpoint(std::uint64_t offset, const Objects& objects) {
    STELE_TRY(CheckpointWriter writer, store_->begin_checkpoint());
    STELE_CHECK(write(writer, objects));
    return writer.finish(label_at(offset));
  }
  void checkpoint(std::uint64_t offset, const Objects& objects) {
    const Status status = try_checkpoint(offset, objects);
    ASSERT_TRUE(status.ok()) << status.message();
  }

  std::optional<std::string> get(std::string_view key) {
    Result<std::optional<std::string>> value = store_->get(key);
    EXPECT_TRUE(value.ok()) << value.status().message();
    return value.ok() ? *value : std::nullopt;
  }
  static std::map<std::string, std::string> contents(StoreIterator iterator) {
    std::map<std::string, std::string> all;
    for (; iterator.valid(); iterator.next()) all.emplace(iterator.key(), iterator.value());
    EXPECT_TRUE(iterator.status().ok()) << iterator.status().message();
    return all;
  }
  std::map<std::string, std::string> contents() { return contents(store_->iterate({}, {})); }

  using Expiries = std::vector<std::pair<std::int64_t, std::string>>;
  Expiries expires_until(std::int64_t last) {
    Expiries all;
    ExpiryIterator iterator = store_->expires_until(UnixTime(last));
    for (; iterator.valid(); iterator.next()) all.emplace_back(iterator.expire_at().ms(), iterator.object_key());
    EXPECT_TRUE(iterator.status().ok());
    return all;
  }

  /// Every file under the directory with its bytes, but not RocksDB's lock file.
  static std::map<std::string, std::string> files(const std::filesystem::path& dir) {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
      if (entry.is_regular_file() && entry.path().filename() != "LOCK") {
        all.emplace(entry.path().native(), read_file(entry.path()));
      }
    }
    return all;
  }
  static std::size_t files_in(const std::filesystem::path& dir) {
    return std::filesystem::exists(dir) ? files(dir).size() : 0;
  }

  std::filesystem::path root_;
  std::filesystem::path dir_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

}  // namespace stele
