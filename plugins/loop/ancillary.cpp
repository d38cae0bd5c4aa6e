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

constexpr std::size_t max_descriptors = 253;  // SCM_MAX_FD in include/net/scm.h

void parse_rights(std::string_view payload, message& out) {
  const auto count = payload.size() / sizeof(int);
  if (out.rights.size() + count > max_descriptors)
    ap::fail(EINVAL, "SCM_RIGHTS has more than ", max_descriptors, " descriptors");
  for (std::size_t i = 0; i < count; ++i) {
    int fd;
    std::memcpy(&fd, payload.data() + i * sizeof fd, sizeof fd);
    out.rights.push_back(duplicate(fd));
  }
}

void parse_credentials(std::string_view payload, message& out) {
  ::ucred claimed;
  if (payload.size() != sizeof claimed)
    ap::fail(EINVAL, "SCM_CREDENTIALS has ", payload.size(), " bytes, not ", sizeof claimed);
  std::memcpy(&claimed, payload.data(), sizeof claimed);
  uid_t real, effective, saved;
  gid_t group, effective_group, saved_group;
  ::getresuid(&real, &effective, &saved);
  ::getresgid(&group, &effective_group, &saved_group);
  const auto is_one_of = [](auto id, auto... allowed) { return ((id == allowed) || ...); };
  if (claimed.pid != ::getpid() || !is_one_of(claimed.uid, real, effective, saved) ||
      !is_one_of(claimed.gid, group, effective_group, saved_group))
    ap::fail(EPERM, "the credentials are not those of this process");
  out.sender = claimed;
}

// Appends control messages to the control buffer of a recvmsg.
class control_writer {
 public:
  explicit control_writer(afplug_message& to) noexcept
      : base_(static_cast<char*>(to.control)), capacity_(to.control == nullptr ? 0 : to.control_size) {}

  /// The largest payload that fits in the rest of the buffer, in bytes.
  std::size_t space() const noexcept { return capacity_ - used_ > CMSG_LEN(0) ? capacity_ - used_ - CMSG_LEN(0) : 0; }
  void put(int type, const void* data, std::size_t size) noexcept {
    ::cmsghdr header{};
    header.cmsg_len = CMSG_LEN(size);
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = type;
    std::memcpy(base_ + used_, &header, sizeof header);
    std::memcpy(base_ + used_ + CMSG_LEN(0), data, size);
    used_ = std::min(capacity_, used_ + CMSG_SPACE(size));
  }
  std::size_t used() const noexcept { return used_; }

 private:
  char* base_;
  std::size_t capacity_;
  std::size_t used_ = 0;
};

}  // namespace

::ucred own_credentials() noexcept { return {::getpid(), ::geteuid(), ::getegid()}; }

void parse_control(const afplug_message& sent, message& out) {
  const auto* base = static_cast<const char*>(sent.control);
  for (std::size_t at = 0; base != nullptr && at + sizeof(::cmsghdr) <= sent.control_size;) {
    ::cmsghdr header;
    std::memcpy(&header, base + at, sizeof header);
    if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > sent.control_size - at)
      ap::fail(EINVAL, "malformed ancillary data");
    const std::string_view payload(base + at + CMSG_LEN(0), header.cmsg_len - CMSG_LEN(0));
    if (header.cmsg_level == SOL_SOCKET) {
      if (header.cmsg_type == SCM_RIGHTS)
        parse_rights(payload, out);
      else if (header.cmsg_type == SCM_CREDENTIALS)
        parse_credentials(payload, out);
      else
        ap::fail(EINVAL, "ancillary data of type ", header.cmsg_type, " is neither SCM_RIGHTS nor SCM_CREDENTIALS");
    }
    at += CMSG_ALIGN(header.cmsg_len);
  }
}

std::int32_t write_control(afplug_message& to, const std::optional<::ucred>& sender, std::vector<unique_fd>& rights) {
  control_writer out(to);
  std::int32_t flags = 0;
  if (sender) {
    if (out.space() >= sizeof *sender)
      out.put(SCM_CREDENTIALS, &*sender, sizeof *sender);
    else
      flags = MSG_CTRUNC;
  }
  const auto fit = std::min({out.space() / sizeof(int), rights.size(), max_descriptors});
  if (fit < rights.size()) flags = MSG_CTRUNC;
  if (fit > 0) {
    std::array<int, max_descriptors> fds{};
    std::transform(rights.begin(), rights.begin() + static_cast<std::ptrdiff_t>(fit), fds.begin(),
                   [](unique_fd& one) { return one.release(); });
    out.put(SCM_RIGHTS, fds.data(), fit * sizeof(int));
  }
  to.control_size = static_cast<std::uint32_t>(out.used());
  return flags;
}

}  // namespace loop
