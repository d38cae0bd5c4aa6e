# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#
# Cross compilers of Debian for the machines that tests/machines/run names; -DAFPLUG_MACHINE=NAME chooses one.
#
# name, triple, processor, dynamic linker
set(machines
  "aarch64 aarch64-linux-gnu   aarch64 ld-linux-aarch64.so.1"
  "armhf   arm-linux-gnueabihf armv7   ld-linux-armhf.so.3"
  "i386    i686-linux-gnu      i686    ld-linux.so.2"
  "s390x   s390x-linux-gnu     s390x   ld64.so.1")
list(FILTER machines INCLUDE REGEX "^${AFPLUG_MACHINE} ")
separate_arguments(machine UNIX_COMMAND "${machines}")
list(GET machine 1 triple)
list(GET machine 2 CMAKE_SYSTEM_PROCESSOR)
list(GET machine 3 dynamic_linker)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${triple}-gcc)
set(CMAKE_CXX_COMPILER ${triple}-g++)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES AFPLUG_MACHINE)
# Programs find the machine's C library without an emulator's option, so that they can also execute each other.
set(libraries /usr/${triple}/lib)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--dynamic-linker=${libraries}/${dynamic_linker} -Wl,-rpath,${libraries}")
if(AFPLUG_MACHINE MATCHES "armhf|i386")
  set(CMAKE_C_FLAGS_INIT "-D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64")
  set(CMAKE_CXX_FLAGS_INIT ${CMAKE_C_FLAGS_INIT})
endif()
