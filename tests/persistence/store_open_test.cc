#include "store_fixture.h"

namespace stele {
namespace {

class StoreOpen : public StoreFixture {
 protected:
  static void write_file(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  static void flip_byte_at(const std::filesystem::path& path, std::size_t position) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(position));
    const char byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(static_cast<std::streamoff>(position));
    file.put(byte);
  }
  std::filesystem::path largest_sst() const {
    std::filesystem::path largest;
    for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
      if (entry.path().extension() != ".sst") continue;
      if (largest.empty() || entry.file_size() > std::filesystem::file_size(largest)) largest = entry.path();
    }
    return largest;
  }
  std::filesystem::path manifest() const {
    const std::string current = read_file(dir_ / "CURRENT");
    return dir_ / current.substr(0, current.size() - 1);
  }
  void write_large_checkpoint() {
    Objects objects;
    for (int i = 0; i < 1'000; ++i) objects[fmt::format("key{:04}", i)] = fmt::format("value{:0100}", i);
    checkpoint(10, objects);
  }
  void expect_corrupt_and_untouched(const std::filesystem::path& dir) {
    const auto before = files(dir);
    const Status status = open_error(dir);
    EXPECT_EQ(status.code(), Code::corrupt) << status.message();
    EXPECT_NE(status.message().find(dir.native()), std::string::npos) << status.message();
    EXPECT_NE(status.message().find("move it away"), std::string::npos) << status.message();
    EXPECT_EQ(files(dir), before);
  }
};

TEST_F(StoreOpen, ADirectoryOfSomethingElseIsRefusedAndLeftAlone) {
  std::filesystem::create_directories(dir_ / "photos");
  write_file(dir_ / "photos" / "cat.jpg", "meow");
  write_file(dir_ / "000012.sst", "not a table");
  expect_corrupt_and_untouched(dir_);
}

TEST_F(StoreOpen, AFileInPlaceOfTheDirectoryIsRefused) {
  write_file(dir_, "a file");
  EXPECT_EQ(open_error(dir_).code(), Code::corrupt);
  EXPECT_EQ(read_file(dir_), "a file");
}

TEST_F(StoreOpen, AMissingManifestIsCorruptionAndNothingIsTouched) {
  open();
  write_large_checkpoint();
  store_.reset();
  std::filesystem::remove(manifest());
  expect_corrupt_and_untouched(dir_);
}

TEST_F(StoreOpen, ADamagedManifestIsCorruptionAndNothingIsTouched) {
  open();
  write_large_checkpoint();
  store_.reset();
  flip_byte_at(manifest(), 20);
  expect_corrupt_and_untouched(dir_);
}

TEST_F(StoreOpen, AMissingTableIsCorruptionAndNothingIsTouched) {
  open();
  write_large_checkpoint();
  store_.reset();
  std::filesystem::remove(largest_sst());
  expect_corrupt_and_untouched(dir_);
}

TEST_F(StoreOpen, AGarbageCurrentIsCorruptionAndNothingIsTouched) {
  open();
  write_large_checkpoint();
  store_.reset();
  write_file(dir_ / "CURRENT", "garbage\n");
  expect_corrupt_and_untouched(dir_);
}

TEST_F(StoreOpen, AFlippedByteInATableIsAnErrorAndNeverAnotherValue) {
  open();
  write_large_checkpoint();
  store_.reset();
  flip_byte_at(largest_sst(), 2'000);
  open();

  int errors = 0;
  for (int i = 0; i < 1'000; ++i) {
    Result<std::optional<std::string>> value = store_->get(fmt::format("key{:04}", i));
    if (!value.ok()) {
      EXPECT_EQ(value.status().code(), Code::corrupt);
      ++errors;
    } else {
      EXPECT_EQ(**value, fmt::format("value{:0100}", i));
    }
  }
  EXPECT_GT(errors, 0);

  StoreIterator iterator = store_->iterate({}, {});
  while (iterator.valid()) iterator.next();
  EXPECT_EQ(iterator.status().code(), Code::corrupt);
}

TEST_F(StoreOpen, ASecondOpenIsRefusedAndHarmsNothing) {
  open();
  Result<CheckpointWriter> writer = store_->begin_checkpoint();
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->put("a", "1").ok());

  EXPECT_EQ(open_error(dir_).code(), Code::unavailable);

  ASSERT_TRUE(writer->finish(label_at(10)).ok());
  EXPECT_EQ(get("a"), "1");
}

TEST_F(StoreOpen, ACreationThatACrashCutShortStartsOver) {
  std::filesystem::create_directories(dir_);
  write_file(dir_ / "creating", "");
  write_file(dir_ / "MANIFEST-000001", "half a manif");
  open();
  checkpoint(10, {{"a", "1"}});
  EXPECT_FALSE(std::filesystem::exists(dir_ / "creating"));
  reopen();
  EXPECT_EQ(get("a"), "1");
}

TEST_F(StoreOpen, MissingDirectoriesAboveAreMade) {
  dir_ = root_ / "data" / "deeper" / "rocksdb";
  open();
  checkpoint(10, {{"a", "1"}});
  EXPECT_EQ(get("a"), "1");
}

TEST_F(StoreOpen, ALabelOfALaterVersionIsNamedAsSuch) {
  std::string bytes = encode(label_at(10));
  bytes[0] = 99;
  EXPECT_EQ(decode_label(bytes).status().code(), Code::invalid);
}

TEST_F(StoreOpen, ALabelCutAnywhereIsCorrupt) {
  const std::string bytes = encode(label_at(10));
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_EQ(decode_label(std::string_view(bytes).substr(0, cut)).status().code(), Code::corrupt) << cut;
  }
  EXPECT_EQ(decode_label(bytes + "x").status().code(), Code::corrupt);
}

}  // namespace
}  // namespace stele
