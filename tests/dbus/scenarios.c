// SPDX-License-Identifier: MIT
/*
 * scenarios AFBUS UNIX: what clients of one bus see, whichever of its sockets
 * they use. Both addresses are of the same dbus-daemon.
 */
#include <errno.h>
#include <fcntl.h>

#include "bus.h"

static const char *address[2];	/* AF_BUS, AF_UNIX */
static const char *const kind[2] = { "afbus", "unix" };
static int from, to;		/* kinds of the clients in the tests of pairs */

enum { AFBUS, UNIX };

static void run_pairs(const char *what, void (*test)(void))
{
	char name[128];

	for (from = 0; from < 2; from++)
		for (to = 0; to < 2; to++) {
			snprintf(name, sizeof(name), "%s, %s to %s", what,
				 kind[from], kind[to]);
			run(name, test);
		}
}

static void unique_names(void)
{
	DBusConnection *a = client(address[AFBUS]);
	DBusConnection *u = client(address[UNIX]);

	CHECK(!strncmp(dbus_bus_get_unique_name(a), ":0.", 3));
	CHECK(!strncmp(dbus_bus_get_unique_name(u), ":1.", 3));
	drop(a);
	drop(u);
}

static void fall_back(void)
{
	char list[512];
	DBusConnection *c;

	snprintf(list, sizeof(list), "afbus:path=/nonexistent/bus;%s",
		 address[UNIX]);
	c = client(list);
	CHECK(!strncmp(dbus_bus_get_unique_name(c), ":1.", 3));
	drop(c);

	snprintf(list, sizeof(list), "%s;%s", address[AFBUS], address[UNIX]);
	c = client(list);
	CHECK(!strncmp(dbus_bus_get_unique_name(c), ":0.", 3));
	drop(c);
}

/* a calls b by name; the reply and all header fields are right. */
static void call_and_reply(DBusConnection *a, DBusConnection *b,
			   const char *name)
{
	DBusMessage *m = call(name, "Echo"), *reply;
	const char *text = "hello";
	dbus_uint32_t serial;

	dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
	serial = post(a, m);
	m = next(b);
	CHECK(m);
	CHECK(dbus_message_is_method_call(m, INTERFACE, "Echo"));
	CHECK(dbus_message_has_sender(m, dbus_bus_get_unique_name(a)),
	      "%s", dbus_message_get_sender(m));
	CHECK(dbus_message_has_destination(m, name));
	CHECK(is_string(m, "hello"));
	reply = must(dbus_message_new_method_return(m));
	dbus_message_append_args(reply, DBUS_TYPE_STRING, &text,
				 DBUS_TYPE_INVALID);
	post(b, reply);
	dbus_message_unref(m);
	m = reply_to(a, serial);
	CHECK(m);
	CHECK(dbus_message_has_sender(m, dbus_bus_get_unique_name(b)),
	      "%s", dbus_message_get_sender(m));
	CHECK(is_string(m, "hello"));
	dbus_message_unref(m);
}

static void calls(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b = client(address[to]);

	request_name(b, "af_bus.Calls");
	call_and_reply(a, b, "af_bus.Calls");
	if (!failure[0])
		call_and_reply(a, b, dbus_bus_get_unique_name(b));
	if (!failure[0])
		call_and_reply(b, a, dbus_bus_get_unique_name(a));
	drop(a);
	drop(b);
}

static void calls_go_directly(void)
{
	DBusConnection *a = client(address[AFBUS]);
	DBusConnection *b = client(address[AFBUS]);
	struct state before, after;

	request_name(b, "af_bus.Direct");
	sync_with_bus(a);
	sync_with_bus(b);
	call_and_reply(a, b, "af_bus.Direct");
	settled(b);
	before = settled(a);
	call_and_reply(a, b, "af_bus.Direct");
	call_and_reply(a, b, dbus_bus_get_unique_name(b));
	after = info(a);
	CHECK(after.unicasts == before.unicasts + 2, "%llu, %llu",
	      before.unicasts, after.unicasts);
	CHECK(after.handovers == before.handovers);
	CHECK(info(b).unicasts >= 2);
	drop(a);
	drop(b);
}

/* Gets the error of a call to a name that does not exist. */
static void get_error(int k, const char *name, bool start, char *text,
		      size_t size)
{
	DBusConnection *c = client(address[k]);
	DBusError error = DBUS_ERROR_INIT;
	DBusMessage *m = call(name, "Any");

	dbus_message_set_auto_start(m, start);
	m = reply_to(c, post(c, m));
	if (m && dbus_set_error_from_message(&error, m))
		snprintf(text, size, "%s: %s (%s)", error.name, error.message,
			 dbus_message_get_sender(m));
	else
		snprintf(text, size, "no error");
	if (m)
		dbus_message_unref(m);
	dbus_error_free(&error);
	drop(c);
}

static void errors(void)
{
	static const char *const names[] = {
		"af_bus.Nobody", ":0.999999", ":1.999999", ":7.7"
	};
	char over[2][512];
	unsigned int i;

	for (i = 0; i < 8; i++) {
		int k;

		for (k = 0; k < 2; k++)
			get_error(k, names[i / 2], i % 2, over[k],
				  sizeof(over[k]));
		CHECK(strncmp(over[0], "no error", 8), "%s", names[i / 2]);
		CHECK(!strcmp(over[0], over[1]), "%s and %s", over[0], over[1]);
	}
}

static void start_service(void)
{
	DBusConnection *c = client(address[from]);
	DBusMessage *m = reply_to(c, post(c, call("af_bus.Started", "Any")));

	CHECK(m);
	CHECK(is_string(m, "started"), "%s",
	      dbus_message_get_error_name(m) ?: "");
	dbus_message_unref(m);
	m = call("af_bus.Started", "Quit");
	dbus_message_unref(reply_to(c, post(c, m)));
	drop(c);
}

/* The program that the daemon starts; it answers until it is told to quit. */
static int be_started(void)
{
	DBusConnection *c = client(getenv("DBUS_STARTER_ADDRESS"));
	const char *text = "started";
	const char *name = "af_bus.Started";
	dbus_uint32_t flags = 0;
	bool quit = false;
	DBusMessage *m = bus_call_new("RequestName", NULL);

	/* the call that started us may come before the reply to this */
	dbus_message_append_args(m, DBUS_TYPE_STRING, &name,
				 DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID);
	post(c, m);
	while (!quit && (m = next(c))) {
		if (dbus_message_get_type(m) == DBUS_MESSAGE_TYPE_METHOD_CALL) {
			DBusMessage *reply = must(dbus_message_new_method_return(m));

			quit = dbus_message_has_member(m, "Quit");
			if (quit) {
				DBusMessage *r = bus_call(c, "ReleaseName",
							  "af_bus.Started");

				if (r)
					dbus_message_unref(r);
			}
			dbus_message_append_args(reply, DBUS_TYPE_STRING, &text,
						 DBUS_TYPE_INVALID);
			post(c, reply);
		}
		dbus_message_unref(m);
	}
	drop(c);
	return 0;
}

static void descriptors(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b = client(address[to]);
	DBusMessage *m = call(dbus_bus_get_unique_name(b), "Take");
	int ends[2], got[2] = { -1, -1 };
	char byte = 'x';

	CHECK(dbus_connection_can_send_type(a, DBUS_TYPE_UNIX_FD));
	CHECK(!pipe(ends));
	dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &ends[0],
				 DBUS_TYPE_UNIX_FD, &ends[1], DBUS_TYPE_INVALID);
	post(a, m);
	close(ends[0]);
	close(ends[1]);
	m = next(b);
	CHECK(m);
	CHECK(dbus_message_get_args(m, NULL, DBUS_TYPE_UNIX_FD, &got[0],
				    DBUS_TYPE_UNIX_FD, &got[1],
				    DBUS_TYPE_INVALID));
	CHECK(write(got[1], &byte, 1) == 1);
	byte = 0;
	CHECK(read(got[0], &byte, 1) == 1 && byte == 'x');
	close(got[0]);
	close(got[1]);
	dbus_message_unref(m);
	drop(a);
	drop(b);
}

static void descriptors_in_a_signal(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b[2] = { client(address[to]), client(address[to]) };
	DBusMessage *m = signal_new("Take", NULL);
	int ends[2], got, i;
	char byte;

	add_match(b[0], "member='Take'");
	add_match(b[1], "member='Take'");
	CHECK(!pipe(ends));
	dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &ends[1],
				 DBUS_TYPE_INVALID);
	post(a, m);
	close(ends[1]);
	for (i = 0; i < 2; i++) {
		m = next(b[i]);
		CHECK(m && dbus_message_get_args(m, NULL, DBUS_TYPE_UNIX_FD,
						 &got, DBUS_TYPE_INVALID));
		CHECK(write(got, "x", 1) == 1);
		close(got);
		dbus_message_unref(m);
	}
	CHECK(read(ends[0], &byte, 1) == 1 && read(ends[0], &byte, 1) == 1);
	/* no process holds the other end once the daemon has closed it */
	sync_with_bus(a);
	CHECK(read(ends[0], &byte, 1) == 0);
	close(ends[0]);
	drop(a);
	drop(b[0]);
	drop(b[1]);
}

/* Sockets may not be passed over AF_BUS where the kernel cannot collect cycles.
 * Then the message is lost, and nothing else is.
 */
static void sockets_as_descriptors(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b = client(address[to]);
	DBusMessage *m = call(dbus_bus_get_unique_name(b), "Take");
	int ends[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &ends[0],
				 DBUS_TYPE_INVALID);
	post(a, m);
	close(ends[0]);
	close(ends[1]);
	post(a, call(dbus_bus_get_unique_name(b), "After"));
	m = next(b);
	CHECK(m);
	if (dbus_message_has_member(m, "Take")) {
		dbus_message_unref(m);
		m = next(b);
	}
	CHECK(m && dbus_message_has_member(m, "After"));
	dbus_message_unref(m);
	drop(a);
	drop(b);
}

static void signals(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b = client(address[to]);
	DBusMessage *m;
	char rule[256];

	request_name(a, "af_bus.Emitter");
	snprintf(rule, sizeof(rule), "type='signal',sender='af_bus.Emitter',"
		 "interface='" INTERFACE "',path_namespace='/af_bus',arg0='b'");
	add_match(b, rule);
	post(a, signal_new("One", "a"));
	post(a, signal_new("Two", "b"));
	m = signal_new("Three", "a");
	dbus_message_set_destination(m, dbus_bus_get_unique_name(b));
	post(a, m);
	m = next(b);
	CHECK(m && dbus_message_is_signal(m, INTERFACE, "Two"));
	CHECK(dbus_message_has_sender(m, dbus_bus_get_unique_name(a)));
	CHECK(is_string(m, "b"));
	dbus_message_unref(m);
	m = next(b);
	CHECK(m && dbus_message_is_signal(m, INTERFACE, "Three"));
	dbus_message_unref(m);
	drop(a);
	drop(b);
}

static void one_of_three(void)
{
	DBusConnection *a = client(address[AFBUS]);
	DBusConnection *b[3];
	struct state before, after;
	int i;

	for (i = 0; i < 3; i++) {
		char rule[64];

		b[i] = client(address[AFBUS]);
		snprintf(rule, sizeof(rule), "type='signal',member='S%d'", i);
		add_match(b[i], rule);
		sync_with_bus(b[i]);
	}
	sync_with_bus(a);
	post(a, signal_new("S9", NULL));
	before = settled(a);
	post(a, signal_new("S1", NULL));
	after = info(a);
	CHECK(after.multicasts == before.multicasts + 1);
	CHECK(after.handovers == before.handovers);
	for (i = 0; i < 3; i++) {
		DBusMessage *m;

		post(a, call(dbus_bus_get_unique_name(b[i]), "After"));
		m = next(b[i]);
		if (i == 1) {
			CHECK(m && dbus_message_has_member(m, "S1"));
			dbus_message_unref(m);
			m = next(b[i]);
		}
		CHECK(m && dbus_message_has_member(m, "After"), "%d: %s", i,
		      m ? dbus_message_get_member(m) : "nothing");
		dbus_message_unref(m);
		drop(b[i]);
	}
	drop(a);
}

static void mixed_subscribers(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b[4];
	int i, n;

	for (i = 0; i < 4; i++) {
		b[i] = client(address[i / 2]);
		add_match(b[i], "type='signal',member='Mixed'");
	}
	for (n = 0; n < 20; n++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", n);
		post(a, signal_new("Mixed", text));
	}
	for (i = 0; i < 4; i++) {
		for (n = 0; n < 20; n++) {
			char text[16];
			DBusMessage *m = next(b[i]);

			snprintf(text, sizeof(text), "%d", n);
			CHECK(m && is_string(m, text), "client %d, %d", i, n);
			dbus_message_unref(m);
		}
		drop(b[i]);
	}
	drop(a);
}

static void no_reply(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b = client(address[to]);
	DBusMessage *m;
	char rule[256];
	dbus_uint32_t read_one, unread;

	snprintf(rule, sizeof(rule), "type='signal',sender='" DBUS_SERVICE_DBUS
		 "',member='NameOwnerChanged',arg0='%s'",
		 dbus_bus_get_unique_name(b));
	add_match(a, rule);
	sync_with_bus(a);
	sync_with_bus(b);
	read_one = post(a, call(dbus_bus_get_unique_name(b), "One"));
	m = next(b);
	CHECK(m && dbus_message_has_member(m, "One"));
	dbus_message_unref(m);
	unread = post(a, call(dbus_bus_get_unique_name(b), "Two"));
	drop(b);

	m = next(a);
	CHECK(m && dbus_message_is_signal(m, DBUS_INTERFACE_DBUS,
					  "NameOwnerChanged"), "%s",
	      m && dbus_message_get_error_name(m) ?
	      dbus_message_get_error_name(m) : "");
	dbus_message_unref(m);
	while (read_one || unread) {
		m = next(a);
		CHECK(m && dbus_message_is_error(m, DBUS_ERROR_NO_REPLY));
		CHECK(is_string(m, "Message recipient disconnected from message bus without replying"));
		if (dbus_message_get_reply_serial(m) == read_one)
			read_one = 0;
		else if (dbus_message_get_reply_serial(m) == unread)
			unread = 0;
		else
			CHECK(!"a reply to something else");
		dbus_message_unref(m);
	}
	drop(a);
}

/* The next message for c is its own, and c still works. */
static void noticed_nothing(DBusConnection *c)
{
	DBusMessage *m;

	post(c, call(dbus_bus_get_unique_name(c), "Myself"));
	m = next(c);
	CHECK(m && dbus_message_has_member(m, "Myself"), "%s",
	      m ? dbus_message_get_member(m) : "nothing");
	dbus_message_unref(m);
}

/* Bytes that are no message: the sender is disconnected, the bus knows that it
 * has gone, and no other client notices anything.
 */
static void send_garbage(const void *data, size_t size)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b[4];
	char rule[256], name[32];
	const char *old = NULL, *new = NULL, *who = NULL;
	DBusMessage *m;
	int fd, i;

	snprintf(name, sizeof(name), "%s", dbus_bus_get_unique_name(a));
	snprintf(rule, sizeof(rule),
		 "member='NameOwnerChanged',arg0='%s'", name);
	for (i = 0; i < 4; i++) {
		b[i] = client(address[i / 2]);
		add_match(b[i], "member='Garbage'");
		if (i % 2)
			add_match(b[i], rule);
	}
	sync_with_bus(a);
	CHECK(dbus_connection_get_unix_fd(a, &fd));
	CHECK(send(fd, data, size, 0) == (ssize_t)size);
	while ((m = next(a)) &&
	       !dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected"))
		dbus_message_unref(m);
	CHECK(m);
	dbus_message_unref(m);
	CHECK(!dbus_connection_get_is_connected(a));
	dbus_connection_unref(a);
	for (i = 1; i < 4; i += 2) {
		m = next(b[i]);
		CHECK(m && dbus_message_get_args(m, NULL, DBUS_TYPE_STRING,
						 &who, DBUS_TYPE_STRING, &old,
						 DBUS_TYPE_STRING, &new,
						 DBUS_TYPE_INVALID));
		CHECK(!strcmp(old, name) && !*new, "%s: %s %s", who, old, new);
		dbus_message_unref(m);
	}
	for (i = 0; i < 4 && !failure[0]; i++)
		noticed_nothing(b[i]);
	if (!failure[0])
		call_and_reply(b[0], b[2], dbus_bus_get_unique_name(b[2]));
	if (!failure[0])
		call_and_reply(b[2], b[1], dbus_bus_get_unique_name(b[1]));
	for (i = 0; i < 4; i++)
		drop(b[i]);
}

static void garbage(void)
{
	DBusMessage *m = signal_new("Garbage", "text");
	char *data, two[2048];
	int len;

	dbus_message_set_serial(m, 1);
	CHECK(dbus_message_marshal(m, &data, &len));
	dbus_message_unref(m);

	send_garbage("garbage, and more than the head of a message", 44);
	/* In a stream these are an incomplete message, and two messages. */
	if (!failure[0] && from == AFBUS)
		send_garbage(data, len - 1);
	memcpy(two, data, len);
	memcpy(two + len, data, len);
	if (!failure[0] && from == AFBUS)
		send_garbage(two, 2 * len);
	data[len - 1] = 'x';		/* a string without its NUL */
	if (!failure[0])
		send_garbage(data, len);
	dbus_free(data);
}

static void forged_sender(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b = client(address[to]);
	DBusMessage *m;

	add_match(b, "member='Forged'");
	sync_with_bus(a);
	sync_with_bus(b);
	m = signal_new("Forged", NULL);
	dbus_message_set_sender(m, DBUS_SERVICE_DBUS);
	post(a, m);
	m = call(dbus_bus_get_unique_name(b), "Forged");
	dbus_message_set_sender(m, ":0.1");
	post(a, m);
	m = next(b);
	CHECK(m && dbus_message_has_sender(m, dbus_bus_get_unique_name(a)));
	dbus_message_unref(m);
	m = next(b);
	CHECK(m && dbus_message_has_sender(m, dbus_bus_get_unique_name(a)));
	dbus_message_unref(m);
	drop(a);
	drop(b);
}

static void large(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b = client(address[to]);
	static const int sizes[] = { 4000, 65400, 65600, 1 << 20, 24 << 20 };
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int size = sizes[i], n = 0;
		DBusMessage *m = call(dbus_bus_get_unique_name(b), "Large");
		unsigned char *data = must(malloc(size)), *got;

		memset(data, i + 1, size);
		data[size - 1] = 99;
		dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE,
					 &data, size, DBUS_TYPE_INVALID);
		dbus_connection_send(a, m, NULL);
		dbus_message_unref(m);
		/* only this process reads, so write and read in turns */
		while (!(m = next_within(b, 0.01)) || is_noise(m))
			CHECK(dbus_connection_read_write(a, 1));
		CHECK(dbus_message_get_args(m, NULL, DBUS_TYPE_ARRAY,
					    DBUS_TYPE_BYTE, &got, &n,
					    DBUS_TYPE_INVALID) && n == size);
		CHECK(!memcmp(data, got, size));
		dbus_message_unref(m);
		free(data);
	}
	drop(a);
	drop(b);
}

static void slow_receiver(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b = client(address[to]);
	DBusConnection *c = client(address[to]);
	int i;

	add_match(b, "member='Slow'");
	add_match(c, "member='Slow'");
	for (i = 0; i < 3000; i++) {
		char text[16];
		DBusMessage *m;

		snprintf(text, sizeof(text), "%d", i);
		post(a, signal_new("Slow", text));
		m = next(c);	/* c reads, b does not */
		CHECK(m && is_string(m, text), "%d", i);
		dbus_message_unref(m);
	}
	for (i = 0; i < 3000; i++) {
		char text[16];
		DBusMessage *m = next(b);

		snprintf(text, sizeof(text), "%d", i);
		CHECK(m && is_string(m, text), "%d", i);
		dbus_message_unref(m);
	}
	call_and_reply(a, b, dbus_bus_get_unique_name(b));
	drop(a);
	drop(b);
	drop(c);
}

static void expect(DBusConnection *c, int type, const char *sender)
{
	DBusMessage *m;

	/* otherwise a monitor sees calls of clients to the bus */
	while ((m = next_within(c, WAIT)) &&
	       (dbus_message_get_type(m) != type ||
		!dbus_message_has_sender(m, sender)))
		dbus_message_unref(m);
	CHECK(m, "type %d from %s", type, sender);
	dbus_message_unref(m);
}

static void monitor(void)
{
	DBusConnection *a = client(address[AFBUS]);
	DBusConnection *b = client(address[AFBUS]);
	DBusConnection *c = client(address[from]);
	const char *rules[] = { "" }, **p = rules;
	dbus_uint32_t flags = 0;
	struct state before;
	DBusMessage *m = must(dbus_message_new_method_call(DBUS_SERVICE_DBUS,
			      DBUS_PATH_DBUS, DBUS_INTERFACE_MONITORING,
			      "BecomeMonitor"));

	dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &p, 0,
				 DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID);
	add_match(b, "member='Seen'");
	m = reply_to(c, post(c, m));
	CHECK(m && dbus_message_get_type(m) ==
	      DBUS_MESSAGE_TYPE_METHOD_RETURN);
	dbus_message_unref(m);
	call_and_reply(a, b, dbus_bus_get_unique_name(b));
	expect(c, DBUS_MESSAGE_TYPE_METHOD_CALL, dbus_bus_get_unique_name(a));
	expect(c, DBUS_MESSAGE_TYPE_METHOD_RETURN, dbus_bus_get_unique_name(b));
	post(a, signal_new("Seen", NULL));
	m = next(b);
	CHECK(m && dbus_message_has_member(m, "Seen"));
	dbus_message_unref(m);
	expect(c, DBUS_MESSAGE_TYPE_SIGNAL, dbus_bus_get_unique_name(a));
	drop(c);
	/* when it has gone, messages go directly again */
	do {
		sync_with_bus(a);
		sync_with_bus(b);
		call_and_reply(a, b, dbus_bus_get_unique_name(b));
	} while (!failure[0] && info(a).flags & BUS_F_VIA_MASTER);
	before = settled(a);
	call_and_reply(a, b, dbus_bus_get_unique_name(b));
	CHECK(info(a).unicasts == before.unicasts + 1);
	drop(a);
	drop(b);
}

static void eavesdropper(void)
{
	DBusConnection *a = client(address[AFBUS]);
	DBusConnection *b = client(address[AFBUS]);
	DBusConnection *c = client(address[from]);
	DBusMessage *m;

	add_match(c, "eavesdrop='true',member='Echo'");
	call_and_reply(a, b, dbus_bus_get_unique_name(b));
	m = next(c);
	CHECK(m && dbus_message_has_member(m, "Echo"));
	dbus_message_unref(m);
	drop(a);
	drop(b);
	drop(c);
}

static void queue_of_owners(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b = client(address[to]);
	DBusConnection *c = client(address[AFBUS]);
	DBusMessage *m;

	request_name(a, "af_bus.Queue");
	request_name(b, "af_bus.Queue");
	call_and_reply(c, a, "af_bus.Queue");
	m = bus_call(a, "ReleaseName", "af_bus.Queue");
	CHECK(m);
	dbus_message_unref(m);
	call_and_reply(c, b, "af_bus.Queue");
	request_name(a, "af_bus.Queue");
	drop(b);
	/* a call before the daemon noticed is answered by the daemon */
	do {
		const char *owner = NULL;

		m = bus_call(c, "GetNameOwner", "af_bus.Queue");
		CHECK(m);
		if (dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &owner,
					  DBUS_TYPE_INVALID) &&
		    !strcmp(owner, dbus_bus_get_unique_name(a)))
			owner = "";
		dbus_message_unref(m);
		if (owner && !*owner)
			break;
	} while (true);
	call_and_reply(c, a, "af_bus.Queue");
	drop(a);
	drop(c);
}

static void removed_rule(void)
{
	DBusConnection *a = client(address[from]);
	DBusConnection *b = client(address[to]);
	DBusMessage *m;

	add_match(b, "member='Removed'");
	add_match(b, "member='Removed'");
	dbus_message_unref(bus_call(b, "RemoveMatch", "member='Removed'"));
	post(a, signal_new("Removed", "1"));
	m = next(b);	/* it was queued twice */
	CHECK(m && is_string(m, "1"));
	dbus_message_unref(m);
	dbus_message_unref(bus_call(b, "RemoveMatch", "member='Removed'"));
	post(a, signal_new("Removed", "2"));
	post(a, call(dbus_bus_get_unique_name(b), "After"));
	m = next(b);
	CHECK(m && dbus_message_has_member(m, "After"));
	dbus_message_unref(m);
	drop(a);
	drop(b);
}

/* Prints which way a call goes, from a client of this process to the owner of
 * the name in the arguments, or to itself.
 */
static int say_way(const char *at, const char *name)
{
	DBusConnection *c = client(at);
	struct state before, after;
	dbus_uint32_t serial;
	DBusMessage *m;

	sync_with_bus(c);
	before = settled(c);
	m = call(name ?: dbus_bus_get_unique_name(c), "Any");
	dbus_message_set_auto_start(m, false);
	serial = post(c, m);
	after = settled(c);
	m = name ? reply_to(c, serial) : next(c);
	printf("%s%s\n", after.unicasts > before.unicasts ? "direct" : "daemon",
	       m && dbus_message_get_type(m) != DBUS_MESSAGE_TYPE_ERROR ?
	       "" : ", no answer");
	if (m)
		dbus_message_unref(m);
	drop(c);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--started"))
		return be_started();
	if (argc >= 3 && !strcmp(argv[1], "--way"))
		return say_way(argv[2], argc > 3 ? argv[3] : NULL);
	if (argc != 3) {
		fprintf(stderr, "usage: scenarios AFBUS-ADDRESS UNIX-ADDRESS\n");
		return 2;
	}
	address[AFBUS] = argv[1];
	address[UNIX] = argv[2];

	run("unique names tell the socket", unique_names);
	run("the next address of a list is taken", fall_back);
	run_pairs("call and reply", calls);
	run("calls go directly", calls_go_directly);
	run("errors are the same", errors);
	for (from = 0; from < 2; from++)
		run(from ? "a service is started, unix" :
		    "a service is started, afbus", start_service);
	run_pairs("descriptors", descriptors);
	run_pairs("descriptors in a signal", descriptors_in_a_signal);
	run_pairs("sockets as descriptors", sockets_as_descriptors);
	run_pairs("signals", signals);
	run("a signal reaches the one subscriber that wants it", one_of_three);
	from = AFBUS;
	run("subscribers of both kinds, afbus", mixed_subscribers);
	from = UNIX;
	run("subscribers of both kinds, unix", mixed_subscribers);
	run_pairs("NoReply after NameOwnerChanged", no_reply);
	for (from = 0; from < 2; from++)
		run(from ? "garbage disconnects its sender only, unix" :
		    "garbage disconnects its sender only, afbus", garbage);
	run_pairs("a forged sender is put right", forged_sender);
	run_pairs("large messages", large);
	run_pairs("a receiver that does not read loses nothing", slow_receiver);
	for (from = 0; from < 2; from++)
		run(from ? "a monitor sees all, unix" :
		    "a monitor sees all, afbus", monitor);
	for (from = 0; from < 2; from++)
		run(from ? "an eavesdropper sees all, unix" :
		    "an eavesdropper sees all, afbus", eavesdropper);
	run_pairs("queue of owners", queue_of_owners);
	run_pairs("removed rules", removed_rule);
	return finish();
}
