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
	local status=$?

	jobs -p | xargs -r kill -9 2>/dev/null
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

# until_so COMMAND...: waits for it, long: the machine may be an emulated one.
until_so() {
	local i

	for ((i = 0; i < 1200; i++)); do
		! "$@" || return 0
		sleep 0.1
	done
	echo "# in vain: $*"
	return 1
}

# has FILE TEXT...: each in a line of FILE
has() {
	local file=$1 text

	shift
	for text; do
		grep -qsF -- "$text" "$file" || return
	done
}

# is FILE TEXT: all that is in FILE, but for the last newline
is() {
	[ "$(cat "$1")" = "$2" ] && return
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

# gone PID: it has ended, be it waited for or not
gone() {
	! grep -qs '^State:[[:space:]]*[^Z]' "/proc/$1/status"
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

# lines FILE NUMBER
lines() {
	[ "$(wc -l <"$1")" = "$2" ]
}

bus_lines() {
	tail -n +2 /proc/net/bus
}

# listens PATH, as it is in /proc/net/bus
listens() {
	bus_lines | awk -v path="$1" '$3 == "LISTEN" && $NF == path { n = 1 } END { exit !n }'
}

# queued PID: messages in the queue of its one socket
queued() {
	local inode

	inode=$(find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' | head -n 1)
	bus_lines | awk -v inode="$inode" '$9 == inode { print $5 }'
}

# has_queued PID NUMBER
has_queued() {
	[ "$(queued "$1")" = "$2" ]
}

# in_state PID LETTER
in_state() {
	grep -qs "^State:[[:space:]]*$2" "/proc/$1/status"
}

stop() {
	kill -STOP "$1"
	until_so in_state "$1" T
}
