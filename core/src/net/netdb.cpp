// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The C library's host, service and protocol databases (netdb.h), through their reentrant (_r) functions.
#include <afplug/plugin/encoding.hpp>
#include <afplug/resolver.hpp>

#include <arpa/inet.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "throwing.hpp"
#include "trace.hpp"

namespace afplug {
namespace {

using detail::throwing;

// Calls a _r function with larger and larger buffers (up to 1 MiB) for as long as it returns ERANGE.
template <class F>
int with_growing_buffer(std::vector<char>& buffer, F look_up) {
  for (buffer.resize(1024);; buffer.resize(buffer.size() * 2)) {
    const int error = look_up(buffer.data(), buffer.size());
    if (error != ERANGE || buffer.size() >= 1 << 20) return error;
  }
}

bool has_nul(std::string_view name, error_code& ec) {
  if (name.find('\0') == std::string_view::npos) return false;
  detail::fail(ec, errc::malformed_address, "the name " + plugin::quote(name) + " contains a NUL");
  return true;
}

host_entry to_entry(const ::hostent& h) {
  host_entry entry;
  entry.name = h.h_name;
  for (char** alias = h.h_aliases; alias && *alias; ++alias) entry.aliases.emplace_back(*alias);
  for (char** raw = h.h_addr_list; raw && *raw; ++raw)
    entry.addresses.push_back(
        inet_ntop(h.h_addrtype, std::as_bytes(std::span(*raw, static_cast<std::size_t>(h.h_length)))));
  return entry;
}

void fail_host(error_code& ec, std::string_view name, int error, int h_error) {
  if (h_error == NETDB_INTERNAL) return detail::fail_errno(ec, error);
  const error_code code(h_error, netdb_category());
  detail::fail(ec, code, "look-up of " + plugin::quote(name) + ": " + code.message());
}

int fail_missing(error_code& ec, int error, const std::string& what) {
  if (error != 0 && error != ENOENT)
    detail::fail_errno(ec, error);
  else
    detail::fail(ec, {HOST_NOT_FOUND, netdb_category()}, "there is no " + what + " in this system's database");
  return 0;
}

std::string for_protocol(std::string_view proto) {
  return proto.empty() ? std::string() : " for " + plugin::quote(proto);
}

}  // namespace

// ---- hosts ----

std::string gethostbyname(std::string_view name) {
  return throwing("gethostbyname", [&](error_code& ec) { return gethostbyname(name, ec); });
}

std::string gethostbyname(std::string_view name, error_code& ec) {
  ec.clear();
  if (!detail::allowed({.event = trace_event::gethostbyname, .name = name}, ec)) return {};
  const detail::suppress_trace inside;
  if (name.empty()) return "0.0.0.0";
  if (name == "<broadcast>") return "255.255.255.255";
  const auto found = getaddrinfo(name, {}, {AF_INET, SOCK_STREAM, 0, 0, {}}, ec);
  if (ec) return {};
  return getnameinfo(found.front().address, NI_NUMERICHOST, ec).first;
}

host_entry gethostbyname_ex(std::string_view name) {
  return throwing("gethostbyname_ex", [&](error_code& ec) { return gethostbyname_ex(name, ec); });
}

host_entry gethostbyname_ex(std::string_view name, error_code& ec) {
  ec.clear();
  if (!detail::allowed({.event = trace_event::gethostbyname, .name = name}, ec)) return {};
  if (has_nul(name, ec)) return {};
  const std::string text(name);
  std::vector<char> buffer;
  ::hostent host{};
  ::hostent* found = nullptr;
  int h_error = 0;
  const int error = with_growing_buffer(buffer, [&](char* data, std::size_t size) {
    return ::gethostbyname_r(text.c_str(), &host, data, size, &found, &h_error);
  });
  if (found) return to_entry(*found);
  fail_host(ec, name, error, h_error);
  return {};
}

host_entry gethostbyaddr(std::string_view address_text) {
  return throwing("gethostbyaddr", [&](error_code& ec) { return gethostbyaddr(address_text, ec); });
}

host_entry gethostbyaddr(std::string_view address_text, error_code& ec) {
  ec.clear();
  if (!detail::allowed({.event = trace_event::gethostbyaddr, .name = address_text}, ec)) return {};
  const detail::suppress_trace inside;
  const auto addresses = getaddrinfo(address_text, {}, {AF_UNSPEC, SOCK_STREAM, 0, 0, {}}, ec);
  if (ec) return {};
  const auto& at = addresses.front().address;
  const auto* v4 = reinterpret_cast<const ::sockaddr_in*>(at.data());
  const auto* v6 = reinterpret_cast<const ::sockaddr_in6*>(at.data());
  const void* raw = at.family() == AF_INET6 ? static_cast<const void*>(&v6->sin6_addr) : &v4->sin_addr;
  const ::socklen_t size = at.family() == AF_INET6 ? sizeof v6->sin6_addr : sizeof v4->sin_addr;
  std::vector<char> buffer;
  ::hostent host{};
  ::hostent* found = nullptr;
  int h_error = 0;
  const int error = with_growing_buffer(buffer, [&](char* data, std::size_t length) {
    return ::gethostbyaddr_r(raw, size, at.family(), &host, data, length, &found, &h_error);
  });
  if (found) return to_entry(*found);
  fail_host(ec, address_text, error, h_error);
  return {};
}

std::string getfqdn(std::string_view name) {
  error_code ec;
  std::string host = name.empty() || name == "0.0.0.0" || name == "::" ? gethostname(ec) : std::string(name);
  const auto entry = gethostbyaddr(host, ec);
  if (ec) return host;
  if (entry.name.find('.') != std::string::npos) return entry.name;
  for (const auto& alias : entry.aliases)
    if (alias.find('.') != std::string::npos) return alias;
  return entry.name;
}

std::string gethostname() {
  return throwing("gethostname", [](error_code& ec) { return gethostname(ec); });
}

std::string gethostname(error_code& ec) {
  ec.clear();
  if (!detail::allowed({.event = trace_event::gethostname}, ec)) return {};
  char name[HOST_NAME_MAX + 1] = {};
  if (::gethostname(name, sizeof name) == 0) return name;
  detail::fail_errno(ec, errno);
  return {};
}

void sethostname(std::string_view name) {
  throwing("sethostname", [&](error_code& ec) { sethostname(name, ec); });
}

void sethostname(std::string_view name, error_code& ec) {
  ec.clear();
  if (!detail::allowed({.event = trace_event::sethostname, .name = name}, ec)) return;
  if (has_nul(name, ec)) return;
  if (::sethostname(name.data(), name.size()) != 0) detail::fail_errno(ec, errno);
}

// ---- services and protocols ----

int getservbyname(std::string_view name, std::string_view proto) {
  return throwing("getservbyname", [&](error_code& ec) { return getservbyname(name, proto, ec); });
}

int getservbyname(std::string_view name, std::string_view proto, error_code& ec) {
  ec.clear();
  if (!detail::allowed({.event = trace_event::getservbyname, .name = name, .service = proto}, ec)) return 0;
  if (has_nul(name, ec) || has_nul(proto, ec)) return 0;
  const std::string text(name), by(proto);
  std::vector<char> buffer;
  ::servent entry{};
  ::servent* found = nullptr;
  const int error = with_growing_buffer(buffer, [&](char* data, std::size_t size) {
    return ::getservbyname_r(text.c_str(), by.empty() ? nullptr : by.c_str(), &entry, data, size, &found);
  });
  if (found) return ntohs(static_cast<std::uint16_t>(found->s_port));
  return fail_missing(ec, error, "service " + plugin::quote(text) + for_protocol(proto));
}

std::string getservbyport(int port, std::string_view proto) {
  return throwing("getservbyport", [&](error_code& ec) { return getservbyport(port, proto, ec); });
}

std::string getservbyport(int port, std::string_view proto, error_code& ec) {
  ec.clear();
  if (!detail::allowed({.event = trace_event::getservbyport, .service = proto, .port = port}, ec)) return {};
  if (has_nul(proto, ec)) return {};
  if (port < 0 || port > 65535) {
    detail::fail(ec, errc::invalid_argument, "port " + std::to_string(port) + " is outside the range 0 to 65535");
    return {};
  }
  const std::string by(proto);
  std::vector<char> buffer;
  ::servent entry{};
  ::servent* found = nullptr;
  const int error = with_growing_buffer(buffer, [&](char* data, std::size_t size) {
    return ::getservbyport_r(htons(static_cast<std::uint16_t>(port)), by.empty() ? nullptr : by.c_str(), &entry, data,
                             size, &found);
  });
  if (found) return found->s_name;
  fail_missing(ec, error, "service at port " + std::to_string(port) + for_protocol(proto));
  return {};
}

int getprotobyname(std::string_view name) {
  return throwing("getprotobyname", [&](error_code& ec) { return getprotobyname(name, ec); });
}

int getprotobyname(std::string_view name, error_code& ec) {
  ec.clear();
  if (has_nul(name, ec)) return 0;
  const std::string text(name);
  std::vector<char> buffer;
  ::protoent entry{};
  ::protoent* found = nullptr;
  const int error = with_growing_buffer(buffer, [&](char* data, std::size_t size) {
    return ::getprotobyname_r(text.c_str(), &entry, data, size, &found);
  });
  if (found) return found->p_proto;
  return fail_missing(ec, error, "protocol " + plugin::quote(text));
}

}  // namespace afplug
