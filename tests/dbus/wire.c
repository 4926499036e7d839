// SPDX-License-Identifier: MIT
/*
 * wire AFBUS UNIX LOG PLAIN: clients that write the wire themselves, and
 * recipients that harm themselves, on two buses: one with sockets of both
 * kinds, which logs to LOG, and one of a daemon without AF_BUS. Both have to
 * behave the same. Both have max_message_size LIMIT.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/un.h>

#include "bus.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif
#define LIMIT		10000

enum { AFBUS, UNIX, PLAIN };

static const char *address[3];
static const char *log_file;

/* The results, in words */
static char seen[3][1024];
static int side;

static void note(const char *format, ...)
{
	size_t n = strlen(seen[side]);
	va_list args;

	va_start(args, format);
	vsnprintf(seen[side] + n, sizeof(seen[side]) - n, format, args);
	va_end(args);
}

static void run_sides(void (*test)(void))
{
	for (side = AFBUS; side <= PLAIN && !failure[0]; side++) {
		seen[side][0] = 0;
		test();
	}
	for (side = AFBUS; side < PLAIN && !failure[0]; side++)
		CHECK(!strcmp(seen[side], seen[PLAIN]), "side %d:%s, not%s",
		      side, seen[side], seen[PLAIN]);
	printf("#%s\n", seen[PLAIN]);
}

static bool is_afbus(void)
{
	return !strncmp(address[side], "afbus:", 6);
}

/* A client without a library */
struct raw {
	int	fd;
	size_t	len;		/* bytes in @buf */
	char	buf[65536];
	char	name[32];
};

static const char *path_of(const char *a)
{
	return strstr(a, "path=") + 5;
}

static void raw_connect(struct raw *r)
{
	struct sockaddr_bus bus = { .sbus_family = AF_BUS };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const char *path = path_of(address[side]);
	struct timeval wait = { .tv_sec = WAIT };

	r->len = 0;
	if (is_afbus()) {
		strncpy(bus.sbus_path, path, sizeof(bus.sbus_path) - 1);
		r->fd = socket(AF_BUS, SOCK_SEQPACKET, BUS_PROTO_DBUS);
		CHECK(!connect(r->fd, (struct sockaddr *)&bus,
			       offsetof(struct sockaddr_bus, sbus_path) +
			       strlen(path)));
	} else {
		strncpy(un.sun_path, path, sizeof(un.sun_path) - 1);
		r->fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CHECK(!connect(r->fd, (struct sockaddr *)&un, sizeof(un)));
	}
	setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
}

/* Reads more; returns false at the end. */
static bool raw_more(struct raw *r)
{
	ssize_t n = recv(r->fd, r->buf + r->len, sizeof(r->buf) - r->len - 1, 0);

	if (n <= 0) {
		note(n < 0 && errno == EAGAIN ? " silence" : " end");
		return false;
	}
	r->len += n;
	return true;
}

static void raw_eat(struct raw *r, size_t n)
{
	r->len -= n;
	memmove(r->buf, r->buf + n, r->len);
}

/* Reads the first word of the daemon's next line. */
static bool raw_line(struct raw *r, char *word, size_t size)
{
	char *end;

	while (r->buf[r->len] = 0, !(end = memchr(r->buf, '\n', r->len)))
		if (!raw_more(r))
			return false;
	snprintf(word, size, "%.*s", (int)strcspn(r->buf, " \r"), r->buf);
	raw_eat(r, end + 1 - r->buf);
	return true;
}

static bool raw_says(struct raw *r, const char *text, const char *answer)
{
	char word[32];

	send(r->fd, text, strlen(text), MSG_NOSIGNAL);
	return raw_line(r, word, sizeof(word)) && !strcmp(word, answer);
}

static int external(char *to, size_t size)
{
	char uid[16], hex[33] = "";
	int i;

	snprintf(uid, sizeof(uid), "%u", getuid());
	for (i = 0; uid[i]; i++)
		sprintf(hex + 2 * i, "%02x", uid[i]);
	return snprintf(to, size, "AUTH EXTERNAL %s\r\n", hex);
}

static void raw_send(struct raw *r, DBusMessage *m, int passed)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct msghdr msg = {};
	struct cmsghdr *cmsg;
	struct iovec iov;
	char *data;
	int len;

	CHECK(dbus_message_marshal(m, &data, &len));
	iov = (struct iovec) { data, len };
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (passed >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &passed, sizeof(int));
	}
	/* A client that has been disconnected sees it when it reads. */
	sendmsg(r->fd, &msg, MSG_NOSIGNAL);
	dbus_free(data);
	dbus_message_unref(m);
}

static DBusMessage *raw_next(struct raw *r)
{
	DBusMessage *m;
	int n;

	while (n = dbus_message_demarshal_bytes_needed(r->buf, r->len),
	       r->len < 16 || r->len < (size_t)n)
		if (!raw_more(r))
			return NULL;
	m = must(dbus_message_demarshal(r->buf, n, NULL));
	raw_eat(r, n);
	return m;
}

/* Makes a call to the daemon; drops messages before the reply. */
static DBusMessage *raw_call(struct raw *r, DBusMessage *m)
{
	static dbus_uint32_t serial = 1000;

	dbus_message_set_serial(m, ++serial);
	raw_send(r, m, -1);
	while ((m = raw_next(r)) && dbus_message_get_reply_serial(m) != serial)
		dbus_message_unref(m);
	return m;
}

static void raw_open(struct raw *r)
{
	const char *name = NULL;
	char first[64] = "";
	DBusMessage *m;
	int n;

	raw_connect(r);
	if (failure[0])
		return;
	n = external(first + 1, sizeof(first) - 1);
	CHECK(send(r->fd, first, n + 1, 0) == n + 1);
	CHECK(raw_line(r, first, sizeof(first)) && !strcmp(first, "OK"));
	CHECK(send(r->fd, "BEGIN\r\n", 7, 0) == 7);
	m = raw_call(r, bus_call_new("Hello", NULL));
	CHECK(m && dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &name,
					 DBUS_TYPE_INVALID));
	snprintf(r->name, sizeof(r->name), "%s", name);
	dbus_message_unref(m);
}

static void is_alive(struct raw *r)
{
	DBusMessage *m = raw_call(r, bus_call_new("GetId", NULL));

	if (!m)
		return;
	note(" alive");
	dbus_message_unref(m);
}

/* Authentication: a line of n bytes after the NUL byte, and more */
static void long_line(size_t n)
{
	char *text = must(calloc(1, n + 128)), word[32];
	struct raw r;
	int len;

	raw_connect(&r);
	if (failure[0])
		return;
	memset(text + 1, 'X', n);
	len = 1 + n + sprintf(text + 1 + n, "\r\n");
	len += external(text + len, 100);
	send(r.fd, text, len, MSG_NOSIGNAL);
	free(text);
	note(" %zu:", n);
	if (!raw_line(&r, word, sizeof(word)))
		goto out;
	note(" %s", word);
	if (!raw_line(&r, word, sizeof(word)))
		goto out;
	note(" %s", word);
	if (raw_says(&r, "NEGOTIATE_UNIX_FD\r\n", "AGREE_UNIX_FD"))
		note(" agreed");
out:
	close(r.fd);
}

static void long_lines(void)
{
	static const size_t lines[] = {
		10, 900, 1020, 1024, 1100, 5000, 16000, 20000, 70000, 200000,
	};
	unsigned int i;

	for (i = 0; i < sizeof(lines) / sizeof(*lines) && !failure[0]; i++)
		long_line(lines[i]);
}

static void authentication(void)
{
	run_sides(long_lines);
}

/* Notes what c got since, except signals. */
static void note_calls(const char *who, DBusConnection *c)
{
	DBusMessage *m;
	int n = 0, with = 0;

	m = bus_call_new("GetId", NULL);
	dbus_message_set_no_reply(m, true);
	post(c, m);
	post(c, call(dbus_bus_get_unique_name(c), "Last"));
	while ((m = next_within(c, WAIT)) &&
	       !dbus_message_has_member(m, "Last")) {
		if (dbus_message_has_member(m, "Raw")) {
			n++;
			with += dbus_message_contains_unix_fds(m);
		}
		dbus_message_unref(m);
	}
	note(" %s got %d, %d with descriptors%s", who, n, with,
	     m ? "" : ", and no more");
	if (m)
		dbus_message_unref(m);
}

/* A message to b from a client that did not negotiate descriptors */
static void not_negotiated(bool in_header, bool is_signal)
{
	DBusConnection *b = client(address[side]);
	struct raw r;
	DBusMessage *m;
	int ends[2];

	CHECK(!pipe(ends));
	add_match(b, "member='Raw'");
	sync_with_bus(b);
	raw_open(&r);
	if (failure[0])
		return;
	m = is_signal ? signal_new("Raw", NULL) :
			call(dbus_bus_get_unique_name(b), "Raw");
	dbus_message_set_no_reply(m, true);
	dbus_message_set_serial(m, 7);
	if (in_header)
		dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &ends[0],
					 DBUS_TYPE_INVALID);
	raw_send(&r, m, ends[0]);
	if (failure[0])
		return;
	is_alive(&r);
	note_calls("receiver", b);
	close(ends[0]);
	close(ends[1]);
	close(r.fd);
	drop(b);
}

static void descriptor_in_a_call(void)
{
	not_negotiated(true, false);
}

static void descriptor_in_a_signal(void)
{
	not_negotiated(true, true);
}

static void descriptor_beside_a_call(void)
{
	not_negotiated(false, false);
}

static void no_descriptors(void)
{
	run_sides(descriptor_in_a_call);
	if (!failure[0])
		run_sides(descriptor_in_a_signal);
	if (!failure[0])
		run_sides(descriptor_beside_a_call);
}

static void note_life(const char *who, DBusConnection *c)
{
	note(" %s %s", who, dbus_connection_get_is_connected(c) ? "lives" :
								  "is out");
}

/* Calls a service that answers with a descriptor, which the caller refuses. */
static void caller_without_rights(void)
{
	DBusConnection *service = client(address[side]);
	DBusConnection *caller = client(address[side]);
	DBusConnection *other = client(address[side]);
	const char *name = dbus_bus_get_unique_name(service);
	int fd, ends[2], off = 0;
	DBusMessage *m, *reply;

	CHECK(!pipe(ends));
	CHECK(dbus_connection_get_unix_fd(caller, &fd));
	if (setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off))) {
		CHECK(errno == ENOPROTOOPT);
		goto out;
	}
	post(caller, call(name, "Open"));
	m = next(service);
	CHECK(m && dbus_message_has_member(m, "Open"));
	reply = must(dbus_message_new_method_return(m));
	dbus_message_append_args(reply, DBUS_TYPE_UNIX_FD, &ends[0],
				 DBUS_TYPE_INVALID);
	post(service, reply);
	dbus_message_unref(m);
	while ((m = next(caller)) &&
	       !dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected"))
		dbus_message_unref(m);
	if (m)
		dbus_message_unref(m);
	note_life("caller", caller);

	post(other, call(name, "Open"));
	m = next(service);
	CHECK(m && dbus_message_has_member(m, "Open"), "%s",
	      dbus_connection_get_is_connected(service) ? "" : "it is out");
	dbus_message_unref(m);
	note_life("service", service);
out:
	close(ends[0]);
	close(ends[1]);
	drop(service);
	drop(caller);
	drop(other);
}

static void no_rights(void)
{
	run_sides(caller_without_rights);
}

/* A signal with a descriptor, for a client that has not read anything yet */
static void early_signal(void)
{
	DBusConnection *a = client(address[AFBUS]), *b;
	DBusMessage *m = bus_call_new("Hello", NULL);
	double end = now() + WAIT;
	int ends[2], got;

	CHECK(!pipe(ends));
	b = must(dbus_connection_open_private(address[AFBUS], NULL));
	post(b, m);
	while (info(b).qlen < 2 && now() < end)
		usleep(1000);
	m = bus_call_new("AddMatch", "member='Early'");
	dbus_connection_send(b, m, NULL);
	dbus_message_unref(m);
	while (info(b).qlen < 3 && now() < end)
		usleep(1000);
	CHECK(info(b).qlen >= 3);
	settled(a);
	m = signal_new("Early", NULL);
	dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &ends[0],
				 DBUS_TYPE_INVALID);
	post(a, m);
	while ((m = next(b)) && !dbus_message_has_member(m, "Early"))
		dbus_message_unref(m);
	CHECK(m && dbus_message_get_args(m, NULL, DBUS_TYPE_UNIX_FD, &got,
					 DBUS_TYPE_INVALID));
	close(got);
	dbus_message_unref(m);
	CHECK(dbus_connection_get_is_connected(b));
	close(ends[0]);
	close(ends[1]);
	drop(a);
	drop(b);
}

/* A recipient without a library sees the true sender. */
static void lie(const char *sender)
{
	struct raw r, liar;
	DBusMessage *m;
	int i;

	raw_open(&r);
	if (!failure[0])
		raw_open(&liar);
	if (failure[0])
		return;
	m = raw_call(&r, bus_call_new("AddMatch", "member='Raw'"));
	CHECK(m);
	dbus_message_unref(m);
	for (i = 0; i < 2 && !failure[0]; i++) {
		m = i ? call(r.name, "Raw") : signal_new("Raw", NULL);
		dbus_message_set_serial(m, 7);
		dbus_message_set_no_reply(m, true);
		if (strcmp(sender, "me"))
			dbus_message_set_sender(m, sender);
		else
			dbus_message_set_sender(m, liar.name);
		raw_send(&liar, m, -1);
	}
	for (i = 0; i < 2 && !failure[0]; i++) {
		while ((m = raw_next(&r)) && !dbus_message_has_member(m, "Raw"))
			dbus_message_unref(m);
		CHECK(m);
		note(" %s", dbus_message_has_sender(m, liar.name) ? "true" :
			    dbus_message_get_sender(m));
		dbus_message_unref(m);
	}
	close(r.fd);
	close(liar.fd);
}

static void lies(void)
{
	static const char * const senders[] = {
		"me", ":0.1", "org.freedesktop.DBus",
	};
	unsigned int i;

	for (i = 0; i < sizeof(senders) / sizeof(*senders) && !failure[0]; i++)
		lie(senders[i]);
}

static void lying_sender(void)
{
	run_sides(lies);
}

/* Makes a call of this total size. */
static DBusMessage *call_of(const char *to, int size)
{
	DBusMessage *m = call(to, "Raw");
	unsigned char *body = must(calloc(1, size));
	char *data;
	int len, n = 0;

	dbus_message_set_no_reply(m, true);
	dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &body, 0,
				 DBUS_TYPE_INVALID);
	dbus_message_set_serial(m, 1);
	if (dbus_message_marshal(m, &data, &len)) {
		dbus_free(data);
		n = size - len;
	}
	dbus_message_unref(m);
	m = call(to, "Raw");
	dbus_message_set_no_reply(m, true);
	dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &body, n,
				 DBUS_TYPE_INVALID);
	free(body);
	return m;
}

static void size_near_limit(int from, int to, int size)
{
	DBusConnection *a = client(address[from]), *b = client(address[to]);
	DBusMessage *m;

	post(a, call_of(dbus_bus_get_unique_name(b), size));
	note(" %d:", size - LIMIT);
	m = bus_call_new("GetId", NULL);
	post(a, m);
	m = next(a);
	note_life("sender", a);
	if (m)
		dbus_message_unref(m);
	note_calls("receiver", b);
	drop(a);
	drop(b);
}

static void sizes(int from, int to)
{
	static const int more[] = { -300, -40, -8, 0, 1, 300 };
	unsigned int i;

	for (i = 0; i < sizeof(more) / sizeof(*more) && !failure[0]; i++)
		size_near_limit(from, to, LIMIT + more[i]);
}

static void near_limit(void)
{
	int from, to;

	memset(seen, 0, sizeof(seen));
	side = PLAIN;
	sizes(PLAIN, PLAIN);
	side = AFBUS;
	for (from = AFBUS; from <= UNIX; from++)
		for (to = AFBUS; to <= UNIX && !failure[0]; to++) {
			seen[side][0] = 0;
			sizes(from, to);
			CHECK(!strcmp(seen[side], seen[PLAIN]),
			      "from %d to %d:%s, not%s", from, to, seen[side],
			      seen[PLAIN]);
		}
	printf("#%s\n", seen[PLAIN]);
}

/* The daemon may send larger messages than clients may. */
static void list_many(void)
{
	DBusConnection *c = client(address[side]);
	char name[256], **names = NULL;
	DBusMessage *m;
	int i, n = 0;

	for (i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "many.n%0200d", i);
		request_name(c, name);
	}
	m = bus_call(c, "ListNames", NULL);
	if (m && dbus_message_get_args(m, NULL, DBUS_TYPE_ARRAY,
				       DBUS_TYPE_STRING, &names, &n,
				       DBUS_TYPE_INVALID))
		for (i = n, n = 0; i--;)
			n += !strncmp(names[i], "many.", 5);
	note(" %d names", n);
	dbus_free_string_array(names);
	if (m)
		dbus_message_unref(m);
	drop(c);
}

static void long_reply(void)
{
	run_sides(list_many);
}

static bool is_logged(const char *text)
{
	char line[2048];
	bool found = false;
	FILE *f = fopen(log_file, "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, text);
	if (f)
		fclose(f);
	return found;
}

/* Messages that a security module denied: denied.c says so for one member. */
static void denied(void)
{
	DBusConnection *a = client(address[AFBUS]), *b = client(address[UNIX]);
	DBusMessage *m;

	m = reply_to(a, post(a, call(dbus_bus_get_unique_name(b), "RawDenied")));
	CHECK(m && dbus_message_is_error(m, DBUS_ERROR_ACCESS_DENIED), "%s",
	      m ? dbus_message_get_error_name(m) : "silence");
	dbus_message_unref(m);
	CHECK(is_logged("member=\"RawDenied\""));
	m = call(dbus_bus_get_unique_name(b), "Raw");
	dbus_message_set_no_reply(m, true);
	post(a, m);
	m = next(b);
	CHECK(m && dbus_message_has_member(m, "Raw"));
	dbus_message_unref(m);
	drop(a);
	drop(b);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: wire AFBUS UNIX LOG PLAIN\n");
		return 2;
	}
	address[AFBUS] = argv[1];
	address[UNIX] = argv[2];
	log_file = argv[3];
	address[PLAIN] = argv[4];

	run("a first datagram of any length is answered, or disconnects",
	    authentication);
	run("descriptors that were not negotiated", no_descriptors);
	run("a caller without SO_PASSRIGHTS does not harm the service",
	    no_rights);
	run("a descriptor for one that has read nothing yet", early_signal);
	run("a lying SENDER", lying_sender);
	run("messages near max_message_size", near_limit);
	run("a reply longer than max_message_size", long_reply);
	run("what the kernel denied is refused", denied);
	return finish();
}
