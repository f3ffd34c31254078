/*
 * logins: see logins.h.
 */
#include "web/logins.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

static const char cookie[] = "postroom=";

struct login {
	char token[LOGINS_TOKEN + 1]; /* "": free */
	char name[LOGINS_NAME_MAX + 1];
	int64_t ends;
};

struct logins {
	struct login list[LOGINS_MAX];
};

struct logins *logins_new(void)
{
	return calloc(1, sizeof(struct logins));
}

void logins_free(struct logins *l)
{
	free(l);
}

/* A free place, or the one that would end first. */
static struct login *place(struct logins *l)
{
	struct login *best = &l->list[0];
	for (size_t i = 0; i < LOGINS_MAX; i++) {
		if (!l->list[i].token[0])
			return &l->list[i];
		if (l->list[i].ends < best->ends)
			best = &l->list[i];
	}
	return best;
}

bool logins_begin(struct logins *l, const char *name, char token[LOGINS_TOKEN + 1])
{
	unsigned char octets[LOGINS_TOKEN / 2];
	struct login *p = place(l);
	if (strlen(name) > LOGINS_NAME_MAX || getrandom(octets, sizeof octets, 0) != sizeof octets)
		return false;
	for (size_t i = 0; i < sizeof octets; i++)
		snprintf(token + 2 * i, 3, "%02x", octets[i]);
	memcpy(p->token, token, sizeof p->token);
	snprintf(p->name, sizeof p->name, "%s", name);
	p->ends = clock_ms() + LOGINS_SECONDS * 1000LL;
	return true;
}

/* All octets are compared, so that time tells nothing. */
static bool equal(const char *a, const char *b)
{
	unsigned char differ = 0;
	for (size_t i = 0; i < LOGINS_TOKEN; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return differ == 0;
}

static struct login *find(struct logins *l, const char *cookies)
{
	const char *at = cookies ? strstr(cookies, cookie) : NULL;
	if (!at || strlen(at) < strlen(cookie) + LOGINS_TOKEN)
		return NULL;
	int64_t now = clock_ms();
	struct login *found = NULL;
	for (size_t i = 0; i < LOGINS_MAX; i++) {
		struct login *p = &l->list[i];
		if (p->token[0] && p->ends <= now)
			p->token[0] = '\0';
		if (p->token[0] && equal(p->token, at + strlen(cookie)))
			found = p;
	}
	return found;
}

const char *logins_find(struct logins *l, const char *cookies)
{
	const struct login *p = find(l, cookies);
	return p ? p->name : NULL;
}

void logins_end(struct logins *l, const char *cookies)
{
	struct login *p = find(l, cookies);
	if (p)
		explicit_bzero(p, sizeof *p);
}
