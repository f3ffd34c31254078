/*
 * crash: does each workload again and again on a disk in memory, and has something go wrong at every point of it: the process is killed before and after
 * each system call, each call fails in every way it can, the power is cut after every change with any part of what was not synced lost, and once more
 * while what was found is being put right. After each the mailbox must hold what was promised: docs/promises.md.
 *
 *     crash [--states N] [--seed N] [--only WORKLOAD] [--forget-sync NAME] [--no-kills] [--stop] [--verbose]
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
#include "work_kept.h"

enum { WHY_MAX = 300, PROCESSES = 2, PRUNE = 12, CUTS_AFTER_FAULT = 8 };
#define TURN_EACH UINT32_MAX

static const struct workload workloads[] = {
#include "workloads.inc"
};
enum { WORKLOADS = sizeof workloads / sizeof workloads[0] };

struct options {
	uint64_t states; /* to be reached, over all workloads */
	uint64_t seed;
	const char *only;
	const char *
	        forget; /* the name of a file or directory whose syncs do nothing, to see that it is noticed; NULL: none */
	bool power_only, no_kills;
	bool stop; /* at the first promise that is broken */
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
	unsigned turn_at;  /* where two processes at once change places: a call, 0: one after the other, or TURN_EACH */
	char trouble[120]; /* what a call had before the power is cut */
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
	size_t i = digest & b->seen_mask;
	while (b->seen[i] != 0 && b->seen[i] != digest)
		i = (i + 1) & b->seen_mask;
	if (b->seen[i] == digest)
		return false;
	if (b->tally->distinct > b->seen_mask / 4 * 3)
		disk_fatal("more states than were thought of");
	b->seen[i] = digest;
	return true;
}

static void fail(struct bench *b, const char *what, const char *why)
{
	struct tally *t = b->tally;
	char text[sizeof t->first];
	snprintf(text, sizeof text, "%s, %s%s%s: %s", b->workload->name, b->trouble, b->trouble[0] ? ", then " : "",
	         what, why);
	if (t->failures++ == 0)
		snprintf(t->first, sizeof t->first, "%s", text);
	if (b->options->verbose) {
		puts(text);
		fflush(stdout);
	}
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

/* Where nothing goes wrong all is done, and all is kept. */
static void check_work(struct bench *b)
{
	for (size_t i = 0; i < b->ledger->count; i++) {
		if (b->ledger->mails[i].refused_at != WORK_NEVER)
			fail(b, "the run", "a mail was refused");
	}
	for (size_t i = 0; i < b->ledger->users.count; i++) {
		if (b->ledger->users.edits[i].end == EDIT_UNSURE)
			fail(b, "the run", "a user could not be edited");
	}
	disk_copy(b->found, b->work);
	disk_abandon(b->found, false);
	check_apart(b, b->found, (unsigned)b->work->ops_count, "the run");
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
		work_kept_settle(m);
		m->batch = i;
	}
	work_users_settle(&b->ledger->users);
	memcpy(b->start_ledger, b->ledger, sizeof *b->ledger);
}

/* The run with this trouble on its way; true: it ended by itself. */
static bool run_planned(struct bench *b, struct disk_plan plan)
{
	plan.turn_at = b->turn_at;
	plan.turn_each = b->turn_at == TURN_EACH;
	memcpy(b->ledger, b->start_ledger, sizeof *b->ledger);
	disk_copy(b->work, b->start);
	disk_record(b->work, true);
	b->work->plan = plan;
	return run(b, b->workload->run, b->work);
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
		      8u * (m->told_at <= at) + 16u * (m->back_asked_at <= at) + 32u * (m->back_at <= at) +
		      64u * (m->cut_asked_at <= at) + 128u * (m->cut_at <= at);
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
	b->ledger->again = true;
	disk_record(recovering, true);
	if (!work_check(b->ledger, at, recovering, false, why, sizeof why))
		fail(b, what, why);
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
	b->ledger->again = false;
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

static void in_a_process(struct bench *b, void (*cut)(struct bench *b, uint64_t wanted), uint64_t wanted)
{
	int status;
	b->ledger->power_cut = true;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		cut(b, wanted);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		fail(b, "power cut", "the check crashed");
}

/* ---- killed, and calls that fail ---- */

static void kill_everywhere(struct bench *b, unsigned calls)
{
	char what[80];
	for (unsigned call = 1; call <= calls; call++) {
		/* With two processes that change places at every call in turn, before is enough. */
		for (int after = 0; after < (b->turn_at == 0 || b->turn_at == TURN_EACH ? 2 : 1); after++) {
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
	{ CALL_OPEN, EIO, 0 },     { CALL_OPEN, EMFILE, 0 },  { CALL_OPEN, ENOSPC, 0 },    { CALL_OPEN, EINTR, 0 },
	{ CALL_STAT, EIO, 0 },     { CALL_READ, EIO, 0 },     { CALL_READ, EINTR, 0 },     { CALL_READ, 0, 1 },
	{ CALL_READ, 0, 2 },       { CALL_WRITE, EIO, 0 },    { CALL_WRITE, ENOSPC, 2 },   { CALL_COPY, ENOSPC, 2 },
	{ CALL_WRITE, ENOSPC, 0 }, { CALL_WRITE, EINTR, 0 },  { CALL_WRITE, 0, 1 },        { CALL_WRITE, 0, 2 },
	{ CALL_COPY, EIO, 0 },     { CALL_COPY, ENOSPC, 0 },  { CALL_COPY, EINTR, 0 },     { CALL_COPY, 0, 1 },
	{ CALL_COPY, 0, 2 },       { CALL_TRUNCATE, EIO, 0 }, { CALL_TRUNCATE, EINTR, 0 }, { CALL_SYNC, EIO, 0 },
	{ CALL_SYNC, ENOSPC, 0 },  { CALL_SYNC, EINTR, 0 },   { CALL_NAME, EIO, 0 },       { CALL_NAME, ENOSPC, 0 },
	{ CALL_ACCESS, EIO, 0 },   { CALL_ACCESS, EPERM, 0 }, { CALL_LOCK, EINTR, 0 },     { CALL_LOCK, ENOLCK, 0 },
};

/* All reaches the platter but one change of a file's length or of a name: what was written afterwards then stands in a file as it was before. */
static void cut_without_one(struct bench *b, const struct power_cut *c)
{
	struct fates f = { 0 };
	memset(f.fates, FATE_DONE, sizeof f.fates);
	for (size_t i = 0; i < c->pending_count; i++) {
		if (b->work->ops[c->pending[i]].what == DISK_WRITE)
			continue;
		f.fates[i] = FATE_LOST;
		cut_one(b, c, &f);
		f.fates[i] = FATE_DONE;
	}
}

/* The call failed, what could be done about it was done, and then the power is cut: anywhere, with all lost that was not synced, and with one change lost; at the
 * end, where one change alone reaches the platter or one alone does not; and any. */
static void cut_after_fault(struct bench *b, uint64_t wanted)
{
	struct power_cut c;
	struct fates f = { 0 };
	unsigned changes = (unsigned)b->work->ops_count;
	for (unsigned at = 0; at <= changes; at++) {
		power_cut_init(&c, b->start, b->work, at);
		cut_one(b, &c, &f);
		cut_without_one(b, &c);
	}
	for (size_t i = 0; i < 2 * c.pending_count; i++) {
		for (size_t k = 0; k < c.pending_count; k++)
			f.fates[k] = (k == i / 2) == (i % 2) ? FATE_DONE : FATE_LOST;
		cut_one(b, &c, &f);
	}
	for (uint64_t i = 0; i < wanted; i++) {
		power_cut_init(&c, b->start, b->work, i % 2 ? (unsigned)(next_random(b) % (changes + 1)) : changes);
		draw_fates(b, &c, &f);
		cut_one(b, &c, &f);
	}
}

static void fail_one(struct bench *b, unsigned call, const struct trouble *t, bool sticky)
{
	char what[sizeof b->trouble];
	if (sticky && t->error == EINTR)
		return;
	run_planned(b, (struct disk_plan){ .fail_at = call, .error = t->error, .part = t->part, .sticky = sticky });
	snprintf(what, sizeof what, "call %u %s%s%s", call,
	         t->part && t->error ? "does a part, then fails with "
	         : t->error          ? "fails with "
	                             : "does a part",
	         t->error ? strerrorname_np(t->error) : "", sticky ? ", and all later ones" : "");
	disk_copy(b->found, b->work);
	disk_abandon(b->found, false);
	check_apart(b, b->found, (unsigned)b->work->ops_count, what);
	b->tally->faults++;
	if (sticky)
		return;
	memcpy(b->trouble, what, sizeof what);
	in_a_process(b, cut_after_fault, CUTS_AFTER_FAULT);
	b->trouble[0] = '\0';
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

/* ---- a workload ---- */

/* Everything that can go wrong in a run, with two processes at once as b->turn_at has it. */
static unsigned one_run(struct bench *b, uint64_t wanted, bool fail_calls)
{
	static unsigned char kinds[sizeof b->work->kinds];
	if (!run_planned(b, (struct disk_plan){ 0 })) {
		fail(b, "the run", "did not end");
		return 0;
	}
	unsigned calls = b->work->calls, changes = (unsigned)b->work->ops_count;
	memcpy(kinds, b->work->kinds, sizeof kinds);
	if (!b->options->power_only)
		check_work(b);
	in_a_process(b, cut_everywhere, wanted);
	if (!b->options->power_only && !b->options->no_kills)
		kill_everywhere(b, calls);
	if (fail_calls && !(b->options->stop && b->tally->failures > 0))
		fail_everywhere(b, calls, kinds);
	if (b->options->verbose)
		printf("%s: %u calls, %u changes, %llu states so far\n", b->workload->name, calls, changes,
		       (unsigned long long)b->tally->distinct);
	return calls;
}

static void one_workload(struct bench *b, const struct workload *w)
{
	uint64_t wanted = b->options->states / WORKLOADS;
	prepare(b, w);
	b->turn_at = 0;
	bool both = strchr(w->run, '|') != NULL;
	if (!one_run(b, both ? wanted / 2 : wanted, !b->options->power_only) || !both)
		return;
	run_planned(b, (struct disk_plan){ 0 });
	unsigned first = b->work->turns_begin, last = b->work->turns_end;
	for (b->turn_at = first + 1; b->turn_at <= last; b->turn_at++)
		one_run(b, wanted / 2 / (last - first + 1), false);
	b->turn_at = TURN_EACH;
	one_run(b, wanted / 2 / (last - first + 1), !b->options->power_only);
}

/* ---- the whole ---- */

static void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		disk_fatal("no memory");
	return memory;
}

/* OpenSSL wakes up once, not in every process that is killed. */
static void warm_up(struct bench *b)
{
	disk_format(b->found);
	disk_use(b->found);
	work_run("+A", b->ledger, b->found);
}

static void do_share(const struct options *o, struct tally *tally, int share)
{
	struct disk *disks = disks_new(6);
	if (!o->verbose)
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO); /* the store's own log */
	size_t table = 4096 * 1024; /* what is tried everywhere, however few are wanted, is some hundred thousand */
	while (table < 4 * (o->states / PROCESSES))
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
	warm_up(&b);
	b.random = o->seed * 0x9e3779b97f4a7c15u + (uint64_t)share + 1;
	for (int i = share; i < WORKLOADS; i += PROCESSES) {
		if ((!o->only || strcmp(o->only, workloads[i].name) == 0) && !(o->stop && tally->failures > 0))
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
		{ "no-kills", no_argument, NULL, 'k' },          { "stop", no_argument, NULL, 'x' },
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
			o->forget = optarg, o->power_only = true;
		else if (option == 'k')
			o->no_kills = true;
		else if (option == 'x')
			o->stop = true;
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
