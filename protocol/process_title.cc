#include "protocol/process_title.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace stele {

ProcessTitle::ProcessTitle(int argc, char** argv) : program_(argv[0]), begin_(argv[0]) {
  char* end = begin_;
  const auto is_next = [&](const char* text) { return text == end; };
  for (int i = 0; i < argc && is_next(argv[i]); ++i) end += std::strlen(argv[i]) + 1;
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr && is_next(*variable); ++variable) {
    end += std::strlen(*variable) + 1;
    *variable = ::strdup(*variable);  // for as long as the process lives
  }
  room_ = static_cast<std::size_t>(end - begin_);
}

void ProcessTitle::set(std::string_view title) {
  const std::size_t bytes = std::min(title.size(), room_ - 1);
  std::memcpy(begin_, title.data(), bytes);
  std::memset(begin_ + bytes, '\0', room_ - bytes);
}

std::string process_title_text(const Config& config, std::string_view program, std::string_view file) {
  const auto listens_on = [&] {
    if (config.port == 0) return config.unixsocket;
    return fmt::format("{}:{}", config.bind.empty() ? "*" : config.bind.front(), config.port);
  };
  std::string title;
  std::string_view rest = config.proc_title_template;
  const auto take = [&rest](std::string_view variable) {
    if (!rest.starts_with(variable)) return false;
    rest.remove_prefix(variable.size());
    return true;
  };
  while (!rest.empty()) {
    if (take("{title}")) {
      title += program;
    } else if (take("{listen-addr}")) {
      title += listens_on();
    } else if (take("{server-mode}")) {
      // Neither of a cluster nor a sentinel.
    } else if (take("{port}")) {
      title += fmt::format("{}", config.port);
    } else if (take("{tls-port}")) {
      title += '0';
    } else if (take("{unixsocket}")) {
      title += config.unixsocket;
    } else if (take("{config-file}")) {
      title += file;
    } else {
      title += rest.front();
      rest.remove_prefix(1);
    }
  }
  while (title.ends_with(' ')) title.pop_back();
  return title;
}

}  // namespace stele
