#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "persistence/status.h"

namespace stele {

/// A growable run of bytes that are not initialised before they are written: an append is a comparison and a memcpy.
///
///     |- headroom -|- size ---------|- room ----|
///     ^            ^ data()         ^ tail()    ^ end of the allocation
///
/// The headroom is space in front of the first byte that stays there through growth, so that a header whose content is
/// known last (a frame's checksum) can be put before the bytes without moving them. Clearing keeps the memory.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  explicit ByteBuffer(std::size_t headroom) : headroom_(headroom) {}
  ~ByteBuffer() { std::free(storage_); }

  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ByteBuffer(ByteBuffer&& other) noexcept : headroom_(other.headroom_) { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  void swap(ByteBuffer& other) noexcept {
    std::swap(headroom_, other.headroom_);
    std::swap(storage_, other.storage_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(limit_, other.limit_);
  }

  char* data() { return begin_; }
  const char* data() const { return begin_; }
  std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }
  bool empty() const { return end_ == begin_; }
  std::size_t capacity() const { return static_cast<std::size_t>(limit_ - begin_); }
  std::size_t headroom() const { return headroom_; }
  std::string_view view() const { return {begin_, size()}; }

  void append(const void* bytes, std::size_t n) {
    char* to = reserve(n);
    if (n != 0) std::memcpy(to, bytes, n);
    end_ += n;
  }
  void append(std::string_view bytes) { append(bytes.data(), bytes.size()); }
  void push_back(char byte) {
    *reserve(1) = byte;
    ++end_;
  }

  /// Makes room for `n` bytes behind the last one and returns where they go; advance() then counts those written.
  char* reserve(std::size_t n) {
    if (__builtin_expect(static_cast<std::size_t>(limit_ - end_) < n, 0)) grow(n);
    return end_;
  }
  char* tail() { return end_; }
  void advance(std::size_t n) {
    STELE_ASSERT(n <= static_cast<std::size_t>(limit_ - end_));
    end_ += n;
  }

  void clear() { end_ = begin_; }
  /// Drops bytes at the end.
  void resize_down(std::size_t size) {
    STELE_ASSERT(size <= this->size());
    end_ = begin_ + size;
  }
  /// As clear(), and gives the memory back if there is more of it than `bytes_max`: one huge value is no reason to keep
  /// its size for ever.
  void clear_keeping(std::size_t bytes_max) {
    clear();
    if (capacity() <= bytes_max) return;
    std::free(storage_);
    storage_ = begin_ = end_ = limit_ = nullptr;
  }

 private:
  __attribute__((noinline)) void grow(std::size_t n) {
    const std::size_t used = size();
    std::size_t wanted = capacity() * 2;
    if (wanted < used + n) wanted = used + n;
    if (wanted < kCapacityMin) wanted = kCapacityMin;
    // realloc moves large blocks by remapping them.
    char* storage = static_cast<char*>(std::realloc(storage_, headroom_ + wanted));
    STELE_ASSERT(storage != nullptr);
    storage_ = storage;
    begin_ = storage + headroom_;
    end_ = begin_ + used;
    limit_ = begin_ + wanted;
  }

  static constexpr std::size_t kCapacityMin = 4096;

  std::size_t headroom_ = 0;
  char* storage_ = nullptr;
  char* begin_ = nullptr;
  char* end_ = nullptr;
  char* limit_ = nullptr;
};

}  // namespace stele
