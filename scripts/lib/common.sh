# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by all scripts: directories, messages, locks, logs

top=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
cache=${AF_BUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/af_bus}
logs=$top/build/log

# A guest may read all files made here as another user.
umask 022

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "error: $*"
	exit 1
}

# The comment at the head of a script is its help text.
usage() {
	sed -n '/^# SPDX/d; 2,/^$/s/^# \{0,1\}//p' "$0"
}

bad_usage() {
	say "error: $*"
	usage >&2
	exit 2
}

# need_space DIR GIGABYTES
need_space() {
	local free

	mkdir -p "$1" || die "cannot write to $1: set AF_BUS_CACHE to a directory of yours"
	free=$(df --output=avail -B1M "$1" | tail -n 1)
	((free >= $2 * 1024)) ||
		die "$1 has $((free / 1024)) GB free, this needs $2: make room or set AF_BUS_CACHE to a larger disk"
}

# lock NAME: one process on this machine holds it, until the script ends.
lock() {
	local file=$cache/lock/$1 fd

	mkdir -p "$cache/lock"
	exec {fd}<>"$file"
	if ! flock -n "$fd"; then
		say "waiting for $(cat "$file.holder" 2>/dev/null || echo "another run") (lock $1)"
		# Wait in short steps, so that no process waits on when this script is
		# killed.
		until flock -w 1 "$fd"; do :; done
	fi
	echo "process $$ in $top since $(date +%T)" >"$file.holder"
}

# lock_one_of NAME N: N processes on this machine can hold it.
lock_one_of() {
	local i fd told=

	mkdir -p "$cache/lock"
	while :; do
		for ((i = 1; i <= $2; i++)); do
			exec {fd}<>"$cache/lock/$1-$i"
			if flock -n "$fd"; then
				echo "process $$ in $top since $(date +%T)" >"$cache/lock/$1-$i.holder"
				return
			fi
			exec {fd}>&-
		done
		[ -n "$told" ] || say "waiting for $(cat "$cache/lock/$1-1.holder" 2>/dev/null ||
			echo "another run") or one of $2 like it (lock $1)"
		told=1
		sleep 1
	done
}

job=
stop_job() {
	[ -z "$job" ] || kill -- "-$job" 2>/dev/null || true
}
trap stop_job EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# logged LABEL LOG COMMAND...: reports progress; quotes the log of a failure.
logged() {
	local label=$1 log=$2 start=$SECONDS next status=0
	local every=10

	shift 2
	[ -t 2 ] || every=30
	next=$every
	mkdir -p "${log%/*}"
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	job=$!
	set +m
	while kill -0 "$job" 2>/dev/null; do
		sleep 0.2
		((SECONDS - start >= next)) || continue
		next=$((next + every))
		say "$label: $((SECONDS - start)) s, $(wc -l <"$log") steps"
	done
	wait "$job" || status=$?
	job=
	if ((status)); then
		say "error: $label failed ($status) after $((SECONDS - start)) s; the errors and the end of $log:"
		{
			grep -E -m 10 -A 3 '(error|Error|ERROR|undefined reference)[: ]' "$log" || true
			echo ...
			tail -n 20 "$log"
		} | sed 's/^/    /' >&2
		return "$status"
	fi
	say "$label: done in $((SECONDS - start)) s"
}
