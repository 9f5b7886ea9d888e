#pragma once

#include "tests/tools/tool.h"

namespace stele::test {

class RdbTool : public Tool {
 protected:
  RdbTool() : Tool("stele-rdb") {}

  static fs::path generated(const std::string& name) { return corpus() / "rdb" / "generated" / name; }

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
};

}  // namespace stele::test
