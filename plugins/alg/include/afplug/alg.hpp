// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Ancillary data for the operation sockets of AF_ALG, the kernel crypto API: Documentation/crypto/userspace-if.rst.
// Needs no library. `Builder` is a class with add(int level, int type, const void* data, std::size_t size), as
// afplug::control_builder; errors are those of its add. Integers are in host byte order.
#pragma once

#include <linux/if_alg.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

namespace afplug::alg {

inline constexpr int sol_alg = 279;  ///< SOL_ALG, the level of options and ancillary data

/// The operation on the data sent: ALG_OP_*. `sign` and `verify` are not in the headers of older kernels.
enum class operation : std::uint32_t { decrypt = ALG_OP_DECRYPT, encrypt = ALG_OP_ENCRYPT, sign = 2, verify = 3 };

/// ALG_SET_OP: sets the operation.
template <class Builder>
Builder& set_operation(Builder& control, operation what) {
  const auto number = static_cast<std::uint32_t>(what);
  control.add(sol_alg, ALG_SET_OP, &number, sizeof number);
  return control;
}

/// ALG_SET_IV: sets the initialization vector, whose size the cipher determines.
template <class Builder>
Builder& set_iv(Builder& control, std::span<const std::byte> iv) {
  std::vector<std::byte> value(sizeof(std::uint32_t) + iv.size());
  const auto size = static_cast<std::uint32_t>(iv.size());
  std::memcpy(value.data(), &size, sizeof size);
  if (!iv.empty()) std::memcpy(value.data() + sizeof size, iv.data(), iv.size());
  control.add(sol_alg, ALG_SET_IV, value.data(), value.size());
  return control;
}

/// ALG_SET_AEAD_ASSOCLEN: the first `bytes` bytes are associated data, which is authenticated and not encrypted.
template <class Builder>
Builder& set_assoclen(Builder& control, std::uint32_t bytes) {
  control.add(sol_alg, ALG_SET_AEAD_ASSOCLEN, &bytes, sizeof bytes);
  return control;
}

/// Sets the operation, the initialization vector if it is not empty, and the bytes of associated data if given, as
/// socket.sendmsg_afalg of Python.
template <class Builder>
Builder& set_parameters(Builder& control, operation what, std::span<const std::byte> iv = {},
                        std::optional<std::uint32_t> associated = {}) {
  set_operation(control, what);
  if (!iv.empty()) set_iv(control, iv);
  if (associated) set_assoclen(control, *associated);
  return control;
}

}  // namespace afplug::alg
