#include "engine/digest.h"

#include <openssl/sha.h>

namespace stele {

namespace {

std::array<unsigned char, Digest::kBytes> sha1(const void* data, std::size_t bytes) {
  std::array<unsigned char, Digest::kBytes> out;
  SHA1(static_cast<const unsigned char*>(data), bytes, out.data());
  return out;
}

}  // namespace

void Digest::xor_with(std::string_view data) {
  const auto hash = sha1(data.data(), data.size());
  for (std::size_t i = 0; i < kBytes; ++i) bytes_[i] ^= hash[i];
}

void Digest::mix(std::string_view data) {
  xor_with(data);
  bytes_ = sha1(bytes_.data(), kBytes);
}

std::string Digest::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes_) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace stele
