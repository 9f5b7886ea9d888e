#include "tools/rdb/prefix_tree.h"

#include <algorithm>

namespace stele::tools {

namespace {

constexpr std::size_t kHexIdBytes = 16;

bool is_id(std::string_view part) {
  if (part.empty()) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (std::all_of(part.begin(), part.end(), is_digit)) return true;
  return part.size() >= kHexIdBytes && std::all_of(part.begin(), part.end(), [&](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
         });
}

}  // namespace

void PrefixTree::add(std::string_view key, std::uint64_t bytes, bool expires) {
  const auto count = [&](Node& node) {
    ++node.keys;
    node.bytes += bytes;
    node.expiring += expires;
  };
  Node* node = &root_;
  count(*node);
  for (std::size_t depth = 1; !key.empty(); ++depth) {
    std::size_t end = depth < kDepthMax ? key.find_first_of(delimiters_) : std::string_view::npos;
    end = end == std::string_view::npos ? key.size() : end + 1;
    node = &child(*node, key.substr(0, end));
    count(*node);
    key.remove_prefix(end);
  }
}

PrefixTree::Node& PrefixTree::child(Node& node, std::string_view part) {
  const bool inner = is_delimiter(part.back());
  const auto star = [&] { return inner ? std::string("*") + part.back() : std::string("*"); };
  if (is_id(part.substr(0, part.size() - (inner ? 1 : 0)))) {
    auto& there = node.children[star()];
    if (there == nullptr) {
      there = std::make_unique<Node>();
      node.inner += inner;
      ++nodes_;
    }
    return *there;
  }
  if (const auto found = node.children.find(absl::string_view(part.data(), part.size())); found != node.children.end())
    return *found->second;
  bool& folded = inner ? node.inner_folded : node.leaves_folded;
  const std::size_t siblings = inner ? node.inner : node.children.size() - node.inner;
  if (!folded && siblings >= kChildrenMax) fold(node, inner);
  auto& there = node.children[folded || nodes_ >= kNodesMax ? star() : std::string(part)];
  if (there == nullptr) {
    there = std::make_unique<Node>();
    node.inner += inner;
    ++nodes_;
  }
  return *there;
}

/// Makes one of all children with, or without, a delimiter at the end.
void PrefixTree::fold(Node& node, bool inner) {
  (inner ? node.inner_folded : node.leaves_folded) = true;
  absl::flat_hash_map<std::string, std::unique_ptr<Node>> kept;
  for (auto& [name, child_node] : node.children) {
    const bool is_inner = is_delimiter(name.back());
    if (is_inner != inner) {
      kept.emplace(name, std::move(child_node));
      continue;
    }
    auto& all = kept[inner ? std::string("*") + name.back() : std::string("*")];
    if (all == nullptr) {
      all = std::move(child_node);
    } else {
      merge(*all, *child_node);
      --nodes_;
    }
  }
  node.children = std::move(kept);
  node.inner =
      static_cast<std::size_t>(std::count_if(node.children.begin(), node.children.end(),
                                             [this](const auto& child) { return is_delimiter(child.first.back()); }));
}

void PrefixTree::merge(Node& into, Node& from) {
  into.keys += from.keys;
  into.bytes += from.bytes;
  into.expiring += from.expiring;
  for (auto& [name, child_node] : from.children) {
    const bool inner = is_delimiter(name.back());
    const bool folded = inner ? into.inner_folded : into.leaves_folded;
    auto& there = into.children[folded ? (inner ? std::string("*") + name.back() : std::string("*")) : name];
    if (there == nullptr) {
      there = std::move(child_node);
      into.inner += inner;
    } else {
      merge(*there, *child_node);
      --nodes_;
    }
  }
  for (const bool inner : {false, true}) {
    const bool folded = inner ? into.inner_folded : into.leaves_folded;
    if (!folded && (inner ? into.inner : into.children.size() - into.inner) > kChildrenMax) fold(into, inner);
  }
}

std::vector<PrefixTree::Prefix> PrefixTree::list(std::size_t depth) const {
  std::vector<Prefix> out;
  list(root_, "", 0, depth, out);
  std::sort(out.begin(), out.end(),
            [](const Prefix& a, const Prefix& b) { return a.bytes != b.bytes ? a.bytes > b.bytes : a.name < b.name; });
  return out;
}

void PrefixTree::list(const Node& node, const std::string& name, std::size_t depth, std::size_t depth_wanted,
                      std::vector<Prefix>& out) const {
  if (depth > 0 && depth == depth_wanted) {
    out.push_back({node.children.empty() ? name : name + "*", node.keys, node.bytes, node.expiring});
    return;
  }
  // Keys that end here: what no child accounts for.
  Prefix own{name, node.keys, node.bytes, node.expiring};
  for (const auto& [part, child_node] : node.children) {
    own.keys -= child_node->keys;
    own.bytes -= child_node->bytes;
    own.expiring -= child_node->expiring;
    list(*child_node, name + part, depth + 1, depth_wanted, out);
  }
  if (own.keys > 0) out.push_back(std::move(own));
}

}  // namespace stele::tools
