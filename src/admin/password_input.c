/*
 * password_input: see password_input.h. The terminal is OpenSSL's work: it hides what is typed, and is set right again after a signal.
 */
#include "admin/password_input.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ui.h>

#include "base/file.h"

/* UI_process() says -2 of an interruption. */
static bool ask_with(UI *ui, const char *question, char *word, char *again, struct fault *why)
{
	if (!ui || UI_add_input_string(ui, question, 0, word, 0, PASSWORD_INPUT_MAX) < 0 ||
	    UI_add_input_string(ui, "The same again: ", 0, again, 0, PASSWORD_INPUT_MAX) < 0)
		return fault_set(why, FAULT_TEMPORARY, "out of memory");
	int failed = UI_process(ui);
	if (failed)
		return fault_set(why, FAULT_PERMANENT, "%s: nothing was changed",
		                 failed == -2 ? "interrupted" : "no password was typed");
	/* Its own way of asking twice has its own words for what went wrong. */
	return strcmp(word, again) == 0 ||
	       fault_set(why, FAULT_PERMANENT, "that was not the same twice: nothing was changed");
}

static bool ask_twice(const char *user, struct buf *password, struct fault *why)
{
	char word[PASSWORD_INPUT_MAX + 1] = "", again[PASSWORD_INPUT_MAX + 1] = "", question[128];
	snprintf(question, sizeof question, "Password for %.80s: ", user);
	UI *ui = UI_new();
	bool ok = ask_with(ui, question, word, again, why) && buf_append_text(password, word);
	UI_free(ui);
	ERR_clear_error();
	explicit_bzero(word, sizeof word);
	explicit_bzero(again, sizeof again);
	return ok;
}

static bool read_line(int fd, const char *name, struct buf *password, struct fault *why)
{
	char octet;
	ssize_t n;
	/* Octet by octet: what stands behind the line is not for us. */
	while ((n = read(fd, &octet, 1)) == 1 && octet != '\n') {
		if (password->len == PASSWORD_INPUT_MAX)
			return fault_set(why, FAULT_PERMANENT, "%s: a password has at most %d octets", name,
			                 PASSWORD_INPUT_MAX);
		buf_append_char(password, octet);
	}
	if (n < 0)
		return fault_errno(why, "cannot read a password from %s", name);
	if (password->len > 0 && password->data[password->len - 1] == '\r')
		password->len--;
	return true;
}

static bool read_file(const char *file, struct buf *password, struct fault *why)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fault_errno(why, "cannot read a password from %s", file);
	bool ok = read_line(fd, file, password, why);
	file_close(fd);
	return ok;
}

bool password_input(const char *user, const char *file, struct buf *password, struct fault *why)
{
	bool ok;
	/* Reserved at once, so that no growing buffer leaves a copy behind. */
	if (!buf_reserve(password, PASSWORD_INPUT_MAX))
		return fault_set(why, FAULT_TEMPORARY, "out of memory");
	if (file && strcmp(file, "-") != 0)
		ok = read_file(file, password, why);
	else if (file || !isatty(STDIN_FILENO))
		ok = read_line(STDIN_FILENO, "stdin", password, why);
	else
		ok = ask_twice(user, password, why);
	if (ok && password->len == 0)
		return fault_set(why, FAULT_PERMANENT, "an empty password is none: nothing was changed");
	return ok;
}
