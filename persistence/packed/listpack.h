#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace stele {

/// What one place of a listpack holds: an integer where the text is the canonical spelling of one, else bytes. The
/// bytes are valid until the listpack changes.
struct PackedValue {
  const char* data = nullptr;  // null: an integer
  std::uint32_t bytes = 0;
  std::int64_t integer = 0;

  bool is_integer() const { return data == nullptr; }
  /// The text, whatever the form; `scratch` (at least 21 bytes) holds an integer's digits.
  std::string_view text(char* scratch) const;
  bool equals(std::string_view text) const;
};

/// Strings and integers packed one behind the other in one allocation, in Redis' format (formats/RDB.md, "listpack"),
/// so that storing, snapshotting and copying one is a copy of its bytes. The object is no more than the pointer to
/// them, which is what an Entry holds as its body.
///
///     total bytes (4) | elements (2; 65535: count them) | element ... | 0xFF
///     element: encoding and value | their length once more, to be read backwards (1 to 5 bytes)
///
/// Places are byte positions from the start. They stay valid behind no change but one of which it is said.
class Listpack {
 public:
  /// A place of an element; kNone behind the last and before the first.
  using Place = std::uint32_t;
  static constexpr Place kNone = 0;
  /// A listpack is not made larger than this (as Redis' LISTPACK_MAX_SAFETY_LIMIT): see fits().
  static constexpr std::size_t kBytesMax = std::size_t{1} << 30;

  Listpack();                              // empty, 7 bytes
  explicit Listpack(std::size_t reserve);  // empty, with room for so many bytes in all
  ~Listpack();
  Listpack(Listpack&& other) noexcept;
  Listpack& operator=(Listpack&& other) noexcept;
  Listpack(const Listpack&) = delete;
  Listpack& operator=(const Listpack&) = delete;

  /// From and to the body of an Entry: what release() returns is the caller's, until adopt() takes it back. After a
  /// change the allocation may have moved, so the body must be set again.
  static Listpack adopt(void* allocation);
  void* release();

  /// A copy of `bytes` if they are exactly one well-formed listpack: every length checked against what is left,
  /// backward lengths right, the count right. Takes any bytes.
  static std::optional<Listpack> from_bytes(std::string_view bytes);

  /// Another one with the same elements.
  Listpack copy() const;

  std::string_view bytes() const { return {data_, total()}; }
  std::size_t total() const;  // bytes
  std::size_t size() const;   // elements; O(n) from 65535 on
  bool empty() const;
  /// Whether `more` bytes of text can still be added.
  bool fits(std::size_t more) const { return total() + more <= kBytesMax; }
  std::size_t allocated_bytes() const;

  // --- reading
  Place first() const;
  Place last() const;
  Place next(Place place) const;
  Place previous(Place place) const;
  /// Of the element with this index, negative ones from the end; from the nearer end.
  Place at(std::int64_t index) const;
  PackedValue get(Place place) const;
  /// The first element equal to `text`, beginning at `from` and looking at every (skip + 1)th: skip 1 looks at the
  /// fields of field, value, field, value.
  Place find(std::string_view text, Place from, std::size_t skip = 0) const;

  // --- changing; `text` may lie in no listpack
  void append(std::string_view text);
  void append_integer(std::int64_t value);
  void prepend(std::string_view text);
  /// Before `place`; returns the new element's place.
  Place insert_before(Place place, std::string_view text);
  Place insert_after(Place place, std::string_view text);
  /// Puts `text` in the place of the element; returns its place, the same.
  Place replace(Place place, std::string_view text);
  Place replace_integer(Place place, std::int64_t value);
  /// Returns the place of the element behind, kNone if there is none.
  Place erase(Place place);
  /// Removes `count` elements from `place` on, or as many as there are; returns the place behind them.
  Place erase(Place place, std::size_t count);
  void clear();
  /// Moves the elements of `other` behind the own ones.
  void append_all(const Listpack& other);
  /// Gives room that is not used back to the allocator; erase() does so itself when much is free.
  void shrink();

  /// Bytes that `text` takes as an element.
  static std::size_t element_bytes(std::string_view text);

 private:
  struct Element;

  explicit Listpack(char* data) : data_(data) {}
  std::size_t header_count() const;
  void set_total(std::size_t bytes);
  void add_to_count(std::size_t more);
  void take_from_count(std::size_t fewer);
  void reserve(std::size_t bytes);
  void append(const Element& element);
  Place put(Place place, std::size_t replaced_bytes, const Element& element);

  char* data_;  // null once released or moved from
};

/// The listpack that is the body of an entry, to be read where it is: owned by the entry before, meanwhile and after.
class BorrowedListpack {
 public:
  explicit BorrowedListpack(void* allocation) : listpack_(Listpack::adopt(allocation)) {}
  ~BorrowedListpack() { listpack_.release(); }
  BorrowedListpack(const BorrowedListpack&) = delete;
  BorrowedListpack& operator=(const BorrowedListpack&) = delete;

  const Listpack& operator*() const { return listpack_; }
  const Listpack* operator->() const { return &listpack_; }

 private:
  Listpack listpack_;
};

}  // namespace stele
