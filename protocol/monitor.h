#pragma once

#include <span>
#include <string_view>

namespace stele {

struct Connection;
struct Environment;

/// Shows a command that is about to run to all connections that said MONITOR, in Redis' form.
void feed_monitors(Environment& environment, const Connection& from, std::span<const std::string_view> args);

}  // namespace stele
