// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug/plugin.hpp: the contract <afplug/plugin.h> for plugins that are written in C++20. Header-only; it needs
// nothing else of afplug. Each header in <afplug/plugin/> can also be included by itself.
//
// A family of the kernel is a set of tables and a codec:
//
//   namespace ap = afplug::plugin;
//   constexpr ap::option_group nl{SOL_NETLINK, "netlink"};
//   constexpr std::array options{nl(AFPLUG_NAMED(NETLINK_PKTINFO), ap::kind::flag, ap::read_write, "…"), …};
//   constexpr std::array rows{ap::row(AFPLUG_NAMED(SOCK_RAW), AFPLUG_NAMED(NETLINK_ROUTE), AFPLUG_ROW_MESSAGE, …), …};
//   struct codec { using address = sockaddr_nl; static constexpr int family = AF_NETLINK; … };
//   constexpr std::array families{ap::kernel_family({.id = "netlink", .codec = &ap::codec_of<codec>, …})};
//   AFPLUG_PLUGIN("example", "1.0", families)
//
// Functions of a plugin report errors by throwing (`fail`); the slots made here turn exceptions into -errno and an
// error text. All functions may be called from any thread.
//
// Everything is in a hidden inline namespace named after the contract's version (see config.hpp).
#pragma once

#include <afplug/plugin/codec.hpp>       // addresses: native_address, field_reader, field_writer, codec_of
#include <afplug/plugin/encoding.hpp>    // hexadecimal digits, percent-encoding, UTF-8
#include <afplug/plugin/error.hpp>       // fail, catch_errors, slot
#include <afplug/plugin/family.hpp>      // kernel_family, user_family, set_verdict, AFPLUG_PLUGIN
#include <afplug/plugin/interface.hpp>   // network interfaces in addresses
#include <afplug/plugin/option.hpp>      // option_group, kind, member
#include <afplug/plugin/tables.hpp>      // array, join, row, constant_group
#include <afplug/plugin/text.hpp>        // parse_integer, percent_decode, query
#include <afplug/plugin/value_kind.hpp>  // the table of kinds
