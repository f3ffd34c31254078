#!/usr/bin/env bash
# `make run`: mail for tests on this machine's own address, with the web inbox, and the dialogue on the screen. The mail stays in inbox/.
# Usage: run.sh BUILD. To be chosen: INBOX=DIR SMTP_PORT=… POP3_PORT=… WEB_PORT=… make run (port 0 picks a free one)
set -u
build=$1
mail=${INBOX:-inbox}

# On a terminal, in a group of its own: Ctrl-C is then for the server, and make ends as well as it does.
if [ -t 0 ] && [ "${2:-}" != inner ]; then
	set -m
	"$0" "$build" inner
	exit
fi

exec 3>&1
exec {errors}< <(exec "$build/postroom" serve --dir "$mail" --transcript --smtp-port "${SMTP_PORT:-2525}" \
	--pop3-port "${POP3_PORT:-2110}" --web-port "${WEB_PORT:-8025}" 2>&1 >&3)
server=$!

end() {
	trap '' INT TERM
	kill -TERM "$server" 2>/dev/null
	wait "$server"
	echo
	echo "Ended. The mail stays in $mail/; the next make run shows it again."
	exit 0
}
trap end INT TERM

# Its own words up to the last line of its greeting, which says where everything is.
page='' smtp='' pop3=''
while [ -z "$page" ] || [[ $line != "  Mail "* ]]; do
	if ! IFS= read -r line <&"$errors"; then
		wait "$server"
		status=$?
		[ $status -ne 69 ] || cat >&2 <<-END
			Does \`make run\` or \`make lab\` run in another window? One more beside it:
			  INBOX=inbox2 SMTP_PORT=2526 POP3_PORT=2111 WEB_PORT=8026 make run
		END
		exit $status
	fi
	case $line in
	"listening on"*) continue ;;
	"  SMTP "*) smtp=${line#*port } smtp=${smtp%% *} ;;
	"  POP3 "*) pop3=${line#*port } pop3=${pop3%% *} ;;
	"  Web "*) page=${line#*http} page=http$page ;;
	esac
	printf '%s\n' "$line"
done
cat <<END

Open $page in a browser. In another window, send a mail:

  printf 'Subject: Hello\n\nIt works.\n' | curl --crlf smtp://127.0.0.1:$smtp --mail-from bob@example.org --mail-rcpt alice@example.org -T -
  swaks --server 127.0.0.1:$smtp --from bob@example.org --to alice@example.org --header 'Subject: Hello'

wait for it, and read it:

  curl '${page}api/wait?to=alice@example.org&timeout=30s'
  curl -u alice@example.org:any pop3://127.0.0.1:$pop3/1

Ctrl-C ends it. The dialogues come here, and are on the page, explained:

END
while IFS= read -r line <&"$errors"; do
	printf '%s\n' "$line" >&2
done
wait "$server"
echo "run.sh: the server has ended" >&2
exit 1
