// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "platform.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/beast/zlib/inflate_stream.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "file_descriptor.hpp"

namespace afplug::detail::platform {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_file_size = 16u << 20;  // bytes; far above any kernel configuration or list of modules

/// The contents of a file; empty if it cannot be read. (Some files in /proc can be opened but not read.)
std::string read_file(const std::string& path) {
  const file_descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return {};
  std::string out;
  char chunk[65536];
  while (out.size() <= max_file_size) {
    const auto n = ::read(file.get(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.append(chunk, static_cast<std::size_t>(n));
  }
  return out;
}

bool exists(const std::string& path) {
  std::error_code ec;
  return fs::exists(path, ec);
}

/// The word that follows `key` in the first line of `text` that begins with it.
std::string value_of(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    if (line.starts_with(key)) {
      const auto from = line.find_first_not_of(" \t", key.size());
      if (from == line.npos) return {};
      return std::string(line.substr(from, line.find_first_of(" \t", from) - from));
    }
    at = end + 1;
  }
  return {};
}

/// Decompresses a gzip file of one member without optional header fields, as /proc/config.gz is. Empty on an error.
std::string gunzip(const std::string& packed) {
  constexpr std::size_t header = 10, trailer = 8;
  if (packed.size() < header + trailer || !packed.starts_with("\x1f\x8b\x08") || packed[3] != 0) return {};
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < 4; ++i)
    size |= std::uint32_t{static_cast<unsigned char>(packed[packed.size() - 4 + i])} << (8 * i);
  if (size > max_file_size) return {};
  std::string out(size, '\0');
  namespace zlib = boost::beast::zlib;
  zlib::z_params p;
  p.next_in = packed.data() + header;
  p.avail_in = packed.size() - header - trailer;
  p.next_out = out.data();
  p.avail_out = out.size();
  boost::beast::error_code ec;
  zlib::inflate_stream{}.write(p, zlib::Flush::sync, ec);
  out.resize(p.total_out);
  return out;
}

std::string find_config() {
  if (auto text = gunzip(read_file("/proc/config.gz")); !text.empty()) return text;
  const std::string r = release();
  for (const std::string& path : {"/boot/config-" + r, "/lib/modules/" + r + "/config",
                                  "/usr/lib/modules/" + r + "/config", "/usr/lib/ostree-boot/config-" + r,
                                  "/usr/src/linux-headers-" + r + "/.config", "/lib/modules/" + r + "/build/.config"})
    if (auto text = read_file(path); !text.empty()) return text;
  return {};
}

const std::string& config_text() {
  static const std::string text = '\n' + find_config();
  return text;
}

/// Replaces '-' by '_': module names treat them alike.
std::string normalized(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

/// Whether a file like modules.dep, of lines "kernel/net/can/can-raw.ko.xz: …", lists the module `name` (normalized).
bool lists(const std::string& path, const std::string& name, bool& found_list) {
  std::ifstream in(path);
  if (!in) return false;
  found_list = true;
  for (std::string line; std::getline(in, line);) {
    line.resize(std::min(line.find(':'), line.size()));
    const auto from = line.rfind('/') + 1;
    const auto to = line.find(".ko", from);
    if (to != line.npos && normalized(std::string_view(line).substr(from, to - from)) == name) return true;
  }
  return false;
}

std::string module_folder() { return "/lib/modules/" + release() + '/'; }

struct named_capability {
  std::string_view name;
  unsigned number;
};
constexpr named_capability capabilities[] = {
    {"CAP_NET_BIND_SERVICE", CAP_NET_BIND_SERVICE},
    {"CAP_NET_BROADCAST", CAP_NET_BROADCAST},
    {"CAP_NET_ADMIN", CAP_NET_ADMIN},
    {"CAP_NET_RAW", CAP_NET_RAW},
    {"CAP_IPC_LOCK", CAP_IPC_LOCK},
    {"CAP_SYS_MODULE", CAP_SYS_MODULE},
    {"CAP_SYS_RAWIO", CAP_SYS_RAWIO},
    {"CAP_SYS_ADMIN", CAP_SYS_ADMIN},
    {"CAP_SYS_NICE", CAP_SYS_NICE},
    {"CAP_BPF", 39},
};

std::optional<bool> in_set(std::string_view key, std::string_view capability) {
  const auto* known = std::find_if(std::begin(capabilities), std::end(capabilities),
                                   [&](const auto& c) { return c.name == capability; });
  const auto set = value_of(read_file("/proc/self/status"), key);
  std::uint64_t bits = 0;
  if (known == std::end(capabilities) || set.empty() ||
      std::from_chars(set.data(), set.data() + set.size(), bits, 16).ec != std::errc{})
    return {};
  return (bits >> known->number & 1) != 0;
}

}  // namespace

build config(std::string_view symbol) {
  const std::string& all = config_text();
  if (all.size() < 2) return build::unknown;
  const auto at = all.find('\n' + std::string(symbol) + '=');
  if (at == all.npos) return build::off;
  return all[at + symbol.size() + 2] == 'm' ? build::module : build::builtin;
}

presence module(std::string_view name) {
  const std::string wanted = normalized(name);
  if (exists("/sys/module/" + wanted)) return presence::loaded;
  bool known = false;
  if (std::ifstream in("/proc/modules"); in) {
    for (std::string line; std::getline(in, line);)
      if (line.starts_with(wanted + ' ')) return presence::loaded;
  }
  const std::string folder = module_folder();
  if (lists(folder + "modules.builtin", wanted, known)) return presence::loaded;
  if (lists(folder + "modules.dep", wanted, known)) return presence::loadable;
  return known ? presence::absent : presence::unknown;
}

std::string module_of_alias(std::string_view alias) {
  return value_of(read_file(module_folder() + "modules.alias"), "alias " + std::string(alias) + ' ');
}

bool modules_disabled() { return read_file("/proc/sys/kernel/modules_disabled").starts_with('1'); }

std::string release() {
  ::utsname u{};
  return ::uname(&u) == 0 ? u.release : "";
}

std::optional<bool> capable(std::string_view capability) { return in_set("CapEff:", capability); }
std::optional<bool> could_be_capable(std::string_view capability) { return in_set("CapBnd:", capability); }
bool is_root() { return ::geteuid() == 0; }

bool seccomp_active() {
  const auto mode = value_of(read_file("/proc/self/status"), "Seccomp:");
  return !mode.empty() && mode != "0";
}

bool in_user_namespace() {
  const std::string map = read_file("/proc/self/uid_map");
  const auto from = map.find_first_not_of(' ');
  if (from == map.npos) return false;
  // The initial namespace maps all 2^32 - 1 user ids to themselves: user_namespaces(7).
  return map.find("4294967295") == map.npos || map[from] != '0';
}

std::optional<bool> in_network_namespace() {
  if (!exists("/proc/sys/net/core")) return {};
  // Other namespaces have only the sysctls that exist per namespace (net/core/sysctl_net_core.c).
  return !exists("/proc/sys/net/core/netdev_budget");
}

std::string confinement() {
  std::string profile = read_file("/proc/self/attr/current");
  profile.resize(std::min(profile.find_first_of("\n\0", 0, 2), profile.size()));
  if (profile.ends_with("(enforce)")) return profile;
  return !profile.empty() && read_file("/sys/fs/selinux/enforce").starts_with('1') ? profile : std::string();
}

std::optional<bool> any_interface_up() {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);  // for the ioctl, which any family accepts
  if (fd < 0) return {};
  std::optional<bool> up;
  if (struct ::if_nameindex* all = ::if_nameindex(); all != nullptr) {
    up = false;
    for (const auto* i = all; i->if_index != 0; ++i) {
      ::ifreq request{};
      std::strncpy(request.ifr_name, i->if_name, sizeof request.ifr_name - 1);
      if (::ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0) up = true;
    }
    ::if_freenameindex(all);
  }
  ::close(fd);
  return up;
}

std::string program() {
  std::error_code ec;
  return fs::read_symlink("/proc/self/exe", ec).string();
}

limits open_files() {
  ::rlimit r{};
  ::getrlimit(RLIMIT_NOFILE, &r);
  return {r.rlim_cur, r.rlim_max};
}

std::uint64_t file_max() {
  const std::string text = read_file("/proc/sys/fs/file-max");
  std::uint64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

}  // namespace afplug::detail::platform
