// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <linux/if_alg.h>
#include <poll.h>
#include <unistd.h>

#include <afplug/alg.hpp>
#include <stop_token>
#include <thread>

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

class alg_socket : public protocol_test {
 protected:
  alg_socket() : protocol_test("alg", AF_ALG, SOCK_SEQPACKET) {}
  // The operation socket of a bound one.
  static afplug::socket operation(afplug::socket& bound) {
    address peer;
    auto s = bound.accept(peer);
    EXPECT_TRUE(peer.empty());
    s.timeout(io_timeout);
    return s;
  }
  // Encrypts or decrypts `in` and receives at most `capacity` bytes of the result.
  static std::string crypt(afplug::socket& s, alg::operation what, std::string_view iv, std::string_view in,
                           std::size_t capacity, std::optional<std::uint32_t> associated = {}) {
    afplug::control_builder control;
    alg::set_parameters(control, what, std::as_bytes(std::span(iv)), associated);
    const afplug::const_bytes data[] = {in};
    EXPECT_EQ(s.sendmsg(data, control), in.size());
    return receive(s, capacity);
  }
};

TEST_F(alg_socket, hash) {
  auto hash = bound("hash/sha256");
  auto s = operation(hash);
  s.sendall("abc"sv);
  EXPECT_EQ(hex(receive(s, 512)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // The same message in several sends, on the same socket.
  s.send("a"sv, MSG_MORE);
  s.send("b"sv, MSG_MORE);
  s.send("c"sv);
  EXPECT_EQ(hex(receive(s, 512)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(alg_socket, hash_with_a_key) {
  auto hash = bound("hash/hmac(sha256)");
  hash.option("ALG_SET_KEY", afplug::const_bytes("Jefe"sv));
  auto s = operation(hash);
  s.sendall("what do ya want for nothing?"sv);
  EXPECT_EQ(hex(receive(s, 512)), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
      << "RFC 4231, case 2";
}

TEST_F(alg_socket, symmetric_cipher) {
  // NIST SP 800-38A, F.2.1.
  const auto key = unhex("2b7e151628aed2a6abf7158809cf4f3c"), iv = unhex("000102030405060708090a0b0c0d0e0f"),
             plaintext = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"),
             ciphertext = unhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
  auto cipher = bound("skcipher/cbc(aes)");
  cipher.option("ALG_SET_KEY", afplug::const_bytes(key));
  auto s = operation(cipher);
  EXPECT_EQ(hex(crypt(s, alg::operation::encrypt, iv, plaintext, 32)), hex(ciphertext));
  EXPECT_EQ(hex(crypt(s, alg::operation::decrypt, iv, ciphertext, 32)), hex(plaintext));
}

TEST_F(alg_socket, authenticated_encryption) {
  // The GCM specification, test case 4.
  const auto key = unhex("feffe9928665731c6d6a8f9467308308"), iv = unhex("cafebabefacedbaddecaf888"),
             associated = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
             plaintext = unhex(
                 "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b"
                 "525b16aedf5aa0de657ba637b39"),
             ciphertext = unhex(
                 "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84a"
                 "a051ba30b396a0aac973d58e091"),
             tag = unhex("5bc94fbc3221a5db94fae95ae7121a47");
  auto aead = bound("aead/gcm(aes)");
  aead.option("ALG_SET_KEY", afplug::const_bytes(key));
  aead.option("ALG_SET_AEAD_AUTHSIZE", 16);
  auto s = operation(aead);
  const auto size = static_cast<std::uint32_t>(associated.size());
  const auto sealed = crypt(s, alg::operation::encrypt, iv, associated + plaintext, 512, size);
  EXPECT_EQ(hex(sealed.substr(associated.size())), hex(ciphertext + tag));
  const auto opened = crypt(s, alg::operation::decrypt, iv, associated + ciphertext + tag, 512, size);
  EXPECT_EQ(hex(opened.substr(associated.size())), hex(plaintext));
  auto forged = associated + ciphertext + tag;
  forged.back() = static_cast<char>(forged.back() ^ 1);
  afplug::control_builder control;
  alg::set_operation(control, alg::operation::decrypt);
  alg::set_iv(control, std::as_bytes(std::span(iv)));
  alg::set_assoclen(control, size);
  const afplug::const_bytes data[] = {forged};
  s.sendmsg(data, control);
  std::string buffer(512, '\0');
  EXPECT_EQ(ERROR_OF(s.recv(buffer, 0, _)), sys(EBADMSG));
}

TEST_F(alg_socket, has_no_local_or_peer_address) {
  auto s = open();
  EXPECT_EQ(ERROR_OF(s.bind("hash/nosuchhash", _)), sys(ENOENT));
  EXPECT_EQ(ERROR_OF(s.bind("nosuchtype/sha256", _)), sys(ENOENT));
  s.bind("hash/sha256");
  EXPECT_EQ(ERROR_OF(s.getsockname(_)), sys(EOPNOTSUPP));
  EXPECT_EQ(ERROR_OF(s.connect("hash/sha256", _)), sys(EOPNOTSUPP));
}

TEST_F(alg_socket, keys_of_a_wrong_size_are_refused) {
  auto s = bound("skcipher/cbc(aes)");
  EXPECT_EQ(ERROR_OF(s.option("ALG_SET_KEY", std::vector<std::byte>(5), _)), sys(EINVAL));
}

// The cipher cipher_null (crypto/crypto_null.c) copies its input to its output.
class alg_null_cipher : public alg_socket {
 protected:
  void SetUp() override {
    alg_socket::SetUp();
    if (IsSkipped()) return;
    if (bind_errno("skcipher", "ecb(cipher_null)") == ENOENT)
      GTEST_SKIP() << "alg: the kernel has no cipher_null (CONFIG_CRYPTO_NULL)";
    cipher = bound("skcipher/ecb(cipher_null)");
    cipher.option("ALG_SET_KEY", afplug::const_bytes(""sv));
    s = operation(cipher);
  }
  // The result of bind(2) to an algorithm: 0 or errno.
  static int bind_errno(std::string_view type, std::string_view name) {
    const int fd = ::socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    sockaddr_alg address{};
    address.salg_family = AF_ALG;
    type.copy(reinterpret_cast<char*>(address.salg_type), sizeof address.salg_type - 1);
    name.copy(reinterpret_cast<char*>(address.salg_name), sizeof address.salg_name - 1);
    const int error = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
    ::close(fd);
    return error;
  }
  afplug::socket cipher, s;
};

TEST_F(alg_null_cipher, result_does_not_depend_on_the_pieces_sent) {
  const auto text = pattern(10000);
  const afplug::const_bytes pieces[] = {{text.data(), 4000}, {text.data() + 4000, 6000}};
  EXPECT_EQ(s.sendmsg(pieces), text.size());
  EXPECT_EQ(receive(s, 10), text.substr(0, 10));
  EXPECT_TRUE(receive(s, 9990) == text.substr(10));
  s.send("ab"sv, MSG_MORE);
  s.send("cd"sv, MSG_MORE);
  EXPECT_EQ(receive(s, 4), "abcd");
}

TEST_F(alg_null_cipher, second_message_without_msg_more_is_refused) {
  s.send("one"sv);
  EXPECT_EQ(ERROR_OF(s.send("two"sv, 0, _)), sys(EINVAL));
  EXPECT_EQ(receive(s, 3), "one");
  s.send("two"sv);
  EXPECT_EQ(receive(s, 3), "two");
}

TEST_F(alg_null_cipher, empty_receive_follows_timeout_and_stop_token) {
  EXPECT_NE(s.wait(POLLIN, 0ns), 0) << "poll(2) reports readability although there is no result yet";
  char buffer[4];
  s.timeout(0ns);
  EXPECT_EQ(ERROR_OF(s.recv(buffer, 0, _)), sys(EAGAIN));
  s.timeout(50ms);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(ERROR_OF(s.recv(buffer, 0, _)), error_code(afplug::errc::timed_out));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 50ms);
  for (const auto& limit : {std::optional<std::chrono::nanoseconds>{}, {io_timeout}}) {
    s.timeout(limit);
    std::stop_source stop;
    error_code ec;
    {
      std::jthread receiver([&] { s.recv(buffer, 0, stop.get_token(), ec); });
      stop.request_stop();
    }
    EXPECT_EQ(ec, error_code(afplug::errc::stopped));
  }
}

TEST_F(alg_null_cipher, blocking_receive_fills_its_buffer) {
  s.timeout({});
  auto duplicate = s.dup();
  std::string got;
  {
    std::jthread receiver([&] { got = receive(s, 4); });
    duplicate.send("ab"sv, MSG_MORE);
    duplicate.send("cd"sv);
  }
  EXPECT_EQ(got, "abcd");
}

TEST_F(alg_null_cipher, send_waits_while_nothing_is_received) {
  const auto chunk = pattern(1000);
  std::size_t sent = 0;
  error_code ec;
  while (!ec) sent += s.send(chunk, MSG_DONTWAIT | MSG_MORE, ec);
  EXPECT_EQ(ec, sys(EAGAIN));
  EXPECT_EQ(s.wait(POLLOUT, 0ns), 0);
  s.timeout(50ms);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(ERROR_OF(s.send(chunk, MSG_MORE, _)), error_code(afplug::errc::timed_out));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 50ms);
  // Short, because the kernel does not wake poll(2) for POLLOUT: af_alg_wmem_wakeup() in crypto/af_alg.c wakes with
  // EPOLLIN. A sender that waits before the receive then sends when its timeout ends.
  s.timeout(2s);
  auto duplicate = s.dup();
  std::size_t got = 0, sent_later = 0;
  {
    std::jthread sender([&] { sent_later = duplicate.send(chunk, MSG_MORE); });
    got = receive(s, sent).size();
  }
  sent += sent_later;
  while (got < sent) got += receive(s, sent - got).size();
  EXPECT_EQ(got, sent);
}

TEST_F(alg_socket, accept_needs_bind_and_never_waits) {
  auto s = open();
  for (const auto& limit : {std::optional<std::chrono::nanoseconds>{}, {0ns}, {io_timeout}}) {
    s.timeout(limit);
    EXPECT_EQ(ERROR_OF(s.accept(_)), sys(EINVAL));
  }
  s.bind("hash/sha256");
  s.bind("hash/sha512");
  s.timeout(0ns);
  auto one = s.accept(), other = s.accept();
  EXPECT_EQ(ERROR_OF(s.bind("hash/sha256", _)), sys(EBUSY)) << "while operation sockets are open";
  for (auto* each : {&one, &other}) {
    EXPECT_EQ(each->what(), s.what());
    each->send("abc"sv);
    EXPECT_EQ(receive(*each, 512).size(), 64u);
  }
}

}  // namespace
}  // namespace families
