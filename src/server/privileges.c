/*
 * privileges: groups, group, user, capabilities, in the order in which one may still give up the next. See privileges.h.
 */
#include "server/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

struct identity {
	uid_t user;
	gid_t group;
	char name[PRIVILEGES_NAME_MAX]; /* empty: the system has no name for it */
};

static void identity_of(struct identity *i, const struct passwd *entry)
{
	i->user = entry->pw_uid;
	i->group = entry->pw_gid;
	snprintf(i->name, sizeof i->name, "%s", entry->pw_name);
}

static bool look_up_user(struct identity *i, const char *user, struct fault *why)
{
	errno = 0;
	const struct passwd *entry = getpwnam(user);
	if (!entry)
		return fault_set(why, FAULT_PERMANENT, "--user '%.64s': there is no such user on this machine", user);
	identity_of(i, entry);
	return true;
}

static bool look_up_owner(struct identity *i, int dir, struct fault *why)
{
	struct stat st;
	if (fstat(dir, &st) != 0)
		return fault_errno(why, "cannot look at the mail directory");
	*i = (struct identity){ .user = st.st_uid, .group = st.st_gid };
	const struct passwd *entry = getpwuid(st.st_uid);
	if (entry)
		identity_of(i, entry);
	return true;
}

/* As they are listed for that user: a key that a group may read stays readable. */
static bool take_groups(const struct identity *i)
{
	if (*i->name)
		return initgroups(i->name, i->group) == 0;
	return setgroups(0, NULL) == 0;
}

static bool become(const struct identity *i, struct fault *why)
{
	if (!take_groups(i) || setresgid(i->group, i->group, i->group) != 0 ||
	    setresuid(i->user, i->user, i->user) != 0)
		return fault_errno(why, "cannot give up root's rights");
	if (setresuid(0, 0, 0) == 0) /* never believed without a look: a user's rights alone must be left */
		return fault_set(why, FAULT_TEMPORARY, "cannot give up root's rights: the kernel gives them back");
	return true;
}

/* The mailboxes are root's own: what is kept lets it read and write files that others put there, and leave them their owners. */
static bool keep_file_powers(struct fault *why)
{
	static const uint32_t kept = 1U << CAP_DAC_OVERRIDE | 1U << CAP_CHOWN | 1U << CAP_FOWNER;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3] = { 0 };
	if (syscall(SYS_capget, &head, now) != 0)
		return fault_errno(why, "cannot give up root's rights");
	now[0].effective &= kept;
	now[0].permitted &= kept;
	now[1].effective = now[1].permitted = 0;
	now[0].inheritable = now[1].inheritable = 0;
	return syscall(SYS_capset, &head, now) == 0 || fault_errno(why, "cannot give up root's rights");
}

static bool stay(const char *user, char name[PRIVILEGES_NAME_MAX], struct fault *why)
{
	const struct passwd *entry = getpwuid(geteuid());
	snprintf(name, PRIVILEGES_NAME_MAX, "%s", entry ? entry->pw_name : "");
	if (user && strcmp(user, name) != 0)
		return fault_set(why, FAULT_PERMANENT,
		                 "--user '%.64s': only root can become another user; start it as root", user);
	return true;
}

bool privileges_drop(const char *user, int dir, char name[PRIVILEGES_NAME_MAX], struct fault *why)
{
	struct identity i = { 0 };
	if (geteuid() != 0)
		return stay(user, name, why);
	if (!(user ? look_up_user(&i, user, why) : look_up_owner(&i, dir, why)))
		return false;
	snprintf(name, PRIVILEGES_NAME_MAX, "%s", i.name);
	if (i.user == 0)
		return keep_file_powers(why);
	log_info("running as user %s (%u)", *i.name ? i.name : "without a name", (unsigned)i.user);
	return become(&i, why);
}
