#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace stele::test {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// What a program printed, apart.
struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// A program beside this one as a process of its own, with files for its output.
class Tool : public ::testing::Test {
 protected:
  explicit Tool(std::string program) : program_(std::move(program)) {}

  static fs::path bin(const std::string& program) { return fs::read_symlink("/proc/self/exe").parent_path() / program; }
  static fs::path corpus() {
    if (const char* named = std::getenv("STELE_CORPUS")) return named;
    return fs::path(STELE_SOURCE_DIR) / ".." / "shared" / "corpus";
  }
  static bool has_corpus() { return fs::exists(corpus() / "rdb"); }

  Ran run(const std::vector<std::string>& args, const std::string& program = {}) {
    const auto quote = [](const std::string& text) {
      std::string out = "'";
      for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
      return out + "'";
    };
    std::string line = "exec " + quote(bin(program.empty() ? program_ : program).native());
    for (const std::string& arg : args) line += ' ' + quote(arg);
    const fs::path out = streams_.path() / "out";
    const fs::path err = streams_.path() / "err";
    line += " >" + quote(out.native()) + " 2>" + quote(err.native());
    const Outcome outcome = run_program("/bin/sh", {"-c", line});
    return {outcome.exit_code, read_file(out), read_file(err)};
  }
  std::vector<Json> run_json(const std::vector<std::string>& args, int exit_code = 0, const std::string& program = {}) {
    const Ran ran = run(args, program);
    EXPECT_EQ(ran.exit_code, exit_code) << ran.err;
    std::vector<Json> lines;
    std::istringstream in(ran.out);
    for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
    return lines;
  }

  fs::path path(const std::string& name) const { return files_.path() / name; }
  fs::path write(const std::string& name, std::string_view bytes) {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  std::vector<std::string> files() const { return files_in(files_.path()); }
  static std::vector<std::string> files_in(const fs::path& dir) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir)) names.push_back(entry.path().filename());
    return names;
  }

 private:
  const std::string program_;
  TemporaryDirectory streams_;
  TemporaryDirectory files_;
};

#define NEEDS_CORPUS() \
  if (!has_corpus()) GTEST_SKIP() << "no corpus at " << corpus()

}  // namespace stele::test
