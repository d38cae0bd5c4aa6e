// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Errors. What the system says comes as boost::system::system_category(); what afplug itself says comes in the
// categories below. Throwing calls throw afplug::error. Calls that take an error_code& leave the sentence in
// last_detail().
#pragma once

#include <afplug/config.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <string>
#include <string_view>

namespace afplug {

using boost::system::error_code;

/// Errors of afplug's own (category "afplug").
enum class errc {
  timed_out = 1,  ///< the socket's own timeout passed. Not ETIMEDOUT, which is the kernel's word. Equivalent to
                  ///< errc::timed_out.
  interrupted,    ///< the thread's `interrupt` hook ended the call
  stopped,        ///< a stop_token was triggered
  // argument
  invalid_argument = 20,  ///< an argument is out of its range; the sentence says which
  malformed_address,      ///< text or fields that are no address of this family
  address_too_long,
  unknown_option,     ///< the family's table has no option of this name for this row
  wrong_kind,         ///< the option's kind does not take this value
  not_readable,       ///< the option can only be set
  not_writable,       ///< the option can only be read
  wrong_row,          ///< the option exists, but not for this type and protocol
  closed,             ///< reserved: a closed socket gives EBADF
  malformed_control,  ///< ancillary data that is no chain of cmsghdr
  // registry
  unknown_family = 60,   ///< no plugin answers for this family
  plugin_refused,        ///< a plugin answers for it and was refused; the sentence names file and field
  registry_reentered,    ///< a family was asked for from its own initialisation
  unknown_provider,      ///< AFPLUG_PROVIDER, or the program, names a provider that is not there
  family_in_use,         ///< unload: sockets of it live
  family_unloaded,       ///< it was unloaded
  changed_while_loading  ///< the file is not the one that was checked
};

/// The category of errc, "afplug".
AFPLUG_API const boost::system::error_category& afplug_category() noexcept;

/// The resolver's errors: the EAI_* numbers of getaddrinfo(3). EAI_SYSTEM is reported as the errno in the system
/// category.
AFPLUG_API const boost::system::error_category& resolver_category() noexcept;

/// The resolver's h_errno errors (gethostbyname and relatives).
AFPLUG_API const boost::system::error_category& netdb_category() noexcept;

/// Makes errc an error code by itself, as boost::system wants it.
inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), afplug_category()}; }

/// What throwing calls throw: a system_error whose what() is the sentence: who was asked for what, what is wrong, what
/// to do.
class AFPLUG_API error : public boost::system::system_error {
 public:
  error(error_code ec, std::string sentence);
  ~error() override;
  const char* what() const noexcept override { return sentence_.c_str(); }

 private:
  std::string sentence_;
};

/// The sentence for the last error that an error_code call of this thread gave; empty where the code's own message()
/// says it all. Valid until this thread's next afplug call that fails.
AFPLUG_API std::string_view last_detail() noexcept;

namespace detail {
/// Sets this thread's last_detail() and `ec`.
AFPLUG_API void fail(error_code& ec, error_code code, std::string_view sentence) noexcept;
/// The same with an errno and no sentence of our own.
AFPLUG_API void fail_errno(error_code& ec, int number) noexcept;
/// Throws afplug::error with last_detail() where that belongs to `ec`, else with "what: message".
[[noreturn]] AFPLUG_API void raise(const error_code& ec, const char* what);
inline void check(const error_code& ec, const char* what) {
  if (ec) [[unlikely]]
    raise(ec, what);
}
}  // namespace detail

}  // namespace afplug

template <>
struct boost::system::is_error_code_enum<afplug::errc> : std::true_type {};
