// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The kernel's cryptography through AF_ALG: the ancillary data that says what to do with a message.
// Documentation/crypto/userspace-if.rst. Works with any builder that has add(level, type, data, size), as
// afplug::control_builder; needs no library.
#pragma once

#include <linux/if_alg.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

namespace afplug::alg {

inline constexpr int level = 279;  ///< SOL_ALG

/// What an operation socket does with what is sent to it.
enum class operation : std::uint32_t { decrypt = ALG_OP_DECRYPT, encrypt = ALG_OP_ENCRYPT, sign = 2, verify = 3 };

/// ALG_SET_OP.
template <class Builder>
Builder& set_operation(Builder& control, operation what) {
  const auto number = static_cast<std::uint32_t>(what);
  control.add(level, ALG_SET_OP, &number, sizeof number);
  return control;
}

/// ALG_SET_IV: the initialisation vector, of the cipher's own size.
template <class Builder>
Builder& set_iv(Builder& control, std::span<const std::byte> iv) {
  std::vector<std::byte> value(sizeof(std::uint32_t) + iv.size());
  const auto size = static_cast<std::uint32_t>(iv.size());
  std::memcpy(value.data(), &size, sizeof size);
  if (!iv.empty()) std::memcpy(value.data() + sizeof size, iv.data(), iv.size());
  control.add(level, ALG_SET_IV, value.data(), value.size());
  return control;
}

/// ALG_SET_AEAD_ASSOCLEN: how many bytes at the beginning are authenticated and not encrypted.
template <class Builder>
Builder& set_associated(Builder& control, std::uint32_t bytes) {
  control.add(level, ALG_SET_AEAD_ASSOCLEN, &bytes, sizeof bytes);
  return control;
}

/// All at once, as Python's sendmsg_afalg has it: the operation, a vector if it is not empty, and how many bytes are
/// authenticated alone, if given.
template <class Builder>
Builder& instruct(Builder& control, operation what, std::span<const std::byte> iv = {},
                  std::optional<std::uint32_t> associated = {}) {
  set_operation(control, what);
  if (!iv.empty()) set_iv(control, iv);
  if (associated) set_associated(control, *associated);
  return control;
}

}  // namespace afplug::alg
