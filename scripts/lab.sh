#!/usr/bin/env bash
# `make lab`: a networks class's lab to try things in, demo/, with both servers on this machine's own address and their dialogue on the screen.
# Usage: lab.sh BUILD. The ports can be chosen: SMTP_PORT=… POP3_PORT=… make lab
set -u
build=$1
smtp_port=${SMTP_PORT:-2525}
pop3_port=${POP3_PORT:-2110}
lab=demo

# On a terminal, in a group of its own: Ctrl-C is then for the servers, and make ends as well as they do.
if [ -t 0 ] && [ "${2:-}" != inner ]; then
	set -m
	"$0" "$build" inner
	exit
fi

mkdir -p "$lab" || exit
[ -e "$lab/user.txt" ] || printf 'alice  wonderland\nbob    builder\n' >"$lab/user.txt" || exit

pids=()
pipes=$(mktemp -d) || exit
finish() {
	trap '' INT TERM
	[ ${#pids[@]} -eq 0 ] || { kill -TERM "${pids[@]}" 2>/dev/null; wait; }
	rm -rf "$pipes"
}
trap finish EXIT
trap 'echo; echo "Ended. The mail stays in $lab/."; exit 0' INT TERM

# Returns when the server takes connections; ends the script with the server's own words and status where it does not.
start() {
	local program=$1 port=$2 line errors
	mkfifo "$pipes/$program" || exit
	"$build/$program" --listen 127.0.0.1 --dir "$lab" --domain lab --transcript "$port" 2>"$pipes/$program" &
	pids+=($!)
	exec {errors}<"$pipes/$program"
	while IFS= read -r line <&"$errors"; do
		case $line in
		*"listening on"*)
			echo "$program: $line"
			(trap '' INT; exec cat <&"$errors" >&2) &
			return
			;;
		*) printf '%s\n' "$line" >&2 ;;
		esac
	done
	wait "${pids[-1]}"
	local status=$?
	unset 'pids[-1]'
	[ $status -ne 69 ] ||
		echo "Does \`make lab\` or \`make run\` run in another window? Other ports: SMTP_PORT=2526 POP3_PORT=2111 make lab" >&2
	exit $status
}

start smtpmail "$smtp_port"
start popserver "$pop3_port"
cat <<END

Users (demo/user.txt): alice, password wonderland; bob, password builder. In another window, try:

  $build/mailclient 127.0.0.1 $smtp_port $pop3_port
  printf 'From: bob@lab\nTo: alice@lab\nSubject: Hello\n\nIt works.\n' | curl --crlf smtp://127.0.0.1:$smtp_port --mail-from bob@lab --mail-rcpt alice@lab -T -
  swaks --server 127.0.0.1:$smtp_port --from bob@lab --to alice@lab --header 'Subject: Hello'

and read it: curl -u alice:wonderland pop3://127.0.0.1:$pop3_port/1, or open $lab/alice/mymailbox. Ctrl-C ends the servers.

END
wait -n "${pids[@]}"
echo "lab.sh: a server has ended" >&2
exit 1
