// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Forward declarations of Boost.Asio's socket classes, so that protocols can name them without including Asio.
#pragma once

namespace boost::asio {
class any_io_executor;
template <typename, typename>
class basic_stream_socket;
template <typename, typename>
class basic_datagram_socket;
template <typename, typename>
class basic_seq_packet_socket;
template <typename, typename>
class basic_raw_socket;
template <typename, typename>
class basic_socket_acceptor;
}  // namespace boost::asio
