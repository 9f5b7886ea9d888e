#include "persistence/rdb/rdb_value.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <span>

#include "persistence/packed/listpack.h"
#include "persistence/rdb/ziplist.h"
#include "persistence/rdb_primitives.h"

namespace stele {

namespace {

// Nodes that a list of single elements is packed into; a larger element is a node of its own.
constexpr std::size_t kListNodeBytes = 8 * 1024;
constexpr std::uint64_t kNodeSingle = 1;
constexpr std::uint64_t kNodeListpack = 2;

/// Reads one value into `out`.
class ValueReader {
 public:
  ValueReader(RdbSource& source, RdbDialect dialect, RdbValue& out) : source_(source), dialect_(dialect), out_(out) {}

  RdbValueOutcome read(std::uint8_t type) {
    out_.type = type;
    out_.bytes.clear();
    out_.elements = out_.expiring_fields = out_.producers = out_.module_id = 0;
    out_.field_expires_at_ms.clear();
    if (!dispatch(type)) return source_.ok() ? RdbValueOutcome::unknown : RdbValueOutcome::failed;
    if (!source_.ok()) return RdbValueOutcome::failed;
    const bool is_collection = out_.type != rdb_type::kString && out_.type != rdb_type::kStream &&
                               out_.type != rdb_type::kStream2 && out_.type != rdb_type::kStream3;
    return is_collection && out_.elements == 0 ? RdbValueOutcome::empty : RdbValueOutcome::value;
  }

 private:
  /// False if the type is unknown, or the source has failed.
  bool dispatch(std::uint8_t type) {
    using namespace rdb_type;
    switch (type) {
      case kString:
        add_string(source_.string());
        return true;
      case kSet:
        return copy_strings(1);
      case kHash:
        return copy_strings(2);
      case kZset:
        return copy_zset();
      case kZsetText:
        return convert_text_scores();
      case kList:
        return convert_list();
      case kSetIntset:
        return copy_intset();
      case kHashListpack:
      case kZsetListpack:
        return copy_listpack(2);
      case kSetListpack:
        return copy_listpack(1);
      case kQuicklist2:
        return copy_quicklist();
      case kQuicklist:
        return convert_ziplist_nodes(source_.length());
      case kListZiplist:
        return convert_ziplist_nodes(1);
      case kHashZiplist:
        return convert_pairs(kHashListpack);
      case kZsetZiplist:
        return convert_pairs(kZsetListpack);
      case kHashZipmap:
        return convert_zipmap();
      case kStream:
      case kStream2:
      case kStream3:
      case kStream4:
      case kStream5:
        return copy_stream(type);
      case kHashExpiringRc:
        return dialect_ == RdbDialect::valkey ? convert_valkey_hash() : convert_expiring_hash(false);
      case kHashExpiring:
        return convert_expiring_hash(true);
      case kHashListpackExpiringRc:
        return convert_expiring_listpack(false);
      case kHashListpackExpiring:
        return convert_expiring_listpack(true);
      case kModule:
        out_.module_id = source_.length();
        skip_module_fields(source_);
        return false;
      case kModulePreRelease:
        return source_.fail("a module value of type 6 ({}) cannot be skipped", module_name(source_.length()));
      default:
        return source_.fail("there is no value type {} here", type);
    }
  }

  // --- copying

  void add_string(std::string_view text) {
    if (source_.ok()) append_rdb_string(out_.bytes, text);
  }
  void add_length(std::uint64_t length) { append_rdb_length(out_.bytes, length); }
  void add_blob(std::string_view blob) {
    add_length(blob.size());
    out_.bytes.append(blob);
  }
  void copy_length() { add_length(source_.length()); }
  void copy_bytes(std::uint64_t n) { out_.bytes.append(source_.bytes(n)); }

  bool copy_strings(std::uint64_t per_element) {
    out_.elements = source_.length();
    add_length(out_.elements);
    for (std::uint64_t i = 0; i < out_.elements && source_.ok(); ++i) {
      for (std::uint64_t part = 0; part < per_element; ++part) add_string(source_.string());
    }
    return source_.ok();
  }

  bool copy_zset() {
    out_.elements = source_.length();
    add_length(out_.elements);
    for (std::uint64_t i = 0; i < out_.elements && source_.ok(); ++i) {
      add_string(source_.string());
      const double score = source_.real();
      if (std::isnan(score)) return source_.fail("a sorted set has a score that is not a number");
      add_score(score);
    }
    return source_.ok();
  }

  void add_score(double score) {
    char raw[sizeof score];
    std::memcpy(raw, &score, sizeof raw);
    out_.bytes.append(raw, sizeof raw);
  }

  bool copy_intset() {
    const std::string_view blob = source_.string();
    if (!source_.ok()) return false;
    std::uint32_t width = 0, count = 0;
    if (blob.size() >= 8) {
      std::memcpy(&width, blob.data(), 4);
      std::memcpy(&count, blob.data() + 4, 4);
    }
    if ((width != 2 && width != 4 && width != 8) || count == 0 || blob.size() != 8 + std::uint64_t{width} * count) {
      return source_.fail("an intset of {} bytes is damaged", blob.size());
    }
    out_.elements = count;
    add_blob(blob);
    return true;
  }

  /// A listpack of groups of `per_element`.
  bool copy_listpack(std::size_t per_element) {
    const std::string_view blob = source_.string();
    if (!source_.ok()) return false;
    const auto elements = checked_listpack(blob);
    if (!elements) return false;
    if (*elements % per_element != 0) return source_.fail("a listpack of pairs has {} elements", *elements);
    out_.elements = *elements / per_element;
    add_blob(blob);
    return true;
  }

  std::optional<std::size_t> checked_listpack(std::string_view blob) {
    const auto listpack = Listpack::from_bytes(blob);
    if (!listpack) {
      source_.fail("a listpack of {} bytes is damaged", blob.size());
      return std::nullopt;
    }
    return listpack->size();
  }

  bool copy_quicklist() {
    const std::uint64_t nodes = source_.length();
    std::uint64_t kept = 0;
    std::string all;
    all.swap(out_.bytes);
    for (std::uint64_t i = 0; i < nodes && source_.ok(); ++i) {
      const std::uint64_t container = source_.length();
      const std::string_view blob = source_.string();
      if (!source_.ok()) return false;
      std::size_t elements = 1;
      if (container == kNodeListpack) {
        const auto checked = checked_listpack(blob);
        if (!checked) return false;
        elements = *checked;
        if (elements == 0) continue;
      } else if (container != kNodeSingle || blob.empty()) {
        return source_.fail("a node of a list has container {} and {} bytes", container, blob.size());
      }
      add_length(container);
      add_blob(blob);
      out_.elements += elements;
      ++kept;
    }
    all.swap(out_.bytes);  // now `all` has the nodes
    add_length(kept);
    out_.bytes += all;
    return source_.ok();
  }

  bool copy_stream(std::uint8_t type) {
    const std::uint64_t nodes = source_.length();
    add_length(nodes);
    for (std::uint64_t i = 0; i < nodes && source_.ok(); ++i) {
      const std::string_view id = source_.string();
      if (source_.ok() && id.size() != 16) return source_.fail("a stream's node has an id of {} bytes", id.size());
      add_blob(id);
      const std::string_view blob = source_.string();
      if (!source_.ok() || !checked_listpack(blob)) return false;
      add_blob(blob);
    }
    const int lengths =
        type == rdb_type::kStream ? 3 : 8;  // entries, last id [, first id, largest deleted id, ever added]
    for (int i = 0; i < lengths; ++i) copy_length();
    const std::uint64_t groups = source_.length();
    add_length(groups);
    for (std::uint64_t g = 0; g < groups && source_.ok(); ++g) copy_group(type);
    if (type >= rdb_type::kStream4) {
      out_.type = rdb_type::kStream3;
      skip_producers();
    }
    return source_.ok();
  }

  /// What a later Redis remembers of producers, so that a message sent twice counts once.
  void skip_producers() {
    source_.length();  // duration
    source_.length();  // most entries
    const std::uint64_t producers = source_.length();
    out_.producers = producers;
    for (std::uint64_t p = 0; p < producers && source_.ok(); ++p) {
      source_.string();
      const std::uint64_t messages = source_.length();
      for (std::uint64_t m = 0; m < messages && source_.ok(); ++m) {
        source_.string();
        source_.length();
        source_.length();
      }
    }
    source_.length();  // added
    source_.length();  // doubles
  }

  void copy_group(std::uint8_t type) {
    add_blob(source_.string());
    const int lengths = type == rdb_type::kStream ? 2 : 3;  // last id [, entries read]
    for (int i = 0; i < lengths; ++i) copy_length();
    const std::uint64_t pending = source_.length();
    add_length(pending);
    for (std::uint64_t i = 0; i < pending && source_.ok(); ++i) {
      copy_bytes(16 + 8);
      copy_length();
    }
    const std::uint64_t consumers = source_.length();
    add_length(consumers);
    for (std::uint64_t c = 0; c < consumers && source_.ok(); ++c) {
      add_blob(source_.string());
      copy_bytes(type >= rdb_type::kStream3 ? 16 : 8);
      const std::uint64_t own = source_.length();
      add_length(own);
      for (std::uint64_t i = 0; i < own && source_.ok(); ++i) copy_bytes(16);
    }
    if (type < rdb_type::kStream5) return;
    const std::uint64_t given_back = source_.length();
    for (std::uint64_t i = 0; i < given_back && source_.ok(); ++i) source_.bytes(16);
  }

  // --- converting

  bool convert_text_scores() {
    out_.type = rdb_type::kZset;
    out_.elements = source_.length();
    add_length(out_.elements);
    for (std::uint64_t i = 0; i < out_.elements && source_.ok(); ++i) {
      add_string(source_.string());
      const std::uint8_t bytes = source_.byte();
      double score = 0;
      if (bytes == 254 || bytes == 255) {
        score = bytes == 254 ? HUGE_VAL : -HUGE_VAL;
      } else {
        const std::string text(source_.bytes(bytes == 253 ? 0 : bytes));
        char* end = nullptr;
        score = std::strtod(text.c_str(), &end);
        if (bytes == 253 || text.empty() || end != text.c_str() + text.size() || std::isnan(score)) {
          return source_.fail("a sorted set has a score that is not a number");
        }
      }
      add_score(score);
    }
    return source_.ok();
  }

  /// Collects elements of a list into nodes; finish_list() writes them.
  void add_to_list(std::string_view text) {
    ++out_.elements;
    if (text.size() > kListNodeBytes) {
      close_node();
      append_rdb_length(nodes_, kNodeSingle);
      append_rdb_length(nodes_, text.size());
      nodes_.append(text);
      ++node_count_;
      return;
    }
    if (!node_.empty() && node_.total() + Listpack::element_bytes(text) > kListNodeBytes) close_node();
    node_.append(text);
  }
  void close_node() {
    if (node_.empty()) return;
    append_rdb_length(nodes_, kNodeListpack);
    append_rdb_length(nodes_, node_.bytes().size());
    nodes_.append(node_.bytes());
    ++node_count_;
    node_.clear();
  }
  bool finish_list() {
    close_node();
    out_.type = rdb_type::kQuicklist2;
    add_length(node_count_);
    out_.bytes += nodes_;
    return source_.ok();
  }

  bool convert_list() {
    const std::uint64_t count = source_.length();
    for (std::uint64_t i = 0; i < count && source_.ok(); ++i) {
      const std::string_view text = source_.string();
      if (source_.ok()) add_to_list(text);
    }
    return finish_list();
  }

  bool convert_ziplist_nodes(std::uint64_t nodes) {
    char digits[24];
    for (std::uint64_t i = 0; i < nodes && source_.ok(); ++i) {
      const std::string_view blob = source_.string();
      if (!source_.ok()) return false;
      const bool good =
          read_ziplist(blob, [&](const LegacyElement& element) { add_to_list(text_of(element, digits)); });
      if (!good) return source_.fail("a ziplist of {} bytes is damaged", blob.size());
    }
    return finish_list();
  }

  static std::string_view text_of(const LegacyElement& element, std::span<char> digits) {
    if (!element.is_integer) return element.text;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), element.integer);
    return {digits.data(), end};
  }

  bool convert_pairs(std::uint8_t type) {
    const std::string_view blob = source_.string();
    if (!source_.ok()) return false;
    Listpack pairs(blob.size());
    const bool good = read_ziplist(blob, [&](const LegacyElement& element) {
      element.is_integer ? pairs.append_integer(element.integer) : pairs.append(element.text);
    });
    if (!good || pairs.size() % 2 != 0) return source_.fail("a ziplist of {} bytes is damaged", blob.size());
    return finish_pairs(type, pairs);
  }

  bool convert_zipmap() {
    const std::string_view blob = source_.string();
    if (!source_.ok()) return false;
    Listpack pairs(blob.size());
    if (!read_zipmap(blob, [&](std::string_view text) { pairs.append(text); })) {
      return source_.fail("a zipmap of {} bytes is damaged", blob.size());
    }
    return finish_pairs(rdb_type::kHashListpack, pairs);
  }

  bool finish_pairs(std::uint8_t type, const Listpack& pairs) {
    out_.type = type;
    out_.elements = pairs.size() / 2;
    add_blob(pairs.bytes());
    return true;
  }

  void add_field_expiry(std::int64_t at_ms) {
    if (!source_.ok()) return;
    out_.expiring_fields += at_ms != 0;
    out_.field_expires_at_ms.push_back(at_ms);
  }

  /// Types 22 and 24 of Redis: fields, some of which expire.
  bool convert_expiring_hash(bool has_minimum) {
    const std::int64_t minimum = has_minimum ? source_.little_endian<std::int64_t>() : 1;
    out_.type = rdb_type::kHash;
    out_.elements = source_.length();
    add_length(out_.elements);
    for (std::uint64_t i = 0; i < out_.elements && source_.ok(); ++i) {
      const std::uint64_t after = source_.length();
      // Unsigned: what a damaged file says may be any number.
      add_field_expiry(after == 0 ? 0 : static_cast<std::int64_t>(static_cast<std::uint64_t>(minimum) + after - 1));
      add_string(source_.string());
      add_string(source_.string());
    }
    return source_.ok();
  }

  /// Type 22 of Valkey.
  bool convert_valkey_hash() {
    out_.type = rdb_type::kHash;
    out_.elements = source_.length();
    add_length(out_.elements);
    for (std::uint64_t i = 0; i < out_.elements && source_.ok(); ++i) {
      add_string(source_.string());
      add_string(source_.string());
      const auto expiry = source_.little_endian<std::int64_t>();
      add_field_expiry(expiry == -1 ? 0 : expiry);
    }
    return source_.ok();
  }

  /// Types 23 and 25: a listpack of field, value, expiry.
  bool convert_expiring_listpack(bool has_minimum) {
    if (has_minimum) source_.bytes(8);
    const std::string_view blob = source_.string();
    if (!source_.ok()) return false;
    const auto triples = Listpack::from_bytes(blob);
    if (!triples || triples->size() % 3 != 0) return source_.fail("a listpack of {} bytes is damaged", blob.size());
    Listpack pairs(blob.size());
    char digits[24];
    for (Listpack::Place place = triples->first(); place != Listpack::kNone;) {
      for (int i = 0; i < 2; ++i, place = triples->next(place)) pairs.append(triples->get(place).text(digits));
      const PackedValue expiry = triples->get(place);
      if (!expiry.is_integer()) return source_.fail("a field's expiry is not a number");
      add_field_expiry(expiry.integer);
      place = triples->next(place);
    }
    return finish_pairs(rdb_type::kHashListpack, pairs);
  }

  RdbSource& source_;
  const RdbDialect dialect_;
  RdbValue& out_;
  Listpack node_;
  std::string nodes_;
  std::uint64_t node_count_ = 0;
};

}  // namespace

RdbValueOutcome read_rdb_value(RdbSource& source, std::uint8_t type, RdbDialect dialect, RdbValue& value) {
  return ValueReader(source, dialect, value).read(type);
}

std::string_view rdb_type_name(std::uint8_t type, RdbDialect dialect) {
  if (dialect == RdbDialect::valkey && type == rdb_type::kHashExpiringRc) return "hash-valkey";
  static constexpr std::string_view kNames[] = {"string",
                                                "list",
                                                "set",
                                                "zset-v1",
                                                "hash",
                                                "zset-v2",
                                                "module-pre-ga",
                                                "module2",
                                                "unknown",
                                                "hash-zipmap",
                                                "list-ziplist",
                                                "set-intset",
                                                "zset-ziplist",
                                                "hash-ziplist",
                                                "list-quicklist",
                                                "stream-v1",
                                                "hash-listpack",
                                                "zset-listpack",
                                                "list-quicklist2",
                                                "stream-v2",
                                                "set-listpack",
                                                "stream-v3",
                                                "hash-hfe-rc",
                                                "hash-listpack-hfe-rc",
                                                "hash-hfe",
                                                "hash-listpack-hfe",
                                                "stream-v4",
                                                "stream-v5"};
  return type < std::size(kNames) ? kNames[type] : "unknown";
}

std::string module_name(std::uint64_t id) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string name;
  for (int i = 0; i < 9; ++i) name += kAlphabet[id >> (58 - 6 * i) & 63];
  return name;
}

bool skip_module_fields(RdbSource& source) {
  for (;;) {
    const std::uint64_t tag = source.length();
    if (!source.ok()) return false;
    switch (tag) {
      case 0:
        return true;
      case 1:
      case 2:
        source.length();
        break;
      case 3:
        source.bytes(4);
        break;
      case 4:
        source.bytes(8);
        break;
      case 5:
        source.string();
        break;
      default:
        return source.fail("there is no field {} in a module's value", tag);
    }
  }
}

}  // namespace stele
