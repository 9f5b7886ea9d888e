#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/config.h"

namespace stele {

/// The text that ps shows instead of the command line. It has no memory of its own: it is written over the arguments,
/// and over the environment that lies behind them, which moves elsewhere. Threads: set() on one at a time.
class ProcessTitle {
 public:
  /// `argv` is main()'s, and is not to be used afterwards. Before other threads are started, which might read the
  /// environment.
  ProcessTitle(int argc, char** argv);

  /// As much of `title` as there is room for.
  void set(std::string_view title);

  /// How the program was called.
  const std::string& program() const { return program_; }

 private:
  std::string program_;
  char* begin_;
  std::size_t room_;  // with the NUL at the end
};

/// proc-title-template with its variables filled in, without spaces at its end. `file` is that of the configuration.
std::string process_title_text(const Config& config, std::string_view program, std::string_view file);

}  // namespace stele
