// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug address: an address taken apart.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <afplug/address.hpp>
#include <memory>

#include "command.hpp"
#include "report.hpp"

namespace afplug::command {
namespace {

json::value value_of(const field_value& v) {
  struct {
    json::value operator()(std::monostate) const { return nullptr; }
    json::value operator()(std::uint64_t n) const { return n; }
    json::value operator()(std::int64_t n) const { return n; }
    json::value operator()(const std::string& text) const { return json::string(text); }
    json::value operator()(const std::vector<std::byte>& bytes) const {
      return json::string(hex(bytes.data(), bytes.size()));
    }
  } const to_json;
  return std::visit(to_json, v);
}

/// A field's value; its kind tells bytes (hex) from text.
json::object field_of(const address_field& field) {
  constexpr std::string_view kinds[] = {"none", "unsigned", "signed", "text", "bytes"};
  json::object out{{"name", field.name}, {"kind", kinds[field.value.index()]}, {"value", value_of(field.value)}};
  return out;
}

/// Bytes that all print are easier read as text.
std::string shown_value(const json::object& field) {
  std::string value = text_of(field, "value");
  if (text_of(field, "kind") != "bytes") return value;
  std::string text;
  for (std::size_t i = 0; i + 1 < value.size(); i += 2) {
    const int c = std::stoi(value.substr(i, 2), nullptr, 16);
    if (c <= ' ' || c > '~') return value;
    text += static_cast<char>(c);
  }
  return text;
}

int run(const common& all, const std::string& what, const std::string& text) {
  const spelling asked = spelling::of(what);
  const json::object answer = ask(family_id(asked.family), all, [&](const family& f) {
    const choice c = choose(f, asked);
    error_code ec;
    const address a = address::parse(basic_protocol(f, c.type, c.protocol), text, ec);
    if (ec) throw failure(negative, last_detail().empty() ? ec.message() : std::string(last_detail()));
    json::array fields;
    for (const auto& field : a.fields()) fields.push_back(field_of(field));
    return json::object{
        {"family", f.id()},      {"type", c.type_name()},       {"protocol", text_or_null(c.protocol_name())},
        {"text", a.to_string()}, {"fields", std::move(fields)}, {"sockaddr", hex(a.data(), a.size())},
        {"length", a.size()}};
  });
  if (all.json) {
    auto out = with_schema("address");
    for (const auto& [member, value] : answer) out[member] = value;
    print(out);
    return success;
  }
  table shown({"FIELD", "VALUE"});
  shown.add({{"text", colour::strong}, {text_of(answer, "text")}});
  for (const auto& field : answer.at("fields").as_array())
    shown.add({{text_of(field.as_object(), "name"), colour::strong}, {shown_value(field.as_object())}});
  shown.add({{"sockaddr", colour::strong}, {text_of(answer, "sockaddr")}});
  shown.add({{"length", colour::strong}, {text_of(answer, "length")}});
  shown.print();
  return success;
}

}  // namespace

const subcommand address_text{
    "address", "Take an address apart: its canonical text, fields and bytes", "afplug address inet6 '[fe80::1%lo]:80'",
    [](CLI::App& app, const common& all) -> std::function<int()> {
      auto what = std::make_shared<std::string>();
      auto text = std::make_shared<std::string>();
      app.add_option("FAMILY[:TYPE[:PROTOCOL]]", *what, "Whose address it is")->type_name("")->required();
      app.add_option("TEXT", *text, "The address")->type_name("")->required();
      return [=, &all] { return run(all, *what, *text); };
    }};

}  // namespace afplug::command
