// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// hyperv.dll. Run under Wine, which has no AF_HYPERV: that the socket itself is refused, and how, is checked too.
#include "plugin_test.hpp"

namespace {

using test::expect;

constexpr char parent[] = "a42e7cda-d03f-480c-9cc2-a4de20abb878";
constexpr char service[] = "00001388-facb-11e6-bd58-64006a7986d3";

void check_codec(const test::subject& it) {
  const std::string text = std::string(parent) + "/" + service;
  const unsigned char bytes[] = {34,   0,    0,    0,    0xda, 0x7c, 0x2e, 0xa4, 0x3f, 0xd0, 0x0c, 0x48,
                                 0x9c, 0xc2, 0xa4, 0xde, 0x20, 0xab, 0xb8, 0x78, 0x88, 0x13, 0,    0,
                                 0xcb, 0xfa, 0xe6, 0x11, 0xbd, 0x58, 0x64, 0x00, 0x6a, 0x79, 0x86, 0xd3};
  it.means(text, bytes, text);
  it.reads("A42E7CDA-D03F-480C-9CC2-A4DE20ABB878/00001388-FACB-11E6-BD58-64006A7986D3", text);
  it.reads(text + "?flags=1", text + "?flags=0x1");
  it.refuses(EINVAL,
             {"", parent, std::string(parent) + "/", std::string("x/") + service, text + "0", text + "?port=1"});
  it.refuses(ERANGE, {text + "?flags=65536"});
  it.makes({test::field(parent), test::field(service), test::field(1)}, text + "?flags=0x1");
  it.refuses_fields(EINVAL, {test::field(parent)});
  it.refuses_fields(ERANGE, {test::field(parent), test::field(service), test::field(65536)});
}

}  // namespace

int main(int argc, char** argv) {
  const auto* f = test::load(argc > 1 ? argv[1] : "hyperv.dll", "hyperv", 34);
  if (!f) return 1;
  expect(f->rows.count == 1 && f->options.count == 4 && f->constants.count >= 11, "with its tables");
  test::expect_constant(*f, "HV_PROTOCOL_RAW", 1);
  test::expect_constant(*f, "HV_GUID_PARENT", "A42E7CDA-D03F-480C-9CC2-A4DE20ABB878");
  const test::subject it(*f, SOCK_STREAM, 1);
  check_codec(it);

  WSADATA data;
  ::WSAStartup(MAKEWORD(2, 2), &data);
  const int error = it.open();
  expect(error == 0 || error == WSAEAFNOSUPPORT, "the socket opens, or this Windows says that it has no such family",
         std::to_string(error));
  return test::outcome("AF_HYPERV, socket " + std::to_string(error));
}
