#include "protocol/resp_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>

namespace stele {

namespace {

constexpr std::size_t kFirstCapacity = 1024;

}  // namespace

OutputBuffer::~OutputBuffer() { std::free(block_); }

void OutputBuffer::make_room(std::size_t n) {
  const std::size_t live = size();
  if (n > std::numeric_limits<std::size_t>::max() / 2 - live) throw std::bad_alloc();

  if (begin_ >= capacity_ / 2 && live + n <= capacity_) {
    std::memmove(block_, block_ + begin_, live);
    begin_ = 0;
    end_ = live;
    return;
  }
  move_to(std::max({live + n, capacity_ * 2, kFirstCapacity}));
}

void OutputBuffer::shrink(std::size_t capacity_max) {
  if (capacity_ <= capacity_max || size() > capacity_max / 2) return;
  if (empty() && capacity_max < kFirstCapacity) {
    OutputBuffer().swap(*this);
    return;
  }
  move_to(std::max(capacity_max, kFirstCapacity));
}

void OutputBuffer::move_to(std::size_t capacity) {
  const std::size_t live = size();
  if (begin_ == 0) {
    // realloc grows a large block by remapping its pages instead of copying them.
    char* block = static_cast<char*>(std::realloc(block_, capacity));
    if (block == nullptr) throw std::bad_alloc();
    block_ = block;
  } else {
    char* block = static_cast<char*>(std::malloc(capacity));
    if (block == nullptr) throw std::bad_alloc();
    std::memcpy(block, block_ + begin_, live);
    std::free(block_);
    block_ = block;
    begin_ = 0;
    end_ = live;
  }
  capacity_ = capacity;
}

}  // namespace stele
