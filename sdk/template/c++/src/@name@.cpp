// The family @name@: local sockets named by paths.
//
// Addresses as text: the path, of at most 107 bytes, with bytes that do not print percent-encoded. The empty text is
// the address of a socket without a name.
#include <sys/socket.h>
#include <sys/un.h>
#include <afplug/plugin.hpp>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace {
namespace ap = afplug::plugin;

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);
constexpr std::size_t path_max = sizeof(sockaddr_un::sun_path) - 1;

// ---- rows: what a program may ask for ----

constexpr auto connected = AFPLUG_ROW_DEFAULT | AFPLUG_ROW_PAIR | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE;
constexpr std::array rows{
    ap::with_native(
        ap::row(AFPLUG_NAMED(SOCK_STREAM), nullptr, 0, connected | AFPLUG_ROW_STREAM, "", {}, "byte stream"), AF_UNIX,
        SOCK_STREAM, 0),
    ap::with_native(ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), nullptr, 0, connected | AFPLUG_ROW_MESSAGE, "", {},
                            "records over a connection"),
                    AF_UNIX, SOCK_SEQPACKET, 0),
};

constexpr ap::constant_group own{"@SYMBOL@_"};
constexpr std::array constants{own("@SYMBOL@_PATH_MAX", path_max)};

// ---- addresses ----

struct codec {
  using address = sockaddr_un;
  static constexpr int family = AF_UNIX;
  static constexpr std::uint32_t min_length = path_offset;
  static constexpr std::array fields{ap::field("path", AFPLUG_KIND_TEXT, "path in the file system")};

  static ap::native_address<address> make(std::string_view path) {
    if (path.size() > path_max) ap::fail(ENAMETOOLONG, "the path is longer than ", path_max, " bytes");
    if (path.find('\0') != path.npos) ap::fail(EINVAL, "the path contains a NUL");
    address made{};
    made.sun_family = AF_UNIX;
    path.copy(made.sun_path, path.size());
    return {made, static_cast<std::uint32_t>(path.empty() ? path_offset : path_offset + path.size() + 1)};
  }
  static std::string_view path_of(const ap::native_address<address>& it) {
    if (it.length == path_offset) return {};
    const std::string_view path(it->sun_path, it.length - path_offset);
    if (path.size() < 2 || path.find('\0') != path.size() - 1)
      ap::fail(EINVAL, "the path does not end where the address does");
    return path.substr(0, path.size() - 1);
  }

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    return make(ap::percent_decode(text));
  }
  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    return ap::percent_encode(path_of(it));
  }
  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.text(path_of(it));
  }
  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    return make(in.text(0));
  }
};

// ---- the family ----

constexpr std::array families{ap::kernel_family({
    .id = "@name@",
    .name = "AF_@SYMBOL@",
    .flags = AFPLUG_FAMILY_SECONDARY,
    .help = "local sockets named by paths",
    .requirements = {.module = "unix", .config = "CONFIG_UNIX"},
    .rows = ap::array(rows),
    .constants = ap::array(constants),
    .codec = &ap::codec_of<codec>,
})};

}  // namespace

AFPLUG_PLUGIN("@name@", "0.1.0", families)
