// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// On Linux the hyperv family translates its addresses to vsock (net/vmw_vsock/hyperv_transport.c has the same mapping),
// so these tests transfer data over vsock's loopback transport.
#include <thread>

#include "support.hpp"
#include "vsock.hpp"

namespace families {
namespace {

constexpr int hv_protocol_raw = 1;
const std::string loopback = "e0e16197-dd56-4a10-9195-5ee7a155a838", wildcard = "00000000-0000-0000-0000-000000000000",
                  parent = "a42e7cda-d03f-480c-9cc2-a4de20abb878", tail = "-facb-11e6-bd58-64006a7986d3";

class hyperv : public protocol_test {
 protected:
  hyperv() : protocol_test("hyperv", SOCK_STREAM, hv_protocol_raw, {AF_VSOCK, SOCK_STREAM, 0}) {}
  error_code parse_error(const std::string& text) { return ERROR_OF(address::parse(open().what(), text, _)); }
};

class hyperv_loopback : public hyperv {
 protected:
  void SetUp() override {
    hyperv::SetUp();
    if (IsSkipped()) return;
    if (!has_vsock_loopback())
      GTEST_SKIP() << "hyperv: the kernel has no vsock loopback transport (CONFIG_VSOCKETS_LOOPBACK)";
  }
  static void transfer_both_ways(afplug::socket& client, afplug::socket& server) {
    auto accepted = server.accept();
    accepted.timeout(io_timeout);
    constexpr std::size_t size = 300000;
    const auto there = pattern(size, 1), back = pattern(size, 2);
    std::string got_there(size, '\0'), got_back(size, '\0');
    {
      std::jthread a([&] { client.sendall(there); });
      std::jthread b([&] { accepted.sendall(back); });
      std::jthread c([&] { accepted.recvall(got_there); });
      client.recvall(got_back);
    }
    EXPECT_TRUE(there == got_there);
    EXPECT_TRUE(back == got_back);
    client.shutdown(SHUT_WR);
    EXPECT_EQ(receive(accepted), "");
  }
};

TEST_F(hyperv, address_has_two_guids) {
  auto s = open();
  EXPECT_EQ(s.getsockname().to_string(), wildcard + "/ffffffff" + tail);
  s.bind(wildcard + "/0000c351" + tail);
  const auto name = s.getsockname();
  EXPECT_EQ(name.to_string(), wildcard + "/0000c351" + tail);
  EXPECT_EQ(std::get<std::string>(name.field("vm_id")), wildcard);
  EXPECT_EQ(std::get<std::string>(name.field("service_id")), "0000c351" + tail);
  EXPECT_EQ(ERROR_OF(open().bind(name, _)), sys(EADDRINUSE));
}

TEST_F(hyperv, guids_may_be_in_upper_case) {
  auto upper = wildcard + "/0000C352-FACB-11E6-BD58-64006A7986D3";
  EXPECT_EQ(at(upper).to_string(), wildcard + "/0000c352" + tail);
  EXPECT_EQ(at(parent + "/00000005" + tail).to_string(), parent + "/00000005" + tail);
}

TEST_F(hyperv, guids_without_a_vsock_address_are_refused_with_an_error_text) {
  EXPECT_EQ(parse_error("90db8b89-0d35-4f79-8ce9-49ea0ac8b7cd/00000005" + tail), sys(EADDRNOTAVAIL));
  EXPECT_NE(afplug::last_detail().find("HV_GUID_CHILDREN"), std::string_view::npos) << afplug::last_detail();
  EXPECT_EQ(parse_error("ffffffff-ffff-ffff-ffff-ffffffffffff/00000005" + tail), sys(EADDRNOTAVAIL));
  EXPECT_NE(afplug::last_detail().find("HV_GUID_BROADCAST"), std::string_view::npos) << afplug::last_detail();
  EXPECT_EQ(parse_error("12345678-1234-1234-1234-123456789abc/00000005" + tail), sys(EADDRNOTAVAIL));
  EXPECT_NE(afplug::last_detail().find("cannot be reached from Linux"), std::string_view::npos)
      << afplug::last_detail();
  EXPECT_EQ(parse_error(loopback + "/12345678-1234-1234-1234-123456789abc"), sys(EADDRNOTAVAIL));
  EXPECT_NE(afplug::last_detail().find("not a vsock port"), std::string_view::npos) << afplug::last_detail();
}

TEST_F(hyperv, malformed_guids_are_refused) {
  for (const auto& text : {loopback, loopback + "/", loopback + "/5", "x" + loopback + "/00000005" + tail,
                           loopback + "/g0000005" + tail, "{" + loopback + "}/00000005" + tail})
    EXPECT_EQ(parse_error(text), error_code(afplug::errc::malformed_address)) << text;
}

TEST_F(hyperv, options) {
  auto s = open();
  s.option("HVSOCKET_CONNECT_TIMEOUT", 1500ms);
  EXPECT_EQ(s.option_text("HVSOCKET_CONNECT_TIMEOUT"), "1.5s");
  for (const auto* name : {"HVSOCKET_CONTAINER_PASSTHRU", "HVSOCKET_CONNECTED_SUSPEND", "HVSOCKET_HIGH_VTL"}) {
    EXPECT_EQ(ERROR_OF(s.option(name, 1, _)), sys(ENOPROTOOPT)) << name;
    EXPECT_NE(afplug::last_detail().find("only Windows has"), std::string_view::npos) << afplug::last_detail();
    EXPECT_EQ(ERROR_OF(s.option_text(name, _)), sys(ENOPROTOOPT)) << name;
    EXPECT_NE(afplug::last_detail().find("only Windows has"), std::string_view::npos) << afplug::last_detail();
  }
}

TEST_F(hyperv_loopback, transfers_data_both_ways) {
  auto server = bound(wildcard + "/0000c360" + tail);
  server.listen();
  auto client = open();
  client.connect(loopback + "/0000c360" + tail);
  EXPECT_EQ(client.getpeername().to_string(), loopback + "/0000c360" + tail);
  transfer_both_ways(client, server);
}

TEST_F(hyperv_loopback, accepts_a_vsock_client) {
  auto server = bound(wildcard + "/0000c361" + tail);
  server.listen();
  afplug::socket client("vsock", SOCK_STREAM);
  client.timeout(io_timeout);
  client.connect("local:" + std::to_string(0xc361));
  transfer_both_ways(client, server);
}

TEST_F(hyperv_loopback, connects_to_a_vsock_server) {
  afplug::socket server("vsock", SOCK_STREAM);
  server.timeout(io_timeout);
  server.bind("any:" + std::to_string(0xc362));
  server.listen();
  auto client = open();
  client.connect(loopback + "/0000c362" + tail);
  transfer_both_ways(client, server);
}

TEST_F(hyperv_loopback, connect_without_a_listener_is_reset) {
  EXPECT_EQ(ERROR_OF(open().connect(loopback + "/0000c363" + tail, _)), sys(ECONNRESET));
}

TEST(hyperv_row, has_only_streams_of_hv_protocol_raw) {
  const auto& family = afplug::registry::global().family("hyperv");
  EXPECT_NE(family.find_row(SOCK_STREAM, hv_protocol_raw), nullptr);
  EXPECT_NE(family.find_row(SOCK_STREAM, 0), nullptr) << "the default";
  EXPECT_EQ(family.find_row(SOCK_DGRAM, hv_protocol_raw), nullptr);
  EXPECT_EQ(ERROR_OF(afplug::socket::open(family, SOCK_DGRAM, hv_protocol_raw, _)), sys(ESOCKTNOSUPPORT));
}

}  // namespace
}  // namespace families
