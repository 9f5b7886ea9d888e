#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <absl/container/flat_hash_set.h>

#include "engine/packed/element_table.h"
#include "persistence/rdb_primitives.h"

namespace stele {

/// Collections of fewer elements are serialised in one go: that takes no longer than a slice.
inline constexpr std::size_t kSlicedFrom = 1000;

/// The value of a large collection as it was when this was made, serialised a slice at a time while the collection goes on
/// changing. Threads: the executor.
class SlicedValue {
 public:
  virtual ~SlicedValue() = default;

  /// What the collection's entry has for a body.
  virtual const void* body() const = 0;
  /// Goes on until about `until`; true when the value is complete.
  virtual bool step(std::chrono::steady_clock::time_point until) = 0;
  void finish() { step(std::chrono::steady_clock::time_point::max()); }

  std::uint8_t rdb_type() const { return rdb_type_; }
  /// Puts `prefix` in front of the value, before the first step, and makes room for about `value_bytes` at once: a string that
  /// grows by copying itself would take long in the end.
  void begin_with(std::string_view prefix, std::size_t value_bytes) {
    bytes_.reserve(prefix.size() + value_bytes);
    bytes_.insert(0, prefix);
  }
  /// The prefix and the value in RDB encoding, once it is complete.
  std::string& bytes() { return bytes_; }

 protected:
  explicit SlicedValue(std::uint8_t rdb_type) : rdb_type_(rdb_type) {}

  std::string bytes_;

 private:
  const std::uint8_t rdb_type_;
};

/// Of what is held in an ElementTable. The walk goes in hash order, so it is known of every element whether the walk has come
/// to it. One that changes or goes before that is serialised first; one that comes is left out. The order of elements in the
/// result is therefore any.
template <typename Node>
class SlicedElements final : public SlicedValue, private ElementWatcher<Node> {
 public:
  using Append = void (*)(const Node& node, std::string& out);

  /// `body` is the entry's, `table` its elements. It may go before the table does; when the table goes first, the rest is
  /// serialised at once.
  SlicedElements(const void* body, ElementTable<Node>& table, std::uint8_t rdb_type, Append append)
      : SlicedValue(rdb_type), body_(body), table_(&table), append_(append) {
    append_rdb_length(bytes_, table.size());
    table.watch(this);
  }
  ~SlicedElements() override {
    if (table_ != nullptr) table_->watch(nullptr);
  }

  const void* body() const override { return body_; }

  bool step(std::chrono::steady_clock::time_point until) override {
    constexpr std::size_t kElementsPerLook = 64;
    while (table_ != nullptr) {
      const std::uint64_t next = table_->scan(cursor_, kElementsPerLook, [this](const Node& node) {
        if (place(element_hash(node.text())) < cursor_) return;  // seen before the table shrank
        if (settled_.empty() || !settled_.contains(std::string(node.text()))) append_(node, bytes_);
      });
      cursor_ = next;
      if (next == 0) {
        table_->watch(nullptr);
        table_ = nullptr;
        settled_.clear();
      } else if (std::chrono::steady_clock::now() >= until) {
        return false;
      }
    }
    return true;
  }

 private:
  static std::uint64_t place(std::uint64_t hash) { return hash >> (64 - ElementTable<Node>::kCursorBits); }
  bool has_passed(std::uint64_t hash) const { return place(hash) < cursor_; }

  void inserted(std::uint64_t hash, const Node& node) override {
    if (!has_passed(hash)) settled_.emplace(std::string(node.text()));
  }
  void changing(std::uint64_t hash, const Node& node) override {
    if (!has_passed(hash) && settled_.emplace(std::string(node.text())).second) append_(node, bytes_);
  }
  void table_going() override { finish(); }

  const void* const body_;
  ElementTable<Node>* table_;  // null: all is serialised
  const Append append_;
  std::uint64_t cursor_ = 0;
  absl::flat_hash_set<std::string> settled_;  // serialised early, or not to be serialised
};

}  // namespace stele
