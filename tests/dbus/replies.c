// SPDX-License-Identifier: MIT
/*
 * replies ROUNDS PLAIN PID AFBUS PID: which replies clients get, and in which
 * order. Scripts run over AF_UNIX with a daemon without AF_BUS, and then over
 * AF_BUS with a daemon that has it: clients have to see the same. Messages to a
 * daemon that is stopped wait.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "bus.h"

enum { PLAIN, AFBUS };

static const char *address[2];
static pid_t daemon_pid[2];
static int rounds, on;		/* on which bus the script runs */

/* What clients see */

static char seen[2][8192];

static void note(const char *format, ...)
{
	size_t n = strlen(seen[on]);
	va_list args;

	va_start(args, format);
	vsnprintf(seen[on] + n, sizeof(seen[on]) - n, format, args);
	va_end(args);
}

/* Scripts number their calls from here on; libdbus counts from 1. */
#define CALL	1000

/* The texts of other errors contain unique names. */
static void note_message(const char *who, DBusMessage *m)
{
	const char *text = "";

	if (!m) {
		note("%s: nothing\n", who);
		return;
	}
	switch (dbus_message_get_type(m)) {
	case DBUS_MESSAGE_TYPE_METHOD_CALL:
	case DBUS_MESSAGE_TYPE_SIGNAL:
		note("%s: %s\n", who, dbus_message_get_member(m));
		break;
	case DBUS_MESSAGE_TYPE_METHOD_RETURN:
		note("%s: reply to %u\n", who, dbus_message_get_reply_serial(m));
		break;
	default:
		if (dbus_message_is_error(m, DBUS_ERROR_NO_REPLY))
			dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &text,
					      DBUS_TYPE_INVALID);
		note("%s: %s to %u %s\n", who, dbus_message_get_error_name(m),
		     dbus_message_get_reply_serial(m), text);
	}
	dbus_message_unref(m);
}

static void note_next(const char *who, DBusConnection *c)
{
	note_message(who, next(c));
}

static bool is_of_no_interest(DBusMessage *m)
{
	return is_noise(m) || (dbus_message_get_type(m) ==
			       DBUS_MESSAGE_TYPE_METHOD_RETURN &&
			       dbus_message_get_reply_serial(m) < CALL);
}

/* Notes all that c got, and all that comes of what the daemon has got before.
 */
static void note_all(const char *who, DBusConnection *c)
{
	dbus_uint32_t serial = post(c, bus_call_new("GetId", NULL));
	DBusMessage *m;

	while ((m = next(c)) && dbus_message_get_reply_serial(m) != serial) {
		if (is_of_no_interest(m))
			dbus_message_unref(m);
		else
			note_message(who, m);
	}
	if (m)
		dbus_message_unref(m);
	else
		note("%s: has no connection\n", who);
}

static void show(const char *what, char *text)
{
	char *line;

	printf("# %s\n", what);
	while ((line = strsep(&text, "\n")))
		printf("#    %s\n", line);
}

static void same(const char *name, void (*script)(void))
{
	bool ok;

	failure[0] = 0;
	for (on = PLAIN; on <= AFBUS && !failure[0]; on++) {
		seen[on][0] = 0;
		script();
	}
	ok = !failure[0] && !strcmp(seen[PLAIN], seen[AFBUS]);
	tests++;
	failures += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", tests, name);
	if (failure[0]) {
		show(on == AFBUS ? "plain" : "afbus", failure);
	} else if (!ok || getenv("REPLIES_SHOW")) {
		show("plain", seen[PLAIN]);
		show("afbus", seen[AFBUS]);
	}
	fflush(stdout);
}

/* Ways of messages */

static void stop(void)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", daemon_pid[on]);
	kill(daemon_pid[on], SIGSTOP);
	while (state != 'T') {
		FILE *f = must(fopen(path, "r"));

		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			exit(1);
		fclose(f);
	}
}

static void go_on(void)
{
	kill(daemon_pid[on], SIGCONT);
}

/* Makes messages of c follow this one to the daemon, while that is stopped. */
static void by_the_daemon(DBusConnection *c)
{
	post(c, bus_call_new("GetId", NULL));
}

/* Waits until messages of c may go directly. */
static void directly(DBusConnection *c)
{
	sync_with_bus(c);
	if (on == AFBUS)
		settled(c);
}

static DBusConnection *new_client(void)
{
	DBusConnection *c = client(address[on]);

	directly(c);
	return c;
}

static void ask(DBusConnection *from, DBusConnection *to, dbus_uint32_t serial)
{
	char member[32];
	DBusMessage *m;

	snprintf(member, sizeof(member), "Call%u", serial);
	m = call(dbus_bus_get_unique_name(to), member);
	dbus_message_set_serial(m, serial);
	post(from, m);
}

static DBusMessage *answer_new(const char *to, dbus_uint32_t serial)
{
	DBusMessage *m = must(dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN));

	dbus_message_set_destination(m, to);
	dbus_message_set_reply_serial(m, serial);
	dbus_message_set_no_reply(m, true);
	return m;
}

static void answer(DBusConnection *from, DBusConnection *to,
		   dbus_uint32_t serial)
{
	post(from, answer_new(dbus_bus_get_unique_name(to), serial));
}

/* Replies */

/* A reply to a name that has another owner when the daemon sees it */
static void other_owner(void)
{
	DBusConnection *a = new_client(), *b = new_client(), *s = new_client();

	request_name(a, "af_bus.Moves");
	request_name(b, "af_bus.Moves");
	directly(a);
	ask(a, s, CALL + 1);
	note_next("s", s);

	stop();
	post(a, bus_call_new("ReleaseName", "af_bus.Moves"));
	by_the_daemon(s);
	post(s, answer_new("af_bus.Moves", CALL + 1));
	go_on();
	note_all("s", s);
	note_all("b", b);
	note_all("a", a);

	/* The reply is still owed. */
	answer(s, a, CALL + 1);
	note_all("s", s);
	note_all("a", a);
	drop(a);
	drop(b);
	drop(s);
}

/* There is one reply, whichever way it and the call go. */
static void once(void)
{
	DBusConnection *a = new_client(), *s = new_client();
	int i;

	for (i = 1; i <= 4; i++) {
		ask(a, s, CALL + i);
		note_next("s", s);
	}
	stop();
	by_the_daemon(s);
	answer(s, a, CALL + 1);
	answer(s, a, CALL + 2);
	answer(s, a, CALL + 1);
	go_on();
	note_all("s", s);
	note_all("a", a);
	directly(s);
	answer(s, a, CALL + 2);
	answer(s, a, CALL + 3);
	answer(s, a, CALL + 3);
	note_all("s", s);
	note_all("a", a);
	drop(s);
	note_next("a", a);
	drop(a);
}

/* Makes two calls to s, of which it will have answered one. */
static void two_calls(DBusConnection **a, DBusConnection **s)
{
	*a = new_client();
	*s = new_client();
	ask(*a, *s, CALL + 1);
	ask(*a, *s, CALL + 2);
	note_next("s", *s);
	note_next("s", *s);
}

/* a has no answer, and is told that there will be none. */
static void no_answer(DBusConnection *a, DBusConnection *s)
{
	note_next("a", a);
	note_next("a", a);
	note_all("a", a);
	drop(a);
	drop(s);
}

static void send_raw(DBusConnection *c, const void *data, size_t size)
{
	int fd;

	if (!dbus_connection_get_unix_fd(c, &fd) ||
	    send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		note("cannot send\n");
}

/* The daemon disconnects the sender before it gets to the reply. */
static void after_garbage(void)
{
	DBusConnection *a, *s;

	two_calls(&a, &s);
	stop();
	send_raw(s, "garbage, and more than the head of a message", 44);
	answer(s, a, CALL + 1);
	go_on();
	no_answer(a, s);
}

/* A message with more descriptors than the daemon takes, which it does not read
 */
static void too_many_descriptors(void)
{
	DBusConnection *a, *s;
	int fd = STDERR_FILENO, i;
	DBusMessage *m;

	two_calls(&a, &s);
	m = answer_new(dbus_bus_get_unique_name(a), CALL + 1);
	for (i = 0; i < 17; i++)
		dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd,
					 DBUS_TYPE_INVALID);
	post(s, m);
	no_answer(a, s);
}

/* The kernel does not check the body of a message that goes to the daemon
 * anyway.
 */
static void unknown_field_bad_body(void)
{
	struct {
		char byte[512];
		int n;
	} r = { .n = 12 };
	const char *to;
	DBusConnection *a, *s;
	dbus_uint32_t v;

#define PUT(data, size) (memcpy(r.byte + r.n, data, size), r.n += (size))
#define PUT_U32(u) (v = (u), PUT(&v, 4))
#define ALIGN(to) (r.n = (r.n + (to) - 1) / (to) * (to))
	two_calls(&a, &s);
	to = dbus_bus_get_unique_name(a);
	PUT_U32(0);			/* length of the fields, see below */
	PUT("\5\1u", 4);		/* REPLY_SERIAL */
	PUT_U32(CALL + 1);
	PUT("\6\1s", 4);		/* DESTINATION */
	PUT_U32(strlen(to));
	PUT(to, strlen(to) + 1);
	ALIGN(8);
	PUT("\12\1u", 4);
	PUT_U32(1);
	PUT("\10\1g\0\1s", 7);		/* SIGNATURE */
	v = r.n - 16;
	memcpy(r.byte + 12, &v, 4);
	ALIGN(8);
	PUT_U32(1);			/* a string without its NUL */
	PUT("xx", 2);
	memcpy(r.byte, (char []){ __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ?
				  'l' : 'B', 2, 1, 1 }, 4);
	v = 6;
	memcpy(r.byte + 4, &v, 4);
	v = 77;
	memcpy(r.byte + 8, &v, 4);
	send_raw(s, r.byte, r.n);
	no_answer(a, s);
}

/* Calls that go directly and calls that do not, none of which is answered */
static void order_of_no_reply(void)
{
	static const char ways[] = "dmddmmdmdd";
	DBusConnection *a = new_client(), *s = new_client();
	int i;

	directly(a);
	for (i = 0; ways[i]; i++) {
		if (ways[i] == 'm') {
			stop();
			by_the_daemon(a);
		}
		ask(a, s, CALL + i);
		if (ways[i] == 'm')
			go_on();
		directly(a);
	}
	/* Both ways must be used; on a slow machine one call more goes by the
	 * daemon.
	 */
	if (on == AFBUS && (info(a).unicasts < 2 || info(a).unicasts > 6))
		note("%llu direct calls\n", info(a).unicasts);
	drop(s);
	for (i = 0; ways[i]; i++)
		note_next("a", a);
	note_all("a", a);
	drop(a);
}

/* A serial that is in use by a call that went directly, or did not */
static void repeated_serial(void)
{
	DBusConnection *a = new_client(), *s = new_client();
	int i;

	for (i = 0; i < 4; i++) {
		dbus_uint32_t serial = CALL + i;

		note("%s, then %s\n", i / 2 ? "by the daemon" : "directly",
		     i % 2 ? "by the daemon" : "directly");
		directly(a);
		stop();
		if (i / 2)
			by_the_daemon(a);
		ask(a, s, serial);
		go_on();
		note_next("s", s);
		directly(a);
		stop();
		if (i % 2)
			by_the_daemon(a);
		ask(a, s, serial);
		go_on();
		note_all("a", a);
		note_all("s", s);

		/* The first call is answered once, so it is no repetition. */
		answer(s, a, serial);
		answer(s, a, serial);
		note_all("s", s);
		note_all("a", a);
		ask(a, s, serial);
		note_all("a", a);
		note_all("s", s);
		answer(s, a, serial);
		note_all("s", s);
		note_all("a", a);
	}
	/* to another client it is another call */
	ask(a, s, CALL + 9);
	note_next("s", s);
	ask(a, a, CALL + 9);
	note_next("a", a);
	note_all("a", a);
	drop(a);
	drop(s);
}

/* The daemon's handling of messages, and its acknowledgement */

static DBusMessage *ping_new(const char *member)
{
	return must(dbus_message_new_method_call(NULL, "/",
						 "org.freedesktop.DBus.Peer",
						 member));
}

/* Messages without a destination are answered by libdbus in the daemon. */
static void acknowledged(void)
{
	DBusConnection *a = new_client();
	static const char *const members[] = { "Ping", "GetMachineId", "No" };
	DBusMessage *m;
	int i;

	for (i = 0; i < 3; i++) {
		m = reply_to(a, post(a, ping_new(members[i])));
		note_message("a", m);
	}
	post(a, answer_new("af_bus.Nobody", 7));
	m = must(dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN));
	dbus_message_set_reply_serial(m, 7);
	post(a, m);
	note_all("a", a);
	if (on == AFBUS)
		CHECK(!settled(a).unacked, "%u", info(a).unacked);
	drop(a);
}

/* The effect of a message precedes what its sender sends after it. */
static void acknowledged_late(void)
{
	DBusConnection *a = new_client();
	int i, overtaken = 0;

	for (i = 0; i < rounds * 5; i++) {
		DBusMessage *m = must(dbus_message_new_method_call(NULL, "/no",
								   INTERFACE,
								   "No"));
		dbus_uint32_t serial = post(a, m);

		while (on == AFBUS && info(a).unacked)
			;
		ask(a, a, CALL + i);
		m = next(a);
		CHECK(m);
		overtaken += dbus_message_get_reply_serial(m) != serial;
		dbus_message_unref(m);
		dbus_message_unref(next(a));
	}
	CHECK(!overtaken, "%d of %d", overtaken, i);
	drop(a);
}

static volatile bool finished;

static void *emitter(void *arg)
{
	DBusConnection *c = arg;

	while (!finished) {
		post(c, signal_new("Flood", NULL));
		sched_yield();
	}
	return NULL;
}

/* A signal that matches a rule does not come before the reply to AddMatch. */
static void match_then_signal(void)
{
	DBusConnection *a = new_client(), *e = new_client();
	pthread_t thread;
	int i, early = 0;

	finished = false;
	pthread_create(&thread, NULL, emitter, e);
	for (i = 0; i < rounds; i++) {
		dbus_uint32_t serial;
		DBusMessage *m;

		serial = post(a, bus_call_new("AddMatch", "member='Flood'"));
		m = next(a);
		if (!m)
			break;
		early += dbus_message_get_reply_serial(m) != serial;
		dbus_message_unref(m);
		while ((m = next(a)) && !dbus_message_has_member(m, "Flood"))
			dbus_message_unref(m);
		if (!m)
			break;
		dbus_message_unref(m);
		dbus_message_unref(bus_call(a, "RemoveMatch", "member='Flood'"));
	}
	finished = true;
	pthread_join(thread, NULL);
	CHECK(i == rounds, "nothing came in round %d", i);
	CHECK(!early, "%d of %d", early, i);
	drop(a);
	drop(e);
}

/* Emits a signal as soon as it is told that it owns the name. */
static void *heir(void *arg)
{
	DBusConnection *c = arg;
	DBusMessage *m;

	while ((m = next_within(c, WAIT)) &&
	       !dbus_message_is_signal(m, DBUS_INTERFACE_DBUS, "NameAcquired"))
		dbus_message_unref(m);
	if (m)
		dbus_message_unref(m);
	post(c, signal_new("Mine", NULL));
	return NULL;
}

/* A client that is told that it owns a name is known by that name. */
static void name_then_signal(void)
{
	DBusConnection *a = new_client(), *b = new_client(), *c = new_client();
	int i, lost = 0;

	add_match(c, "sender='af_bus.Heirloom'");
	for (i = 0; i < rounds; i++) {
		pthread_t thread;
		DBusMessage *m;

		request_name(a, "af_bus.Heirloom");
		request_name(b, "af_bus.Heirloom");
		directly(b);
		pthread_create(&thread, NULL, heir, b);
		post(a, bus_call_new("ReleaseName", "af_bus.Heirloom"));
		pthread_join(thread, NULL);
		sync_with_bus(b);
		sync_with_bus(a);
		ask(a, c, CALL + i);
		m = next(c);
		CHECK(m);
		if (dbus_message_has_member(m, "Mine")) {
			dbus_message_unref(m);
			m = next(c);
		} else {
			lost++;
		}
		dbus_message_unref(m);
		dbus_message_unref(bus_call(b, "ReleaseName",
					    "af_bus.Heirloom"));
	}
	CHECK(!lost, "%d of %d", lost, i);
	drop(a);
	drop(b);
	drop(c);
}

struct caller {
	DBusConnection *c;
	char to[32];
	int calls;
};

static void *caller(void *arg)
{
	struct caller *p = arg;

	while (!finished && p->calls < 5000) {
		DBusMessage *m = call(p->to, "Call");

		dbus_message_set_serial(m, CALL + p->calls++);
		post(p->c, m);
	}
	return NULL;
}

/* A client that calls one which becomes a monitor gets an answer. */
static void monitor(void)
{
	const char *rules[] = { "type='error',member='Nothing'" }, **r = rules;
	DBusConnection *s = new_client();
	struct caller p = { .c = new_client() };
	dbus_uint32_t flags = 0, serial;
	pthread_t thread;
	DBusMessage *m;
	int i;

	snprintf(p.to, sizeof(p.to), "%s", dbus_bus_get_unique_name(s));
	finished = false;
	pthread_create(&thread, NULL, caller, &p);
	m = next(s);
	CHECK(m);
	dbus_message_unref(m);
	m = must(dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
					      DBUS_INTERFACE_MONITORING,
					      "BecomeMonitor"));
	dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &r, 1,
				 DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID);
	serial = post(s, m);
	while ((m = next(s)) && dbus_message_get_reply_serial(m) != serial)
		dbus_message_unref(m);
	finished = true;
	pthread_join(thread, NULL);
	CHECK(m && dbus_message_get_type(m) == DBUS_MESSAGE_TYPE_METHOD_RETURN);
	dbus_message_unref(m);
	for (i = 0; i < p.calls; i++) {
		m = next_within(p.c, 20);
		CHECK(m, "%d of %d calls have no answer", p.calls - i, p.calls);
		i -= is_noise(m);
		dbus_message_unref(m);
	}
	drop(s);
	/* no message goes directly until the daemon knows that it has gone */
	do
		directly(p.c);
	while (on == AFBUS && info(p.c).flags & BUS_F_VIA_MASTER);
	drop(p.c);
}

static void monitors(void)
{
	int i;

	for (i = 0; i < rounds / 10 + 1 && !failure[0]; i++)
		monitor();
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: replies ROUNDS PLAIN PID AFBUS PID\n");
		return 2;
	}
	rounds = atoi(argv[1]);
	address[PLAIN] = argv[2];
	daemon_pid[PLAIN] = atoi(argv[3]);
	address[AFBUS] = argv[4];
	daemon_pid[AFBUS] = atoi(argv[5]);
	dbus_threads_init_default();

	same("a reply to a name that has another owner by then", other_owner);
	same("one reply to each call", once);
	same("NoReply: a reply behind garbage", after_garbage);
	same("NoReply: a reply with too many descriptors",
	     too_many_descriptors);
	same("NoReply: a reply with an unknown field and a bad body",
	     unknown_field_bad_body);
	same("NoReply in the order of calls", order_of_no_reply);
	same("a serial that is in use", repeated_serial);
	same("messages without destination are acknowledged", acknowledged);
	same("and that not before their replies", acknowledged_late);
	same("no signal before the reply to AddMatch", match_then_signal);
	same("a signal after NameAcquired is known by that name",
	     name_then_signal);
	same("calls to a client that becomes a monitor", monitors);
	return finish();
}
