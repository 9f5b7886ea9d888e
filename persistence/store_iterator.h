#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "persistence/offset.h"
#include "persistence/status.h"

namespace stele {

class Store;

/// Objects in key order, as they were when it was made: later checkpoints and drops do not show, and what it reads
/// is not deleted meanwhile, so a forgotten one holds disk space. May read the disk at every step. It must not
/// outlive the store. One thread at a time.
///
///     for (StoreIterator it = store.iterate(first, end); it.valid(); it.next()) { ... it.key(), it.value() ... }
///     STELE_CHECK(it.status());      // an error ends the loop like the end does
class StoreIterator {
 public:
  StoreIterator(StoreIterator&&) noexcept;
  StoreIterator& operator=(StoreIterator&&) noexcept;
  ~StoreIterator();

  bool valid() const;
  void next();                      ///< only if valid
  void seek(std::string_view key);  ///< to the first key not before `key`, which may lie behind, within the range

  std::string_view key() const;    ///< borrowed until next() or seek()
  std::string_view value() const;  ///< likewise

  /// `corrupt` or `io` if the loop ended before the data did.
  Status status() const;

 private:
  friend class Store;
  struct Cursor;
  explicit StoreIterator(std::unique_ptr<Cursor> cursor);

  std::unique_ptr<Cursor> cursor_;
};

/// Expiries in the order of time. As StoreIterator otherwise.
class ExpiryIterator {
 public:
  bool valid() const { return entries_.valid(); }
  void next() { entries_.next(); }

  UnixTime expire_at() const;
  std::string_view object_key() const;  ///< borrowed until next()

  Status status() const { return entries_.status(); }

 private:
  friend class Store;
  explicit ExpiryIterator(StoreIterator entries) : entries_(std::move(entries)) {}

  StoreIterator entries_;
};

}  // namespace stele
