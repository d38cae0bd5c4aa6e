// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Base classes of typed socket options, getsockopt(2). They have the members that Asio requires of its
// SettableSocketOption and GettableSocketOption (level, name, data, size, resize, each a template of the protocol), so
// that afplug::socket and Asio's sockets take the same objects. Needs no other header of afplug and no library.
//
//   using nodelay = afplug::opt::boolean<IPPROTO_TCP, TCP_NODELAY>;
//   s.option(nodelay(true));
//
// The objects are values: different objects may be used from different threads.
#pragma once

#include <sys/time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace afplug::opt {

/// The level and the number of an option, as setsockopt(2) takes them.
template <int Level, int Name>
class option_number {
 public:
  /// `Level`.
  template <class Protocol>
  int level(const Protocol&) const noexcept {
    return Level;
  }
  /// `Name`.
  template <class Protocol>
  int name(const Protocol&) const noexcept {
    return Name;
  }
};

/// An option whose value is one object of the trivially copyable type T, in the layout and byte order of the kernel.
template <int Level, int Name, class T>
class plain : public option_number<Level, Name> {
 public:
  plain() noexcept : value_{} {}                              ///< all members zero
  explicit plain(const T& value) noexcept : value_(value) {}  ///< that value
  const T& value() const noexcept { return value_; }          ///< the value
  T& value() noexcept { return value_; }                      ///< the value, to be changed

  /// The buffer for setsockopt and getsockopt.
  template <class Protocol>
  void* data(const Protocol&) noexcept {
    return &value_;
  }
  /// The buffer for setsockopt.
  template <class Protocol>
  const void* data(const Protocol&) const noexcept {
    return &value_;
  }
  /// Size of the buffer in bytes.
  template <class Protocol>
  std::size_t size(const Protocol&) const noexcept {
    return sizeof value_;
  }
  /// Called after getsockopt with the number of bytes that the system wrote. Some systems write int options as a single
  /// byte, Windows its BOOL options for example: this widens the byte.
  template <class Protocol>
  void resize(const Protocol&, std::size_t size) noexcept {
    if constexpr (std::is_integral_v<T> && sizeof(T) > 1) {
      if (size != 1) return;
      std::uint8_t byte;
      std::memcpy(&byte, &value_, 1);
      value_ = byte;
    }
  }

 private:
  T value_;
};

/// An option of type int.
template <int Level, int Name>
using integer = plain<Level, Name, int>;

/// A flag: an int that is 0 or 1.
template <int Level, int Name>
class boolean : public plain<Level, Name, int> {
 public:
  boolean() noexcept = default;                                                  ///< off
  explicit boolean(bool on) noexcept : plain<Level, Name, int>(on) {}            ///< on or off
  bool value() const noexcept { return plain<Level, Name, int>::value() != 0; }  ///< whether it is on
  explicit operator bool() const noexcept { return value(); }                    ///< whether it is on
};

/// A duration as a struct timeval, SO_RCVTIMEO for example. Zero means no limit.
template <int Level, int Name>
class timeval_duration : public plain<Level, Name, ::timeval> {
 public:
  timeval_duration() noexcept = default;  ///< zero
  /// That duration.
  explicit timeval_duration(std::chrono::microseconds t) noexcept
      : plain<Level, Name, ::timeval>(::timeval{t.count() / 1000000, t.count() % 1000000}) {}
  /// The duration.
  std::chrono::microseconds value() const noexcept {
    const auto& t = plain<Level, Name, ::timeval>::value();
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
  }
};

/// A duration as an int that counts `Unit` (std::chrono::seconds, milliseconds …), TCP_KEEPIDLE for example.
template <int Level, int Name, class Unit>
class integer_duration : public plain<Level, Name, int> {
 public:
  integer_duration() noexcept = default;  ///< zero
  /// That duration, limited to 0 and the largest int.
  explicit integer_duration(Unit time) noexcept : plain<Level, Name, int>(limited(time.count())) {}
  /// The duration.
  Unit value() const noexcept { return Unit(plain<Level, Name, int>::value()); }

 private:
  static int limited(typename Unit::rep count) noexcept {
    constexpr int most = std::numeric_limits<int>::max();
    return count < 0 ? 0 : count > most ? most : static_cast<int>(count);
  }
};

/// A struct that later kernels append members to, TCP_INFO for example. T may be longer or shorter than the kernel's.
/// Members that the kernel did not write are zero.
template <int Level, int Name, class T>
class extensible_struct : public plain<Level, Name, T> {
 public:
  /// Whether the last getsockopt wrote the whole member: info.given(&connection_info::rcv_wnd).
  template <class M>
  bool given(M T::*member) const noexcept {
    const auto& all = this->value();
    const auto* at = reinterpret_cast<const std::byte*>(&(all.*member));
    return static_cast<std::size_t>(at - reinterpret_cast<const std::byte*>(&all)) + sizeof(M) <= size_;
  }
  /// Called after getsockopt with the number of bytes that the kernel wrote.
  template <class Protocol>
  void resize(const Protocol&, std::size_t size) noexcept {
    size_ = size;
  }

 private:
  std::size_t size_ = 0;
};

/// A text of fewer than `Capacity` bytes, TCP_CONGESTION for example.
template <int Level, int Name, std::size_t Capacity>
class text : public plain<Level, Name, std::array<char, Capacity>> {
 public:
  text() noexcept = default;  ///< empty
  /// That text, cut to `Capacity` - 1 bytes.
  explicit text(std::string_view value) noexcept : size_(value.copy(chars().data(), Capacity - 1)) {}
  /// The bytes before the first NUL.
  std::string value() const {
    const auto& all = chars();
    return {all.begin(), std::find(all.begin(), all.end(), '\0')};
  }
  /// Bytes of the text; of an empty one the capacity, which is what getsockopt needs.
  template <class Protocol>
  std::size_t size(const Protocol&) const noexcept {
    return size_ != 0 ? size_ : Capacity;
  }
  /// Called after getsockopt with the number of bytes that the kernel wrote.
  template <class Protocol>
  void resize(const Protocol&, std::size_t size) noexcept {
    size_ = std::min(size, Capacity);
  }

 private:
  using base = plain<Level, Name, std::array<char, Capacity>>;
  std::array<char, Capacity>& chars() noexcept { return base::value(); }
  const std::array<char, Capacity>& chars() const noexcept { return base::value(); }
  std::size_t size_ = 0;
};

/// An array of at most `Most` elements T, CAN_RAW_FILTER for example.
template <int Level, int Name, class T, std::size_t Most>
class list : public option_number<Level, Name> {
 public:
  /// Those elements; by default `Most` value-initialized ones, as a buffer for getsockopt.
  explicit list(std::vector<T> values = std::vector<T>(Most)) : values_(std::move(values)) {}
  const std::vector<T>& value() const noexcept { return values_; }  ///< the elements

  /// The buffer for setsockopt and getsockopt.
  template <class Protocol>
  void* data(const Protocol&) noexcept {
    return values_.data();
  }
  /// The buffer for setsockopt.
  template <class Protocol>
  const void* data(const Protocol&) const noexcept {
    return values_.data();
  }
  /// Size of the buffer in bytes.
  template <class Protocol>
  std::size_t size(const Protocol&) const noexcept {
    return values_.size() * sizeof(T);
  }
  /// Called after getsockopt with the number of bytes that the kernel wrote.
  template <class Protocol>
  void resize(const Protocol&, std::size_t bytes) {
    values_.resize(bytes / sizeof(T));
  }

 private:
  std::vector<T> values_;
};

}  // namespace afplug::opt
