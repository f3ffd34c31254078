/*
 * scarcity: see scarcity.h. Under AddressSanitizer the memory comes from there.
 */
#include "scarcity.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAMES_MAX = 40, JUNK_NEW = 0xA5, JUNK_OLD = 0xDB, JUNK_MAX = 64 * 1024 };

#ifdef __SANITIZE_ADDRESS__
#define SYSTEM(name) __interceptor_##name
#else
#define SYSTEM(name) __libc_##name
#endif
void *SYSTEM(malloc)(size_t n);
void *SYSTEM(calloc)(size_t count, size_t n);
void *SYSTEM(realloc)(void *old, size_t n);
void *SYSTEM(memalign)(size_t align, size_t n);
void SYSTEM(free)(void *old);

static struct scarcity now;
static _Atomic(enum scarce) scarce;
static atomic_uint asked;
static atomic_bool struck;
static __thread bool spared;

/* What these ask for themselves is given: GLib ends a program whose memory is out, by design, and libconfuse (which reads a course, at the start) crashes. */
static const char *const favoured[] = { "libglib-2.0", "libconfuse" };
enum { FAVOURED = sizeof favoured / sizeof favoured[0] };
static struct text {
	uintptr_t begin, end;
} texts[FAVOURED];

static void note_text(const struct dl_phdr_info *info, struct text *text)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		if (h->p_type == PT_LOAD && h->p_flags & PF_X)
			*text = (struct text){ info->dlpi_addr + h->p_vaddr,
				               info->dlpi_addr + h->p_vaddr + h->p_memsz };
	}
}

static int find_favoured(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	for (int i = 0; i < FAVOURED; i++) {
		if (strstr(info->dlpi_name, favoured[i]))
			note_text(info, &texts[i]);
	}
	return 0;
}

static bool is_favoured(void *caller)
{
	for (int i = 0; i < FAVOURED; i++) {
		if ((uintptr_t)caller >= texts[i].begin && (uintptr_t)caller < texts[i].end)
			return true;
	}
	return false;
}

void scarcity_begin(const struct scarcity *s)
{
	void *frames[2];
	now = *s;
	if (now.shown)
		backtrace(frames, 2); /* loads what it needs now */
	dl_iterate_phdr(find_favoured, NULL);
	asked = 0;
	struck = false;
	scarce = s->what;
}

unsigned scarcity_end(void)
{
	scarce = SCARCE_NOTHING;
	return asked;
}

bool scarcity_struck(void)
{
	return struck;
}

void scarcity_spare_me(void)
{
	spared = true;
}

static void show_place(void)
{
	void *frames[FRAMES_MAX];
	bool was_spared = spared;
	spared = true;
	backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
	spared = was_spared;
}

static bool strikes(enum scarce what)
{
	if (scarce != what || spared)
		return false;
	unsigned number = atomic_fetch_add(&asked, 1) + 1;
	if (now.lasting ? number < now.nth : number != now.nth)
		return false;
	if (now.shown && !struck)
		show_place();
	struck = true;
	errno = what == SCARCE_MEMORY ? ENOMEM : EMFILE;
	return true;
}

/* Where the C library has a function of this name beyond ours. */
static void *system_function(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

/* ---- memory ---- */

#define LACKS_MEMORY() (!is_favoured(__builtin_return_address(0)) && strikes(SCARCE_MEMORY))

static void *junk(void *memory, size_t n)
{
	if (memory)
		memset(memory, JUNK_NEW, n < JUNK_MAX ? n : JUNK_MAX);
	return memory;
}

void *malloc(size_t n)
{
	return LACKS_MEMORY() ? NULL : junk(SYSTEM(malloc)(n), n);
}

void *calloc(size_t count, size_t n)
{
	return LACKS_MEMORY() ? NULL : SYSTEM(calloc)(count, n);
}

void *realloc(void *old, size_t n)
{
	return LACKS_MEMORY() ? NULL : SYSTEM(realloc)(old, n);
}

void *reallocarray(void *old, size_t count, size_t n)
{
	size_t whole;
	if (__builtin_mul_overflow(count, n, &whole) || LACKS_MEMORY()) {
		errno = ENOMEM;
		return NULL;
	}
	return SYSTEM(realloc)(old, whole);
}

void *memalign(size_t align, size_t n)
{
	return LACKS_MEMORY() ? NULL : junk(SYSTEM(memalign)(align, n), n);
}

void *aligned_alloc(size_t align, size_t n)
{
	return LACKS_MEMORY() ? NULL : junk(SYSTEM(memalign)(align, n), n);
}

int posix_memalign(void **memory, size_t align, size_t n)
{
	void *got = LACKS_MEMORY() ? NULL : junk(SYSTEM(memalign)(align, n), n);
	if (!got)
		return ENOMEM;
	*memory = got;
	return 0;
}

void free(void *old)
{
#ifndef __SANITIZE_ADDRESS__
	size_t n = old ? malloc_usable_size(old) : 0;
	int error = errno;
	if (old)
		memset(old, JUNK_OLD, n < JUNK_MAX ? n : JUNK_MAX);
	errno = error;
#endif
	SYSTEM(free)(old);
}

static char *copy(const char *text, size_t n)
{
	char *to = SYSTEM(malloc)(n + 1);
	if (to) {
		memcpy(to, text, n);
		to[n] = '\0';
	}
	return to;
}

/* In the C library these would ask for memory in its name, not in their caller's. */
char *strdup(const char *text)
{
	return LACKS_MEMORY() ? NULL : copy(text, strlen(text));
}

char *strndup(const char *text, size_t n)
{
	return LACKS_MEMORY() ? NULL : copy(text, strnlen(text, n));
}

int vasprintf(char **to, const char *format, va_list args)
{
	int (*next)(char **, const char *, va_list);
	bool was_spared = spared;
	if (LACKS_MEMORY())
		return -1;
	*(void **)&next = system_function("vasprintf");
	spared = true;
	int n = next(to, format, args);
	spared = was_spared;
	return n;
}

int __vasprintf_chk(char **to, int flag, const char *format, va_list args);
int __vasprintf_chk(char **to, int flag, const char *format, va_list args)
{
	int (*next)(char **, int, const char *, va_list);
	bool was_spared = spared;
	if (LACKS_MEMORY())
		return -1;
	*(void **)&next = system_function("__vasprintf_chk");
	spared = true;
	int n = next(to, flag, format, args);
	spared = was_spared;
	return n;
}

/* The pointer that a failed asprintf() leaves is undefined; GNU SASL's client (2.2.0) frees it. Here it is NULL. */
int __asprintf_chk(char **to, int flag, const char *format, ...);
int __asprintf_chk(char **to, int flag, const char *format, ...)
{
	va_list args;
	bool was_spared = spared;
	(void)flag;
	*to = NULL;
	if (LACKS_MEMORY())
		return -1;
	va_start(args, format);
	spared = true;
	int n = vasprintf(to, format, args);
	spared = was_spared;
	va_end(args);
	return n;
}

/* A thread's stack is memory as well. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
	int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	if (strikes(SCARCE_MEMORY))
		return EAGAIN;
	*(void **)&create = system_function("pthread_create");
	return create(thread, attributes, run, arg);
}

/* ---- descriptors ---- */

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
	int (*next)(int, const char *, int, ...);
	if (strikes(SCARCE_DESCRIPTORS))
		return -1;
	*(void **)&next = system_function("openat");
	return next(dir, path, flags, mode);
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPEN(name)                                           \
	int name(const char *path, int flags, ...)           \
	{                                                    \
		va_list args;                                \
		va_start(args, flags);                       \
		mode_t mode = mode_of(flags, args);          \
		va_end(args);                                \
		return open_at(AT_FDCWD, path, flags, mode); \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                        \
	int name(int dir, const char *path, int flags, ...) \
	{                                                   \
		va_list args;                               \
		va_start(args, flags);                      \
		mode_t mode = mode_of(flags, args);         \
		va_end(args);                               \
		return open_at(dir, path, flags, mode);     \
	}
OPENAT(openat)
OPENAT(openat64)

#define SIMPLE(name, parameters, arguments)               \
	int name parameters                               \
	{                                                 \
		int(*next) parameters;                    \
		if (strikes(SCARCE_DESCRIPTORS))          \
			return -1;                        \
		*(void **)&next = system_function(#name); \
		return next arguments;                    \
	}
SIMPLE(socket, (int family, int type, int protocol), (family, type, protocol))
SIMPLE(memfd_create, (const char *name, unsigned flags), (name, flags))
SIMPLE(eventfd, (unsigned value, int flags), (value, flags))
SIMPLE(epoll_create1, (int flags), (flags))
SIMPLE(signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
SIMPLE(dup, (int fd), (fd))

int accept4(int listening, struct sockaddr *restrict peer, socklen_t *restrict size, int flags)
{
	int (*next)(int, struct sockaddr *, socklen_t *, int);
	if (strikes(SCARCE_DESCRIPTORS))
		return -1;
	*(void **)&next = system_function("accept4");
	return next(listening, peer, size, flags);
}

int fcntl(int fd, int command, ...)
{
	int (*next)(int, int, ...);
	va_list args;
	va_start(args, command);
	void *arg = va_arg(args, void *);
	va_end(args);
	if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && strikes(SCARCE_DESCRIPTORS))
		return -1;
	*(void **)&next = system_function("fcntl64");
	return next(fd, command, arg);
}
