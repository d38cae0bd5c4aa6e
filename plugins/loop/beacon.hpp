// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The descriptor that a program polls, on which the plugin shows POLLIN and POLLOUT, each as it likes.
//
// It is one end of a connected pair of UNIX stream sockets; the plugin keeps the other. A byte sent to the outer end
// shows POLLIN. A block sent from it fills its send buffer and hides POLLOUT, until the inner end takes the block out.
// What is hidden and shown again is a new edge for EPOLLET.
#pragma once

#include <vector>

#include "descriptor.hpp"

namespace loop {

class beacon {
 public:
  /// Makes the pair, showing POLLOUT alone. Throws EMFILE, ENFILE, ENOMEM.
  void open();
  bool is_open() const noexcept { return inner_.number() >= 0; }

  /// One more outer descriptor, for a duplicate of the socket. Throws EMFILE.
  int add();
  /// Closes an outer descriptor.
  void remove(int outer) noexcept;

  int first() const noexcept { return outer_.front().number(); }

  /// `ended`: nothing will come any more (POLLRDHUP; POLLIN then holds for ever). `dead`: nor can anything be sent
  /// (POLLHUP). Both are for ever.
  void show(bool in, bool out, bool ended, bool dead) noexcept;

 private:
  void show_in(bool on) noexcept;
  void show_out(bool on) noexcept;

  descriptor inner_;
  std::vector<descriptor> outer_;  // all of one open file
  bool in_ = false, out_ = true, ended_ = false, dead_ = false;
};

}  // namespace loop
