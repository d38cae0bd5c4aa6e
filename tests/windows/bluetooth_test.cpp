// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// bluetooth.dll: defect 13 of CPython's socket module, which has no BTPROTO_L2CAP on Windows, though Winsock has
// (PARITY §12, python/cpython#148449). Here it is in the tables with its row and its address form. Wine has no AF_BTH:
// that the socket is refused, and the reason, is checked too.
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
  expect(options.size() == std::size(known), "the options", std::to_string(options.size()));
  for (std::size_t i = 0; i < std::min(options.size(), std::size(known)); ++i) {
    const auto& [name, number, flags] = known[i];
    expect(options[i].name == std::string_view(name) && options[i].level == SOL_RFCOMM &&
               options[i].number == static_cast<int>(number) && options[i].flags == flags,
           "the option " + std::string(name), options[i].name);
    test::expect_constant(f, name, static_cast<int>(number));
  }
  const auto* rfcomm = test::listed(f, SOCK_STREAM, BTHPROTO_RFCOMM);
  const auto* l2cap = test::listed(f, SOCK_STREAM, BTHPROTO_L2CAP);
  expect(rfcomm && (rfcomm->flags & AFPLUG_ROW_DEFAULT) != 0 && rfcomm->options == std::string_view("rfcomm"),
         "RFCOMM is listed, with its options");
  expect(l2cap && l2cap->protocol_name == std::string_view("BTPROTO_L2CAP"), "and L2CAP is");
}

void check_codec(const afplug_family& f) {
  const test::subject rfcomm(f, SOCK_STREAM, BTHPROTO_RFCOMM), l2cap(f, SOCK_STREAM, BTHPROTO_L2CAP);
  const unsigned char channel[] = {32, 0, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0, 0, 0, 0, 0, 0, 0,
                                   0,  0, 0,    0,    0,    0,    0,    0,    0, 0, 0, 5, 0, 0, 0};
  rfcomm.means("AA:BB:CC:DD:EE:FF?channel=5", channel, "AA:BB:CC:DD:EE:FF?channel=5");
  rfcomm.means("aa:bb:cc:dd:ee:ff?channel=0x5", channel, "AA:BB:CC:DD:EE:FF?channel=5");
  const unsigned char by_service[] = {32, 0,    0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0,    0,    1,    0x11, 0, 0, 0,
                                      0,  0x00, 0x10, 0x80, 0x00, 0x00, 0x80, 0x5f, 0x9b, 0x34, 0xfb, 0,    0, 0, 0};
  const std::string service = std::string("AA:BB:CC:DD:EE:FF?service=") + serial_port;
  rfcomm.means(service, by_service, service);
  rfcomm.reads("AA:BB:CC:DD:EE:FF?service=00001101-0000-1000-8000-00805F9B34FB&channel=3",
               std::string("AA:BB:CC:DD:EE:FF?channel=3&service=") + serial_port);
  rfcomm.reads("0:0:0:0:0:0", "00:00:00:00:00:00");
  rfcomm.reads("00:00:00:00:00:00?channel=0", "00:00:00:00:00:00");
  rfcomm.reads("00:00:00:00:00:00?channel=0xffffffff", "00:00:00:00:00:00?channel=any");
  l2cap.reads("AA:BB:CC:DD:EE:FF?psm=4097", "AA:BB:CC:DD:EE:FF?psm=0x1001");
  l2cap.reads("00:00:00:00:00:00?psm=any", "00:00:00:00:00:00?psm=any");
  for (const auto* it : {&rfcomm, &l2cap})
    it->refuses(EINVAL, {"", "AA:BB:CC:DD:EE", "AA:BB:CC:DD:EE:FF:00", "AA:BB:CC:DD:EE:GG", "AA:BB:CC:DD:EE:100",
                         "AA:BB:CC:DD:EE:FF?service=", "AA:BB:CC:DD:EE:FF?service=1101", "AA:BB:CC:DD:EE:FF?cid=4"});
  rfcomm.refuses(EINVAL, {"AA:BB:CC:DD:EE:FF?psm=1", "AA:BB:CC:DD:EE:FF?channel=", "AA:BB:CC:DD:EE:FF?channel=x"});
  rfcomm.refuses(ERANGE, {"AA:BB:CC:DD:EE:FF?channel=0x100000000", "AA:BB:CC:DD:EE:FF?channel=-1"});
  l2cap.refuses(EINVAL, {"AA:BB:CC:DD:EE:FF?channel=1"});
  const auto device = test::field("AA:BB:CC:DD:EE:FF"), none = test::field();
  rfcomm.makes({device, none, test::field(5)}, "AA:BB:CC:DD:EE:FF?channel=5");
  l2cap.makes({device, test::field(5)}, "AA:BB:CC:DD:EE:FF?psm=0x5");
  rfcomm.makes({device, none, none, test::field(serial_port)}, service);
  rfcomm.refuses_fields(EINVAL, {device, test::field(5)});
  l2cap.refuses_fields(EINVAL, {device, none, test::field(5)});
  rfcomm.refuses_fields(EINVAL, {none, none, test::field(5)});
  rfcomm.refuses_fields(ERANGE, {device, none, test::field(-1)});
  rfcomm.refuses_fields(ERANGE, {device, none, test::field(0x100000000)});
  auto wide = std::to_array(channel), other = wide;
  wide[8] = 1;
  other[0] = 31;
  rfcomm.writes_no(wide);
  rfcomm.writes_no(other);
  rfcomm.writes_no(std::span(channel).first(29));
}

void check_verdict(const afplug_family& f) {
  const test::subject rfcomm(f, SOCK_STREAM, BTHPROTO_RFCOMM), l2cap(f, SOCK_STREAM, BTHPROTO_L2CAP);
  std::string why;
  for (const int error : {rfcomm.open(), WSAEAFNOSUPPORT, WSAEPROTONOSUPPORT, WSAESOCKTNOSUPPORT, EAFNOSUPPORT}) {
    const auto none = rfcomm.judged(AFPLUG_UNAVAILABLE, error);
    why = none.detail;
    expect(none.state == AFPLUG_UNAVAILABLE && none.error == error, "the finding stands", std::to_string(none.error));
    expect(none.reason == std::string_view("kernel-lacks-family") && why.find("AF_BTH") != why.npos && none.remedy[0],
           "no stack is the reason here", why);
  }
  const auto passive = rfcomm.judged(AFPLUG_UNKNOWN, 0, AFPLUG_CHECK_PASSIVE);
  expect(passive.state == AFPLUG_UNAVAILABLE && passive.detail == why, "without a socket the catalogue tells the same",
         passive.detail);
  expect(rfcomm.judged(AFPLUG_UNAVAILABLE, WSAENOBUFS).reason[0] == '\0', "another error has its own reason");
  const auto drivers = l2cap.judged(AFPLUG_AVAILABLE, 0);
  expect(drivers.state == AFPLUG_AVAILABLE && drivers.reason == std::string_view("kernel-lacks-protocol") &&
             std::string_view(drivers.detail).find("WSAENETDOWN") != std::string_view::npos,
         "L2CAP opens, and that is not all", drivers.detail);
  const auto idle = rfcomm.judged(AFPLUG_AVAILABLE, 0);
  expect(idle.state == AFPLUG_AVAILABLE && idle.reason == std::string_view("no-device"),
         "RFCOMM too, without an adapter", idle.reason);
}

}  // namespace

int main(int argc, char** argv) {
  const auto* f = test::load(argc > 1 ? argv[1] : "bluetooth.dll", "bluetooth", AF_BTH);
  if (!f) return 1;
  check_tables(*f);
  check_codec(*f);

  WSADATA data;
  ::WSAStartup(MAKEWORD(2, 2), &data);
  const int error = test::subject(*f, SOCK_STREAM, BTHPROTO_RFCOMM).open();
  expect(error == 0 || error == WSAEAFNOSUPPORT || error == WSAEPROTONOSUPPORT,
         "the socket opens, or this Windows says that it has no such family", std::to_string(error));
  if (error != 0) check_verdict(*f);
  return test::outcome("AF_BTH, socket " + std::to_string(error));
}
