#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

namespace stele::tools {

/// How many keys and bytes there are under each prefix, in bounded memory. A key is cut behind each delimiter:
///
///     "user:1001:cart"  ──►  "user:"  "*:"  "cart"
///
/// A part that can only be an id (digits alone, or 16 and more hexadecimal digits and dashes) counts as "*"; so do all
/// parts at a place where there are more than kChildrenMax different ones, and all new ones once there are kNodesMax in
/// the tree.
class PrefixTree {
 public:
  static constexpr std::size_t kChildrenMax = 200;
  static constexpr std::size_t kNodesMax = 100'000;
  static constexpr std::size_t kDepthMax = 12;

  struct Node {
    std::uint64_t keys = 0;
    std::uint64_t bytes = 0;
    std::uint64_t expiring = 0;
    absl::flat_hash_map<std::string, std::unique_ptr<Node>> children;
    std::size_t inner = 0;  // children whose names end in a delimiter
    bool inner_folded = false;
    bool leaves_folded = false;
  };

  explicit PrefixTree(std::string delimiters) : delimiters_(std::move(delimiters)) {}

  void add(std::string_view key, std::uint64_t bytes, bool expires);
  const Node& root() const { return root_; }

  struct Prefix {
    std::string name;
    std::uint64_t keys;
    std::uint64_t bytes;
    std::uint64_t expiring;
  };
  /// Prefixes of exactly `depth` parts and whole names of fewer; 0: whole names, ids and the like replaced by "*".
  /// The largest come first.
  std::vector<Prefix> list(std::size_t depth) const;

 private:
  bool is_delimiter(char c) const { return delimiters_.find(c) != std::string::npos; }
  Node& child(Node& node, std::string_view part);
  void fold(Node& node, bool inner);
  void merge(Node& into, Node& from);
  void list(const Node& node, const std::string& name, std::size_t depth, std::size_t depth_wanted,
            std::vector<Prefix>& out) const;

  const std::string delimiters_;
  Node root_;
  std::size_t nodes_ = 1;
};

}  // namespace stele::tools
