// SPDX-License-Identifier: MIT
/*
 * failures CASE AFBUS UNIX CONFIG DIR: what clients see when the dbus-daemon
 * cannot tell the kernel something; see fail.c.
 */
#include <fcntl.h>

#include "bus.h"

static const char *afbus, *at_unix, *config, *dir;

static void set_fails(const char *what, bool fails)
{
	char name[1024];
	int fd;

	snprintf(name, sizeof(name), "%s/%s", dir, what);
	if (!fails) {
		unlink(name);
		return;
	}
	fd = open(name, O_WRONLY | O_CREAT, 0644);
	if (fd < 0) {
		perror(name);
		exit(1);
	}
	close(fd);
}

static DBusMessage *expect_member(DBusConnection *c, const char *member)
{
	DBusMessage *m = next(c);

	if (m && !dbus_message_has_member(m, member)) {
		dbus_message_unref(m);
		return NULL;
	}
	return m;
}

/* Makes a call that goes directly; b does not answer it. */
static dbus_uint32_t call_directly(DBusConnection *a, DBusConnection *b)
{
	unsigned long long before;
	dbus_uint32_t serial;
	DBusMessage *m;

	sync_with_bus(a);
	sync_with_bus(b);
	settled(b);
	before = settled(a).unicasts;
	serial = post(a, call(dbus_bus_get_unique_name(b), "Hold"));
	m = expect_member(b, "Hold");
	if (!m)
		return 0;
	dbus_message_unref(m);
	return info(a).unicasts == before + 1 ? serial : 0;
}

/* A client that waits for a reply gets an error, though it may be late. */
static void no_reply(void)
{
	DBusConnection *a = client(afbus), *b = client(afbus);
	DBusConnection *u = client(at_unix);
	dbus_uint32_t serial = call_directly(a, b);
	DBusMessage *m;

	CHECK(serial);
	add_match(u, "member='NameOwnerChanged'");
	set_fails("netlink", true);
	drop(b);
	m = expect_member(u, "NameOwnerChanged");
	CHECK(m);
	dbus_message_unref(m);
	/* the daemon has tried in vain, and goes on */
	sync_with_bus(u);
	set_fails("netlink", false);
	m = reply_to(a, serial);
	CHECK(m && dbus_message_is_error(m, DBUS_ERROR_NO_REPLY));
	dbus_message_unref(m);
	drop(a);
	drop(u);
}

/* After a failure no message goes directly any more, and all arrive. */
static void nothing_direct(void)
{
	DBusConnection *a = client(afbus), *b = client(afbus);
	DBusConnection *u = client(at_unix);
	unsigned long long before;
	DBusMessage *m;
	int i;

	CHECK(call_directly(a, b));
	set_fails("netlink", true);
	request_name(b, "af_bus.Fails");
	sync_with_bus(u);
	set_fails("netlink", false);
	before = info(a).unicasts;
	for (i = 0; i < 3; i++) {
		request_name(b, i % 2 ? "af_bus.Gained.A" : "af_bus.Gained.B");
		post(a, call(i ? "af_bus.Fails" : dbus_bus_get_unique_name(b),
			     "After"));
		m = expect_member(b, "After");
		CHECK(m, "%d", i);
		dbus_message_unref(m);
		settled(a);
		CHECK(info(a).unicasts == before, "%d", i);
	}
	drop(a);
	drop(b);
	drop(u);
}

/* A policy is enforced although the kernel was not told of it. */
static void forbidden(void)
{
	DBusConnection *a = client(afbus), *b = client(afbus);
	DBusConnection *u = client(at_unix);
	dbus_uint32_t serial;
	char command[1024];
	DBusMessage *m;

	CHECK(call_directly(a, b));
	snprintf(command, sizeof(command),
		 "sed -i 's,</busconfig>,<policy context=\"mandatory\"><deny send_interface=\"" INTERFACE "\"/></policy></busconfig>,' '%s'",
		 config);
	CHECK(!system(command));
	set_fails("netlink", true);
	m = bus_call(u, "ReloadConfig", NULL);
	CHECK(m);
	dbus_message_unref(m);
	serial = post(a, call(dbus_bus_get_unique_name(b), "Hold"));
	m = reply_to(a, serial);
	CHECK(m && dbus_message_is_error(m, DBUS_ERROR_ACCESS_DENIED));
	dbus_message_unref(m);
	drop(a);
	drop(b);
	drop(u);
}

/* A monitor sees all that is delivered. If the kernel cannot be made to hand
 * messages over, the daemon disconnects all that could send directly.
 */
static void monitored(void)
{
	DBusConnection *a = client(afbus), *b = client(afbus);
	DBusConnection *u = client(at_unix);
	const char *rules[] = { "member='Hold'" }, **p = rules;
	dbus_uint32_t flags = 0;
	DBusMessage *m;

	CHECK(call_directly(a, b));
	set_fails("flags", true);
	m = must(dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
					      DBUS_INTERFACE_MONITORING,
					      "BecomeMonitor"));
	dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &p, 1,
				 DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID);
	m = reply_to(u, post(u, m));
	CHECK(m && dbus_message_get_type(m) == DBUS_MESSAGE_TYPE_METHOD_RETURN);
	dbus_message_unref(m);
	post(a, call(dbus_bus_get_unique_name(b), "Hold"));
	while ((m = next(b)) &&
	       !dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected")) {
		CHECK(!dbus_message_has_member(m, "Hold"));
		dbus_message_unref(m);
	}
	CHECK(m);
	dbus_message_unref(m);
	set_fails("flags", false);
	drop(a);
	drop(b);

	/* afterwards messages go directly again */
	a = client(afbus);
	b = client(afbus);
	post(a, call(dbus_bus_get_unique_name(b), "Hold"));
	m = expect_member(b, "Hold");
	CHECK(m);
	dbus_message_unref(m);
	m = expect_member(u, "Hold");
	CHECK(m);
	dbus_message_unref(m);
	drop(a);
	drop(b);
	drop(u);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name, *what;
		void (*test)(void);
	} cases[] = {
		{ "no-reply", "NoReply is late but comes", no_reply },
		{ "nothing-direct", "nothing goes directly after a failure",
		  nothing_direct },
		{ "forbidden", "a policy that the kernel was not told",
		  forbidden },
		{ "monitored", "a monitor that the kernel was not told",
		  monitored },
	};
	unsigned int i;

	if (argc != 6) {
		fprintf(stderr, "usage: failures CASE AFBUS UNIX CONFIG DIR\n");
		return 2;
	}
	afbus = argv[2];
	at_unix = argv[3];
	config = argv[4];
	dir = argv[5];
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (!strcmp(argv[1], cases[i].name))
			run(cases[i].what, cases[i].test);
	return !tests || failures;
}
