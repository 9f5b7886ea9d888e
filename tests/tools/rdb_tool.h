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

/// The program as a process of its own, with files for its output.
class RdbTool : public ::testing::Test {
 protected:
  static fs::path bin() { return fs::read_symlink("/proc/self/exe").parent_path() / "stele-rdb"; }
  static fs::path corpus() {
    if (const char* named = std::getenv("STELE_CORPUS")) return named;
    return fs::path(STELE_SOURCE_DIR) / ".." / "shared" / "corpus";
  }
  static bool has_corpus() { return fs::exists(corpus() / "rdb"); }
  static fs::path generated(const std::string& name) { return corpus() / "rdb" / "generated" / name; }

  Ran run(const std::vector<std::string>& args) {
    const auto quote = [](const std::string& text) {
      std::string out = "'";
      for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
      return out + "'";
    };
    std::string line = "exec " + quote(bin().native());
    for (const std::string& arg : args) line += ' ' + quote(arg);
    const fs::path out = streams_.path() / "out";
    const fs::path err = streams_.path() / "err";
    line += " >" + quote(out.native()) + " 2>" + quote(err.native());
    const Outcome outcome = run_program("/bin/sh", {"-c", line});
    return {outcome.exit_code, read_file(out), read_file(err)};
  }
  std::vector<Json> run_json(const std::vector<std::string>& args, int exit_code = 0) {
    const Ran ran = run(args);
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
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(files_.path())) names.push_back(entry.path().filename());
    return names;
  }

  struct CorpusFile {
    fs::path path;
    Json expected;
    std::string name() const { return path.filename(); }
    bool is_readable() const { return !expected.contains("error") && !expected.value("damaged", false); }
  };
  static std::vector<CorpusFile> corpus_files(
      const std::vector<std::string>& folders = {"generated", "handmade-unusual", "thirdparty"}) {
    std::vector<CorpusFile> out;
    for (const std::string& folder : folders) {
      for (const auto& entry : fs::directory_iterator(corpus() / "rdb" / folder)) {
        if (entry.path().extension() != ".rdb") continue;
        fs::path expected = entry.path().native() + ".expected.json";
        if (!fs::exists(expected)) expected = fs::path(entry.path()).replace_extension(".expected.json");
        out.push_back({entry.path(), Json::parse(read_file(expected))});
      }
    }
    return out;
  }

 private:
  TemporaryDirectory streams_;
  TemporaryDirectory files_;
};

#define NEEDS_CORPUS() \
  if (!has_corpus()) GTEST_SKIP() << "no corpus at " << corpus()

}  // namespace stele::test
