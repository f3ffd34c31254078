/*
 * users: the users file as it stands now. Reads it (users_table.c), reads it again when it changes, finds names and checks passwords.
 *
 * A reading makes a whole new table, which then takes the old one's place; whoever is at the old one keeps it until done. Finding
 * holds a lock for moments only, never while a file is read.
 */
#include "auth/users.h"

#include "auth/inbox_name.h"
#include "auth/password.h"
#include "auth/users_salt.h"
#include "auth/users_table.h"
#include "auth/watched_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct users {
	bool any; /* there is no file, and all that follows is of no interest */
	struct watched_file watched;
	struct users_form form;
	void (*report)(const char *text);
	unsigned char salt_key[USERS_SALT_KEY];

	pthread_mutex_t reading; /* one reading at a time */
	pthread_mutex_t lock;    /* guards what follows */
	struct users_table *table;
};

/* Reading */

static void give_advice(const struct users *u, struct fault *why)
{
	const char *path = u->watched.path, *advice = why->error == ENOENT ? "create it" : "let this program read it";
	int dir = (int)(strlen(path) - strlen(u->watched.file));
	if (u->form.schemes && why->error == ENOENT)
		fault_set(why, FAULT_PERMANENT,
		          "cannot read %.100s: %s: create it, by `postroom user add NAME --dir %.*s`, or with a line "
		          "`name password` for each user",
		          path, strerror(why->error), dir < 60 ? dir : 3, dir < 60 ? path : "DIR");
	else
		fault_set(why, FAULT_PERMANENT,
		          "cannot read %.100s: %s: %s, with a line `name%cpassword` for each user", path,
		          strerror(why->error), advice, u->form.separator);
}

static void report_nobody(const struct users *u)
{
	char text[256];
	snprintf(text, sizeof text, "%.100s: there is no user in it: nobody can log in or get mail", u->watched.path);
	u->report(text);
}

static struct users_table *read_table(struct users *u, struct fault *why)
{
	size_t size;
	why->error = 0;
	char *text = watched_file_read(&u->watched, USERS_FILE_MAX, &size, why);
	if (!text) {
		if (why->error != 0 && why->kind != FAULT_TEMPORARY)
			give_advice(u, why);
		return NULL;
	}
	struct users_table *t = users_table_new(text, size, &u->form, u->watched.file, u->report);
	if (!t)
		fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: out of memory", u->watched.path);
	else if (users_table_count(t) == 0 && u->report)
		report_nobody(u);
	return t;
}

/* False with why: the old table stays. The stamp is noted as well where the file is at fault, so that it is not tried again before it
 * changes; where something is lacking for a moment, it is still to be read. */
static bool read_again(struct users *u, struct fault *why)
{
	pthread_mutex_lock(&u->reading);
	struct users_table *t = read_table(u, why);
	struct users_table *old = NULL;

	pthread_mutex_lock(&u->lock);
	if (t) {
		old = u->table;
		u->table = t;
	}
	if (t || why->kind != FAULT_TEMPORARY)
		watched_file_taken(&u->watched);
	pthread_mutex_unlock(&u->lock);

	pthread_mutex_unlock(&u->reading);
	if (old)
		users_table_release(old);
	return t != NULL;
}

/* SCRAM keys have salts of their own, which stay: to whoever asks twice, a salt that changes between is an unknown name's. */
static bool make_salts(struct users *u)
{
	char text[320];
	enum users_salt salt = users_salt_key(u->watched.dir, u->form.schemes, u->salt_key);
	int dir = (int)(strlen(u->watched.path) - strlen(u->watched.file));
	bool tells = salt == USERS_SALT_FRESH && u->form.schemes && users_table_count_of(u->table, PASSWORD_SCRAM) > 0;
	snprintf(text, sizeof text,
	         "cannot keep the key in %.*s" USERS_SALT_FILE
	         ": %s: after each start it can be told who has SCRAM keys",
	         dir < 100 ? dir : 100, u->watched.path, strerror(errno));
	if (tells && u->report)
		u->report(text);
	return salt != USERS_SALT_NONE;
}

struct users *users_open(int dir, const char *dir_name, const char *file, const struct users_form *form,
                         void (*report)(const char *text), struct fault *why)
{
	struct users *u = calloc(1, sizeof *u);
	if (!u) {
		fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: out of memory", file);
		return NULL;
	}
	pthread_mutex_init(&u->reading, NULL);
	pthread_mutex_init(&u->lock, NULL);
	u->form = *form;
	u->report = report;
	bool ok = watched_file_init(&u->watched, dir, dir_name, file, why);
	if (ok && read_again(u, why)) {
		if (make_salts(u))
			return u;
		fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: no random numbers for salts", file);
	}
	users_free(u);
	return NULL;
}

struct users *users_open_any(struct fault *why)
{
	struct users *u = calloc(1, sizeof *u);
	if (u)
		u->any = true;
	else
		fault_set(why, FAULT_TEMPORARY, "cannot start: out of memory");
	return u;
}

void users_free(struct users *u)
{
	if (!u || u->any) {
		free(u);
		return;
	}
	if (u->table)
		users_table_release(u->table);
	watched_file_release(&u->watched);
	pthread_mutex_destroy(&u->reading);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

bool users_changed(struct users *u)
{
	return !u->any && watched_file_changed(&u->watched);
}

void users_reload(struct users *u)
{
	struct fault why;
	char text[sizeof why.text + 60];
	if (u->any || read_again(u, &why) || !u->report)
		return;
	snprintf(text, sizeof text, "%s; the users read before stay", why.text);
	u->report(text);
}

/* Finding */

/* The caller gives it back with users_table_release(). */
static struct users_table *current_table(struct users *u)
{
	pthread_mutex_lock(&u->lock);
	struct users_table *t = users_table_retain(u->table);
	pthread_mutex_unlock(&u->lock);
	return t;
}

static void copy_name(char spelled[USERS_NAME_MAX + 1], struct slice name)
{
	memcpy(spelled, name.ptr, name.len);
	spelled[name.len] = '\0';
}

bool users_find(struct users *u, struct slice name, char spelled[USERS_NAME_MAX + 1])
{
	if (u->any)
		return inbox_name(name, spelled);
	struct users_table *t = current_table(u);
	struct users_entry entry;
	bool found = users_table_find(t, name, &entry);
	if (found)
		copy_name(spelled, entry.name);
	users_table_release(t);
	return found;
}

/* Checking */

bool users_all_plain(struct users *u)
{
	if (u->any)
		return false;
	struct users_table *t = current_table(u);
	bool all = users_table_count_of(t, PASSWORD_PLAIN) == users_table_count(t);
	users_table_release(t);
	return all;
}

bool users_all_scram(struct users *u)
{
	if (u->any)
		return false;
	struct users_table *t = current_table(u);
	bool all = users_table_count_of(t, PASSWORD_CRYPT) == 0;
	users_table_release(t);
	return all;
}

/* The same for a name each time, and known to nobody outside: were it a plain hash, whoever finds that names with the same remainder take as long as one
 * another, and one name does not, has found a user. */
static bool find_or_borrow(struct users *u, const struct users_table *t, struct slice name, struct users_entry *entry)
{
	return users_table_find_or_borrow(t, name, users_salt_pick(u->salt_key, name), entry);
}

/* An empty password is nobody's (RFC 4616 section 2), even where somebody has hashed one. */
enum password_verdict users_verify(struct users *u, struct slice name, struct slice password,
                                   char spelled[USERS_NAME_MAX + 1])
{
	if (u->any)
		return inbox_name(name, spelled) ? PASSWORD_RIGHT : PASSWORD_WRONG;
	struct users_table *t = current_table(u);
	struct users_entry entry;
	bool found = find_or_borrow(u, t, name, &entry);
	enum password_verdict verdict = password_verify(entry.kind, entry.secret, password);
	if (verdict == PASSWORD_RIGHT && (!found || slice_empty(password)))
		verdict = PASSWORD_WRONG;
	if (verdict == PASSWORD_RIGHT)
		copy_name(spelled, entry.name);
	users_table_release(t);
	return verdict;
}

/* In lower-case hexadecimal, as RFC 1939 section 7 has it. */
static bool apop_digest(struct slice stamp, struct slice secret, char digest[2 * 16 + 1])
{
	unsigned char md5[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 &&
	          EVP_DigestUpdate(ctx, stamp.ptr, stamp.len) == 1 &&
	          EVP_DigestUpdate(ctx, secret.ptr, secret.len) == 1 && EVP_DigestFinal_ex(ctx, md5, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	for (size_t i = 0; ok && i < 16; i++)
		snprintf(digest + 2 * i, 3, "%02x", md5[i]);
	explicit_bzero(md5, sizeof md5);
	return ok;
}

enum password_verdict users_verify_apop(struct users *u, struct slice name, struct slice stamp, struct slice digest,
                                        char spelled[USERS_NAME_MAX + 1])
{
	char expected[2 * 16 + 1] = "";
	if (u->any)
		return PASSWORD_WRONG;
	struct users_table *t = current_table(u);
	struct users_entry entry;
	bool found = find_or_borrow(u, t, name, &entry);
	bool made = apop_digest(stamp, entry.secret, expected);
	bool right = made && digest.len == strlen(expected) && CRYPTO_memcmp(digest.ptr, expected, digest.len) == 0;
	right &= found && entry.kind == PASSWORD_PLAIN;
	if (right)
		copy_name(spelled, entry.name);
	users_table_release(t);
	explicit_bzero(expected, sizeof expected);
	if (!made)
		return PASSWORD_FAULT;
	return right ? PASSWORD_RIGHT : PASSWORD_WRONG;
}

/* A secret that is not {SCRAM-SHA-256} has no salt of its own, an unknown name has none either: both get what a keyed hash makes of the name.
 * False: memory is out. */
static bool scram_entry(struct users *u, const struct users_table *t, struct slice name, struct users_entry *entry,
                        struct password_keys *keys, bool *found)
{
	unsigned char salt[PASSWORD_SALT_MAX];
	*found = find_or_borrow(u, t, name, entry);
	/* For a user, too: it takes microseconds, and those can be told apart. */
	bool made = users_salt_of(u->salt_key, name, salt, sizeof salt);
	bool has_keys = entry->kind == PASSWORD_SCRAM && password_keys_read(entry->secret, keys);
	if (!has_keys) {
		keys->iterations = PASSWORD_ITERATIONS_LEAST;
		keys->salt_len = PASSWORD_SALT;
	}
	if (!has_keys || !*found)
		memcpy(keys->salt, salt, keys->salt_len);
	return made;
}

bool users_scram_salt(struct users *u, struct slice name, struct password_keys *keys)
{
	if (u->any)
		return false;
	struct users_table *t = current_table(u);
	struct users_entry entry;
	bool found;
	bool made = scram_entry(u, t, name, &entry, keys, &found);
	users_table_release(t);
	return made;
}

enum password_verdict users_scram_keys(struct users *u, struct slice name, struct password_keys *keys,
                                       char spelled[USERS_NAME_MAX + 1])
{
	if (u->any)
		return PASSWORD_WRONG;
	struct users_table *t = current_table(u);
	struct users_entry entry;
	bool found;
	errno = 0;
	bool made = scram_entry(u, t, name, &entry, keys, &found) &&
	            (entry.kind == PASSWORD_SCRAM || password_keys_make(entry.secret, keys));
	bool lacking = !made && errno == ENOMEM;
	bool right = made && found && entry.kind != PASSWORD_CRYPT;
	if (right)
		copy_name(spelled, entry.name);
	users_table_release(t);
	if (lacking)
		return PASSWORD_FAULT;
	return right ? PASSWORD_RIGHT : PASSWORD_WRONG;
}

void users_each(struct users *u, void (*each)(void *owner, const char *name), void *owner)
{
	if (u->any)
		return;
	struct users_table *t = current_table(u);
	for (size_t i = 0; i < users_table_count(t); i++)
		each(owner, users_table_entry(t, i).name.ptr);
	users_table_release(t);
}

bool users_first(struct users *u, char spelled[USERS_NAME_MAX + 1])
{
	if (u->any)
		return false;
	struct users_table *t = current_table(u);
	bool found = users_table_count(t) > 0;
	if (found)
		copy_name(spelled, users_table_entry(t, 0).name);
	users_table_release(t);
	return found;
}
