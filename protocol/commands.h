#pragma once

#include <span>

#include "engine/command.h"

namespace stele {

/// The command tables of this folder: what works on connections and on the server itself.
std::span<const Command> transaction_commands();  // MULTI EXEC DISCARD WATCH UNWATCH
std::span<const Command> connection_commands();   // AUTH HELLO PING ECHO QUIT RESET CLIENT
std::span<const Command> pubsub_commands();       // SUBSCRIBE PUBLISH PUBSUB ...
std::span<const Command> server_commands();       // CONFIG INFO COMMAND SHUTDOWN SAVE TIME MONITOR ...
std::span<const Command> scripting_commands();    // EVAL EVALSHA SCRIPT FUNCTION FCALL
std::span<const Command> debug_commands();        // DEBUG MEMORY LATENCY SLOWLOG
std::span<const Command> migrate_commands();      // MIGRATE
std::span<const Command> backup_commands();       // BACKUP
std::span<const Command> journal_commands();      // JOURNAL

}  // namespace stele
