#include "engine/list/list_type.h"

#include "engine/list/list_value.h"
#include "engine/type_ops.h"
#include "persistence/rdb_primitives.h"

namespace stele {

namespace {

constexpr std::uint8_t kRdbList = 1;         // length, then each element as a string
constexpr std::uint8_t kRdbQuicklist2 = 18;  // length, then each node: container, string
constexpr std::uint64_t kPlain = 1;
constexpr std::uint64_t kPacked = 2;

// A listpack of one element that is longer than this was a node of its own, not a list held as a listpack.
constexpr std::size_t kLongElementBytes = 8192;
// No list is held as a listpack above the largest class of list-max-listpack-size.
constexpr std::size_t kListpackBytesMax = std::size_t{64} << 10;

void free_body(Entry& entry) {
  if (entry.encoding() == Encoding::quicklist) {
    delete static_cast<Quicklist*>(entry.body());
  } else {
    Listpack::adopt(entry.body());
  }
}

std::uint8_t append_rdb(const Entry& entry, std::string& out) {
  const ListView list(entry);
  append_rdb_length(out, list.nodes().size());
  for (const ListNode& node : list.nodes()) {
    const std::string_view bytes = node.plain ? std::string_view(node.data, node.bytes) : PackView(node)->bytes();
    append_rdb_length(out, node.plain ? kPlain : kPacked);
    append_rdb_length(out, bytes.size());
    out.append(bytes);
  }
  return kRdbQuicklist2;
}

bool read_nodes(RdbReader& reader, Quicklist& list) {
  char scratch[12];
  for (std::uint64_t left = reader.length(); left > 0; --left) {
    const std::uint64_t container = reader.length();
    const std::string_view bytes = reader.string(scratch);
    if (!reader.ok()) return false;
    if (container == kPlain) {
      if (bytes.empty()) return false;
      list.push_plain(bytes);
    } else if (container == kPacked) {
      auto pack = Listpack::from_bytes(bytes);
      if (!pack || pack->size() > std::size_t{1} << 30) return false;
      if (!pack->empty()) list.push_node(std::move(*pack));
    } else {
      return false;
    }
  }
  return true;
}

bool read_elements(RdbReader& reader, Quicklist& list) {
  const NodeLimit limit = NodeLimit::of(-2);
  char scratch[12];
  for (std::uint64_t left = reader.length(); left > 0; --left) {
    const std::string_view text = reader.string(scratch);
    if (!reader.ok()) return false;
    list.push(ListEnd::tail, text, limit);
  }
  return true;
}

Result<Entry*> from_rdb(std::string_view key, std::uint8_t rdb_type, std::string_view bytes,
                        std::optional<UnixTime> expire_at) {
  RdbReader reader(bytes);
  Quicklist list;
  const bool well_formed = rdb_type == kRdbList ? read_elements(reader, list) : read_nodes(reader, list);
  if (!well_formed || !reader.at_end()) return Status::corrupt("list of {} bytes is malformed", bytes.size());
  if (list.empty()) return Status::corrupt("list without an element");
  bool as_listpack = list.is_one_pack();
  if (as_listpack) {
    const std::size_t total = PackView(list.nodes()[0])->total();
    as_listpack = total <= kListpackBytesMax && (list.size() > 1 || total <= kLongElementBytes);
  }
  return make_list_entry(key, std::move(list), as_listpack, expire_at);
}

void mix_digest(const Entry& entry, Digest& digest) {
  ListView(entry).visit_all([&digest](const PackedValue& value) {
    char scratch[24];
    digest.mix(value.text(scratch));
  });
}

std::size_t body_bytes(const Entry& entry) {
  if (entry.encoding() == Encoding::listpack) {
    ListNode node;
    node.data = static_cast<char*>(entry.body());
    return PackView(node)->allocated_bytes();
  }
  return sizeof(Quicklist) + static_cast<const Quicklist*>(entry.body())->allocated_bytes();
}

Entry* copy(const Entry& entry, std::string_view key) {
  if (entry.encoding() == Encoding::quicklist) {
    return make_list_entry(key, static_cast<const Quicklist*>(entry.body())->copy(), false, entry.expire_at());
  }
  ListNode node;
  node.data = static_cast<char*>(entry.body());
  const PackView pack(node);
  Listpack twin(pack->total());
  twin.append_all(*pack);
  return Entry::make_body(key, ObjectType::list, Encoding::listpack, twin.release(), entry.expire_at());
}

constexpr TypeOps kListOps = {
    .name = "list",
    .free_body = free_body,
    .append_rdb = append_rdb,
    .from_rdb = from_rdb,
    .mix_digest = mix_digest,
    .body_bytes = body_bytes,
    .copy = copy,
};

}  // namespace

void register_list_type() { register_type(ObjectType::list, kListOps, {kRdbList, kRdbQuicklist2}); }

}  // namespace stele
