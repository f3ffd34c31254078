/*
 * term: termios, keys and the signals that end a program. See term.h.
 */
#include "terminal/term.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

enum { SEQUENCE_MS = 25 }; /* the octets of one key follow each other closer than this */

static struct {
	bool guarded; /* handlers are installed */
	volatile sig_atomic_t changed;
	int fd;
	struct termios found;
	struct termios active;
} term;

void term_restore(void)
{
	if (!term.changed)
		return;
	tcsetattr(term.fd, TCSADRAIN, &term.found);
	term.changed = 0;
}

/* tcsetattr() is safe in a handler (POSIX.1-2017, 2.4.3). The handler was set for one shot: the second signal ends
 * the program. */
static void on_end(int number)
{
	if (term.changed)
		tcsetattr(term.fd, TCSANOW, &term.found);
	raise(number);
}

static void on_stop(int number);

static void install(int number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

/* Stops by the signal's own default, which is nothing where no shell could continue the program. */
static void on_stop(int number)
{
	int saved = errno;
	sigset_t stop, before;

	if (term.changed)
		tcsetattr(term.fd, TCSANOW, &term.found);
	install(number, SIG_DFL, 0);
	raise(number);
	sigemptyset(&stop);
	sigaddset(&stop, number);
	pthread_sigmask(SIG_UNBLOCK, &stop, &before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	install(number, on_stop, SA_RESTART);
	if (term.changed)
		tcsetattr(term.fd, TCSANOW, &term.active);
	errno = saved;
}

/* What nohup(1) or a shell made ignored stays ignored. */
static void handle(int number, void (*handler)(int), int flags)
{
	struct sigaction now;

	if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
		install(number, handler, flags);
}

static void guard(void)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT };

	if (term.guarded)
		return;
	term.guarded = true;
	atexit(term_restore);
	for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
		handle(ending[i], on_end, (int)SA_RESETHAND);
	handle(SIGTSTP, on_stop, SA_RESTART);
}

static bool change(int fd, tcflag_t off)
{
	term_restore();
	if (tcgetattr(fd, &term.found) != 0)
		return false;
	guard();
	term.fd = fd;
	term.active = term.found;
	term.active.c_lflag &= ~off;
	if (off & ICANON) {
		term.active.c_cc[VMIN] = 1;
		term.active.c_cc[VTIME] = 0;
	}
	term.changed = 1;
	/* Not TCSAFLUSH: what was typed ahead is meant. */
	return tcsetattr(fd, TCSADRAIN, &term.active) == 0;
}

bool term_hide(int fd)
{
	return change(fd, ECHO | ECHONL);
}

bool term_keys(int fd)
{
	return change(fd, ICANON | ECHO | ECHONL);
}

static bool next_octet(int fd, int timeout_ms, unsigned char *octet)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	if (timeout_ms >= 0 && poll(&wait, 1, timeout_ms) <= 0)
		return false;
	ssize_t n;
	do
		n = read(fd, octet, 1);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

/* A character outside ASCII, or a key like an arrow (ESC [ … a letter), is one key and not several. */
static void swallow_rest(int fd, unsigned char first)
{
	unsigned char octet;
	int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;

	while (more-- > 0 && next_octet(fd, SEQUENCE_MS, &octet))
		continue;
	if (first != 0x1B || !next_octet(fd, SEQUENCE_MS, &octet) || (octet != '[' && octet != 'O'))
		return;
	while (next_octet(fd, SEQUENCE_MS, &octet) && (octet < 0x40 || octet > 0x7E))
		continue;
}

enum term_key term_read_key(int fd, char *key)
{
	unsigned char octet;

	if (!next_octet(fd, -1, &octet) || octet == term.found.c_cc[VEOF])
		return TERM_KEY_END;
	if (octet == '\n' || octet == '\r')
		return TERM_KEY_ENTER;
	swallow_rest(fd, octet);
	*key = (char)octet;
	return TERM_KEY;
}
