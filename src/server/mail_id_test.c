/*
 * Names of mails: each given once, whoever asks.
 */
#include "server/mail_id.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 8, IDS_EACH = 5000 };

static char ids[THREADS * IDS_EACH][MAIL_ID_SIZE];

static void *take_many(void *arg)
{
	char(*own)[MAIL_ID_SIZE] = arg;
	for (size_t i = 0; i < IDS_EACH; i++)
		mail_id_next(own[i]);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void ids_differ_over_all_threads(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_many, ids + i * IDS_EACH), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	qsort(ids, THREADS * IDS_EACH, MAIL_ID_SIZE, compare);
	for (size_t i = 1; i < (size_t)THREADS * IDS_EACH; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
}

static void id_is_letters_digits_and_hyphens(void **state)
{
	(void)state;
	char id[MAIL_ID_SIZE];
	memset(id, '?', sizeof id);
	mail_id_next(id);
	size_t len = strnlen(id, sizeof id);
	assert_in_range(len, 5, MAIL_ID_SIZE - 1);
	assert_int_equal(strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"), len);
	assert_true(id[0] != '-' && id[len - 1] != '-');
}

/* A child has its parent's counter, and most often its second. */
static void ids_of_two_processes_differ(void **state)
{
	(void)state;
	char own[MAIL_ID_SIZE], childs[MAIL_ID_SIZE] = "";
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	mail_id_next(own);
	if (child == 0)
		_exit(write(pipes[1], own, sizeof own) != sizeof own);
	assert_int_equal(read(pipes[0], childs, sizeof childs), sizeof childs);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(pipes[0]);
	close(pipes[1]);
	assert_string_not_equal(own, childs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_differ_over_all_threads),
		cmocka_unit_test(id_is_letters_digits_and_hyphens),
		cmocka_unit_test(ids_of_two_processes_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
