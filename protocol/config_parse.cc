#include "protocol/config_parse.h"

#include <glob.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "protocol/config_directive.h"
#include "protocol/resp_split_args.h"

namespace stele {
namespace {

constexpr int kIncludeDepthMax = 16;  // a file that includes itself has to end somewhere
constexpr const char* kBadDirective = "Bad directive or wrong number of arguments";

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view first_word(std::string_view line) {
  return line.substr(0, std::min(line.find_first_of(" \t\"'"), line.size()));
}

/// The line as a message may show it: nothing behind the name of a directive that is, or was meant to be, a secret.
std::string shown(std::string_view line) {
  const std::string_view name = first_word(line);
  const Directive* directive = find_directive(name);
  if (directive == nullptr) directive = find_directive(nearest_directive_name(name));
  if (directive == nullptr || (directive->flags & kConfigSecret) == 0) return std::string(line);
  return fmt::format("{} (hidden)", name);
}

struct Source {
  std::string name;   // of a file
  std::string where;  // "the configuration file, at line", ...
};

class Loader {
 public:
  explicit Loader(LoadedConfig& loaded) : loaded_(loaded) {}

  Status read_file(const std::string& name) {
    std::error_code error;
    if (std::filesystem::is_directory(name, error)) return cannot_open(name, EISDIR);
    errno = 0;
    std::ifstream file(name, std::ios::binary);
    if (!file) return cannot_open(name, errno);
    std::ostringstream text;
    text << file.rdbuf();
    if (file.bad()) return cannot_open(name, errno);
    return read(text.view(), {.name = name, .where = "the configuration file, at line"});
  }

  Status read(std::string_view text, const Source& source) {
    for (int number = 1; !text.empty(); ++number) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = trim(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.empty() || line.starts_with('#')) continue;

      const Status status = read_line(line);
      if (status.ok()) continue;
      if (!located_) locate(status, line, number, source);
      return Status::invalid("{}", error_);
    }
    return {};
  }

 private:
  Status cannot_open(const std::string& name, int error) {
    return Status::invalid("can't open config file '{}': {}", name, std::strerror(error));
  }

  /// The first to see an error knows its line; the includes around it pass it on.
  void locate(const Status& status, std::string_view line, int number, const Source& source) {
    located_ = true;
    const std::string of = source.name.empty() ? "" : " of " + source.name;
    error_ = fmt::format("\n*** FATAL CONFIG FILE ERROR (stele) ***\nReading {} {}{}\n>>> '{}'\n{}\n", source.where,
                         number, of, shown(line), status.message());
  }

  Status read_line(std::string_view line) {
    std::optional<Words> words = split_args(line);
    if (!words) return Status::invalid("Unbalanced quotes in configuration line");
    if (words->empty()) return {};
    const std::string name = std::move(words->front());
    words->erase(words->begin());

    if (equals_ignoring_case(name, "include")) return include(*words);
    if (equals_ignoring_case(name, "sentinel")) {
      return Status::invalid("sentinel directive while not in sentinel mode");
    }
    const Directive* directive = find_directive(name);
    if (directive == nullptr) {
      const std::string_view nearest = nearest_directive_name(name);
      if (nearest.empty()) return Status::invalid("{}", kBadDirective);
      return Status::invalid("{}; did you mean '{}'?", kBadDirective, nearest);
    }
    // One argument in quotes may hold all words of a directive that takes several.
    if (directive->takes_many_words() && directive->type != ConfigType::repeated && words->size() == 1) {
      *words = words_of_argument(*directive, words->front());
    }
    return apply(*directive, *words);
  }

  Status apply(const Directive& directive, const Words& words) {
    Config& config = loaded_.config;
    STELE_TRY(ConfigValue value, parse_config_value(directive, words, config_value(directive, config)));
    if (directive.type == ConfigType::save_points) {
      auto& points = std::get<std::vector<SavePoint>>(value);
      const bool adds = save_adds_ && !points.empty();
      save_adds_ = true;
      if (adds) points.insert(points.begin(), config.save.begin(), config.save.end());
    }
    set_config_value(directive, config, std::move(value));
    if (!directive.has_effect()) loaded_.without_effect.insert(directive.name);
    if (depth_ > 0) loaded_.from_includes.insert(directive.name);
    return {};
  }

  Status include(const Words& words) {
    if (words.size() != 1) return Status::invalid("{}", kBadDirective);
    if (depth_ == kIncludeDepthMax) return Status::invalid("more than {} includes inside each other", kIncludeDepthMax);
    Words files{words[0]};
    if (words[0].find_first_of("*?[") != std::string::npos) {
      files.clear();
      glob_t matches{};
      if (::glob(words[0].c_str(), 0, nullptr, &matches) == 0) {
        files.assign(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
      }
      ::globfree(&matches);
    }
    for (const std::string& file : files) {
      ++depth_;
      const Status status = read_file(file);
      --depth_;
      if (!status.ok()) return status;
    }
    // So a file can replace the save points of what it includes.
    save_adds_ = false;
    return {};
  }

  LoadedConfig& loaded_;
  bool save_adds_ = false;  // the first `save` line replaces the default, the others add to it
  int depth_ = 0;
  bool located_ = false;
  std::string error_;
};

/// The command line as a text with a directive a line.
std::string lines_of_options(const std::vector<std::string>& arguments) {
  std::string text;
  bool option_is_complete = true;  // a bare `--directive` takes the next argument, whatever that is
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!option_is_complete || !argument.starts_with("--")) {
      text += quote_word(argument, true) + " ";
      option_is_complete = true;
      continue;
    }
    if (!text.empty()) text += '\n';
    text += argument.substr(2) + " ";
    const std::optional<Words> words = split_args(argument);
    option_is_complete = !words || words->size() != 1;
    const bool nothing_follows = i + 1 == arguments.size() || arguments[i + 1].starts_with("--");
    if (!option_is_complete && nothing_follows && equals_ignoring_case(trim(argument), "--save")) {
      text += "\"\"";
      option_is_complete = true;
    }
  }
  return text;
}

Status check_whole(const Config& config) {
  if (config.cluster_enabled && !config.replicaof.host.empty()) {
    return Status::invalid(
        "\n*** FATAL CONFIG FILE ERROR (stele) ***\nreplicaof directive not allowed in cluster mode\n");
  }
  return {};
}

}  // namespace

std::string quote_word(std::string_view word, bool always) {
  const auto is_plain = [](unsigned char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\'' && c != '\\'; };
  if (!always && !word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return std::string(word);
  std::string quoted = "\"";
  for (const char c : word) {
    switch (c) {
      case '"':
        quoted += "\\\"";
        break;
      case '\\':
        quoted += "\\\\";
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\t':
        quoted += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) >= ' ' && static_cast<unsigned char>(c) < 0x7f) {
          quoted += c;
        } else {
          quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
  }
  return quoted + '"';
}

Result<LoadedConfig> load_config(const std::vector<std::string>& arguments,
                                 const std::function<std::string()>& read_stdin) {
  LoadedConfig loaded;
  Loader loader(loaded);
  std::vector<std::string> options = arguments;
  if (!options.empty() && !options.front().empty() && options.front().front() != '-') {
    loaded.file = std::filesystem::absolute(options.front()).lexically_normal().native();
    options.erase(options.begin());
    if (Status status = loader.read_file(loaded.file); !status.ok()) return status;
  } else if (!options.empty() && options.front().empty()) {
    options.erase(options.begin());
  }

  bool from_stdin = false;
  if (!options.empty() && arguments.front() == "-") {
    from_stdin = true;
    options.erase(options.begin());
  }
  if (!options.empty() && options.back() == "-") {
    from_stdin = true;
    options.pop_back();
  }
  if (from_stdin) STELE_CHECK(loader.read(read_stdin(), {.name = "", .where = "standard input, at line"}));

  STELE_CHECK(loader.read(lines_of_options(options), {.name = "", .where = "the command line, at directive"}));
  STELE_CHECK(check_whole(loaded.config));
  return loaded;
}

Result<LoadedConfig> load_config_text(std::string_view text, const std::string& file_name) {
  LoadedConfig loaded;
  loaded.file = file_name;
  STELE_CHECK(Loader(loaded).read(text, {.name = file_name, .where = "the configuration file, at line"}));
  STELE_CHECK(check_whole(loaded.config));
  return loaded;
}

}  // namespace stele
