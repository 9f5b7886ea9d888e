#include "engine/backup/lz4_file.h"

#include <lz4frame.h>

namespace stele {

struct Lz4Compressor::State {
  LZ4F_cctx* context = nullptr;
  LZ4F_preferences_t preferences{};
  std::string out;
  bool begun = false;
  std::size_t done = 0;  // of `out`, in this call
};

Lz4Compressor::Lz4Compressor(std::uint64_t content_bytes) : state_(std::make_unique<State>()) {
  STELE_ASSERT(LZ4F_isError(LZ4F_createCompressionContext(&state_->context, LZ4F_VERSION)) == 0);
  LZ4F_preferences_t& preferences = state_->preferences;
  preferences.frameInfo.blockSizeID = LZ4F_max256KB;
  preferences.frameInfo.blockMode = LZ4F_blockLinked;
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  preferences.frameInfo.contentSize = content_bytes;
  state_->out.resize(LZ4F_HEADER_SIZE_MAX + LZ4F_compressBound(kPieceBytesMax, &preferences));
}

Lz4Compressor::~Lz4Compressor() { LZ4F_freeCompressionContext(state_->context); }

Status Lz4Compressor::note(std::size_t result) {
  if (LZ4F_isError(result)) return Status::io("lz4: {}", LZ4F_getErrorName(result));
  state_->done += result;
  return {};
}

Status Lz4Compressor::begin() {
  State& state = *state_;
  state.done = 0;
  if (std::exchange(state.begun, true)) return {};
  return note(LZ4F_compressBegin(state.context, state.out.data(), state.out.size(), &state.preferences));
}

Result<std::string_view> Lz4Compressor::add(std::string_view bytes) {
  STELE_ASSERT(bytes.size() <= kPieceBytesMax);
  State& state = *state_;
  STELE_CHECK(begin());
  STELE_CHECK(note(LZ4F_compressUpdate(state.context, state.out.data() + state.done, state.out.size() - state.done, bytes.data(), bytes.size(), nullptr)));
  return std::string_view(state.out).substr(0, state.done);
}

Result<std::string_view> Lz4Compressor::end() {
  State& state = *state_;
  STELE_CHECK(begin());
  STELE_CHECK(note(LZ4F_compressEnd(state.context, state.out.data() + state.done, state.out.size() - state.done, nullptr)));
  return std::string_view(state.out).substr(0, state.done);
}

struct Lz4Reader::State {
  LZ4F_dctx* context = nullptr;
  std::string in = std::string(std::size_t{256} << 10, '\0');
  std::string out = std::string(std::size_t{1} << 20, '\0');
  std::size_t in_at = 0;
  std::size_t in_end = 0;
  std::size_t expected = 0;  // of the frame: more is to come; 0 between frames
};

Lz4Reader::Lz4Reader(const File& file, Checksum* of_file) : file_(file), of_file_(of_file), state_(std::make_unique<State>()) {
  STELE_ASSERT(LZ4F_isError(LZ4F_createDecompressionContext(&state_->context, LZ4F_VERSION)) == 0);
}

Lz4Reader::~Lz4Reader() { LZ4F_freeDecompressionContext(state_->context); }

Result<std::string_view> Lz4Reader::next() {
  State& state = *state_;
  while (true) {
    if (state.in_at == state.in_end) {
      STELE_TRY(state.in_end, file_.read_at(position_, state.in.data(), state.in.size()));
      state.in_at = 0;
      position_ += state.in_end;
      if (of_file_ != nullptr) of_file_->add({state.in.data(), state.in_end});
      if (state.in_end == 0) {
        if (state.expected != 0) return Status::corrupt("{}: position {}: the lz4 frame is cut short", file_.path().native(), position_);
        return std::string_view();
      }
    }
    std::size_t in_bytes = state.in_end - state.in_at;
    std::size_t out_bytes = state.out.size();
    state.expected = LZ4F_decompress(state.context, state.out.data(), &out_bytes, state.in.data() + state.in_at, &in_bytes, nullptr);
    if (LZ4F_isError(state.expected)) {
      return Status::corrupt("{}: position {}: {}", file_.path().native(), position_ - (state.in_end - state.in_at),
                             LZ4F_getErrorName(state.expected));
    }
    state.in_at += in_bytes;
    if (out_bytes > 0) return std::string_view(state.out).substr(0, out_bytes);
  }
}

}  // namespace stele
