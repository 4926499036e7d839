/* SPDX-License-Identifier: MIT */
/* Helpers for these programs: several clients of a bus in one process, without
 * a main loop, and TAP output.
 */
#ifndef TESTS_DBUS_BUS_H
#define TESTS_DBUS_BUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>

#include <dbus/dbus.h>
#include <linux/bus.h>

#include "bus-counts.h"

#define PATH "/af_bus/Test"
#define INTERFACE "af_bus.Test"
#define WAIT 60		/* seconds; a debug kernel in emulation is slow */

static int tests, failures;
static char failure[1024];

#define CHECK(condition, ...) \
	do { \
		if (!(condition)) { \
			fail_at(__LINE__, #condition, "" __VA_ARGS__); \
			return; \
		} \
	} while (0)

static void fail_at(int line, const char *condition, const char *format, ...)
{
	int n = snprintf(failure, sizeof(failure), "line %d: %s: ", line,
			 condition);
	va_list args;

	va_start(args, format);
	vsnprintf(failure + n, sizeof(failure) - n, format, args);
	va_end(args);
}

static void run(const char *name, void (*test)(void))
{
	failure[0] = 0;
	test();
	tests++;
	if (failure[0])
		failures++;
	printf("%sok %d - %s\n", failure[0] ? "not " : "", tests, name);
	if (failure[0])
		printf("# %s\n", failure);
	fflush(stdout);
}

static int finish(void)
{
	printf("1..%d\n", tests);
	return failures != 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return p;
}

/* Opens a client that has called Hello. */
static DBusConnection *client(const char *address)
{
	DBusError error = DBUS_ERROR_INIT;
	DBusConnection *c = dbus_connection_open_private(address, &error);

	if (c && dbus_bus_register(c, &error)) {
		dbus_connection_set_exit_on_disconnect(c, false);
		return c;
	}
	fprintf(stderr, "%s: %s\n", address, error.message);
	exit(1);
}

static void drop(DBusConnection *c)
{
	dbus_connection_close(c);
	dbus_connection_unref(c);
}

static DBusMessage *call(const char *to, const char *member)
{
	return must(dbus_message_new_method_call(to, PATH, INTERFACE, member));
}

static DBusMessage *signal_new(const char *member, const char *arg0)
{
	DBusMessage *m = must(dbus_message_new_signal(PATH, INTERFACE, member));

	if (arg0)
		dbus_message_append_args(m, DBUS_TYPE_STRING, &arg0,
					 DBUS_TYPE_INVALID);
	return m;
}

/* Sends a message and drops the reference; returns its serial. */
static dbus_uint32_t post(DBusConnection *c, DBusMessage *m)
{
	dbus_uint32_t serial = 0;

	dbus_connection_send(c, m, &serial);
	dbus_connection_flush(c);
	dbus_message_unref(m);
	return serial;
}

/* Returns the next message for c of any kind; NULL if none comes in time. */
static DBusMessage *next_within(DBusConnection *c, double seconds)
{
	double end = now() + seconds;
	DBusMessage *m;

	while (!(m = dbus_connection_pop_message(c))) {
		double rest = end - now();

		if (rest < 0)
			return NULL;
		if (!dbus_connection_read_write(c, rest * 1000 + 1) &&
		    !dbus_connection_get_is_connected(c))
			return dbus_connection_pop_message(c);
	}
	return m;
}

static bool is_noise(DBusMessage *m)
{
	return dbus_message_is_signal(m, DBUS_INTERFACE_DBUS, "NameAcquired") ||
	       dbus_message_is_signal(m, DBUS_INTERFACE_DBUS, "NameLost");
}

/* Returns the next message for c, except the signals that all clients get. */
static DBusMessage *next(DBusConnection *c)
{
	DBusMessage *m;

	while ((m = next_within(c, WAIT)) && is_noise(m))
		dbus_message_unref(m);
	return m;
}

/* Returns the reply to serial, and drops messages before it. */
static DBusMessage *reply_to(DBusConnection *c, dbus_uint32_t serial)
{
	DBusMessage *m;

	while ((m = next_within(c, WAIT)) &&
	       dbus_message_get_reply_serial(m) != serial)
		dbus_message_unref(m);
	return m;
}

/* Makes a call to the message bus, with a string argument or none. */
static DBusMessage *bus_call_new(const char *member, const char *string)
{
	DBusMessage *m = must(dbus_message_new_method_call(DBUS_SERVICE_DBUS,
			      DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, member));

	if (string)
		dbus_message_append_args(m, DBUS_TYPE_STRING, &string,
					 DBUS_TYPE_INVALID);
	return m;
}

static DBusMessage *bus_call(DBusConnection *c, const char *member,
			     const char *string)
{
	return reply_to(c, post(c, bus_call_new(member, string)));
}

/* Waits until the bus has handled all that c sent, and c has read the results.
 */
static void sync_with_bus(DBusConnection *c)
{
	DBusMessage *m = bus_call(c, "GetId", NULL);

	if (m)
		dbus_message_unref(m);
}

static void request_name_flags(DBusConnection *c, const char *name,
			       dbus_uint32_t flags)
{
	DBusMessage *m = bus_call_new("RequestName", NULL);

	dbus_message_append_args(m, DBUS_TYPE_STRING, &name,
				 DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID);
	m = reply_to(c, post(c, m));
	if (m)
		dbus_message_unref(m);
}

static void request_name(DBusConnection *c, const char *name)
{
	request_name_flags(c, name, 0);
}

static void add_match(DBusConnection *c, const char *rule)
{
	DBusMessage *m = bus_call(c, "AddMatch", rule);

	if (!m || dbus_message_get_type(m) == DBUS_MESSAGE_TYPE_ERROR) {
		fprintf(stderr, "AddMatch(%s) failed\n", rule);
		exit(1);
	}
	dbus_message_unref(m);
}

/* The state of a client on AF_BUS, and counters of what it sent */
struct state {
	unsigned int		flags;
	unsigned int		qlen;
	unsigned int		unacked;
	unsigned long long	unicasts;
	unsigned long long	multicasts;
	unsigned long long	handovers;
};

static struct state info(DBusConnection *c)
{
	struct bus_info i = { 0 };
	struct bus_counts counts = { 0 };
	socklen_t len = sizeof(i);
	int fd = -1;

	if (!dbus_connection_get_unix_fd(c, &fd) ||
	    getsockopt(fd, SOL_BUS, BUS_INFO, &i, &len) ||
	    !bus_counts_get(fd, &counts))
		perror("# BUS_INFO or sock_diag");
	return (struct state) {
		.flags		= i.flags,
		.qlen		= i.qlen,
		.unacked	= i.unacked,
		.unicasts	= counts.nr[BUS_DIAG_STAT_UNICASTS],
		.multicasts	= counts.nr[BUS_DIAG_STAT_MULTICASTS],
		.handovers	= counts.nr[BUS_DIAG_STAT_HANDOVERS],
	};
}

/* Waits until the daemon has acknowledged all that was handed over: its replies
 * may come before that, and messages sent in between go to the daemon as well.
 */
static inline struct state settled(DBusConnection *c)
{
	struct state i = info(c);
	int n;

	for (n = 0; n < 10000 && i.unacked; n++) {
		usleep(1000);
		i = info(c);
	}
	return i;
}

static bool is_string(DBusMessage *m, const char *want)
{
	const char *s = NULL;

	return dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &s,
				     DBUS_TYPE_INVALID) && !strcmp(s, want);
}

#endif
