#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stele {

/// A set of integers in ascending order in one allocation, in Redis' format (formats/RDB.md, "intset"), so that
/// storing, snapshotting and copying one is a copy of its bytes. All integers have the width that the widest one ever
/// needed; erasing does not make them narrower. The object is no more than the pointer to them, which is what an Entry
/// holds as its body.
///
///     width (4: 2, 4 or 8) | integers (4) | integer ...          all little-endian
class Intset {
 public:
  Intset();  // empty, 8 bytes
  ~Intset();
  Intset(Intset&& other) noexcept;
  Intset& operator=(Intset&& other) noexcept;
  Intset(const Intset&) = delete;
  Intset& operator=(const Intset&) = delete;

  /// From and to the body of an Entry: what release() returns is the caller's, until adopt() takes it back. After a
  /// change the allocation may have moved, so the body must be set again.
  static Intset adopt(void* allocation);
  void* release();

  /// A copy of `bytes` if they are exactly one well-formed set, ascending without doubles. Takes any bytes.
  static std::optional<Intset> from_bytes(std::string_view bytes);

  /// Another one with the same integers.
  Intset copy() const;

  std::string_view bytes() const;
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  std::size_t allocated_bytes() const;

  std::int64_t at(std::size_t index) const;
  /// O(log n).
  bool contains(std::int64_t value) const;
  std::optional<std::size_t> find(std::int64_t value) const;

  /// False if it was there. O(n): what is greater moves.
  bool insert(std::int64_t value);
  /// False if it was not there.
  bool erase(std::int64_t value);

 private:
  explicit Intset(char* data) : data_(data) {}
  std::size_t width() const;
  std::size_t lower_bound(std::int64_t value) const;
  void set_size(std::size_t size);
  void resize(std::size_t bytes);
  void widen_and_insert(std::int64_t value, std::size_t new_width);

  char* data_;  // null once released or moved from
};

/// The intset that is the body of an entry, to be read where it is: owned by the entry before, meanwhile and after.
class BorrowedIntset {
 public:
  explicit BorrowedIntset(void* allocation) : intset_(Intset::adopt(allocation)) {}
  ~BorrowedIntset() { intset_.release(); }
  BorrowedIntset(const BorrowedIntset&) = delete;
  BorrowedIntset& operator=(const BorrowedIntset&) = delete;

  const Intset& operator*() const { return intset_; }
  const Intset* operator->() const { return &intset_; }

 private:
  Intset intset_;
};

}  // namespace stele
