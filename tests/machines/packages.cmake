# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#
# GoogleTest for another machine: built from its source, which Debian's package googletest has.
include(FetchContent)
set(INSTALL_GTEST OFF)
FetchContent_Declare(GTest SOURCE_DIR /usr/src/googletest OVERRIDE_FIND_PACKAGE)
set(fmt_DIR ${CMAKE_CURRENT_LIST_DIR}/packages)
