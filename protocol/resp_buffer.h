#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

namespace stele {

/// A growable run of bytes, written at its end and consumed at its front: what a connection still has to send.
///
///     begin_of_block      begin_              end_            capacity_
///          |  consumed      |  data(), size()   |  reserve()    |
///
/// consume() only moves `begin_`. The space in front is taken back when everything was consumed, or when the end runs
/// out of room and at least half the block lies in front, so that each byte is moved at most once on average.
/// Memory is not initialised. Throws std::bad_alloc as containers do. Not thread-safe.
class OutputBuffer {
 public:
  OutputBuffer() = default;
  OutputBuffer(OutputBuffer&& other) noexcept { swap(other); }
  OutputBuffer& operator=(OutputBuffer&& other) noexcept {
    OutputBuffer(std::move(other)).swap(*this);
    return *this;
  }
  ~OutputBuffer();

  void append(const void* bytes, std::size_t n) {
    if (n == 0) return;  // `bytes` may be null, which memcpy does not take
    std::memcpy(reserve(n), bytes, n);
    end_ += n;
  }
  void append(std::string_view bytes) { append(bytes.data(), bytes.size()); }

  void push(char byte) {
    *reserve(1) = byte;
    ++end_;
  }

  /// Room for `n` bytes behind the last one. Write there, then advance() by what was written. Every pointer into the
  /// buffer from before is invalid.
  char* reserve(std::size_t n) {
    if (__builtin_expect(capacity_ - end_ < n, 0)) make_room(n);
    return block_ + end_;
  }

  /// Takes over `n` bytes written at reserve(), which promised at least as many.
  void advance(std::size_t n) { end_ += n; }

  /// Drops the first `n` bytes, at most size().
  void consume(std::size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  /// Drops the bytes from `size` on. Space stays.
  void truncate(std::size_t size) { end_ = begin_ + size; }
  void clear() { begin_ = end_ = 0; }

  /// Gives memory back if the block is larger than `capacity_max` and what it holds fits half of it.
  void shrink(std::size_t capacity_max);

  char* data() { return block_ + begin_; }
  const char* data() const { return block_ + begin_; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::size_t capacity() const { return capacity_; }
  /// Bytes that reserve() gives without moving anything.
  std::size_t room() const { return capacity_ - end_; }
  std::string_view view() const { return {block_ + begin_, end_ - begin_}; }

  void swap(OutputBuffer& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void make_room(std::size_t n);
  void move_to(std::size_t capacity);

  char* block_ = nullptr;  // from malloc
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

inline void swap(OutputBuffer& a, OutputBuffer& b) noexcept { a.swap(b); }

}  // namespace stele
