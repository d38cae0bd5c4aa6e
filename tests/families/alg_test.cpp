// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <afplug/alg.hpp>

#include "support.hpp"

namespace families {
namespace {

namespace alg = afplug::alg;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes)
    for (const int digit : {(c >> 4) & 15, c & 15}) text += "0123456789abcdef"[digit];
  return text;
}

std::string unhex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  return bytes;
}

class alg_socket : public row_test {
 protected:
  alg_socket() : row_test("alg", SOCK_SEQPACKET) {}
  static afplug::socket operation(afplug::socket& of) {
    address peer;
    auto s = of.accept(peer);
    EXPECT_TRUE(peer.empty());
    s.timeout(patience);
    return s;
  }
  // One request, and what comes back: at most `room` bytes.
  static std::string work(afplug::socket& s, alg::operation what, std::string_view iv, std::string_view in,
                          std::size_t room, std::optional<std::uint32_t> associated = {}) {
    afplug::control_builder control;
    alg::instruct(control, what, std::as_bytes(std::span(iv)), associated);
    const afplug::const_bytes data[] = {in};
    EXPECT_EQ(s.sendmsg(data, control), in.size());
    return receive(s, room);
  }
};

TEST_F(alg_socket, hashes) {
  auto hash = bound("hash/sha256");
  auto s = operation(hash);
  s.sendall("abc"sv);
  EXPECT_EQ(hex(receive(s, 512)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // In pieces, and again with the same socket.
  s.send("a"sv, MSG_MORE);
  s.send("b"sv, MSG_MORE);
  s.send("c"sv);
  EXPECT_EQ(hex(receive(s, 512)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(alg_socket, hashes_with_a_key) {
  auto hash = bound("hash/hmac(sha256)");
  hash.option("ALG_SET_KEY", afplug::const_bytes("Jefe"sv));
  auto s = operation(hash);
  s.sendall("what do ya want for nothing?"sv);
  EXPECT_EQ(hex(receive(s, 512)), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
      << "RFC 4231, case 2";
}

TEST_F(alg_socket, enciphers_and_deciphers) {
  // NIST SP 800-38A, F.2.1.
  const auto key = unhex("2b7e151628aed2a6abf7158809cf4f3c"), iv = unhex("000102030405060708090a0b0c0d0e0f"),
             plain = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"),
             secret = unhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
  auto cipher = bound("skcipher/cbc(aes)");
  cipher.option("ALG_SET_KEY", afplug::const_bytes(key));
  auto s = operation(cipher);
  EXPECT_EQ(hex(work(s, alg::operation::encrypt, iv, plain, 32)), hex(secret));
  EXPECT_EQ(hex(work(s, alg::operation::decrypt, iv, secret, 32)), hex(plain));
}

TEST_F(alg_socket, authenticates_what_it_enciphers) {
  // The GCM specification, test case 4.
  const auto key = unhex("feffe9928665731c6d6a8f9467308308"), iv = unhex("cafebabefacedbaddecaf888"),
             associated = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
             plain = unhex(
                 "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b"
                 "525b16aedf5aa0de657ba637b39"),
             secret = unhex(
                 "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84a"
                 "a051ba30b396a0aac973d58e091"),
             tag = unhex("5bc94fbc3221a5db94fae95ae7121a47");
  auto aead = bound("aead/gcm(aes)");
  aead.option("ALG_SET_KEY", afplug::const_bytes(key));
  aead.option("ALG_SET_AEAD_AUTHSIZE", 16);
  auto s = operation(aead);
  const auto size = static_cast<std::uint32_t>(associated.size());
  const auto sealed = work(s, alg::operation::encrypt, iv, associated + plain, 512, size);
  EXPECT_EQ(hex(sealed.substr(associated.size())), hex(secret + tag));
  const auto opened = work(s, alg::operation::decrypt, iv, associated + secret + tag, 512, size);
  EXPECT_EQ(hex(opened.substr(associated.size())), hex(plain));
  auto forged = associated + secret + tag;
  forged.back() = static_cast<char>(forged.back() ^ 1);
  afplug::control_builder control;
  alg::set_operation(control, alg::operation::decrypt);
  alg::set_iv(control, std::as_bytes(std::span(iv)));
  alg::set_associated(control, size);
  const afplug::const_bytes data[] = {forged};
  s.sendmsg(data, control);
  std::string room(512, '\0');
  EXPECT_EQ(ERROR_OF(s.recv(room, 0, _)), sys(EBADMSG));
}

TEST_F(alg_socket, has_no_names_to_tell) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.bind("hash/nosuchhash", _)), sys(ENOENT));
  EXPECT_EQ(ERROR_OF(s.bind("nosuchtype/sha256", _)), sys(ENOENT));
  s.bind("hash/sha256");
  EXPECT_EQ(ERROR_OF(s.getsockname(_)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.connect("hash/sha256", _)), sys(EOPNOTSUPP));
}

TEST_F(alg_socket, refuses_keys_of_a_wrong_size) {
  auto s = bound("skcipher/cbc(aes)");
  EXPECT_EQ(ERROR_OF(s.option("ALG_SET_KEY", std::vector<std::byte>(5), _)), sys(EINVAL));
}

}  // namespace
}  // namespace families
