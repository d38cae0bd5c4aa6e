// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug address: parses an address and prints its parts.
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

/// A field with its kind, since bytes (in hex) and text are both JSON strings.
json::object field_of(const address_field& field) {
  constexpr std::string_view kinds[] = {"none", "unsigned", "signed", "text", "bytes"};
  json::object out{{"name", field.name}, {"kind", kinds[field.value.index()]}, {"value", value_of(field.value)}};
  return out;
}

/// The field's value for the table: bytes are printed as text if all of them are printable ASCII.
std::string display_value(const json::object& field) {
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

int run(const common_options& common, const std::string& spec_text, const std::string& text) {
  const socket_spec spec = socket_spec::parse(spec_text);
  const json::object reply = query_family(family_id(spec.family), common, [&](const family& f) {
    const resolved_spec c = resolve(f, spec);
    error_code ec;
    const address a = address::parse(basic_protocol(f, c.type, c.protocol), text, ec);
    if (ec) throw failure(failed, error_text(ec));
    json::array fields;
    for (const auto& field : a.fields()) fields.push_back(field_of(field));
    return json::object{
        {"family", f.id()},      {"type", c.type_name()},       {"protocol", text_or_null(c.protocol_name())},
        {"text", a.to_string()}, {"fields", std::move(fields)}, {"sockaddr", hex(a.data(), a.size())},
        {"length", a.size()}};
  });
  if (common.json) {
    auto out = with_schema("address");
    for (const auto& [member, value] : reply) out[member] = value;
    print(out);
    return success;
  }
  table output({"FIELD", "VALUE"});
  output.add({{"text", colour::strong}, {text_of(reply, "text")}});
  for (const auto& field : reply.at("fields").as_array())
    output.add({{text_of(field.as_object(), "name"), colour::strong}, {display_value(field.as_object())}});
  output.add({{"sockaddr", colour::strong}, {text_of(reply, "sockaddr")}});
  output.add({{"length", colour::strong}, {text_of(reply, "length")}});
  output.print();
  return success;
}

}  // namespace

const subcommand address_command{
    "address", "Parse an address; print its canonical text, fields and bytes", "afplug address inet6 '[fe80::1%lo]:80'",
    [](CLI::App& app, const common_options& common) -> std::function<int()> {
      auto spec = std::make_shared<std::string>();
      auto text = std::make_shared<std::string>();
      app.add_option("FAMILY[:TYPE[:PROTOCOL]]", *spec, "The family, type and protocol of the address")
          ->type_name("")
          ->required();
      app.add_option("TEXT", *text, "The address")->type_name("")->required();
      return [=, &common] { return run(common, *spec, *text); };
    }};

}  // namespace afplug::command
