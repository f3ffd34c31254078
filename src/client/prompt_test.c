/*
 * A password typed at a terminal is not shown, or not read.
 */
#include "client/prompt.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

/* A terminal at which somebody types, and what is printed meanwhile. */
struct desk {
	int keyboard;
	int terminal;
	FILE *out;
	char *printed;
	size_t printed_len;
	struct screen screen;
	struct prompt prompt;
	struct buf line;
};

static bool terminal_fails;

/* In place of the system's: a terminal that stays as it is. */
int tcsetattr(int fd, int when, const struct termios *wanted)
{
	int (*set)(int, int, const struct termios *);

	*(void **)&set = dlsym(RTLD_NEXT, "tcsetattr");
	if (!terminal_fails)
		return set(fd, when, wanted);
	errno = EIO;
	return -1;
}

static int setup(void **state)
{
	static struct desk d;

	d = (struct desk){ .keyboard = posix_openpt(O_RDWR | O_NOCTTY) };
	assert_true(d.keyboard >= 0 && grantpt(d.keyboard) == 0 && unlockpt(d.keyboard) == 0);
	d.terminal = open(ptsname(d.keyboard), O_RDWR | O_NOCTTY);
	assert_true(d.terminal >= 0);
	d.out = open_memstream(&d.printed, &d.printed_len);
	assert_non_null(d.out);
	screen_init(&d.screen, d.out);
	prompt_init(&d.prompt, d.terminal, &d.screen);
	buf_init(&d.line, 100);
	*state = &d;
	terminal_fails = false;
	return 0;
}

static int teardown(void **state)
{
	struct desk *d = *state;

	buf_release(&d->line);
	prompt_release(&d->prompt);
	screen_release(&d->screen);
	fclose(d->out);
	free(d->printed);
	close(d->terminal);
	close(d->keyboard);
	return 0;
}

static void type(const struct desk *d, const char *keys)
{
	assert_int_equal(write(d->keyboard, keys, strlen(keys)), strlen(keys));
}

static void printed(struct desk *d, const char *expected)
{
	screen_flush(&d->screen);
	fflush(d->out);
	assert_string_equal(d->printed, expected);
}

static bool echoes(const struct desk *d)
{
	struct termios now;

	assert_int_equal(tcgetattr(d->terminal, &now), 0);
	return (now.c_lflag & ECHO) != 0;
}

static void a_password_is_read_and_the_terminal_echoes_again(void **state)
{
	struct desk *d = *state;

	type(d, "secret\n");
	assert_int_equal(prompt_secret(&d->prompt, "Password: ", &d->line), PROMPT_OK);
	assert_true(slice_equal_text(buf_slice(&d->line), "secret"));
	assert_true(echoes(d));
	printed(d, "Password: \n");
}

static void a_terminal_that_would_show_a_password_is_not_read(void **state)
{
	struct desk *d = *state;

	type(d, "secret\n");
	terminal_fails = true;
	assert_int_equal(prompt_secret(&d->prompt, "Password: ", &d->line), PROMPT_END);
	terminal_fails = false;
	assert_int_equal(d->line.len, 0);
	printed(d, "Password: \nThis terminal would show it: nothing is read\n");
}

#define AT_A_DESK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_A_DESK(a_password_is_read_and_the_terminal_echoes_again),
		AT_A_DESK(a_terminal_that_would_show_a_password_is_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
