#!/bin/sh
# Sees to it that what a purpose needs is there, and installs the Debian packages that are missing.
# Usage: setup.sh PURPOSE … (build, run, check, test, deb, lint, fuzz, bench). Where nothing is missing it takes no time and no network.
set -u
LC_ALL=C
export LC_ALL

# What each purpose needs: a probe, and the package that brings it.
needs() {
	case $1 in
	build)
		echo "command ${CC:-gcc} gcc"
		echo "file /usr/include/stdio.h libc6-dev"
		echo "command pkg-config pkg-config"
		echo "library libevent_core libevent-dev"
		echo "library libconfuse libconfuse-dev"
		echo "library libssl libssl-dev"
		echo "library libgsasl libgsasl-dev"
		echo "library libcrypt libcrypt-dev"
		echo "library libseccomp libseccomp-dev"
		echo "library gmime-3.0 libgmime-3.0-dev"
		echo "library libmicrohttpd libmicrohttpd-dev"
		echo "library jansson libjansson-dev"
		echo "library sqlite3 libsqlite3-dev"
		;;
	run)
		echo "command curl curl"
		echo "command swaks swaks"
		;;
	check)
		echo "library cmocka libcmocka-dev"
		;;
	test)
		echo "python pytest python3-pytest"
		echo "python xdist python3-pytest-xdist"
		echo "command curl curl"
		echo "command swaks swaks"
		echo "command mpop mpop"
		echo "command msmtp msmtp"
		echo "command mutt mutt"
		echo "command strace strace"
		echo "command tmux tmux"
		echo "command fetchmail fetchmail"
		echo "command getmail getmail6"
		echo "command gsasl gsasl"
		echo "command readelf binutils"
		echo "command clang clang"
		echo "command ld.lld lld"
		echo "command node nodejs"
		echo "command npm npm"
		echo "command chromium chromium"
		echo "file /usr/share/nodejs/nodemailer/package.json node-nodemailer"
		echo "file /usr/share/perl5/IO/Socket/SSL.pm libio-socket-ssl-perl"
		# A machine that has a mail server of its own keeps it; the tests that need Postfix are skipped there.
		[ -e /usr/sbin/sendmail ] || echo "file /usr/lib/postfix/sbin/master postfix"
		echo "file /usr/lib/dovecot/pop3 dovecot-pop3d"
		echo "file /usr/lib/dovecot/imap dovecot-imapd"
		echo "command lintian lintian"
		echo "file /lib/systemd/systemd systemd"
		echo "command zsh zsh"
		echo "command fish fish"
		;;
	deb)
		echo "command dpkg-buildpackage dpkg-dev"
		echo "command dh debhelper"
		;;
	lint)
		echo "command clang-format clang-format"
		echo "command clang-tidy clang-tidy"
		echo "command cppcheck cppcheck"
		;;
	fuzz)
		echo "command python3 python3"
		echo "command clang clang"
		echo "file /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a libclang-rt-dev"
		;;
	bench)
		echo "command strace strace"
		echo "command python3 python3"
		echo "command openssl openssl"
		# The others that are measured: a machine with a mail server of its own keeps it. What conflicts is unpacked by bench/peers/.
		[ -e /usr/sbin/sendmail ] || echo "file /usr/lib/postfix/sbin/master postfix"
		echo "file /usr/lib/dovecot/pop3 dovecot-pop3d"
		;;
	*)
		echo "setup.sh: unknown purpose $1" >&2
		exit 1
		;;
	esac
}

there() {
	case $1 in
	command) command -v "$2" ;;
	file) ls $2 ;; # a pattern, to be expanded
	library) pkg-config --exists "$2" ;;
	python) python3 -c "import $2" || /usr/bin/python3 -c "import $2" ;;
	esac >/dev/null 2>&1
}

missing() {
	for purpose in "$@"; do
		needs "$purpose" || exit
	done | while read -r probe what package; do
		there "$probe" "$what" || printf ' %s' "$package"
	done
}

packages=$(missing "$@")
[ -n "$packages" ] || exit 0

install="apt-get install -y --no-install-recommends$packages"
if ! command -v apt-get >/dev/null; then
	echo "Missing here (by their Debian names):$packages" >&2
	echo "Please install them and run make again." >&2
	exit 1
elif [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
	as_root=sudo
else
	echo "Some packages are missing. Please type this, as root, and run make again:" >&2
	echo "  apt-get update && $install" >&2
	exit 1
fi

echo "Installing$packages"
$as_root apt-get update -q || echo "setup.sh: no new package lists; trying with those that are here" >&2
# Servers among them are for the tests alone: this keeps Debian from starting them (invoke-rc.d reads it).
policy=/usr/sbin/policy-rc.d
[ -e $policy ] || {
	printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null && $as_root chmod 755 $policy
	trap '$as_root rm -f $policy' EXIT
}
if ! $as_root env DEBIAN_FRONTEND=noninteractive $install; then
	echo "setup.sh: that did not work. Please type this, as root, and run make again:" >&2
	echo "  apt-get update && $install" >&2
	exit 1
fi
packages=$(missing "$@")
[ -z "$packages" ] || {
	echo "setup.sh: installed, but still not found:$packages" >&2
	exit 1
}
