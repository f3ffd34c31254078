/*
 * meters: what a server counts: since it began, and within the last minute. Thread-safe; a count costs a lock that is held for moments.
 */
#ifndef POSTROOM_SERVER_METERS_H
#define POSTROOM_SERVER_METERS_H

#include <stdint.h>

enum meter {
	METER_CONNECTIONS,
	METER_REFUSED, /* connections */
	METER_MAILS,   /* that were taken */
	METER_OCTETS,  /* of them */
	METER_REFUSED_MAILS,
	METER_LOGINS,
	METER_FAILED_LOGINS,
	METERS,
};

struct meters;

/* "failed_logins" */
const char *meters_name(enum meter meter);

/* NULL: memory is out. */
struct meters *meters_new(void);
/* NULL is passed over, here and by meters_count(). */
void meters_free(struct meters *m);
void meters_count(struct meters *m, enum meter meter, uint64_t n);
void meters_read(struct meters *m, enum meter meter, uint64_t *in_all, uint64_t *last_minute);
/* Seconds since meters_new(). */
int64_t meters_uptime(const struct meters *m);

/* In place of clock_ms() (tests). */
void meters_set_clock(struct meters *m, int64_t (*now_ms)(void));

#endif
