// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// bluetooth.dll. Its tables have BTPROTO_L2CAP, which CPython's socket module lacks on Windows (python/cpython#148449),
// with a row and an address form. Wine has no AF_BTH, so that the verdict of a socket that does not open is tested too.
#include <winsock2.h>

#include <ws2bth.h>

#include "plugin_test.hpp"

namespace {

using test::expect;

constexpr char serial_port[] = "00001101-0000-1000-8000-00805f9b34fb";

void check_tables(const afplug_family& f) {
  expect(std::string_view(f.name) == "AF_BLUETOOTH", "the family's name", f.name);
  test::expect_constant(f, "AF_BLUETOOTH", 32);
  test::expect_constant(f, "AF_BTH", 32);
  test::expect_constant(f, "BTPROTO_RFCOMM", 3);
  test::expect_constant(f, "BTPROTO_L2CAP", 0x100);
  test::expect_constant(f, "BTHPROTO_L2CAP", 0x100);
  test::expect_constant(f, "SOL_RFCOMM", 3);
  test::expect_constant(f, "SOL_L2CAP", 0x100);
  test::expect_constant(f, "BDADDR_ANY", "00:00:00:00:00:00");
  test::expect_constant(f, "BDADDR_LOCAL", "00:00:00:FF:FF:FF");
  test::expect_constant(f, "BT_PORT_ANY", 0xffffffff);
  const struct {
    const char* name;
    unsigned number;
    std::uint32_t flags;
  } known[] = {
      {"SO_BTH_AUTHENTICATE", SO_BTH_AUTHENTICATE, AFPLUG_OPTION_WRITE},
      {"SO_BTH_ENCRYPT", SO_BTH_ENCRYPT, AFPLUG_OPTION_WRITE},
      {"SO_BTH_MTU", SO_BTH_MTU, AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE},
      {"SO_BTH_MTU_MAX", SO_BTH_MTU_MAX, AFPLUG_OPTION_WRITE},
      {"SO_BTH_MTU_MIN", SO_BTH_MTU_MIN, AFPLUG_OPTION_WRITE},
  };
  const auto options = test::table<afplug_option>(f.options);
  expect(options.size() == std::size(known), "the number of options", std::to_string(options.size()));
  for (std::size_t i = 0; i < std::min(options.size(), std::size(known)); ++i) {
    const auto& [name, number, flags] = known[i];
    expect(options[i].name == std::string_view(name) && options[i].level == SOL_RFCOMM &&
               options[i].number == static_cast<int>(number) && options[i].flags == flags,
           "the option " + std::string(name), options[i].name);
    test::expect_constant(f, name, static_cast<int>(number));
  }
  const auto* rfcomm = test::find_row(f, SOCK_STREAM, BTHPROTO_RFCOMM);
  const auto* l2cap = test::find_row(f, SOCK_STREAM, BTHPROTO_L2CAP);
  expect(rfcomm && (rfcomm->flags & AFPLUG_ROW_DEFAULT) != 0 && rfcomm->options == std::string_view("rfcomm"),
         "RFCOMM is listed as default, with its options");
  expect(l2cap && l2cap->protocol_name == std::string_view("BTPROTO_L2CAP"), "L2CAP is listed");
}

void check_codec(const afplug_family& f) {
  const test::protocol rfcomm(f, SOCK_STREAM, BTHPROTO_RFCOMM), l2cap(f, SOCK_STREAM, BTHPROTO_L2CAP);
  const unsigned char channel[] = {32, 0, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0, 0, 0, 0, 0, 0, 0,
                                   0,  0, 0,    0,    0,    0,    0,    0,    0, 0, 0, 5, 0, 0, 0};
  rfcomm.expect_bytes("AA:BB:CC:DD:EE:FF?channel=5", channel, "AA:BB:CC:DD:EE:FF?channel=5");
  rfcomm.expect_bytes("aa:bb:cc:dd:ee:ff?channel=0x5", channel, "AA:BB:CC:DD:EE:FF?channel=5");
  const unsigned char by_service[] = {32, 0,    0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0,    0,    1,    0x11, 0, 0, 0,
                                      0,  0x00, 0x10, 0x80, 0x00, 0x00, 0x80, 0x5f, 0x9b, 0x34, 0xfb, 0,    0, 0, 0};
  const std::string service = std::string("AA:BB:CC:DD:EE:FF?service=") + serial_port;
  rfcomm.expect_bytes(service, by_service, service);
  rfcomm.expect_text("AA:BB:CC:DD:EE:FF?service=00001101-0000-1000-8000-00805F9B34FB&channel=3",
                     std::string("AA:BB:CC:DD:EE:FF?channel=3&service=") + serial_port);
  rfcomm.expect_text("0:0:0:0:0:0", "00:00:00:00:00:00");
  rfcomm.expect_text("00:00:00:00:00:00?channel=0", "00:00:00:00:00:00");
  rfcomm.expect_text("00:00:00:00:00:00?channel=0xffffffff", "00:00:00:00:00:00?channel=any");
  l2cap.expect_text("AA:BB:CC:DD:EE:FF?psm=4097", "AA:BB:CC:DD:EE:FF?psm=0x1001");
  l2cap.expect_text("00:00:00:00:00:00?psm=any", "00:00:00:00:00:00?psm=any");
  for (const auto* each : {&rfcomm, &l2cap})
    each->expect_refused(EINVAL,
                         {"", "AA:BB:CC:DD:EE", "AA:BB:CC:DD:EE:FF:00", "AA:BB:CC:DD:EE:GG", "AA:BB:CC:DD:EE:100",
                          "AA:BB:CC:DD:EE:FF?service=", "AA:BB:CC:DD:EE:FF?service=1101", "AA:BB:CC:DD:EE:FF?cid=4"});
  rfcomm.expect_refused(EINVAL,
                        {"AA:BB:CC:DD:EE:FF?psm=1", "AA:BB:CC:DD:EE:FF?channel=", "AA:BB:CC:DD:EE:FF?channel=x"});
  rfcomm.expect_refused(ERANGE, {"AA:BB:CC:DD:EE:FF?channel=0x100000000", "AA:BB:CC:DD:EE:FF?channel=-1"});
  l2cap.expect_refused(EINVAL, {"AA:BB:CC:DD:EE:FF?channel=1"});
  const auto device = test::field("AA:BB:CC:DD:EE:FF"), none = test::field();
  rfcomm.expect_from_fields({device, none, test::field(5)}, "AA:BB:CC:DD:EE:FF?channel=5");
  l2cap.expect_from_fields({device, test::field(5)}, "AA:BB:CC:DD:EE:FF?psm=0x5");
  rfcomm.expect_from_fields({device, none, none, test::field(serial_port)}, service);
  rfcomm.expect_fields_refused(EINVAL, {device, test::field(5)});
  l2cap.expect_fields_refused(EINVAL, {device, none, test::field(5)});
  rfcomm.expect_fields_refused(EINVAL, {none, none, test::field(5)});
  rfcomm.expect_fields_refused(ERANGE, {device, none, test::field(-1)});
  rfcomm.expect_fields_refused(ERANGE, {device, none, test::field(0x100000000)});
  auto reserved_bits = std::to_array(channel), other_family = reserved_bits;
  reserved_bits[8] = 1;
  other_family[0] = 31;
  rfcomm.expect_not_formatted(reserved_bits);
  rfcomm.expect_not_formatted(other_family);
  rfcomm.expect_not_formatted(std::span(channel).first(29));
}

void check_verdict(const afplug_family& f) {
  const test::protocol rfcomm(f, SOCK_STREAM, BTHPROTO_RFCOMM), l2cap(f, SOCK_STREAM, BTHPROTO_L2CAP);
  std::string detail;
  for (const int error : {rfcomm.open_error(), WSAEAFNOSUPPORT, WSAEPROTONOSUPPORT, WSAESOCKTNOSUPPORT, EAFNOSUPPORT}) {
    const auto none = rfcomm.check(AFPLUG_UNAVAILABLE, error);
    detail = none.detail;
    expect(none.state == AFPLUG_UNAVAILABLE && none.error == error, "the host's state and error are kept",
           std::to_string(none.error));
    expect(none.reason == std::string_view("kernel-lacks-family") && detail.find("AF_BTH") != detail.npos &&
               none.remedy[0],
           "the reason without a Bluetooth stack", detail);
  }
  const auto passive = rfcomm.check(AFPLUG_UNKNOWN, 0, AFPLUG_CHECK_PASSIVE);
  expect(passive.state == AFPLUG_UNAVAILABLE && passive.detail == detail,
         "a passive check has the same result, from Winsock's catalog", passive.detail);
  expect(rfcomm.check(AFPLUG_UNAVAILABLE, WSAENOBUFS).reason[0] == '\0', "no reason is added to another error");
  const auto without_driver = l2cap.check(AFPLUG_AVAILABLE, 0);
  expect(without_driver.state == AFPLUG_AVAILABLE &&
             without_driver.reason == std::string_view("kernel-lacks-protocol") &&
             std::string_view(without_driver.detail).find("WSAENETDOWN") != std::string_view::npos,
         "L2CAP opens, but has no service without a driver", without_driver.detail);
  const auto without_adapter = rfcomm.check(AFPLUG_AVAILABLE, 0);
  expect(without_adapter.state == AFPLUG_AVAILABLE && without_adapter.reason == std::string_view("no-device"),
         "RFCOMM opens without an adapter", without_adapter.reason);
}

}  // namespace

int main(int argc, char** argv) {
  const auto* f = test::load_family(argc > 1 ? argv[1] : "bluetooth.dll", "bluetooth", AF_BTH);
  if (!f) return 1;
  check_tables(*f);
  check_codec(*f);

  WSADATA data;
  ::WSAStartup(MAKEWORD(2, 2), &data);
  const int error = test::protocol(*f, SOCK_STREAM, BTHPROTO_RFCOMM).open_error();
  expect(error == 0 || error == WSAEAFNOSUPPORT || error == WSAEPROTONOSUPPORT,
         "the socket opens, or Windows reports that it has no such family", std::to_string(error));
  if (error != 0) check_verdict(*f);
  return test::report("AF_BTH, socket " + std::to_string(error));
}
