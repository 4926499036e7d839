// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations and bad buffers on a D-Bus bus: as in faults.c, for the
 * module. A netlink request is executed as a whole or not at all; a reply is
 * expected if and only if the call was delivered.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <linux/netlink.h>

#include "fault_each.h"
#include "fault_util.h"
#include "nfdbus_util.h"

#define CLIENTS		3
#define NO_OWNER	"0:2"
#define LEGACY		"0:68"
#define LIMIT		"0:70"
#define REPLY		"0:72"
#define RULE		"type='signal',interface='t.I',arg0='x'," \
			"path_namespace='/a'"

struct env {
	struct tbus		b;
	struct bus_link		*l;
	struct tbus		other;
	struct nfdbus_req	r;
	int			fd;
};

static const struct dbus_msg call = {
	.type = DBUS_CALL, .path = "/a", .member = "Call",
};

static const struct dbus_msg signal_msg = {
	.type = DBUS_SIGNAL, .path = "/a/b", .interface = "t.I",
	.member = "Sig", .arg0 = "x",
};

/* Reading state, without faults */

static bool comes(int fd, const char *what)
{
	const char *got = came(fd);

	if (!strcmp(got, what))
		return true;
	printf("# got %s, expected %s\n", got, what);
	return false;
}

static bool is_quiet(struct env *e)
{
	unsigned int i;

	for (i = 0; i < e->b.nr; i++)
		if (!comes(e->l[i].fd, "EAGAIN") ||
		    !comes(e->l[i].acc, "EAGAIN"))
			return false;
	return true;
}

struct state {
	__u64	names, rules, replies, peers;
	__u64	flags, max_replies;
};

static void take_state(const void *attrs, size_t len, void *arg)
{
	struct state *s = arg;
	const void *conf;
	size_t n;

	s->names = nfdbus_attr_uint(attrs, len, NFDBUS_A_BUS_NAMES);
	s->rules = nfdbus_attr_uint(attrs, len, NFDBUS_A_BUS_RULES);
	s->replies = nfdbus_attr_uint(attrs, len, NFDBUS_A_BUS_REPLIES);
	s->peers = nfdbus_attr_uint(attrs, len, NFDBUS_A_BUS_PEERS);
	conf = nfdbus_attr(attrs, len, NFDBUS_A_BUS_CONF, 0, &n);
	if (!conf)
		return;
	s->flags = nfdbus_attr_uint(conf, n, NFDBUS_A_CONF_FLAGS);
	s->max_replies = nfdbus_attr_uint(conf, n, NFDBUS_A_CONF_MAX_REPLIES);
}

static int get_bus(struct env *e, struct state *s)
{
	nfdbus_begin(&e->r, NFDBUS_CMD_BUS_GET, 0);
	nfdbus_put_u32(&e->r, NFDBUS_A_BUS_FD, e->b.listener);
	return nfdbus_talk(&e->r, take_state, s);
}

static struct state state(struct env *e)
{
	struct state s = {};

	if (get_bus(e, &s))
		memset(&s, 0xff, sizeof(s));
	return s;
}

static void take_flags(const void *attrs, size_t len, void *arg)
{
	*(__u64 *)arg = nfdbus_attr_uint(attrs, len, NFDBUS_A_PEER_FLAGS);
}

static int get_flags(struct env *e, __u64 *flags)
{
	nfdbus_begin(&e->r, NFDBUS_CMD_PEER_GET, 0);
	nfdbus_put_u32(&e->r, NFDBUS_A_PEER_FD, e->l[1].acc);
	return nfdbus_talk(&e->r, take_flags, flags);
}

static bool has_flags(struct env *e, __u64 flags)
{
	__u64 is = ~0ULL;

	return !get_flags(e, &is) && is == flags;
}

/* Sending and changing */

static int send_to(struct env *e, const struct dbus_msg *like, const char *to)
{
	struct dbus_msg m = *like;

	m.destination = to;
	m.flags |= DBUS_NO_REPLY;
	return dbus_send(e->l[0].fd, &m);
}

static int own(struct env *e, int owner, const char *name)
{
	return nfdbus_name(&e->r, e->b.listener, NFDBUS_A_SET_NAME_SET,
			   owner < 0 ? -1 : e->l[owner].acc, name);
}

static int disown(struct env *e, const char *name)
{
	return nfdbus_name(&e->r, e->b.listener, NFDBUS_A_SET_NAME_CLEAR, -1,
			   name);
}

static int match(struct env *e, __u16 what, int owner, const char *rule)
{
	return nfdbus_match(&e->r, e->b.listener, what,
			    owner < 0 ? -1 : e->l[owner].acc, rule);
}

static int no_prepare(struct env *e)
{
	return 0;
}

static bool no_check(struct env *e)
{
	return true;
}

static void no_cleanup(struct env *e)
{
}

/* Buses and clients */

static int new_socket(struct env *e)
{
	e->fd = socket(AF_BUS, SOCK_SEQPACKET | SOCK_CLOEXEC, BUS_PROTO_DBUS);
	return e->fd < 0 ? errno : 0;
}

static int do_bind(struct env *e)
{
	struct sockaddr_bus sb;
	socklen_t len = bus_abstract(&sb, "faults_nfdbus");

	return ERR(bind(e->fd, (struct sockaddr *)&sb, len));
}

static bool is_new(struct env *e)
{
	return bus_get_info(e->fd).state == BUS_STATE_NEW;
}

static bool is_bound(struct env *e)
{
	return bus_get_info(e->fd).state == BUS_STATE_BOUND;
}

static void close_fd(struct env *e)
{
	close(e->fd);
	e->fd = -1;
}

static const struct fault_op op_bind = {
	new_socket, do_bind, is_new, is_bound, close_fd, { ENOMEM, EFAULT },
};

/* Adds a client, the last of links. */
static int connection(struct env *e)
{
	struct bus_link *l = &e->b.link[e->b.nr];

	l->acc = -1;
	l->fd = socket(AF_BUS, SOCK_SEQPACKET | SOCK_CLOEXEC, BUS_PROTO_DBUS);
	e->b.nr++;
	if (l->fd < 0 ||
	    connect(l->fd, (struct sockaddr *)&e->b.name, e->b.namelen))
		return errno;
	l->acc = accept4(e->b.listener, NULL, NULL, SOCK_CLOEXEC);
	return l->acc < 0 ? errno : 0;
}

static int do_join(struct env *e)
{
	return bus_opt0(e->l[CLIENTS].acc, BUS_JOIN_BUS);
}

static bool is_no_peer(struct env *e)
{
	return bus_get_info(e->l[CLIENTS].acc).state == BUS_STATE_CONNECTED &&
	       state(e).peers == CLIENTS;
}

static bool is_peer(struct env *e)
{
	return bus_get_info(e->l[CLIENTS].acc).state == BUS_STATE_JOINED &&
	       state(e).peers == CLIENTS + 1;
}

static void disconnect(struct env *e)
{
	bus_link_close(&e->l[--e->b.nr]);
}

static const struct fault_op op_join = {
	connection, do_join, is_no_peer, is_peer, disconnect, { ENOMEM },
};

/* Makes a client with a name, a rule, and a call that it has not answered. */
static int busy_client(struct env *e)
{
	struct dbus_msg m = call;
	int err = connection(e) ?: do_join(e) ?: own(e, CLIENTS, "t.Busy") ?:
		  match(e, NFDBUS_A_SET_MATCH_ADD, CLIENTS, RULE);

	m.destination = "t.Busy";
	return err ?: dbus_send(e->l[0].fd, &m);
}

/* Closing must always succeed. */
static int do_leave(struct env *e)
{
	return ERR(close(e->l[CLIENTS].fd));
}

static bool has_left(struct env *e)
{
	struct state s = state(e);

	e->l[CLIENTS].fd = -1;
	return s.peers == CLIENTS && !s.rules && !send_to(e, &call, "t.Busy") &&
	       comes(e->l[0].acc, NO_OWNER);
}

static void forget_busy(struct env *e)
{
	disconnect(e);
	disown(e, "t.Busy");
}

static const struct fault_op op_leave = {
	busy_client, do_leave, no_check, has_left, forget_busy, {}
};

static int other_bus(struct env *e)
{
	struct nfdbus_req *r = &e->r;
	int err = dbus_open(&e->other, 2);
	struct tbus *b = &e->other;

	return err ?: nfdbus_name(r, b->listener, NFDBUS_A_SET_NAME_SET,
				  b->link[0].acc, "t.Name") ?:
		      nfdbus_match(r, b->listener, NFDBUS_A_SET_MATCH_ADD,
				   b->link[1].acc, RULE);
}

/* Closes all sockets of the master, as when it dies. */
static int do_end(struct env *e)
{
	return ERR(close(e->other.listener)) ?:
	       ERR(close(e->other.link[0].acc)) ?:
	       ERR(close(e->other.link[1].acc));
}

static bool has_ended(struct env *e)
{
	unsigned int i;

	e->other.listener = -1;
	for (i = 0; i < 2; i++) {
		e->other.link[i].acc = -1;
		if (!comes(e->other.link[i].fd, "EOF"))
			return false;
	}
	return true;
}

static void close_other(struct env *e)
{
	tbus_close(&e->other);
}

static const struct fault_op op_end = {
	other_bus, do_end, no_check, has_ended, close_other, {}
};

/* Flags and limits */

static int do_conf(struct env *e)
{
	return nfdbus_conf(&e->r, e->b.listener, NFDBUS_A_CONF_MAX_REPLIES, 77);
}

static bool has_old_conf(struct env *e)
{
	return state(e).max_replies == 128;
}

static bool has_new_conf(struct env *e)
{
	return state(e).max_replies == 77;
}

static void clean_conf(struct env *e)
{
	nfdbus_conf(&e->r, e->b.listener, NFDBUS_A_CONF_MAX_REPLIES, 128);
}

#define REQUEST_ERRORS	{ ENOMEM, ENOBUFS, EAGAIN }

static const struct fault_op op_conf = {
	no_prepare, do_conf, has_old_conf, has_new_conf, clean_conf,
	REQUEST_ERRORS,
};

static int do_peer(struct env *e)
{
	return nfdbus_peer(&e->r, e->b.listener, e->l[1].acc,
			   NFDBUS_PEER_F_CAN_FDS);
}

static bool has_no_flags(struct env *e)
{
	return has_flags(e, 0);
}

static bool can_fds(struct env *e)
{
	return has_flags(e, NFDBUS_PEER_F_CAN_FDS);
}

static void clean_peer(struct env *e)
{
	nfdbus_peer(&e->r, e->b.listener, e->l[1].acc, 0);
}

static const struct fault_op op_peer = {
	no_prepare, do_peer, has_no_flags, can_fds, clean_peer, REQUEST_ERRORS,
};

/* Rules */

static int add_rule(struct env *e)
{
	return match(e, NFDBUS_A_SET_MATCH_ADD, 1, RULE);
}

static int del_rule(struct env *e)
{
	return match(e, NFDBUS_A_SET_MATCH_DEL, 1, RULE);
}

static int clear_rules(struct env *e)
{
	return match(e, NFDBUS_A_SET_MATCH_CLEAR, 1, NULL);
}

static bool no_rule(struct env *e)
{
	return !dbus_send(e->l[0].fd, &signal_msg) && is_quiet(e) &&
	       !state(e).rules;
}

static bool one_rule(struct env *e)
{
	return !dbus_send(e->l[0].fd, &signal_msg) &&
	       comes(e->l[1].fd, "1") && is_quiet(e) && state(e).rules == 1;
}

static void clean_rules(struct env *e)
{
	clear_rules(e);
}

static const struct fault_op op_match_add = {
	no_prepare, add_rule, no_rule, one_rule, clean_rules, REQUEST_ERRORS,
};

static const struct fault_op op_match_del = {
	add_rule, del_rule, one_rule, no_rule, clean_rules, REQUEST_ERRORS,
};

static const struct fault_op op_match_clear = {
	add_rule, clear_rules, one_rule, no_rule, clean_rules, REQUEST_ERRORS,
};

/* A rule of a client that is not on AF_BUS brings signals to the master. */
static int add_legacy(struct env *e)
{
	return match(e, NFDBUS_A_SET_MATCH_ADD, -1, RULE);
}

static bool legacy_rule(struct env *e)
{
	return !dbus_send(e->l[0].fd, &signal_msg) &&
	       comes(e->l[0].acc, LEGACY) && is_quiet(e);
}

static void clean_legacy(struct env *e)
{
	match(e, NFDBUS_A_SET_MATCH_DEL, -1, RULE);
}

static const struct fault_op op_match_legacy = {
	no_prepare, add_legacy, no_rule, legacy_rule, clean_legacy,
	REQUEST_ERRORS,
};

/* Names */

static int set_name(struct env *e)
{
	return own(e, 1, "t.Name");
}

static int move_name(struct env *e)
{
	return own(e, 2, "t.Name");
}

static int clear_name(struct env *e)
{
	return disown(e, "t.Name");
}

static bool reaches(struct env *e, int fd, const char *how)
{
	return !send_to(e, &call, "t.Name") && comes(fd, how) && is_quiet(e);
}

static bool no_name(struct env *e)
{
	return reaches(e, e->l[0].acc, NO_OWNER) && !state(e).names;
}

static bool name_of_one(struct env *e)
{
	return reaches(e, e->l[1].fd, "1") && state(e).names == 1;
}

static bool name_of_two(struct env *e)
{
	return reaches(e, e->l[2].fd, "1") && state(e).names == 1;
}

static void clean_name(struct env *e)
{
	clear_name(e);
}

static const struct fault_op op_name_set = {
	no_prepare, set_name, no_name, name_of_one, clean_name, REQUEST_ERRORS,
};

static const struct fault_op op_name_move = {
	set_name, move_name, name_of_one, name_of_two, clean_name,
	REQUEST_ERRORS,
};

static const struct fault_op op_name_clear = {
	set_name, clear_name, name_of_one, no_name, clean_name, REQUEST_ERRORS,
};

/* Many changes in one request: all or nothing */

static int old_state(struct env *e)
{
	return own(e, 1, "t.Name") ?: own(e, 1, "t.Old") ?: add_rule(e);
}

static int do_many(struct env *e)
{
	struct nfdbus_req *r = &e->r;
	size_t nest;

	nfdbus_set(r, e->b.listener);
	nest = nfdbus_nest(r, NFDBUS_A_SET_CONF);
	nfdbus_put_u32(r, NFDBUS_A_CONF_MAX_REPLIES, 77);
	nfdbus_nest_end(r, nest);
	nest = nfdbus_nest(r, NFDBUS_A_SET_PEER);
	nfdbus_put_u32(r, NFDBUS_A_CLIENT_FD, e->l[1].acc);
	nfdbus_put_u32(r, NFDBUS_A_CLIENT_FLAGS, NFDBUS_PEER_F_CAN_FDS);
	nfdbus_nest_end(r, nest);
	nfdbus_add_name(r, NFDBUS_A_SET_NAME_CLEAR, -1, "t.Old");
	nfdbus_add_match(r, NFDBUS_A_SET_MATCH_DEL, e->l[1].acc, RULE);
	nfdbus_add_name(r, NFDBUS_A_SET_NAME_SET, e->l[2].acc, "t.Name");
	nfdbus_add_match(r, NFDBUS_A_SET_MATCH_ADD, e->l[2].acc, "");
	nfdbus_add_match(r, NFDBUS_A_SET_MATCH_ADD, e->l[2].acc, RULE);
	nfdbus_add_match(r, NFDBUS_A_SET_MATCH_ADD, -1, "member='Other'");
	nfdbus_add_name(r, NFDBUS_A_SET_NAME_SET, -1, "t.New");
	nfdbus_add_name(r, NFDBUS_A_SET_NAME_SET, e->l[0].acc, "t.Newer");
	return nfdbus_talk(r, NULL, NULL);
}

static bool nothing_of_many(struct env *e)
{
	struct state s = state(e);

	return s.max_replies == 128 && s.names == 2 && s.rules == 1 &&
	       has_flags(e, 0) && one_rule(e) &&
	       !send_to(e, &call, "t.Old") && comes(e->l[1].fd, "1") &&
	       !send_to(e, &call, "t.New") && comes(e->l[0].acc, NO_OWNER) &&
	       reaches(e, e->l[1].fd, "1");
}

static bool all_of_many(struct env *e)
{
	struct state s = state(e);

	return s.max_replies == 77 && s.names == 3 && s.rules == 3 &&
	       can_fds(e) && !dbus_send(e->l[0].fd, &signal_msg) &&
	       comes(e->l[2].fd, "1") && is_quiet(e) &&
	       !send_to(e, &call, "t.Old") && comes(e->l[0].acc, NO_OWNER) &&
	       !send_to(e, &call, "t.New") && comes(e->l[0].acc, LEGACY) &&
	       !send_to(e, &call, "t.Newer") && comes(e->l[0].fd, "1") &&
	       reaches(e, e->l[2].fd, "1");
}

static void clean_many(struct env *e)
{
	struct nfdbus_req *r = &e->r;
	int i;

	clean_conf(e);
	clean_peer(e);
	match(e, NFDBUS_A_SET_MATCH_CLEAR, -1, NULL);
	for (i = 0; i < CLIENTS; i++)
		match(e, NFDBUS_A_SET_MATCH_CLEAR, i, NULL);
	nfdbus_set(r, e->b.listener);
	nfdbus_add_name(r, NFDBUS_A_SET_NAME_CLEAR, -1, "t.Old");
	nfdbus_add_name(r, NFDBUS_A_SET_NAME_CLEAR, -1, "t.New");
	nfdbus_add_name(r, NFDBUS_A_SET_NAME_CLEAR, -1, "t.Newer");
	nfdbus_add_name(r, NFDBUS_A_SET_NAME_CLEAR, -1, "t.Name");
	nfdbus_talk(r, NULL, NULL);
}

static const struct fault_op op_many = {
	old_state, do_many, nothing_of_many, all_of_many, clean_many,
	REQUEST_ERRORS,
};

/* Reading state, with faults */

static int do_get_bus(struct env *e)
{
	struct state s;

	return get_bus(e, &s);
}

static const struct fault_op op_bus_get = {
	no_prepare, do_get_bus, no_check, no_check, no_cleanup, REQUEST_ERRORS,
};

static int do_get_peer(struct env *e)
{
	__u64 flags;

	return get_flags(e, &flags);
}

static const struct fault_op op_peer_get = {
	no_prepare, do_get_peer, no_check, no_check, no_cleanup, REQUEST_ERRORS,
};

/* The rest of a dump that was cut short goes with its socket. */
static int dump_socket(struct env *e)
{
	int err;

	nfdbus_close(&e->r);
	err = nfdbus_open(&e->r);
	return err ?: ERR(fcntl(e->r.fd, F_SETFL, O_NONBLOCK));
}

static int dump_prepare(struct env *e)
{
	return old_state(e) ?: dump_socket(e);
}

static int dump(struct env *e, __u8 cmd)
{
	nfdbus_begin(&e->r, cmd, NLM_F_DUMP);
	return nfdbus_talk(&e->r, NULL, NULL);
}

static int dump_buses(struct env *e)
{
	return dump(e, NFDBUS_CMD_BUS_GET);
}

static int dump_peers(struct env *e)
{
	return dump(e, NFDBUS_CMD_PEER_GET);
}

static int dump_rules(struct env *e)
{
	return dump(e, NFDBUS_CMD_MATCH_GET);
}

static int dump_names(struct env *e)
{
	return dump(e, NFDBUS_CMD_NAME_GET);
}

static void dump_cleanup(struct env *e)
{
	dump_socket(e);
	clean_many(e);
}

#define DUMP(name)						\
static const struct fault_op op_dump_##name = {			\
	dump_prepare, dump_##name, no_check, no_check,		\
	dump_cleanup, { ENOMEM, ENOBUFS, EAGAIN, EFAULT },	\
	.once = true,						\
}

DUMP(buses);
DUMP(peers);
DUMP(rules);
DUMP(names);

/* Messages */

#define SEND_ERRORS	{ ENOMEM, EFAULT, ENOBUFS }

/* The serial of the last call that wants a reply; each call has its own. */
static __u32 serial;

static int do_call(struct env *e)
{
	struct dbus_msg m = call;

	m.destination = "t.Name";
	m.serial = ++serial;
	return dbus_send(e->l[0].fd, &m);
}

static bool nothing_expected(struct env *e)
{
	return is_quiet(e) && !state(e).replies;
}

/* The master gets a call for whose reply there is no room. */
static bool is_called(struct env *e)
{
	const char *got = came(e->l[1].fd);

	if (!strcmp(got, "EAGAIN"))
		return comes(e->l[0].acc, LIMIT) && nothing_expected(e);
	return !strcmp(got, "1") && is_quiet(e) && state(e).replies == 1;
}

static int do_reply(struct env *e)
{
	struct dbus_msg m = {
		.type = DBUS_RETURN, .reply_serial = serial,
		.destination = ":0.1",
	};

	return dbus_send(e->l[1].fd, &m);
}

static void clean_call(struct env *e)
{
	do_reply(e);
	while (strcmp(came(e->l[0].fd), "EAGAIN") ||
	       strcmp(came(e->l[1].acc), "EAGAIN"))
		;
	clear_name(e);
}

static const struct fault_op op_call = {
	set_name, do_call, nothing_expected, is_called, clean_call, SEND_ERRORS,
};

static int called(struct env *e)
{
	return set_name(e) ?: do_call(e) ?: !comes(e->l[1].fd, "1");
}

static bool still_expected(struct env *e)
{
	return is_quiet(e) && state(e).replies == 1;
}

/* The reply arrives, and a second one is not expected. */
static bool is_answered(struct env *e)
{
	return comes(e->l[0].fd, "2") && is_quiet(e) && !state(e).replies &&
	       !do_reply(e) && comes(e->l[1].acc, REPLY);
}

static void clean_reply(struct env *e)
{
	clear_name(e);
}

static const struct fault_op op_reply = {
	called, do_reply, still_expected, is_answered, clean_reply, SEND_ERRORS,
};

/* Takes the expected replies of a client that no longer answers. */
struct taken {
	unsigned int	nr;
};

static void take_expected(const void *attrs, size_t len, void *arg)
{
	struct taken *t = arg;
	size_t n;

	while (nfdbus_attr(attrs, len, NFDBUS_A_REPLY_EXPECTED, t->nr, &n))
		t->nr++;
}

static int talk_taken(struct env *e)
{
	struct taken t = {};
	int err = nfdbus_talk(&e->r, take_expected, &t);

	return err ?: t.nr == 1 ? 0 : ENOENT;
}

static int do_take(struct env *e)
{
	nfdbus_begin(&e->r, NFDBUS_CMD_TAKE_REPLIES, 0);
	nfdbus_put_u32(&e->r, NFDBUS_A_REPLY_FD, e->l[1].acc);
	return talk_taken(e);
}

static int do_take_one(struct env *e)
{
	__u64 caller = 1;
	size_t nest;

	nfdbus_begin(&e->r, NFDBUS_CMD_TAKE_REPLIES, 0);
	nfdbus_put_u32(&e->r, NFDBUS_A_REPLY_FD, e->l[1].acc);
	nest = nfdbus_nest(&e->r, NFDBUS_A_REPLY_EXPECTED);
	nfdbus_put(&e->r, NFDBUS_A_EXPECTED_ADDR, &caller, sizeof(caller));
	nfdbus_put_u32(&e->r, NFDBUS_A_EXPECTED_SERIAL, serial);
	nfdbus_nest_end(&e->r, nest);
	return talk_taken(e);
}

static bool is_taken(struct env *e)
{
	return nothing_expected(e) && !do_reply(e) &&
	       comes(e->l[1].acc, REPLY) && is_quiet(e);
}

static const struct fault_op op_take_replies = {
	called, do_take, still_expected, is_taken, clean_reply, REQUEST_ERRORS,
};

static const struct fault_op op_take_reply = {
	called, do_take_one, still_expected, is_taken, clean_reply,
	REQUEST_ERRORS,
};

static int all_match(struct env *e)
{
	return add_rule(e) ?: match(e, NFDBUS_A_SET_MATCH_ADD, 2, "");
}

static int do_signal(struct env *e)
{
	return dbus_send(e->l[0].fd, &signal_msg);
}

static bool all_got(struct env *e)
{
	return comes(e->l[1].fd, "1") && comes(e->l[2].fd, "1") && is_quiet(e);
}

static void clean_match(struct env *e)
{
	clear_rules(e);
	match(e, NFDBUS_A_SET_MATCH_CLEAR, 2, NULL);
}

static const struct fault_op op_broadcast = {
	all_match, do_signal, is_quiet, all_got, clean_match, SEND_ERRORS,
};

static int do_handover(struct env *e)
{
	return send_to(e, &call, "org.freedesktop.DBus");
}

static bool master_got(struct env *e)
{
	return comes(e->l[0].acc, "0:64") && is_quiet(e);
}

static const struct fault_op op_handover = {
	no_prepare, do_handover, is_quiet, master_got, no_cleanup, SEND_ERRORS,
};

/* Running them */

FIXTURE(faults_nfdbus) {
	struct env	e;
	bool		open;
};

/* Faults in netlink itself are not tested; they lose the answer. */
FIXTURE_VARIANT(faults_nfdbus) {
	const struct fault_op	*op;
	enum {
		IN_MODULE,
		ANYWHERE,
	} place;
};

FIXTURE_VARIANT_ADD(faults_nfdbus, bind) { &op_bind, ANYWHERE };
FIXTURE_VARIANT_ADD(faults_nfdbus, join) { &op_join, ANYWHERE };
FIXTURE_VARIANT_ADD(faults_nfdbus, leave) { &op_leave, ANYWHERE };
FIXTURE_VARIANT_ADD(faults_nfdbus, end) { &op_end, ANYWHERE };
FIXTURE_VARIANT_ADD(faults_nfdbus, conf) { &op_conf };
FIXTURE_VARIANT_ADD(faults_nfdbus, peer) { &op_peer };
FIXTURE_VARIANT_ADD(faults_nfdbus, match_add) { &op_match_add };
FIXTURE_VARIANT_ADD(faults_nfdbus, match_del) { &op_match_del };
FIXTURE_VARIANT_ADD(faults_nfdbus, match_clear) { &op_match_clear };
FIXTURE_VARIANT_ADD(faults_nfdbus, match_legacy) { &op_match_legacy };
FIXTURE_VARIANT_ADD(faults_nfdbus, name_set) { &op_name_set };
FIXTURE_VARIANT_ADD(faults_nfdbus, name_move) { &op_name_move };
FIXTURE_VARIANT_ADD(faults_nfdbus, name_clear) { &op_name_clear };
FIXTURE_VARIANT_ADD(faults_nfdbus, many) { &op_many };
FIXTURE_VARIANT_ADD(faults_nfdbus, take_replies) { &op_take_replies };
FIXTURE_VARIANT_ADD(faults_nfdbus, take_reply) { &op_take_reply };
FIXTURE_VARIANT_ADD(faults_nfdbus, bus_get) { &op_bus_get };
FIXTURE_VARIANT_ADD(faults_nfdbus, peer_get) { &op_peer_get };
FIXTURE_VARIANT_ADD(faults_nfdbus, dump_buses) { &op_dump_buses, ANYWHERE };
FIXTURE_VARIANT_ADD(faults_nfdbus, dump_peers) { &op_dump_peers, ANYWHERE };
FIXTURE_VARIANT_ADD(faults_nfdbus, dump_rules) { &op_dump_rules, ANYWHERE };
FIXTURE_VARIANT_ADD(faults_nfdbus, dump_names) { &op_dump_names, ANYWHERE };
FIXTURE_VARIANT_ADD(faults_nfdbus, call) { &op_call, ANYWHERE };
FIXTURE_VARIANT_ADD(faults_nfdbus, reply) { &op_reply, ANYWHERE };
FIXTURE_VARIANT_ADD(faults_nfdbus, broadcast) { &op_broadcast, ANYWHERE };
FIXTURE_VARIANT_ADD(faults_nfdbus, handover) { &op_handover, ANYWHERE };

FIXTURE_SETUP(faults_nfdbus)
{
	struct env *e = &self->e;
	int err;

	memset(self, 0, sizeof(*self));
	e->fd = -1;
	if (!faults_open())
		SKIP(return, "no fault injection");
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	err = dbus_open(&e->b, CLIENTS);
	if (err == EPROTONOSUPPORT)
		SKIP(return, "no nfdbus");
	ASSERT_EQ(0, err);
	self->open = true;
	e->l = e->b.link;
	ASSERT_EQ(0, nfdbus_open(&e->r));
	ASSERT_EQ(0, nfdbus_conf(&e->r, e->b.listener, NFDBUS_A_CONF_FLAGS,
				 NFDBUS_BUS_F_ALLOW_ALL));
	ASSERT_TRUE(variant->place == ANYWHERE ||
		    faults_within(text_of_module("nfdbus")));
}

FIXTURE_TEARDOWN(faults_nfdbus)
{
	faults_anywhere();
	if (!self->open)
		return;
	nfdbus_close(&self->e.r);
	tbus_close(&self->e.b);
}

TEST_F(faults_nfdbus, each)
{
	struct fault_count c = fault_each(variant->op, &self->e);

	TH_LOG("%d faults, %d errors", c.faults, c.errors);
	EXPECT_EQ(0, c.wrong);
}

TEST_HARNESS_MAIN
