#pragma once

#include <array>
#include <string_view>

namespace stele {

/// What COMMAND INFO tells cluster clients about spreading a command over nodes and putting the replies together.
namespace tips {

inline constexpr std::string_view kOutput = "nondeterministic_output";
inline constexpr std::string_view kOrder = "nondeterministic_output_order";
inline constexpr std::string_view kNodes = "request_policy:all_nodes";
inline constexpr std::string_view kShards = "request_policy:all_shards";
inline constexpr std::string_view kAllOk = "response_policy:all_succeeded";
inline constexpr std::string_view kSum = "response_policy:agg_sum";
inline constexpr std::string_view kAnyOk = "response_policy:one_succeeded";
inline constexpr std::string_view kAnd = "response_policy:agg_logical_and";
inline constexpr std::string_view kSpecial = "response_policy:special";

inline constexpr std::array kVaries = {kOutput};
inline constexpr std::array kVariesInOrder = {kOrder};
inline constexpr std::array kDoneOnShards = {kShards, kAllOk};
inline constexpr std::array kDoneOnNodes = {kNodes, kAllOk};
inline constexpr std::array kOneSucceeded = {kShards, kAnyOk};
inline constexpr std::array kScriptExists = {kShards, kAnd};
inline constexpr std::array kVariesByShard = {kOutput, kShards, kSpecial};
inline constexpr std::array kVariesByNode = {kOutput, kNodes, kSpecial};
inline constexpr std::array kSumOfNodes = {kNodes, kSum, kOutput};
inline constexpr std::array kListOfNodes = {kNodes, kOutput};

}  // namespace tips

}  // namespace stele
