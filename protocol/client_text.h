#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/connection.h"

namespace stele {

/// As CLIENT LIST TYPE and CLIENT KILL TYPE tell clients apart.
enum class ClientType { normal, primary, replica, pubsub };

/// Waits for what others do: INFO counts it so.
bool is_blocked(const Connection& connection);

/// In any case of letters; "slave" and "master" as well. Nothing if there is no such type.
std::optional<ClientType> client_type_of_name(std::string_view name);
ClientType type_of(const Connection& connection);

/// What describes a client, taken at one moment.
struct ClientSight {
  std::chrono::steady_clock::time_point now;
  std::string_view command;       // of the client that asks: the one that runs; else empty, and the last one is named
  std::size_t argument_bytes = 0;  // likewise
  std::size_t command_bytes = 0;   // likewise, as it came
};

/// The line of CLIENT LIST, with its line feed.
void append_client_line(std::string& out, const Connection& connection, const ClientSight& sight);

/// Names, library names and versions: printable ASCII without spaces, so that a line of CLIENT LIST stays a line.
bool is_valid_client_text(std::string_view text);

/// Bytes that the client costs, as tot-mem.
std::size_t client_bytes(const Connection& connection);

}  // namespace stele
