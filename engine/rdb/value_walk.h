#pragma once

#include <optional>
#include <string_view>

#include "engine/entry.h"
#include "engine/real.h"
#include "persistence/packed/intset.h"
#include "persistence/packed/listpack.h"
#include "persistence/rdb/rdb_value.h"
#include "persistence/rdb_primitives.h"

namespace stele {

/// One element of a value: of a string the whole of it. The views are valid during the visit.
struct ValueElement {
  std::string_view text;   // the string, element, member or field
  std::string_view value;  // of a hash's field
  double score = 0;        // of a sorted set's member
};

/// The data type of a value in the engine's form (RdbValue).
inline ObjectType object_type_of_value(std::uint8_t type) {
  switch (type) {
    case rdb_type::kString:
      return ObjectType::string;
    case rdb_type::kQuicklist2:
      return ObjectType::list;
    case rdb_type::kSet:
    case rdb_type::kSetIntset:
    case rdb_type::kSetListpack:
      return ObjectType::set;
    case rdb_type::kZset:
    case rdb_type::kZsetListpack:
      return ObjectType::zset;
    case rdb_type::kHash:
    case rdb_type::kHashListpack:
      return ObjectType::hash;
    case rdb_type::kModule:
      return ObjectType::module;
    default:
      return ObjectType::stream;
  }
}

/// Calls `visit(const ValueElement&)`, which returns a Status, for every element of a value in the engine's form, in
/// the order of its bytes and without a copy of it. Streams are no case of this: see stream_from_rdb(). `corrupt` if a
/// score is no number, or the bytes are not what read_rdb_value() makes. The first status that is not ok ends the walk.
template <typename Visit>
Status walk_value(std::uint8_t type, std::string_view bytes, Visit&& visit) {
  RdbReader in(bytes);
  char scratch[24];
  char second[24];
  ValueElement element;
  const auto malformed = [] { return Status::corrupt("the value is not as its type says"); };

  // The listpack's own places lie in `bytes`, which is only borrowed.
  const auto each_packed = [&](std::string_view blob, auto&& take) -> Status {
    if (blob.size() < 7) return malformed();
    const BorrowedListpack packed(const_cast<char*>(blob.data()));
    for (auto place = packed->first(); place != Listpack::kNone;) STELE_CHECK(take(*packed, place));
    return Status();
  };

  switch (type) {
    case rdb_type::kString:
      element.text = in.string(scratch);
      if (!in.at_end()) return malformed();
      return visit(element);
    case rdb_type::kSet:
    case rdb_type::kHash:
    case rdb_type::kZset:
      for (std::uint64_t n = in.length(); n > 0 && in.ok(); --n) {
        element.text = in.string(scratch);
        if (type == rdb_type::kHash) element.value = in.string(second);
        if (type == rdb_type::kZset) {
          const std::string_view raw = in.bytes(sizeof element.score);
          if (in.ok()) std::memcpy(&element.score, raw.data(), sizeof element.score);
        }
        if (!in.ok()) return malformed();
        STELE_CHECK(visit(element));
      }
      break;
    case rdb_type::kSetIntset: {
      const std::string_view blob = in.string(scratch);
      if (blob.size() < 8) return malformed();
      const BorrowedIntset set(const_cast<char*>(blob.data()));
      for (std::size_t i = 0; i < set->size(); ++i) {
        element.text = PackedValue{.integer = set->at(i)}.text(scratch);
        STELE_CHECK(visit(element));
      }
      break;
    }
    case rdb_type::kSetListpack:
      STELE_CHECK(each_packed(in.string(second), [&](const Listpack& packed, Listpack::Place& place) {
        element.text = packed.get(place).text(scratch);
        place = packed.next(place);
        return visit(element);
      }));
      break;
    case rdb_type::kHashListpack:
      STELE_CHECK(each_packed(in.string(second), [&](const Listpack& packed, Listpack::Place& place) -> Status {
        element.text = packed.get(place).text(scratch);
        place = packed.next(place);
        if (place == Listpack::kNone) return malformed();
        element.value = packed.get(place).text(second);
        place = packed.next(place);
        return visit(element);
      }));
      break;
    case rdb_type::kZsetListpack:
      STELE_CHECK(each_packed(in.string(second), [&](const Listpack& packed, Listpack::Place& place) -> Status {
        element.text = packed.get(place).text(scratch);
        place = packed.next(place);
        if (place == Listpack::kNone) return malformed();
        const PackedValue score = packed.get(place);
        if (score.is_integer()) {
          element.score = static_cast<double>(score.integer);
        } else {
          const std::optional<double> parsed = parse_double({score.data, score.bytes});
          if (!parsed) return Status::corrupt("a score is no number");
          element.score = *parsed;
        }
        place = packed.next(place);
        return visit(element);
      }));
      break;
    case rdb_type::kQuicklist2:
      for (std::uint64_t nodes = in.length(); nodes > 0 && in.ok(); --nodes) {
        const bool is_single = in.length() == 1;
        const std::string_view blob = in.string(second);
        if (!in.ok()) return malformed();
        if (is_single) {
          element.text = blob;
          STELE_CHECK(visit(element));
          continue;
        }
        STELE_CHECK(each_packed(blob, [&](const Listpack& packed, Listpack::Place& place) {
          element.text = packed.get(place).text(scratch);
          place = packed.next(place);
          return visit(element);
        }));
      }
      break;
    default:
      return Status::corrupt("there are no elements of RDB type {} to walk", type);
  }
  return in.at_end() ? Status() : malformed();
}

}  // namespace stele
