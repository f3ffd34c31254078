/*
 * log: one line an event on stderr. See log.h.
 */
#include "base/log.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_OCTETS = 1024 };

static _Atomic int max_level = LOG_LEVEL_WARNING;
static const char *program = "postroom";
static bool journal;

void log_set_level(enum log_level level)
{
	atomic_store(&max_level, (int)level);
}

void log_set_program(const char *name)
{
	program = name;
}

bool log_to_journal(void)
{
	char text[64];
	struct stat own;
	const char *stream = getenv("JOURNAL_STREAM");
	if (!stream || fstat(STDERR_FILENO, &own) != 0)
		return false;
	snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)own.st_dev, (unsigned long long)own.st_ino);
	journal = strcmp(text, stream) == 0;
	return journal;
}

static size_t escape_octet(char *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

/* A peer's bytes may stand in a value: whatever could end the line or drive a terminal, C1 controls among it, is shown as \xNN. */
static size_t escape(char *out, size_t room, const char *text)
{
	size_t n = 0;
	for (; *text && n + 4 < room; text++) {
		unsigned char c = (unsigned char)*text;
		if (c >= 0x20 && c < 0x7f)
			out[n++] = (char)c;
		else
			n += escape_octet(out + n, c);
	}
	return n;
}

const char *log_word(char word[LOG_WORD_MAX + 1], struct slice value)
{
	size_t n = 0;
	for (size_t i = 0; i < value.len && n + 4 <= LOG_WORD_MAX; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if (c > 0x20 && c < 0x7f)
			word[n++] = (char)c;
		else
			n += escape_octet(word + n, c);
	}
	word[n] = '\0';
	return word;
}

/* Whoever reads stderr may be slow or stuck, and a loop must not wait for it: what there is no room for is counted. */
static void write_line(const char *line, size_t len)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static unsigned long lost;
	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
	char note[64];
	pthread_mutex_lock(&lock);
	bool writable = poll(&room, 1, 0) == 1 && (room.revents & POLLOUT);
	if (!writable)
		lost++;
	if (writable && lost > 0) {
		int n = snprintf(note, sizeof note, "%.32s: %lu lines were lost here\n", program, lost);
		lost = write(STDERR_FILENO, note, (size_t)n) == n ? 0 : lost;
	}
	ssize_t written = writable ? write(STDERR_FILENO, line, len) : 0;
	(void)written; /* there is nowhere left to report it */
	pthread_mutex_unlock(&lock);
}

static void log_line(enum log_level level, const char *format, va_list args)
{
	static const char *const names[] = { "error: ", "warning: ", "", "debug: " };
	static const char *const importance[] = { "<3>", "<4>", "<6>", "<7>" };
	char text[LINE_MAX_OCTETS];
	char line[LINE_MAX_OCTETS + 64];
	if ((int)level > atomic_load(&max_level))
		return;
	vsnprintf(text, sizeof text, format, args);
	int n = snprintf(line, 64, "%s%.32s%s%s", journal ? importance[level] : "", program, *program ? ": " : "",
	                 names[level]);
	size_t len = (size_t)n + escape(line + n, sizeof line - (size_t)n - 1, text);
	line[len++] = '\n';
	write_line(line, len);
}

#define LOG_FUNCTION(name, level)              \
	void name(const char *format, ...)     \
	{                                      \
		va_list args;                  \
		va_start(args, format);        \
		log_line(level, format, args); \
		va_end(args);                  \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
