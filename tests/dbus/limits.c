// SPDX-License-Identifier: MIT
/*
 * limits LIMIT STEPS SEED AFBUS UNIX CONFIG PLAIN CONFIG: the limit of replies
 * that a client may be waiting for. The same random calls, answers, departures,
 * monitors and changes of the limit are made on two buses: one has clients of
 * both kinds, where the kernel counts calls as well as the daemon, and one has
 * a daemon without AF_BUS. Clients have to see the same.
 */
#include <signal.h>
#include <sys/wait.h>

#include "bus.h"

enum { MIXED, PLAIN, SIDES };

/* Callers come first. */
enum { CALLERS = 2, CALLEES = 3, CLIENTS = CALLERS + CALLEES, MAX_BURST = 24,
       MAX_CALLS = 20000 };

struct side {
	const char *name;
	const char *config;
	const char *address[CLIENTS];
	DBusConnection *client[CLIENTS];
	DBusConnection *monitor;
};

static struct side side[SIDES] = {
	[MIXED] = { .name = "afbus and unix" },
	[PLAIN] = { .name = "plain dbus-daemon" },
};

struct seen {
	dbus_uint32_t serial;
	char outcome[160];	/* result of the call itself */
	char answer[160];
	DBusMessage *held;
};

struct call {
	int from, to;
	bool no_reply;
	bool done;		/* no client waits for it any more */
	struct seen seen[SIDES];
};

static struct call *calls;
static unsigned int nr_calls, nr_refused, limit;
static unsigned long long nr_direct, nr_delivered;

static void describe(char *to, size_t size, DBusMessage *m)
{
	const char *text = "";

	if (dbus_message_get_type(m) != DBUS_MESSAGE_TYPE_ERROR) {
		snprintf(to, size, "return");
		return;
	}
	dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &text,
			      DBUS_TYPE_INVALID);
	snprintf(to, size, "%s: %s", dbus_message_get_error_name(m), text);
}

static void take_call(struct side *s, DBusMessage *m)
{
	struct seen *seen;
	dbus_uint32_t id;

	if (!dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &id,
				   DBUS_TYPE_INVALID) || id >= nr_calls)
		return;
	seen = &calls[id].seen[s - side];
	snprintf(seen->outcome, sizeof(seen->outcome), "delivered%s",
		 seen->held ? " twice" : "");
	seen->held = dbus_message_ref(m);
}

static void take_answer(struct side *s, int client, DBusMessage *m)
{
	dbus_uint32_t serial = dbus_message_get_reply_serial(m);
	unsigned int id = nr_calls;

	while (id--) {
		struct seen *seen = &calls[id].seen[s - side];

		if (calls[id].done || calls[id].from != client ||
		    seen->serial != serial)
			continue;
		if (seen->held)
			describe(seen->answer, sizeof(seen->answer), m);
		else
			describe(seen->outcome, sizeof(seen->outcome), m);
		return;
	}
}

static bool read_all(void)
{
	bool any = false;
	struct side *s;
	int i;

	for (s = side; s < side + SIDES; s++)
		for (i = 0; i < CLIENTS; i++) {
			DBusMessage *m;

			dbus_connection_read_write(s->client[i], 0);
			while ((m = dbus_connection_pop_message(s->client[i]))) {
				any = true;
				if (dbus_message_has_member(m, "Hold"))
					take_call(s, m);
				else if (dbus_message_get_reply_serial(m))
					take_answer(s, i, m);
				dbus_message_unref(m);
			}
		}
	return any;
}

/* Returns whether each call since the first has a result, or an answer. */
static bool are_all(unsigned int first, bool answered)
{
	unsigned int id;
	int k;

	for (id = first; id < nr_calls; id++)
		for (k = 0; k < SIDES && !calls[id].done; k++)
			if (answered ? !calls[id].seen[k].answer[0] :
			    !calls[id].seen[k].outcome[0])
				return false;
	return true;
}

static const char *difference(unsigned int id)
{
	static char text[1024];
	struct seen *seen = calls[id].seen;

	if (!strcmp(seen[0].outcome, seen[1].outcome) &&
	    !strcmp(seen[0].answer, seen[1].answer))
		return NULL;
	snprintf(text, sizeof(text), "call %u from %d to %d, limit %u: '%s' '%s' and '%s' '%s'",
		 id, calls[id].from, calls[id].to, limit, seen[0].outcome,
		 seen[0].answer, seen[1].outcome, seen[1].answer);
	return text;
}

static void forget(struct call *c)
{
	int k;

	c->done = true;
	for (k = 0; k < SIDES; k++)
		if (c->seen[k].held)
			dbus_message_unref(c->seen[k].held);
}

/* Returns how many calls wait for an answer; with @pick, one of them as well.
 */
static unsigned int waiting(int from, int to, unsigned int *pick)
{
	unsigned int id, n = 0;

	for (id = 0; id < nr_calls; id++) {
		const struct call *c = &calls[id];

		if (c->done || c->no_reply || (from >= 0 && c->from != from) ||
		    (to >= 0 && c->to != to))
			continue;
		n++;
		if (pick && random() % n == 0)
			*pick = id;
	}
	return n;
}

static void post_call(int from, int to, bool no_reply)
{
	struct call *c = &calls[nr_calls];
	int k;

	c->from = from;
	c->to = to;
	c->no_reply = no_reply;
	for (k = 0; k < SIDES; k++) {
		DBusConnection *callee = side[k].client[to];
		DBusMessage *m = call(dbus_bus_get_unique_name(callee), "Hold");

		dbus_message_append_args(m, DBUS_TYPE_UINT32, &nr_calls,
					 DBUS_TYPE_INVALID);
		dbus_message_set_no_reply(m, no_reply);
		c->seen[k].serial = post(side[k].client[from], m);
	}
	nr_calls++;
}

static void wait_for_calls(unsigned int first)
{
	double end = now() + WAIT;
	unsigned int id;

	while (!are_all(first, false)) {
		if (!read_all())
			usleep(300);
		CHECK(now() < end, "limit %u, calls from %u on", limit, first);
	}
	for (id = first; id < nr_calls; id++) {
		bool delivered = calls[id].seen[0].held;

		CHECK(!difference(id), "%s", difference(id));
		nr_delivered += delivered && calls[id].from == 0;
		nr_refused += !delivered;
		if (!delivered || calls[id].no_reply)
			forget(&calls[id]);
	}
}

static void some_calls(void)
{
	unsigned int n = random() % 2 ? 1 : 1 + random() % (limit / 3 + 3);
	unsigned int first = nr_calls;

	if (n > MAX_BURST)
		n = MAX_BURST;
	while (n--)
		post_call(random() % CALLERS, CALLERS + random() % CALLEES,
			  random() % 8 == 0);
	wait_for_calls(first);
}

static void wait_for_answers(unsigned int first, int from, int to)
{
	double end = now() + WAIT;
	unsigned int id;

	for (id = first; id < nr_calls; id++) {
		struct call *c = &calls[id];

		if (c->done || (from >= 0 && c->from != from) || c->to != to)
			continue;
		while (!c->seen[0].answer[0] || !c->seen[1].answer[0]) {
			if (!read_all())
				usleep(300);
			CHECK(now() < end, "answer to call %u", id);
		}
		CHECK(!difference(id), "%s", difference(id));
		forget(c);
		if (from >= 0)
			return;
	}
}

static void an_answer(void)
{
	unsigned int id = 0;
	int k;

	if (!waiting(-1, -1, &id))
		return;
	for (k = 0; k < SIDES; k++) {
		DBusMessage *m = calls[id].seen[k].held;

		post(side[k].client[calls[id].to],
		     must(dbus_message_new_method_return(m)));
	}
	wait_for_answers(id, calls[id].from, calls[id].to);
}

/* Client 0 calls two others in turn, one time too often. */
static void fill(int one, int other)
{
	unsigned int refused = nr_refused, i;

	for (i = 0; i <= limit && !failure[0]; i++) {
		unsigned int first = nr_calls;

		post_call(0, i % 2 ? one : other, false);
		wait_for_calls(first);
	}
	while (!failure[0] && waiting(-1, -1, NULL))
		an_answer();
	if (failure[0])
		return;
	CHECK(nr_refused == refused + 1, "limit %u: %u", limit,
	      nr_refused - refused);
}

/* Tries each way once, whatever the random calls do. */
static void begin(void)
{
	double end = now() + WAIT;

	/* directly, once the daemon has set up the new client */
	while (!failure[0] && !info(side[MIXED].client[0]).unicasts) {
		CHECK(now() < end, "nothing goes directly");
		fill(2, 3);
	}
	if (!failure[0])
		fill(2, 4);
	if (!failure[0])
		fill(4, 4);
}

static void renew(int i)
{
	int k;

	if (i == 0)
		nr_direct += info(side[MIXED].client[0]).unicasts;
	for (k = 0; k < SIDES; k++) {
		drop(side[k].client[i]);
		side[k].client[i] = client(side[k].address[i]);
	}
}

static void callee_leaves(void)
{
	int i = CALLERS + random() % CALLEES;

	renew(i);
	wait_for_answers(0, -1, i);
}

static void caller_leaves(void)
{
	int i = random() % CALLERS;
	unsigned int id;

	for (id = 0; id < nr_calls; id++)
		if (!calls[id].done && calls[id].from == i)
			forget(&calls[id]);
	renew(i);
}

/* While there is a monitor, no message goes directly. */
static void monitor_comes_or_goes(void)
{
	const char *rules[] = { "type='error',member='Nothing'" }, **p = rules;
	dbus_uint32_t flags = 0;
	struct side *s;

	for (s = side; s < side + SIDES; s++) {
		DBusMessage *m;

		if (s->monitor) {
			drop(s->monitor);
			s->monitor = NULL;
			continue;
		}
		s->monitor = client(s->address[random() % CLIENTS]);
		m = must(dbus_message_new_method_call(DBUS_SERVICE_DBUS,
						      DBUS_PATH_DBUS,
						      DBUS_INTERFACE_MONITORING,
						      "BecomeMonitor"));
		dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING,
					 &p, 1, DBUS_TYPE_UINT32, &flags,
					 DBUS_TYPE_INVALID);
		m = reply_to(s->monitor, post(s->monitor, m));
		CHECK(m && dbus_message_get_type(m) ==
		      DBUS_MESSAGE_TYPE_METHOD_RETURN, "%s", s->name);
		dbus_message_unref(m);
	}
}

static void another_limit(unsigned int most)
{
	struct side *s;

	limit = 1 + random() % most;
	for (s = side; s < side + SIDES; s++) {
		DBusConnection *c = client(s->address[CLIENTS - 1]);
		char command[512];
		DBusMessage *m;

		snprintf(command, sizeof(command),
			 "sed -i 's/\\(\"max_replies_per_connection\">\\)[0-9]*/\\1%u/' '%s'",
			 limit, s->config);
		CHECK(!system(command), "%s", command);
		m = bus_call(c, "ReloadConfig", NULL);
		CHECK(m && dbus_message_get_type(m) ==
		      DBUS_MESSAGE_TYPE_METHOD_RETURN, "%s", s->name);
		dbus_message_unref(m);
		drop(c);
	}
}

static void step(unsigned int most)
{
	unsigned int what = random() % 100;

	if (side[MIXED].monitor && random() % 8 == 0)
		monitor_comes_or_goes();
	else if (what < 55)
		some_calls();
	else if (what < 90)
		an_answer();
	else if (what < 92)
		callee_leaves();
	else if (what < 93)
		caller_leaves();
	else if (what < 95)
		monitor_comes_or_goes();
	else
		another_limit(most);
}

static unsigned int steps;

static void answer_for_ever(const char *at)
{
	DBusConnection *c = client(at);
	DBusMessage *m;

	request_name(c, "af_bus.Prompt");
	while ((m = next(c))) {
		if (dbus_message_has_member(m, "Hold"))
			post(c, must(dbus_message_new_method_return(m)));
		dbus_message_unref(m);
	}
}

/* A client at its limit that has read a reply may call again. */
static void not_early(void)
{
	const char *at = side[MIXED].address[0];
	DBusConnection *c;
	unsigned int i, n = steps * 50;
	pid_t child;

	fflush(stdout);
	child = fork();
	CHECK(child >= 0);
	if (!child) {
		answer_for_ever(at);
		_exit(0);
	}
	c = client(at);
	do {
		DBusMessage *m = bus_call(c, "NameHasOwner", "af_bus.Prompt");
		dbus_bool_t has = false;

		CHECK(m && dbus_message_get_args(m, NULL, DBUS_TYPE_BOOLEAN,
						 &has, DBUS_TYPE_INVALID));
		dbus_message_unref(m);
		if (has)
			break;
		usleep(1000);
	} while (true);
	for (i = 0; i < n + limit; i++) {
		DBusMessage *m;

		if (i >= limit) {
			m = next(c);
			CHECK(m && dbus_message_get_type(m) ==
			      DBUS_MESSAGE_TYPE_METHOD_RETURN, "call %u: %s", i,
			      m ? dbus_message_get_error_name(m) : "no answer");
			dbus_message_unref(m);
		}
		if (i < n)
			post(c, call("af_bus.Prompt", "Hold"));
	}
	printf("# %u calls, %u at a time, %llu directly\n", n, limit,
	       info(c).unicasts);
	CHECK(info(c).unicasts);
	drop(c);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void same_limit(void)
{
	unsigned int most = limit, i;
	int k;

	calls = must(calloc(MAX_CALLS, sizeof(*calls)));
	for (i = 0; i < CLIENTS; i++)
		for (k = 0; k < SIDES; k++)
			side[k].client[i] = client(side[k].address[i]);
	begin();
	for (i = 0; i < steps && nr_calls < MAX_CALLS - MAX_BURST &&
	     !failure[0]; i++)
		step(most);
	if (failure[0])
		return;
	nr_direct += info(side[MIXED].client[0]).unicasts;
	printf("# %u calls, %u refused; of those of client 0 on AF_BUS %llu arrived, %llu directly\n",
	       nr_calls, nr_refused, nr_delivered, nr_direct);
	CHECK(nr_direct && nr_direct < nr_delivered);
}

int main(int argc, char **argv)
{
	static const bool is_unix[CLIENTS] = { false, true, false, false, true };
	char name[64];
	int i;

	if (argc != 9) {
		fprintf(stderr, "usage: limits LIMIT STEPS SEED AFBUS UNIX CONFIG PLAIN CONFIG\n");
		return 2;
	}
	limit = atoi(argv[1]);
	steps = atoi(argv[2]);
	srandom(atoi(argv[3]));
	for (i = 0; i < CLIENTS; i++) {
		side[MIXED].address[i] = argv[is_unix[i] ? 5 : 4];
		side[PLAIN].address[i] = argv[7];
	}
	side[MIXED].config = argv[6];
	side[PLAIN].config = argv[8];
	if (limit == 3)
		run("nobody is refused early", not_early);
	snprintf(name, sizeof(name), "the same limit of replies, %u", limit);
	run(name, same_limit);
	return finish();
}
