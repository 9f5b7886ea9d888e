#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "persistence/file.h"
#include "persistence/offset.h"

namespace stele {

/// The files of a store as they were at one moment, held open while their names are gone: nothing is left behind whatever becomes of
/// the server.
struct StoreCopy {
  struct Part {
    std::string name;
    File file;
    std::uint64_t bytes = 0;
  };
  ReplicationId replid;  // whose state it is, and where in that history
  Offset offset;
  std::vector<Part> parts;
  std::uint64_t bytes = 0;
};

/// What another server must have said that it knows before it is sent one: this form, and a RocksDB that reads the same files.
std::string store_copy_format();

}  // namespace stele
