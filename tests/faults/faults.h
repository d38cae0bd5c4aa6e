// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Fault injection: libafplug_faults defines malloc and the C library's wrappers of system calls, and fails the n-th
// one. Link a test with it, or load it into any program with LD_PRELOAD and call these functions, from Python as
//
//     faults = ctypes.CDLL(None)
//     faults.faults_arm(FAULTS_ALLOCATION, n)
//     ... the call under test ...
//     points = faults.faults_disarm()
//
// To try every fault, increase n from 0 until faults_disarm() returns at most n: the call has no n-th point. A system
// call is one point for each way in which it may fail or return early (connect: ENOBUFS and EINTR are two points), so
// one n is one error of one call. The errors are those of the manual page that do not depend on the arguments.
//
// Counted are calls of the thread that armed, of the program and of all libraries, as far as they go through dynamic
// symbols: those inside the C library (the sockets of getaddrinfo(3)) do not, its calls of malloc do. Where a call has
// effects before it fails, the wrapper has them: close(2) closes and returns EINTR, connect(2) connects and returns
// EINTR.
//
// AFPLUG_FAULTS_TRACE=1 in the environment prints a backtrace of each injected fault to stderr.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

enum {
  FAULTS_ALLOCATION = 1,   // malloc, calloc, realloc, posix_memalign, and what calls them (operator new)
  FAULTS_SYSTEM_CALL = 2,  // socket, connect, recvmsg, poll, …: see faults.cpp
  FAULTS_PERSISTENT = 4,   // every point from the n-th on fails, not only that one
};

/// Begins counting at 0; point `n` fails. FAULTS_ALLOCATION, FAULTS_SYSTEM_CALL or both, or FAULTS_PERSISTENT with
/// them. A negative n counts only.
void faults_arm(int what, long n);
/// Ends counting. Returns how many points there were.
long faults_disarm(void);
/// Stops (0) and continues (1) counting in this thread while armed, for the code of a test itself.
void faults_count_here(int on);
/// The fault that was injected last since faults_arm, "malloc" or "connect: EINTR"; NULL: none was.
const char* faults_injected(void);
/// The process's allocations that are not freed. Compare two values; the absolute one has no meaning.
long faults_live_allocations(void);

#ifdef __cplusplus
}
#endif
