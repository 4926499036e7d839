// SPDX-License-Identifier: MIT
/*
 * duties ADDRESS [N]: effects of the order in which the message bus handles
 * messages of one client. They are lost if the kernel does not wait for it:
 * both clients here send on without waiting for replies.
 */
#include <pthread.h>

#include "bus.h"

static const char *address;
static int count = 10000;

/* Answers each call with a signal that has the same content, then with a reply.
 */
static void *service(void *arg)
{
	DBusConnection *c = arg;
	DBusMessage *m;

	while ((m = next(c)) && !dbus_message_has_member(m, "Quit")) {
		const char *text = NULL;

		if (dbus_message_is_method_call(m, INTERFACE, "Emit") &&
		    dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &text,
					  DBUS_TYPE_INVALID)) {
			post(c, signal_new("Emitted", text));
			post(c, must(dbus_message_new_method_return(m)));
		}
		dbus_message_unref(m);
	}
	if (m)
		dbus_message_unref(m);
	return NULL;
}

/* AddMatch, then a call that is answered with a signal that matches */
static void match_then_call(void)
{
	DBusConnection *s = client(address), *c = client(address);
	int i, lost = 0;
	pthread_t thread;

	request_name(s, "af_bus.Duties");
	pthread_create(&thread, NULL, service, s);
	for (i = 0; i < count; i++) {
		DBusMessage *m = call("af_bus.Duties", "Emit");
		char rule[128], text[16];
		const char *p = text;
		dbus_uint32_t serial;
		bool seen = false;

		snprintf(text, sizeof(text), "%d", i);
		snprintf(rule, sizeof(rule),
			 "type='signal',member='Emitted',arg0='%d'", i);
		post(c, bus_call_new("AddMatch", rule));
		dbus_message_append_args(m, DBUS_TYPE_STRING, &p,
					 DBUS_TYPE_INVALID);
		serial = post(c, m);
		while ((m = next(c)) &&
		       dbus_message_get_reply_serial(m) != serial) {
			seen |= dbus_message_has_member(m, "Emitted");
			dbus_message_unref(m);
		}
		CHECK(m && dbus_message_get_type(m) ==
		      DBUS_MESSAGE_TYPE_METHOD_RETURN, "%d", i);
		dbus_message_unref(m);
		lost += !seen;
		post(c, bus_call_new("RemoveMatch", rule));
	}
	post(c, call("af_bus.Duties", "Quit"));
	pthread_join(thread, NULL);
	CHECK(!lost, "%d of %d signals lost", lost, count);
	drop(s);
	drop(c);
}

/* Counts signals of one name until it is told to stop. */
static void *counter(void *arg)
{
	DBusConnection *c = arg;
	long n = 0;
	DBusMessage *m;

	while ((m = next(c)) && !dbus_message_has_member(m, "Quit")) {
		n += dbus_message_has_member(m, "Named");
		dbus_message_unref(m);
	}
	if (m)
		dbus_message_unref(m);
	return (void *)n;
}

/* RequestName, then a signal that matches by the name of its sender */
static void name_then_signal(void)
{
	DBusConnection *s = client(address), *c = client(address);
	void *got;
	int i;
	pthread_t thread;

	add_match(c, "type='signal',sender='af_bus.Name'");
	pthread_create(&thread, NULL, counter, c);
	for (i = 0; i < count; i++) {
		const char *name = "af_bus.Name";
		dbus_uint32_t flags = DBUS_NAME_FLAG_DO_NOT_QUEUE;
		DBusMessage *m = bus_call_new("RequestName", NULL);

		dbus_message_append_args(m, DBUS_TYPE_STRING, &name,
					 DBUS_TYPE_UINT32, &flags,
					 DBUS_TYPE_INVALID);
		post(s, m);
		post(s, signal_new("Named", NULL));
		post(s, bus_call_new("ReleaseName", name));
		post(s, signal_new("Named", NULL));	/* not by that name */
		if (i % 16 == 15)
			sync_with_bus(s);
	}
	sync_with_bus(s);
	post(s, call(dbus_bus_get_unique_name(c), "Quit"));
	pthread_join(thread, &got);
	CHECK((long)got == count, "%ld of %d signals came", (long)got, count);
	drop(s);
	drop(c);
}

static bool stop;

/* Calls the owner of a name, directly if possible. */
static void *caller(void *arg)
{
	DBusConnection *c = arg;
	DBusMessage *m;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		m = call("af_bus.Early", "Any");
		dbus_message_set_auto_start(m, false);
		dbus_message_set_no_reply(m, true);
		settled(c);
		post(c, m);
		while ((m = next_within(c, 0)))
			dbus_message_unref(m);
	}
	return NULL;
}

/* Reads until s gets or loses the name. */
static bool read_until(DBusConnection *s, const char *signal, unsigned int *calls)
{
	DBusMessage *m;

	while ((m = next_within(s, WAIT))) {
		bool end = dbus_message_is_signal(m, DBUS_INTERFACE_DBUS,
						  signal) &&
			   is_string(m, "af_bus.Early");

		*calls += dbus_message_is_method_call(m, INTERFACE, "Any");
		dbus_message_unref(m);
		if (end)
			return true;
	}
	return false;
}

/* Some libraries drop messages to a name that they do not know they own. */
static void name_then_call(void)
{
	DBusConnection *s = client(address), *c = client(address);
	unsigned int early = 0, calls = 0;
	bool ok = true;
	pthread_t thread;
	int i;

	stop = false;
	pthread_create(&thread, NULL, caller, c);
	for (i = 0; i < count / 5 && ok; i++) {
		const char *name = "af_bus.Early";
		dbus_uint32_t flags = DBUS_NAME_FLAG_DO_NOT_QUEUE;
		DBusMessage *m = bus_call_new("RequestName", NULL);

		dbus_message_append_args(m, DBUS_TYPE_STRING, &name,
					 DBUS_TYPE_UINT32, &flags,
					 DBUS_TYPE_INVALID);
		post(s, m);
		ok = read_until(s, "NameAcquired", &early);
		post(s, bus_call_new("ReleaseName", name));
		ok = ok && read_until(s, "NameLost", &calls);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	CHECK(ok, "%d", i);
	CHECK(!early, "%u calls came early, %u in time", early, calls);
	printf("# %u calls, %llu directly\n", calls, info(c).unicasts);
	drop(s);
	drop(c);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: duties ADDRESS [N]\n");
		return 2;
	}
	address = argv[1];
	if (argc > 2)
		count = atoi(argv[2]);
	dbus_threads_init_default();
	run("AddMatch without waiting, then a call answered with a signal",
	    match_then_call);
	run("RequestName without waiting, then a signal matched by name",
	    name_then_signal);
	run("no call for a name before NameAcquired", name_then_call);
	return finish();
}
