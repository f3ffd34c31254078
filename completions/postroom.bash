# bash completion for postroom, smtpmail, popserver, mailclient and postroom-web. What there is to choose from is what the program's own --help says, so that
# it is always that of the program that is there.

# "--name ARGUMENT" a line, or "--name": the options of `PROGRAM [COMMAND]`. What stands under another command's heading is left out.
_postroom_options() {
	"$@" --help 2>/dev/null </dev/null | awk -v command="$2" '
		/^[a-z]+:$/ { heading = substr($0, 1, length - 1) }
		/^ +--/ && (!heading || heading == command) { print $1, /^ +--[a-z0-9-]+ [^ ]/ ? $2 : "" }'
}

# "list USER", a line for each action: what a command's usage says behind its options.
_postroom_actions() {
	"$@" --help 2>/dev/null </dev/null | sed -n '1s/^usage: [^[]*\[options\] *//p' | sed 's/ | /\n/g'
}

# What an option says of its values: "yescrypt, scram-sha-256 or plain".
_postroom_values() {
	local option=$1
	shift
	"$@" --help 2>/dev/null </dev/null | sed -n "s/^ *$option [A-Z]*  *\([a-z]*: \)*\([^(]*\)(.*/\2/p" | sed 's/,\| or / /g'
}

_postroom_users() {
	local i dir=.
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == --dir ]] && dir=${COMP_WORDS[i + 1]}
	done
	"$1" user list --dir "$dir" 2>/dev/null </dev/null | cut -d ' ' -f 1
}

# The words for a value or an operand that is called this in the help.
_postroom_kind() {
	local kind=$1 current=$2
	shift 2
	case $kind in
	*FILE*) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
	*DIR*) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
	SCHEME | FORMAT) mapfile -t COMPREPLY < <(compgen -W "$(_postroom_values "$previous" "$@")" -- "$current") ;;
	SERVER | HOST*) mapfile -t COMPREPLY < <(compgen -A hostname -- "$current") ;;
	esac
	[[ $kind != *USER* ]] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$(_postroom_users "$1")" -- "$current")
}

_postroom() {
	local program=$1 current=$2 previous=$3 commands='' argument i
	local -a asked=("$1") operands=()
	COMPREPLY=()
	case ${program##*/} in
	postroom) commands="help $("$program" --help 2>/dev/null </dev/null | sed -n 's/^  postroom \([a-z-]*\) .*/\1/p' | tr '\n' ' ')" ;;
	mailclient | mail_client) commands=$("$program" --help 2>/dev/null </dev/null | sed -n 's/.*: mailclient \([a-z|]*\);.*/\1/p' | tr '|' ' ') ;;
	esac
	if [[ $COMP_CWORD -gt 1 && " $commands " == *" ${COMP_WORDS[1]} "* ]]; then
		asked+=("${COMP_WORDS[1]}")
	fi
	local options
	options=$(_postroom_options "${asked[@]}")
	argument=$(awk -v option="$previous" '$1 == option { print $2; exit }' <<<"$options")
	if [[ $previous == --* && -n $argument ]]; then
		_postroom_kind "$argument" "$current" "${asked[@]}"
		return
	fi
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(cut -d ' ' -f 1 <<<"$options")" -- "$current")
		[[ ${program##*/} != postroom || $COMP_CWORD -gt 1 ]] || mapfile -t COMPREPLY < <(compgen -W '--help --version' -- "$current")
		return
	fi
	if [[ $COMP_CWORD -eq 1 && -n $commands ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
		return
	fi
	for ((i = ${#asked[@]}; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == --* ]]; then
			[[ -z $(awk -v option="${COMP_WORDS[i]}" '$1 == option { print $2; exit }' <<<"$options") ]] || i=$((i + 1))
		else
			operands+=("${COMP_WORDS[i]}")
		fi
	done
	_postroom_operand
}

# Behind the options: an action, or what the help calls the operand at this place.
_postroom_operand() {
	local first rest
	if [[ ${asked[1]-} == help ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
		return
	fi
	while read -r first rest; do
		[[ -n $first ]] || continue
		if [[ $first != [a-z]* ]]; then
			_postroom_kind "$first" "$current" "${asked[@]}"
		elif [[ ${#operands[@]} -eq 0 ]]; then
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$first" -- "$current")
		elif [[ ${operands[0]} == "$first" ]]; then
			local -a words=($rest)
			[[ $first == passwd || $first == remove ]] && words=(USER)
			_postroom_kind "${words[${#operands[@]} - 1]-}" "$current" "${asked[@]}"
		fi
	done < <(_postroom_actions "${asked[@]}")
}

complete -F _postroom postroom smtpmail popserver mailclient postroom-web mailserver_stmp pop_server mail_client
