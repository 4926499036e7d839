// SPDX-License-Identifier: GPL-2.0
/*
 * Order: many nodes send at once at random, to one, to groups, to addresses
 * that no client has, directly or by the master, while addresses move, other
 * nodes come, go and are killed, and sends fail for lack of room, time, memory
 * or descriptors. Everything is recorded and checked afterwards
 * (bus_history.h):
 *
 *  - each recipient gets the messages of a sender in order, none twice;
 *  - any two recipients get the multicasts they share in one order;
 *  - a message that was sent after another was received is not delivered before
 *    that;
 *  - what failed reached no node, and the rest all nodes that were there
 *    throughout;
 *  - what the master has ended is over when its call returns.
 */
#include "../../kselftest_harness.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "bus_history.h"
#include "bus_util.h"

/* Nodes: the master, core nodes that stay, guests that come and go, and an
 * eavesdropper
 */
#define CORE		6
#define GUESTS		3
#define FIRST_GUEST	(1 + CORE)
#define SPY		(FIRST_GUEST + GUESTS)
#define NODES		(SPY + 1)
#define REJECTS		3	/* rejects unicasts without room */
#define ASKS_MASTER	4	/* has them go to the master */
#define LOSSY		CORE	/* loses multicasts */

/* Keys: all clients, groups, addresses that move, and the nodes' own */
#define ALL_KEYS	0
#define ALL_NODES	1
#define GROUPS		3
#define FIRST_GROUP	2
#define MOVES		4
#define FIRST_MOVE	(FIRST_GROUP + GROUPS)
#define FIRST_OWN	(FIRST_MOVE + MOVES)	/* of node 1 */

#define GROUP_PREFIX	16	/* of key 0 */
#define MOVE_PREFIX	8
#define NOBODY		9	/* a prefix that no client has */

struct world;

struct node {
	struct world	*w;
	unsigned int	id;
	int		fd;
	struct rnd	rnd;
	unsigned int	left;		/* messages to send */
	bool		blocked;	/* the last one had no room */
	unsigned int	bad;
	unsigned int	err[4];		/* EAGAIN, EINTR, ENOBUFS, gone */
	pthread_t	thread;
};

struct guest {
	struct node		n;
	struct bus_link		l;
	pid_t			pid;
	bool			eof;		/* it read to the end */
	struct hist_span	*span[FIRST_MOVE];	/* of its keys */
	unsigned int		first_span;	/* of this life */
};

struct world {
	struct history		*h;
	struct tbus		b;
	struct node		core[CORE + 1];		/* by id */
	struct node		spy;
	struct guest		guest[GUESTS];
	__u32			members[FIRST_MOVE];	/* nodes of each key */
	unsigned int		holder[MOVES];
	struct hist_span	*move[MOVES];
	bool			via[CORE + 1];		/* of the bus: 0 */
	struct rnd		rnd;			/* of the master */
	int			ep;
	unsigned int		relayed, acts, killed, bad;
	atomic_uint		senders;
	atomic_bool		go;
	atomic_bool		closing;
	atomic_bool		stop;
	pthread_t		master;
	__u64			seed;
};

/* Records a failure of the master, with an errno if there is one. */
static void wrong(struct world *w, const char *what, int err)
{
	if (!w->bad++)
		ksft_print_msg("%s: %s\n", what, strerror(err));
	atomic_store(&w->stop, true);
}

static bool is_group(unsigned int key)
{
	return key && key < FIRST_MOVE;
}

static __u64 address_of(unsigned int key)
{
	if (key == ALL_NODES)
		return BUS_MULTICAST(0);
	if (is_group(key))
		return BUS_MULTICAST(GROUP_PREFIX + key);
	if (key < FIRST_OWN)
		return BUS_ADDR(MOVE_PREFIX, key);
	return key - FIRST_OWN + 1;
}

/* Nodes */

static unsigned int pick_key(struct rnd *rnd)
{
	switch (rnd_below(rnd, 8)) {
	case 0:
		return ALL_NODES;
	case 1:
	case 2:
	case 3:
		return FIRST_GROUP + rnd_below(rnd, GROUPS);
	case 4:
	case 5:
		return FIRST_MOVE + rnd_below(rnd, MOVES);
	default:
		return FIRST_OWN + rnd_below(rnd, CORE);
	}
}

static int put(int fd, __u64 addr, const struct hist_msg *msg, int flags)
{
	struct sockaddr_bus sb;

	bus_to(&sb, addr);
	return ERR(sendto(fd, msg, sizeof(*msg), flags | MSG_NOSIGNAL,
			  (struct sockaddr *)&sb, BUS_NAME_MIN));
}

static void count_error(struct node *n, int err)
{
	if (err == EAGAIN)
		n->err[0]++;
	else if (err == EINTR)
		n->err[1]++;
	else if (err == ENOBUFS)
		n->err[2]++;
	else if ((err == EPIPE || err == EHOSTUNREACH) && n->id >= FIRST_GUEST)
		n->err[3]++;
	else if (err)
		n->bad++;
	if (n->bad)
		ksft_print_msg("%u cannot send: %s\n", n->id, strerror(err));
}

static int node_send(struct node *n)
{
	unsigned int key = pick_key(&n->rnd);
	__u64 addr = address_of(key);
	struct hist_msg msg;
	int err;

	if (!rnd_below(&n->rnd, 32))
		addr = BUS_ADDR(NOBODY, key);
	hist_send(n->w->h, n->id, is_group(key) ? HIST_MULTICAST : HIST_UNICAST,
		  key, &msg);
	err = put(n->fd, addr, &msg, rnd_below(&n->rnd, 3) ? MSG_DONTWAIT : 0);
	hist_result(n->w->h, n->id, err);
	count_error(n, err);
	return err;
}

/* Returns 1 for a message, 0 at end-of-file, -1 if there is none. */
static int node_recv(struct node *n)
{
	struct sockaddr_bus sb = {};
	socklen_t len = sizeof(sb);
	struct hist_msg msg;
	ssize_t got;

	got = recvfrom(n->fd, &msg, sizeof(msg), MSG_DONTWAIT,
		       (struct sockaddr *)&sb, &len);
	if (got < 0 && errno == EAGAIN)
		return -1;
	if (!got && !len)
		return 0;
	if (got != sizeof(msg) ||
	    !hist_receive(n->w->h, n->id, &msg, sb.sbus_addr.s_addr)) {
		n->bad++;
		return 0;
	}
	return 1;
}

/* Waits for a message, or for room if there was none. */
static void node_idle(struct node *n)
{
	struct pollfd p = { n->fd, n->blocked ? POLLIN | POLLOUT : POLLIN, 0 };

	if (poll(&p, 1, 10) == 1 && p.revents & POLLOUT)
		n->blocked = false;
}

/* Does one thing; returns false at end-of-file. */
static bool node_step(struct node *n)
{
	int got;

	if (n->left && !n->blocked && rnd_below(&n->rnd, 2)) {
		n->blocked = node_send(n) == EAGAIN;
		n->left--;
		return true;
	}
	got = node_recv(n);
	if (got < 0 && (n->blocked || !n->left))
		node_idle(n);
	return got;
}

static void *core(void *arg)
{
	struct node *n = arg;
	bool sends = n->left;

	while (!atomic_load(&n->w->go))
		if (node_recv(n) < 0)
			node_idle(n);
	while (!atomic_load(&n->w->stop) && !n->bad) {
		if (!node_step(n))
			n->bad++;
		if (sends && !n->left) {
			atomic_fetch_sub(&n->w->senders, 1);
			sends = false;
		}
	}
	while (!n->bad && node_recv(n) == 1)
		;
	if (sends)
		atomic_fetch_sub(&n->w->senders, 1);
	return NULL;
}

static void node_init(struct world *w, struct node *n, unsigned int id)
{
	n->w = w;
	n->id = id;
	n->rnd.s = w->seed + 1000 * id;
}

/* The master */

static int acc_of(const struct world *w, unsigned int node)
{
	if (node < FIRST_GUEST)
		return w->b.link[node - 1].acc;
	return w->guest[node - FIRST_GUEST].l.acc;
}

/* Even the master does not wait for a recipient that rejects. */
static bool rejected(int err)
{
	if (err == ENOBUFS)
		usleep(200);
	return err == ENOBUFS;
}

/* Announces a change on a third way: the link of the master to the node. */
static void tell(struct world *w, unsigned int node, enum hist_kind kind,
		 unsigned int key)
{
	struct hist_msg msg;
	int err;

	hist_send(w->h, HIST_MASTER, kind, key, &msg);
	do {
		err = ERR(send(acc_of(w, node), &msg, sizeof(msg),
			       MSG_NOSIGNAL));
	} while (rejected(err));
	hist_result(w->h, HIST_MASTER, err);
	if (err && (err != EPIPE || node < FIRST_GUEST))
		wrong(w, "telling", err);
}

static unsigned int list_members(struct world *w, unsigned int key, __u64 *to)
{
	unsigned int i, n = 0;

	for (i = 1; i < FIRST_GUEST; i++)
		if (w->members[key] >> i & 1)
			to[n++] = w->b.link[i - 1].addr;
	for (; i < SPY; i++)
		if (w->members[key] >> i & 1)
			to[n++] = w->guest[i - FIRST_GUEST].l.addr;
	return n;
}

static int put_list(int acc, const __u64 *to, unsigned int nr,
		    const struct hist_msg *m)
{
	char control[CMSG_SPACE(NODES * sizeof(__u64))] = {};
	struct iovec iov = { (void *)m, sizeof(*m) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = CMSG_SPACE(nr * sizeof(*to)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_BUS;
	cmsg->cmsg_type = SCM_BUS_LIST;
	cmsg->cmsg_len = CMSG_LEN(nr * sizeof(*to));
	memcpy(CMSG_DATA(cmsg), to, nr * sizeof(*to));
	return ERR(sendmsg(acc, &msg, MSG_NOSIGNAL));
}

/* Sends a message on by the link of a core node. */
static int forward(struct world *w, const struct hist_msg *msg)
{
	int acc = w->b.link[rnd_below(&w->rnd, CORE)].acc;
	__u64 to[NODES];

	if (is_group(msg->key) && rnd_below(&w->rnd, 2))
		return put_list(acc, to, list_members(w, msg->key, to), msg);
	return put(acc, address_of(msg->key), msg, 0);
}

/* Sends on what has come from a node; returns false if there is nothing. */
static bool relay(struct world *w, unsigned int node)
{
	int acc = acc_of(w, node);
	struct hist_msg msg;
	int err;

	if (recv(acc, &msg, sizeof(msg), MSG_DONTWAIT) != sizeof(msg))
		return false;
	hist_relay(w->h, &msg);
	do {
		err = forward(w, &msg);
	} while (rejected(err));
	if (err)
		wrong(w, "relaying", err);
	hist_relayed(w->h, &msg);
	w->relayed++;
	err = bus_opt(acc, BUS_ACK, 1);
	if (err)
		wrong(w, "acknowledging", err);
	return true;
}

/* Moves an address from one node to another. */
static void give_move(struct world *w, unsigned int i, unsigned int node)
{
	unsigned int key = FIRST_MOVE + i;

	tell(w, node, HIST_ON, key);
	w->move[i] = hist_give(w->h, node, key);
	if (bus_add(&w->b.link[node - 1], address_of(key)))
		wrong(w, "giving an address", 0);
	w->move[i]->in = hist_tick(w->h);
	w->holder[i] = node;
}

static void take_move(struct world *w, unsigned int i)
{
	unsigned int node = w->holder[i], key = FIRST_MOVE + i;

	w->move[i]->out = hist_tick(w->h);
	if (bus_del(&w->b.link[node - 1], address_of(key)))
		wrong(w, "taking an address", 0);
	w->move[i]->gone = hist_tick(w->h);
	tell(w, node, HIST_OFF, key);
}

static void act_move(struct world *w)
{
	unsigned int i = rnd_below(&w->rnd, MOVES);

	take_move(w, i);
	give_move(w, i, 1 + rnd_below(&w->rnd, CORE));
}

/* Changes BUS_F_VIA_MASTER of a node, or of the bus (0). */
static bool reached_directly(const struct world *w, unsigned int node)
{
	return !w->via[0] && (node >= FIRST_GUEST || !w->via[node]);
}

static bool is_there(const struct world *w, unsigned int node)
{
	return node < FIRST_GUEST || w->guest[node - FIRST_GUEST].pid;
}

static int set_via(struct world *w, unsigned int which, bool on)
{
	__u32 flags = on ? BUS_F_VIA_MASTER : 0;

	if (which)
		return bus_opt(acc_of(w, which), BUS_FLAGS, flags);
	return bus_opt(w->b.listener, BUS_FLAGS, flags | BUS_F_ORDERED);
}

static void act_via(struct world *w, unsigned int which, bool on)
{
	unsigned int first = which ?: 1, last = which ?: SPY - 1, i;
	bool was[NODES];

	for (i = first; i <= last; i++)
		was[i] = reached_directly(w, i);
	w->via[which] = on;
	for (i = first; i <= last; i++)
		if (is_there(w, i) && !was[i] && reached_directly(w, i))
			tell(w, i, HIST_ON, ALL_KEYS);
	if (set_via(w, which, on))
		wrong(w, "flags", 0);
	for (i = first; i <= last; i++)
		if (is_there(w, i) && was[i] && !reached_directly(w, i))
			tell(w, i, HIST_OFF, ALL_KEYS);
}

/* Guests */

static void guest_run(struct guest *g)
{
	struct tbus *b = &g->n.w->b;

	/* The guest must not keep the master's sockets open. */
	close_range(3, ~0U, 0);
	g->n.fd = bus_socket();
	set_send_timeout(g->n.fd, 5);
	if (connect(g->n.fd, (struct sockaddr *)&b->name, b->namelen))
		_exit(1);
	while (bus_get_info(g->n.fd).state == BUS_STATE_CONNECTED)
		if (node_recv(&g->n) < 0)
			node_idle(&g->n);
	while (node_step(&g->n))
		if (!g->n.left && !rnd_below(&g->n.rnd, 20))
			_exit(0);
	g->eof = !g->n.bad;
	_exit(0);
}

static bool guest_admit(struct world *w, struct guest *g)
{
	struct sockaddr_bus sb;
	socklen_t len = sizeof(sb);

	g->l.acc = accept4(w->b.listener, NULL, NULL, SOCK_CLOEXEC);
	if (g->l.acc < 0 ||
	    getpeername(g->l.acc, (struct sockaddr *)&sb, &len))
		return false;
	g->l.addr = sb.sbus_addr.s_addr;
	return true;
}

/* Adds a key to a guest: a group, or being on the bus. */
static void guest_add(struct world *w, struct guest *g, unsigned int key)
{
	int err;

	tell(w, g->n.id, HIST_ON, key);
	g->span[key] = hist_give(w->h, g->n.id, key);
	w->members[key] |= 1U << g->n.id;
	if (key == ALL_NODES)
		err = tbus_join(&g->l);
	else
		err = bus_add(&g->l, BUS_ADDR(GROUP_PREFIX + key, g->n.id));
	g->span[key]->in = hist_tick(w->h);
	if (err && err != ENOTCONN)
		wrong(w, "letting a guest in", err);
}

static void guest_del(struct world *w, struct guest *g, unsigned int key)
{
	int err;

	g->span[key]->out = hist_tick(w->h);
	err = bus_del(&g->l, BUS_ADDR(GROUP_PREFIX + key, g->n.id));
	g->span[key]->gone = hist_tick(w->h);
	g->span[key] = NULL;
	w->members[key] &= ~(1U << g->n.id);
	tell(w, g->n.id, HIST_OFF, key);
	if (err && err != EADDRNOTAVAIL)
		wrong(w, "a guest's address", err);
}

static void guest_watch(struct world *w, struct guest *g)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = g->n.id };

	epoll_ctl(w->ep, EPOLL_CTL_ADD, g->l.acc, &ev);
}

static void guest_come(struct world *w, struct guest *g)
{
	unsigned int key;
	pid_t pid;

	g->eof = false;
	g->first_span = w->h->nr_spans;
	g->n.left = 20 + rnd_below(&w->rnd, 100);
	pid = fork();
	if (!pid)
		guest_run(g);
	g->pid = pid;
	if (pid < 0 || !guest_admit(w, g)) {
		wrong(w, "a guest's coming", errno);
		return;
	}
	guest_watch(w, g);
	tell(w, g->n.id, w->via[0] ? HIST_OFF : HIST_ON, ALL_KEYS);
	for (key = FIRST_GROUP; key < FIRST_MOVE; key++)
		tell(w, g->n.id, HIST_OFF, key);
	guest_add(w, g, ALL_NODES);
	for (key = FIRST_GROUP; key < FIRST_MOVE; key++)
		if (rnd_below(&w->rnd, 2))
			guest_add(w, g, key);
}

/* The keys of a guest end. */
static void guest_over(struct world *w, struct guest *g)
{
	unsigned int key;

	for (key = ALL_NODES; key < FIRST_MOVE; key++) {
		if (!g->span[key])
			continue;
		g->span[key]->gone = hist_tick(w->h);
		g->span[key] = NULL;
		w->members[key] &= ~(1U << g->n.id);
	}
}

/* No more can come from this guest, and all that came is sent on. */
static void guest_bury(struct world *w, struct guest *g)
{
	struct hist_span *span;

	if (waitpid(g->pid, NULL, 0) != g->pid)
		wrong(w, "a guest's end", errno);
	for (span = w->h->span + g->first_span;
	     span < w->h->span + w->h->nr_spans; span++)
		if (span->node == g->n.id)
			span->sure = g->eof;
	while (relay(w, g->n.id))
		;
	close(g->l.acc);
	g->pid = 0;
	if (g->n.bad)
		wrong(w, "a guest", 0);
}

static void guest_out(struct guest *g, struct history *h)
{
	unsigned int key;

	for (key = ALL_NODES; key < FIRST_MOVE; key++)
		if (g->span[key])
			g->span[key]->out = hist_tick(h);
}

static void guest_put_off(struct world *w, struct guest *g)
{
	guest_out(g, w->h);
	shutdown(g->l.acc, SHUT_RDWR);
	guest_over(w, g);
	guest_bury(w, g);
}

static void guest_kill(struct world *w, struct guest *g)
{
	guest_out(g, w->h);
	kill(g->pid, SIGKILL);
	guest_bury(w, g);
	guest_over(w, g);
	w->killed++;
}

/* A message came from a guest, or its end. */
static void guest_heard(struct world *w, struct guest *g)
{
	if (relay(w, g->n.id))
		return;
	guest_bury(w, g);
	guest_over(w, g);
}

static void act_guest(struct world *w)
{
	struct guest *g = &w->guest[rnd_below(&w->rnd, GUESTS)];
	unsigned int key = FIRST_GROUP + rnd_below(&w->rnd, GROUPS);

	if (!g->pid) {
		guest_come(w, g);
		return;
	}
	switch (rnd_below(&w->rnd, 8)) {
	case 0:
		guest_kill(w, g);
		break;
	case 1:
	case 2:
		guest_put_off(w, g);
		break;
	default:
		if (g->span[key])
			guest_del(w, g, key);
		else
			guest_add(w, g, key);
	}
}

static void act(struct world *w)
{
	unsigned int which = rnd_below(&w->rnd, CORE + 1);

	w->acts++;
	switch (rnd_below(&w->rnd, 8)) {
	case 0:
		act_via(w, which, !rnd_below(&w->rnd, 3));
		break;
	case 1:
	case 2:
	case 3:
		act_guest(w);
		break;
	default:
		act_move(w);
	}
}

static void master_hear(struct world *w, unsigned int node)
{
	if (node >= FIRST_GUEST)
		guest_heard(w, &w->guest[node - FIRST_GUEST]);
	else if (!relay(w, node))
		wrong(w, "nothing to relay", errno);
}

static void master_end(struct world *w)
{
	struct epoll_event ev;
	int i;

	for (i = 0; i < GUESTS; i++)
		if (w->guest[i].pid)
			guest_put_off(w, &w->guest[i]);
	while (epoll_wait(w->ep, &ev, 1, 0) == 1 && !w->bad)
		master_hear(w, ev.data.u32);
}

static void *master(void *arg)
{
	struct world *w = arg;
	struct epoll_event ev;

	while (!atomic_load(&w->closing) && !w->bad) {
		if (epoll_wait(w->ep, &ev, 1, 2) == 1)
			master_hear(w, ev.data.u32);
		if (!rnd_below(&w->rnd, 12))
			act(w);
	}
	master_end(w);
	return NULL;
}

/* Setting up */

static int world_listen(struct world *w)
{
	int err = tbus_listen(&w->b);

	bus_opt(w->b.listener, BUS_FLAGS, BUS_F_ORDERED);
	bus_opt(w->b.listener, BUS_QLEN, 4 + rnd_below(&w->rnd, 20));
	bus_overflow(w->b.listener, BUS_OVERFLOW_BLOCK, BUS_OVERFLOW_BLOCK);
	return err ?: tbus_clients(&w->b, CORE + 1);
}

static int world_policies(struct world *w)
{
	struct bus_link *l = w->b.link;

	w->h->node[LOSSY].lossy = true;
	return bus_overflow(l[REJECTS - 1].acc, BUS_OVERFLOW_REJECT,
			    BUS_OVERFLOW_BLOCK) ?:
	       bus_overflow(l[ASKS_MASTER - 1].acc, BUS_OVERFLOW_MASTER,
			    BUS_OVERFLOW_MASTER) ?:
	       bus_overflow(l[LOSSY - 1].acc, BUS_OVERFLOW_BLOCK,
			    BUS_OVERFLOW_DROP);
}

static int world_add(struct world *w, unsigned int node, unsigned int key)
{
	int err = 0;

	if (key != ALL_NODES)
		err = bus_add(&w->b.link[node - 1],
			      BUS_ADDR(GROUP_PREFIX + key, node));
	w->members[key] |= 1U << node;
	w->h->always[key] |= 1U << node;
	return err;
}

/* Gives all keys before any node sends. */
static int world_keys(struct world *w)
{
	unsigned int node, key;
	int err = 0;

	for (key = ALL_KEYS; key < FIRST_OWN; key++)
		w->h->guarded[key] = true;
	for (node = 1; node <= CORE; node++) {
		w->h->always[FIRST_OWN + node - 1] = 1U << node;
		err = err ?: world_add(w, node, ALL_NODES);
		for (key = FIRST_GROUP; key < FIRST_MOVE; key++)
			if (node < 3 || rnd_below(&w->rnd, 2))
				err = err ?: world_add(w, node, key);
	}
	return err;
}

static void world_tell_core(struct world *w)
{
	unsigned int node, key;

	for (node = 1; node <= CORE; node++) {
		tell(w, node, HIST_ON, ALL_KEYS);
		for (key = ALL_NODES; key < FIRST_MOVE; key++)
			if (w->members[key] >> node & 1)
				tell(w, node, HIST_ON, key);
	}
	for (key = 0; key < MOVES; key++)
		give_move(w, key, 1 + rnd_below(&w->rnd, CORE));
}

static int world_spy(struct world *w)
{
	struct bus_link *l = &w->b.link[CORE];

	node_init(w, &w->spy, SPY);
	w->spy.fd = l->fd;
	w->h->node[SPY].spy = true;
	return bus_overflow(l->acc, BUS_OVERFLOW_DROP, BUS_OVERFLOW_DROP) ?:
	       bus_opt(l->acc, BUS_EAVESDROP, 1);
}

static void world_nodes(struct world *w, unsigned int messages)
{
	struct epoll_event ev = { .events = EPOLLIN };
	unsigned int i;

	w->ep = epoll_create1(EPOLL_CLOEXEC);
	for (i = 1; i <= CORE; i++) {
		node_init(w, &w->core[i], i);
		w->core[i].fd = w->b.link[i - 1].fd;
		w->core[i].left = messages;
		set_send_timeout(w->core[i].fd, 5);
		ev.data.u32 = i;
		epoll_ctl(w->ep, EPOLL_CTL_ADD, w->b.link[i - 1].acc, &ev);
	}
	for (i = 0; i < GUESTS; i++)
		node_init(w, &w->guest[i].n, FIRST_GUEST + i);
}

/* The world is in memory that guests share. */
static struct world *world_open(unsigned int messages)
{
	struct world *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (w == MAP_FAILED)
		return NULL;
	w->seed = rnd_seed();
	w->rnd.s = w->seed;
	w->h = hist_open(NODES, 20 * messages + 10000, 20 * messages + 10000,
			 2 * messages + 10000);
	if (!w->h || world_listen(w) || world_policies(w) || world_keys(w) ||
	    world_spy(w))
		return NULL;
	world_nodes(w, messages);
	return w;
}

static void world_close(struct world *w)
{
	tbus_close(&w->b);
	close(w->ep);
	hist_close(w->h);
	munmap(w, sizeof(*w));
}

static void world_start(struct world *w)
{
	int i;

	catch_signal(SIGUSR1, 0);
	atomic_store(&w->senders, CORE);
	for (i = 1; i <= CORE; i++)
		pthread_create(&w->core[i].thread, NULL, core, &w->core[i]);
	pthread_create(&w->spy.thread, NULL, core, &w->spy);
	world_tell_core(w);
	atomic_store(&w->go, true);
	pthread_create(&w->master, NULL, master, w);
}

static void world_run(struct world *w)
{
	struct rnd rnd = { w->seed + 99 };
	int i;

	world_start(w);
	while (atomic_load(&w->senders)) {
		usleep(3000);
		pthread_kill(w->core[1 + rnd_below(&rnd, CORE)].thread,
			     SIGUSR1);
	}
	atomic_store(&w->closing, true);
	pthread_join(w->master, NULL);
	atomic_store(&w->stop, true);
	for (i = 1; i <= CORE; i++)
		pthread_join(w->core[i].thread, NULL);
	pthread_join(w->spy.thread, NULL);
}

static void world_report(struct __test_metadata *_metadata, struct world *w)
{
	unsigned int err[4] = {}, i, k, got = 0;

	for (i = 0; i < NODES; i++)
		got += w->h->node[i].nr_got;
	for (k = 0; k < 4; k++) {
		for (i = 1; i <= CORE; i++)
			err[k] += w->core[i].err[k];
		for (i = 0; i < GUESTS; i++)
			err[k] += w->guest[i].n.err[k];
	}
	TH_LOG("seed %llu: %u messages received, %u of them multicasts",
	       (unsigned long long)w->seed, got, hist_multicasts(w->h));
	TH_LOG("%u relayed, %u acts of the master, %u killed, %u spans",
	       w->relayed, w->acts, w->killed, w->h->nr_spans);
	TH_LOG("failed: %u EAGAIN, %u EINTR, %u ENOBUFS, %u put off; lost %u",
	       err[0], err[1], err[2], err[3], w->h->node[LOSSY].missed);
}

/* A node missed what it was told it lost; killed senders may have added losses.
 */
static void lost_check(struct __test_metadata *_metadata, struct world *w,
		       unsigned int node)
{
	unsigned int lost = bus_counts(w->core[node].fd).lost;
	unsigned int missed = w->h->node[node].missed;

	EXPECT_LE(missed, lost);
	EXPECT_GE(missed + w->killed, lost);
}

static void world_check(struct __test_metadata *_metadata, struct world *w)
{
	unsigned int i;

	for (i = 1; i <= CORE; i++)
		EXPECT_EQ(0, w->core[i].bad);
	EXPECT_EQ(0, w->spy.bad);
	EXPECT_EQ(0, w->bad);
	EXPECT_EQ(0, hist_fifo(w->h));
	EXPECT_EQ(0, hist_total(w->h));
	EXPECT_EQ(0, hist_causal(w->h));
	EXPECT_EQ(0, hist_delivery(w->h));
	EXPECT_EQ(0, hist_now(w->h));
	for (i = 1; i <= CORE; i++)
		lost_check(_metadata, w, i);
}

/* A million messages take minutes, and more on a busy machine. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	1800

TEST(stress)
{
	struct world *w = world_open(300 * bus_long(220));

	ASSERT_NE(NULL, w);
	world_run(w);
	world_check(_metadata, w);
	world_report(_metadata, w);
	EXPECT_LT(0, w->relayed);
	EXPECT_LT(0, w->h->nr_spans);
	if (bus_long(2) == 2)
		EXPECT_LE(1000000, hist_multicasts(w->h));
	world_close(w);
}

TEST_HARNESS_MAIN
