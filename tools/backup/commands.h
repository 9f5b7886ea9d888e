#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "tools/common/server_link.h"

namespace stele::tools::backup {

/// The sub-commands of stele-backup. Each returns the program's exit code (ExitCode) and has said on standard error what went
/// wrong.

struct CreateOptions {
  ServerAddress server;
  std::filesystem::path dir;  // where the server runs
  bool incremental = false;
  bool copy = false;
  bool wait = true;
  bool json = false;
  bool quiet = false;
};
int create(const CreateOptions& options);

struct ListOptions {
  std::filesystem::path dir;
  bool json = false;
  bool files = false;
};
int list(const ListOptions& options);

struct VerifyOptions {
  std::filesystem::path dir;
  std::vector<std::uint64_t> numbers;  // none: all
  bool json = false;
  bool quiet = false;
};
int verify(const VerifyOptions& options);

}  // namespace stele::tools::backup
