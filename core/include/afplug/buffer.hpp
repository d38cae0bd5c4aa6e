// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Views of memory, which all data calls take. They convert from contiguous containers (std::span, std::string,
// std::vector, std::array, C arrays) and from Asio's buffers, without including Asio. Both have the layout of iovec, so
// that an array of them is passed to the system without a copy.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace afplug {

namespace detail {
template <class T>
concept sized_data = requires(T& t) {
  t.data();
  { t.size() } -> std::convertible_to<std::size_t>;
};
// size() counts bytes if data() is a void*, as of Asio's buffers; else elements.
template <class P>
inline constexpr std::size_t element_size = sizeof(std::remove_pointer_t<P>);
template <>
inline constexpr std::size_t element_size<void*> = 1;
template <>
inline constexpr std::size_t element_size<const void*> = 1;
template <class P>
concept plain_pointer = std::is_pointer_v<P> &&
    (std::is_void_v<std::remove_pointer_t<P>> || std::is_trivially_copyable_v<std::remove_pointer_t<P>>);
}  // namespace detail

/// Bytes to read from. Does not own them.
class const_bytes {
 public:
  constexpr const_bytes() noexcept = default;
  const_bytes(const void* data, std::size_t size) noexcept : data_(data), size_(size) {}
  template <class T>
  requires detail::sized_data<const T> && detail::plain_pointer<decltype(std::declval<const T&>().data())> const_bytes(
      const T& range)
  noexcept : data_(range.data()), size_(range.size() * detail::element_size<decltype(range.data())>) {}
  template <class T, std::size_t N>
  requires std::is_trivially_copyable_v<T> const_bytes(T (&array)[N])
  noexcept : data_(array), size_(sizeof array) {}
  /// Deleted, since a literal ends with a NUL that is rarely meant to be sent: use "text"sv.
  template <std::size_t N>
  const_bytes(const char (&literal)[N]) = delete;

  const void* data() const noexcept { return data_; }  ///< the first byte
  std::size_t size() const noexcept { return size_; }  ///< bytes

 private:
  const void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Bytes to write to. Does not own them.
class mutable_bytes {
 public:
  constexpr mutable_bytes() noexcept = default;
  mutable_bytes(void* data, std::size_t size) noexcept : data_(data), size_(size) {}
  template <class T>
  requires detail::sized_data<std::remove_reference_t<T>> &&
      detail::plain_pointer<decltype(std::declval<T&>().data())> &&
      (!std::is_const_v<std::remove_pointer_t<decltype(std::declval<T&>().data())>>)mutable_bytes(T&& range) noexcept
      : data_(range.data()), size_(range.size() * detail::element_size<decltype(range.data())>) {}
  template <class T, std::size_t N>
  requires std::is_trivially_copyable_v<T> &&(!std::is_const_v<T>)mutable_bytes(T (&array)[N]) noexcept
      : data_(array), size_(sizeof array) {}

  void* data() const noexcept { return data_; }        ///< the first byte
  std::size_t size() const noexcept { return size_; }  ///< bytes

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

static_assert(sizeof(const_bytes) == sizeof(::iovec) && sizeof(mutable_bytes) == sizeof(::iovec));
static_assert(offsetof(::iovec, iov_base) == 0 && offsetof(::iovec, iov_len) == sizeof(void*));

/// One buffer, or several in order. Converts from whatever converts to one buffer, and from a span of buffers, which
/// must stay valid.
template <class Bytes>
class buffers {
 public:
  buffers() noexcept = default;
  template <class T>
  requires(std::is_convertible_v<T&&, Bytes> && !std::is_convertible_v<T&&, std::span<const Bytes>>) buffers(T&& one)
  noexcept : one_(std::forward<T>(one)) {}
  template <class T>
  requires std::is_convertible_v<T&&, std::span<const Bytes>> buffers(T&& several)
  noexcept : several_(std::forward<T>(several)), single_(false) {}

  /// The buffers in order.
  std::span<const Bytes> all() const noexcept { return single_ ? std::span(&one_, 1) : several_; }

 private:
  Bytes one_;
  std::span<const Bytes> several_;
  bool single_ = true;
};

}  // namespace afplug
