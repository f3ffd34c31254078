/*
 * crash: does each workload again and again on a disk in memory, and has something go wrong at every point of it: the process is killed before and after
 * each system call, each call fails in every way it can, the power is cut after every change with any part of what was not synced lost, and once more
 * while what was found is being put right. After each the mailbox must hold what was promised: docs/promises.md.
 *
 *     crash [--states N] [--seed N] [--only WORKLOAD] [--forget-sync NAME] [--verbose]
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "power.h"
#include "work.h"

enum { WHY_MAX = 300, PROCESSES = 2, PRUNE = 12 };

static const struct workload workloads[] = {
#include "workloads.inc"
};
enum { WORKLOADS = sizeof workloads / sizeof workloads[0] };

struct options {
	uint64_t states; /* to be reached, over all workloads */
	uint64_t seed;
	const char *only;
	const char *
	        forget; /* the name of a file or directory whose syncs are left out, to see that it is noticed; NULL: none */
	bool verbose;
};

/* What a process has counted. */
struct tally {
	uint64_t kills, faults, states, distinct, nested;
	uint64_t failures;
	char first[2000];
};

/* The disks of one process. */
struct bench {
	struct disk *start;    /* all on the platter, before the workload */
	struct disk *work;     /* … and what became of it, with its changes recorded */
	struct disk *found;    /* after the trouble */
	struct disk *again;    /* after trouble while the first was put right */
	struct ledger *ledger; /* of the run under way */
	struct ledger *start_ledger;
	struct tally *tally;
	const struct options *options;
	const struct workload *workload;
	uint64_t random;
	uint64_t *seen; /* digests */
	size_t seen_mask;
};

static uint64_t next_random(struct bench *b)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random;
}

/* True: it was not there yet. */
static bool add_seen(struct bench *b, uint64_t digest)
{
	for (size_t i = digest & b->seen_mask;; i = (i + 1) & b->seen_mask) {
		if (b->seen[i] == digest)
			return false;
		if (b->seen[i] == 0) {
			b->seen[i] = digest;
			return true;
		}
	}
}

static void fail(struct bench *b, const char *what, const char *why)
{
	struct tally *t = b->tally;
	if (t->failures++ == 0)
		snprintf(t->first, sizeof t->first, "%s, %s: %s", b->workload->name, what, why);
	if (b->options->verbose)
		printf("%s, %s: %s\n", b->workload->name, what, why);
}

/* Does the script in a process of its own. False: it was killed, as planned. */
static bool run(struct bench *b, const char *script, struct disk *d)
{
	int status;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		disk_use(d);
		work_run(script, b->ledger, d);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
	    (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != DISK_KILLED)) {
		fail(b, "the run", "the program crashed by itself");
		return false;
	}
	return WEXITSTATUS(status) == 0;
}

/* Looks at what is there, in a process of its own. */
static void check_apart(struct bench *b, struct disk *d, unsigned at, const char *what)
{
	char why[WHY_MAX] = "the check crashed";
	int pipes[2];
	if (pipe(pipes) != 0)
		disk_fatal("no pipe");
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		bool good = work_check(b->ledger, at, d, true, why, sizeof why);
		ssize_t n = write(pipes[1], good ? "" : why, strlen(good ? "" : why) + 1);
		_exit(n < 0);
	}
	close(pipes[1]);
	ssize_t n = read(pipes[0], why, sizeof why - 1);
	close(pipes[0]);
	waitpid(child, NULL, 0);
	if (n != 1 || why[0])
		fail(b, what, why);
}

/* ---- the beginning ---- */

static void prepare(struct bench *b, const struct workload *w)
{
	b->workload = w;
	disk_format(b->start);
	memset(b->ledger, 0, sizeof *b->ledger);
	run(b, w->before, b->start);
	disk_abandon(b->start, false);
	/* What was promised is on the disk from now on, and from change 0. */
	for (size_t i = 0; i < b->ledger->count; i++) {
		struct work_mail *m = &b->ledger->mails[i];
		m->begun_at = 0;
		m->acked_at = m->acked_at == WORK_NEVER ? WORK_NEVER : 0;
		m->asked_at = m->asked_at == WORK_NEVER ? WORK_NEVER : 0;
		m->removed_at = m->removed_at == WORK_NEVER ? WORK_NEVER : 0;
		m->told_at = m->told_at == WORK_NEVER ? WORK_NEVER : 0;
	}
	memcpy(b->start_ledger, b->ledger, sizeof *b->ledger);
}

/* The run with this trouble on its way; true: it ended by itself. */
static bool run_planned(struct bench *b, struct disk_plan plan)
{
	memcpy(b->ledger, b->start_ledger, sizeof *b->ledger);
	disk_copy(b->work, b->start);
	disk_record(b->work, true);
	b->work->plan = plan;
	return run(b, b->workload->run, b->work);
}

/* ---- killed, and calls that fail ---- */

static void kill_everywhere(struct bench *b, unsigned calls)
{
	char what[80];
	for (unsigned call = 1; call <= calls; call++) {
		for (int after = 0; after < 2; after++) {
			run_planned(b, (struct disk_plan){ .kill_before = after ? 0 : call,
			                                   .kill_after = after ? call : 0 });
			snprintf(what, sizeof what, "killed %s call %u", after ? "after" : "before", call);
			disk_copy(b->found, b->work);
			disk_abandon(b->found, false);
			check_apart(b, b->found, (unsigned)b->work->ops_count, what);
			b->tally->kills++;
		}
	}
}

/* How calls of a kind can fail; an error of 0 is a part, see disk_plan. */
static const struct trouble {
	enum disk_call kind;
	int error;
	unsigned part;
} troubles[] = {
	{ CALL_OPEN, EIO, 0 },       { CALL_OPEN, EMFILE, 0 }, { CALL_OPEN, ENOSPC, 0 },  { CALL_OPEN, EINTR, 0 },
	{ CALL_STAT, EIO, 0 },       { CALL_READ, EIO, 0 },    { CALL_READ, EINTR, 0 },   { CALL_READ, 0, 1 },
	{ CALL_READ, 0, 2 },         { CALL_WRITE, EIO, 0 },   { CALL_WRITE, ENOSPC, 0 }, { CALL_WRITE, EINTR, 0 },
	{ CALL_WRITE, 0, 1 },        { CALL_WRITE, 0, 2 },     { CALL_COPY, EIO, 0 },     { CALL_COPY, ENOSPC, 0 },
	{ CALL_COPY, EINTR, 0 },     { CALL_COPY, 0, 1 },      { CALL_COPY, 0, 2 },       { CALL_TRUNCATE, EIO, 0 },
	{ CALL_TRUNCATE, EINTR, 0 }, { CALL_SYNC, EIO, 0 },    { CALL_SYNC, ENOSPC, 0 },  { CALL_SYNC, EINTR, 0 },
	{ CALL_NAME, EIO, 0 },       { CALL_NAME, ENOSPC, 0 }, { CALL_LOCK, EINTR, 0 },   { CALL_LOCK, ENOLCK, 0 },
};

static void fail_one(struct bench *b, unsigned call, const struct trouble *t, bool sticky)
{
	char what[120];
	if (sticky && t->error == EINTR)
		return;
	run_planned(b, (struct disk_plan){ .fail_at = call, .error = t->error, .part = t->part, .sticky = sticky });
	snprintf(what, sizeof what, "call %u %s%s%s", call, t->error ? "fails with " : "does a part",
	         t->error ? strerrorname_np(t->error) : "", sticky ? ", and all later ones" : "");
	disk_copy(b->found, b->work);
	disk_abandon(b->found, false);
	check_apart(b, b->found, (unsigned)b->work->ops_count, what);
	b->tally->faults++;
}

static void fail_everywhere(struct bench *b, unsigned calls, const unsigned char *kinds)
{
	for (unsigned call = 1; call <= calls; call++) {
		for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++) {
			if (troubles[i].kind != kinds[call])
				continue;
			fail_one(b, call, &troubles[i], false);
			fail_one(b, call, &troubles[i], true);
		}
	}
}

/* ---- the power is cut ---- */

struct fates {
	unsigned char fates[POWER_PENDING_MAX];
	uint32_t cuts[POWER_PENDING_MAX];
};

static void draw_fates(struct bench *b, const struct power_cut *c, struct fates *f)
{
	unsigned mode = (unsigned)(next_random(b) % 4);
	for (size_t i = 0; i < c->pending_count; i++) {
		const struct disk_op *op = &c->after->ops[c->pending[i]];
		uint64_t r = next_random(b);
		bool torn = op->what == DISK_WRITE && op->len > 1 && mode != 0;
		f->fates[i] = (unsigned char)(torn ? r % FATE_KINDS : r % 2);
		f->cuts[i] = op->len > 1 ? (uint32_t)(1 + (r >> 8) % (op->len - 1)) : 0;
	}
}

/* All that is lost and all that is done, in every combination, where there are few. */
static void spell_fates(const struct power_cut *c, uint64_t number, struct fates *f)
{
	for (size_t i = 0; i < c->pending_count; i++)
		f->fates[i] = number >> i & 1 ? FATE_DONE : FATE_LOST;
}

static void describe(const struct power_cut *c, const struct fates *f, char *text, size_t size)
{
	int n = snprintf(text, size, "power cut after change %u:", c->at);
	for (size_t i = 0; i < c->pending_count && n > 0 && (size_t)n < size; i++)
		n += snprintf(text + n, size - (size_t)n, " %zu=%c%u", c->pending[i], "-+zfl"[f->fates[i]],
		              f -> cuts[i]);
}

static bool check_here(struct bench *b, struct disk *d, unsigned at, const char *what, bool thorough)
{
	char why[WHY_MAX];
	if (work_check(b->ledger, at, d, thorough, why, sizeof why))
		return true;
	fail(b, what, why);
	return false;
}

static uint64_t signature(const struct bench *b, unsigned at)
{
	uint64_t sum = (uint64_t)(b->workload - workloads) + 1;
	for (size_t i = 0; i < b->ledger->count; i++) {
		const struct work_mail *m = &b->ledger->mails[i];
		sum = sum * 31 + (m->acked_at <= at) + 2u * (m->asked_at <= at) + 4u * (m->removed_at <= at) +
		      8u * (m->told_at <= at);
	}
	return sum * 0x9e3779b97f4a7c15u;
}

/* Once more while it is put right: `first` is what the first cut left. */
static void cut_again(struct bench *b, unsigned at, const char *what)
{
	struct disk *recovering = b->again, *twice = b->again + 1, *first = b->again + 2;
	char why[WHY_MAX], text[700];
	disk_copy(first, b->found);
	disk_copy(recovering, b->found);
	disk_record(recovering, true);
	work_check(b->ledger, at, recovering, false, why, sizeof why);
	recovering->recording = false;
	for (unsigned tries = 0; tries < PRUNE && recovering->ops_count > 0; tries++) {
		struct power_cut c;
		struct fates f;
		power_cut_init(&c, first, recovering, (unsigned)(1 + next_random(b) % recovering->ops_count));
		draw_fates(b, &c, &f);
		power_cut_make(&c, f.fates, f.cuts, twice);
		b->tally->states++;
		if (!add_seen(b, disk_digest(twice) ^ signature(b, at) ^ 1))
			continue;
		b->tally->distinct++;
		b->tally->nested++;
		snprintf(text, sizeof text, "%s, again after change %u of putting it right", what, c.at);
		check_here(b, twice, at, text, false);
	}
}

static void cut_one(struct bench *b, const struct power_cut *c, const struct fates *f)
{
	char what[600];
	power_cut_make(c, f->fates, f->cuts, b->found);
	b->tally->states++;
	if (!add_seen(b, disk_digest(b->found) ^ signature(b, c->at)))
		return;
	b->tally->distinct++;
	describe(c, f, what, sizeof what);
	if (b->tally->distinct % 8 == 0)
		cut_again(b, c->at, what);
	else
		check_here(b, b->found, c->at, what, b->tally->distinct % 16 == 1);
}

static void cut_everywhere(struct bench *b, uint64_t wanted)
{
	unsigned changes = (unsigned)b->work->ops_count;
	uint64_t begin = b->tally->distinct;
	for (unsigned at = 0; at <= changes; at++) {
		struct power_cut c;
		struct fates f = { 0 };
		power_cut_init(&c, b->start, b->work, at);
		uint64_t all = c.pending_count < 8 ? 1u << c.pending_count : 256;
		for (uint64_t i = 0; i < all; i++) {
			spell_fates(&c, i, &f);
			cut_one(b, &c, &f);
		}
	}
	/* Then any, as they are drawn, until there are enough or no new ones come. */
	for (uint64_t drawn = 0; b->tally->distinct - begin < wanted && drawn < 4 * wanted; drawn++) {
		struct power_cut c;
		struct fates f;
		power_cut_init(&c, b->start, b->work, (unsigned)(next_random(b) % (changes + 1)));
		draw_fates(b, &c, &f);
		cut_one(b, &c, &f);
	}
}

static void cut_in_a_process(struct bench *b, uint64_t wanted)
{
	int status;
	b->ledger->power_cut = true;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		cut_everywhere(b, wanted);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		fail(b, "power cut", "the check crashed");
}

static void one_workload(struct bench *b, const struct workload *w)
{
	static unsigned char kinds[sizeof b->work->kinds];
	prepare(b, w);
	if (!run_planned(b, (struct disk_plan){ 0 })) {
		fail(b, "the run", "did not end");
		return;
	}
	unsigned calls = b->work->calls;
	memcpy(kinds, b->work->kinds, sizeof kinds);
	cut_in_a_process(b, b->options->states / WORKLOADS);
	if (!b->options->forget) {
		kill_everywhere(b, calls);
		fail_everywhere(b, calls, kinds);
	}
	if (b->options->verbose)
		printf("%s: %u calls, %zu changes, %llu states so far\n", w->name, calls, b->work->ops_count,
		       (unsigned long long)b->tally->distinct);
}

/* ---- the whole ---- */

static void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		disk_fatal("no memory");
	return memory;
}

static void do_share(const struct options *o, struct tally *tally, int share)
{
	struct disk *disks = disks_new(6);
	if (!o->verbose)
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO); /* the store's own log */
	size_t table = 1;
	while (table < 4 * (o->states / PROCESSES + 1000))
		table *= 2;
	if (o->forget)
		snprintf(disks[1].forgotten, sizeof disks[1].forgotten, "%s", o->forget);
	struct bench b = {
		.start = disks, .work = disks + 1, .found = disks + 2, .again = disks + 3, .tally = tally, .options = o
	};
	b.ledger = shared(sizeof *b.ledger);
	b.start_ledger = shared(sizeof *b.start_ledger);
	b.seen = shared(table * sizeof *b.seen);
	b.seen_mask = table - 1;
	b.random = o->seed * 0x9e3779b97f4a7c15u + (uint64_t)share + 1;
	for (int i = share; i < WORKLOADS; i += PROCESSES) {
		if (!o->only || strcmp(o->only, workloads[i].name) == 0)
			one_workload(&b, &workloads[i]);
	}
}

static int report(const struct tally *tallies, const struct options *o)
{
	struct tally all = { 0 };
	for (int i = 0; i < PROCESSES; i++) {
		all.kills += tallies[i].kills;
		all.faults += tallies[i].faults;
		all.states += tallies[i].states;
		all.distinct += tallies[i].distinct;
		all.nested += tallies[i].nested;
		all.failures += tallies[i].failures;
		if (tallies[i].failures > 0)
			printf("FAILED: %s\n", tallies[i].first);
	}
	printf("%d workloads: %llu kills, %llu calls that fail, %llu distinct states after a power cut (%llu of them a "
	       "second one, amid repair; %llu made)\n",
	       o->only ? 1 : WORKLOADS, (unsigned long long)all.kills, (unsigned long long)all.faults,
	       (unsigned long long)all.distinct, (unsigned long long)all.nested, (unsigned long long)all.states);
	printf("%llu promises broken\n", (unsigned long long)all.failures);
	return all.failures > 0;
}

static void read_options(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "states", required_argument, NULL, 's' },      { "seed", required_argument, NULL, 'r' },
		{ "only", required_argument, NULL, 'o' },        { "verbose", no_argument, NULL, 'v' },
		{ "forget-sync", required_argument, NULL, 'f' }, { NULL, 0, NULL, 0 },
	};
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 's')
			o->states = strtoull(optarg, NULL, 10);
		else if (option == 'r')
			o->seed = strtoull(optarg, NULL, 10);
		else if (option == 'o')
			o->only = optarg;
		else if (option == 'f')
			o->forget = optarg;
		else if (option == 'v')
			o->verbose = true;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options o = { .states = 20000, .seed = 1 };
	read_options(&o, argc, argv);
	struct tally *tallies = shared(PROCESSES * sizeof *tallies);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			do_share(&o, &tallies[i], i);
			_exit(0);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		wait(&status);
		if (status != 0)
			tallies[i].failures++;
	}
	return report(tallies, &o);
}
