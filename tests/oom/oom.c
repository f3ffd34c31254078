/*
 * oom: plays whole sessions again and again, and each time another allocation fails, or another call that makes a descriptor: once, or from there on until
 * the session is over. Nothing may crash or hang; what a server says must be right, or a refusal for now, or the connection's end; what was acknowledged is
 * there; and when nothing lacks any more everything works: docs/promises.md.
 *
 *     oom [--runs N] [--only SCENE] [--nth N] [--what memory|descriptors] [--lasting] [--verbose]
 *
 * --runs: at most so many for a scene and a kind of scarcity, at even distances; all of them without it. --nth: that one alone, and where it struck.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

enum { PROCESSES = 2, FAILURES_SHOWN = 8 };

struct options_of_all {
	unsigned runs;
	const char *only;
	unsigned nth;
	enum scarce what;
	bool lasting;
	bool verbose;
};

struct tally {
	unsigned memory, descriptors; /* that failed */
	unsigned sessions, later, closed, failures;
};

static const struct options_of_all *wanted;
static struct tally *tally; /* this process's */

static void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		abort();
	return memory;
}

static void complain(const struct stage *s, const struct scarcity *lack)
{
	if (tally->failures++ >= FAILURES_SHOWN && !wanted->verbose)
		return;
	for (char *c = run->why; *c; c++)
		*c = *c == '\n' ? '|' : *c;
	printf("FAILED: %s, %s %u%s: %s\n", s->scene->name, lack->what == SCARCE_MEMORY ? "allocation" : "descriptor",
	       lack->nth, lack->lasting ? " and all behind it" : "", run->why);
	fflush(stdout);
}

static void play_once(const struct stage *begun, const struct scarcity *lack)
{
	int status = 0;
	memset(run, 0, sizeof *run);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		struct stage s = *begun;
		s.scarcity = *lack;
		stage_run(&s);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	if (WIFSIGNALED(status))
		snprintf(run->why, sizeof run->why, WTERMSIG(status) == SIGALRM ? "hangs" : "crashed: %s",
		         strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0 && !run->why[0])
		snprintf(run->why, sizeof run->why, "ended with status %d", WEXITSTATUS(status));
	if (run->why[0])
		complain(begun, lack);
	tally->sessions += run->sessions;
	tally->later += run->later;
	tally->closed += run->closed;
	if (run->struck)
		*(lack->what == SCARCE_MEMORY ? &tally->memory : &tally->descriptors) += 1;
}

/* From the first to the last that is asked for. */
static void play_all(const struct stage *s, enum scarce what, bool lasting, unsigned share)
{
	struct scarcity lack = { .what = what, .nth = ~0u, .lasting = lasting };
	play_once(s, &lack);
	unsigned asked = run->asked;
	unsigned step = wanted->runs > 0 && asked > wanted->runs ? asked / wanted->runs : 1;
	if (wanted->verbose && share == 0)
		printf("%s: asks for %u %s\n", s->scene->name, asked,
		       what == SCARCE_MEMORY ? "allocations" : "descriptors");
	unsigned missed = 0;
	for (lack.nth = 1 + share * step; missed < 2; lack.nth += PROCESSES * step) {
		play_once(s, &lack);
		missed = run->struck || run->why[0] ? 0 : missed + 1;
	}
}

static void play_scene(const struct scene *scene, struct tls_suite *tls, unsigned share)
{
	struct stage plain = { .scene = scene, .tls = tls };
	struct stage *s = scene->client ? stage_client_begin(scene, tls) : &plain;
	if (wanted->nth > 0) {
		struct scarcity lack = {
			.what = wanted->what, .nth = wanted->nth, .lasting = wanted->lasting, .shown = true
		};
		if (share == 0)
			play_once(s, &lack);
	} else {
		for (int lasting = 0; lasting < 2; lasting++) {
			play_all(s, SCARCE_MEMORY, lasting, share);
			play_all(s, SCARCE_DESCRIPTORS, lasting, share);
		}
	}
	if (scene->client)
		stage_client_end(s);
}

static void play_scenes(const struct scene *scenes, size_t count, struct tls_suite *tls, unsigned share)
{
	for (size_t i = 0; i < count; i++) {
		if (!wanted->only || strcmp(wanted->only, scenes[i].name) == 0)
			play_scene(&scenes[i], tls, share);
	}
}

static void read_options(struct options_of_all *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "runs", required_argument, NULL, 'r' },
		{ "only", required_argument, NULL, 'o' },
		{ "nth", required_argument, NULL, 'n' },
		{ "what", required_argument, NULL, 'w' },
		{ "lasting", no_argument, NULL, 'l' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'r')
			o->runs = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'o')
			o->only = optarg;
		else if (option == 'n')
			o->nth = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'w')
			o->what = strcmp(optarg, "descriptors") == 0 ? SCARCE_DESCRIPTORS : SCARCE_MEMORY;
		else if (option == 'l')
			o->lasting = true;
		else if (option == 'v')
			o->verbose = true;
		else
			exit(2);
	}
}

static int report(const struct tally *tallies)
{
	struct tally all = { 0 };
	for (int i = 0; i < PROCESSES; i++) {
		all.memory += tallies[i].memory;
		all.descriptors += tallies[i].descriptors;
		all.sessions += tallies[i].sessions;
		all.later += tallies[i].later;
		all.closed += tallies[i].closed;
		all.failures += tallies[i].failures;
	}
	printf("%zu scenes: %u allocations and %u descriptors failed, in %u sessions (%u of them refused something for "
	       "now, %u were "
	       "closed)\n",
	       stage_server_scenes_count + stage_client_scenes_count, all.memory, all.descriptors, all.sessions,
	       all.later, all.closed);
	printf("%u promises broken\n", all.failures);
	return all.failures > 0;
}

int main(int argc, char **argv)
{
	struct options_of_all o = { .what = SCARCE_MEMORY };
	struct tls_suite tls;
	struct tally *tallies = shared(PROCESSES * sizeof *tallies);
	read_options(&o, argc, argv);
	wanted = &o;
	tls_suite_init(&tls);
	for (unsigned i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			run = shared(sizeof *run);
			tally = &tallies[i];
			play_scenes(stage_server_scenes, stage_server_scenes_count, &tls, i);
			play_scenes(stage_client_scenes, stage_client_scenes_count, &tls, i);
			_exit(0);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		wait(&status);
		tallies[i].failures += status != 0;
	}
	tls_suite_release(&tls);
	return report(tallies);
}
