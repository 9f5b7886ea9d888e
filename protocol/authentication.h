#pragma once

#include <string_view>

#include "engine/call.h"
#include "protocol/acl/acl.h"
#include "protocol/connection.h"

namespace stele {

struct Environment;

/// The connection is who every connection is at first: the default user, logged in if that takes no password.
void become_default_user(const Acl& acl, Connection& connection);

/// AUTH, HELLO AUTH: the connection is `user` from now on; or replies WRONGPASS, logs that, and returns false.
bool authenticate(Call& call, std::string_view user, std::string_view password);

/// Whether commands need an AUTH before them: a connection that was accepted while there was no password needs none.
bool must_authenticate(Call& call);

/// After a change of the default user: what connections that have not logged in may send.
void default_user_changed(Environment& environment);

}  // namespace stele
