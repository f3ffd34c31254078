/*
 * mail_keep: `postroom mail undelete` and `expire`: what was deleted comes back, what is too old goes. See mail.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "admin/mail.h"
#include "admin/mail_pick.h"
#include "base/clock.h"

static int take_back(struct mail_job *job, struct maildrop *m)
{
	struct fault why;
	size_t count = m->ops->count(m), n = 0;
	unsigned char *marks = calloc(count / 8 + 1, 1);
	if (!marks)
		return admin_fail(EX_OSERR, "out of memory");
	if (job->wishes->all)
		memset(marks, 0xff, count / 8 + 1);
	int status = mail_pick(m, job->words, job->count, marks);
	for (size_t i = 0; i < count; i++)
		n += store_marked(marks, i);
	if (status == EX_OK && !file_store_undelete(m, marks, &why))
		status = mail_place_fail(&why);
	if (status == EX_OK)
		printf("undeleted %zu %s\n", n, n == 1 ? "mail" : "mails");
	free(marks);
	return status;
}

int mail_undelete(struct mail_job *job)
{
	struct fault why;
	if (job->wishes->all == (job->count > 0))
		return admin_fail(EX_USAGE,
		                  "which mails? Give those that `postroom mail list --deleted` shows, or --all");
	if (!job->place.there)
		return admin_fail(EX_NOINPUT, "%s has no mail", job->place.user);
	struct maildrop *m = file_store_look_removed(job->place.store, job->place.user, &why);
	if (!m)
		return mail_place_fail(&why);
	int status = take_back(job, m);
	m->ops->close(m);
	return status == EX_OK ? admin_done() : status;
}

int mail_expire(struct mail_job *job)
{
	struct store_expiry e = { .now = clock_wall(), .age = job->limits.retain_age, .size = job->limits.retain_size };
	struct fault why;
	if (!file_store_expire(job->place.store, job->place.user, &e, &why))
		return mail_place_fail(&why);
	printf("expired %zu %s, %llu octets\n", e.removed, e.removed == 1 ? "mail" : "mails",
	       (unsigned long long)e.octets);
	return admin_done();
}
