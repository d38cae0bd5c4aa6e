// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <netdb.h>
#include <afplug/error.hpp>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "thread_storage.hpp"

namespace afplug {
namespace {

struct sentence {
  errc code;
  const char* text;
};

constexpr sentence sentences[] = {
    {errc::timed_out, "timed out"},
    {errc::interrupted, "interrupted by the thread's interrupt hook"},
    {errc::stopped, "stopped by its stop token"},
    {errc::invalid_argument, "invalid argument"},
    {errc::malformed_address, "malformed address"},
    {errc::address_too_long, "address too long"},
    {errc::unknown_option, "unknown option"},
    {errc::wrong_kind, "the option does not take a value of this kind"},
    {errc::not_readable, "the option can only be set"},
    {errc::not_writable, "the option can only be read"},
    {errc::wrong_row, "the option does not apply to this type and protocol"},
    {errc::closed, "the socket is closed"},
    {errc::malformed_control, "malformed ancillary data"},
    {errc::unknown_family, "no plugin answers for this address family"},
    {errc::plugin_refused, "the plugin was refused"},
    {errc::registry_reentered, "a family was asked for from its own initialisation"},
    {errc::unknown_provider, "no such provider of this address family"},
    {errc::family_in_use, "sockets of this address family are open"},
    {errc::family_unloaded, "the address family was unloaded"},
    {errc::changed_while_loading, "the plugin's file changed while it was loaded"},
};

class afplug_category_type final : public boost::system::error_category {
  const char* name() const noexcept override { return "afplug"; }
  std::string message(int value) const override {
    for (const auto& [code, text] : sentences)
      if (static_cast<int>(code) == value) return text;
    return "afplug error " + std::to_string(value);
  }
  // Generic conditions, so that portable code can ask `ec == boost::system::errc::timed_out`.
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

// The detail belongs to the code it was set with: a later failure without a sentence must not show an old one.
struct detail_slot {
  std::string text;
  error_code code;
};

}  // namespace

const boost::system::error_category& afplug_category() noexcept {
  static const afplug_category_type it;
  return it;
}

const boost::system::error_category& resolver_category() noexcept {
  static const resolver_category_type it;
  return it;
}

const boost::system::error_category& netdb_category() noexcept {
  static const netdb_category_type it;
  return it;
}

error::error(error_code ec, std::string sentence) : system_error(ec), sentence_(std::move(sentence)) {}
error::~error() = default;

std::string_view last_detail() noexcept {
  const auto* s = detail::thread_storage<detail_slot>();
  return s ? std::string_view(s->text) : std::string_view();
}

namespace detail {

void fail(error_code& ec, error_code code, std::string_view sentence) noexcept {
  ec = code;
  auto* s = thread_storage<detail_slot>();
  if (!s) return;
  s->code = code;
  try {
    s->text.assign(sentence);
  } catch (const std::bad_alloc&) {
    s->text.clear();
  }
}

void fail_errno(error_code& ec, int number) noexcept { fail(ec, {number, boost::system::system_category()}, {}); }

void raise(const error_code& ec, const char* what) {
  const auto* s = thread_storage<detail_slot>();
  if (s && s->code == ec && !s->text.empty()) throw error(ec, s->text);
  throw error(ec, std::string(what) + ": " + ec.message());
}

}  // namespace detail
}  // namespace afplug
