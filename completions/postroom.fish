# fish completion for postroom, smtpmail, popserver, mailclient and postroom-web. What there is to choose from is what the program's own --help says, so that
# it is always that of the program that is there.

# The options of `PROGRAM [COMMAND]`: name, what its value is called, what it is; with tabs between. What stands under another command's heading is left out.
function __postroom_options
    set -l heading
    for line in ($argv --help 2>/dev/null </dev/null)
        if set -l found (string match -r '^([a-z]+):$' -- $line)
            set heading $found[2]
        else if set -l found (string match -r '^ +(--[a-z0-9-]+)(?: ([^ ]+))? +(.*)$' -- $line)
            if test -z "$heading" -o "$heading" = "$argv[2]"
                string match -r -g '^ +(--[a-z0-9-]+)()  +(.*)$|^ +(--[a-z0-9-]+) ([^ ]+) +(.*)$' -- $line | string join \t
            end
        end
    end
end

# The words for a value or an operand that is called this in the help; `about` is what is said of the option.
function __postroom_kind --argument-names kind about program
    switch "$kind"
        case '*FILE*' '*DIR*'
            __fish_complete_path (commandline -ct)
        case SCHEME FORMAT
            string replace -r '\(.*' '' -- $about | string replace -r '.*: ' '' | string replace -ra ',| or ' ' ' | string split -n ' '
        case SERVER 'HOST*'
            __fish_print_hostnames
    end
    if string match -q '*USER*' -- $kind
        set -l tokens (commandline -opc)
        set -l dir .
        set -l at (contains -i -- --dir $tokens); and set dir $tokens[(math $at + 1)]
        $program user list --dir $dir 2>/dev/null </dev/null | string replace -r ' .*' ''
    end
end

function __postroom_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    set -l program $tokens[1]
    set -l commands
    for line in ($program --help 2>/dev/null </dev/null)
        if string match -q '*postroom' -- $program; and set -l found (string match -r '^  postroom ([a-z-]+) +(.*)$' -- $line)
            set -a commands $found[2]\t$found[3]
        else if set -l found (string match -r ': mailclient ([a-z|]+);' -- $line)
            set -a commands (string split '|' -- $found[2])
        end
    end
    string match -q '*postroom' -- $program; and set -a commands help\t'says what there is'
    if test "$tokens[2]" = help
        printf '%s\n' $commands
        return
    end
    set -l asked $program
    if test (count $tokens) -gt 1; and contains -- $tokens[2] (string replace -r '\t.*' '' -- $commands)
        set -a asked $tokens[2]
    end
    set -l options (__postroom_options $asked)
    for option in $options
        set -l parts (string split \t -- $option)
        if test "$parts[1]" = "$tokens[-1]" -a -n "$parts[2]"
            __postroom_kind $parts[2] $parts[3] $program
            return
        end
    end
    if string match -q -- '-*' $current
        for option in $options
            set -l parts (string split \t -- $option)
            echo $parts[1]\t$parts[3]
        end
        string match -q '*postroom' -- $program; and test (count $asked) -eq 1; and printf '%s\n' --help --version
    else if test (count $tokens) -eq 1 -a -n "$commands"
        printf '%s\n' $commands
    else
        __postroom_operand $asked
    end
end

# Behind the options: an action, or what the help calls the operand at this place.
function __postroom_operand
    set -l tokens (commandline -opc)
    set -l operands
    set -l i (math (count $argv) + 1)
    set -l with_value (__postroom_options $argv | string match -r -g '^(\S+)\t\S')
    while test $i -le (count $tokens)
        if contains -- $tokens[$i] $with_value
            set i (math $i + 1)
        else if not string match -q -- '-*' $tokens[$i]
            set -a operands $tokens[$i]
        end
        set i (math $i + 1)
    end
    set -l usage ($argv --help 2>/dev/null </dev/null)[1]
    string match -q '*[options] *' -- $usage; or return
    for action in (string replace -r '.*\[options\] ' '' -- $usage | string split ' | ')
        set -l parts (string split -n ' ' -- $action)
        if not string match -qr '^[a-z]' -- $parts[1]
            __postroom_kind "$parts[1]" '' $argv[1]
        else if test (count $operands) -eq 0
            echo $parts[1]
        else if test "$operands[1]" = "$parts[1]"
            contains -- $parts[1] passwd remove; and set parts[2] USER
            set -l at (math (count $operands) + 1)
            test $at -le (count $parts); and __postroom_kind $parts[$at] '' $argv[1]
        end
    end
end

for program in postroom smtpmail popserver mailclient postroom-web mailserver_stmp pop_server mail_client
    complete -c $program -f -a '(__postroom_complete)'
end
