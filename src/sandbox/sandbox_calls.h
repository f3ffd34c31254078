/*
 * sandbox_calls: which system calls each kind of thread may make, with which arguments: a table, and nothing else.
 */
#ifndef POSTROOM_SANDBOX_SANDBOX_CALLS_H
#define POSTROOM_SANDBOX_SANDBOX_CALLS_H

#include <seccomp.h>

#include "sandbox/sandbox.h"

/* Adds the kind's calls to a libseccomp filter. False: memory is out. */
bool sandbox_allow_calls(scmp_filter_ctx context, enum sandbox_thread kind);

#endif
