#pragma once

#include <span>

#include "engine/call.h"
#include "persistence/status.h"

namespace stele {

/// Commits the effects of the turn so far, so that a command may wait for the disk or begin a new history. `invalid` in a
/// transaction that has written something already: its frame must not be cut in two.
Status commit_turn_so_far(Call& call);

/// Unix time in microseconds, by the clock and not by the turn.
std::int64_t unix_microseconds();

/// When the data was last written to an RDB file; the server's start if it has not been since.
UnixTime last_save(const Environment& environment);

namespace server_command {

void info(Call& call);  // info.cc
void debug(Call& call);  // commands_debug.cc
void lolwut(Call& call);  // commands_lolwut.cc

}  // namespace server_command

}  // namespace stele
