/*
 * web: what the parts of the web process share: made by web/worker, used by the answers (api_*.c). One thread.
 */
#ifndef POSTROOM_WEB_WEB_H
#define POSTROOM_WEB_WEB_H

#include "web/catalogue.h"
#include "web/events.h"
#include "web/follow.h"
#include "web/guard.h"
#include "web/link.h"
#include "web/logins.h"
#include "web/sessions.h"
#include "web/waiters.h"

enum { WEB_DOMAIN_MAX = 255, WEB_METRICS_MAX = 60 * 1024, WEB_FAULTS_MAX = 100 };

/* What goes wrong on purpose, as it was asked for here. */
struct web_fault {
	char inbox[321];
	char text[201];
	uint64_t numbers[MESSAGE_NUMBERS_MAX]; /* as in MESSAGE_FAULT */
};

struct web {
	int root; /* the mail directory */
	const char *mailbox;
	struct catalogue *catalogue;
	struct follow *follow;
	struct http *http;
	struct guard guard;
	struct link *link;
	struct sessions *sessions;
	struct logins *logins;
	struct events *events;
	struct waiters *waiters;
	bool users; /* who looks has to log in */
	/* What the mail process said. */
	char domain[WEB_DOMAIN_MAX + 1];
	unsigned smtp_port;
	unsigned pop3_port;
	struct buf metrics;
	uint64_t lost;
	uint64_t delivered;
	uint64_t requests;
	struct web_fault faults[WEB_FAULTS_MAX];
	size_t faults_count;
};

extern const struct route web_routes[];

/* ---- answers; each is named in the table ---- */

void api_page(struct request *r);
void api_asset(struct request *r);
void api_document(struct request *r);
void api_openapi(struct request *r);
void api_status(struct request *r);
void api_inboxes(struct request *r);
void api_metrics(struct request *r);
void api_health(struct request *r);
void api_login(struct request *r);
void api_logout(struct request *r);
void api_events(struct request *r);

void api_messages(struct request *r);
void api_message(struct request *r);
void api_wait(struct request *r);
void api_source(struct request *r);
void api_html(struct request *r);
void api_attachment(struct request *r);

void api_delete_message(struct request *r);
void api_delete_messages(struct request *r);

void api_sessions(struct request *r);
void api_session(struct request *r);
void api_dialogue(struct request *r);

void api_faults(struct request *r);
void api_set_fault(struct request *r);
void api_clear_fault(struct request *r);

void mailpit_info(struct request *r);
void mailpit_messages(struct request *r);
void mailpit_search(struct request *r);
void mailpit_message(struct request *r);
void mailpit_delete(struct request *r);
void mailpit_delete_found(struct request *r);

/* ---- for several of them ---- */

/* A page that no other may put into a frame, and that loads nothing from elsewhere. */
void web_page_headers(struct request *r);

/* The query's filters, as the request's query parameters have them; strings are the request's. False: one is wrong, and it is answered. */
bool web_query(struct request *r, struct query *q);
json_t *web_mail_json(const struct catalogue_mail *mail);
/* A copy of what is known of a mail that this user may see. False: there is none. */
struct web_mail {
	char inbox[256];
	char uid[STORE_UID_MAX];
	int64_t session;
	json_t *json;
};
bool web_find_mail(struct request *r, const char *id, struct web_mail *mail);
/* The whole mail: text, attachments, headers, links, codes. Takes the reference; NULL: it cannot be read, why says it. */
json_t *web_whole_mail(struct web *w, const struct web_mail *mail, struct fault *why);

/* Appends the mail's HTML; nothing where it has none, or cannot be read. */
void web_html(struct web *w, const struct web_mail *mail, struct buf *html);

/* Opens the mail's place. NULL with why. */
struct glance *web_open_mail(const struct web *w, const struct web_mail *mail, size_t *i, struct fault *why);

/* Has these mails deleted (ids, an array) and answers when it is done. Takes the reference. */
void web_delete(struct request *r, json_t *ids);
/* The ids of all mails that a query finds. */
json_t *web_found_ids(struct web *w, const struct query *q);
/* Answers a request that waited for the mail of this id. */
void web_wait_found(struct request *r, const char *id);

#endif
