// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "ancillary.hpp"

#include <unistd.h>

#include <afplug/plugin.hpp>
#include <algorithm>
#include <array>
#include <cstring>

namespace loop {

namespace ap = afplug::plugin;

namespace {

constexpr std::size_t most_descriptors = 253;  // SCM_MAX_FD

void read_rights(std::string_view payload, message& out) {
  const auto count = payload.size() / sizeof(int);
  if (out.rights.size() + count > most_descriptors) ap::fail(EINVAL, "more than ", most_descriptors, " descriptors");
  for (std::size_t i = 0; i < count; ++i) {
    int number;
    std::memcpy(&number, payload.data() + i * sizeof number, sizeof number);
    out.rights.push_back(duplicate(number));
  }
}

void read_credentials(std::string_view payload, message& out) {
  ::ucred claimed;
  if (payload.size() != sizeof claimed) ap::fail(EINVAL, "credentials of ", payload.size(), " bytes");
  std::memcpy(&claimed, payload.data(), sizeof claimed);
  uid_t real, effective, saved;
  gid_t group, effective_group, saved_group;
  ::getresuid(&real, &effective, &saved);
  ::getresgid(&group, &effective_group, &saved_group);
  const auto is = [](auto id, auto... any) { return ((id == any) || ...); };
  if (claimed.pid != ::getpid() || !is(claimed.uid, real, effective, saved) ||
      !is(claimed.gid, group, effective_group, saved_group))
    ap::fail(EPERM, "credentials of another");
  out.sender = claimed;
}

// Appends items to a program's control buffer.
class writer {
 public:
  explicit writer(afplug_message& to) noexcept
      : base_(static_cast<char*>(to.control)), room_(to.control == nullptr ? 0 : to.control_size) {}

  /// Payload bytes that an item may still have.
  std::size_t room() const noexcept { return room_ - used_ > CMSG_LEN(0) ? room_ - used_ - CMSG_LEN(0) : 0; }
  void put(int type, const void* data, std::size_t size) noexcept {
    ::cmsghdr header{};
    header.cmsg_len = CMSG_LEN(size);
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = type;
    std::memcpy(base_ + used_, &header, sizeof header);
    std::memcpy(base_ + used_ + CMSG_LEN(0), data, size);
    used_ = std::min(room_, used_ + CMSG_SPACE(size));
  }
  std::size_t used() const noexcept { return used_; }

 private:
  char* base_;
  std::size_t room_;
  std::size_t used_ = 0;
};

}  // namespace

::ucred self() noexcept { return {::getpid(), ::geteuid(), ::getegid()}; }

void read_ancillary(const afplug_message& sent, message& out) {
  const auto* base = static_cast<const char*>(sent.control);
  for (std::size_t at = 0; base != nullptr && at + sizeof(::cmsghdr) <= sent.control_size;) {
    ::cmsghdr header;
    std::memcpy(&header, base + at, sizeof header);
    if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > sent.control_size - at)
      ap::fail(EINVAL, "malformed ancillary data");
    const std::string_view payload(base + at + CMSG_LEN(0), header.cmsg_len - CMSG_LEN(0));
    if (header.cmsg_level == SOL_SOCKET) {
      if (header.cmsg_type == SCM_RIGHTS)
        read_rights(payload, out);
      else if (header.cmsg_type == SCM_CREDENTIALS)
        read_credentials(payload, out);
      else
        ap::fail(EINVAL, "unknown ancillary data ", header.cmsg_type);
    }
    at += CMSG_ALIGN(header.cmsg_len);
  }
}

std::int32_t write_ancillary(afplug_message& to, const std::optional<::ucred>& sender,
                             std::vector<descriptor>& rights) {
  writer out(to);
  std::int32_t flags = 0;
  if (sender) {
    if (out.room() >= sizeof *sender)
      out.put(SCM_CREDENTIALS, &*sender, sizeof *sender);
    else
      flags = MSG_CTRUNC;
  }
  const auto fit = std::min({out.room() / sizeof(int), rights.size(), most_descriptors});
  if (fit < rights.size()) flags = MSG_CTRUNC;
  if (fit > 0) {
    std::array<int, most_descriptors> numbers{};
    std::transform(rights.begin(), rights.begin() + static_cast<std::ptrdiff_t>(fit), numbers.begin(),
                   [](descriptor& one) { return one.release(); });
    out.put(SCM_RIGHTS, numbers.data(), fit * sizeof(int));
  }
  to.control_size = static_cast<std::uint32_t>(out.used());
  return flags;
}

}  // namespace loop
