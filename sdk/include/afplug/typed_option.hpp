// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Socket options with a type of their own. They are structural (Asio's level, name, data, size, resize): afplug's
// sockets and Asio's take them alike. Needs no other header.
#pragma once

#include <sys/time.h>

#include <chrono>
#include <cstddef>

namespace afplug::opt {

/// An option whose value is a plain struct or integer, as the kernel has it.
template <int Level, int Name, class T>
class plain {
 public:
  plain() noexcept : value_{} {}
  explicit plain(const T& value) noexcept : value_(value) {}
  const T& value() const noexcept { return value_; }
  T& value() noexcept { return value_; }

  /// What Asio asks of an option, and what a socket's option() takes.
  template <class P>
  int level(const P&) const noexcept {
    return Level;
  }
  template <class P>
  int name(const P&) const noexcept {
    return Name;
  }
  template <class P>
  void* data(const P&) noexcept {
    return &value_;
  }
  template <class P>
  const void* data(const P&) const noexcept {
    return &value_;
  }
  template <class P>
  std::size_t size(const P&) const noexcept {
    return sizeof value_;
  }
  template <class P>
  void resize(const P&, std::size_t) noexcept {}

 private:
  T value_;
};

/// An int.
template <int Level, int Name>
using integer = plain<Level, Name, int>;

/// A flag: an int that is 0 or 1.
template <int Level, int Name>
class boolean : public plain<Level, Name, int> {
 public:
  boolean() noexcept = default;
  explicit boolean(bool on) noexcept : plain<Level, Name, int>(on) {}
  bool value() const noexcept { return plain<Level, Name, int>::value() != 0; }
  explicit operator bool() const noexcept { return value(); }
};

/// A time span kept as a struct timeval; zero means none.
template <int Level, int Name>
class time_span : public plain<Level, Name, ::timeval> {
 public:
  time_span() noexcept = default;
  explicit time_span(std::chrono::microseconds t) noexcept
      : plain<Level, Name, ::timeval>(::timeval{t.count() / 1000000, t.count() % 1000000}) {}
  std::chrono::microseconds value() const noexcept {
    const auto& t = plain<Level, Name, ::timeval>::value();
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
  }
};

}  // namespace afplug::opt
