/*
 * users_salt: see users_salt.h.
 */
#include "auth/users_salt.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

enum { LOCK_MS = 1000 };

static bool random_octets(unsigned char *octets, size_t n)
{
	return RAND_bytes(octets, (int)n) == 1;
}

static bool read_key(int dir, unsigned char key[USERS_SALT_KEY])
{
	int fd = file_open(dir, USERS_SALT_FILE, O_RDONLY | O_NONBLOCK, 0);
	ssize_t n = fd < 0 ? -1 : file_read(fd, key, USERS_SALT_KEY, 0);
	file_close(fd);
	if (n >= 0 && n < USERS_SALT_KEY)
		errno = ENODATA;
	return n == USERS_SALT_KEY;
}

/* The directory's owner is who serves it: where root reads the users file first, the key is not root's alone. */
static bool give_to_owner(int dir, int fd)
{
	struct stat of_dir;
	if (geteuid() != 0)
		return true;
	return fstat(dir, &of_dir) == 0 && fchown(fd, of_dir.st_uid, of_dir.st_gid) == 0;
}

/* `dir` may be good for names alone (O_PATH). */
static bool sync_names(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = fd >= 0 && file_sync_directory(fd);
	file_close(fd);
	return synced;
}

/* Written beside and then named: nobody ever reads half a key, and of two servers that start at once one wins. Its name is durable, too: another key after a
 * power cut would give users that are not there another salt, and by that away. */
static bool make_key(int dir, unsigned char key[USERS_SALT_KEY])
{
	unsigned char tag[8];
	char beside[sizeof USERS_SALT_FILE + 2 * sizeof tag + 1];
	if (!random_octets(tag, sizeof tag) || !random_octets(key, USERS_SALT_KEY))
		return false;
	int n = snprintf(beside, sizeof beside, "%s.", USERS_SALT_FILE);
	for (size_t i = 0; i < sizeof tag; i++)
		n += snprintf(beside + n, sizeof beside - (size_t)n, "%02x", tag[i]);
	int fd = file_open(dir, beside, O_WRONLY | O_CREAT | O_EXCL, 0600);
	bool named = fd >= 0 && give_to_owner(dir, fd) && file_write(fd, key, USERS_SALT_KEY, 0) && file_sync(fd) &&
	             linkat(dir, beside, dir, USERS_SALT_FILE, 0) == 0 && sync_names(dir);
	if (fd >= 0)
		unlinkat(dir, beside, 0);
	file_close(fd);
	return named;
}

/* Part of a key is none, and would be in the way of a whole one. Of two servers that find it, the second sees under the lock that it is gone. */
static void drop_part(int dir)
{
	struct stat part, named;
	int fd = file_open(dir, USERS_SALT_FILE, O_RDWR | O_NONBLOCK, 0);
	bool there = fd >= 0 && file_lock(fd, 0, LOCK_MS) && fstat(fd, &part) == 0 &&
	             fstatat(dir, USERS_SALT_FILE, &named, AT_SYMLINK_NOFOLLOW) == 0;
	if (there && S_ISREG(part.st_mode) && part.st_size < USERS_SALT_KEY && part.st_ino == named.st_ino &&
	    part.st_dev == named.st_dev)
		unlinkat(dir, USERS_SALT_FILE, 0);
	file_close(fd);
}

/* False and errno. */
static bool kept_key(int dir, unsigned char key[USERS_SALT_KEY])
{
	if (read_key(dir, key))
		return true;
	drop_part(dir);
	if (make_key(dir, key))
		return true;
	int error = errno;
	if (read_key(dir, key)) /* another server was faster */
		return true;
	if (error != EEXIST)
		errno = error;
	return false;
}

enum users_salt users_salt_key(int dir, bool kept, unsigned char key[USERS_SALT_KEY])
{
	if (kept && kept_key(dir, key))
		return USERS_SALT_KEPT;
	int error = errno;
	bool fresh = random_octets(key, USERS_SALT_KEY);
	errno = error;
	return fresh ? USERS_SALT_FRESH : USERS_SALT_NONE;
}

/* False: memory is out. */
static bool keyed(const EVP_MD *hash, const unsigned char key[USERS_SALT_KEY], struct slice name,
                  unsigned char octets[EVP_MAX_MD_SIZE])
{
	char lower[256];
	/* Names that are longer are nobody's: what follows makes no difference. */
	size_t n = name.len < sizeof lower ? name.len : sizeof lower;
	for (size_t i = 0; i < n; i++)
		lower[i] = slice_lower(name.ptr[i]);
	return HMAC(hash, key, USERS_SALT_KEY, (const unsigned char *)lower, n, octets, NULL) != NULL;
}

bool users_salt_of(const unsigned char key[USERS_SALT_KEY], struct slice name, unsigned char *salt, size_t len)
{
	unsigned char whole[EVP_MAX_MD_SIZE] = { 0 };
	if (!keyed(EVP_sha512(), key, name, whole))
		return false;
	memcpy(salt, whole, len < sizeof whole ? len : sizeof whole);
	return true;
}

uint32_t users_salt_pick(const unsigned char key[USERS_SALT_KEY], struct slice name)
{
	unsigned char whole[EVP_MAX_MD_SIZE] = { 0 };
	uint32_t pick;
	keyed(EVP_sha256(), key, name, whole);
	memcpy(&pick, whole, sizeof pick);
	return pick;
}
