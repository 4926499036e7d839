# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# For the tests here: TAP, processes, and what /proc/net/bus says. They are run
# in the directory of the programs, as root.

set -u
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
PATH=$here:$PATH
export PYTHONDONTWRITEBYTECODE=1
python=/usr/bin/python3
work=$(mktemp -d)
chmod 755 "$work"
cd "$work" || exit

finish() {
	local status=$? pids

	mapfile -t pids < <(jobs -p)
	# The shell's own: there may be no program of this name.
	kill -9 "${pids[@]}" 2>/dev/null
	wait
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT

test_number=0
test_failed=0

# so NAME COMMAND...: one result
so() {
	local name=$1

	shift
	test_number=$((test_number + 1))
	if "$@"; then
		echo "ok $test_number - $name"
	else
		test_failed=1
		echo "not ok $test_number - $name"
	fi
}

done_testing() {
	echo "1..$test_number"
	exit "$test_failed"
}

# Nothing ever comes from here: a sleep that is no process.
mkfifo "$work/never"
exec {never}<>"$work/never"

# until_so COMMAND...: waits for it, long: the machine may be an emulated one,
# so what is asked so often had better need no program either.
until_so() {
	local i

	for ((i = 0; i < 1200; i++)); do
		! "$@" || return 0
		read -rt 0.1 -u "$never" || true
	done
	echo "# in vain: $*"
	return 1
}

# has FILE TEXT...: FILE has them all in it
has() {
	local all text

	[ -e "$1" ] || return
	all=$(<"$1")
	shift
	for text; do
		[[ $all == *"$text"* ]] || return
	done
}

# is FILE TEXT: all that is in FILE, but for the last newline
is() {
	[ "$(<"$1")" = "$2" ] && return
	echo "# $1:"
	sed 's/^/#   /' "$1"
	return 1
}

# fails STATUS TEXT COMMAND...: ends with STATUS and says TEXT
fails() {
	local status=$1 text=$2 got=0

	shift 2
	"$@" >failed 2>&1 </dev/null || got=$?
	[ "$got" = "$status" ] && has failed "$text" && return
	echo "# status $got, not $status with '$text': $*"
	sed 's/^/#   /' failed
	return 1
}

# lines FILE NUMBER
lines() {
	local all

	mapfile -t all <"$1"
	((${#all[@]} == $2))
}

# in_state PID LETTER
in_state() {
	local key state='' rest

	while read -r key state rest; do
		[ "$key" != State: ] || break
	done 2>/dev/null <"/proc/$1/status"
	[ "$state" = "$2" ]
}

# gone PID: it has ended, be it waited for or not
gone() {
	[ ! -e "/proc/$1" ] || in_state "$1" Z
}

# ends PID STATUS
ends() {
	local got=0

	until_so gone "$1" || kill -9 "$1"
	wait "$1" || got=$?
	[ "$got" = "$2" ] && return
	echo "# ended with status $got, not $2"
	return 1
}

# The table is taken at once: the shell reads ahead in a file, and seeks back to
# where the next line began, where another one may be by then.

# listens PATH, as it is in /proc/net/bus
listens() {
	local line

	while read -r -a line; do
		[ "${line[2]}" != LISTEN ] || [ "${line[10]-}" != "$1" ] || return 0
	done <<<"$(</proc/net/bus)"
	return 1
}

# has_queued PID NUMBER: so many messages are in the queue of its one socket
has_queued() {
	local file inode line

	for file in "/proc/$1/fd"/*; do
		[ ! -S "$file" ] || inode=$(stat -Lc %i "$file")
	done
	while read -r -a line; do
		[ "${line[8]}" != "${inode-none}" ] || [ "${line[4]}" != "$2" ] || return 0
	done <<<"$(</proc/net/bus)"
	return 1
}

stop() {
	kill -STOP "$1"
	until_so in_state "$1" T
}
