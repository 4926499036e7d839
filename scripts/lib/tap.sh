# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Results of tests: prints one line for each, and counts them.

passed=0 failed=0 skipped=0

pass() {
	passed=$((passed + 1))
	echo "ok $((passed + failed + skipped)) $*"
}

# fail NAME [FILE]: quotes the end of FILE.
fail() {
	failed=$((failed + 1))
	echo "not ok $((passed + failed + skipped)) $1"
	[ -z "${2-}" ] || {
		echo "# the end of $2:"
		tail -n 40 "$2" | sed 's/^/#   /'
	}
}

# skip NAME REASON: in CI this is a failure, because everything a test needs can be
# installed there.
skip() {
	if [ "${CI-}" = true ]; then
		fail "$1 (skipped: $2)"
		return
	fi
	skipped=$((skipped + 1))
	echo "ok $((passed + failed + skipped)) $1 # SKIP $2"
}

# try NAME COMMAND...: makes one result of one command; its output goes to a log.
try() {
	local name=$1 log

	shift
	log=$logs/check-${name//[^A-Za-z0-9._-]/-}.log
	mkdir -p "$logs"
	if "$@" >"$log" 2>&1; then
		pass "$name"
	else
		fail "$name" "$log"
		return 1
	fi
}

# take_tap PREFIX FILE STATUS: takes over the results that a program printed as TAP or
# KTAP; of nested results those one level down. It is also a failure if there are
# fewer results than planned or none, or if the status is a failure without a failed
# result.
take_tap() {
	local prefix=$1 file=$2 status=$3 indent='' line name plan seen=0 bad=0

	if grep -qE '^    (not )?ok ' "$file"; then
		indent='    '
	fi
	plan=$(sed -n "s/^${indent}1\.\.\([0-9]*\).*/\1/p" "$file" | awk '{ n += $1 } END { print n + 0 }')
	while read -r line; do
		name=$(sed -E 's/^(not )?ok [0-9]*( -)? *//' <<<"$line")
		seen=$((seen + 1))
		case $line in
		"not ok"*)
			bad=$((bad + 1))
			fail "$prefix: $name"
			;;
		*"# SKIP"*) skip "$prefix: ${name%%# SKIP*}" "${name#*# SKIP}" ;;
		*) pass "$prefix: $name" ;;
		esac
	done < <(grep -E "^${indent}(not )?ok " "$file" | sed "s/^$indent//")
	if ((bad)); then
		fail_quote "$file"
	elif ((seen == 0)); then
		fail "$prefix: no results (status $status)" "$file"
	elif ((seen < plan)); then
		fail "$prefix: $seen of $plan tests ran (status $status)" "$file"
	elif ((status != 0 && status != 4)); then
		fail "$prefix: ends with status $status" "$file"
	fi
}

fail_quote() {
	echo "# the end of $1:"
	tail -n 40 "$1" | sed 's/^/#   /'
}

summary() {
	local line="$passed passed, $failed failed"

	((skipped == 0)) || line="$line, $skipped skipped"
	echo "$line"
	((failed == 0))
}
