#pragma once

#include <string_view>

#include "engine/call.h"
#include "protocol/config.h"

namespace stele {

/// Whether `user` exists and has `password`. The time it takes does not tell how much of a wrong one is right.
/// There is one user, "default", with the password `requirepass`; while that is empty, any password will do.
bool is_password_of(const Config& config, std::string_view user, std::string_view password);

/// AUTH, HELLO AUTH: authenticates the connection, or replies WRONGPASS and returns false.
bool authenticate(Call& call, std::string_view user, std::string_view password);

/// Whether commands need an AUTH before them: a connection that was accepted while there was no password needs none.
bool must_authenticate(Call& call);

}  // namespace stele
