// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// hyperv.dll. Wine has no AF_HYPERV, so that only the error of opening a socket is tested there.
#include "plugin_test.hpp"

namespace {

using test::expect;

constexpr char parent[] = "a42e7cda-d03f-480c-9cc2-a4de20abb878";
constexpr char service[] = "00001388-facb-11e6-bd58-64006a7986d3";

void check_codec(const test::protocol& raw) {
  const std::string text = std::string(parent) + "/" + service;
  const unsigned char bytes[] = {34,   0,    0,    0,    0xda, 0x7c, 0x2e, 0xa4, 0x3f, 0xd0, 0x0c, 0x48,
                                 0x9c, 0xc2, 0xa4, 0xde, 0x20, 0xab, 0xb8, 0x78, 0x88, 0x13, 0,    0,
                                 0xcb, 0xfa, 0xe6, 0x11, 0xbd, 0x58, 0x64, 0x00, 0x6a, 0x79, 0x86, 0xd3};
  raw.expect_bytes(text, bytes, text);
  raw.expect_text("A42E7CDA-D03F-480C-9CC2-A4DE20ABB878/00001388-FACB-11E6-BD58-64006A7986D3", text);
  raw.expect_text(text + "?flags=1", text + "?flags=0x1");
  raw.expect_refused(
      EINVAL, {"", parent, std::string(parent) + "/", std::string("x/") + service, text + "0", text + "?port=1"});
  raw.expect_refused(ERANGE, {text + "?flags=65536"});
  raw.expect_from_fields({test::field(parent), test::field(service), test::field(1)}, text + "?flags=0x1");
  raw.expect_fields_refused(EINVAL, {test::field(parent)});
  raw.expect_fields_refused(ERANGE, {test::field(parent), test::field(service), test::field(65536)});
}

}  // namespace

int main(int argc, char** argv) {
  const auto* f = test::load_family(argc > 1 ? argv[1] : "hyperv.dll", "hyperv", 34);
  if (!f) return 1;
  expect(f->rows.count == 1 && f->options.count == 4 && f->constants.count >= 11, "the sizes of the tables");
  test::expect_constant(*f, "HV_PROTOCOL_RAW", 1);
  test::expect_constant(*f, "HV_GUID_PARENT", "A42E7CDA-D03F-480C-9CC2-A4DE20ABB878");
  const test::protocol raw(*f, SOCK_STREAM, 1);
  check_codec(raw);

  WSADATA data;
  ::WSAStartup(MAKEWORD(2, 2), &data);
  const int error = raw.open_error();
  expect(error == 0 || error == WSAEAFNOSUPPORT, "the socket opens, or Windows reports that it has no such family",
         std::to_string(error));
  return test::report("AF_HYPERV, socket " + std::to_string(error));
}
