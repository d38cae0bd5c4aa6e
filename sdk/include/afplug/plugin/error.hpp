// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Errors. Inside a plugin they are exceptions, which `fail` throws; `catch_errors` and `slot` turn them into the -errno
// and the error text that the contract asks for, so that no exception leaves the plugin.
#pragma once

#include <afplug/plugin/config.hpp>
#include <afplug/plugin/encoding.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace afplug::plugin {
inline namespace AFPLUG_ABI_NAMESPACE AFPLUG_HIDDEN {

/// The exception that `fail` throws: an errno and an error text.
class failure : public std::exception {
 public:
  failure(int error, std::string text) : error_(error), text_(std::move(text)) {}
  int error() const noexcept { return error_; }                         ///< a positive errno
  const char* what() const noexcept override { return text_.c_str(); }  ///< the error text

 private:
  int error_;
  std::string text_;
};

namespace detail {
inline std::string to_text(std::string_view text) { return std::string(text); }
template <class T>
requires std::is_integral_v<T> std::string to_text(T number) { return std::to_string(number); }
}  // namespace detail

/// Joins texts and integers: `concat("port must be 0-", 65535)`.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string all;
  (all += ... += detail::to_text(parts));
  return all;
}

/// Throws `failure` with that errno and with the parts, joined, as error text. Pass text from outside through `quote`,
/// which shortens it; bytes that do not print are replaced by "\xXX" in any case. Codecs use EINVAL (malformed), ENODEV
/// (no such interface), ENAMETOOLONG and ERANGE (a number is too large or too small).
template <class... Parts>
[[noreturn]] void fail(int error, const Parts&... parts) {
  throw failure(error, escape_unprintable(concat(parts...)));
}

/// Writes `text` to the caller's buffer, cut to its capacity, and sets `size` to the full length. `out` may be null,
/// where the caller wants no text.
inline void write_text(afplug_text* out, std::string_view text) noexcept {
  if (out == nullptr) return;
  if (out->data != nullptr) text.copy(out->data, out->capacity);
  out->size = static_cast<std::uint32_t>(std::min<std::size_t>(text.size(), std::numeric_limits<std::uint32_t>::max()));
}

/// Calls `body` and returns what it returns. If it throws, writes the exception's text to `why` and returns -errno:
/// that of `failure` or std::system_error, -ENOMEM for std::bad_alloc, -EIO for anything else.
template <class Body>
auto catch_errors(Body&& body, afplug_text* why = nullptr) noexcept -> decltype(body()) {
  [[maybe_unused]] int error = EIO;
  try {
    return body();
  } catch (const failure& thrown) {
    error = thrown.error();
    write_text(why, thrown.what());
  } catch (const std::bad_alloc&) {
    error = ENOMEM;
    write_text(why, "out of memory");
  } catch (const std::system_error& thrown) {
    const auto& category = thrown.code().category();
    if (thrown.code().value() > 0 && (category == std::generic_category() || category == std::system_category()))
      error = thrown.code().value();
    write_text(why, thrown.what());
  } catch (const std::exception& thrown) {
    write_text(why, thrown.what());
  } catch (...) {
    write_text(why, "an unknown exception");
  }
  if constexpr (!std::is_void_v<decltype(body())>) return static_cast<decltype(body())>(-error);
}

namespace detail {
template <auto Function>
struct noexcept_call;
template <class R, class... A, R (*Function)(A...)>
struct noexcept_call<Function> {
  static R call(A... arguments) noexcept {
    return catch_errors([&] { return Function(arguments...); });
  }
};
template <class R, class S, class... A, R (S::*Function)(A...)>
struct noexcept_call<Function> {
  static R call(void* state, A... arguments) noexcept {
    return catch_errors([&] { return (static_cast<S*>(state)->*Function)(arguments...); });
  }
};
}  // namespace detail

/// A function pointer for a slot of the contract, which calls `Function` and returns -errno where it throws (see
/// `catch_errors`): `slot<my_open>`. With a member function of S, `slot<&S::recvmsg>`, the slot's first argument is the
/// socket's `state`, which must point to an S.
template <auto Function>
inline constexpr auto slot = &detail::noexcept_call<Function>::call;

}  // namespace AFPLUG_HIDDEN
}  // namespace afplug::plugin
