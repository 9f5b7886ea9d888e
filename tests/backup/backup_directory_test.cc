// The formats of a backup directory: manifests and compressed segments, with every cut and every flipped bit of a small one.

#include <gtest/gtest.h>

#include "engine/backup/backup_directory.h"
#include "engine/backup/checksum.h"
#include "engine/backup/lz4_file.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace stele::test {
namespace {

namespace fs = std::filesystem;

Backup example() {
  Backup backup;
  backup.server = std::string(32, 'a');
  backup.number = 2;
  backup.kind = Backup::Kind::incremental;
  backup.parent = 1;
  backup.taken_at = UnixTime(1700000000123);
  backup.server_version = "0.1.0";
  backup.replid = ReplicationId(40, 'b');
  backup.previous_replid = ReplicationId(40, 'c');
  backup.previous_end = Offset(70);
  backup.state = Offset(90);
  backup.end = Offset(300);
  backup.chain = 0x1234;
  backup.stream_db = 3;
  backup.store = {{.path = "000001/store/000012.sst", .bytes = 1000, .checksum = std::string(32, '1')}};
  backup.segments = {{.file = {.path = "000001/journal/80.aof.lz4", .bytes = 50, .checksum = std::string(32, '2')},
                      .first = Offset(80),
                      .end = Offset(200),
                      .segment_bytes = 500,
                      .first_time = UnixTime(1),
                      .last_time = UnixTime(2),
                      .replid = ReplicationId(40, 'c')},
                     {.file = {.path = "000002/journal/200.aof.lz4", .bytes = 60, .checksum = std::string(32, '3')},
                      .first = Offset(200),
                      .end = Offset(300),
                      .segment_bytes = 600,
                      .first_time = UnixTime(3),
                      .last_time = UnixTime(4),
                      .replid = ReplicationId(40, 'b')}};
  return backup;
}

TEST(BackupManifest, SaysWhatItWasMadeOf) {
  const Backup backup = example();
  const Result<Backup> read = parse_backup(backup_text(backup));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(backup_text(*read), backup_text(backup));
  EXPECT_EQ(read->store, backup.store);
  EXPECT_EQ(read->segments[1].end, Offset(300));
  EXPECT_EQ(read->bytes(), 1110u);
  EXPECT_EQ(read->bytes_added(), 60u);
}

TEST(BackupManifest, IsRefusedWithAnyBitFlippedOrAnyByteMissing) {
  const std::string text = backup_text(example());
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = text;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      EXPECT_FALSE(parse_backup(flipped).ok()) << i << " bit " << bit;
    }
    EXPECT_FALSE(parse_backup(text.substr(0, i)).ok()) << i;
  }
  EXPECT_FALSE(parse_backup(text + "\n").ok());
}

TEST(BackupManifest, IsRefusedIfItsPartsDoNotMakeUpAState) {
  const auto refused = [](const auto& change) {
    Backup backup = example();
    change(backup);
    return !parse_backup(backup_text(backup)).ok();
  };
  EXPECT_FALSE(refused([](Backup&) {}));
  EXPECT_TRUE(refused([](Backup& backup) { backup.segments[1].first = Offset(201); }));
  EXPECT_TRUE(refused([](Backup& backup) { backup.segments.pop_back(); }));
  EXPECT_TRUE(refused([](Backup& backup) { backup.segments.erase(backup.segments.begin()); }));
  EXPECT_TRUE(refused([](Backup& backup) { backup.state = Offset(301); }));
  EXPECT_TRUE(refused([](Backup& backup) { backup.store.clear(); }));
  EXPECT_TRUE(refused([](Backup& backup) { backup.store[0].path = "../../etc/passwd"; }));
  EXPECT_TRUE(refused([](Backup& backup) { backup.store[0].path = "/etc/passwd"; }));
}

class Lz4File : public ::testing::Test {
 protected:
  fs::path compress(std::string_view bytes) {
    const fs::path path = files_.path() / "file.lz4";
    Result<File> file = File::open(path, File::Mode::replace);
    EXPECT_TRUE(file.ok());
    Lz4Compressor lz4(bytes.size());
    std::uint64_t at = 0;
    const auto put = [&](const Result<std::string_view>& piece) {
      ASSERT_TRUE(piece.ok());
      ASSERT_TRUE(file->write_at(at, *piece).ok());
      at += piece->size();
    };
    for (std::size_t i = 0; i < bytes.size(); i += 100'000) put(lz4.add(bytes.substr(i, 100'000)));
    put(lz4.end());
    return path;
  }

  static Result<std::string> decompress(const fs::path& path, Checksum* sum = nullptr) {
    STELE_TRY(const File file, File::open(path, File::Mode::read));
    Lz4Reader reader(file, sum);
    std::string all;
    while (true) {
      STELE_TRY(const std::string_view piece, reader.next());
      if (piece.empty()) return all;
      all += piece;
    }
  }

  TemporaryDirectory files_;
};

TEST_F(Lz4File, ComesBackAsItWasAndIsReadByLz4) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += fmt::format("*3\r\n$3\r\nSET\r\n$6\r\nkey{:03}\r\n$1\r\n{}\r\n", i % 997, i % 10);
  const fs::path path = compress(bytes);
  EXPECT_LT(fs::file_size(path), bytes.size() / 4);
  Checksum sum;
  const Result<std::string> read = decompress(path, &sum);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, bytes);
  EXPECT_EQ(sum.hex(), Checksum::of(read_file(path)));
  EXPECT_EQ(run_program("lz4", {"-dc", path.native()}).output, bytes);
}

TEST_F(Lz4File, OfNothingIsEmpty) {
  const Result<std::string> read = decompress(compress(""));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, "");
}

TEST_F(Lz4File, ThatWasCutIsRefused) {
  const fs::path path = compress(std::string(3000, 'x') + "tail");
  const std::string whole = read_file(path);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    fs::resize_file(path, size);
    EXPECT_FALSE(decompress(path).ok()) << size;
    Result<File> file = File::open(path, File::Mode::write);
    ASSERT_TRUE(file.ok() && file->write_at(0, whole).ok());
  }
}

}  // namespace
}  // namespace stele::test
