#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/config_live.h"

namespace stele::test {

/// A directory that goes away with its owner.
class ConfigDirectory {
 public:
  ConfigDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "stele-config-XXXXXX").native();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~ConfigDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ConfigDirectory(const ConfigDirectory&) = delete;
  ConfigDirectory& operator=(const ConfigDirectory&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).native(); }

  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path(name), std::ios::binary).rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path path_;
};

inline Result<LoadedConfig> load(const std::vector<std::string>& arguments, const std::string& input = "") {
  return load_config(arguments, [&] { return input; });
}

/// What `text` says, which must be valid.
inline Config parsed(std::string_view text) {
  Result<LoadedConfig> loaded = load_config_text(text, "test.conf");
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  return loaded.ok() ? loaded->config : Config();
}

/// The message with which `text` is refused.
inline std::string refusal(std::string_view text) {
  const Result<LoadedConfig> loaded = load_config_text(text, "test.conf");
  EXPECT_FALSE(loaded.ok()) << text;
  return loaded.ok() ? "" : loaded.status().message();
}

inline LiveConfig live(std::string_view text = "") {
  Result<LoadedConfig> loaded = load_config_text(text, "");
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  return LiveConfig(*std::move(loaded));
}

/// One value as CONFIG GET prints it.
inline std::string value_of(const LiveConfig& config, std::string_view name) {
  const auto pairs = config.get(std::vector{name});
  EXPECT_EQ(pairs.size(), 1U) << name;
  return pairs.empty() ? "" : pairs[0].second;
}

inline Status set(LiveConfig& config, std::vector<LiveConfig::Setting> settings, bool protected_allowed = false) {
  return config.set(settings, protected_allowed);
}

}  // namespace stele::test
