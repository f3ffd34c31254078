/*
 * date: the date and time of a mail's header (RFC 5322 section 3.3, and 4.3 for what older programs write). Pure.
 */
#ifndef POSTROOM_MAIL_DATE_H
#define POSTROOM_MAIL_DATE_H

#include <time.h>

#include "base/slice.h"

/* "Fri, 20 Nov 2026 12:44:05 +0530 (IST)"; the day's name, seconds, zone and comment may be missing (no zone: UTC). False: no date. */
bool date_parse(struct slice text, time_t *when);

#endif
