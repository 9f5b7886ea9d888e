#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/entry.h"
#include "engine/key_hash.h"

namespace stele {

class TableSegment;

/// The resident keys of one database, ordered by hash. A directory over the top bits of the hash points to segments;
/// a segment is an array of slots kept in hash order by linear probing, with gaps. A full segment splits alone: there is
/// no rehash of the table, and walking it visits keys in the order in which RocksDB holds them.
///
///     directory  [ 2^depth pointers ]       indexed by the top `depth` bits of the hash
///                    |
///     segment    [ slot slot .  slot . . ]  4 KiB; its range of hashes is a prefix of at most `depth` bits
///                    |
///     slot       tag (16 bits)  | entry pointer (48 bits), the low bits of which are marks:
///                `- the hash bits behind the segment's prefix; slots are in tag order
///
/// Marks: `dirty` in two epochs, so that freezing the dirty set for a checkpoint is a change of epoch and no walk.
/// A slot dirty in the current epoch changed since the last freeze; in the other one it is frozen: part of the running
/// checkpoint and not serialised yet.
///
/// Threads: the executor alone. Owns the entries.
class Table {
 public:
  /// The place of an entry; valid until the next insert or erase in the table.
  class Slot {
   public:
    Slot() = default;
    explicit operator bool() const { return bits_ != nullptr; }
    Entry* entry() const;
    /// After the entry moved; marks stay.
    void set_entry(Entry* entry);
    bool is_dirty(unsigned epoch) const { return *bits_ & (std::uint64_t{1} << epoch); }
    bool is_tombstone() const { return *bits_ & kTombstoneMark; }
    bool is_clean() const { return (*bits_ & 3) == 0; }  // dirty in neither epoch

   private:
    friend class Table;
    Slot(TableSegment* segment, std::uint64_t* bits) : segment_(segment), bits_(bits) {}
    static constexpr std::uint64_t kTombstoneMark = 4;

    TableSegment* segment_ = nullptr;
    std::uint64_t* bits_ = nullptr;
  };

  explicit Table(const KeyHasher& hasher);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// Live entries; tombstones are not counted.
  std::size_t size() const { return live_; }
  std::size_t tombstones() const { return tombstones_; }
  std::size_t dirty(unsigned epoch) const { return dirty_[epoch]; }
  /// Bytes of directory and segments, not of the entries.
  std::size_t overhead_bytes() const;
  std::size_t segment_count() const { return segments_; }

  /// Finds a live entry or a tombstone.
  Slot find(Hash48 hash, std::string_view key);
  /// The first entry of this hash that `wanted(const Entry&)` accepts, when its key is not known.
  template <typename Wanted>
  Slot find_if(Hash48 hash, Wanted&& wanted);

  /// Adds an entry whose key is not there; takes ownership. The slot has no dirty marks.
  Slot insert(Hash48 hash, Entry* entry);
  /// Takes the entry out, without freeing it.
  Entry* extract(Slot slot);
  /// Puts `tombstone` (owned) in the place of a live entry, which the caller frees; marks stay.
  void bury(Slot slot, Entry* tombstone);
  /// A tombstone becomes live again: `entry` (owned) replaces it; marks stay.
  void revive(Slot slot, Entry* entry);

  void mark_dirty(Slot slot, unsigned epoch);
  void clear_dirty(Slot slot, unsigned epoch);
  /// Marks every entry dirty: after a checkpoint that failed.
  void mark_all_dirty(unsigned epoch);
  void clear_all_dirty(unsigned epoch);

  /// Calls visit(Slot, Hash48) for every slot of the segment that covers `from` and of no other, in hash order from
  /// `from` on, and returns the first hash behind the segment, or kHashEnd. The hash is computed anew: entries do not
  /// hold theirs. `visit` must not insert or erase.
  template <typename Visit>
  Hash48 visit_segment(Hash48 from, Visit&& visit);

  /// As above, but only slots dirty in `epoch`; segments that have none are skipped without looking at their slots.
  template <typename Visit>
  Hash48 visit_dirty(Hash48 from, unsigned epoch, Visit&& visit);

  /// Frees the clean tombstones of the segment that covers `from`; returns the first hash behind it.
  Hash48 sweep_tombstones(Hash48 from);

  /// A live entry, each about as likely; an empty Slot if there is none. `random` is 64 random bits.
  Slot random_live(std::uint64_t random);

  const KeyHasher& hasher() const { return hasher_; }

 private:
  friend class TableSegment;

  std::size_t directory_index(Hash48 hash) const { return hash >> (kHashBits - depth_); }
  TableSegment* segment_of(Hash48 hash) const { return directory_[directory_index(hash)]; }
  void split(TableSegment* segment, Hash48 hash);
  void try_merge(TableSegment* segment, Hash48 hash);
  /// The lower or upper half of `segment`, as a segment of its own.
  TableSegment* half_of(const TableSegment& segment, std::uint64_t upper) const;

  const KeyHasher& hasher_;
  int depth_ = 0;
  std::vector<TableSegment*> directory_;
  std::size_t live_ = 0;
  std::size_t tombstones_ = 0;
  std::size_t segments_ = 0;
  std::size_t dirty_[2] = {0, 0};
};

/// See Table. A run of slots sorted by tag; empty slots are 0. A slot stands at its home position or as near behind it as
/// the slots before it allow, so a search ends at the first gap or greater tag.
class TableSegment {
 public:
  static constexpr std::size_t kHomes = 470;   // positions that tags map to, but where `homes` is less
  static constexpr std::size_t kSlots = 508;   // the rest takes the overflow of the last homes
  static constexpr std::size_t kSplitAt = 408;  // used slots
  static constexpr std::size_t kMergeAt = 160;  // used slots of both halves together
  static constexpr int kTagBits = 16;

  std::size_t home(std::uint64_t tag) const { return tag * homes >> kTagBits; }
  static Entry* entry_of(std::uint64_t bits) {
    return reinterpret_cast<Entry*>(bits & ((std::uint64_t{1} << 48) - 16));
  }
  static std::uint64_t tag_of(std::uint64_t bits) { return bits >> 48; }

  std::uint64_t tag(Hash48 hash) const {
    return hash >> (kHashBits - kTagBits - depth) & ((std::uint64_t{1} << kTagBits) - 1);
  }
  Hash48 first_hash(Hash48 inside) const {
    return depth == 0 ? 0 : inside >> (kHashBits - depth) << (kHashBits - depth);
  }
  Hash48 end_hash(Hash48 inside) const { return first_hash(inside) + (Hash48{1} << (kHashBits - depth)); }

  /// Puts `bits` in tag order; false if there is no room behind its home.
  bool place(std::uint64_t bits);
  /// Empties it, and halves its homes: with more room behind the last one, also tags that are all near each other have
  /// their place. With a single home it is a sorted array, in which whatever its slots can hold has.
  void clear_with_fewer_homes();
  /// Empties position `at` and pulls the run behind it forward.
  void remove(std::size_t at);

  std::uint16_t depth = 0;
  std::uint16_t used = 0;
  std::uint16_t tombstones = 0;
  std::uint16_t dirty[2] = {0, 0};
  std::uint16_t homes = kHomes;
  std::uint16_t unused[2] = {0, 0};
  std::uint64_t slots[kSlots] = {};
};

static_assert(sizeof(TableSegment) <= 4096);

template <typename Wanted>
Table::Slot Table::find_if(Hash48 hash, Wanted&& wanted) {
  TableSegment* segment = segment_of(hash);
  const std::uint64_t tag = segment->tag(hash);
  for (std::size_t at = segment->home(tag); at < TableSegment::kSlots && segment->slots[at] != 0; ++at) {
    if (TableSegment::tag_of(segment->slots[at]) > tag) break;
    const Entry& entry = *TableSegment::entry_of(segment->slots[at]);
    if (TableSegment::tag_of(segment->slots[at]) == tag && hasher_(entry.key()) == hash && wanted(entry)) {
      return Slot(segment, &segment->slots[at]);
    }
  }
  return {};
}

template <typename Visit>
Hash48 Table::visit_segment(Hash48 from, Visit&& visit) {
  TableSegment* segment = segment_of(from);
  // Entries with equal tags are rare and stand in any order: sort the few.
  struct Item {
    Hash48 hash;
    std::uint64_t* bits;
  };
  Item items[TableSegment::kSlots];
  std::size_t count = 0;
  for (std::uint64_t& bits : segment->slots) {
    if (bits != 0) __builtin_prefetch(TableSegment::entry_of(bits));
  }
  for (std::uint64_t& bits : segment->slots) {
    if (bits == 0) continue;
    const Hash48 hash = hasher_(TableSegment::entry_of(bits)->key());
    if (hash >= from) items[count++] = {hash, &bits};
  }
  std::sort(items, items + count, [](const Item& a, const Item& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return TableSegment::entry_of(*a.bits)->key() < TableSegment::entry_of(*b.bits)->key();
  });
  const Hash48 end = segment->end_hash(from);
  for (std::size_t i = 0; i < count; ++i) visit(Slot(segment, items[i].bits), items[i].hash);
  return end;
}

template <typename Visit>
Hash48 Table::visit_dirty(Hash48 from, unsigned epoch, Visit&& visit) {
  while (from < kHashEnd && segment_of(from)->dirty[epoch] == 0) from = segment_of(from)->end_hash(from);
  if (from >= kHashEnd) return kHashEnd;
  return visit_segment(from, [&](Slot slot, Hash48 hash) {
    if (slot.is_dirty(epoch)) visit(slot, hash);
  });
}

}  // namespace stele
