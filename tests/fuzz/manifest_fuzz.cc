// The manifest of an append-only directory: what is read can be written, and is the same when it is read again.

#include <algorithm>

#include "persistence/manifest.h"
#include "tests/fuzz/fuzz.h"

using namespace stele;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Result<Manifest> manifest = Manifest::parse(fuzz::text_of(data, size));
  if (!manifest.ok()) {
    STELE_ASSERT(manifest.status().code() == Code::corrupt);
    return 0;
  }
  const Result<Manifest> again = Manifest::parse(manifest->text());
  STELE_ASSERT(again.ok() || manifest->entries().empty());
  if (again.ok()) {
    // Written in the order of their types.
    STELE_ASSERT(std::is_permutation(again->entries().begin(), again->entries().end(), manifest->entries().begin(),
                                     manifest->entries().end()));
    STELE_ASSERT(again->incrs() == manifest->incrs() && again->base() == manifest->base());
  }
  const std::uint64_t last = manifest->last_incr_seq();
  if (last < ~std::uint64_t{0} >> 1) {
    manifest->add_incr("fresh.incr.aof", last + 1);
    STELE_ASSERT(manifest->last_incr_seq() == last + 1);
    STELE_ASSERT(Manifest::parse(manifest->text()).ok());
  }
  for (const Manifest::Entry& entry : manifest->incrs()) manifest->retire(entry.file);
  for (const Manifest::Entry& entry : std::vector<Manifest::Entry>(manifest->entries())) manifest->forget(entry.file);
  return 0;
}

std::vector<fuzz::Seed> fuzz::seeds() {
  Manifest manifest;
  manifest.add_incr("appendonly.aof.1.incr.aof", 1);
  manifest.set_base("appendonly.aof.1.base.rdb", 1);
  manifest.set_base("a name with \"quotes\"\n.rdb", 2);
  manifest.add_incr("appendonly.aof.12.incr.aof", 12);
  return {
      {"ours", manifest.text()},
      {"by-hand", "# a comment\n  FILE  'it''s'  seq 3 \t type history\nfile \"a\\x41\\n\" type i other pair seq 4\r\n"},
  };
}
