// SPDX-License-Identifier: GPL-2.0
/* Buses, sockets and processes that come and go */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "bus_util.h"

FIXTURE(lifetime) {
	struct tbus	b;
	struct bus_link	*l;
	struct tmp_dir	tmp;
};

FIXTURE_SETUP(lifetime)
{
	ASSERT_EQ(0, tmp_enter(&self->tmp));
	self->b.namelen = bus_path(&self->b.name, "bus");
	self->b.listener = bus_listen(&self->b.name, self->b.namelen);
	ASSERT_LE(0, self->b.listener);
	ASSERT_EQ(0, tbus_clients(&self->b, 3));
	self->l = self->b.link;
}

FIXTURE_TEARDOWN(lifetime)
{
	tbus_close(&self->b);
	unlink("bus");
	tmp_leave(&self->tmp);
}

/* A bus lives as long as its members, while its path may lead to another bus.
 */
static void expect_two_buses(struct __test_metadata *_metadata,
			     struct tbus *old)
{
	__u64 cookie = bus_get_info(old->link[0].fd).cookie;
	struct tbus b = { .name = old->name, .namelen = old->namelen };

	close(old->listener);
	old->listener = -1;
	if (old->name.sbus_path[0])
		unlink(old->name.sbus_path);
	b.listener = bus_listen(&b.name, b.namelen);
	ASSERT_LE(0, b.listener);
	ASSERT_EQ(0, tbus_clients(&b, 2));
	EXPECT_NE(cookie, bus_get_info(b.listener).cookie);
	EXPECT_EQ(1, b.link[0].addr);
	ASSERT_EQ(0, bus_add(&b.link[1], BUS_ADDR(4, 4)));
	ASSERT_EQ(0, bus_add(&old->link[1], BUS_ADDR(4, 4)));
	EXPECT_EQ(0, say_to(old->link[0].fd, BUS_ADDR(4, 4), "old"));
	EXPECT_EQ(0, say_to(b.link[0].fd, BUS_ADDR(4, 4), "new"));
	EXPECT_EQ(0, say_to(b.link[0].fd, BUS_MULTICAST(0), "all new"));
	EXPECT_STREQ("1:old", take(old->link[1].fd));
	EXPECT_STREQ("EAGAIN", take(old->link[1].fd));
	EXPECT_STREQ("1:new", take(b.link[1].fd));
	EXPECT_STREQ("1:all new", take(b.link[1].fd));
	tbus_close(&b);
	EXPECT_EQ(0, say_to(old->link[0].fd, 3, "still"));
	EXPECT_STREQ("1:still", take(old->link[2].fd));
}

TEST_F(lifetime, path_again)
{
	expect_two_buses(_metadata, &self->b);
}

TEST_F(lifetime, abstract_again)
{
	struct tbus b;

	ASSERT_EQ(0, tbus_open(&b, 3));
	expect_two_buses(_metadata, &b);
	tbus_close(&b);
}

TEST_F(lifetime, path_in_use)
{
	close(self->b.listener);
	self->b.listener = -1;
	EXPECT_EQ(-1, bus_listen(&self->b.name, self->b.namelen));
	EXPECT_EQ(EADDRINUSE, errno);
	ASSERT_EQ(0, unlink("bus"));
	self->b.listener = bus_listen(&self->b.name, self->b.namelen);
	EXPECT_LE(0, self->b.listener);
}

/* A new node at the same path is another bus, and both can exist. */
TEST_F(lifetime, two_nodes)
{
	struct tbus b = { .name = self->b.name, .namelen = self->b.namelen };

	ASSERT_EQ(0, rename("bus", "old"));
	b.listener = bus_listen(&b.name, b.namelen);
	ASSERT_LE(0, b.listener);
	ASSERT_EQ(0, tbus_clients(&b, 1));
	EXPECT_EQ(1, b.link[0].addr);
	ASSERT_EQ(0, rename("old", "bus"));
	ASSERT_EQ(0, tbus_clients(&self->b, 1));
	EXPECT_EQ(4, self->l[3].addr);
	tbus_close(&b);
}

/* Processes */

static pid_t spawn_idle(void)
{
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	return pid;
}

TEST_F(lifetime, fork)
{
	pid_t pid = spawn_idle();

	ASSERT_LE(0, pid);
	close(self->l[1].fd);
	/* the child still holds it */
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_STREQ("EAGAIN", take(self->l[0].acc));
	EXPECT_STREQ("EAGAIN", take(self->l[1].acc));
	kill(pid, SIGKILL);
	wait_status(pid);
	EXPECT_STREQ("EOF", take(self->l[1].acc));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	EXPECT_STREQ("1:x", take(self->l[0].acc));
	self->l[1].fd = -1;
}

/* A socket that two processes use is one client. */
TEST_F(lifetime, shared)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(say_to(self->l[0].fd, 2, "child"));
	EXPECT_EQ(0, wait_status(pid));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "parent"));
	EXPECT_STREQ("1:child", take(self->l[1].fd));
	EXPECT_STREQ("1:parent", take(self->l[1].fd));
}

static pid_t spawn_exec(int keep)
{
	pid_t pid = fork();

	if (!pid) {
		fcntl(keep, F_SETFD, 0);
		execlp("sleep", "sleep", "1000", NULL);
		_exit(127);
	}
	return pid;
}

static bool is_sleep(pid_t pid)
{
	char path[64], comm[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "r");
	if (f && fgets(comm, sizeof(comm), f))
		comm[strcspn(comm, "\n")] = 0;
	if (f)
		fclose(f);
	return !strcmp(comm, "sleep");
}

TEST_F(lifetime, exec)
{
	pid_t pid = spawn_exec(self->l[1].fd);

	ASSERT_LE(0, pid);
	while (!is_sleep(pid))
		usleep(1000);
	close(self->l[0].fd);
	close(self->l[1].fd);
	EXPECT_STREQ("EOF", take(self->l[0].acc));
	EXPECT_STREQ("EAGAIN", take(self->l[1].acc));
	kill(pid, SIGKILL);
	wait_status(pid);
	EXPECT_STREQ("EOF", take(self->l[1].acc));
	self->l[0].fd = -1;
	self->l[1].fd = -1;
}

/* When a master is killed, all its clients are off the bus. */
static void run_master(int ready)
{
	struct tbus b;
	int i, acc;

	b.namelen = bus_path(&b.name, "bus2");
	b.listener = bus_listen(&b.name, b.namelen);
	if (b.listener < 0 || write(ready, "", 1) != 1)
		_exit(1);
	for (i = 0; i < 2; i++) {
		acc = accept(b.listener, NULL, NULL);
		if (acc < 0 || say(acc, "hello") ||
		    bus_opt0(acc, BUS_JOIN_BUS))
			_exit(1);
	}
	pause();
	_exit(0);
}

TEST_F(lifetime, master_is_killed)
{
	struct sockaddr_bus sb;
	socklen_t len = bus_path(&sb, "bus2");
	int p[2], fds[2], i;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(p));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		run_master(p[1]);
	ASSERT_EQ(1, read(p[0], &c, 1));
	for (i = 0; i < 2; i++) {
		fds[i] = bus_socket();
		ASSERT_EQ(0, connect(fds[i], (struct sockaddr *)&sb, len));
		EXPECT_EQ(1, recv(fds[i], &c, 1, 0));
	}
	while (bus_get_info(fds[0]).state != BUS_STATE_JOINED ||
	       bus_get_info(fds[1]).state != BUS_STATE_JOINED)
		usleep(1000);
	EXPECT_EQ(0, say_to(fds[0], 2, "last"));
	kill(pid, SIGKILL);
	EXPECT_EQ(-1, wait_status(pid));
	EXPECT_STREQ("EOF", take(fds[0]));
	EXPECT_STREQ("1:last", take(fds[1]));
	EXPECT_STREQ("EOF", take(fds[1]));
	EXPECT_EQ(EPIPE, say_to(fds[0], 2, "x"));
	unlink("bus2");
	close(fds[0]);
	close(fds[1]);
	close(p[0]);
	close(p[1]);
}

/* A sender that is killed while it waits delivers nothing. */
TEST_F(lifetime, sender_is_killed)
{
	struct bus_call call = {
		.fd = self->l[0].fd, .addr = 2, .text = "never",
	};
	int i, n = 0;
	pid_t pid;

	while (!say_to(self->l[2].fd, 2, "fill"))
		n++;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(call_send(&call));
	while (!task_sleeps(pid, pid))
		usleep(1000);
	kill(pid, SIGKILL);
	EXPECT_EQ(-1, wait_status(pid));
	for (i = 0; i < n; i++)
		EXPECT_STREQ("3:fill", take(self->l[1].fd));
	EXPECT_STREQ("EAGAIN", take(self->l[1].fd));
	EXPECT_EQ(0, say_to(self->l[0].fd, 2, "alive"));
	EXPECT_STREQ("1:alive", take(self->l[1].fd));
}

/* Another thread closes the socket that a sleeping call uses. */
TEST_F(lifetime, closed_while_sleeping)
{
	struct bus_call call = {
		.fd = self->l[0].fd, .addr = 2, .text = "sleeper",
	};
	int n = 0;

	while (!say_to(self->l[2].fd, 2, "fill"))
		n++;
	call_start(&call);
	EXPECT_TRUE(call_sleeps(&call));
	close(self->l[0].fd);
	self->l[0].fd = -1;
	EXPECT_TRUE(call_sleeps(&call));
	while (n--)
		take(self->l[1].fd);
	EXPECT_EQ(0, call_wait(&call));
	EXPECT_STREQ("1:sleeper", take(self->l[1].fd));
	EXPECT_STREQ("EOF", take(self->l[0].acc));
}

/*
 * Processes that are killed while they send, receive and wait for each other.
 * Each message carries the end of a pipe; when all processes are dead, the pipe
 * must have no writer left.
 */
struct victim {
	struct sockaddr_bus	name;
	socklen_t		namelen;
	int			fd;
	int			pipe;
	struct rnd		rnd;
};

#define CLIENTS	3

static void victim_send(struct victim *v, __u64 addr)
{
	send_fd(v->fd, addr, "x", v->pipe, 0);
}

static void *victim_sender(void *arg)
{
	struct victim *v = arg;
	__u32 to;

	for (;;) {
		to = rnd_below(&v->rnd, CLIENTS + 3);
		victim_send(v, to == CLIENTS + 2 ? BUS_MULTICAST(0) : to);
		if (!rnd_below(&v->rnd, 20))
			usleep(100);
	}
	return NULL;
}

static void victim_receive(int fd, int flags)
{
	struct bus_got got;
	char c;

	if (bus_recv(fd, &got, &c, 1, flags) > 0)
		bus_got_close(&got);
}

/* The other victims may have been killed before this one began. */
static void victim_is_late(void)
{
	for (;;)
		pause();
}

static void victim_client(struct victim *v)
{
	pthread_t thread;

	v->fd = bus_socket();
	bus_opt(v->fd, BUS_RECV_RIGHTS, 1);
	if (connect(v->fd, (struct sockaddr *)&v->name, v->namelen) ||
	    pthread_create(&thread, NULL, victim_sender, v))
		victim_is_late();
	for (;;) {
		victim_receive(v->fd, 0);
		if (!rnd_below(&v->rnd, 20))
			usleep(rnd_below(&v->rnd, 1000));
	}
}

static void victim_master(struct victim *v)
{
	struct victim link = *v;
	int i, acc[CLIENTS];

	for (i = 0; i < CLIENTS; i++) {
		acc[i] = accept(v->fd, NULL, NULL);
		if (acc[i] < 0 || bus_opt0(acc[i], BUS_JOIN_BUS) ||
		    bus_overflow(acc[i], BUS_OVERFLOW_BLOCK, i % 2 ?
				 BUS_OVERFLOW_BLOCK : BUS_OVERFLOW_DROP))
			victim_is_late();
	}
	for (;;) {
		i = rnd_below(&v->rnd, CLIENTS);
		victim_receive(acc[i], MSG_DONTWAIT);
		link.fd = acc[i];
		victim_send(&link, 1 + rnd_below(&v->rnd, CLIENTS));
	}
}

static pid_t victim_spawn(struct victim *v, bool is_master)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (is_master)
		victim_master(v);
	else
		victim_client(v);
	_exit(0);
}

static void kill_all(struct __test_metadata *_metadata, pid_t *pids, int nr,
		     struct rnd *r)
{
	int i;

	while (nr) {
		i = rnd_below(r, nr);
		if (rnd_below(r, 2))
			usleep(rnd_below(r, 10000));
		kill(pids[i], SIGKILL);
		EXPECT_EQ(-1, wait_status(pids[i]));
		pids[i] = pids[--nr];
	}
}

static bool ends_soon(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	char c;

	return poll(&p, 1, 20000) == 1 && !read(fd, &c, 1);
}

static void kill_round(struct __test_metadata *_metadata, __u64 seed)
{
	struct victim v = { .rnd.s = seed };
	pid_t pids[CLIENTS + 1];
	int i, p[2];

	ASSERT_EQ(0, pipe(p));
	v.pipe = p[1];
	v.namelen = bus_abstract_unique(&v.name);
	v.fd = bus_listen(&v.name, v.namelen);
	ASSERT_LE(0, v.fd);
	ASSERT_EQ(0, bus_opt(v.fd, BUS_QLEN, 4));
	for (i = 0; i <= CLIENTS; i++) {
		v.rnd.s++;
		pids[i] = victim_spawn(&v, !i);
		ASSERT_LE(0, pids[i]);
	}
	close(v.fd);
	close(p[1]);
	usleep(10000 + rnd_below(&v.rnd, 50000));
	kill_all(_metadata, pids, CLIENTS + 1, &v.rnd);
	EXPECT_TRUE(ends_soon(p[0]));
	close(p[0]);
}

TEST_F(lifetime, killed_at_work)
{
	struct rnd r = { rnd_seed() };
	int i, rounds = 8 * bus_long(20);

	TH_LOG("seed %llu", (unsigned long long)r.s);
	for (i = 0; i < rounds; i++)
		kill_round(_metadata, r.s + 1000 * i);
}

/* Links of threads that send and wait are shut down; all threads return. */
static int call_send_on(struct bus_call *call)
{
	int err;

	/* A socket does not wait for itself. */
	do {
		err = call_send(call);
	} while (!err || err == EHOSTUNREACH || err == EAGAIN);
	return err;
}

static int call_recv_on(struct bus_call *call)
{
	struct bus_got got;
	char buf[64];

	do {
		bus_recv(call->fd, &got, buf, sizeof(buf), 0);
	} while (got.len > 0);
	return got.err;
}

static void shutdown_round(struct __test_metadata *_metadata, struct rnd *r)
{
	struct bus_call calls[8] = {};
	int i, fds[6], nr = 6;
	struct tbus b;

	ASSERT_EQ(0, tbus_listen(&b));
	ASSERT_EQ(0, bus_opt(b.listener, BUS_QLEN, 2));
	ASSERT_EQ(0, bus_overflow(b.listener, BUS_OVERFLOW_BLOCK,
				  BUS_OVERFLOW_BLOCK));
	ASSERT_EQ(0, tbus_clients(&b, 3));
	for (i = 0; i < 3; i++) {
		fds[2 * i] = b.link[i].fd;
		fds[2 * i + 1] = b.link[i].acc;
	}
	for (i = 0; i < 8; i++) {
		/* some sockets have no reader, so senders to them wait */
		calls[i].fn = i < 6 ? call_send_on : call_recv_on;
		calls[i].fd = fds[i < 6 ? i : rnd_below(r, 6)];
		calls[i].addr = i == 2 ? BUS_MULTICAST(0) :
				1 + rnd_below(r, 3);
		calls[i].text = "x";
		call_start(&calls[i]);
	}
	usleep(rnd_below(r, 10000));
	while (nr) {
		i = rnd_below(r, nr);
		EXPECT_EQ(0, ERR(shutdown(fds[i], SHUT_RDWR)));
		usleep(rnd_below(r, 2000));
		fds[i] = fds[--nr];
	}
	for (i = 0; i < 8; i++)
		EXPECT_EQ(i < 6 ? EPIPE : 0, call_wait(&calls[i]));
	tbus_close(&b);
}

TEST_F(lifetime, shut_down_at_work)
{
	struct rnd r = { rnd_seed() };
	int i, rounds = 10 * bus_long(30);

	TH_LOG("seed %llu", (unsigned long long)r.s);
	for (i = 0; i < rounds; i++)
		shutdown_round(_metadata, &r);
}

/*
 * Many clients connect, join, take addresses, talk, eavesdrop and leave at
 * once. This test sees that they end and that no client is left; the kernel's
 * own checks do the rest.
 */
struct churn {
	struct tbus		*b;
	pthread_mutex_t		*lock;
	struct rnd		rnd;
	unsigned int		rounds;
	unsigned int		failed;
};

static int churn_link(struct churn *c, struct bus_link *l)
{
	int err;

	pthread_mutex_lock(c->lock);
	err = tbus_link(c->b, l);
	pthread_mutex_unlock(c->lock);
	return err;
}

static void churn_act(struct churn *c, struct bus_link *l)
{
	__u64 addr = BUS_ADDR(1 + rnd_below(&c->rnd, 3),
			      rnd_below(&c->rnd, 20));
	__u64 list[] = { l->addr, l->addr + 1, addr };
	int efd;

	switch (rnd_below(&c->rnd, 12)) {
	case 0:
		bus_opt(l->acc, BUS_EAVESDROP, 1);
		break;
	case 1:
		bus_opt(l->acc, BUS_EAVESDROP, 0);
		break;
	case 2:
		bus_add(l, addr);
		break;
	case 3:
		bus_del(l, addr);
		break;
	case 4:
		say_to(l->fd, addr, "unicast");
		break;
	case 5:
		say_to(l->fd, l->addr - rnd_below(&c->rnd, 4), "unique");
		break;
	case 6:
		say_to(l->fd, BUS_MULTICAST(BUS_PREFIX(addr)), "multicast");
		break;
	case 7:
		say_to(l->acc, BUS_MULTICAST(0), "from master");
		break;
	case 8:
		say_list(l->acc, list, 3, "list");
		break;
	case 9:
		efd = dup(0);
		bus_opt(l->fd, BUS_RECV_RIGHTS, 1);
		addr = BUS_MULTICAST(0);
		say_fds(l->fd, &addr, "fd", &efd, 1);
		close(efd);
		break;
	case 10:
		bus_overflow(l->acc, rnd_below(&c->rnd, 5),
			     rnd_below(&c->rnd, 2) ? BUS_OVERFLOW_DROP :
			     BUS_OVERFLOW_DISCONNECT);
		break;
	default:
		take(rnd_below(&c->rnd, 2) ? l->fd : l->acc);
	}
}

static void churn_leave(struct churn *c, struct bus_link *l)
{
	switch (rnd_below(&c->rnd, 4)) {
	case 0:
		shutdown(l->fd, SHUT_RDWR);
		break;
	case 1:
		shutdown(l->acc, SHUT_RDWR);
		break;
	case 2:
		close(l->acc);
		l->acc = -1;
		break;
	}
	bus_link_close(l);
}

static void *churn(void *arg)
{
	struct churn *c = arg;
	struct bus_link l;
	int n;

	while (c->rounds--) {
		if (churn_link(c, &l)) {
			c->failed++;
			continue;
		}
		if (rnd_below(&c->rnd, 8))
			tbus_join(&l);
		for (n = rnd_below(&c->rnd, 30); n; n--)
			churn_act(c, &l);
		churn_leave(c, &l);
	}
	return NULL;
}

TEST_F(lifetime, churn)
{
	enum { THREADS = 4 };
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_t threads[THREADS];
	struct churn c[THREADS];
	__u64 seed = rnd_seed();
	int i;

	TH_LOG("seed %llu", (unsigned long long)seed);
	for (i = 0; i < 3; i++)
		bus_link_close(&self->l[i]);
	for (i = 0; i < THREADS; i++) {
		c[i] = (struct churn) {
			.b = &self->b, .lock = &lock, .rnd = { seed + i },
			.rounds = 20 * bus_long(100),
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, churn, &c[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, c[i].failed);
	}
	EXPECT_EQ(0, bus_get_info(self->b.listener).clients);
}

TEST_HARNESS_MAIN
