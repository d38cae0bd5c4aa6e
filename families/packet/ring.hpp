// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The extension afplug.packet.ring/1: TPACKET_V3 rings, Documentation/networking/packet_mmap.rst.
#pragma once

#include <sys/mman.h>

#include <afplug/packet.hpp>
#include <string_view>

namespace packet {

inline tpacket_req3 native_request(const afplug::packet::ring_request& from) {
  tpacket_req3 to{};
  to.tp_block_size = from.block_bytes;
  to.tp_block_nr = from.blocks;
  to.tp_frame_size = from.frame_bytes;
  to.tp_frame_nr = from.frame_bytes == 0 ? 0 : from.block_bytes / from.frame_bytes * from.blocks;
  to.tp_retire_blk_tov = from.timeout_ms;
  return to;
}

inline int ring_option(const afplug::packet::ring_request& request) {
  return request.transmit != 0 ? PACKET_TX_RING : PACKET_RX_RING;
}

inline std::int32_t open_ring(std::int64_t handle, const afplug::packet::ring_request* request,
                              afplug::packet::ring_map* out) {
  const int fd = static_cast<int>(handle);
  const int version = TPACKET_V3;
  if (::setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0) return -errno;
  const auto native = native_request(*request);
  std::size_t bytes = 0;  // has 32 bits on some machines
  if (__builtin_mul_overflow(native.tp_block_size, native.tp_block_nr, &bytes)) return -ENOMEM;
  if (::setsockopt(fd, SOL_PACKET, ring_option(*request), &native, sizeof native) != 0) return -errno;
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) {
    const int error = errno;
    const tpacket_req3 none{};
    ::setsockopt(fd, SOL_PACKET, ring_option(*request), &none, sizeof none);
    return -error;
  }
  *out = {static_cast<std::uint8_t*>(data),
          bytes,
          native.tp_block_size,
          native.tp_block_nr,
          native.tp_frame_size,
          native.tp_frame_nr};
  return 0;
}

inline void close_ring(std::int64_t handle, const afplug::packet::ring_request* request,
                       afplug::packet::ring_map* map) {
  if (map->data) ::munmap(map->data, static_cast<std::size_t>(map->bytes));
  *map = {};
  const tpacket_req3 none{};
  ::setsockopt(static_cast<int>(handle), SOL_PACKET, ring_option(*request), &none, sizeof none);
}

inline constexpr afplug::packet::ring_functions ring_functions{sizeof(afplug::packet::ring_functions), 0, &open_ring,
                                                               &close_ring};

inline const void* extension(const char* id) {
  return id && std::string_view(id) == afplug::packet::ring_extension_id ? &ring_functions : nullptr;
}

}  // namespace packet
