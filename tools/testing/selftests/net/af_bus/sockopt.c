// SPDX-License-Identifier: GPL-2.0
/* Every option on every kind of socket, with every wrong size and value. */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <netinet/in.h>

#include "bus_util.h"

enum kind {
	NEW,
	LISTENER,
	CLIENT,			/* connected, not joined */
	ACCEPTED,
	CLIENT_JOINED,
	ACCEPTED_JOINED,
	CLOSED,			/* client whose accepted socket is gone */
	NR_KINDS,
};

#define BIT(kind)	(1U << (kind))
#define ANY		(BIT(NR_KINDS) - 1)
#define LISTENERS	BIT(LISTENER)
#define ACCEPTEDS	(BIT(ACCEPTED) | BIT(ACCEPTED_JOINED))
#define WITH_BUS	(ANY & ~BIT(NEW))
#define LINKS		(WITH_BUS & ~LISTENERS)

static const char *const kinds[] = {
	"new", "listener", "client", "accepted", "joined client",
	"joined accepted", "closed",
};

struct opt {
	const char	*name;
	int		nr;
	int		len;
	unsigned int	set;		/* kinds on which it can be set */
	unsigned int	get;		/* kinds on which it can be read */
	union {
		struct bus_overflow	overflow;
		struct bus_addr		addr;
		__u32			u;
		char			bytes[128];
	} ok;
};

static const struct opt opts[] = {
	{ "ADD_ADDR", BUS_ADD_ADDR, 8, ACCEPTEDS, 0,
	  { .addr = { BUS_ADDR(1, 1) } } },
	{ "DEL_ADDR", BUS_DEL_ADDR, 8, ACCEPTEDS, 0,
	  { .addr = { BUS_ADDR(1, 1) } } },
	{ "JOIN_BUS", BUS_JOIN_BUS, 0, BIT(ACCEPTED), 0 },
	{ "EAVESDROP", BUS_EAVESDROP, 4, BIT(ACCEPTED_JOINED), LINKS,
	  { .u = 1 } },
	{ "RCVBUF", BUS_RCVBUF, 4, LISTENERS, WITH_BUS, { .u = 100000 } },
	{ "QLEN", BUS_QLEN, 4, LISTENERS, WITH_BUS, { .u = 50 } },
	{ "OVERFLOW", BUS_OVERFLOW, 16, LISTENERS | ACCEPTEDS, WITH_BUS,
	  { .overflow = { BUS_OVERFLOW_REJECT, BUS_OVERFLOW_BLOCK } } },
	{ "MAX_MSG", BUS_MAX_MSG, 4, LISTENERS, WITH_BUS, { .u = 5000 } },
	{ "FLAGS", BUS_FLAGS, 4, LISTENERS | ACCEPTEDS, WITH_BUS,
	  { .u = BUS_F_VIA_MASTER } },
	{ "ACK", BUS_ACK, 4, ACCEPTEDS, 0, { .u = 0 } },
	{ "RECV_INFO", BUS_RECV_INFO, 4, ANY, ANY,
	  { .u = BUS_INFO_DST | BUS_INFO_LOST } },
	{ "RECV_NOTRUNC", BUS_RECV_NOTRUNC, 4, ANY, ANY, { .u = 1 } },
	{ "RECV_RIGHTS", BUS_RECV_RIGHTS, 4, ANY, ANY, { .u = 1 } },
	{ "INFO", BUS_INFO, sizeof(struct bus_info), 0, ANY },
	{ "FEATURES", BUS_FEATURES, 4, 0, ANY },
	{}
};

FIXTURE(sockopt) {
	struct tbus	b;
	int		fds[NR_KINDS];
};

FIXTURE_SETUP(sockopt)
{
	struct bus_link *l = self->b.link;

	ASSERT_EQ(0, tbus_open(&self->b, 2));
	ASSERT_EQ(0, tbus_link(&self->b, &l[2]));
	self->b.nr = 3;
	self->fds[NEW] = bus_socket();
	self->fds[LISTENER] = self->b.listener;
	self->fds[CLIENT] = l[2].fd;
	self->fds[ACCEPTED] = l[2].acc;
	self->fds[CLIENT_JOINED] = l[0].fd;
	self->fds[ACCEPTED_JOINED] = l[0].acc;
	self->fds[CLOSED] = l[1].fd;
	close(l[1].acc);
	l[1].acc = -1;
}

FIXTURE_TEARDOWN(sockopt)
{
	close(self->fds[NEW]);
	tbus_close(&self->b);
}

static int set(int fd, int nr, const void *value, socklen_t len)
{
	return ERR(setsockopt(fd, SOL_BUS, nr, value, len));
}

static int get(int fd, int nr, void *value, socklen_t *len)
{
	return ERR(getsockopt(fd, SOL_BUS, nr, value, len));
}

/* BUS_INFO and BUS_FEATURES can only be read. */
static int refusal(const struct opt *o)
{
	return o->set ? EINVAL : ENOPROTOOPT;
}

/* An option works on the kinds it is for; on others it is EINVAL. */
TEST_F(sockopt, wrong_kind)
{
	const struct opt *o;
	int k;

	for (o = opts; o->nr; o++) {
		for (k = 0; k < NR_KINDS; k++) {
			if (o->set & BIT(k))
				continue;
			EXPECT_EQ(refusal(o), set(self->fds[k], o->nr, &o->ok,
						  o->len))
				TH_LOG("%s on %s", o->name, kinds[k]);
		}
	}
}

TEST_F(sockopt, right_kind)
{
	const struct opt *o;
	int k;

	for (o = opts; o->nr; o++) {
		for (k = 0; k < NR_KINDS; k++) {
			if (!(o->set & BIT(k)) || o->nr == BUS_JOIN_BUS ||
			    o->nr == BUS_ADD_ADDR || o->nr == BUS_DEL_ADDR)
				continue;
			EXPECT_EQ(0, set(self->fds[k], o->nr, &o->ok, o->len))
				TH_LOG("%s on %s", o->name, kinds[k]);
		}
	}
}

/* Every size but the right one, and the right one from unreadable memory */
TEST_F(sockopt, sizes)
{
	const struct opt *o;
	int k, len;

	for (o = opts; o->nr; o++) {
		for (k = 0; k < NR_KINDS; k++) {
			for (len = 0; len < 140; len++) {
				if (len == o->len)
					continue;
				EXPECT_EQ(refusal(o), set(self->fds[k], o->nr,
							  &o->ok, len))
					TH_LOG("%s, %d bytes, %s", o->name, len,
					       kinds[k]);
			}
			EXPECT_EQ(EINVAL, set(self->fds[k], o->nr, &o->ok, -1));
			if (o->len && o->set & BIT(k))
				EXPECT_EQ(EFAULT, set(self->fds[k], o->nr,
						      (void *)8, o->len))
					TH_LOG("%s on %s", o->name, kinds[k]);
		}
	}
}

TEST_F(sockopt, read_back)
{
	const struct opt *o;
	char buf[160];
	socklen_t len;
	int k;

	for (o = opts; o->nr; o++) {
		for (k = 0; k < NR_KINDS; k++) {
			if (!(o->set & o->get & BIT(k)))
				continue;
			memset(buf, 0xee, sizeof(buf));
			len = o->len;
			EXPECT_EQ(0, set(self->fds[k], o->nr, &o->ok, o->len));
			EXPECT_EQ(0, get(self->fds[k], o->nr, buf, &len))
				TH_LOG("%s on %s", o->name, kinds[k]);
			EXPECT_EQ(o->len, len);
			EXPECT_EQ(0, memcmp(buf, &o->ok, o->len))
				TH_LOG("%s on %s", o->name, kinds[k]);
			EXPECT_EQ((char)0xee, buf[o->len]);
		}
	}
}

/* As much as there is room for, and how much that was. */
TEST_F(sockopt, get_sizes)
{
	char whole[160], buf[160];
	const struct opt *o;
	socklen_t len, size;
	int k;

	for (o = opts; o->nr; o++) {
		for (k = 0; k < NR_KINDS; k++) {
			if (!(o->get & BIT(k)))
				continue;
			len = sizeof(whole);
			EXPECT_EQ(0, get(self->fds[k], o->nr, whole, &len))
				TH_LOG("%s on %s", o->name, kinds[k]);
			EXPECT_EQ(o->len, len)
				TH_LOG("%s on %s", o->name, kinds[k]);
			for (size = 0; size < o->len; size++) {
				memset(buf, 0xee, sizeof(buf));
				len = size;
				EXPECT_EQ(0, get(self->fds[k], o->nr, buf,
						 &len));
				EXPECT_EQ(size, len)
					TH_LOG("%s on %s", o->name, kinds[k]);
				EXPECT_EQ(0, memcmp(buf, whole, size));
				EXPECT_EQ((char)0xee, buf[size]);
			}
		}
	}
}

/* It does not tell of what it is not for. */
TEST_F(sockopt, get_wrong_kind)
{
	const struct opt *o;
	char buf[160];
	socklen_t len;
	int k;

	for (o = opts; o->nr; o++) {
		for (k = 0; o->get && k < NR_KINDS; k++) {
			if (o->get & BIT(k))
				continue;
			len = sizeof(buf);
			EXPECT_EQ(EINVAL, get(self->fds[k], o->nr, buf, &len))
				TH_LOG("%s on %s", o->name, kinds[k]);
		}
	}
}

/* Both ends of a link tell what holds for its client. */
TEST_F(sockopt, eavesdrop_read)
{
	int acc = self->fds[ACCEPTED_JOINED], value = -1;
	socklen_t len = sizeof(value);

	EXPECT_EQ(0, get(acc, BUS_EAVESDROP, &value, &len));
	EXPECT_EQ(0, value);
	ASSERT_EQ(0, bus_opt(acc, BUS_EAVESDROP, 1));
	EXPECT_EQ(0, get(acc, BUS_EAVESDROP, &value, &len));
	EXPECT_EQ(1, value);
	value = -1;
	EXPECT_EQ(0, get(self->fds[CLIENT_JOINED], BUS_EAVESDROP, &value, &len));
	EXPECT_EQ(1, value);
	ASSERT_EQ(0, bus_opt(acc, BUS_EAVESDROP, 0));
	EXPECT_EQ(0, get(self->fds[CLIENT_JOINED], BUS_EAVESDROP, &value, &len));
	EXPECT_EQ(0, value);
}

TEST_F(sockopt, features)
{
	socklen_t len;
	__u32 value;
	int k;

	for (k = 0; k < NR_KINDS; k++) {
		value = 0;
		len = sizeof(value);
		EXPECT_EQ(0, get(self->fds[k], BUS_FEATURES, &value, &len))
			TH_LOG("%s", kinds[k]);
		EXPECT_EQ(BUS_FEATURE_LIST | BUS_FEATURE_ACK, value);
	}
}

TEST_F(sockopt, get_bad_buffer)
{
	const struct opt *o;
	socklen_t len;

	for (o = opts; o->nr; o++) {
		if (!(o->get & BIT(LISTENER)))
			continue;
		len = -1;
		EXPECT_EQ(EINVAL, get(self->b.listener, o->nr, (char *)&len,
				      &len));
		len = o->len;
		EXPECT_EQ(EFAULT, get(self->b.listener, o->nr, (void *)8,
				      &len));
		EXPECT_EQ(EFAULT, ERR(getsockopt(self->b.listener, SOL_BUS,
						 o->nr, (void *)&o->ok,
						 (void *)8)));
	}
}

/* Options that can only be set cannot be read. */
TEST_F(sockopt, set_only)
{
	const struct opt *o;
	char buf[128];
	socklen_t len;
	int k;

	for (o = opts; o->nr; o++) {
		if (o->get)
			continue;
		for (k = 0; k < NR_KINDS; k++) {
			len = sizeof(buf);
			EXPECT_NE(0, get(self->fds[k], o->nr, buf, &len))
				TH_LOG("%s on %s", o->name, kinds[k]);
		}
	}
}

TEST_F(sockopt, unknown)
{
	static const int unknown[] = { 0, 5, 8, 9, 15, 25, 99, 1000, -1 };
	socklen_t len;
	int i, k, v;

	for (k = 0; k < NR_KINDS; k++) {
		for (i = 0; i < ARRAY_SIZE(unknown); i++) {
			v = 1;
			len = sizeof(v);
			EXPECT_EQ(ENOPROTOOPT, set(self->fds[k], unknown[i],
						   &v, len))
				TH_LOG("%d on %s", unknown[i], kinds[k]);
			EXPECT_EQ(ENOPROTOOPT, get(self->fds[k], unknown[i],
						   &v, &len))
				TH_LOG("%d on %s", unknown[i], kinds[k]);
		}
	}
}

TEST_F(sockopt, other_level)
{
	int one = 1;

	EXPECT_NE(0, ERR(setsockopt(self->fds[CLIENT], IPPROTO_TCP,
				    BUS_RECV_INFO, &one, sizeof(one))));
	EXPECT_NE(0, ERR(setsockopt(self->fds[CLIENT], 0, BUS_RECV_INFO, &one,
				    sizeof(one))));
}

TEST_F(sockopt, overflow_values)
{
	static const struct bus_overflow bad[] = {
		{ BUS_OVERFLOW_MASTER + 1, 0 },
		{ -1, 0 },
		{ 0, BUS_OVERFLOW_MASTER + 1 },
		{ 0, -1 },
		{ 0, BUS_OVERFLOW_REJECT },
		{ 0, 0, 1, 0 },
		{ 0, 0, 0, 1 },
	};
	int fds[] = { self->b.listener, self->fds[ACCEPTED_JOINED] };
	struct bus_info info;
	int i, k;

	for (k = 0; k < ARRAY_SIZE(fds); k++)
		for (i = 0; i < ARRAY_SIZE(bad); i++)
			EXPECT_EQ(EINVAL, set(fds[k], BUS_OVERFLOW, &bad[i],
					      sizeof(bad[i])))
				TH_LOG("value %d", i);
	info = bus_get_info(self->fds[ACCEPTED_JOINED]);
	EXPECT_EQ(BUS_OVERFLOW_BLOCK, info.overflow_unicast);
	EXPECT_EQ(BUS_OVERFLOW_DROP, info.overflow_multicast);
}

static __u32 max_msg_sysctl(void)
{
	FILE *f = fopen("/proc/sys/net/bus/max_msg", "r");
	__u32 value = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%u", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

TEST_F(sockopt, max_msg_values)
{
	__u32 max = max_msg_sysctl();
	int fd = self->b.listener;

	if (!max)
		SKIP(return, "no sysctl net.bus.max_msg");
	EXPECT_EQ(EINVAL, bus_opt(fd, BUS_MAX_MSG, 0));
	EXPECT_EQ(EINVAL, bus_opt(fd, BUS_MAX_MSG, max + 1));
	EXPECT_EQ(EINVAL, bus_opt(fd, BUS_MAX_MSG, -1));
	EXPECT_EQ(0, bus_opt(fd, BUS_MAX_MSG, max));
	EXPECT_EQ(max, bus_get_info(fd).max_msg);
	EXPECT_EQ(0, bus_opt(fd, BUS_MAX_MSG, 1));
	EXPECT_EQ(1, bus_get_info(fd).max_msg);
	EXPECT_EQ(0, say(self->fds[CLIENT], "x"));
	EXPECT_EQ(EMSGSIZE, say(self->fds[CLIENT], "xy"));
}

TEST_F(sockopt, budget_values)
{
	int fd = self->b.listener;

	EXPECT_EQ(EINVAL, bus_opt(fd, BUS_RCVBUF, -1));
	EXPECT_EQ(EINVAL, bus_opt(fd, BUS_RCVBUF, 0));
	EXPECT_EQ(EINVAL, bus_opt(fd, BUS_QLEN, -1));
	EXPECT_EQ(EINVAL, bus_opt(fd, BUS_QLEN, 0));
	EXPECT_EQ(0, bus_opt(fd, BUS_QLEN, 1));
}

static int budget(int fd, int value)
{
	socklen_t len = sizeof(value);
	int err;

	err = bus_opt(fd, BUS_RCVBUF, value) ?:
	      get(fd, BUS_RCVBUF, &value, &len);
	return err ? -err : value;
}

/* Exceeding the limit needs the privilege of SO_RCVBUFFORCE. */
TEST_F(sockopt, budget_of_unprivileged)
{
	FILE *f = fopen("/proc/sys/net/core/rmem_max", "r");
	int max, fd = self->b.listener;
	pid_t pid;

	if (geteuid() || !f)
		SKIP(return, "needs root, and net.core.rmem_max");
	ASSERT_EQ(1, fscanf(f, "%d", &max));
	fclose(f);
	EXPECT_EQ(2 * max, budget(fd, 2 * max));
	pid = fork();
	if (!pid) {
		if (setuid(65534))
			_exit(2);
		_exit(budget(fd, 2 * max) != max || budget(fd, 999) != 999);
	}
	EXPECT_EQ(0, wait_status(pid));
}

TEST_F(sockopt, recv_info_values)
{
	int k;

	for (k = 0; k < NR_KINDS; k++) {
		EXPECT_EQ(0, bus_opt(self->fds[k], BUS_RECV_INFO, 7));
		EXPECT_EQ(EINVAL, bus_opt(self->fds[k], BUS_RECV_INFO, 8));
		EXPECT_EQ(EINVAL, bus_opt(self->fds[k], BUS_RECV_INFO, -1));
		EXPECT_EQ(0, bus_opt(self->fds[k], BUS_RECV_INFO, 0));
	}
}

/* The accepted socket does not inherit what the listener asked to receive: each
 * socket asks for itself.
 */
TEST_F(sockopt, defaults)
{
	struct bus_link *l = &self->b.link[3];
	socklen_t len = sizeof(int);
	int value = -1;

	ASSERT_EQ(0, tbus_client(&self->b, l));
	self->b.nr++;
	EXPECT_EQ(0, get(l->fd, BUS_RECV_INFO, &value, &len));
	EXPECT_EQ(0, value);
	value = -1;
	EXPECT_EQ(0, get(l->fd, BUS_RECV_NOTRUNC, &value, &len));
	EXPECT_EQ(0, value);
	value = -1;
	EXPECT_EQ(0, get(l->acc, BUS_RECV_RIGHTS, &value, &len));
	EXPECT_EQ(0, value);
}

/* After all these refusals the bus works as before. */
TEST_F(sockopt, no_side_effects)
{
	const struct opt *o;
	char junk[160];
	int k, len;

	memset(junk, 0x5a, sizeof(junk));
	for (o = opts; o->nr; o++)
		for (k = 0; k < NR_KINDS; k++)
			for (len = 0; len < sizeof(junk); len += 3)
				if (len != o->len)
					set(self->fds[k], o->nr, junk, len);
	EXPECT_EQ(0, say(self->fds[CLIENT], "up"));
	EXPECT_STREQ("3:up", take(self->fds[ACCEPTED]));
	EXPECT_EQ(0, say_to(self->fds[CLIENT_JOINED], BUS_MULTICAST(0), "hi"));
	EXPECT_STREQ("1:hi", take(self->fds[CLIENT_JOINED]));
	EXPECT_STREQ("EAGAIN", take(self->fds[CLIENT]));
	EXPECT_STREQ("EAGAIN", take(self->fds[ACCEPTED_JOINED]));
}

TEST_HARNESS_MAIN
