// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that are passed as descriptors over AF_BUS and AF_UNIX. The collector
 * must close sockets that can only be reached from each other, and no others.
 *
 * Each test has its own network namespace, in which /proc/net/protocols shows
 * the number of sockets.
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "bus_util.h"

#define GROUP	BUS_MULTICAST(4)

static int count_sockets(void)
{
	char line[512], name[32];
	int n, sum = 0;
	FILE *f;

	f = fopen("/proc/net/protocols", "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %*d %d", name, &n) == 2 &&
		    (!strcmp(name, "BUS") || !strcmp(name, "UNIX") ||
		     !strcmp(name, "UNIX-STREAM")))
			sum += n;
	fclose(f);
	return sum;
}

/* Collecting takes a while; this function does not trigger it. */
static int wait_for_sockets(int want, int ms)
{
	int i, n = -1;

	for (i = 0; i < ms / 10; i++) {
		n = count_sockets();
		if (n <= want)
			break;
		usleep(10000);
	}
	return n;
}

/* Kinds of sockets with queues, and how a message gets into each */

enum kind {
	ACCEPTED,	/* of a link */
	CLIENT,		/* of a link */
	PEER,		/* a client, to which another one sends */
	MEMBERS,	/* two clients, which get a multicast */
	EAVES,		/* a client, which hears what another one gets */
	BACKLOG,	/* a listener, which has not accepted */
	PAIR,		/* of AF_UNIX, SOCK_SEQPACKET */
	DGRAM,		/* of AF_UNIX, SOCK_DGRAM */
	UNIX_BACKLOG,	/* of AF_UNIX, SOCK_STREAM */
	NR_KINDS
};

struct vertex {
	enum kind	kind;
	int		fds[2];		/* to be passed; may be the same */
	int		tx;		/* where to send to reach the queue */
	__u64		to;		/* 0 for no address */
	int		rest[8];
	unsigned int	nr_rest;
};

static void vertex_rest(struct vertex *v, int fd)
{
	v->rest[v->nr_rest++] = fd;
}

static int vertex_pair(struct vertex *v, int type)
{
	int pair[2];

	if (socketpair(AF_UNIX, type, 0, pair))
		return errno;
	v->fds[0] = pair[0];
	v->fds[1] = pair[0];
	v->tx = pair[1];
	return 0;
}

static int vertex_unix_backlog(struct vertex *v)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	v->tx = socket(AF_UNIX, SOCK_STREAM, 0);
	v->fds[0] = fd;
	v->fds[1] = fd;
	return ERR(bind(fd, (struct sockaddr *)&addr, sizeof(sa_family_t))) ?:
	       ERR(listen(fd, 1)) ?:
	       ERR(getsockname(fd, (struct sockaddr *)&addr, &len)) ?:
	       ERR(connect(v->tx, (struct sockaddr *)&addr, len));
}

static int vertex_bus_backlog(struct vertex *v)
{
	struct tbus b;
	int err;

	err = tbus_listen(&b);
	if (err)
		return err;
	v->fds[0] = b.listener;
	v->fds[1] = b.listener;
	v->tx = bus_socket();
	return ERR(connect(v->tx, (struct sockaddr *)&b.name, b.namelen));
}

static void vertex_link(struct vertex *v, struct tbus *b)
{
	if (v->kind == ACCEPTED) {
		v->fds[0] = b->link[0].acc;
		v->tx = b->link[0].fd;
	} else {
		v->fds[0] = b->link[0].fd;
		v->tx = b->link[0].acc;
	}
	v->fds[1] = v->fds[0];
}

static int vertex_clients(struct vertex *v, struct tbus *b)
{
	int i, err = 0;

	v->tx = b->link[0].fd;
	v->fds[0] = b->link[1].fd;
	v->fds[1] = v->fds[0];
	for (i = 0; i < 3; i++) {
		vertex_rest(v, b->link[i].acc);
		err = err ?: bus_opt(b->link[i].fd, BUS_RECV_RIGHTS, 1);
	}
	switch (v->kind) {
	case PEER:
		v->to = 2;
		vertex_rest(v, b->link[2].fd);
		break;
	case MEMBERS:
		v->to = GROUP;
		v->fds[1] = b->link[2].fd;
		err = err ?: bus_add(&b->link[1], BUS_ADDR(4, 1)) ?:
		      bus_add(&b->link[2], BUS_ADDR(4, 2));
		break;
	default:
		v->to = 3;
		vertex_rest(v, b->link[2].fd);
		err = err ?: bus_opt(b->link[1].acc, BUS_EAVESDROP, 1);
	}
	return err;
}

static int vertex_bus(struct vertex *v)
{
	bool link = v->kind == ACCEPTED || v->kind == CLIENT;
	struct tbus b;
	int err;

	err = tbus_open(&b, link ? 1 : 3);
	if (err)
		return err;
	vertex_rest(v, b.listener);
	if (!link)
		return vertex_clients(v, &b);
	vertex_link(v, &b);
	return 0;
}

static int vertex_open(struct vertex *v, enum kind kind)
{
	memset(v, 0, sizeof(*v));
	v->kind = kind;
	switch (kind) {
	case PAIR:
		return vertex_pair(v, SOCK_SEQPACKET);
	case DGRAM:
		return vertex_pair(v, SOCK_DGRAM);
	case UNIX_BACKLOG:
		return vertex_unix_backlog(v);
	case BACKLOG:
		return vertex_bus_backlog(v);
	default:
		return vertex_bus(v);
	}
}

static void vertex_close_fds(struct vertex *v)
{
	close(v->fds[0]);
	if (v->fds[1] != v->fds[0])
		close(v->fds[1]);
	v->fds[0] = -1;
	v->fds[1] = -1;
}

/* Closes the sockets that are not in flight. This comes last, and triggers the
 * collector.
 */
static void vertex_close_rest(struct vertex *v)
{
	while (v->nr_rest)
		close(v->rest[--v->nr_rest]);
	close(v->tx);
}

static int vertex_send(const struct vertex *v, const int *fds, unsigned int nr)
{
	return say_fds(v->tx, v->to ? &v->to : NULL, "x", fds, nr);
}

static int vertex_pass(const struct vertex *v, const struct vertex *to)
{
	return vertex_send(to, v->fds, 2);
}

static bool vertex_has_backlog(const struct vertex *v)
{
	return v->kind == BACKLOG || v->kind == UNIX_BACKLOG;
}

/* Receives what was passed to a vertex whose descriptor is fd, into fds. */
static int vertex_recv(const struct vertex *v, int fd, int *fds, int flags)
{
	int from = fd, err = 0;
	struct bus_got got;
	char text[8];

	if (vertex_has_backlog(v)) {
		fcntl(fd, F_SETFL, O_NONBLOCK);
		from = accept(fd, NULL, NULL);
		if (from < 0)
			return errno;
	}
	if (bus_recv(from, &got, text, sizeof(text), MSG_DONTWAIT | flags) < 0)
		err = got.err;
	else if (got.len != 1 || text[0] != 'x' || got.nr_fds != 2)
		err = EBADMSG;
	else
		memcpy(fds, got.fds, 2 * sizeof(int));
	if (err)
		bus_got_close(&got);
	if (from != fd)
		close(from);
	return err;
}

/* Makes a cycle for the collector; it is gone when the collector is done. */
static int garbage_collected(void)
{
	int before = count_sockets();
	struct vertex v;
	int err;

	err = vertex_open(&v, DGRAM) ?: vertex_pass(&v, &v);
	if (err)
		return err;
	vertex_close_fds(&v);
	vertex_close_rest(&v);
	return wait_for_sockets(before, 20000) <= before ? 0 : ETIMEDOUT;
}

/* Shapes */

#define MAX_VERTICES	5

FIXTURE(shape) {
	struct vertex	v[MAX_VERTICES];
};

/* The kinds of the vertices, in turn */
struct mix {
	unsigned int	nr;
	enum kind	kinds[MAX_VERTICES];
};

FIXTURE_VARIANT(shape) {
	struct mix	mix;
};

FIXTURE_VARIANT_ADD(shape, accepted) {
	{ 1, { ACCEPTED } },
};

FIXTURE_VARIANT_ADD(shape, client) {
	{ 1, { CLIENT } },
};

FIXTURE_VARIANT_ADD(shape, peer) {
	{ 1, { PEER } },
};

FIXTURE_VARIANT_ADD(shape, members) {
	{ 1, { MEMBERS } },
};

FIXTURE_VARIANT_ADD(shape, eaves) {
	{ 1, { EAVES } },
};

FIXTURE_VARIANT_ADD(shape, backlog) {
	{ 1, { BACKLOG } },
};

FIXTURE_VARIANT_ADD(shape, with_unix) {
	{ 2, { ACCEPTED, PAIR } },
};

FIXTURE_VARIANT_ADD(shape, with_unix_backlog) {
	{ 2, { CLIENT, UNIX_BACKLOG } },
};

FIXTURE_VARIANT_ADD(shape, unix_in_backlog) {
	{ 2, { DGRAM, BACKLOG } },
};

FIXTURE_VARIANT_ADD(shape, mixed) {
	{ 5, { UNIX_BACKLOG, MEMBERS, BACKLOG, PAIR, EAVES } },
};

FIXTURE_SETUP(shape)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, count_sockets());
}

FIXTURE_TEARDOWN(shape)
{
}

static int shape_open(struct vertex *v, unsigned int n, const struct mix *mix)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < n && !err; i++)
		err = vertex_open(&v[i], mix->kinds[i % mix->nr]);
	return err;
}

static void shape_close(struct vertex *v, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		vertex_close_fds(&v[i]);
	for (i = 0; i < n; i++)
		vertex_close_rest(&v[i]);
}

static int shape_pass(const struct vertex *v, const char *edges)
{
	int err = 0;

	for (; *edges && !err; edges += edges[2] ? 3 : 2)
		err = vertex_pass(&v[edges[0] - '0'], &v[edges[1] - '0']);
	return err;
}

/* "02 21" passes 0 to 2, then 2 to 1; after that 0 to n - 1 are closed. */
static void shape_test(struct __test_metadata *_metadata, struct vertex *v,
		       const struct mix *mix, unsigned int n,
		       const char *edges)
{
	ASSERT_EQ(0, shape_open(v, n, mix));
	ASSERT_EQ(0, shape_pass(v, edges));
	EXPECT_LT(0, count_sockets());
	shape_close(v, n);
	EXPECT_EQ(0, wait_for_sockets(0, 20000));
}

TEST_F(shape, self_ref)
{
	shape_test(_metadata, self->v, &variant->mix, 1, "00");
}

TEST_F(shape, triangle)
{
	shape_test(_metadata, self->v, &variant->mix, 3, "01 12 20");
}

TEST_F(shape, cross_edge)
{
	shape_test(_metadata, self->v, &variant->mix, 4, "01 12 20 13 32");
}

TEST_F(shape, backtrack_from_scc)
{
	shape_test(_metadata, self->v, &variant->mix, 5, "01 04 12 23 31");
}

TEST_F(shape, mixed_lowpoint)
{
	shape_test(_metadata, self->v, &variant->mix, 3, "01 12 21 10");
}

/* Not a cycle: it is freed from its end. */
TEST_F(shape, chain)
{
	shape_test(_metadata, self->v, &variant->mix, 3, "01 12");
}

/* As long as one socket can be reached, nothing is lost. */
TEST_F(shape, alive)
{
	int fds[2], next[2], i;

	ASSERT_EQ(0, shape_open(self->v, 3, &variant->mix));
	ASSERT_EQ(0, shape_pass(self->v, "01 12 20"));
	fds[0] = dup(self->v[0].fds[0]);
	fds[1] = dup(self->v[0].fds[1]);
	shape_close(self->v, 3);
	ASSERT_EQ(0, garbage_collected());

	for (i = 3; i > 0; i--) {
		EXPECT_EQ(0, vertex_recv(&self->v[i % 3], fds[0], next, 0));
		close(fds[0]);
		close(fds[1]);
		memcpy(fds, next, sizeof(fds));
		ASSERT_EQ(0, garbage_collected());
	}
	close(fds[0]);
	close(fds[1]);
	ASSERT_EQ(0, garbage_collected());
	EXPECT_EQ(0, wait_for_sockets(0, 20000));
}

/* A peek makes a socket reachable, until it is closed again. */
TEST_F(shape, peeked)
{
	int fds[2], i;

	ASSERT_EQ(0, shape_open(self->v, 2, &variant->mix));
	ASSERT_EQ(0, shape_pass(self->v, "01 10"));
	ASSERT_EQ(0, vertex_recv(&self->v[0], self->v[0].fds[0], fds,
				 MSG_PEEK));
	shape_close(self->v, 2);
	ASSERT_EQ(0, garbage_collected());

	/* fds are 1 now; an accepted socket took its queue along. */
	for (i = 0; i < 3; i++) {
		int peeked[2];

		if (vertex_has_backlog(&self->v[1]) && i)
			break;
		EXPECT_EQ(0, vertex_recv(&self->v[1], fds[0], peeked,
					 MSG_PEEK));
		close(peeked[0]);
		close(peeked[1]);
		ASSERT_EQ(0, garbage_collected());
	}
	close(fds[0]);
	close(fds[1]);
	ASSERT_EQ(0, garbage_collected());
	EXPECT_EQ(0, wait_for_sockets(0, 20000));
}

/* Sockets in flight that are not a cycle by themselves */

FIXTURE(collect) {
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(collect)
{
	int i;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, count_sockets());
	ASSERT_EQ(0, tbus_open(&self->b, 4));
	self->l = self->b.link;
	for (i = 1; i < 4; i++) {
		ASSERT_EQ(0, bus_add(&self->l[i], BUS_ADDR(4, i)));
		ASSERT_EQ(0, bus_opt(self->l[i].fd, BUS_RECV_RIGHTS, 1));
	}
}

FIXTURE_TEARDOWN(collect)
{
	tbus_close(&self->b);
	EXPECT_EQ(0, wait_for_sockets(0, 20000));
}

/* An accepted socket is reached through itself, no longer through the listener.
 */
TEST_F(collect, accepted)
{
	struct vertex pair, bus;
	int acc;

	ASSERT_EQ(0, vertex_open(&pair, PAIR));
	ASSERT_EQ(0, vertex_open(&bus, BACKLOG));
	EXPECT_EQ(0, vertex_pass(&pair, &bus));
	acc = accept(bus.fds[0], NULL, NULL);
	ASSERT_LE(0, acc);
	EXPECT_EQ(0, vertex_send(&pair, &acc, 1));
	close(acc);
	vertex_close_fds(&pair);
	close(pair.tx);
	close(bus.tx);
	/* What is left is the listener, and what setup opened. */
	EXPECT_EQ(10, wait_for_sockets(10, 20000));
	EXPECT_EQ(0, garbage_collected());
	vertex_close_fds(&bus);
}

/* Descriptors in flight at a listener stay alive while the listener does. */
TEST_F(collect, waiting)
{
	struct vertex bus;
	int fds[2];

	ASSERT_EQ(0, vertex_open(&bus, BACKLOG));
	EXPECT_EQ(0, vertex_pass(&bus, &bus));
	ASSERT_EQ(0, garbage_collected());
	EXPECT_EQ(0, vertex_recv(&bus, bus.fds[0], fds, 0));
	vertex_close_fds(&bus);
	close(bus.tx);
	close(fds[0]);
	close(fds[1]);
}

/* A lost copy leaves no trace, */
TEST_F(collect, lost)
{
	int fds[2] = { self->l[1].fd, self->l[2].fd };
	__u64 group = GROUP, two = 2;
	int i;

	for (i = 0; i < 300; i++)
		if (say_fds(self->l[0].fd, &two, "full", fds, 2))
			break;
	EXPECT_GT(300, i);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, say_fds(self->l[0].fd, &group, "x", fds, 2));
	EXPECT_STREQ("1:full fds=2", take(self->l[1].fd));
	EXPECT_STREQ("1:x fds=2", take(self->l[2].fd));
}

/* nor does one whose recipient is disconnected. */
TEST_F(collect, kicked)
{
	int fds[2] = { self->l[1].fd, self->l[2].acc };
	__u64 group = GROUP, two = 2;
	int i;

	ASSERT_EQ(0, bus_overflow(self->l[1].acc, BUS_OVERFLOW_BLOCK,
				  BUS_OVERFLOW_DISCONNECT));
	for (i = 0; i < 300; i++)
		if (say_fds(self->l[0].fd, &two, "full", fds, 2))
			break;
	EXPECT_GT(300, i);
	EXPECT_EQ(0, say_fds(self->l[0].fd, &group, "x", fds, 2));
	EXPECT_EQ(BUS_STATE_CLOSED, bus_get_info(self->l[1].fd).state);
}

/* Each attempt to send has to take its descriptors anew. */
struct sender {
	int	fd;
	int	sock;
};

static int call_send_sock(struct bus_call *call)
{
	const struct sender *s = call->arg;

	return send_fd(s->fd, 2, "y", s->sock, 0);
}

TEST_F(collect, waited_for_room)
{
	struct sender s = { self->l[0].fd, self->l[1].fd };
	struct bus_call call = { .fn = call_send_sock, .arg = &s };
	int full = 0;

	while (!say_to(self->l[2].fd, 2, "full"))
		full++;
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	EXPECT_STREQ("3:full", take(self->l[1].fd));
	EXPECT_EQ(0, call_wait(&call));
	while (--full)
		EXPECT_STREQ("3:full", take(self->l[1].fd));
	EXPECT_STREQ("1:y fds=1", take(self->l[1].fd));
	EXPECT_EQ(0, garbage_collected());
}

TEST_F(collect, waited_for_nothing)
{
	struct sender s = { self->l[0].fd, self->l[2].fd };
	struct bus_call call = { .fn = call_send_sock, .arg = &s };

	while (!say_to(self->l[2].fd, 2, "full"))
		;
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	bus_link_close(&self->l[1]);
	/* It goes to the master, because no client has this address any more.
	 */
	EXPECT_EQ(0, call_wait(&call));
	EXPECT_STREQ("1:y fds=1", take(self->l[0].acc));
}

/* Limit of descriptors that a user may have in flight */

#define LIMIT	40
#define UID	47110

struct limit {
	struct bus_link	*l;
	int		fd;		/* to be passed */
};

static int limit_send(const struct limit *s, __u64 to, unsigned int nr)
{
	int fds[LIMIT], i;

	for (i = 0; i < nr; i++)
		fds[i] = s->fd;
	return say_fds(s->l[0].fd, &to, "x", fds, nr);
}

static unsigned int limit_drain(const struct limit *s, unsigned int i)
{
	unsigned int n = 0;

	while (strcmp(take(s->l[i].fd), "EAGAIN"))
		n++;
	return n;
}

/* Returns the step that failed, 0 for none. All copies count before any is
 * queued.
 */
static int limit_steps(const struct limit *s)
{
	if (limit_send(s, GROUP, 20) != ETOOMANYREFS)
		return 1;
	if (limit_drain(s, 1) + limit_drain(s, 2) + limit_drain(s, 3))
		return 2;
	if (limit_send(s, 2, 20) || limit_send(s, 2, 20))
		return 3;
	if (limit_send(s, 2, 20) != ETOOMANYREFS)
		return 4;
	if (limit_drain(s, 1) != 2)
		return 5;
	if (limit_send(s, GROUP, 10))
		return 6;
	if (limit_send(s, GROUP, 10) != ETOOMANYREFS)
		return 7;
	if (limit_drain(s, 1) != 1 || limit_drain(s, 2) != 1 ||
	    limit_drain(s, 3) != 1)
		return 8;
	if (limit_send(s, 2, 20) || limit_drain(s, 1) != 1)
		return 9;
	return 0;
}

static int limited(int (*steps)(const struct limit *s), const struct limit *s)
{
	struct rlimit rlim = { LIMIT, LIMIT };
	pid_t pid = fork();

	if (!pid) {
		if (setrlimit(RLIMIT_NOFILE, &rlim) || setgid(UID) ||
		    setuid(UID))
			_exit(255);
		_exit(steps(s));
	}
	return wait_status(pid);
}

TEST_F(collect, limit)
{
	struct limit s = { .l = self->l };
	int pair[2];

	s.fd = eventfd(0, 0);
	EXPECT_EQ(0, limited(limit_steps, &s));
	close(s.fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	s.fd = pair[0];
	EXPECT_EQ(0, limited(limit_steps, &s));
	close(pair[0]);
	close(pair[1]);
	s.fd = self->l[3].acc;
	EXPECT_EQ(0, limited(limit_steps, &s));
}

/* Descriptors that were collected do not count any more. */
static int limit_garbage(const struct limit *s)
{
	struct vertex v;
	int i, tries = 0;

	for (i = 0; i < 4 * LIMIT; i++) {
		if (vertex_open(&v, i % 2 ? PAIR : CLIENT))
			return 1;
		while (vertex_pass(&v, &v) == ETOOMANYREFS) {
			if (tries++ == 2000)
				return 2;
			usleep(10000);
		}
		vertex_close_fds(&v);
		vertex_close_rest(&v);
	}
	return 0;
}

TEST_F(collect, limit_garbage)
{
	EXPECT_EQ(0, limited(limit_garbage, NULL));
}

/*
 * Threads pass sockets of all kinds around, receive, peek, accept and close at
 * random. No socket may be closed that can be reached, and when all are closed
 * none may be left.
 */

#define SLOTS	48

struct mess {
	atomic_int		slot[SLOTS];
	atomic_uint		names;
	struct sockaddr_bus	name;		/* of a bus that stays */
	socklen_t		namelen;
	int			listener;
};

struct mess_thread {
	struct mess		*m;
	struct rnd		rnd;
	pthread_t		thread;
	unsigned long		sent, got, lost;
};

/* Descriptors from this number on are in no slot. */
#define HIDDEN	700

static int mess_get(struct mess_thread *t)
{
	return atomic_load(&t->m->slot[rnd_below(&t->rnd, SLOTS)]);
}

static void mess_put(struct mess_thread *t, int fd)
{
	fd = atomic_exchange(&t->m->slot[rnd_below(&t->rnd, SLOTS)], fd);
	if (fd >= 0)
		close(fd);
}

static void mess_pair(struct mess_thread *t)
{
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET };
	int pair[2];

	if (socketpair(AF_UNIX, types[rnd_below(&t->rnd, 3)] | SOCK_NONBLOCK,
		       0, pair))
		return;
	mess_put(t, pair[0]);
	mess_put(t, pair[1]);
}

static void mess_connect(struct mess_thread *t)
{
	int fd = socket(AF_BUS, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	bus_opt(fd, BUS_RECV_RIGHTS, 1);
	connect(fd, (struct sockaddr *)&t->m->name, t->m->namelen);
	mess_put(t, fd);
}

static void mess_accept(struct mess_thread *t, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	struct bus_link l = { -1, fd };

	if (fd < 0)
		return;
	if (!tbus_join(&l))
		bus_add(&l, BUS_ADDR(4, rnd_below(&t->rnd, 100)));
	mess_put(t, fd);
}

static void mess_listen(struct mess_thread *t)
{
	int fd = socket(AF_BUS, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	int client = socket(AF_BUS, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	struct sockaddr_bus sb;
	socklen_t len;
	char name[32];

	snprintf(name, sizeof(name), "%u", atomic_fetch_add(&t->m->names, 1));
	len = bus_abstract(&sb, name);
	if (!bind(fd, (struct sockaddr *)&sb, len) && !listen(fd, 4))
		connect(client, (struct sockaddr *)&sb, len);
	mess_put(t, fd);
	mess_put(t, client);
}

static void mess_unix_listen(struct mess_thread *t)
{
	struct vertex v;

	if (!vertex_open(&v, UNIX_BACKLOG))
		fcntl(v.fds[0], F_SETFL, O_NONBLOCK);
	mess_put(t, v.fds[0]);
	mess_put(t, v.tx);
}

static void mess_send(struct mess_thread *t)
{
	unsigned int nr = 1 + rnd_below(&t->rnd, 3), i;
	int fds[3];
	__u64 to;

	for (i = 0; i < nr; i++)
		fds[i] = mess_get(t);
	switch (rnd_below(&t->rnd, 4)) {
	case 0:
		to = 1 + rnd_below(&t->rnd, 20);
		break;
	case 1:
		to = GROUP;
		break;
	case 2:
		to = BUS_ADDR(4, rnd_below(&t->rnd, 100));
		break;
	default:
		to = 0;
	}
	t->sent += !say_fds(mess_get(t), to ? &to : NULL, "x", fds, nr);
}

static void mess_recv(struct mess_thread *t, int flags)
{
	struct bus_got got;
	unsigned int i;
	char text[8];

	if (bus_recv(mess_get(t), &got, text, sizeof(text),
		     MSG_DONTWAIT | flags) < 0)
		return;
	t->got += got.nr_fds;
	for (i = 0; i < got.nr_fds; i++)
		mess_put(t, got.fds[i]);
}

/* A thread that has looked up a descriptor which another thread has closed
 * since may meet a new file with that number. So files that must be left alone
 * get numbers that are never in a slot.
 */
static void vertex_hide(struct vertex *v)
{
	int *at[ARRAY_SIZE(v->rest) + 3] = { &v->fds[0], &v->fds[1], &v->tx };
	int was[ARRAY_SIZE(at)];
	unsigned int i, k, n = 3;

	for (i = 0; i < v->nr_rest; i++)
		at[n++] = &v->rest[i];
	for (i = 0; i < n; i++) {
		was[i] = *at[i];
		for (k = 0; k < i && was[k] != was[i]; k++)
			;
		*at[i] = k < i ? *at[k] : fcntl(was[i], F_DUPFD, HIDDEN);
		if (k == i)
			close(was[i]);
	}
}

static void mess_lose(struct mess_thread *t, const struct vertex *v,
		      const char *how, int err)
{
	if (!err)
		return;
	t->lost++;
	ksft_print_msg("kind %u: %s: %s\n", v->kind, how, strerror(err));
}

/* Passes a socket to itself, so that no other thread can reach it. */
static void mess_keep(struct mess_thread *t)
{
	int fds[2] = { -1, -1 };
	struct vertex v;
	int err;

	err = vertex_open(&v, rnd_below(&t->rnd, NR_KINDS));
	mess_lose(t, &v, "open", err);
	if (err)
		return;
	vertex_hide(&v);
	mess_lose(t, &v, "pass", vertex_pass(&v, &v));
	usleep(rnd_below(&t->rnd, 2000));
	mess_lose(t, &v, "receive", vertex_recv(&v, v.fds[0], fds, 0));
	vertex_close_fds(&v);
	vertex_close_rest(&v);
	close(fds[0]);
	close(fds[1]);
}

static void mess_act(struct mess_thread *t)
{
	switch (rnd_below(&t->rnd, 32)) {
	case 0 ... 1:
		mess_pair(t);
		break;
	case 2 ... 3:
		mess_connect(t);
		break;
	case 4 ... 6:
		mess_accept(t, t->m->listener);
		break;
	case 7:
		mess_listen(t);
		break;
	case 8:
		mess_unix_listen(t);
		break;
	case 9:
		mess_accept(t, mess_get(t));
		break;
	case 10 ... 13:
		mess_recv(t, 0);
		break;
	case 14 ... 16:
		mess_recv(t, MSG_PEEK);
		break;
	case 17 ... 19:
		mess_put(t, -1);
		break;
	case 20:
		mess_keep(t);
		break;
	default:
		mess_send(t);
	}
}

static void *mess_run(void *arg)
{
	struct mess_thread *t = arg;

	while (t->sent < 100 * bus_long(50))
		mess_act(t);
	return NULL;
}

TEST_F(collect, mess)
{
	enum { THREADS = 4 };
	int n, i, before = count_sockets();
	struct mess_thread t[THREADS];
	unsigned long sent = 0, got = 0;
	struct mess m = {};
	__u64 seed = rnd_seed();

	TH_LOG("seed %llu", (unsigned long long)seed);
	m.namelen = bus_abstract_unique(&m.name);
	m.listener = bus_listen(&m.name, m.namelen);
	ASSERT_LE(0, m.listener);
	fcntl(m.listener, F_SETFL, O_NONBLOCK);
	for (i = 0; i < SLOTS; i++)
		atomic_init(&m.slot[i], -1);
	for (i = 0; i < THREADS; i++) {
		t[i] = (struct mess_thread) { .m = &m, .rnd = { seed + i } };
		ASSERT_EQ(0, pthread_create(&t[i].thread, NULL, mess_run,
					    &t[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(t[i].thread, NULL);
		EXPECT_EQ(0, t[i].lost);
		sent += t[i].sent;
		got += t[i].got;
	}
	TH_LOG("%lu messages sent, %lu sockets received", sent, got);
	EXPECT_LT(0, got);

	for (i = 0; i < SLOTS; i++)
		close(m.slot[i]);
	close(m.listener);
	/* Closing a socket starts the collector, unless it is running. That
	 * socket is counted until a grace period has passed.
	 */
	for (i = 0; i < 20; i++) {
		close(bus_socket());
		n = wait_for_sockets(before, 1000);
		if (n == before)
			break;
	}
	EXPECT_EQ(before, n);
}

TEST_HARNESS_MAIN
