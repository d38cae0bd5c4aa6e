// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Errors. Errors of the system are in boost::system::system_category(), afplug's own in the categories below. Throwing
// calls throw afplug::error. Calls that take an error_code& leave the error text in last_detail().
#pragma once

#include <afplug/config.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <string>
#include <string_view>

namespace afplug {

using boost::system::error_code;

/// afplug's own errors, of the category "afplug".
enum class errc {
  timed_out = 1,  ///< the socket's timeout expired; compares equal to boost::system::errc::timed_out, but is not the
                  ///< kernel's ETIMEDOUT
  interrupted,    ///< the thread's interrupt hook ended the call
  stopped,        ///< the call's std::stop_token was triggered
  // arguments
  invalid_argument = 20,  ///< an argument is out of its range; the error text names it
  malformed_address,      ///< the text or fields are not an address of this family
  address_too_long,       ///< longer than a sockaddr_storage, or than the family's sockaddr
  unknown_option,         ///< the family's table has no option of this name
  wrong_kind,             ///< the option does not take a value of this kind
  not_readable,           ///< the option can only be set
  not_writable,           ///< the option can only be read
  wrong_row,              ///< the option does not apply to the socket's type and protocol
  // registry
  unknown_family = 60,    ///< no plugin provides this family
  plugin_refused,         ///< the plugin for this family failed a check; the error text names the file and field
  registry_reentered,     ///< a plugin asked for a family from its own initialisation
  unknown_provider,       ///< AFPLUG_PROVIDER, or the program, names a provider that does not exist
  family_in_use,          ///< unload: sockets of this family in user space are open
  family_unloaded,        ///< the family was unloaded
  changed_while_loading,  ///< the plugin file changed between its check and its loading
  registry_sealed,        ///< registry::seal() was called, and the family is not loaded
  family_not_allowed      ///< AFPLUG_FAMILIES, or registry_options::families, does not list the family
};

/// The category of errc, "afplug".
AFPLUG_API const boost::system::error_category& afplug_category() noexcept;

/// The EAI_* errors of getaddrinfo(3), "afplug.resolver". EAI_SYSTEM is reported as the errno in the system category.
AFPLUG_API const boost::system::error_category& resolver_category() noexcept;

/// The h_errno errors of gethostbyname(3) and related functions, "afplug.netdb".
AFPLUG_API const boost::system::error_category& netdb_category() noexcept;

/// Lets boost::system convert an errc to an error_code.
inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), afplug_category()}; }

/// Thrown by throwing calls: a system_error whose what() states what was requested, what is wrong and what to do. Texts
/// from outside (names, paths, addresses) are quoted in it: it has one line of printable characters ("\xXX" stands for
/// other bytes) and at most 2048 bytes of the text, followed by its length where it has more.
class AFPLUG_API error : public boost::system::system_error {
 public:
  error(error_code ec, std::string text);
  ~error() override;
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

/// The error text, as what() of the exception, of the last error that a call with an error_code& reported in this
/// thread; empty if the code's message() is all there is. Valid until this thread's next failing call.
AFPLUG_API std::string_view last_detail() noexcept;

namespace detail {
/// Sets `ec` and this thread's last_detail().
AFPLUG_API void fail(error_code& ec, error_code code, std::string_view text) noexcept;
/// Sets `ec` to an errno and clears last_detail().
AFPLUG_API void fail_errno(error_code& ec, int number) noexcept;
/// Returns last_detail(), if that was set with the same code, else "what: " + ec.message().
AFPLUG_API std::string error_text(const error_code& ec, const char* what);
/// Throws afplug::error with error_text().
[[noreturn]] AFPLUG_API void raise(const error_code& ec, const char* what);
/// Calls raise() if `ec` is an error.
inline void check(const error_code& ec, const char* what) {
  if (ec) [[unlikely]]
    raise(ec, what);
}
}  // namespace detail

}  // namespace afplug

template <>
struct boost::system::is_error_code_enum<afplug::errc> : std::true_type {};
