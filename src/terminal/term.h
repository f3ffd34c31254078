/*
 * term: the keyboard's terminal, and its promise to leave it as it was found.
 *
 * A process has one controlling terminal, and signal handlers must reach it: this is the only file of the client with
 * a static state. What is changed is restored by term_restore(), at exit, and when a signal ends or stops the
 * program.
 */
#ifndef POSTROOM_TERMINAL_TERM_H
#define POSTROOM_TERMINAL_TERM_H

#include <stdbool.h>

/* What is typed is not shown; lines as usual. False: fd is no terminal. */
bool term_hide(int fd);
/* Each key at once, not shown; Ctrl-C still interrupts. */
bool term_keys(int fd);
/* As it was found. What was typed ahead stays. */
void term_restore(void);

enum term_key {
	TERM_KEY, /* *key is what was pressed; of a key that sends several octets the first */
	TERM_KEY_ENTER,
	TERM_KEY_END, /* Ctrl-D, or the terminal is gone */
};

/* Waits for a key; to be called between term_keys() and term_restore(). */
enum term_key term_read_key(int fd, char *key);

#endif
