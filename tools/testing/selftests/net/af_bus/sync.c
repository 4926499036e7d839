// SPDX-License-Identifier: GPL-2.0
/*
 * How often a change waits for sends in progress: once, whatever it covers, and
 * never for senders on another bus.
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "bus_util.h"

#define TRACEFS	"/sys/kernel/tracing"
#define CROWD	5
#define QLEN	2
#define GROUP	BUS_MULTICAST(4)

/* The waits of this process, as the function tracer sees them */
struct waits {
	char		dir[64];
	unsigned int	bus;		/* calls of af_bus_synchronize() */
	unsigned int	rcu;		/* grace periods of the whole machine */
};

static int waits_set(const struct waits *w, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	return write_text(path, text) ? 0 : errno;
}

static int waits_open(struct waits *w)
{
	char pid[16];
	int err;

	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(w->dir, sizeof(w->dir), TRACEFS "/instances/af_bus_sync.%d",
		 getpid());
	err = ERR(mkdir(w->dir, 0700));
	if (!err)
		err = waits_set(w, "set_ftrace_filter", "af_bus_synchronize");
	if (!err)
		err = waits_set(w, "set_ftrace_filter", "synchronize_rcu*");
	if (!err)
		err = waits_set(w, "set_ftrace_pid", pid);
	if (!err)
		err = waits_set(w, "current_tracer", "function");
	return err;
}

static void waits_close(const struct waits *w)
{
	waits_set(w, "current_tracer", "nop");
	rmdir(w->dir);
}

/* Counts from now on: opening the file for writing clears the trace. */
static void waits_begin(const struct waits *w)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/trace", w->dir);
	close(open(path, O_WRONLY | O_TRUNC));
}

static void waits_end(struct waits *w)
{
	char path[128], line[1024];
	FILE *f;

	w->bus = 0;
	w->rcu = 0;
	snprintf(path, sizeof(path), "%s/trace", w->dir);
	f = fopen(path, "r");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		w->bus += line[0] != '#' &&
			  strstr(line, ": af_bus_synchronize");
		w->rcu += line[0] != '#' && strstr(line, ": synchronize_rcu");
	}
	fclose(f);
}

FIXTURE(sync) {
	struct waits	w;
	struct tbus	b;
	struct bus_link	*l;
};

FIXTURE_SETUP(sync)
{
	int i;

	if (access(TRACEFS "/set_ftrace_pid", W_OK))
		SKIP(return, "no function tracer in " TRACEFS);
	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, QLEN));
	ASSERT_EQ(0, tbus_clients(&self->b, CROWD + 1));
	self->l = self->b.link;
	for (i = 1; i <= CROWD; i++)
		ASSERT_EQ(0, bus_add(&self->l[i], BUS_ADDR(4, i)));
	ASSERT_EQ(0, waits_open(&self->w));
}

FIXTURE_TEARDOWN(sync)
{
	waits_close(&self->w);
	tbus_close(&self->b);
}

TEST_F(sync, one_for_a_change)
{
	waits_begin(&self->w);
	EXPECT_EQ(0, bus_add(&self->l[0], BUS_ADDR(5, 1)));
	EXPECT_EQ(0, bus_del(&self->l[0], BUS_ADDR(5, 1)));
	waits_end(&self->w);
	EXPECT_EQ(2, self->w.bus);
	EXPECT_EQ(0, self->w.rcu);
}

TEST_F(sync, one_for_all_who_are_put_off)
{
	int i, k;

	for (i = 1; i <= CROWD; i++) {
		ASSERT_EQ(0, bus_overflow(self->l[i].acc, BUS_OVERFLOW_BLOCK,
					  BUS_OVERFLOW_DISCONNECT));
		for (k = 0; k < QLEN; k++)
			ASSERT_EQ(0, say(self->l[i].acc, "fill"));
	}
	waits_begin(&self->w);
	EXPECT_EQ(0, say_to(self->l[0].fd, GROUP, "x"));
	waits_end(&self->w);
	for (i = 1; i <= CROWD; i++)
		EXPECT_EQ(BUS_STATE_CLOSED, bus_get_info(self->l[i].fd).state);
	EXPECT_EQ(1, self->w.bus);
	EXPECT_EQ(0, self->w.rcu);
}

TEST_F(sync, none_for_who_is_not_accepted)
{
	struct sockaddr_bus name;
	int i, listener, fd[CROWD];
	socklen_t len;

	len = bus_abstract_unique(&name);
	listener = bus_listen(&name, len);
	ASSERT_LE(0, listener);
	for (i = 0; i < CROWD; i++) {
		fd[i] = bus_socket();
		ASSERT_EQ(0, ERR(connect(fd[i], (void *)&name, len)));
	}
	waits_begin(&self->w);
	close(listener);
	waits_end(&self->w);
	EXPECT_EQ(0, self->w.bus);
	EXPECT_EQ(0, self->w.rcu);
	for (i = 0; i < CROWD; i++) {
		EXPECT_STREQ("ECONNRESET", take(fd[i]));
		close(fd[i]);
	}
}

TEST_F(sync, one_for_an_eavesdropper)
{
	waits_begin(&self->w);
	EXPECT_EQ(0, bus_opt(self->l[1].acc, BUS_EAVESDROP, 1));
	EXPECT_EQ(0, bus_opt(self->l[1].acc, BUS_EAVESDROP, 0));
	waits_end(&self->w);
	EXPECT_EQ(2, self->w.bus);
	EXPECT_EQ(0, self->w.rcu);
}

/* Whatever a master does, it does not interrupt other processors. */
TEST_F(sync, for_nobody_elsewhere)
{
	struct bus_link l;

	waits_begin(&self->w);
	EXPECT_EQ(0, tbus_client(&self->b, &l));
	EXPECT_EQ(0, bus_opt(l.acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(0, bus_opt(self->b.listener, BUS_FLAGS, BUS_F_ORDERED));
	EXPECT_EQ(0, bus_overflow(l.acc, BUS_OVERFLOW_REJECT,
				  BUS_OVERFLOW_DROP));
	EXPECT_EQ(0, ERR(shutdown(l.acc, SHUT_RD)));
	bus_link_close(&l);
	close(self->b.listener);
	self->b.listener = -1;
	waits_end(&self->w);
	EXPECT_LE(6, self->w.bus);
	EXPECT_EQ(0, self->w.rcu);
}

TEST_HARNESS_MAIN
