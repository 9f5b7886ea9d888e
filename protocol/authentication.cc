// Who a client is. Passwords are compared by their digests, so that neither content nor length shows in the time.

#include "protocol/authentication.h"

#include "engine/digest.h"
#include "protocol/environment.h"

namespace stele {

namespace {

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  Digest digest_a, digest_b;
  digest_a.mix(a);
  digest_b.mix(b);
  unsigned char difference = 0;
  for (std::size_t i = 0; i < Digest::kBytes; ++i) {
    difference = static_cast<unsigned char>(difference | (digest_a.view()[i] ^ digest_b.view()[i]));
  }
  // A digest can be collided with on purpose only by who knows the password; the bytes decide all the same.
  return difference == 0 && a == b;
}

}  // namespace

bool is_password_of(const Config& config, std::string_view user, std::string_view password) {
  if (user != "default") return false;
  return config.requirepass.empty() || equal_in_constant_time(password, config.requirepass);
}

bool authenticate(Call& call, std::string_view user, std::string_view password) {
  if (!is_password_of(call.environment().config.now(), user, password)) {
    call.fail("WRONGPASS invalid username-password pair or user is disabled.");
    return false;
  }
  call.session().authenticated = true;
  connection_of(call).parser.set_authenticated(true);
  call.session().user = user;
  return true;
}

bool must_authenticate(Call& call) {
  return !call.session().authenticated && !call.environment().config.now().requirepass.empty();
}

}  // namespace stele
