#include "persistence/packed/intset.h"

#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "persistence/status.h"

namespace stele {

namespace {

constexpr std::size_t kHeaderBytes = 8;

template <typename T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <typename T>
void store(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

std::int64_t get(const char* data, std::size_t width, std::size_t index) {
  const char* at = data + kHeaderBytes + index * width;
  if (width == 2) return load<std::int16_t>(at);
  return width == 4 ? load<std::int32_t>(at) : load<std::int64_t>(at);
}

void put(char* data, std::size_t width, std::size_t index, std::int64_t value) {
  std::memcpy(data + kHeaderBytes + index * width, &value, width);  // little-endian, as the machine
}

std::size_t width_of(std::int64_t value) {
  if (value >= INT16_MIN && value <= INT16_MAX) return 2;
  return value >= INT32_MIN && value <= INT32_MAX ? 4 : 8;
}

char* allocate(std::size_t bytes) {
  auto* data = static_cast<char*>(std::malloc(bytes));
  if (data == nullptr) throw std::bad_alloc();
  return data;
}

}  // namespace

Intset::Intset() : data_(allocate(kHeaderBytes)) {
  store<std::uint32_t>(data_, 2);
  set_size(0);
}

Intset::~Intset() { std::free(data_); }

Intset::Intset(Intset&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}

Intset& Intset::operator=(Intset&& other) noexcept {
  std::swap(data_, other.data_);
  return *this;
}

Intset Intset::adopt(void* allocation) { return Intset(static_cast<char*>(allocation)); }

void* Intset::release() { return std::exchange(data_, nullptr); }

std::optional<Intset> Intset::from_bytes(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  const std::size_t width = load<std::uint32_t>(bytes.data());
  const std::size_t count = load<std::uint32_t>(bytes.data() + 4);
  if (width != 2 && width != 4 && width != 8) return std::nullopt;
  if (bytes.size() - kHeaderBytes != count * width) return std::nullopt;
  for (std::size_t i = 1; i < count; ++i) {
    if (get(bytes.data(), width, i - 1) >= get(bytes.data(), width, i)) return std::nullopt;
  }
  char* data = allocate(bytes.size());
  std::memcpy(data, bytes.data(), bytes.size());
  return Intset(data);
}

Intset Intset::copy() const {
  char* data = allocate(bytes().size());
  std::memcpy(data, data_, bytes().size());
  return Intset(data);
}

std::size_t Intset::width() const { return load<std::uint32_t>(data_); }

std::string_view Intset::bytes() const { return {data_, kHeaderBytes + size() * width()}; }

std::size_t Intset::size() const { return load<std::uint32_t>(data_ + 4); }

std::size_t Intset::allocated_bytes() const { return malloc_usable_size(data_); }

void Intset::set_size(std::size_t size) { store(data_ + 4, static_cast<std::uint32_t>(size)); }

std::int64_t Intset::at(std::size_t index) const { return get(data_, width(), index); }

std::size_t Intset::lower_bound(std::int64_t value) const {
  const std::size_t wide = width();
  std::size_t low = 0, high = size();
  // Ascending inserts are common: ask the end first.
  if (high > 0 && get(data_, wide, high - 1) < value) return high;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (get(data_, wide, middle) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::optional<std::size_t> Intset::find(std::int64_t value) const {
  if (width_of(value) > width()) return std::nullopt;
  const std::size_t index = lower_bound(value);
  if (index == size() || at(index) != value) return std::nullopt;
  return index;
}

bool Intset::contains(std::int64_t value) const { return find(value).has_value(); }

void Intset::resize(std::size_t bytes) {
  auto* data = static_cast<char*>(std::realloc(data_, bytes));
  if (data == nullptr) throw std::bad_alloc();
  data_ = data;
}

bool Intset::insert(std::int64_t value) {
  if (width_of(value) > width()) {
    widen_and_insert(value, width_of(value));
    return true;
  }
  const std::size_t wide = width();
  const std::size_t count = size();
  const std::size_t index = lower_bound(value);
  if (index < count && get(data_, wide, index) == value) return false;
  STELE_ASSERT(count < std::numeric_limits<std::uint32_t>::max());
  const std::size_t bytes = kHeaderBytes + (count + 1) * wide;
  if (bytes > malloc_usable_size(data_)) resize(bytes);
  char* at = data_ + kHeaderBytes + index * wide;
  std::memmove(at + wide, at, (count - index) * wide);
  put(data_, wide, index, value);
  set_size(count + 1);
  return true;
}

/// A value that is too wide for the others lies outside of them all: before the first or behind the last.
void Intset::widen_and_insert(std::int64_t value, std::size_t new_width) {
  const std::size_t old_width = width();
  const std::size_t count = size();
  STELE_ASSERT(count < std::numeric_limits<std::uint32_t>::max());
  resize(kHeaderBytes + (count + 1) * new_width);
  const std::size_t shift = value < 0 ? 1 : 0;
  for (std::size_t i = count; i-- > 0;) put(data_, new_width, i + shift, get(data_, old_width, i));
  put(data_, new_width, value < 0 ? 0 : count, value);
  store(data_, static_cast<std::uint32_t>(new_width));
  set_size(count + 1);
}

bool Intset::erase(std::int64_t value) {
  const auto index = find(value);
  if (!index) return false;
  const std::size_t wide = width();
  const std::size_t count = size();
  char* at = data_ + kHeaderBytes + *index * wide;
  std::memmove(at, at + wide, (count - *index - 1) * wide);
  set_size(count - 1);
  const std::size_t bytes = kHeaderBytes + (count - 1) * wide;
  const std::size_t room = malloc_usable_size(data_);
  if (room - bytes > room / 4 + 8) resize(bytes);
  return true;
}

}  // namespace stele
