/*
 * log: a line an event on stderr, `level what key=value …`.
 *
 * Callers give no secrets; control characters in values become \xNN, so that no peer can write lines of
 * its own. One write(2) a line: lines of several threads and processes never mix. A line for which stderr has
 * no room at once is left out and counted: nobody waits for a reader. Thread-safe.
 */
#ifndef POSTROOM_BASE_LOG_H
#define POSTROOM_BASE_LOG_H

#include "base/slice.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What is less important than `level` is left out; LOG_LEVEL_WARNING from the start. */
void log_set_level(enum log_level level);

/* The name that stands before every line ("smtpmail: warning: …"); the text must outlive all logging. */
void log_set_program(const char *name);

/* Where stderr is systemd's journal (JOURNAL_STREAM says so), a line begins with its importance from now on, which the journal takes off (sd-daemon(3)). Whether that is so. */
bool log_to_journal(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A value that a peer chose, as one word: its blanks, too, become \xNN, so that no name and no address looks like the rest of a line. Cut where it is longer
 * than LOG_WORD_MAX. Returns `word`. */
enum { LOG_WORD_MAX = 320 };
const char *log_word(char word[LOG_WORD_MAX + 1], struct slice value);

#endif
