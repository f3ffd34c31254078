/*
 * mail_id: time, process and a counter. See mail_id.h.
 *
 * Two processes with one number differ in time, two mails of one process in the counter, even if the clock is set back.
 */
#include "server/mail_id.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

/* Appends a number in base 36 and returns its end. */
static char *put(char *to, uint64_t number)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char reversed[16];
	size_t n = 0;
	do {
		reversed[n++] = digits[number % 36];
	} while ((number /= 36) > 0);
	while (n > 0)
		*to++ = reversed[--n];
	return to;
}

void mail_id_next(char id[MAIL_ID_SIZE])
{
	static atomic_uint counter;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	char *end = put(id, (uint64_t)now.tv_sec);
	*end++ = '-';
	end = put(end, (uint64_t)getpid());
	*end++ = '-';
	end = put(end, atomic_fetch_add(&counter, 1));
	*end = '\0';
}
