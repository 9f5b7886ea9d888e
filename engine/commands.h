#pragma once

#include <span>

#include "engine/command.h"

namespace stele {

/// The command tables of this folder, one for each file that has handlers.
std::span<const Command> string_commands();
std::span<const Command> list_commands();
std::span<const Command> stream_commands();
std::span<const Command> bitmap_commands();
std::span<const Command> hyperloglog_commands();
std::span<const Command> hash_commands();
std::span<const Command> set_commands();
std::span<const Command> zset_commands();
std::span<const Command> geo_commands();
std::span<const Command> hash_commands();
std::span<const Command> set_commands();

/// Of generic_commands(), by file.
std::span<const Command> key_commands();       // commands_generic.cc
std::span<const Command> move_commands();      // commands_move.cc
std::span<const Command> expire_commands();    // commands_expire.cc
std::span<const Command> scan_commands();      // commands_scan.cc
std::span<const Command> object_commands();    // commands_object.cc
std::span<const Command> database_commands();  // commands_database.cc
std::span<const Command> dump_commands();      // commands_dump.cc
std::span<const Command> sort_commands();      // commands_sort.cc

/// All that work on keys whatever their type, and on databases.
std::span<const Command> generic_commands();

}  // namespace stele
