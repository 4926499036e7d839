// SPDX-License-Identifier: MIT
/*
 * verdicts STEP AFBUS CONFIG LOG PID PLAIN CONFIG LOG PID: the effect of each
 * STEPth policy on messages, in a dbus-daemon whose clients are on AF_BUS and
 * in one without AF_BUS: for clients from before the policy, for new ones, and
 * for clients after the policy was taken back. Limits are tested in the same
 * way.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "bus.h"

enum { OURS, PLAIN, SIDES };

struct side {
	const char *address, *config, *log;
	pid_t pid;
	char *text;			/* original configuration */
	DBusConnection *a, *b;
	DBusConnection *e;		/* tries to eavesdrop */
};

static struct side side[SIDES];

struct policy {
	const char *name, *text;
	bool direct;			/* no message needs the daemon */
};

#define DEFAULT(rules) "<policy context='default'>" rules "</policy>"
#define MANDATORY(rules) "<policy context='mandatory'>" rules "</policy>"

/* These follow "everything is allowed", which does not allow eavesdropping. */
static const struct policy policies[] = {
	{ "nothing else", "", true },
	{ "eavesdropping is allowed",
	  DEFAULT("<allow send_destination='*' eavesdrop='true'/>"
		  "<allow eavesdrop='true'/>"), false },
	{ "a catch-all for broadcasts",
	  MANDATORY("<allow send_broadcast='true'/>"), false },
	{ "a catch-all for all but broadcasts",
	  MANDATORY("<allow send_broadcast='false'/>"), false },
	{ "a catch-all without descriptors, send",
	  MANDATORY("<allow send_destination='*' max_fds='0'/>"), false },
	{ "a catch-all without descriptors, receive",
	  MANDATORY("<allow receive_sender='*' max_fds='0'/>"), false },
	{ "a catch-all with descriptors",
	  MANDATORY("<allow send_destination='*' min_fds='1'/>"), false },
	{ "a catch-all for requested replies, send",
	  MANDATORY("<allow send_requested_reply='true'/>"), true },
	{ "a catch-all for requested replies, receive",
	  MANDATORY("<allow receive_requested_reply='true'/>"), true },
	{ "a catch-all for all replies",
	  MANDATORY("<allow send_requested_reply='false' send_type='error'/>"
		    "<allow receive_requested_reply='false'/>"), true },
	{ "no replies",
	  MANDATORY("<deny send_requested_reply='true' send_type='method_return'/>"), false },
	{ "a catch-all that is logged",
	  MANDATORY("<allow send_destination='*' log='true'/>"), false },
	{ "a catch-all after a denial",
	  DEFAULT("<deny send_interface='af_bus.Test' send_member='Probe'/>")
	  MANDATORY("<allow send_destination='*'/>"), true },
	{ "a catch-all with a condition after a denial",
	  DEFAULT("<deny send_interface='af_bus.Test' send_member='Probe'/>")
	  MANDATORY("<allow send_destination='*' max_fds='3'/>"), false },
	{ "more is allowed", MANDATORY("<allow send_type='signal'/>"), true },
	{ "a denied member", DEFAULT("<deny send_interface='af_bus.Test' send_member='Probe'/>"), false },
	{ "a denied sender", DEFAULT("<deny receive_sender='af_bus.Verdict.A'/>"), false },
	{ "denied to others",
	  "<policy user='nobody'><deny send_destination='*'/></policy>", true },
	{ "denied to this user",
	  "<policy user='root'><deny receive_type='signal'/></policy>", false },
	{ "denied to this group",
	  "<policy group='root'><deny send_interface='af_bus.Test'/></policy>", false },
	{ "denied at no console",
	  "<policy at_console='false'><deny send_path='/af_bus/Test'/></policy>", false },
	{ "a limit of bytes", "<limit name='max_message_size'>20000</limit>",
	  true },
	{ "a limit of descriptors",
	  "<limit name='max_message_unix_fds'>1</limit>", true },
	{ "a denied name",
	  DEFAULT("<deny own='af_bus.Verdict.Nobody'/>"), true },
};

/* The probes. */

enum kind { CALL, SILENT_CALL, CALL_FD, SIGNAL, BROADCAST, BROADCAST_FD,
	    BROADCAST_REPLY, RETURN, ERROR, UNASKED, CALL_FDS, LARGE, KINDS };

static const char *const kinds[KINDS] = {
	"call", "call without a reply", "call with a descriptor", "signal",
	"broadcast", "broadcast with a descriptor", "broadcast with a serial",
	"return", "error", "unasked return", "call with two descriptors",
	"large call",
};

static void settle(struct side *s)
{
	if (s == &side[OURS]) {
		settled(s->a);
		settled(s->b);
		settled(s->e);
	}
}

/* Collects what c got: the messages of the probe, and errors. */
static void collect(DBusConnection *c, const char *who, char *to, size_t size)
{
	dbus_uint32_t serial = post(c, bus_call_new("GetId", NULL));
	size_t n = strlen(to);
	DBusMessage *m;

	while ((m = next_within(c, WAIT)) &&
	       dbus_message_get_reply_serial(m) != serial) {
		if (!is_noise(m))
			n += snprintf(to + n, size > n ? size - n : 0,
				      ", %s gets %s %s", who,
				      dbus_message_type_to_string(dbus_message_get_type(m)),
				      dbus_message_get_error_name(m) ?:
				      dbus_message_get_member(m) ?: "");
		dbus_message_unref(m);
	}
	if (m)
		dbus_message_unref(m);
}

static void append_fds(DBusMessage *m, int n)
{
	int fd = open("/dev/null", O_RDONLY);

	while (n--)
		dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd,
					 DBUS_TYPE_INVALID);
	close(fd);
}

static void append_large(DBusMessage *m)
{
	static char text[30000];
	const char *p = text;

	memset(text, 'x', sizeof(text) - 1);
	dbus_message_append_args(m, DBUS_TYPE_STRING, &p, DBUS_TYPE_INVALID);
}

static bool is_from_b(enum kind kind)
{
	return kind == RETURN || kind == ERROR || kind == UNASKED;
}

/* Makes a reply from b to a call that a has not made, or that the daemon
 * delivered.
 */
static DBusMessage *reply_new(struct side *s, enum kind kind)
{
	const char *a = dbus_bus_get_unique_name(s->a);
	DBusMessage *m = NULL, *call_ = NULL;
	char dropped[512] = "";

	if (kind != UNASKED) {
		post(s->a, call(dbus_bus_get_unique_name(s->b), "Probe"));
		collect(s->a, "a", dropped, sizeof(dropped));
		settle(s);
		while ((call_ = next_within(s->b, 0)) && is_noise(call_))
			dbus_message_unref(call_);
	}
	if (!call_) {
		m = must(dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN));
		dbus_message_set_destination(m, a);
		dbus_message_set_reply_serial(m, 4711);
		return m;
	}
	m = must(kind == ERROR ?
		 dbus_message_new_error(call_, "af_bus.Error", "no") :
		 dbus_message_new_method_return(call_));
	dbus_message_unref(call_);
	return m;
}

static DBusMessage *probe_new(struct side *s, enum kind kind)
{
	const char *b = dbus_bus_get_unique_name(s->b);
	DBusMessage *m;

	switch (kind) {
	case CALL:
	case SILENT_CALL:
	case CALL_FD:
	case CALL_FDS:
	case LARGE:
		m = call(b, "Probe");
		dbus_message_set_no_reply(m, kind != CALL);
		break;
	case SIGNAL:
	case BROADCAST:
	case BROADCAST_FD:
	case BROADCAST_REPLY:
		m = signal_new("Probe", NULL);
		if (kind == SIGNAL)
			dbus_message_set_destination(m, b);
		if (kind == BROADCAST_REPLY)
			dbus_message_set_reply_serial(m, 4711);
		break;
	default:
		m = reply_new(s, kind);
		break;
	}
	if (kind == CALL_FD || kind == BROADCAST_FD)
		append_fds(m, 1);
	if (kind == CALL_FDS)
		append_fds(m, 2);
	if (kind == LARGE)
		append_large(m);
	return m;
}

static void probe(struct side *s, enum kind kind, char *to, size_t size)
{
	DBusMessage *m = probe_new(s, kind);

	settle(s);
	post(is_from_b(kind) ? s->b : s->a, m);
	*to = '\0';
	if (!is_from_b(kind))
		collect(s->a, "a", to, size);
	collect(s->b, "b", to, size);
	if (is_from_b(kind))
		collect(s->a, "a", to, size);
	collect(s->e, "e", to, size);
}

/* A policy. */

static char *read_file(const char *name)
{
	int fd = open(name, O_RDONLY);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st)) {
		perror(name);
		exit(1);
	}
	text = must(calloc(1, st.st_size + 1));
	if (read(fd, text, st.st_size) != st.st_size)
		text[0] = '\0';
	close(fd);
	return text;
}

static unsigned int reloads(struct side *s)
{
	char *log = read_file(s->log), *p = log;
	unsigned int n = 0;

	while ((p = strstr(p, "Reloaded configuration"))) {
		n++;
		p++;
	}
	free(log);
	return n;
}

static void set_policy(struct side *s, const char *policy)
{
	char *end = strstr(s->text, "</busconfig>");
	unsigned int before = reloads(s);
	FILE *f = fopen(s->config, "w");
	double deadline = now() + WAIT;

	fprintf(f, "%.*s%s</busconfig>\n", (int)(end - s->text), s->text,
		policy);
	fclose(f);
	kill(s->pid, SIGHUP);
	while (reloads(s) == before) {
		if (now() > deadline) {
			fprintf(stderr, "%s is not read\n", s->config);
			exit(1);
		}
		usleep(2000);
	}
}

static void drop_reply(DBusMessage *m)
{
	if (m)
		dbus_message_unref(m);
}

static void connect_all(void)
{
	struct side *s;

	for (s = side; s < side + SIDES; s++) {
		s->a = client(s->address);
		s->b = client(s->address);
		s->e = client(s->address);
		request_name(s->a, "af_bus.Verdict.A");
		drop_reply(bus_call(s->b, "AddMatch", "member='Probe'"));
		drop_reply(bus_call(s->e, "AddMatch", "member='Probe',eavesdrop='true'"));
		settle(s);
	}
}

static void drop_all(void)
{
	struct side *s;

	for (s = side; s < side + SIDES; s++) {
		drop(s->a);
		drop(s->b);
		drop(s->e);
	}
}

static const struct policy *policy;

static void same_verdicts(const char *when, bool direct)
{
	unsigned long long before, after;
	char got[SIDES][512];
	int kind, k;

	settle(&side[OURS]);
	before = after = info(side[OURS].a).unicasts;
	for (kind = 0; kind < KINDS; kind++) {
		for (k = 0; k < SIDES; k++)
			probe(&side[k], kind, got[k], sizeof(got[k]));
		CHECK(!strcmp(got[OURS], got[PLAIN]),
		      "%s, %s: on AF_BUS '%s', plain '%s'", when, kinds[kind],
		      got[OURS], got[PLAIN]);
		if (kind == CALL_FD)
			after = info(side[OURS].a).unicasts;
	}
	CHECK(direct == (after > before), "%s: %llu directly", when,
	      after - before);
}

static void set_policies(const char *text)
{
	set_policy(&side[OURS], text);
	set_policy(&side[PLAIN], text);
}

static void verdicts(void)
{
	connect_all();
	set_policies(policy->text);
	same_verdicts("connected before", policy->direct);
	drop_all();

	connect_all();
	if (!failure[0])
		same_verdicts("connected after", policy->direct);
	drop_all();

	connect_all();
	set_policies("");
	if (!failure[0])
		same_verdicts("connected until", true);
	drop_all();
}

int main(int argc, char **argv)
{
	const struct policy *end = policies + sizeof(policies) / sizeof(*policies);
	char name[128];
	int k;

	if (argc != 2 + 4 * SIDES) {
		fprintf(stderr, "usage: verdicts STEP AFBUS CONFIG LOG PID PLAIN CONFIG LOG PID\n");
		return 2;
	}
	for (k = 0; k < SIDES; k++) {
		side[k].address = argv[4 * k + 2];
		side[k].config = argv[4 * k + 3];
		side[k].log = argv[4 * k + 4];
		side[k].pid = atoi(argv[4 * k + 5]);
		side[k].text = read_file(side[k].config);
	}
	for (policy = policies; policy < end; policy += atoi(argv[1])) {
		snprintf(name, sizeof(name), "the same verdicts: %s",
			 policy->name);
		run(name, verdicts);
	}
	return finish();
}
