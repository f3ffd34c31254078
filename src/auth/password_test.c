/*
 * What a secret may look like, which passwords it takes, and what that costs.
 */
#include "auth/password.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void is_kind(const char *secret, enum password_kind expected)
{
	enum password_kind kind;
	const char *bad = password_kind_of(slice_str(secret), &kind);
	if (bad)
		fail_msg("%s: %s", secret, bad);
	assert_int_equal(kind, expected);
}

static void is_bad(const char *secret)
{
	enum password_kind kind;
	if (!password_kind_of(slice_str(secret), &kind))
		fail_msg("%s is taken", secret);
}

static bool takes(const char *secret, const char *password)
{
	enum password_kind kind;
	assert_null(password_kind_of(slice_str(secret), &kind));
	return password_verify(kind, slice_str(secret), slice_str(password));
}

#define SHA512_HASH \
	"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
#define KEYS       "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
#define SERVER_KEY "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static void secrets_in_clear_and_with_a_scheme_are_told_apart(void **state)
{
	(void)state;
	is_kind("secret", PASSWORD_PLAIN);
	is_kind("$6$looks$like", PASSWORD_PLAIN);
	is_kind("a{CRYPT}b", PASSWORD_PLAIN);
	is_kind("{CRYPT}" SHA512_HASH, PASSWORD_CRYPT);
	is_kind("{crypt}" SHA512_HASH, PASSWORD_CRYPT);
	is_kind("{CRYPT}$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7", PASSWORD_CRYPT);
	is_kind("{CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", PASSWORD_CRYPT);
	is_kind("{CRYPT}rl.3StKT.4T8M", PASSWORD_CRYPT);
	is_kind(KEYS SERVER_KEY, PASSWORD_SCRAM);
}

static void unknown_scheme_is_bad(void **state)
{
	(void)state;
	is_bad("{");
	is_bad("{x}");
	is_bad("{}secret");
	is_bad("{PLAIN}secret");
	is_bad("{SCRAM-SHA-1}4096,a,b,c");
	is_bad("{SHA256-CRYPT}$5$x$y");
}

static void malformed_hash_is_bad(void **state)
{
	(void)state;
	is_bad("{CRYPT}");
	is_bad("{CRYPT}secret");
	is_bad("{CRYPT}$6$saltstring");
	is_bad("{CRYPT}$6$saltstring$");
	is_bad("{CRYPT}$y$j9T$F5Jx5fExrKuPp53xLKQ..1");
	is_bad("{CRYPT}$9$unknown$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	is_bad("{CRYPT}!" SHA512_HASH); /* a locked account */
	is_bad("{CRYPT}*");
}

static void malformed_scram_keys_are_bad(void **state)
{
	(void)state;
	is_bad("{SCRAM-SHA-256}");
	is_bad("{SCRAM-SHA-256}4096");
	is_bad(KEYS);
	is_bad(KEYS "d2ZQTHdjRTZu"); /* too short */
	is_bad(KEYS SERVER_KEY ",");
	is_bad(KEYS "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dV="); /* bits behind the end */
	is_bad("{SCRAM-SHA-256}4095,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=," SERVER_KEY);
	is_bad("{SCRAM-SHA-256}1000001,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
	       "," SERVER_KEY);
	is_bad("{SCRAM-SHA-256}-4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
	       "," SERVER_KEY);
	is_bad("{SCRAM-SHA-256}4096,,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=," SERVER_KEY);
	is_bad("{SCRAM-SHA-256}4096,!,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=," SERVER_KEY);
}

static void hash_of_crypt_takes_its_password_alone(void **state)
{
	(void)state;
	const char *secret = "{CRYPT}" SHA512_HASH;
	assert_true(takes(secret, "Hello world!"));
	assert_false(takes(secret, "Hello world"));
	assert_false(takes(secret, "Hello world!!"));
	assert_false(takes(secret, "hello world!"));
	assert_false(takes(secret, ""));
	assert_false(takes(secret, SHA512_HASH));
	assert_true(takes("{CRYPT}rl.3StKT.4T8M", "rasmuslerdorf"));
	assert_false(takes("{CRYPT}rl.3StKT.4T8M", "rasmus"));
}

/* What a process with no more memory than it has made of the right password. */
static enum password_verdict judge_without_memory(struct slice secret)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		FILE *f = fopen("/proc/self/statm", "r");
		long pages = 0;
		if (!f || fscanf(f, "%ld", &pages) != 1)
			_exit(99);
		fclose(f);
		rlim_t octets = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + 1024 * 1024;
		setrlimit(RLIMIT_AS, &(struct rlimit){ octets, octets });
		_exit((int)password_verify(PASSWORD_CRYPT, secret, slice_str("s3cret")));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

/* yescrypt takes 16 MiB. */
static void right_password_is_never_wrong_for_want_of_memory(void **state)
{
	char secret[PASSWORD_SECRET_MAX];
	struct fault why;
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* they could not go on themselves */
#endif
	assert_true(password_make(PASSWORD_CRYPT, slice_str("s3cret"), secret, &why));
	assert_int_equal(password_verify(PASSWORD_CRYPT, slice_str(secret), slice_str("s3cret")), PASSWORD_RIGHT);
	assert_int_equal(judge_without_memory(slice_str(secret)), PASSWORD_FAULT);
}

static void password_with_nul_or_without_end_is_no_hashs(void **state)
{
	(void)state;
	static char endless[20000];
	struct slice secret = slice_str("{CRYPT}" SHA512_HASH);
	assert_false(password_verify(PASSWORD_CRYPT, secret, slice_make("Hello world!\0", 13)));
	assert_false(password_verify(PASSWORD_CRYPT, secret, slice_make("Hello world!\0x", 14)));
	/* Nor is it taken for the empty one. */
	struct slice of_empty = slice_str("{CRYPT}$1$aaaaaaaa$77Jd5be/qP3cAWwoIFt7N1");
	assert_true(password_verify(PASSWORD_CRYPT, of_empty, slice_str("")));
	assert_false(password_verify(PASSWORD_CRYPT, of_empty, slice_make("\0", 1)));
	assert_false(password_verify(PASSWORD_CRYPT, of_empty, slice_make("a\0", 2)));
	memset(endless, 'a', sizeof endless);
	assert_false(password_verify(PASSWORD_CRYPT, of_empty, slice_make(endless, sizeof endless)));
	for (int kind = 0; kind < PASSWORD_KINDS; kind++) {
		struct slice right = slice_str(kind == PASSWORD_CRYPT ? "{CRYPT}" SHA512_HASH : KEYS SERVER_KEY);
		assert_false(password_verify((enum password_kind)kind, right, slice_make(endless, sizeof endless)));
		assert_false(password_verify((enum password_kind)kind, right, slice_make("\xff\xfe", 2)));
	}
}

static void password_in_clear_is_compared_whole(void **state)
{
	(void)state;
	assert_true(takes("secret", "secret"));
	assert_false(takes("secret", "secre"));
	assert_false(takes("secret", "secret1"));
	assert_false(takes("secret", "Secret"));
	assert_false(password_verify(PASSWORD_PLAIN, slice_str("secret"), slice_make("secret\0", 7)));
	/* Where the users file has no schemes, braces are letters. */
	assert_true(password_verify(PASSWORD_PLAIN, slice_str("{CRYPT}x"), slice_str("{CRYPT}x")));
}

static void scram_keys_take_their_password_alone(void **state)
{
	(void)state;
	assert_true(takes(KEYS SERVER_KEY, "pencil"));
	assert_false(takes(KEYS SERVER_KEY, "pencils"));
	assert_false(takes(KEYS SERVER_KEY, ""));
	assert_false(password_verify(PASSWORD_SCRAM, slice_str(KEYS SERVER_KEY), slice_make("pencil\0", 7)));
}

static void hmac(const unsigned char *key, const char *text, unsigned char *out)
{
	assert_non_null(HMAC(EVP_sha256(), key, PASSWORD_KEY, (const unsigned char *)text, strlen(text), out, NULL));
}

static void from_base64(const char *text, unsigned char octets[PASSWORD_KEY])
{
	unsigned char decoded[48];
	assert_int_equal(EVP_DecodeBlock(decoded, (const unsigned char *)text, (int)strlen(text)), PASSWORD_KEY + 1);
	memcpy(octets, decoded, PASSWORD_KEY);
}

/* RFC 7677 section 3. */
static void keys_are_those_of_rfc_7677s_exchange(void **state)
{
	(void)state;
	static const char dialogue[] =
	        "n=user,r=rOprNGfwEbeRWgbNEkqO,"
	        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
	        "i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
	struct password_keys keys;
	unsigned char proof[PASSWORD_KEY], word[PASSWORD_KEY], signature[PASSWORD_KEY], stored[PASSWORD_KEY];
	assert_true(password_keys_read(slice_str(KEYS SERVER_KEY), &keys));
	memset(keys.stored, 0, sizeof keys.stored);
	memset(keys.server, 0, sizeof keys.server);
	assert_true(password_keys_make(slice_str("pencil"), &keys));
	from_base64("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", proof);
	from_base64("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", word);
	hmac(keys.stored, dialogue, signature);
	for (size_t i = 0; i < PASSWORD_KEY; i++)
		proof[i] ^= signature[i];
	assert_int_equal(EVP_Digest(proof, PASSWORD_KEY, stored, NULL, EVP_sha256(), NULL), 1);
	assert_memory_equal(stored, keys.stored, PASSWORD_KEY);
	hmac(keys.server, dialogue, signature);
	assert_memory_equal(signature, word, PASSWORD_KEY);
}

static void makes(enum password_kind kind, const char *password, const char *begins)
{
	char secret[PASSWORD_SECRET_MAX], again[PASSWORD_SECRET_MAX];
	struct fault why;
	if (!password_make(kind, slice_str(password), secret, &why))
		fail_msg("%s", why.text);
	assert_memory_equal(secret, begins, strlen(begins));
	is_kind(secret, kind);
	assert_true(takes(secret, password));
	assert_false(takes(secret, "wrong"));
	assert_true(password_make(kind, slice_str(password), again, &why));
	if (kind != PASSWORD_PLAIN)
		assert_string_not_equal(secret, again);
}

static void what_is_made_is_taken_and_salted(void **state)
{
	(void)state;
	makes(PASSWORD_CRYPT, "s3cret", "{CRYPT}$y$");
	makes(PASSWORD_SCRAM, "s3cret", "{SCRAM-SHA-256}15000,");
	makes(PASSWORD_SCRAM, "p\xc3\xa4ss", "{SCRAM-SHA-256}15000,");
	makes(PASSWORD_PLAIN, "s3cret", "s3cret");
	makes(PASSWORD_CRYPT, " two words ", "{CRYPT}$y$");
	makes(PASSWORD_SCRAM, " two words ", "{SCRAM-SHA-256}15000,");
}

static void cannot_be_made(enum password_kind kind, struct slice password)
{
	char secret[PASSWORD_SECRET_MAX];
	struct fault why = { .kind = FAULT_NONE };
	assert_false(password_make(kind, password, secret, &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
}

static void what_nobody_could_type_is_not_made(void **state)
{
	(void)state;
	char text[300];
	memset(text, 'a', sizeof text);
	for (int kind = 0; kind < PASSWORD_KINDS; kind++) {
		cannot_be_made((enum password_kind)kind, slice_str(""));
		cannot_be_made((enum password_kind)kind, slice_str("a\tb"));
		cannot_be_made((enum password_kind)kind, slice_str("a\nb"));
		cannot_be_made((enum password_kind)kind, slice_make("a\0b", 3));
		cannot_be_made((enum password_kind)kind, slice_str("a\x7f"));
		cannot_be_made((enum password_kind)kind, slice_make(text, sizeof text));
	}
	cannot_be_made(PASSWORD_PLAIN, slice_str("a b"));
	cannot_be_made(PASSWORD_PLAIN, slice_str("{CRYPT}x"));
	cannot_be_made(PASSWORD_SCRAM, slice_str("\xff\xfe"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_in_clear_and_with_a_scheme_are_told_apart),
		cmocka_unit_test(unknown_scheme_is_bad),
		cmocka_unit_test(malformed_hash_is_bad),
		cmocka_unit_test(malformed_scram_keys_are_bad),
		cmocka_unit_test(hash_of_crypt_takes_its_password_alone),
		cmocka_unit_test(right_password_is_never_wrong_for_want_of_memory),
		cmocka_unit_test(password_with_nul_or_without_end_is_no_hashs),
		cmocka_unit_test(password_in_clear_is_compared_whole),
		cmocka_unit_test(scram_keys_take_their_password_alone),
		cmocka_unit_test(keys_are_those_of_rfc_7677s_exchange),
		cmocka_unit_test(what_is_made_is_taken_and_salted),
		cmocka_unit_test(what_nobody_could_type_is_not_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
