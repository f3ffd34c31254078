/*
 * people: a list of addresses as it is given to a program: `a@b, Jane Roe <j@x>, "Roe, J." <j@y>`.
 *
 * Pure; keeps slices of what it was given. Everything that could end a line or a command is refused here (RFC 5322 section
 * 2.2, RFC 5321 section 4.1.2).
 */
#ifndef POSTROOM_CLIENT_PEOPLE_H
#define POSTROOM_CLIENT_PEOPLE_H

#include "base/fault.h"
#include "base/slice.h"

enum { PEOPLE_MAX = 1000 }; /* of one list */

struct person {
	struct slice name;    /* UTF-8, without quotes; may be empty, and may hold backslashes before quotes */
	struct slice address; /* local@domain */
};

struct people {
	struct person list[PEOPLE_MAX];
	size_t count;
};

/* Adds the addresses of `typed`, which must outlive the list. False: why says which is none. */
bool people_add(struct people *p, struct slice typed, struct fault *why);

#endif
