// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// On Linux a translation to vsock. Data flows where vsock has a loopback transport.
#include <thread>

#include "support.hpp"

namespace families {
namespace {

constexpr int raw = 1;  // HV_PROTOCOL_RAW
const std::string loopback = "e0e16197-dd56-4a10-9195-5ee7a155a838", wildcard = "00000000-0000-0000-0000-000000000000",
                  parent = "a42e7cda-d03f-480c-9cc2-a4de20abb878", tail = "-facb-11e6-bd58-64006a7986d3";

class hyperv : public row_test {
 protected:
  hyperv() : row_test("hyperv", SOCK_STREAM, raw) {}
  void SetUp() override {
    const auto verdict = afplug::check(afplug::registry::global().family("hyperv"), SOCK_STREAM, raw);
    if (!verdict.available()) GTEST_SKIP() << "hyperv: " << verdict.detail << ": " << verdict.remedy;
  }
  error_code refused(const std::string& text) { return ERROR_OF(address::parse(open().what(), text, _)); }
};

class hyperv_loopback : public hyperv {
 protected:
  void SetUp() override {
    hyperv::SetUp();
    if (IsSkipped()) return;
    if (const auto ec = ERROR_OF(open().bind(loopback + "/0000ffff" + tail, _)))
      GTEST_SKIP() << "hyperv: " << afplug::last_detail() << ": vsock has no loopback transport here";
  }
  static void carries(afplug::socket& client, afplug::socket& server) {
    auto accepted = server.accept();
    accepted.timeout(patience);
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

TEST_F(hyperv, has_two_guids) {
  auto s = open();
  EXPECT_EQ(s.getsockname().to_string(), wildcard + "/ffffffff" + tail);
  s.bind(wildcard + "/0000c351" + tail);
  const auto name = s.getsockname();
  EXPECT_EQ(name.to_string(), wildcard + "/0000c351" + tail);
  EXPECT_EQ(std::get<std::string>(name.field("vm_id")), wildcard);
  EXPECT_EQ(std::get<std::string>(name.field("service_id")), "0000c351" + tail);
  EXPECT_EQ(ERROR_OF(open().bind(name, _)), sys(EADDRINUSE));
}

TEST_F(hyperv, guids_may_be_in_capitals) {
  auto upper = wildcard + "/0000C352-FACB-11E6-BD58-64006A7986D3";
  EXPECT_EQ(at(upper).to_string(), wildcard + "/0000c352" + tail);
  EXPECT_EQ(at(parent + "/00000005" + tail).to_string(), parent + "/00000005" + tail);
}

TEST_F(hyperv, guids_that_vsock_cannot_say_are_refused_with_a_sentence) {
  EXPECT_EQ(refused("90db8b89-0d35-4f79-8ce9-49ea0ac8b7cd/00000005" + tail), sys(EADDRNOTAVAIL));
  EXPECT_NE(afplug::last_detail().find("HV_GUID_CHILDREN"), std::string_view::npos) << afplug::last_detail();
  EXPECT_EQ(refused("ffffffff-ffff-ffff-ffff-ffffffffffff/00000005" + tail), sys(EADDRNOTAVAIL));
  EXPECT_NE(afplug::last_detail().find("HV_GUID_BROADCAST"), std::string_view::npos) << afplug::last_detail();
  EXPECT_EQ(refused("12345678-1234-1234-1234-123456789abc/00000005" + tail), sys(EADDRNOTAVAIL));
  EXPECT_NE(afplug::last_detail().find("can't be reached from Linux"), std::string_view::npos) << afplug::last_detail();
  EXPECT_EQ(refused(loopback + "/12345678-1234-1234-1234-123456789abc"), sys(EADDRNOTAVAIL));
  EXPECT_NE(afplug::last_detail().find("no vsock port"), std::string_view::npos) << afplug::last_detail();
}

TEST_F(hyperv, text_that_is_no_guid) {
  for (const auto& text : {loopback, loopback + "/", loopback + "/5", "x" + loopback + "/00000005" + tail,
                           loopback + "/g0000005" + tail, "{" + loopback + "}/00000005" + tail})
    EXPECT_EQ(refused(text), error_code(afplug::errc::malformed_address)) << text;
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

TEST_F(hyperv_loopback, carries_data_both_ways) {
  auto server = bound(wildcard + "/0000c360" + tail);
  server.listen();
  auto client = open();
  client.connect(loopback + "/0000c360" + tail);
  EXPECT_EQ(client.getpeername().to_string(), loopback + "/0000c360" + tail);
  carries(client, server);
}

TEST_F(hyperv_loopback, talks_with_vsock) {
  auto server = bound(wildcard + "/0000c361" + tail);
  server.listen();
  afplug::socket client("vsock", SOCK_STREAM);
  client.timeout(patience);
  client.connect("local:" + std::to_string(0xc361));
  carries(client, server);
}

TEST_F(hyperv_loopback, is_talked_to_by_vsock) {
  afplug::socket server("vsock", SOCK_STREAM);
  server.timeout(patience);
  server.bind("any:" + std::to_string(0xc362));
  server.listen();
  auto client = open();
  client.connect(loopback + "/0000c362" + tail);
  carries(client, server);
}

TEST_F(hyperv_loopback, is_reset_where_nobody_listens) {
  EXPECT_EQ(ERROR_OF(open().connect(loopback + "/0000c363" + tail, _)), sys(ECONNRESET));
}

TEST(hyperv_row, defect_11_is_a_stream_of_its_one_protocol) {
  const auto& family = afplug::registry::global().family("hyperv");
  EXPECT_NE(family.find_row(SOCK_STREAM, raw), nullptr);
  EXPECT_NE(family.find_row(SOCK_STREAM, 0), nullptr) << "the default";
  EXPECT_EQ(family.find_row(SOCK_DGRAM, raw), nullptr);
  EXPECT_EQ(ERROR_OF(afplug::socket::open(family, SOCK_DGRAM, raw, _)).category(), boost::system::system_category());
}

}  // namespace
}  // namespace families
