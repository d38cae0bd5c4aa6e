// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The functions that open a socket and, on failure, throw an error with the reason and remedy that explain() finds.
#include <sys/socket.h>
#include <afplug/registry.hpp>
#include <afplug/socket.hpp>
#include <afplug/verdict.hpp>

#include <string>

#include "open.hpp"
#include "socket_access.hpp"

namespace afplug {
namespace {

socket open_or_explain(const family& f, socket_type type, int proto) {
  error_code ec;
  if (!detail::may_open(f.number(), type, proto, ec)) detail::raise(ec, "socket");
  socket s = detail::socket_access::open(f, type, proto, ec);
  if (!ec) return s;
  if (ec.category() == boost::system::system_category()) {
    const verdict why = explain(f, type, proto, ec.value());
    if (!why.detail.empty())
      throw error(ec, detail::describe(f, type.without_flags(), proto) + " is unavailable: " + why.detail +
                          (why.remedy.empty() ? "" : "; " + why.remedy));
  }
  detail::raise(ec, "socket");
}

}  // namespace

socket::socket(std::string_view family, socket_type type, int proto)
    : socket(open_or_explain(registry::global().family(family), type, proto)) {}

socket::socket(int family, socket_type type, int proto)
    : socket(open_or_explain(registry::global().family(family), type, proto)) {}

socket::socket(const basic_protocol& p)
    : socket(open_or_explain(p.owner() ? *p.owner() : registry::global().family(p.family()), p.asked_type(),
                             p.asked_protocol())) {}

socket registry::socket(int family, socket_type type, int proto) {
  return open_or_explain(this->family(family), type, proto);
}

socket registry::socket(std::string_view family, socket_type type, int proto) {
  return open_or_explain(this->family(family), type, proto);
}

}  // namespace afplug
