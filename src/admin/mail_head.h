/*
 * mail_head: what is known of a mail by its header: sender, subject, the address that errors go to, and when it came. Pure but for the time zone.
 */
#ifndef POSTROOM_ADMIN_MAIL_HEAD_H
#define POSTROOM_ADMIN_MAIL_HEAD_H

#include <time.h>

#include "mail/summary.h"

struct mail_head {
	struct summary summary;             /* from and subject, decoded */
	char return_path[SUMMARY_TEXT_MAX]; /* "": it says <>, or nothing */
	bool has_return_path;
	bool has_received;
	bool has_when;
	time_t when; /* from the first Received, else from Date */
	struct header_parser parser;
};

void mail_head_init(struct mail_head *h);
void mail_head_release(struct mail_head *h);
/* Gives whether more is of use. */
bool mail_head_push(struct mail_head *h, const char *octets, size_t n);
void mail_head_finish(struct mail_head *h);

#endif
