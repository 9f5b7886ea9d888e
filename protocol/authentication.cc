// Who a client is.

#include "protocol/authentication.h"

#include "protocol/acl/access.h"
#include "protocol/environment.h"

namespace stele {

void become_default_user(const Acl& acl, Connection& connection) {
  connection.user = acl.default_user().name();
  connection.permissions = &acl.default_user();
  connection.authenticated = !acl.asks_for_login();
  connection.parser.set_authenticated(connection.authenticated);
}

bool authenticate(Call& call, std::string_view user, std::string_view password) {
  Connection& connection = connection_of(call);
  const AclUser* found = call.environment().acl->authenticate(user, password);
  if (found == nullptr) {
    log_failed_login(call.environment(), connection, call.command(), call.arg(0), user);
    call.fail("WRONGPASS invalid username-password pair or user is disabled.");
    return false;
  }
  connection.authenticated = true;
  connection.parser.set_authenticated(true);
  connection.user = found->name();
  connection.permissions = found;
  return true;
}

bool must_authenticate(Call& call) { return !call.session().authenticated && call.environment().acl->asks_for_login(); }

void default_user_changed(Environment& environment) {
  const bool open = !environment.acl->asks_for_login();
  environment.clients.for_each(
      [open](Connection& connection) { connection.parser.set_authenticated(connection.authenticated || open); });
}

}  // namespace stele
