#include "engine/type_ops.h"

#include <array>

namespace stele {

namespace {

constexpr std::size_t kTypes = 7;

struct Registry {
  std::array<const TypeOps*, kTypes> by_type{};
  std::array<const TypeOps*, 256> by_rdb_type{};
};

Registry& registry() {
  static Registry instance;
  return instance;
}

}  // namespace

const TypeOps& type_ops(ObjectType type) {
  const TypeOps* ops = registry().by_type[static_cast<std::size_t>(type)];
  STELE_ASSERT(ops != nullptr);
  return *ops;
}

const TypeOps* type_ops_of_rdb(std::uint8_t rdb_type) { return registry().by_rdb_type[rdb_type]; }

void register_type(ObjectType type, const TypeOps& ops, std::initializer_list<std::uint8_t> rdb_types) {
  registry().by_type[static_cast<std::size_t>(type)] = &ops;
  for (const std::uint8_t rdb_type : rdb_types) registry().by_rdb_type[rdb_type] = &ops;
}

std::string_view encoding_name(Encoding encoding) {
  static constexpr std::array<std::string_view, 9> kNames = {"int",    "embstr",    "raw",      "listpack", "quicklist",
                                                             "intset", "hashtable", "skiplist", "stream"};
  return kNames[static_cast<std::size_t>(encoding)];
}

}  // namespace stele
