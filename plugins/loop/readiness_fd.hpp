// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The file descriptor that a program polls for a socket of this family. The plugin sets and clears POLLIN and POLLOUT
// on it independently of each other, which an eventfd can't do.
//
// It is one end of a connected pair of UNIX stream sockets; the plugin keeps the other, the control end. A byte sent by
// the control end sets POLLIN. A block sent by the polled end fills its send buffer and so clears POLLOUT, until the
// control end receives the block. Setting an event again is a new edge for EPOLLET.
#pragma once

#include <vector>

#include "unique_fd.hpp"

namespace loop {

class readiness_fd {
 public:
  /// Makes the pair, with POLLOUT set and POLLIN clear. Throws std::system_error EMFILE, ENFILE, ENOMEM.
  void open();
  bool is_open() const noexcept { return control_.get() >= 0; }

  /// Adds a descriptor of the polled end, for a duplicate of the socket. Throws std::system_error EMFILE.
  int add();
  /// Closes a descriptor of the polled end.
  void remove(int fd) noexcept;

  /// The first descriptor of the polled end.
  int get() const noexcept { return polled_.front().get(); }

  /// Sets POLLIN before there is something to receive, for which the kernel allocates memory. Returns false if it has
  /// none; the events are then as before.
  bool set_readable() noexcept;

  /// Sets the events of poll(2). POLLRDHUP, which includes POLLIN, and POLLHUP can't be cleared again.
  void update(bool pollin, bool pollout, bool pollrdhup, bool pollhup) noexcept;

 private:
  void set_pollin(bool on) noexcept;
  void set_pollout(bool on) noexcept;

  unique_fd control_;
  std::vector<unique_fd> polled_;  // duplicates of one open file description
  bool pollin_ = false, pollout_ = true, pollrdhup_ = false, pollhup_ = false;
};

}  // namespace loop
