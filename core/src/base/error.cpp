// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <netdb.h>
#include <afplug/error.hpp>
#include <afplug/plugin/encoding.hpp>

#include <cerrno>
#include <cstring>
#include <iterator>

#include "thread_storage.hpp"

namespace afplug {
namespace {

constexpr struct {
  errc code;
  const char* text;
} messages[] = {
    {errc::timed_out, "timed out"},
    {errc::interrupted, "interrupted by the thread's interrupt hook"},
    {errc::stopped, "stopped by the stop token"},
    {errc::invalid_argument, "invalid argument"},
    {errc::malformed_address, "malformed address"},
    {errc::address_too_long, "address too long"},
    {errc::unknown_option, "unknown option"},
    {errc::wrong_kind, "the option does not take a value of this kind"},
    {errc::not_readable, "the option can only be set"},
    {errc::not_writable, "the option can only be read"},
    {errc::wrong_row, "the option does not apply to this type and protocol"},
    {errc::unknown_family, "no plugin provides this address family"},
    {errc::plugin_refused, "the plugin was refused"},
    {errc::registry_reentered, "a plugin asked for an address family while it was being initialised"},
    {errc::unknown_provider, "no such provider of this address family"},
    {errc::family_in_use, "sockets of this address family in user space are open"},
    {errc::family_unloaded, "the address family was unloaded"},
    {errc::changed_while_loading, "the plugin file changed between its check and its loading"},
    {errc::registry_sealed, "the registry is sealed and the address family is not loaded"},
    {errc::family_not_allowed, "the list of allowed address families does not contain it"},
};

class afplug_category_type final : public boost::system::error_category {
  const char* name() const noexcept override { return "afplug"; }
  std::string message(int value) const override {
    for (const auto& [code, text] : messages)
      if (static_cast<int>(code) == value) return text;
    return "afplug error " + std::to_string(value);
  }
  // Makes comparisons like `ec == boost::system::errc::timed_out` true.
  boost::system::error_condition default_error_condition(int value) const noexcept override {
    namespace generic = boost::system::errc;
    switch (static_cast<errc>(value)) {
      case errc::timed_out:
        return generic::make_error_condition(generic::timed_out);
      case errc::interrupted:
        return generic::make_error_condition(generic::interrupted);
      case errc::stopped:
        return generic::make_error_condition(generic::operation_canceled);
      case errc::unknown_family:
        return generic::make_error_condition(generic::address_family_not_supported);
      case errc::family_in_use:
        return generic::make_error_condition(generic::device_or_resource_busy);
      default:
        return {value, *this};
    }
  }
};

class resolver_category_type final : public boost::system::error_category {
  const char* name() const noexcept override { return "afplug.resolver"; }
  std::string message(int value) const override { return ::gai_strerror(value); }
};

class netdb_category_type final : public boost::system::error_category {
  const char* name() const noexcept override { return "afplug.netdb"; }
  std::string message(int value) const override { return ::hstrerror(value); }
};

// An error text and the code that it was set with: raise() must not use the text of an earlier failure.
struct error_detail {
  std::string text;
  error_code code;
};

// Texts that are longer, as of many refused plugins, are shortened. Callers pass text from outside through
// plugin::quote; what they miss cannot write control characters into a log or a terminal.
constexpr std::size_t longest_text = 2048;

std::string printable(std::string_view text) { return plugin::excerpt(text, longest_text); }

}  // namespace

const boost::system::error_category& afplug_category() noexcept {
  static const afplug_category_type category;
  return category;
}

const boost::system::error_category& resolver_category() noexcept {
  static const resolver_category_type category;
  return category;
}

const boost::system::error_category& netdb_category() noexcept {
  static const netdb_category_type category;
  return category;
}

error::error(error_code ec, std::string text) : system_error(ec), text_(printable(text)) {}
error::~error() = default;

std::string_view last_detail() noexcept {
  const auto* s = detail::thread_storage<error_detail>();
  return s ? std::string_view(s->text) : std::string_view();
}

namespace detail {

void fail(error_code& ec, error_code code, std::string_view text) noexcept {
  ec = code;
  auto* s = thread_storage<error_detail>();
  if (!s) return;
  s->code = code;
  try {
    s->text = printable(text);
  } catch (const std::bad_alloc&) {
    s->text.clear();
  }
}

void fail_errno(error_code& ec, int number) noexcept { fail(ec, {number, boost::system::system_category()}, {}); }

std::string error_text(const error_code& ec, const char* what) {
  const auto* s = thread_storage<error_detail>();
  if (s && s->code == ec && !s->text.empty()) return s->text;
  return std::string(what) + ": " + ec.message();
}

void raise(const error_code& ec, const char* what) { throw error(ec, error_text(ec, what)); }

}  // namespace detail
}  // namespace afplug
