# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Buses for these tests. start_bus [CONFIG] starts a dbus-daemon with this additional
# configuration; it sets AFBUS and UNIX, the two addresses of the daemon, and
# bus_config and bus_log, its files. start_plain_bus [CONFIG] does the same with a
# dbus-daemon without AF_BUS, and sets UNIX only. DBUS_PATCHED and DBUS_PLAIN are
# where the two are installed.

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
: "${DBUS_PATCHED:?where the patched dbus is}"
export LD_LIBRARY_PATH=$DBUS_PATCHED/lib
work=$(mktemp -d)
daemons=()

stop_bus() {
	local pid

	for pid in "${daemons[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	daemons=()
}

finish() {
	local status=$?

	stop_bus
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT

allow_all='<policy context="default">
	<allow send_destination="*" eavesdrop="true"/>
	<allow eavesdrop="true"/>
	<allow own="*"/>
</policy>'

# write_config DIR LISTEN CONFIG
write_config() {
	local dir=$1

	mkdir "$dir/services"
	cat >"$dir/bus.conf" <<-END
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
			<type>session</type>
			$2
			<servicedir>$dir/services</servicedir>
			<auth>EXTERNAL</auth>
			<limit name="max_incoming_bytes">1000000000</limit>
			<limit name="max_outgoing_bytes">1000000000</limit>
			<limit name="max_message_size">1000000000</limit>
			<limit name="max_connections_per_user">100000</limit>
			<limit name="max_completed_connections">100000</limit>
			<limit name="max_match_rules_per_connection">50000</limit>
			<limit name="max_replies_per_connection">50000</limit>
			$3
		</busconfig>
	END
	cat >"$dir/services/started.service" <<-END
		[D-BUS Service]
		Name=af_bus.Started
		Exec=$here/bin/scenarios --started
	END
}

# start_daemon PREFIX DIR: preloads the library daemon_preload, if set.
daemon_preload=''
start_daemon() {
	local dir=$2

	LD_PRELOAD=$daemon_preload LD_LIBRARY_PATH=$1/lib "$1/bin/dbus-daemon" --config-file="$dir/bus.conf" --nofork \
		--print-address=3 3>"$dir/address" 2>"$dir/log" &
	daemons+=($!)
	while [ ! -s "$dir/address" ]; do
		if ! kill -0 "${daemons[-1]}" 2>/dev/null; then
			sed 's/^/# /' "$dir/log"
			echo "Bail out! dbus-daemon does not start"
			exit 1
		fi
		sleep 0.1
	done
	UNIX=unix:path=$dir/unix
	bus_config=$dir/bus.conf
	bus_log=$dir/log
	export UNIX bus_config bus_log
}

start_bus() {
	local dir

	dir=$(mktemp -d "$work/bus.XXXXXX")
	write_config "$dir" "<listen>unix:path=$dir/unix</listen>
		<listen>afbus:path=$dir/afbus</listen>" "${1-$allow_all}"
	start_daemon "$DBUS_PATCHED" "$dir"
	AFBUS=afbus:path=$dir/afbus
	export AFBUS
}

start_plain_bus() {
	local dir

	dir=$(mktemp -d "$work/bus.XXXXXX")
	write_config "$dir" "<listen>unix:path=$dir/unix</listen>" "${1-$allow_all}"
	start_daemon "${DBUS_PLAIN:?where the unpatched dbus is}" "$dir"
}

# Prints the daemon's log as diagnostics.
show_bus_log() {
	sed 's/^/# dbus-daemon: /' "$bus_log"
}

test_number=0

# result STATUS NAME
result() {
	test_number=$((test_number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $test_number - $2"
	else
		echo "not ok $test_number - $2"
	fi
}
