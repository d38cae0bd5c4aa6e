// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>

#include <linux/vm_sockets.h>
#include "family_plugin.hpp"

namespace {
using namespace family_plugin;

constexpr std::string_view wildcard = "00000000-0000-0000-0000-000000000000",
                           loopback = "e0e16197-dd56-4a10-9195-5ee7a155a838",
                           parent = "a42e7cda-d03f-480c-9cc2-a4de20abb878", tail = "-facb-11e6-bd58-64006a7986d3";

std::string vm(std::uint32_t cid, std::uint32_t port) {
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = cid;
  address.svm_port = port;
  return raw(address);
}
std::string service_id(std::string_view port) { return std::string(port) += tail; }
std::string address_text(std::string_view vm_id, std::string_view service_id) {
  return std::string(vm_id) + "/" += service_id;
}

TEST(codec_hyperv, addresses_are_vsock_addresses) {
  const codec c("hyperv", SOCK_STREAM, 1);
  struct row {
    std::string_view vm_id, port;
    std::uint32_t cid, number;
  };
  for (const auto& [vm_id, port, cid, number] : {
           row{parent, "00001388", 2, 5000},
           row{loopback, "00000000", 1, 0},
           row{wildcard, "ffffffff", 0xffffffff, 0xffffffff},
           row{wildcard, "deadbeef", 0xffffffff, 0xdeadbeef},
       }) {
    const auto text = address_text(vm_id, service_id(port));
    expect_round_trip(c, text, text);
    EXPECT_EQ(c.parse(text).bytes, vm(cid, number));
    EXPECT_EQ(c.get(vm(cid, number)), (std::vector{family_plugin::text(vm_id), family_plugin::text(service_id(port))}));
    EXPECT_EQ(c.set({family_plugin::text(vm_id), family_plugin::text(service_id(port))}).bytes, vm(cid, number));
  }
}

TEST(codec_hyperv, guids_are_read_in_any_case_and_written_in_lower_case) {
  const codec c("hyperv", SOCK_STREAM, 1);
  expect_round_trip(c, "A42E7CDA-D03F-480C-9CC2-A4DE20ABB878/0000ABCD-FACB-11E6-BD58-64006A7986D3",
                    address_text(parent, service_id("0000abcd")));
}

TEST(codec_hyperv, refuses_guids_without_vsock_equivalent) {
  const codec c("hyperv", SOCK_STREAM, 1);
  for (const auto& [guid, name] : {std::pair{"90db8b89-0d35-4f79-8ce9-49ea0ac8b7cd", "HV_GUID_CHILDREN"},
                                   {"ffffffff-ffff-ffff-ffff-ffffffffffff", "HV_GUID_BROADCAST"},
                                   {"36bd0c5c-7276-4223-88ba-7d03b654c568", "HV_GUID_SILOHOST"},
                                   {"11111111-2222-3333-4444-555555555555", "cannot be reached from Linux"}}) {
    expect_refusal(c, address_text(guid, service_id("00001388")), EADDRNOTAVAIL, name);
    expect_refusal(c, {text(guid), text(service_id("00001388"))}, EADDRNOTAVAIL, name);
  }
  expect_refusal(c, address_text(parent, wildcard), EADDRNOTAVAIL, "is not a vsock port");
  expect_refusal(c, address_text(parent, "00001388-facb-11e6-bd58-64006a7986d4"), EADDRNOTAVAIL, "is not a vsock port");
}

TEST(codec_hyperv, refuses_malformed_guids) {
  const codec c("hyperv", SOCK_STREAM, 1);
  for (const char* bad : {"", "parent", "a42e7cda-d03f-480c-9cc2-a4de20abb87", "a42e7cda-d03f-480c-9cc2-a4de20abb8788",
                          "a42e7cdad03f-480c-9cc2-a4de20abb87880", "g42e7cda-d03f-480c-9cc2-a4de20abb878",
                          "{a42e7cda-d03f-480c-9cc2-a4de20abb8}"}) {
    expect_refusal(c, address_text(bad, service_id("00001388")), EINVAL,
                   std::string("vm_id \"") + bad + "\" is not a GUID");
    expect_refusal(c, address_text(parent, bad), EINVAL, std::string("service_id \"") + bad + "\" is not a GUID");
  }
  expect_refusal(c, parent, EINVAL, "'/' is missing");
  expect_refusal(c, {text(parent)}, EINVAL, "service_id is missing");
}

TEST(codec_hyperv, refuses_vsock_addresses_without_a_guid) {
  const codec c("hyperv", SOCK_STREAM, 1);
  EXPECT_EQ(c.format(vm(3, 5000)), "errno 22");
  EXPECT_EQ(c.format(vm(0, 5000)), "errno 22");
  EXPECT_EQ(c.format(vm(0xfffffffe, 5000)), "errno 22");
  EXPECT_EQ(c.format(vm(2, 5000).substr(0, 15)), "errno 22");
}

TEST(codec_hyperv, has_no_number_and_opens_vsock_sockets) {
  const auto family = load_family("hyperv");
  EXPECT_EQ(family.number, 0);
  EXPECT_EQ(family.flags, AFPLUG_FAMILY_SECONDARY);
  const auto rows = table<afplug_row>(family.rows);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].type, SOCK_STREAM);
  EXPECT_EQ(rows[0].protocol, 1);
  EXPECT_EQ(rows[0].native_domain, AF_VSOCK);
  EXPECT_EQ(rows[0].native_type, SOCK_STREAM);
  EXPECT_EQ(rows[0].native_protocol, 0);
}

TEST(codec_hyperv, options_of_windows_fail_with_enoprotoopt) {
  int refused = 0;
  for (const auto& option : table<afplug_option>(load_family("hyperv").options)) {
    if (option.kind != AFPLUG_KIND_CALL) continue;
    ++refused;
    afplug_text out{nullptr, 0, 0};
    char buffer[200];
    afplug_text error_text{buffer, sizeof buffer, 0};
    const afplug_identity identity{"hyperv", 0x4000, SOCK_STREAM, 1, 0};
    EXPECT_EQ(option.get(0, &identity, &out, &error_text), -ENOPROTOOPT) << option.name;
    EXPECT_EQ(option.set(0, &identity, "1", 1, nullptr), -ENOPROTOOPT) << option.name;
    EXPECT_NE(std::string_view(buffer, error_text.size).find("only Windows has"), std::string_view::npos)
        << option.name;
    EXPECT_NE(std::string(option.help).find("Windows"), std::string::npos) << option.name;
  }
  EXPECT_EQ(refused, 3);
}

}  // namespace
