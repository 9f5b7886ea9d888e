#include "persistence/packed/listpack.h"

#include <malloc.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "persistence/status.h"
#include "protocol/resp_integer.h"

namespace stele {

namespace {

constexpr std::size_t kHeaderBytes = 6;
constexpr unsigned char kEnd = 0xFF;
constexpr std::size_t kUnknownCount = 65535;  // as the header says it: more than fit, count them
constexpr std::size_t kIntegerDigitsMax = 20;

constexpr unsigned char kString32 = 0xF0;
constexpr unsigned char kInteger16 = 0xF1;
constexpr unsigned char kInteger24 = 0xF2;
constexpr unsigned char kInteger32 = 0xF3;
constexpr unsigned char kInteger64 = 0xF4;

unsigned char byte_at(const char* at) { return static_cast<unsigned char>(*at); }

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

/// How many bytes it takes to say backwards that an element has `bytes`. The largest value of each width but the first
/// already takes one byte more: that is what Redis writes, and it finds its way by the same rule.
std::size_t back_bytes(std::size_t bytes) {
  if (bytes <= 127) return 1;
  if (bytes < 16383) return 2;
  if (bytes < 2097151) return 3;
  if (bytes < 268435455) return 4;
  return 5;
}

void write_back(char* at, std::size_t bytes, std::size_t width) {
  for (std::size_t i = width; i-- > 0; bytes >>= 7) {
    at[i] = static_cast<char>((bytes & 127) | (i == 0 ? 0 : 128));
  }
}

/// Encoding, content: without the length behind it. The bytes are trusted.
std::size_t content_bytes(const char* at) {
  const unsigned char head = byte_at(at);
  if (head < 0x80) return 1;
  if (head < 0xC0) return 1 + std::size_t{head & 63u};
  if (head < 0xE0) return 2;
  if (head < 0xF0) return 2 + (std::size_t{head & 15u} << 8 | byte_at(at + 1));
  switch (head) {
    case kString32:
      return 5 + std::size_t{load<std::uint32_t>(at + 1)};
    case kInteger16:
      return 3;
    case kInteger24:
      return 4;
    case kInteger32:
      return 5;
    default:
      return 9;
  }
}

std::size_t whole_bytes(const char* at) {
  const std::size_t content = content_bytes(at);
  return content + back_bytes(content);
}

/// How many bytes the element before `end` has, without the length behind it.
std::size_t bytes_before(const char* end) {
  std::size_t bytes = 0;
  for (unsigned shift = 0;; shift += 7) {
    const unsigned char part = byte_at(--end);
    bytes |= std::size_t{part & 127u} << shift;
    if ((part & 128) == 0) return bytes;
  }
}

PackedValue value_at(const char* at) {
  const unsigned char head = byte_at(at);
  PackedValue value;
  if (head < 0x80) {
    value.integer = head;
  } else if (head < 0xC0) {
    value.data = at + 1;
    value.bytes = head & 63u;
  } else if (head < 0xE0) {
    const int unsigned13 = (head & 31) << 8 | byte_at(at + 1);
    value.integer = unsigned13 < 4096 ? unsigned13 : unsigned13 - 8192;
  } else if (head < 0xF0) {
    value.data = at + 2;
    value.bytes = (head & 15u) << 8 | byte_at(at + 1);
  } else if (head == kString32) {
    value.data = at + 5;
    value.bytes = load<std::uint32_t>(at + 1);
  } else if (head == kInteger16) {
    value.integer = load<std::int16_t>(at + 1);
  } else if (head == kInteger24) {
    const std::uint32_t low = byte_at(at + 1) | static_cast<std::uint32_t>(byte_at(at + 2)) << 8;
    value.integer = static_cast<std::int32_t>(low << 8 | static_cast<std::uint32_t>(byte_at(at + 3)) << 24) >> 8;
  } else if (head == kInteger32) {
    value.integer = load<std::int32_t>(at + 1);
  } else {
    value.integer = load<std::int64_t>(at + 1);
  }
  return value;
}

/// Bytes of the element at `at` and the length behind it, if they are well-formed and end before `left`.
std::optional<std::size_t> checked_bytes(const char* at, std::size_t left) {
  const unsigned char head = byte_at(at);
  std::size_t head_bytes = 1;
  if (head >= 0xC0) head_bytes = 2;
  if (head >= 0xF0) head_bytes = head == kString32 ? 5 : 1;
  if (head > kInteger64 || head_bytes > left) return std::nullopt;
  const std::size_t content = content_bytes(at);
  const std::size_t back = back_bytes(content);
  if (content + back > left) return std::nullopt;
  char expected[5];
  write_back(expected, content, back);
  if (std::memcmp(at + content, expected, back) != 0) return std::nullopt;
  return content + back;
}

char* allocate(std::size_t bytes) {
  auto* data = static_cast<char*>(std::malloc(bytes));
  if (data == nullptr) throw std::bad_alloc();
  return data;
}

}  // namespace

std::string_view PackedValue::text(char* scratch) const {
  if (!is_integer()) return {data, bytes};
  const auto [end, error] = std::to_chars(scratch, scratch + 21, integer);
  return {scratch, static_cast<std::size_t>(end - scratch)};
}

bool PackedValue::equals(std::string_view text) const {
  if (!is_integer()) return text.size() == bytes && std::memcmp(data, text.data(), bytes) == 0;
  const auto number = parse_integer(text);
  return number && *number == integer;
}

/// An element about to be written: a head (an integer whole, or a string's size), the text, the length behind both.
struct Listpack::Element {
  explicit Element(std::string_view string) {
    if (string.size() <= kIntegerDigitsMax) {
      if (const auto number = parse_integer(string)) {
        set_integer(*number);
        return;
      }
    }
    text = string;
    const std::size_t bytes = string.size();
    if (bytes < 64) {
      head[0] = static_cast<char>(0x80 | bytes);
      head_bytes = 1;
    } else if (bytes < 4096) {
      head[0] = static_cast<char>(0xE0 | bytes >> 8);
      head[1] = static_cast<char>(bytes);
      head_bytes = 2;
    } else {
      head[0] = static_cast<char>(kString32);
      store(head + 1, static_cast<std::uint32_t>(bytes));
      head_bytes = 5;
    }
    finish();
  }
  explicit Element(std::int64_t value) { set_integer(value); }

  void set_integer(std::int64_t value) {
    if (value >= 0 && value <= 127) {
      head[0] = static_cast<char>(value);
      head_bytes = 1;
    } else if (value >= -4096 && value <= 4095) {
      head[0] = static_cast<char>(0xC0 | (value >> 8 & 31));
      head[1] = static_cast<char>(value);
      head_bytes = 2;
    } else {
      head_bytes = 1;
      if (value >= INT16_MIN && value <= INT16_MAX) {
        set_integer(kInteger16, value, 2);
      } else if (value >= -(1 << 23) && value < 1 << 23) {
        set_integer(kInteger24, value, 3);
      } else if (value >= INT32_MIN && value <= INT32_MAX) {
        set_integer(kInteger32, value, 4);
      } else {
        set_integer(kInteger64, value, 8);
      }
    }
    finish();
  }
  void set_integer(unsigned char encoding, std::int64_t value, std::size_t width) {
    head[0] = static_cast<char>(encoding);
    std::memcpy(head + 1, &value, width);  // little-endian, as the machine
    head_bytes = 1 + width;
  }
  void finish() {
    content = head_bytes + text.size();
    back = back_bytes(content);
  }

  std::size_t bytes() const { return content + back; }
  void write(char* at) const {
    std::memcpy(at, head, head_bytes);
    if (!text.empty()) std::memcpy(at + head_bytes, text.data(), text.size());
    if (back == 1) {
      at[content] = static_cast<char>(content);
    } else {
      write_back(at + content, content, back);
    }
  }

  char head[9];
  std::size_t head_bytes;
  std::string_view text;
  std::size_t content;
  std::size_t back;
};

Listpack::Listpack() : Listpack(kHeaderBytes + 1) {}

Listpack::Listpack(std::size_t reserve) : data_(allocate(std::max(reserve, kHeaderBytes + 1))) {
  set_total(kHeaderBytes + 1);
  store<std::uint16_t>(data_ + 4, 0);
  data_[kHeaderBytes] = static_cast<char>(kEnd);
}

Listpack::~Listpack() { std::free(data_); }

Listpack::Listpack(Listpack&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}

Listpack& Listpack::operator=(Listpack&& other) noexcept {
  std::swap(data_, other.data_);
  return *this;
}

Listpack Listpack::adopt(void* allocation) { return Listpack(static_cast<char*>(allocation)); }

void* Listpack::release() { return std::exchange(data_, nullptr); }

std::optional<Listpack> Listpack::from_bytes(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes + 1 || load<std::uint32_t>(bytes.data()) != bytes.size()) return std::nullopt;
  const std::size_t end = bytes.size() - 1;
  if (byte_at(bytes.data() + end) != kEnd) return std::nullopt;
  std::size_t count = 0;
  for (std::size_t at = kHeaderBytes; at < end; ++count) {
    const auto element = checked_bytes(bytes.data() + at, end - at);
    if (!element) return std::nullopt;
    at += *element;
  }
  const std::size_t said = load<std::uint16_t>(bytes.data() + 4);
  if (said != kUnknownCount && said != count) return std::nullopt;
  char* data = allocate(bytes.size());
  std::memcpy(data, bytes.data(), bytes.size());
  return Listpack(data);
}

Listpack Listpack::copy() const {
  char* data = allocate(total());
  std::memcpy(data, data_, total());
  return Listpack(data);
}

std::size_t Listpack::total() const { return load<std::uint32_t>(data_); }

std::size_t Listpack::header_count() const { return load<std::uint16_t>(data_ + 4); }

std::size_t Listpack::size() const {
  if (header_count() != kUnknownCount) return header_count();
  std::size_t count = 0;
  for (Place place = first(); place != kNone; place = next(place)) ++count;
  return count;
}

bool Listpack::empty() const { return byte_at(data_ + kHeaderBytes) == kEnd; }

std::size_t Listpack::allocated_bytes() const { return malloc_usable_size(data_); }

void Listpack::set_total(std::size_t bytes) { store(data_, static_cast<std::uint32_t>(bytes)); }

void Listpack::add_to_count(std::size_t more) {
  if (header_count() == kUnknownCount) return;
  store(data_ + 4, static_cast<std::uint16_t>(std::min(header_count() + more, kUnknownCount)));
}

void Listpack::take_from_count(std::size_t fewer) {
  if (header_count() == kUnknownCount) {
    // Once it is few enough again the header may say so; until then each removal would have to count.
    if (empty()) store<std::uint16_t>(data_ + 4, 0);
    return;
  }
  store(data_ + 4, static_cast<std::uint16_t>(header_count() - fewer));
}

void Listpack::reserve(std::size_t bytes) {
  // Growing by no more than is needed is geometric all the same, since the allocator rounds up to its size classes.
  if (bytes <= malloc_usable_size(data_)) return;
  STELE_ASSERT(bytes <= std::numeric_limits<std::uint32_t>::max());
  auto* data = static_cast<char*>(std::realloc(data_, bytes));
  if (data == nullptr) throw std::bad_alloc();
  data_ = data;
}

Listpack::Place Listpack::first() const { return empty() ? kNone : kHeaderBytes; }

Listpack::Place Listpack::last() const { return previous(static_cast<Place>(total() - 1)); }

Listpack::Place Listpack::next(Place place) const {
  place += static_cast<Place>(whole_bytes(data_ + place));
  return byte_at(data_ + place) == kEnd ? kNone : place;
}

Listpack::Place Listpack::previous(Place place) const {
  if (place <= kHeaderBytes) return kNone;
  const std::size_t content = bytes_before(data_ + place);
  return static_cast<Place>(place - content - back_bytes(content));
}

Listpack::Place Listpack::at(std::int64_t index) const {
  bool forward = index >= 0;
  if (header_count() != kUnknownCount) {
    const auto count = static_cast<std::int64_t>(header_count());
    if (index >= count || index < -count) return kNone;
    const std::int64_t from_start = index < 0 ? index + count : index;
    forward = from_start <= count / 2;
    index = forward ? from_start : from_start - count;
  }
  Place place = forward ? first() : last();
  if (forward) {
    while (place != kNone && index-- > 0) place = next(place);
  } else {
    while (place != kNone && ++index < 0) place = previous(place);
  }
  return place;
}

PackedValue Listpack::get(Place place) const { return value_at(data_ + place); }

Listpack::Place Listpack::find(std::string_view text, Place from, std::size_t skip) const {
  if (from == kNone) return kNone;
  const auto number = text.size() <= kIntegerDigitsMax ? parse_integer(text) : std::nullopt;
  const char* at = data_ + from;
  for (;;) {
    const PackedValue value = value_at(at);
    if (!value.is_integer()) {
      if (value.bytes == text.size() && std::memcmp(value.data, text.data(), text.size()) == 0) break;
    } else if (number && value.integer == *number) {
      break;
    }
    for (std::size_t i = 0; i <= skip; ++i) {
      at += whole_bytes(at);
      if (byte_at(at) == kEnd) return kNone;
    }
  }
  return static_cast<Place>(at - data_);
}

void Listpack::append(const Element& element) {
  const std::size_t before = total();
  reserve(before + element.bytes());
  char* at = data_ + before - 1;
  element.write(at);
  at[element.bytes()] = static_cast<char>(kEnd);
  set_total(before + element.bytes());
  add_to_count(1);
}

/// Puts `element` in the place of `replaced_bytes`, none to insert it. Leaves the count alone.
Listpack::Place Listpack::put(Place place, std::size_t replaced_bytes, const Element& element) {
  const std::size_t before = total();
  const std::size_t after = before - replaced_bytes + element.bytes();
  if (after > before) reserve(after);
  char* at = data_ + place;
  if (after != before) {
    std::memmove(at + element.bytes(), at + replaced_bytes, before - place - replaced_bytes);
    set_total(after);
  }
  element.write(at);
  return place;
}

void Listpack::append(std::string_view text) { append(Element(text)); }
void Listpack::append_integer(std::int64_t value) { append(Element(value)); }

void Listpack::prepend(std::string_view text) {
  put(kHeaderBytes, 0, Element(text));
  add_to_count(1);
}

Listpack::Place Listpack::insert_before(Place place, std::string_view text) {
  put(place, 0, Element(text));
  add_to_count(1);
  return place;
}

Listpack::Place Listpack::insert_after(Place place, std::string_view text) {
  return insert_before(place + static_cast<Place>(whole_bytes(data_ + place)), text);
}

Listpack::Place Listpack::replace(Place place, std::string_view text) {
  return put(place, whole_bytes(data_ + place), Element(text));
}

Listpack::Place Listpack::replace_integer(Place place, std::int64_t value) {
  return put(place, whole_bytes(data_ + place), Element(value));
}

Listpack::Place Listpack::erase(Place place) { return erase(place, 1); }

Listpack::Place Listpack::erase(Place place, std::size_t count) {
  if (place == kNone || count == 0) return place;
  std::size_t end = place, erased = 0;
  for (; erased < count && byte_at(data_ + end) != kEnd; ++erased) end += whole_bytes(data_ + end);
  const std::size_t before = total();
  std::memmove(data_ + place, data_ + end, before - end);
  set_total(before - (end - place));
  take_from_count(erased);
  const std::size_t room = malloc_usable_size(data_);
  if (room - total() > room / 4 + 8) shrink();
  return byte_at(data_ + place) == kEnd ? kNone : place;
}

void Listpack::clear() {
  set_total(kHeaderBytes + 1);
  store<std::uint16_t>(data_ + 4, 0);
  data_[kHeaderBytes] = static_cast<char>(kEnd);
  shrink();
}

void Listpack::append_all(const Listpack& other) {
  const std::size_t added = other.total() - kHeaderBytes - 1;
  const std::size_t before = total();
  reserve(before + added);
  std::memcpy(data_ + before - 1, other.data_ + kHeaderBytes, added + 1);
  set_total(before + added);
  add_to_count(other.header_count());
}

void Listpack::shrink() {
  if (auto* data = static_cast<char*>(std::realloc(data_, total()))) data_ = data;
}

std::size_t Listpack::element_bytes(std::string_view text) { return Element(text).bytes(); }

}  // namespace stele
