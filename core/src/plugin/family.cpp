// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>
#include <afplug/family.hpp>

#include <algorithm>
#include <utility>

#include "family_data.hpp"

namespace afplug {

using detail::family_data;

family::family(std::unique_ptr<family_data> data) noexcept : data_(std::move(data)) {}
family::~family() = default;

std::string_view family::id() const noexcept { return data_->descriptor.id; }
int family::number() const noexcept { return data_->number; }
bool family::has_kernel_number() const noexcept { return data_->descriptor.number != 0; }
std::string_view family::name() const noexcept { return data_->descriptor.name; }
std::string_view family::help() const noexcept { return data_->descriptor.help ? data_->descriptor.help : ""; }
std::string_view family::provider() const noexcept { return data_->provider; }
std::string_view family::version() const noexcept { return data_->version; }
std::string_view family::path() const noexcept { return data_->path; }
bool family::in_user_space() const noexcept { return data_->in_user_space(); }
std::uint32_t family::flags() const noexcept { return data_->flags; }

std::span<const row> family::rows() const noexcept { return data_->rows; }
std::span<const option_info> family::options() const noexcept { return data_->options; }
std::span<const constant> family::constants() const noexcept { return data_->constants; }
std::span<const member_info> family::address_fields() const noexcept { return data_->fields; }

const row* family::find_row(socket_type type, int protocol) const noexcept {
  type = type.without_flags();
  const auto first = [this](auto fits) -> const row* {
    const auto it = std::ranges::find_if(data_->rows, fits);
    return it == data_->rows.end() ? nullptr : &*it;
  };
  if (const auto* r = first([&](const row& e) { return e.type == type && e.protocol == protocol; })) return r;
  if (protocol == 0)
    if (const auto* r = first([&](const row& e) { return e.type == type && (e.flags & AFPLUG_ROW_DEFAULT); })) return r;
  return first([&](const row& e) {
    return (e.type == AFPLUG_ANY || e.type == type) && (e.protocol == AFPLUG_ANY || e.protocol == protocol);
  });
}

native_triple family::native(socket_type type, int proto) const noexcept {
  return detail::resolve(*this, find_row(type, proto), type, proto);
}

afplug_identity family::identity(socket_type type, int proto) const noexcept {
  return {data_->descriptor.id, data_->number, type, proto, 0};
}

const void* family::extension(const char* id) const noexcept {
  if (!data_->descriptor.extension || !id) return nullptr;
  try {
    return data_->descriptor.extension(id);
  } catch (...) {
    return nullptr;  // the contract forbids exceptions
  }
}

const afplug_codec& family::codec() const noexcept { return data_->codec; }
const afplug_kernel_ops& family::kernel_ops() const noexcept { return data_->kernel_ops; }
const afplug_user_ops& family::user_ops() const noexcept { return data_->user_ops; }

namespace detail {

native_triple resolve(const family& f, const row* r, socket_type type, int proto) noexcept {
  const auto pick = [](int native, int asked) { return native == AFPLUG_ANY ? asked : native; };
  const int number = family_data::of(f).number;
  if (!r) return {number, type, proto};
  return {pick(r->native_domain, number), pick(r->native_type, type), pick(r->native_protocol, proto)};
}

}  // namespace detail
}  // namespace afplug
