// SPDX-License-Identifier: GPL-2.0
/*
 * D-Bus on AF_BUS: which messages go directly, which go to the master and why,
 * and what the master sets by netlink.
 */
#include <fcntl.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <linux/netlink.h>

#include "../../kselftest_harness.h"

#include "nfdbus_util.h"

#define REASON(r)	"0:" #r

/* Reasons as came() shows them: enum nfdbus_reason and enum bus_reason_code */
#define NO_OWNER	REASON(2)
#define FULL		REASON(4)
#define VIA_MASTER	REASON(5)
#define ORDER		REASON(6)
#define DRIVER		REASON(64)
#define POLICY		REASON(65)
#define MALFORMED	REASON(66)
#define FIELDS		REASON(67)
#define LEGACY		REASON(68)
#define LIMIT		REASON(70)
#define RIGHTS		REASON(71)
#define REPLY		REASON(72)
#define EAVESDROP	REASON(73)
#define SENDER		REASON(74)

static const struct dbus_msg call = {
	.type = DBUS_CALL, .path = "/a", .member = "Call",
};

static const struct dbus_msg signal_msg = {
	.type = DBUS_SIGNAL, .path = "/a/b", .interface = "t.I",
	.member = "Sig",
};

FIXTURE(nfdbus) {
	struct tbus		b;
	struct bus_link		*l;
	struct nfdbus_req	r;
};

FIXTURE_SETUP(nfdbus)
{
	int err = dbus_open(&self->b, 4);

	if (err == EPROTONOSUPPORT)
		SKIP(return, "no nfdbus");
	ASSERT_EQ(0, err);
	self->l = self->b.link;
	ASSERT_EQ(0, nfdbus_open(&self->r));
	ASSERT_EQ(0, nfdbus_conf(&self->r, self->b.listener,
				 NFDBUS_A_CONF_FLAGS, NFDBUS_BUS_F_ALLOW_ALL));
}

FIXTURE_TEARDOWN(nfdbus)
{
	nfdbus_close(&self->r);
	tbus_close(&self->b);
}

static int send_to(struct _test_data_nfdbus *self, int from,
		   const struct dbus_msg *like, const char *destination)
{
	struct dbus_msg m = *like;

	m.destination = destination;
	m.flags |= DBUS_NO_REPLY;
	return dbus_send(self->l[from].fd, &m);
}

static int own(struct _test_data_nfdbus *self, int owner, const char *name)
{
	return nfdbus_name(&self->r, self->b.listener, NFDBUS_A_SET_NAME_SET,
			   owner < 0 ? -1 : self->l[owner].acc, name);
}

static int match(struct _test_data_nfdbus *self, int owner, const char *rule)
{
	return nfdbus_match(&self->r, self->b.listener, NFDBUS_A_SET_MATCH_ADD,
			    owner < 0 ? -1 : self->l[owner].acc, rule);
}

static int unmatch(struct _test_data_nfdbus *self, int owner, const char *rule)
{
	return nfdbus_match(&self->r, self->b.listener, NFDBUS_A_SET_MATCH_DEL,
			    owner < 0 ? -1 : self->l[owner].acc, rule);
}

/* All queues are empty. */
#define EXPECT_QUIET() do {						\
	for (int i_ = 0; i_ < (int)self->b.nr; i_++) {			\
		EXPECT_STREQ("EAGAIN", came(self->l[i_].fd))		\
			TH_LOG("client %d", i_);			\
		EXPECT_STREQ("EAGAIN", came(self->l[i_].acc))		\
			TH_LOG("accepted socket %d", i_);		\
	}								\
} while (0)

TEST_F(nfdbus, unique_names)
{
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.1"));
	EXPECT_STREQ("1", came(self->l[0].fd));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.02"));
	EXPECT_STREQ(NO_OWNER, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.99"));
	EXPECT_STREQ(NO_OWNER, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.281474976710658"));
	EXPECT_STREQ(NO_OWNER, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 0, &call, ":1.2"));
	EXPECT_STREQ(LEGACY, came(self->l[0].acc));
	EXPECT_QUIET();
}

TEST_F(nfdbus, nothing_directly_unless_allowed)
{
	ASSERT_EQ(0, nfdbus_conf(&self->r, self->b.listener,
				 NFDBUS_A_CONF_FLAGS, 0));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ(POLICY, came(self->l[0].acc));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ(POLICY, came(self->l[0].acc));
	EXPECT_QUIET();
}

TEST_F(nfdbus, driver)
{
	EXPECT_EQ(0, send_to(self, 0, &call, "org.freedesktop.DBus"));
	EXPECT_STREQ(DRIVER, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 0, &call, NULL));
	EXPECT_STREQ(DRIVER, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 0, &signal_msg, "org.freedesktop.DBus"));
	EXPECT_STREQ(DRIVER, came(self->l[0].acc));
	EXPECT_QUIET();
}

TEST_F(nfdbus, names)
{
	EXPECT_EQ(0, send_to(self, 0, &call, "t.Name"));
	EXPECT_STREQ(NO_OWNER, came(self->l[0].acc));
	ASSERT_EQ(0, own(self, 1, "t.Name"));
	EXPECT_EQ(0, send_to(self, 0, &call, "t.Name"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	ASSERT_EQ(0, own(self, 2, "t.Name"));
	EXPECT_EQ(0, send_to(self, 0, &signal_msg, "t.Name"));
	EXPECT_STREQ("1", came(self->l[2].fd));
	ASSERT_EQ(0, own(self, -1, "t.Name"));
	EXPECT_EQ(0, send_to(self, 0, &call, "t.Name"));
	EXPECT_STREQ(LEGACY, came(self->l[0].acc));
	ASSERT_EQ(0, nfdbus_name(&self->r, self->b.listener,
				 NFDBUS_A_SET_NAME_CLEAR, -1, "t.Name"));
	EXPECT_EQ(0, send_to(self, 0, &call, "t.Name"));
	EXPECT_STREQ(NO_OWNER, came(self->l[0].acc));
	EXPECT_QUIET();
}

TEST_F(nfdbus, dead_owner)
{
	ASSERT_EQ(0, own(self, 3, "t.Name"));
	close(self->l[3].fd);
	EXPECT_EQ(0, send_to(self, 0, &call, "t.Name"));
	EXPECT_STREQ(NO_OWNER, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.4"));
	EXPECT_STREQ(NO_OWNER, came(self->l[0].acc));

	/* Requests about the client that left do no harm. */
	EXPECT_EQ(0, own(self, 3, "t.Other"));
	EXPECT_EQ(0, match(self, 3, "type='signal'"));
	EXPECT_EQ(0, unmatch(self, 3, "type='signal'"));
	EXPECT_EQ(0, nfdbus_peer(&self->r, self->b.listener, self->l[3].acc,
				 NFDBUS_PEER_F_CAN_FDS));
	EXPECT_EQ(0, send_to(self, 0, &call, "t.Other"));
	EXPECT_STREQ(NO_OWNER, came(self->l[0].acc));
	ASSERT_EQ(0, own(self, 1, "t.Name"));
	EXPECT_EQ(0, send_to(self, 0, &call, "t.Name"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	self->l[3].fd = -1;
}

TEST_F(nfdbus, broadcasts)
{
	ASSERT_EQ(0, match(self, 1, "type='signal',interface='t.I'"));
	ASSERT_EQ(0, match(self, 2, "member='Sig',path_namespace='/a'"));
	ASSERT_EQ(0, match(self, 2, "type='signal'"));
	ASSERT_EQ(0, match(self, 3, "type='signal',interface='t.Other'"));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ("EAGAIN", came(self->l[0].fd));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_STREQ("1", came(self->l[2].fd));
	EXPECT_QUIET();

	/* A signal that matches no rule, and one that matches its sender's rule
	 * only
	 */
	EXPECT_EQ(0, unmatch(self, 1, "interface=t.I,type=signal"));
	EXPECT_EQ(0, nfdbus_match(&self->r, self->b.listener,
				  NFDBUS_A_SET_MATCH_CLEAR, self->l[2].acc,
				  NULL));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_QUIET();
	ASSERT_EQ(0, match(self, 0, ""));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ("1", came(self->l[0].fd));
	EXPECT_QUIET();
}

TEST_F(nfdbus, legacy_rule)
{
	ASSERT_EQ(0, match(self, 1, "type='signal'"));
	ASSERT_EQ(0, match(self, -1, "path='/a/b'"));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ(LEGACY, came(self->l[0].acc));
	EXPECT_QUIET();
	ASSERT_EQ(0, unmatch(self, -1, "path='/a/b'"));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_QUIET();
}

TEST_F(nfdbus, rules_are_counted)
{
	ASSERT_EQ(0, match(self, 1, "member='Sig'"));
	ASSERT_EQ(0, match(self, 1, "member=Sig"));
	ASSERT_EQ(0, unmatch(self, 1, "member='Sig'"));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ("1", came(self->l[1].fd));
	ASSERT_EQ(0, unmatch(self, 1, "member='Sig'"));
	EXPECT_EQ(ENOENT, unmatch(self, 1, "member='Sig'"));
	EXPECT_STREQ("no such match rule", self->r.error);
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_QUIET();
}

TEST_F(nfdbus, sender)
{
	ASSERT_EQ(0, match(self, 2, "sender=':0.1'"));
	ASSERT_EQ(0, match(self, 3, "sender='t.Name'"));
	EXPECT_EQ(0, dbus_send(self->l[1].fd, &signal_msg));
	EXPECT_QUIET();
	ASSERT_EQ(0, own(self, 0, "t.Name"));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ("1", came(self->l[2].fd));
	EXPECT_STREQ("1", came(self->l[3].fd));
	ASSERT_EQ(0, own(self, 1, "t.Name"));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ("1", came(self->l[2].fd));
	EXPECT_EQ(0, dbus_send(self->l[1].fd, &signal_msg));
	EXPECT_STREQ("2", came(self->l[3].fd));
	EXPECT_QUIET();
}

/* A false sender field does not reach the clients that would believe it. */
TEST_F(nfdbus, lying_sender)
{
	static const char * const lies[] = {
		":0.2", ":0.11", ":0.0", ":1.1", "t.Name", "org.freedesktop.DBus",
	};
	struct dbus_msg m = signal_msg, to = call;
	int i;

	ASSERT_EQ(0, own(self, 0, "t.Name"));
	ASSERT_EQ(0, match(self, 2, ""));
	to.destination = ":0.2";
	to.flags = DBUS_NO_REPLY;
	for (i = 0; i < (int)ARRAY_SIZE(lies); i++) {
		m.sender = lies[i];
		to.sender = lies[i];
		EXPECT_EQ(0, dbus_send(self->l[0].fd, &m));
		EXPECT_STREQ(SENDER, came(self->l[0].acc)) TH_LOG("%s", lies[i]);
		EXPECT_EQ(0, dbus_send(self->l[0].fd, &to));
		EXPECT_STREQ(SENDER, came(self->l[0].acc)) TH_LOG("%s", lies[i]);
		EXPECT_QUIET();
	}
	m.sender = ":0.1";
	to.sender = ":0.1";
	to.big = true;
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &m));
	EXPECT_STREQ("1", came(self->l[2].fd));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &to));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_QUIET();
}

TEST_F(nfdbus, arguments)
{
	struct dbus_msg m = signal_msg;

	m.arg0 = "x.y.z";
	ASSERT_EQ(0, match(self, 1, "arg0='x.y.z'"));
	ASSERT_EQ(0, match(self, 2, "arg0namespace='x.y'"));
	ASSERT_EQ(0, match(self, 3, "arg1='x.y.z'"));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &m));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_STREQ("1", came(self->l[2].fd));
	EXPECT_QUIET();
	m.arg0 = "x.y";
	m.big = true;
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &m));
	EXPECT_STREQ("1", came(self->l[2].fd));
	EXPECT_QUIET();
}

/* Only messages that an eavesdropping rule matches go to the master. */
TEST_F(nfdbus, eavesdropping)
{
	const char *calls = "type='method_call',member='Call',eavesdrop='true'";
	const char *args = "interface='t.I',arg0='x',destination='t.Name',eavesdrop='true'";
	struct dbus_msg m = call;

	m.interface = "t.I";
	m.arg0 = "x";
	ASSERT_EQ(0, match(self, 3, calls));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ(EAVESDROP, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 0, &signal_msg, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	ASSERT_EQ(0, unmatch(self, 3, calls));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));

	/* A rule without a client here matches messages to any client. */
	ASSERT_EQ(0, match(self, -1, args));
	EXPECT_EQ(0, send_to(self, 0, &m, ":0.2"));
	EXPECT_STREQ(EAVESDROP, came(self->l[0].acc));
	m.arg0 = "y";
	EXPECT_EQ(0, send_to(self, 0, &m, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));

	/* It matches broadcasts like any other rule. */
	ASSERT_EQ(0, match(self, 3, "sender=':0.1',path_namespace='/a',eavesdrop='true'"));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ("1", came(self->l[3].fd));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ(EAVESDROP, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 1, &call, ":0.1"));
	EXPECT_STREQ("2", came(self->l[0].fd));
	EXPECT_QUIET();
}

/* In the network namespace that the test has now */
static int open_again(struct _test_data_nfdbus *self)
{
	int err;

	nfdbus_close(&self->r);
	tbus_close(&self->b);
	err = dbus_open(&self->b, 4);
	if (!err)
		err = nfdbus_open(&self->r);
	self->l = self->b.link;
	return err ?: nfdbus_conf(&self->r, self->b.listener,
				  NFDBUS_A_CONF_FLAGS, NFDBUS_BUS_F_ALLOW_ALL);
}

static int match_many(struct _test_data_nfdbus *self, const char *format,
		      int nr)
{
	char rule[80];
	int err = 0;

	while (!err && nr--) {
		snprintf(rule, sizeof(rule), format, nr);
		err = match(self, nr % 4, rule);
	}
	return err;
}

/* A message is compared with eight rules for each recipient that it may have;
 * the look-up that finds them is one of the eight.
 */
TEST_F(nfdbus, many_rules)
{
	static const char rules[] = "interface='t.I',path_namespace='/n%d'";
	static const char taps[] = "member='Call',arg0path='/%d',eavesdrop='true'";

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_TRUE(write_text("/proc/sys/net/bus/max_recipients", "1"));
	ASSERT_EQ(0, open_again(self));
	ASSERT_EQ(0, match_many(self, rules, 7));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_QUIET();
	ASSERT_EQ(0, match(self, 3, "interface='t.I',arg1='x'"));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ(LIMIT, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 0, &signal_msg, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));

	ASSERT_EQ(0, match_many(self, taps, 7));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	ASSERT_EQ(0, match(self, 3, "member='Call',arg1='x',eavesdrop='true'"));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ(LIMIT, came(self->l[0].acc));

	ASSERT_EQ(0, unmatch(self, 3, "interface='t.I',arg1='x'"));
	ASSERT_TRUE(write_text("/proc/sys/net/bus/max_recipients", "2"));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_QUIET();
}

/* A reply that goes to the master stays expected until the master takes it. */
TEST_F(nfdbus, eavesdropping_on_replies)
{
	struct dbus_msg m = call;

	m.destination = ":0.2";
	m.serial = 7;
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &m));
	EXPECT_STREQ("1", came(self->l[1].fd));
	ASSERT_EQ(0, match(self, 3, "type='method_return',eavesdrop='true'"));
	m = (struct dbus_msg){ .type = DBUS_RETURN, .reply_serial = 7,
			       .destination = ":0.1" };
	EXPECT_EQ(0, dbus_send(self->l[1].fd, &m));
	EXPECT_STREQ(EAVESDROP, came(self->l[1].acc));
	EXPECT_EQ(0, dbus_send(self->l[1].fd, &m));
	EXPECT_STREQ(EAVESDROP, came(self->l[1].acc));
	EXPECT_QUIET();
}

/* A call from client 0 to client 1, and the reply */
static int ask(struct _test_data_nfdbus *self, __u32 serial)
{
	struct dbus_msg m = call;

	m.destination = ":0.2";
	m.serial = serial;
	return dbus_send(self->l[0].fd, &m);
}

static int answer(struct _test_data_nfdbus *self, __u32 serial)
{
	struct dbus_msg m = {
		.type = DBUS_RETURN, .reply_serial = serial,
		.destination = ":0.1",
	};

	return dbus_send(self->l[1].fd, &m);
}

TEST_F(nfdbus, replies)
{
	EXPECT_EQ(0, ask(self, 7));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_EQ(0, answer(self, 8));
	EXPECT_STREQ(REPLY, came(self->l[1].acc));
	EXPECT_EQ(0, answer(self, 7));
	EXPECT_STREQ("2", came(self->l[0].fd));
	EXPECT_EQ(0, answer(self, 7));
	EXPECT_STREQ(REPLY, came(self->l[1].acc));

	EXPECT_QUIET();
}

/* The kernel does not know all calls whose reply a client waits for. */
TEST_F(nfdbus, serials)
{
	static const __u32 out_of_order[] = { 7, 9, 8, 70 };
	static const __u32 repeated[] = { 9, 7, 8, 6, 1 };
	unsigned int i;

	for (i = 0; i < sizeof(out_of_order) / sizeof(*out_of_order); i++) {
		EXPECT_EQ(0, ask(self, out_of_order[i]));
		EXPECT_STREQ("1", came(self->l[1].fd));
		EXPECT_EQ(0, answer(self, out_of_order[i]));
		EXPECT_STREQ("2", came(self->l[0].fd));
	}
	for (i = 0; i < sizeof(repeated) / sizeof(*repeated); i++) {
		EXPECT_EQ(0, ask(self, repeated[i]));
		EXPECT_STREQ(POLICY "+1", came(self->l[0].acc));
	}

	/* The way of the call makes no difference. */
	ASSERT_EQ(0, bus_opt(self->l[0].acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(0, ask(self, 80));
	EXPECT_STREQ(VIA_MASTER, came(self->l[0].acc));
	EXPECT_EQ(0, ask(self, 80));
	EXPECT_STREQ(VIA_MASTER "+1", came(self->l[0].acc));
	ASSERT_EQ(0, bus_opt(self->l[0].acc, BUS_FLAGS, 0));
	EXPECT_EQ(0, ask(self, 80));
	EXPECT_STREQ(POLICY "+1", came(self->l[0].acc));

	/* It makes no difference for calls that expect no reply. */
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_QUIET();
}

TEST_F(nfdbus, calls_by_the_master_expect_nothing)
{
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(0, ask(self, 7));
	EXPECT_STREQ(VIA_MASTER, came(self->l[0].acc));
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_FLAGS, 0));
	EXPECT_EQ(0, answer(self, 7));
	EXPECT_STREQ(REPLY, came(self->l[1].acc));
	ASSERT_EQ(0, nfdbus_conf(&self->r, self->b.listener,
				 NFDBUS_A_CONF_FLAGS,
				 NFDBUS_BUS_F_ALLOW_ALL |
				 NFDBUS_BUS_F_REPLY_TIMEOUT));
	EXPECT_EQ(0, ask(self, 8));
	EXPECT_STREQ(LIMIT, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_QUIET();
}

TEST_F(nfdbus, reply_limit)
{
	ASSERT_EQ(0, nfdbus_conf(&self->r, self->b.listener,
				 NFDBUS_A_CONF_MAX_REPLIES, 2));
	EXPECT_EQ(0, ask(self, 1));
	EXPECT_EQ(0, ask(self, 2));
	EXPECT_EQ(0, ask(self, 3));
	EXPECT_STREQ(LIMIT, came(self->l[0].acc));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_EQ(0, answer(self, 1));
	EXPECT_STREQ("2", came(self->l[0].fd));
	EXPECT_EQ(0, ask(self, 4));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_QUIET();
}

static int set_limit(struct nfdbus_req *r, int listener, int acc, __u32 limit)
{
	size_t nest;

	nfdbus_set(r, listener);
	nest = nfdbus_nest(r, NFDBUS_A_SET_PEER);
	nfdbus_put_u32(r, NFDBUS_A_CLIENT_FD, acc);
	nfdbus_put_u32(r, NFDBUS_A_CLIENT_MAX_REPLIES, limit);
	nfdbus_nest_end(r, nest);
	return nfdbus_talk(r, NULL, NULL);
}

struct peer {
	unsigned int	nr;
	__u64		addr;
	__u32		flags;
	__u32		max_replies;
	__u32		replies;
};

static void take_peer(const void *attrs, size_t len, void *arg)
{
	struct peer *p = arg;

	p->nr++;
	p->addr = nfdbus_attr_uint(attrs, len, NFDBUS_A_PEER_ADDR);
	p->flags = nfdbus_attr_uint(attrs, len, NFDBUS_A_PEER_FLAGS);
	p->max_replies = nfdbus_attr_uint(attrs, len,
					  NFDBUS_A_PEER_MAX_REPLIES);
	p->replies = nfdbus_attr_uint(attrs, len, NFDBUS_A_PEER_REPLIES);
}

static int get_peer(struct nfdbus_req *r, int fd, struct peer *p)
{
	memset(p, 0, sizeof(*p));
	nfdbus_begin(r, NFDBUS_CMD_PEER_GET, 0);
	nfdbus_put_u32(r, NFDBUS_A_PEER_FD, fd);
	return nfdbus_talk(r, take_peer, p);
}

/* The master counts the calls that it handles, and leaves the rest to the
 * kernel.
 */
TEST_F(nfdbus, reply_limit_of_client)
{
	int listener = self->b.listener, acc = self->l[0].acc;
	struct peer p;

	ASSERT_EQ(0, nfdbus_peer(&self->r, listener, acc,
				 NFDBUS_PEER_F_CAN_FDS));
	ASSERT_EQ(0, get_peer(&self->r, acc, &p));
	EXPECT_EQ(1, p.nr);
	EXPECT_EQ(1, p.addr);
	EXPECT_EQ(~0U, p.max_replies);
	EXPECT_EQ(0, p.replies);

	ASSERT_EQ(0, set_limit(&self->r, listener, acc, 2));
	EXPECT_EQ(0, ask(self, 1));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_EQ(0, ask(self, 2));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_EQ(0, ask(self, 3));
	EXPECT_STREQ(LIMIT, came(acc));
	ASSERT_EQ(0, get_peer(&self->r, acc, &p));
	EXPECT_EQ(NFDBUS_PEER_F_CAN_FDS, p.flags);
	EXPECT_EQ(2, p.max_replies);
	EXPECT_EQ(2, p.replies);

	/* The new limit is less than the number of replies that it waits for.
	 */
	ASSERT_EQ(0, set_limit(&self->r, listener, acc, 1));
	EXPECT_EQ(0, answer(self, 1));
	EXPECT_STREQ("2", came(self->l[0].fd));
	EXPECT_EQ(0, ask(self, 4));
	EXPECT_STREQ(LIMIT, came(acc));
	EXPECT_EQ(0, answer(self, 2));
	EXPECT_STREQ("2", came(self->l[0].fd));
	ASSERT_EQ(0, get_peer(&self->r, acc, &p));
	EXPECT_EQ(0, p.replies);
	EXPECT_EQ(0, ask(self, 5));
	EXPECT_STREQ("1", came(self->l[1].fd));

	/* Other clients are not affected, and flags do not change the limit. */
	ASSERT_EQ(0, nfdbus_peer(&self->r, listener, acc, 0));
	ASSERT_EQ(0, get_peer(&self->r, acc, &p));
	EXPECT_EQ(0, p.flags);
	EXPECT_EQ(1, p.max_replies);
	ASSERT_EQ(0, get_peer(&self->r, self->l[1].acc, &p));
	EXPECT_EQ(~0U, p.max_replies);
	EXPECT_QUIET();
}

TEST_F(nfdbus, get_peer)
{
	struct nfdbus_req *r = &self->r;
	struct bus_link *l;
	struct peer p;

	EXPECT_EQ(EPERM, get_peer(r, self->l[0].fd, &p));
	EXPECT_STREQ("a client has no authority over its bus", r->error);
	EXPECT_EQ(EINVAL, get_peer(r, self->b.listener, &p));
	EXPECT_STREQ("not an accepted socket", r->error);
	EXPECT_EQ(EINVAL, get_peer(r, 999, &p));
	nfdbus_begin(r, NFDBUS_CMD_PEER_GET, 0);
	EXPECT_EQ(EINVAL, nfdbus_talk(r, take_peer, &p));
	EXPECT_EQ(0, p.nr);

	/* A client that has left expects no replies. */
	l = &self->l[0];
	EXPECT_EQ(0, ask(self, 1));
	close(l->fd);
	l->fd = -1;
	EXPECT_EQ(0, set_limit(r, self->b.listener, l->acc, 1));
	ASSERT_EQ(0, get_peer(r, l->acc, &p));
	EXPECT_EQ(1, p.nr);
	EXPECT_EQ(0, p.replies);
}

struct taken {
	unsigned int	nr;
	__u64		addr[4];
	__u32		serial[4];
	__u64		since[4];
};

static void take_expected(const void *attrs, size_t len, void *arg)
{
	struct taken *t = arg;
	const void *nest;
	size_t n;

	for (t->nr = 0; t->nr < 4; t->nr++) {
		nest = nfdbus_attr(attrs, len, NFDBUS_A_REPLY_EXPECTED, t->nr,
				   &n);
		if (!nest)
			return;
		t->addr[t->nr] = nfdbus_attr_uint(nest, n,
						  NFDBUS_A_EXPECTED_ADDR);
		t->serial[t->nr] = nfdbus_attr_uint(nest, n,
						    NFDBUS_A_EXPECTED_SERIAL);
		t->since[t->nr] = nfdbus_attr_uint(nest, n,
						   NFDBUS_A_EXPECTED_SINCE);
	}
}

static int take_replies(struct nfdbus_req *r, int acc, struct taken *t)
{
	nfdbus_begin(r, NFDBUS_CMD_TAKE_REPLIES, 0);
	nfdbus_put_u32(r, NFDBUS_A_REPLY_FD, acc);
	return nfdbus_talk(r, take_expected, t);
}

/* Returns how many replies client 1 owes to calls of this serial, and makes
 * them not expected.
 */
static int take_one(struct _test_data_nfdbus *self, __u64 caller, __u32 serial)
{
	struct nfdbus_req *r = &self->r;
	struct taken t;
	size_t nest;

	nfdbus_begin(r, NFDBUS_CMD_TAKE_REPLIES, 0);
	nfdbus_put_u32(r, NFDBUS_A_REPLY_FD, self->l[1].acc);
	nest = nfdbus_nest(r, NFDBUS_A_REPLY_EXPECTED);
	if (caller)
		nfdbus_put(r, NFDBUS_A_EXPECTED_ADDR, &caller, sizeof(caller));
	nfdbus_put_u32(r, NFDBUS_A_EXPECTED_SERIAL, serial);
	nfdbus_nest_end(r, nest);
	if (nfdbus_talk(r, take_expected, &t))
		return -1;
	return t.nr && t.addr[0] == caller && t.serial[0] == serial ? t.nr : 0;
}

/* A reply that is handed over may be lost, or turn out to be no reply. */
TEST_F(nfdbus, reply_handed_over)
{
	struct taken t;

	EXPECT_EQ(0, ask(self, 9));
	EXPECT_STREQ("1", came(self->l[1].fd));
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(0, answer(self, 9));
	EXPECT_STREQ(VIA_MASTER, came(self->l[1].acc));
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_FLAGS, 0));
	EXPECT_EQ(0, answer(self, 9));
	EXPECT_STREQ("2", came(self->l[0].fd));

	EXPECT_EQ(0, ask(self, 10));
	EXPECT_EQ(0, ask(self, 11));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_EQ(0, take_one(self, 3, 10));
	EXPECT_EQ(0, take_one(self, 1, 9));
	EXPECT_EQ(1, take_one(self, 1, 10));
	EXPECT_EQ(0, take_one(self, 1, 10));
	EXPECT_EQ(-1, take_one(self, 0, 11));
	EXPECT_EQ(0, answer(self, 10));
	EXPECT_STREQ(REPLY, came(self->l[1].acc));

	/* A reply that the master does not take is still owed when the client
	 * leaves.
	 */
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_FLAGS, BUS_F_VIA_MASTER));
	EXPECT_EQ(0, answer(self, 11));
	EXPECT_STREQ(VIA_MASTER, came(self->l[1].acc));
	close(self->l[1].fd);
	self->l[1].fd = -1;
	ASSERT_EQ(0, take_replies(&self->r, self->l[1].acc, &t));
	ASSERT_EQ(1, t.nr);
	EXPECT_EQ(11, t.serial[0]);
}

static __u64 monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

TEST_F(nfdbus, callee_dies)
{
	__u64 before = monotonic(), between;
	struct taken t;

	EXPECT_EQ(0, ask(self, 5));
	between = monotonic();
	EXPECT_EQ(0, ask(self, 6));
	close(self->l[1].fd);
	self->l[1].fd = -1;
	ASSERT_EQ(0, take_replies(&self->r, self->l[1].acc, &t));
	ASSERT_EQ(2, t.nr);
	EXPECT_EQ(1, t.addr[0]);
	EXPECT_EQ(5, t.serial[0]);
	EXPECT_EQ(6, t.serial[1]);
	EXPECT_LE(before, t.since[0]);
	EXPECT_LE(t.since[0], between);
	EXPECT_LE(between, t.since[1]);
	EXPECT_LE(t.since[1], monotonic());
	ASSERT_EQ(0, take_replies(&self->r, self->l[1].acc, &t));
	EXPECT_EQ(0, t.nr);
	EXPECT_EQ(EINVAL, take_replies(&self->r, self->b.listener, &t));
	EXPECT_STREQ("not an accepted socket", self->r.error);
}

TEST_F(nfdbus, malformed)
{
	struct dbus_msg m = call;
	char buf[512];
	size_t len;

	m.destination = ":0.2";
	len = dbus_build(&m, buf, sizeof(buf));
	EXPECT_EQ(0, ERR(send(self->l[0].fd, buf, len - 1, 0)));
	EXPECT_STREQ(MALFORMED, came(self->l[0].acc));
	buf[3] = 2;
	EXPECT_EQ(0, ERR(send(self->l[0].fd, buf, len, 0)));
	EXPECT_STREQ(MALFORMED, came(self->l[0].acc));
	EXPECT_EQ(0, ERR(send(self->l[0].fd, "x", 1, 0)));
	EXPECT_STREQ(MALFORMED, came(self->l[0].acc));
	m.arg0 = "not \xff UTF-8";
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &m));
	EXPECT_STREQ(MALFORMED, came(self->l[0].acc));
	m.arg0 = NULL;
	m.unix_fds = 1;
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &m));
	EXPECT_STREQ(MALFORMED, came(self->l[0].acc));
	m.unix_fds = 0;
	m.odd_field = 77;
	m.serial = 1000;
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &m));
	EXPECT_STREQ(FIELDS, came(self->l[0].acc));
	EXPECT_QUIET();
}

static int can_fds(struct _test_data_nfdbus *self, int client, __u32 flags)
{
	return nfdbus_peer(&self->r, self->b.listener, self->l[client].acc,
			   flags);
}

TEST_F(nfdbus, descriptors)
{
	struct dbus_msg m = call, s = signal_msg;
	int fds[2] = { 0, 1 };

	m.destination = ":0.2";
	m.flags = DBUS_NO_REPLY;
	m.unix_fds = 2;
	ASSERT_EQ(0, can_fds(self, 0, NFDBUS_PEER_F_CAN_FDS));
	EXPECT_EQ(0, dbus_send_fds(self->l[0].fd, &m, fds, 2));
	EXPECT_STREQ(RIGHTS ",fds=2", came(self->l[0].acc));
	ASSERT_EQ(0, can_fds(self, 1, NFDBUS_PEER_F_CAN_FDS));
	EXPECT_EQ(0, dbus_send_fds(self->l[0].fd, &m, fds, 2));
	EXPECT_STREQ("1,fds=2", came(self->l[1].fd));
	EXPECT_EQ(0, dbus_send_fds(self->l[0].fd, &m, fds, 1));
	EXPECT_STREQ(MALFORMED ",fds=1", came(self->l[0].acc));

	/* A client that takes no descriptors does not get the signal. */
	s.unix_fds = 1;
	ASSERT_EQ(0, match(self, 1, ""));
	ASSERT_EQ(0, match(self, 2, ""));
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_RIGHTS, 1));
	EXPECT_EQ(0, dbus_send_fds(self->l[0].fd, &s, fds, 1));
	EXPECT_STREQ("1,fds=1", came(self->l[1].fd));

	ASSERT_EQ(0, nfdbus_conf(&self->r, self->b.listener,
				 NFDBUS_A_CONF_MAX_FDS, 1));
	EXPECT_EQ(0, dbus_send_fds(self->l[0].fd, &m, fds, 2));
	EXPECT_STREQ(LIMIT ",fds=2", came(self->l[0].acc));
	EXPECT_QUIET();
}

/* A sender that did not negotiate descriptors is the daemon's business. */
TEST_F(nfdbus, descriptors_not_negotiated)
{
	struct dbus_msg m = call, s = signal_msg;
	int fd = 0;

	m.destination = ":0.2";
	m.flags = DBUS_NO_REPLY;
	m.unix_fds = 1;
	s.unix_fds = 1;
	ASSERT_EQ(0, match(self, 1, ""));
	ASSERT_EQ(0, bus_opt(self->l[1].fd, BUS_RECV_RIGHTS, 1));
	ASSERT_EQ(0, can_fds(self, 1, NFDBUS_PEER_F_CAN_FDS));
	EXPECT_EQ(0, dbus_send_fds(self->l[0].fd, &m, &fd, 1));
	EXPECT_STREQ(RIGHTS ",fds=1", came(self->l[0].acc));
	EXPECT_EQ(0, dbus_send_fds(self->l[0].fd, &s, &fd, 1));
	EXPECT_STREQ(RIGHTS ",fds=1", came(self->l[0].acc));
	EXPECT_QUIET();
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	ASSERT_EQ(0, can_fds(self, 0, NFDBUS_PEER_F_CAN_FDS));
	EXPECT_EQ(0, dbus_send_fds(self->l[0].fd, &m, &fd, 1));
	EXPECT_STREQ("1,fds=1", came(self->l[1].fd));
	EXPECT_EQ(0, dbus_send_fds(self->l[0].fd, &s, &fd, 1));
	EXPECT_STREQ("1,fds=1", came(self->l[1].fd));
	EXPECT_QUIET();
}

/* A setting of the recipient is no error of the client that replies. */
TEST_F(nfdbus, receiver_without_rights)
{
	struct dbus_msg m = {
		.type = DBUS_RETURN, .destination = ":0.1", .unix_fds = 1,
	};
	int fd = 0, err;

	ASSERT_EQ(0, can_fds(self, 0, NFDBUS_PEER_F_CAN_FDS));
	ASSERT_EQ(0, can_fds(self, 1, NFDBUS_PEER_F_CAN_FDS));
	err = sol_opt(self->l[0].fd, SO_PASSRIGHTS, 0);
	/* Kernels before 6.16 do not have this option, so there is nothing to
	 * test.
	 */
	if (err == ENOPROTOOPT)
		return;
	ASSERT_EQ(0, err);
	EXPECT_EQ(0, ask(self, 7));
	EXPECT_STREQ("1", came(self->l[1].fd));
	m.reply_serial = 7;
	EXPECT_EQ(0, dbus_send_fds(self->l[1].fd, &m, &fd, 1));
	EXPECT_STREQ(RIGHTS ",fds=1", came(self->l[1].acc));

	/* The reply is still expected, because the master has not taken it. */
	EXPECT_EQ(0, answer(self, 7));
	EXPECT_STREQ("2", came(self->l[0].fd));
	m.type = DBUS_CALL;
	m.flags = DBUS_NO_REPLY;
	m.reply_serial = 0;
	m.path = "/a";
	m.member = "Call";
	EXPECT_EQ(0, dbus_send_fds(self->l[1].fd, &m, &fd, 1));
	EXPECT_STREQ(RIGHTS ",fds=1", came(self->l[1].acc));
	EXPECT_EQ(0, send_to(self, 1, &call, ":0.1"));
	EXPECT_STREQ("2", came(self->l[0].fd));
	EXPECT_QUIET();
}

/* An overflow policy of the recipient, or its share, that would be an error
 * elsewhere
 */
TEST_F(nfdbus, receiver_without_room)
{
	static const __u32 policy[] = {
		BUS_OVERFLOW_REJECT, BUS_OVERFLOW_MASTER,
	};
	int i, n;

	for (i = 0; i < (int)ARRAY_SIZE(policy); i++) {
		ASSERT_EQ(0, bus_overflow(self->l[1].acc, policy[i],
					  BUS_OVERFLOW_DROP));
		for (n = 0; n < 100000; n++) {
			ASSERT_EQ(0, send_to(self, 0, &call, ":0.2"));
			if (strcmp("EAGAIN", came(self->l[0].acc)))
				break;
		}
		EXPECT_GT(100000, n);
		EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
		EXPECT_STREQ(FULL, came(self->l[0].acc));
		while (n--)
			EXPECT_STREQ("1", came(self->l[1].fd));
		EXPECT_QUIET();
	}
}

/* More copies of descriptors than the sender may have in flight */
static int send_many(int fd, const struct dbus_msg *m)
{
	struct rlimit lim = { 40, 40 };
	int fds[16] = {};
	pid_t pid = fork();

	if (!pid) {
		if (setrlimit(RLIMIT_NOFILE, &lim) || setgid(47110) ||
		    setuid(47110))
			_exit(255);
		_exit(dbus_send_fds(fd, m, fds, 16));
	}
	return wait_status(pid);
}

TEST_F(nfdbus, too_many_copies_of_descriptors)
{
	struct dbus_msg s = signal_msg;
	int i;

	s.unix_fds = 16;
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, can_fds(self, i, NFDBUS_PEER_F_CAN_FDS));
		ASSERT_EQ(0, bus_opt(self->l[i].fd, BUS_RECV_RIGHTS, 1));
		if (i)
			ASSERT_EQ(0, match(self, i, ""));
	}
	EXPECT_EQ(0, send_many(self->l[0].fd, &s));
	EXPECT_STREQ(RIGHTS ",fds=16", came(self->l[0].acc));
	EXPECT_QUIET();
	ASSERT_EQ(0, unmatch(self, 3, ""));
	EXPECT_EQ(0, send_many(self->l[0].fd, &s));
	EXPECT_STREQ("1,fds=16", came(self->l[1].fd));
	EXPECT_STREQ("1,fds=16", came(self->l[2].fd));
	EXPECT_QUIET();
}

TEST_F(nfdbus, large)
{
	struct dbus_msg m = call;

	m.destination = ":0.2";
	m.flags = DBUS_NO_REPLY;
	m.len = 1 << 20;
	ASSERT_EQ(0, dbus_send(self->l[0].fd, &m));
	EXPECT_STREQ("1", came(self->l[1].fd));
	m.big = true;
	ASSERT_EQ(0, dbus_send(self->l[0].fd, &m));
	EXPECT_STREQ("1", came(self->l[1].fd));
	ASSERT_EQ(0, nfdbus_conf(&self->r, self->b.listener,
				 NFDBUS_A_CONF_MAX_MSG, 1 << 20));
	ASSERT_EQ(0, dbus_send(self->l[0].fd, &m));
	EXPECT_STREQ(LIMIT, came(self->l[0].acc));
	EXPECT_QUIET();
}

/* The reply overtakes no message, and is owed until the master has handled it.
 */
TEST_F(nfdbus, ordered)
{
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_FLAGS, BUS_F_ORDERED));
	EXPECT_EQ(0, ask(self, 3));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_EQ(0, send_to(self, 1, &call, "org.freedesktop.DBus"));
	EXPECT_EQ(0, answer(self, 3));
	EXPECT_EQ(0, dbus_send(self->l[1].fd, &signal_msg));
	EXPECT_STREQ(DRIVER, came(self->l[1].acc));
	EXPECT_STREQ(ORDER, came(self->l[1].acc));
	EXPECT_STREQ(ORDER, came(self->l[1].acc));
	EXPECT_EQ(1, take_one(self, 1, 3));
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_ACK, 3));
	EXPECT_EQ(0, send_to(self, 1, &call, ":0.1"));
	EXPECT_STREQ("2", came(self->l[0].fd));
	EXPECT_QUIET();
}

/* A held client: the master is about to set a rule or a name for it. */
TEST_F(nfdbus, held)
{
	struct nfdbus_req *r = &self->r;
	int listener = self->b.listener, acc = self->l[1].acc;
	size_t nest;

	nfdbus_set(r, listener);
	nfdbus_add_match(r, NFDBUS_A_SET_MATCH_ADD, acc, "member='Sig'");
	nest = nfdbus_nest(r, NFDBUS_A_SET_PEER);
	nfdbus_put_u32(r, NFDBUS_A_CLIENT_FD, acc);
	nfdbus_put_u32(r, NFDBUS_A_CLIENT_FLAGS, NFDBUS_PEER_F_HELD);
	nfdbus_nest_end(r, nest);
	ASSERT_EQ(0, nfdbus_talk(r, NULL, NULL));
	ASSERT_EQ(0, match(self, 2, "member='Sig'"));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ(VIA_MASTER, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.2"));
	EXPECT_STREQ(VIA_MASTER, came(self->l[0].acc));
	EXPECT_EQ(0, ask(self, 1));
	EXPECT_STREQ(VIA_MASTER, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 1, &call, ":0.1"));
	EXPECT_STREQ(VIA_MASTER, came(self->l[1].acc));
	EXPECT_EQ(0, dbus_send(self->l[1].fd, &signal_msg));
	EXPECT_STREQ(VIA_MASTER, came(self->l[1].acc));
	EXPECT_EQ(0, send_to(self, 0, &call, ":0.3"));
	EXPECT_STREQ("1", came(self->l[2].fd));
	EXPECT_QUIET();

	ASSERT_EQ(0, nfdbus_peer(r, listener, acc, 0));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_STREQ("1", came(self->l[2].fd));
	EXPECT_EQ(0, send_to(self, 1, &call, ":0.1"));
	EXPECT_STREQ("2", came(self->l[0].fd));
	EXPECT_QUIET();
}

TEST_F(nfdbus, authority)
{
	struct tbus other;
	int pair[2];

	EXPECT_EQ(EPERM, nfdbus_name(&self->r, self->l[0].acc,
				     NFDBUS_A_SET_NAME_SET, -1, "a.b"));
	EXPECT_STREQ("not the listening socket of a bus", self->r.error);
	EXPECT_EQ(EPERM, nfdbus_name(&self->r, self->l[0].fd,
				     NFDBUS_A_SET_NAME_SET, -1, "a.b"));
	EXPECT_STREQ("a client has no authority over its bus", self->r.error);
	EXPECT_EQ(EINVAL, nfdbus_name(&self->r, 999, NFDBUS_A_SET_NAME_SET, -1,
				      "a.b"));
	EXPECT_STREQ("not a socket of the master of a bus", self->r.error);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	EXPECT_EQ(EINVAL, nfdbus_name(&self->r, pair[0], NFDBUS_A_SET_NAME_SET,
				      -1, "a.b"));
	EXPECT_STREQ("not a socket of the master of a bus", self->r.error);
	EXPECT_EQ(EINVAL, nfdbus_name(&self->r, self->b.listener,
				      NFDBUS_A_SET_NAME_SET, pair[0], "a.b"));

	ASSERT_EQ(0, dbus_open(&other, 1));
	EXPECT_EQ(EINVAL, nfdbus_name(&self->r, self->b.listener,
				      NFDBUS_A_SET_NAME_SET, other.link[0].acc,
				      "a.b"));
	EXPECT_STREQ("of another bus", self->r.error);
	tbus_close(&other);
	ASSERT_EQ(0, tbus_open(&other, 1));
	EXPECT_EQ(EINVAL, nfdbus_name(&self->r, other.listener,
				      NFDBUS_A_SET_NAME_SET, -1, "a.b"));
	EXPECT_STREQ("not a bus of BUS_PROTO_DBUS", self->r.error);
	tbus_close(&other);
}

static int name_bus(struct nfdbus_req *r, int listener, int fd)
{
	return nfdbus_name(r, fd, NFDBUS_A_SET_NAME_SET, -1, "a.b");
}

static int name_owner(struct nfdbus_req *r, int listener, int fd)
{
	return nfdbus_name(r, listener, NFDBUS_A_SET_NAME_SET, fd, "a.b");
}

static int add_match(struct nfdbus_req *r, int listener, int fd)
{
	return nfdbus_match(r, listener, NFDBUS_A_SET_MATCH_ADD, fd, "");
}

static int clear_matches(struct nfdbus_req *r, int listener, int fd)
{
	return nfdbus_match(r, listener, NFDBUS_A_SET_MATCH_CLEAR, fd, NULL);
}

static int set_flags(struct nfdbus_req *r, int listener, int fd)
{
	return nfdbus_peer(r, listener, fd, 0);
}

static int take_from(struct nfdbus_req *r, int listener, int fd)
{
	struct taken t;

	return take_replies(r, fd, &t);
}

static int get_client(struct nfdbus_req *r, int listener, int fd)
{
	struct peer p;

	return get_peer(r, fd, &p);
}

static int get_bus(struct nfdbus_req *r, int listener, int fd)
{
	nfdbus_begin(r, NFDBUS_CMD_BUS_GET, 0);
	nfdbus_put_u32(r, NFDBUS_A_BUS_FD, fd);
	return nfdbus_talk(r, NULL, NULL);
}

static int (*const requests[])(struct nfdbus_req *r, int listener, int fd) = {
	name_bus, name_owner, add_match, clear_matches, set_flags, take_from,
	get_client, get_bus,
};

/* Every request, with every descriptor that gives no authority */
TEST_F(nfdbus, no_authority)
{
	struct nfdbus_req *r = &self->r;
	struct tbus plain;
	int fds[8], i, n = 0, err;

	ASSERT_EQ(0, tbus_open(&plain, 1));
	ASSERT_EQ(0, pipe(fds));
	n += 2;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds + n));
	n += 2;
	fds[n++] = socket(AF_BUS, SOCK_SEQPACKET, BUS_PROTO_DBUS);
	fds[n++] = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	fds[n++] = open("/dev/null", O_RDWR);
	fds[n++] = dup(self->l[0].fd);
	ASSERT_EQ(ARRAY_SIZE(fds), n);

	for (i = 0; i < (int)ARRAY_SIZE(requests) * (n + 2); i++) {
		int request = i / (n + 2), which = i % (n + 2);
		int fd = which < n ? fds[which] :
			 which == n ? plain.listener : plain.link[0].acc;

		ASSERT_LE(0, fd);
		err = requests[request](r, self->b.listener, fd);
		EXPECT_TRUE(err == EPERM || err == EINVAL)
			TH_LOG("request %d, descriptor %d: %d", request, which,
			       err);
		EXPECT_STRNE("", r->error)
			TH_LOG("request %d, descriptor %d", request, which);
	}
	while (n--)
		close(fds[n]);
	tbus_close(&plain);
}

TEST_F(nfdbus, bad_requests)
{
	EXPECT_EQ(EINVAL, own(self, 0, "noname"));
	EXPECT_EQ(EINVAL, own(self, 0, ":0.1"));
	EXPECT_EQ(EINVAL, own(self, 0, "org.freedesktop.DBus"));
	EXPECT_STREQ("not a well-known name of a client", self->r.error);
	EXPECT_EQ(EINVAL, match(self, 0, "type='signal',foo='bar'"));
	EXPECT_STREQ("match rule, offset 14: unknown key", self->r.error);
	EXPECT_EQ(EINVAL, match(self, 0, NULL));
	EXPECT_STREQ("attribute missing", self->r.error);
	nfdbus_begin(&self->r, NFDBUS_CMD_SET, 0);
	EXPECT_EQ(EINVAL, nfdbus_talk(&self->r, NULL, NULL));
	EXPECT_EQ(EINVAL, nfdbus_conf(&self->r, self->b.listener,
				      NFDBUS_A_CONF_FLAGS, 0x80));
}

TEST_F(nfdbus, all_or_nothing)
{
	struct nfdbus_req *r = &self->r;

	ASSERT_EQ(0, own(self, 1, "t.Old"));
	ASSERT_EQ(0, match(self, 1, "member='Sig'"));
	nfdbus_set(r, self->b.listener);
	nfdbus_add_name(r, NFDBUS_A_SET_NAME_CLEAR, -1, "t.Old");
	nfdbus_add_name(r, NFDBUS_A_SET_NAME_SET, self->l[1].acc, "t.New");
	nfdbus_add_match(r, NFDBUS_A_SET_MATCH_DEL, self->l[1].acc,
			 "member='Sig'");
	nfdbus_add_match(r, NFDBUS_A_SET_MATCH_ADD, self->l[2].acc, "");
	nfdbus_add_match(r, NFDBUS_A_SET_MATCH_ADD, self->l[2].acc, "bad");
	EXPECT_EQ(EINVAL, nfdbus_talk(r, NULL, NULL));

	EXPECT_EQ(0, send_to(self, 0, &call, "t.New"));
	EXPECT_STREQ(NO_OWNER, came(self->l[0].acc));
	EXPECT_EQ(0, send_to(self, 0, &call, "t.Old"));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_STREQ("1", came(self->l[1].fd));
	EXPECT_QUIET();
}

struct stats {
	__u64	calls, returns, signals, broadcasts, copies, driver;
	__u64	peers, names, rules, replies;
};

static void take_stats(const void *attrs, size_t len, void *arg)
{
	struct stats *s = arg;
	const void *nest, *reason;
	size_t n, m;
	int i;

	s->peers = nfdbus_attr_uint(attrs, len, NFDBUS_A_BUS_PEERS);
	s->names = nfdbus_attr_uint(attrs, len, NFDBUS_A_BUS_NAMES);
	s->rules = nfdbus_attr_uint(attrs, len, NFDBUS_A_BUS_RULES);
	s->replies = nfdbus_attr_uint(attrs, len, NFDBUS_A_BUS_REPLIES);
	nest = nfdbus_attr(attrs, len, NFDBUS_A_BUS_STATS, 0, &n);
	if (!nest)
		return;
	s->calls = nfdbus_attr_uint(nest, n, NFDBUS_A_STATS_CALLS);
	s->returns = nfdbus_attr_uint(nest, n, NFDBUS_A_STATS_RETURNS);
	s->signals = nfdbus_attr_uint(nest, n, NFDBUS_A_STATS_SIGNALS);
	s->broadcasts = nfdbus_attr_uint(nest, n, NFDBUS_A_STATS_BROADCASTS);
	s->copies = nfdbus_attr_uint(nest, n, NFDBUS_A_STATS_COPIES);
	for (i = 0;; i++) {
		reason = nfdbus_attr(nest, n, NFDBUS_A_STATS_MASTER, i, &m);
		if (!reason)
			break;
		if (nfdbus_attr_uint(reason, m, NFDBUS_A_MASTER_REASON) ==
		    NFDBUS_REASON_DRIVER)
			s->driver = nfdbus_attr_uint(reason, m,
						     NFDBUS_A_MASTER_COUNT);
	}
}

TEST_F(nfdbus, counters)
{
	struct stats s = {};

	ASSERT_EQ(0, own(self, 1, "t.Name"));
	ASSERT_EQ(0, match(self, 2, ""));
	ASSERT_EQ(0, match(self, 3, ""));
	EXPECT_EQ(0, ask(self, 1));
	EXPECT_EQ(0, ask(self, 2));
	EXPECT_EQ(0, answer(self, 1));
	EXPECT_EQ(0, send_to(self, 0, &signal_msg, "t.Name"));
	EXPECT_EQ(0, dbus_send(self->l[0].fd, &signal_msg));
	EXPECT_EQ(0, send_to(self, 0, &call, "org.freedesktop.DBus"));

	nfdbus_begin(&self->r, NFDBUS_CMD_BUS_GET, 0);
	nfdbus_put_u32(&self->r, NFDBUS_A_BUS_FD, self->b.listener);
	ASSERT_EQ(0, nfdbus_talk(&self->r, take_stats, &s));
	EXPECT_EQ(2, s.calls);
	EXPECT_EQ(1, s.returns);
	EXPECT_EQ(1, s.signals);
	EXPECT_EQ(1, s.broadcasts);
	EXPECT_EQ(2, s.copies);
	EXPECT_EQ(1, s.driver);
	EXPECT_EQ(4, s.peers);
	EXPECT_EQ(1, s.names);
	EXPECT_EQ(2, s.rules);
	EXPECT_EQ(1, s.replies);
}

static void count(const void *attrs, size_t len, void *arg)
{
	++*(unsigned int *)arg;
}

static unsigned int dump(struct nfdbus_req *r, __u8 cmd, __u16 attr,
			 __u64 cookie)
{
	unsigned int nr = 0;

	nfdbus_begin(r, cmd, NLM_F_DUMP);
	nfdbus_put(r, attr, &cookie, sizeof(cookie));
	return nfdbus_talk(r, count, &nr) ? ~0U : nr;
}

/* A dump that does not fit into one message */
TEST_F(nfdbus, dumps)
{
	__u64 cookie = bus_get_info(self->b.listener).cookie;
	char text[64];
	int i;

	for (i = 0; i < 500; i++) {
		sprintf(text, "t.name%d", i);
		ASSERT_EQ(0, own(self, i % 4, text));
		sprintf(text, "arg%d='x%d'", i % 64, i);
		ASSERT_EQ(0, match(self, i % 5 - 1, text));
	}
	EXPECT_EQ(4, dump(&self->r, NFDBUS_CMD_PEER_GET, NFDBUS_A_PEER_COOKIE,
			  cookie));
	EXPECT_EQ(500, dump(&self->r, NFDBUS_CMD_NAME_GET,
			    NFDBUS_A_NAME_COOKIE, cookie));
	EXPECT_EQ(500, dump(&self->r, NFDBUS_CMD_MATCH_GET,
			    NFDBUS_A_MATCH_COOKIE, cookie));
	EXPECT_EQ(0, dump(&self->r, NFDBUS_CMD_NAME_GET, NFDBUS_A_NAME_COOKIE,
			  cookie + 1));
}

TEST_HARNESS_MAIN
