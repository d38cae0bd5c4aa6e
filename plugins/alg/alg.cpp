// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family alg: the kernel crypto API. Documentation/crypto/userspace-if.rst.
//
// Address text:  TYPE "/" NAME ["?feat=N&mask=N"]     hash/sha256, skcipher/cbc(aes), aead/gcm(aes), rng/stdrng
//                '?', '&' and '%' in TYPE and NAME are percent-encoded
#include <linux/if_alg.h>
#include <sys/socket.h>

#include <afplug/alg.hpp>
#include <afplug/plugin.hpp>

#include "constants.hpp"

namespace {
namespace ap = afplug::plugin;

struct codec {
  using address = sockaddr_alg;
  static constexpr int family = AF_ALG;
  static constexpr std::array fields{
      ap::field("type", AFPLUG_KIND_TEXT, "hash, skcipher, aead, rng; at most 13 bytes"),
      ap::field("name", AFPLUG_KIND_TEXT, "name of the algorithm as in /proc/crypto; at most 63 bytes"),
      ap::field("feat", AFPLUG_KIND_U32, "requested features (salg_feat)", AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX),
      ap::field("mask", AFPLUG_KIND_U32, "mask of features (salg_mask)", AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX),
  };
  static constexpr std::uint64_t max_u32 = 0xffffffff;

  template <std::size_t N>
  static void put(__u8 (&to)[N], std::string_view what, std::string_view text) {
    if (text.size() >= N)
      ap::fail(ENAMETOOLONG, what, " ", ap::quote(text), " has ", text.size(), " bytes, at most ", N - 1, " fit");
    if (text.find('\0') != text.npos) ap::fail(EINVAL, what, " contains a NUL");
    text.copy(reinterpret_cast<char*>(to), N);
  }
  template <std::size_t N>
  static std::string_view text_of(const __u8 (&from)[N]) {
    const auto* text = reinterpret_cast<const char*>(from);
    const auto size = strnlen(text, N);
    if (size == N) ap::fail(EINVAL, "a text in the address is not terminated by NUL");
    return {text, size};
  }

  static address make(std::string_view type, std::string_view name, std::uint64_t feat, std::uint64_t mask) {
    address made{};
    made.salg_family = AF_ALG;
    put(made.salg_type, "type", type);
    put(made.salg_name, "name", name);
    made.salg_feat = static_cast<__u32>(feat);
    made.salg_mask = static_cast<__u32>(mask);
    return made;
  }

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    ap::query query(text);
    const auto slash = query.body().find('/');
    if (slash == std::string_view::npos)
      ap::fail(EINVAL, "the name is missing in ", ap::quote(text), ": write TYPE/NAME");
    const auto feat = query.take("feat", max_u32, 0);
    const auto mask = query.take("mask", max_u32, 0);
    query.reject_unknown("feat, mask");
    return make(ap::percent_decode(query.body().substr(0, slash)), ap::percent_decode(query.body().substr(slash + 1)),
                feat, mask);
  }

  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    std::string text =
        ap::percent_encode(text_of(it->salg_type), "/?&") + "/" + ap::percent_encode(text_of(it->salg_name), "?&");
    if (it->salg_feat != 0) ap::append_key(text, "feat", ap::hexadecimal(it->salg_feat));
    if (it->salg_mask != 0) ap::append_key(text, "mask", ap::hexadecimal(it->salg_mask));
    return text;
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.text(text_of(it->salg_type)).text(text_of(it->salg_name)).number(it->salg_feat).number(it->salg_mask);
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    return make(in.text(0), in.text(1), in.number(2, max_u32), in.number(3, max_u32));
  }
};

// accept(2) without an address: with one it fails with ECONNABORTED, because AF_ALG has no getname (crypto/af_alg.c).
std::int32_t accept(std::int64_t listener, const afplug_identity*, std::int64_t* handle, afplug_sockaddr* peer) {
  const int fd = ::accept4(static_cast<int>(listener), nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return -errno;
  *handle = fd;
  peer->length = 0;
  return 0;
}
constexpr afplug_kernel_ops ops = [] {
  afplug_kernel_ops made{};
  made.size = sizeof made;
  made.accept = ap::slot<&accept>;
  return made;
}();

constexpr ap::option_group alg{afplug::alg::sol_alg, nullptr};
constexpr std::array options{
    alg(AFPLUG_NAMED(ALG_SET_KEY), ap::kind::bytes(0, 4096), ap::write_only,
        "key of a cipher or keyed hash; before accept"),
    alg(AFPLUG_NAMED(ALG_SET_AEAD_AUTHSIZE), ap::kind::length, ap::write_only,
        "size of the authentication tag; before accept"),
    alg(AFPLUG_NAMED(ALG_SET_DRBG_ENTROPY), ap::kind::bytes(0, 256), ap::write_only,
        "entropy of a random number generator under test"),
};

constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), nullptr, 0, AFPLUG_ROW_MESSAGE | AFPLUG_ROW_DEFAULT, "", {},
            "bind to an algorithm, set its key, accept an operation socket"),
    ap::pass_through(""),
};

constexpr std::array families{ap::kernel_family({
    .id = "alg",
    .name = "AF_ALG",
    .number = AF_ALG,
    .help = "the kernel crypto API",
    .requirements = {.module = "af_alg", .config = "CONFIG_CRYPTO_USER_API"},
    .rows = ap::array(rows),
    .options = ap::array(options),
    .constants = ap::array(alg_family::constants),
    .codec = &ap::codec_of<codec>,
    .ops = &ops,
})};
}  // namespace

AFPLUG_PLUGIN("afplug", "0.1.0", families)
