// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Base classes of typed socket options, getsockopt(2). They have the members that Asio requires of its
// SettableSocketOption and GettableSocketOption (level, name, data, size, resize, each a template of the protocol), so
// that afplug::socket and Asio's sockets take the same objects. Needs no other header of afplug and no library.
//
//   using nodelay = afplug::opt::boolean<IPPROTO_TCP, TCP_NODELAY>;
//   s.option(nodelay(true));
//
// A value out of the option's range, or of the range of its representation, is not stored: refusal() then states value
// and range, afplug::socket::option fails with errc::invalid_argument, and size() is 0, so that the kernel refuses the
// option with EINVAL where another library sets it.
//
// The objects are values: different objects may be used from different threads.
#pragma once

#include <sys/time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <ratio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace afplug::opt {

namespace detail {

template <class Period>
std::string unit_suffix() {
  if constexpr (std::is_same_v<Period, std::nano>) return " ns";
  if constexpr (std::is_same_v<Period, std::micro>) return " us";
  if constexpr (std::is_same_v<Period, std::milli>) return " ms";
  if constexpr (std::is_same_v<Period, std::ratio<1>>) return " s";
  if constexpr (std::is_same_v<Period, std::ratio<60>>) return " min";
  if constexpr (std::is_same_v<Period, std::ratio<3600>>) return " h";
  return " * " + std::to_string(Period::num) + '/' + std::to_string(Period::den) + " s";
}

// A duration as a count of Unit, which may be outside the range of Unit.
template <class Unit, class Rep, class Period>
constexpr long double count_of(std::chrono::duration<Rep, Period> time) noexcept {
  return std::chrono::duration<long double, typename Unit::period>(time).count();
}

}  // namespace detail

/// The level and the number of an option, as setsockopt(2) takes them, and why the value was refused.
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
  /// Why the value was refused: "-5 s is outside 0 to 2147483647 s"; empty: it was not.
  const std::string& refusal() const noexcept { return refusal_; }

 protected:
  /// Refuses the value.
  void refuse(std::string why) { refusal_ = std::move(why); }
  /// Returns whether `value` is in the range; else refuses it. `what` follows the numbers in the text.
  template <class V>
  bool accept(V value, std::int64_t least, std::int64_t most, const std::string& what = {}) {
    if (std::cmp_greater_equal(value, least) && std::cmp_less_equal(value, most)) return true;
    refuse(std::to_string(value) + what + " is outside " + std::to_string(least) + " to " + std::to_string(most) +
           what);
    return false;
  }
  /// Returns whether `time` is in the range, in `Unit`; else refuses it.
  template <class Unit, class Rep, class Period>
  bool accept_duration(std::chrono::duration<Rep, Period> time, std::int64_t least, std::int64_t most) {
    const auto count = detail::count_of<Unit>(time);
    if (count >= static_cast<long double>(least) && count <= static_cast<long double>(most)) return true;
    const auto unit = detail::unit_suffix<typename Unit::period>();
    refuse(std::to_string(time.count()) + detail::unit_suffix<Period>() + " is outside " + std::to_string(least) +
           " to " + std::to_string(most) + unit);
    return false;
  }

 private:
  std::string refusal_;
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
    return this->refusal().empty() ? sizeof value_ : 0;
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

/// An integer of type T. Takes integers of any type from `Least` to `Most`.
template <int Level, int Name, std::integral T, T Least = std::numeric_limits<T>::min(),
          T Most = std::numeric_limits<T>::max()>
class number : public plain<Level, Name, T> {
 public:
  number() noexcept = default;  ///< 0
  /// That number; refused if it is out of range.
  template <std::integral V>
  explicit number(V value) {
    // std::cmp_less and std::to_string take no character types.
    const auto wide = static_cast<std::conditional_t<std::is_signed_v<V>, std::int64_t, std::uint64_t>>(value);
    if (this->accept(wide, Least, Most)) this->value() = static_cast<T>(value);
  }
};

/// An option of type int, from `Least` to `Most`.
template <int Level, int Name, int Least = std::numeric_limits<int>::min(), int Most = std::numeric_limits<int>::max()>
using integer = number<Level, Name, int, Least, Most>;
/// An int that is not negative, such as a number of bytes.
template <int Level, int Name>
using non_negative = integer<Level, Name, 0>;

/// A flag: an int that is 0 or 1.
template <int Level, int Name>
class boolean : public plain<Level, Name, int> {
 public:
  boolean() noexcept = default;                                                  ///< off
  explicit boolean(bool on) noexcept : plain<Level, Name, int>(on) {}            ///< on or off
  bool value() const noexcept { return plain<Level, Name, int>::value() != 0; }  ///< whether it is on
  explicit operator bool() const noexcept { return value(); }                    ///< whether it is on
};

/// A duration as a struct timeval, SO_RCVTIMEO for example. Zero means no limit. Rounded up to microseconds; refused if
/// negative, or above 2^62 microseconds.
template <int Level, int Name>
class timeval_duration : public plain<Level, Name, ::timeval> {
 public:
  timeval_duration() noexcept = default;  ///< zero
  /// That duration.
  template <class Rep, class Period>
  explicit timeval_duration(std::chrono::duration<Rep, Period> time) {
    constexpr std::int64_t most = std::int64_t{1} << 62;
    if (!this->template accept_duration<std::chrono::microseconds>(time, 0, most)) return;
    const auto count = std::chrono::ceil<std::chrono::microseconds>(time).count();
    auto& to = plain<Level, Name, ::timeval>::value();
    to.tv_sec = static_cast<decltype(to.tv_sec)>(count / 1000000);
    to.tv_usec = static_cast<decltype(to.tv_usec)>(count % 1000000);
  }
  /// The duration.
  std::chrono::microseconds value() const noexcept {
    const auto& t = plain<Level, Name, ::timeval>::value();
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
  }
};

/// A duration as an int that counts `Unit` (std::chrono::seconds, milliseconds …), TCP_KEEPIDLE for example, from
/// `Least` to `Most`. Takes durations that convert to `Unit` without loss.
template <int Level, int Name, class Unit, int Least = 0, int Most = std::numeric_limits<int>::max()>
class integer_duration : public plain<Level, Name, int> {
 public:
  integer_duration() noexcept = default;  ///< zero
  /// That duration; refused if it is out of range.
  template <class Rep, class Period>
  requires std::is_convertible_v<std::chrono::duration<Rep, Period>, Unit>
  explicit integer_duration(std::chrono::duration<Rep, Period> time) {
    if (this->template accept_duration<Unit>(time, Least, Most))
      plain<Level, Name, int>::value() = static_cast<int>(Unit(time).count());
  }
  /// The duration.
  Unit value() const noexcept { return Unit(plain<Level, Name, int>::value()); }
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
  /// That text; refused if it is longer than `Capacity` - 1 bytes or has a NUL.
  explicit text(std::string_view value) {
    if (value.size() >= Capacity)
      this->refuse("a text of " + std::to_string(value.size()) + " bytes is longer than " +
                   std::to_string(Capacity - 1));
    else if (value.find('\0') != std::string_view::npos)
      this->refuse("the text has a NUL");
    else
      size_ = value.copy(chars().data(), Capacity - 1);
  }
  /// The bytes before the first NUL.
  std::string value() const {
    const auto& all = chars();
    return {all.begin(), std::find(all.begin(), all.end(), '\0')};
  }
  /// Bytes of the text; of an empty one the capacity, which is what getsockopt needs.
  template <class Protocol>
  std::size_t size(const Protocol&) const noexcept {
    return !this->refusal().empty() ? 0 : size_ != 0 ? size_ : Capacity;
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
  /// Those elements, refused if they are more than `Most`; by default `Most` value-initialized ones, as a buffer for
  /// getsockopt.
  explicit list(std::vector<T> values = std::vector<T>(Most)) : values_(std::move(values)) {
    this->accept(values_.size(), 0, Most, " elements");
  }
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
    return this->refusal().empty() ? values_.size() * sizeof(T) : 0;
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
