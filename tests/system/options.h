#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

namespace stele::test {

/// `--name value` arguments of a program run by hand. An unknown name, a missing value or --help prints the defaults
/// and ends the program.
class Options {
 public:
  Options(int argc, char** argv, std::map<std::string, std::string> defaults) : values_(std::move(defaults)) {
    for (int i = 1; i < argc; i += 2) {
      const std::string_view arg = argv[i];
      const auto found = arg.starts_with("--") ? values_.find(std::string(arg.substr(2))) : values_.end();
      if (found == values_.end() || i + 1 == argc) usage(argv[0]);
      found->second = argv[i + 1];
    }
  }

  const std::string& text(const std::string& name) const { return values_.at(name); }
  std::int64_t number(const std::string& name) const { return std::stoll(values_.at(name)); }

 private:
  [[noreturn]] void usage(const char* program) const {
    std::cerr << "usage: " << program << " [--name value]..., with these defaults:\n";
    for (const auto& [name, value] : values_)
      std::cerr << "  --" << name << " " << (value.empty() ? "\"\"" : value) << "\n";
    std::exit(2);
  }

  std::map<std::string, std::string> values_;
};

}  // namespace stele::test
