/*
 * fault: filling in an error value. See fault.h.
 */
#include "base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fault_set(struct fault *why, enum fault_kind kind, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	why->kind = kind;
	why->error = 0;
	vsnprintf(why->text, sizeof why->text, format, args);
	va_end(args);
	return false;
}

static enum fault_kind kind_of(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return FAULT_FULL;
	case ELOOP:
	case ENOTDIR:
	case EISDIR:
		return FAULT_PERMANENT;
	default:
		return FAULT_TEMPORARY;
	}
}

bool fault_errno(struct fault *why, const char *format, ...)
{
	int error = errno;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(why->text, sizeof why->text, format, args);
	va_end(args);
	why->kind = kind_of(error);
	why->error = error;
	if (n >= 0 && (size_t)n < sizeof why->text)
		snprintf(why->text + n, sizeof why->text - (size_t)n, ": %s", strerror(error));
	return false;
}
