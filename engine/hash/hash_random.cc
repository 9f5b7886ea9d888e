// HRANDFIELD: fields drawn at random, with or without repetition.

#include <absl/container/flat_hash_set.h>

#include "engine/hash/hash_commands.h"
#include "engine/random_picks.h"

namespace stele::hash_command {

namespace {

/// From how many fields a choice without repetition is made by drawing, and again if it was drawn before: then at least
/// two of three draws are new ones.
constexpr std::size_t kDrawUpToNth = 3;

class RandomFields {
 public:
  RandomFields(Call& call, const HashBody& hash, bool with_values)
      : call_(call), hash_(hash), with_values_(with_values) {}

  /// One, as HRANDFIELD replies without a count.
  void one() {
    if (hash_.encoding() == Encoding::hashtable) return call_.reply().bulk(hash_.table().random()->text());
    const BorrowedListpack listpack(hash_.body());
    const auto index = static_cast<std::int64_t>(2 * Random::below(hash_.size()));
    reply_packed(call_.reply(), listpack->get(listpack->at(index)));
  }

  void with_repetition(std::size_t count) {
    begin(count);
    if (hash_.encoding() == Encoding::hashtable) {
      for (std::size_t i = 0; i < count && !call_.replied_too_much(); ++i) write(*hash_.table().random());
      return;
    }
    const std::vector<Listpack::Place> places = field_places();
    for (std::size_t i = 0; i < count && !call_.replied_too_much(); ++i) write(places[Random::below(places.size())]);
  }

  void distinct(std::size_t count) {
    count = std::min(count, hash_.size());
    begin(count);
    if (count == hash_.size()) {
      HashWalk walk(hash_);
      PackedValue field, value;
      while (walk.next(field, value)) write(field, value);
    } else if (hash_.encoding() == Encoding::listpack) {
      const std::vector<Listpack::Place> places = field_places();
      for (const std::size_t pick : random_picks(count, places.size())) write(places[pick]);
    } else if (count * kDrawUpToNth > hash_.size()) {
      std::vector<const HashField*> all;
      all.reserve(hash_.size());
      HashTable::Walk walk(hash_.table());
      while (const HashField* field = walk.next()) all.push_back(field);
      shuffle_front(all, count);
      for (std::size_t i = 0; i < count; ++i) write(*all[i]);
    } else {
      absl::flat_hash_set<const HashField*> drawn;
      drawn.reserve(count);
      while (drawn.size() < count) {
        const HashField* field = hash_.table().random();
        if (drawn.insert(field).second) write(*field);
      }
    }
  }

 private:
  /// RESP3 has an array for each pair.
  void begin(std::size_t count) { call_.reply().array(with_values_ && !call_.reply().resp3() ? 2 * count : count); }
  void write(const PackedValue& field, const PackedValue& value) {
    if (with_values_ && call_.reply().resp3()) call_.reply().array(2);
    reply_packed(call_.reply(), field);
    if (with_values_) reply_packed(call_.reply(), value);
  }
  void write(const HashField& field) { write(packed(field.text()), packed(field.value())); }
  void write(Listpack::Place place) {
    const BorrowedListpack listpack(hash_.body());
    write(listpack->get(place), listpack->get(listpack->next(place)));
  }

  std::vector<Listpack::Place> field_places() const {
    const BorrowedListpack listpack(hash_.body());
    std::vector<Listpack::Place> places;
    places.reserve(hash_.size());
    for (auto place = listpack->first(); place != Listpack::kNone;) {
      places.push_back(place);
      place = listpack->next(listpack->next(place));
    }
    return places;
  }

  Call& call_;
  const HashBody& hash_;
  const bool with_values_;
};

}  // namespace

/// HRANDFIELD key [count [WITHVALUES]]: a negative count may name a field more than once.
void hrandfield(Call& call) {
  std::int64_t count = 0;
  if (call.argc() > 2) {
    if (!call.integer_arg(2, count)) return;
    constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
    if (count < -kMax) {
      return call.fail(fmt::format("ERR value is out of range, value must between {} and {}", -kMax, kMax));
    }
    if (call.argc() > 4 || (call.argc() == 4 && !call.arg_is(3, "withvalues"))) return call.syntax_error();
    if (call.argc() == 4 && (count < -kMax / 2 || count > kMax / 2)) return call.fail("ERR value is out of range");
  }
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!item) return call.argc() > 2 ? call.reply().array(0) : call.reply().null();
  if (!is_hash_or_absent(call, item)) return;

  const HashBody hash(*item.entry);
  RandomFields fields(call, hash, call.argc() == 4);
  if (call.argc() == 2) return fields.one();
  if (count >= 0) return fields.distinct(static_cast<std::size_t>(count));
  fields.with_repetition(static_cast<std::size_t>(-count));
}

}  // namespace stele::hash_command
