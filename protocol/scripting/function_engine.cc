#include "protocol/scripting/function_engine.h"

#include <spdlog/spdlog.h>

#include "protocol/scripting/lua_reply.h"

namespace stele {

namespace {

bool is_lua(std::string_view engine) { return equals_ignoring_case(engine, "lua"); }

}  // namespace

FunctionEngine::Library::~Library() {
  for (const Function& function : functions) luaL_unref(sandbox->state(), LUA_REGISTRYINDEX, function.callback);
}

FunctionEngine::FunctionEngine(Scripting& host, FunctionLibraries& stored)
    : host_(host), stored_(stored), sandbox_(std::make_shared<LuaSandbox>(LuaSandbox::Kind::functions, host)) {}

void FunctionEngine::compile_stored() {
  Libraries kept;
  for (const auto& [name, library] : libraries_) {
    const std::string* code = stored_.find(name);
    if (code != nullptr && *code == library->code) kept[name] = library;
  }
  if (kept.size() < libraries_.size()) (void)adopt(std::move(kept));  // with fewer of them no two can have the same function
  for (const auto& [name, code] : stored_.all()) {
    if (libraries_.contains(name)) continue;
    Result<std::shared_ptr<Library>> library = compile(code);
    Libraries wanted = libraries_;
    Status status = library.status();
    if (status.ok()) {
      wanted[name] = std::move(*library);
      status = adopt(std::move(wanted));
    }
    if (!status.ok()) spdlog::error("function library '{}' is stored but cannot be used: {}", name, status.message());
  }
}

const FunctionEngine::Function* FunctionEngine::find(std::string_view name) const {
  const auto found = by_name_.find(to_lower(name));
  return found == by_name_.end() ? nullptr : found->second;
}

std::size_t FunctionEngine::code_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [name, library] : libraries_) {
    bytes += sizeof(Library) + name.size() + library->code.size();
    for (const Function& function : library->functions) bytes += sizeof(Function) + function.name.size();
  }
  return bytes;
}

Result<std::shared_ptr<FunctionEngine::Library>> FunctionEngine::compile(std::string_view code) {
  STELE_TRY(const LibraryHead head, parse_library_head(code));
  if (!is_function_name(head.name)) {
    return Status::invalid("Library names can only contain letters, numbers, or underscores(_) and must be at least one "
                           "character long");
  }
  if (!is_lua(head.engine)) return Status::invalid("Engine '{}' not found", head.engine);

  auto library = std::make_shared<Library>(sandbox_);
  library->name = head.name;
  library->code = code;
  lua_State* L = sandbox_->state();
  if (const std::string error = sandbox_->compile(code.substr(head.bytes), "@user_function"); !error.empty()) {
    return Status::invalid("Error compiling function: {}", error);
  }
  lua_pushcfunction(L, annotate_error);
  lua_insert(L, -2);
  loading_ = library.get();
  loading_since_ = std::chrono::steady_clock::now();
  sandbox_->begin_load();
  watch_running_time(L);
  const int status = lua_pcall(L, 0, 0, -2);
  sandbox_->end_load();
  loading_ = nullptr;
  if (status != 0) {
    const std::string message(lua_istable(L, -1) ? string_field(L, "err") : lua_isstring(L, -1) ? lua_tostring(L, -1) : "");
    lua_settop(L, 0);
    return Status::invalid("Error registering functions: {}", message.empty() ? "ERR unknown error" : message);
  }
  lua_settop(L, 0);
  if (library->functions.empty()) return Status::invalid("No functions registered");
  return library;
}

Status FunctionEngine::adopt(Libraries wanted) {
  Index index;
  for (const auto& [name, library] : wanted) {
    for (const Function& function : library->functions) {
      if (!index.emplace(to_lower(function.name), &function).second) {
        return Status::invalid("Function {} already exists", function.name);
      }
    }
  }
  libraries_ = std::move(wanted);
  by_name_ = std::move(index);
  return Status();
}

Result<std::string> FunctionEngine::load(std::string_view code, bool replace) {
  STELE_TRY(const LibraryHead head, parse_library_head(code));
  if (!is_lua(head.engine)) return Status::invalid("Engine '{}' not found", head.engine);
  if (!replace && stored_.find(head.name) != nullptr) return Status::invalid("Library '{}' already exists", head.name);
  STELE_TRY(std::shared_ptr<Library> library, compile(code));
  std::string name = library->name;
  Libraries wanted = libraries_;
  wanted[name] = std::move(library);
  STELE_CHECK(adopt(std::move(wanted)));
  stored_.set(name, code);
  return name;
}

bool FunctionEngine::erase(std::string_view name) {
  const auto found = libraries_.find(name);
  if (found == libraries_.end()) return stored_.erase(name);  // one that could not be compiled
  for (const Function& function : found->second->functions) by_name_.erase(to_lower(function.name));
  stored_.erase(name);
  libraries_.erase(found);
  return true;
}

Status FunctionEngine::restore(const std::vector<std::string>& sources, Policy policy) {
  Libraries wanted;
  if (policy != Policy::flush) wanted = libraries_;
  Libraries added;
  for (const std::string& code : sources) {
    STELE_TRY(std::shared_ptr<Library> library, compile(code));
    const std::string name = library->name;
    if (!added.emplace(name, library).second || (policy == Policy::append && stored_.find(name) != nullptr)) {
      return Status::invalid("Library {} already exists", name);
    }
  }
  for (const auto& [name, library] : added) wanted[name] = library;
  STELE_CHECK(adopt(std::move(wanted)));
  if (policy == Policy::flush) stored_.clear();
  for (const auto& [name, library] : added) stored_.set(name, library->code);
  return Status();
}

void FunctionEngine::flush(Reclaimer* in_background) {
  auto libraries = std::make_shared<Libraries>(std::exchange(libraries_, {}));
  auto sandbox = std::exchange(sandbox_, std::make_shared<LuaSandbox>(LuaSandbox::Kind::functions, host_));
  by_name_.clear();
  stored_.clear();
  if (in_background == nullptr) return;
  const std::size_t objects = libraries->size();
  in_background->submit([libraries = std::move(libraries), sandbox = std::move(sandbox)]() mutable {
    libraries.reset();
    sandbox.reset();
  }, objects);
}

const char* FunctionEngine::register_function(Function function) {
  for (const Function& other : loading_->functions) {
    if (equals_ignoring_case(other.name, function.name)) return "Function already exists in the library";
  }
  loading_->functions.push_back(std::move(function));
  return nullptr;
}

}  // namespace stele
