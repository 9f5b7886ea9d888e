#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/function_libraries.h"
#include "engine/reclaimer.h"
#include "protocol/resp_text.h"
#include "protocol/scripting/lua_sandbox.h"
#include "protocol/scripting/script_flags.h"

namespace stele {

/// Compiled function libraries. Their names and sources are in FunctionLibraries, which is data; here is what follows from
/// them. Libraries change all or nothing: a set that is wanted is compiled beside the present one and then takes its place.
/// Threads: the executor.
class FunctionEngine {
 public:
  struct Function {
    std::string name;
    std::optional<std::string> description;
    ScriptFlags flags;
    int callback = LUA_NOREF;  // in the sandbox's registry
  };
  struct Library {
    explicit Library(std::shared_ptr<LuaSandbox> of) : sandbox(std::move(of)) {}
    ~Library();
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    std::shared_ptr<LuaSandbox> sandbox;
    std::string name;
    std::string code;
    std::vector<Function> functions;
  };
  using Libraries = std::map<std::string, std::shared_ptr<Library>, std::less<>>;

  FunctionEngine(Scripting& host, FunctionLibraries& stored);

  /// Makes what can be called what is stored: at start, and when a primary's stream has changed that. What does not compile any more
  /// stays stored, and is logged.
  void compile_stored();

  const Libraries& libraries() const { return libraries_; }
  /// In any case of letters, as Redis finds them.
  const Function* find(std::string_view name) const;
  LuaSandbox& sandbox() { return *sandbox_; }
  std::size_t functions() const { return by_name_.size(); }
  std::size_t code_bytes() const;

  // --- changes; an error is the whole reply, and nothing has changed then
  /// Returns the library's name.
  Result<std::string> load(std::string_view code, bool replace);
  bool erase(std::string_view name);
  enum class Policy { append, replace, flush };
  Status restore(const std::vector<std::string>& sources, Policy policy);
  void flush(Reclaimer* in_background);

  // --- while a library is loaded
  /// redis.register_function; the error message, or nothing.
  const char* register_function(Function function);
  bool is_loading() const { return loading_ != nullptr; }
  std::chrono::steady_clock::time_point loading_since() const { return loading_since_; }

 private:
  using Index = std::unordered_map<std::string, const Function*>;  // by lower-case name

  Result<std::shared_ptr<Library>> compile(std::string_view code);
  /// Puts `wanted` in place of what there is, unless a name is there twice.
  Status adopt(Libraries wanted);

  Scripting& host_;
  FunctionLibraries& stored_;
  std::shared_ptr<LuaSandbox> sandbox_;
  Libraries libraries_;
  Index by_name_;
  Library* loading_ = nullptr;
  std::chrono::steady_clock::time_point loading_since_;
};

}  // namespace stele
