#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/backup/checksum.h"
#include "persistence/file.h"
#include "persistence/status.h"

namespace stele {

/// Makes one lz4 frame of bytes that come in pieces: what `lz4` writes and reads, with a checksum of the contents. One thread.
class Lz4Compressor {
 public:
  /// `content_bytes` is how many will come.
  explicit Lz4Compressor(std::uint64_t content_bytes);
  ~Lz4Compressor();
  Lz4Compressor(const Lz4Compressor&) = delete;
  Lz4Compressor& operator=(const Lz4Compressor&) = delete;

  /// The next compressed bytes, perhaps none; borrowed until the next call. At most kPieceBytesMax a call.
  Result<std::string_view> add(std::string_view bytes);
  /// The last of them; nothing may be added behind it.
  Result<std::string_view> end();

  static constexpr std::size_t kPieceBytesMax = std::size_t{1} << 20;

 private:
  struct State;

  Status begin();
  Status note(std::size_t result);

  std::unique_ptr<State> state_;
};

/// Reads a file of lz4 frames front to back; keeps a few blocks in memory. One thread.
class Lz4Reader {
 public:
  /// `of_file`, if there is one, is given what is read, as it is in the file.
  explicit Lz4Reader(const File& file, Checksum* of_file = nullptr);
  ~Lz4Reader();
  Lz4Reader(const Lz4Reader&) = delete;
  Lz4Reader& operator=(const Lz4Reader&) = delete;

  /// The next decompressed bytes, borrowed until the next call; empty at the end. `corrupt`, with the position, if the file is no
  /// whole frame or the contents fail their checksum.
  Result<std::string_view> next();
  /// In the file: what next() has not given out yet lies before it as well.
  std::uint64_t position() const { return position_; }

 private:
  struct State;
  const File& file_;
  Checksum* of_file_;
  std::unique_ptr<State> state_;
  std::uint64_t position_ = 0;
};

}  // namespace stele
