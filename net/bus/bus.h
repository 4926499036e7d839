/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: private header
 */
#ifndef _NET_BUS_BUS_H
#define _NET_BUS_BUS_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/path.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/u64_stats_sync.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/af_bus.h>
#include <net/af_unix.h>
#include <net/scm.h>
#include <net/sock.h>
#include <uapi/linux/bus_diag.h>

/* path.c */

/**
 * struct bus_path - the path of a bus
 * @len: bytes in @str, without a terminating NUL; 0 is no path
 * @str: begins with a NUL if the path is abstract; always followed by a NUL
 */
struct bus_path {
	unsigned int	len;
	char		str[BUS_PATH_MAX + 1];
};

int bus_addr_parse(const struct sockaddr_bus *addr, int addr_len);
int bus_path_parse(const struct sockaddr_bus *addr, int addr_len,
		   struct bus_path *path);
bool bus_path_eq(const struct bus_path *a, const struct bus_path *b);
int bus_path_bind(struct bus *bus, struct sock *sk);
void bus_path_unbind(struct bus *bus);
bool bus_path_node(struct bus *bus, u64 *ino, u32 *dev);
bool bus_path_is(struct bus *bus, const struct bus_path *path);
struct sock *bus_path_find(struct net *net, const struct bus_path *path,
			   u32 proto_id);
int bus_paths_init(struct net *net);
void bus_paths_exit(struct net *net);
int __init bus_nodes_init(void);
void __init bus_nodes_exit(void);

/* user.c */

struct bus_need;

/**
 * struct bus_share - what one user's messages take of a queue, or of the budget
 *	of the user who pays for the queue
 * @link: in the shares of the queue, or of the payer; under its lock, like all
 * @user: whose messages they are; referenced
 * @payer: the user who pays; NULL for a share of a queue
 * @nr: messages that are there or have room set aside
 * @bytes: their memory
 */
struct bus_share {
	struct list_head	link;
	struct bus_user		*user;
	struct bus_user		*payer;
	unsigned int		nr;
	unsigned long		bytes;
};

/* At most half of what the others leave. */
static inline bool bus_share_fits(u64 held, u64 total, u64 more, u64 budget)
{
	u64 others = total - held;

	return others <= budget && held + more <= (budget - others) / 2;
}

/**
 * struct bus_user - a user who has clients or buses
 * @ref: held by each client, bus and share, and by what the user pays for
 * @uid: see bus_user_get(); constant
 * @node: in the table of users
 * @rcu: freed by RCU
 * @descriptors: that are about to be in flight, copies counted
 * @lock: protects the following
 * @bytes: memory of the messages that the user pays for
 * @reserved: what of this is set aside for attempts that may still fail
 * @own: the share of the user's own messages; has no reference
 * @shares: of other users who sent something that this one pays for
 * @starved: queues (struct bus_sock) that somebody waits for until this user can
 *	pay for more
 *
 * The user of a client pays for the queues at both ends of its link.
 */
struct bus_user {
	refcount_t		ref;
	kuid_t			uid;
	struct rhash_head	node;
	struct rcu_head		rcu;
	atomic_long_t		descriptors;

	/* what it pays for */
	spinlock_t		lock ____cacheline_aligned_in_smp;
	unsigned long		bytes;
	unsigned long		reserved;
	struct bus_share	own;
	struct list_head	shares;
	struct list_head	starved;
};

extern unsigned long bus_max_user_bytes;

struct bus_user *bus_user_get(void);
void bus_user_put(struct bus_user *user);
int bus_user_charge(struct bus_user *user, const struct bus_need *need,
		    bool reserve, struct list_head *spare,
		    struct bus_share **share);
void bus_user_uncharge(struct bus_share *share, unsigned int size);
void bus_user_unreserve(struct bus_share *share, unsigned int size);
void bus_user_settle(struct bus_share *share, unsigned int size);
int bus_user_check_or_starve(struct bus_user *user,
			     const struct bus_need *need, struct sock *sk);
void bus_user_forget(struct bus_user *user, struct sock *sk);
int __init bus_user_init(void);
void __init bus_user_exit(void);

/* bus.c */

enum bus_stat {
	BUS_STAT_UNICASTS,
	BUS_STAT_MULTICASTS,
	BUS_STAT_COPIES,
	BUS_STAT_HANDOVERS,
	BUS_STAT_FROM_MASTER,
	BUS_STAT_FILTERED,
	BUS_STAT_LOST,
	BUS_STAT_MAX
};

/**
 * struct bus_stats - counters of a bus, on one CPU
 * @syncp: lets others read @count in one piece where 64 bits are two words
 * @count: by enum bus_stat
 */
struct bus_stats {
	struct u64_stats_sync	syncp;
	u64_stats_t		count[BUS_STAT_MAX];
};

struct bus_stats __percpu *bus_stats_alloc(void);
u64 bus_stat_sum(const struct bus *bus, enum bus_stat stat);

/**
 * struct bus_attempts - attempts to deliver a message, on one CPU
 * @begun: how many, by the phase of the bus
 * @ended: how many of them, on whatever CPU they began
 */
struct bus_attempts {
	unsigned long		begun[2];
	unsigned long		ended[2];
};

/**
 * struct bus - a bus
 * @ref: held by the listener, by each client, and by who called af_bus_get()
 * @cookie: unique on this machine until it is rebooted
 * @net: namespace of the listener, in which the hooks run; referenced
 * @ns_tracker: of this reference
 * @limits: the sysctls of @net
 * @proto_id: BUS_PROTO_*
 * @proto: its protocol, whose module is pinned; NULL for BUS_PROTO_NONE
 * @proto_data: of the protocol
 * @path: as given to bind(); constant
 * @inode: of @node, by which it is found; NULL if the path is abstract
 * @path_link: in the table of nodes or of the abstract paths of @net, RCU
 * @hashed: it is in there; the listener's, as it is bound and released
 * @path_lock: protects @node and @listener
 * @node: file-system node
 * @listener: not referenced, its release takes it out
 * @order_lock: held while the copies of a multicast are linked into queues,
 *	so that all queues see multicasts in one order
 * @lock: serialises joins, leaves and changes of addresses and groups, which
 *	are read under RCU
 * @addrs: address to struct bus_holder
 * @groups: prefix to struct bus_group; they live as long as the bus
 * @eavesdroppers: struct bus_eaves, by link, RCU; changed under @lock
 * @sync_lock: one waits for attempts at a time
 * @phase: that attempts begin in, 0 or 1; written under @sync_lock
 * @attempts: to be waited for by af_bus_synchronize()
 * @last_addr: the unique address given last
 * @flags: BUS_F_*
 * @max_msg: bytes
 * @rcvbuf: bytes, for links made from now on; 0 is the default of sockets
 * @max_qlen: messages, for links made from now on
 * @overflow_unicast: BUS_OVERFLOW_*, of clients that connect from now on
 * @overflow_multicast: likewise
 * @takes_creds: a recipient has asked for credentials, so senders take theirs
 *	before they look for recipients; a hint, set once
 * @nr_clients: connected ones
 * @user: who called bind(), whose messages those of the master are; referenced,
 *	constant
 * @stats: of all clients together
 * @free_work: frees the bus where it may sleep
 *
 * Made by bind(). It outlives its listener while there are clients, and goes
 * when the last reference is dropped.
 */
struct bus {
	/* read by every message, rarely written */
	struct net		*net;
	const struct bus_net	*limits;
	const struct bus_proto	*proto;
	void			*proto_data;
	struct bus_user		*user;
	struct bus_attempts __percpu *attempts;
	struct bus_stats __percpu *stats;
	unsigned int		phase;
	u32			proto_id;
	u32			flags;
	u32			max_msg;
	bool			takes_creds;
	struct list_head	eavesdroppers;
	struct xarray		groups;
	struct rhashtable	addrs;

	/* written by every multicast */
	spinlock_t		order_lock ____cacheline_aligned_in_smp;

	/* of no concern to a message */
	refcount_t		ref ____cacheline_aligned_in_smp;
	int			rcvbuf;
	u64			cookie;
	netns_tracker		ns_tracker;
	struct bus_path		path;
	struct inode		*inode;
	struct rhash_head	path_link;
	bool			hashed;
	spinlock_t		path_lock;	/* node, listener */
	struct path		node;
	struct sock		*listener;
	struct mutex		lock;		/* membership, addresses */
	struct mutex		sync_lock;	/* innermost of mutexes */
	atomic64_t		last_addr;
	int			max_qlen;
	u32			overflow_unicast;
	u32			overflow_multicast;
	atomic_t		nr_clients;
	struct work_struct	free_work;
};

struct bus *bus_alloc(struct net *net, u32 proto_id,
		      const struct bus_path *path);

/**
 * bus_attempt_begin() - let changes of the bus wait for the caller
 * @bus: bus
 *
 * Context: Process. Until bus_attempt_end() the caller must not sleep.
 * Return: The phase, for bus_attempt_end().
 */
static inline unsigned int bus_attempt_begin(struct bus *bus)
{
	unsigned int phase = READ_ONCE(bus->phase);

	this_cpu_inc(bus->attempts->begun[phase]);
	/* Pairs with the barrier in bus_phase_is_over(). */
	smp_mb();
	return phase;
}

/**
 * bus_attempt_end() - an attempt to deliver is over
 * @bus: bus
 * @phase: as bus_attempt_begin() returned it
 */
static inline void bus_attempt_end(struct bus *bus, unsigned int phase)
{
	/* Pairs with the barrier in bus_phase_is_over(). */
	smp_mb();
	this_cpu_inc(bus->attempts->ended[phase]);
}

/* client.c */

/**
 * struct bus_eaves - a client that eavesdrops
 * @link: in bus->eavesdroppers
 * @client: not referenced: it ends when the client leaves
 * @rcu: freed by RCU
 */
struct bus_eaves {
	struct list_head	link;
	struct bus_client	*client;
	struct rcu_head		rcu;
};

/**
 * struct bus_client - one connection: the client and its link to the master
 * @ref: held by both sockets, and by who called af_bus_client_get()
 * @rcu: senders find clients under RCU
 * @bus: its bus; referenced
 * @addr: unique address; constant
 * @user: who connected; referenced, constant
 * @uid: likewise, which may be one of many that are one user; constant
 * @sk: the client's socket, NULL once that is released. Sockets are freed by
 *	RCU: under rcu_read_lock() it stays, but takes no messages once closed
 * @master_sk: the accepted socket, likewise
 * @joined: on the bus; under bus->lock, read locklessly
 * @left: was put off or left, will not join again; under bus->lock
 * @proto_joined: the protocol's leave() is to be called; under bus->lock
 * @flags: BUS_F_VIA_MASTER
 * @overflow_unicast: BUS_OVERFLOW_*
 * @overflow_multicast: likewise
 * @holders: addresses held, by client_link, RCU; changed under bus->lock
 * @members: groups it is in, by client_link; under bus->lock
 * @eaves: that it eavesdrops, or NULL; under bus->lock
 * @proto_data: of the protocol
 * @unacked: hand-overs that the master has not acknowledged
 * @ackable: those of them that nobody has claimed to acknowledge
 * @count: of this client; what is queued for it is counted under the lock of
 *	the queue
 *
 * Made by connect(). A client leaves the bus once, when either socket is shut
 * down or released; then it cannot be found any more. It is freed an RCU grace
 * period after the last reference is dropped.
 */
struct bus_client {
	refcount_t		ref;
	struct rcu_head		rcu;
	struct bus		*bus;
	u64			addr;
	struct bus_user		*user;
	kuid_t			uid;
	struct sock __rcu	*sk;
	struct sock __rcu	*master_sk;
	bool			joined;
	bool			left;
	bool			proto_joined;
	u32			flags;
	u32			overflow_unicast;
	u32			overflow_multicast;
	struct list_head	holders;
	struct list_head	members;
	struct bus_eaves	*eaves;
	void			*proto_data;

	/* What messages write is apart from what every sender reads. */
	atomic_t		unacked ____cacheline_aligned_in_smp;
	atomic_t		ackable;
	atomic64_t		count[BUS_STAT_MAX];
};

/* Counts a copy, under the lock of the queue that it is linked into. */
static inline void bus_count_queued(struct bus_client *client,
				    enum bus_stat stat)
{
	atomic64_t *count = &client->count[stat];

	atomic64_set(count, atomic64_read(count) + 1);
}

/* Counts for the bus what has been counted for its clients. */
static inline void bus_count_all(struct bus *bus, enum bus_stat stat,
				 unsigned int n)
{
	struct bus_stats *stats = get_cpu_ptr(bus->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->count[stat], n);
	u64_stats_update_end(&stats->syncp);
	put_cpu_ptr(bus->stats);
}

static inline void bus_count(struct bus_client *client, enum bus_stat stat)
{
	atomic64_inc(&client->count[stat]);
	bus_count_all(client->bus, stat, 1);
}

struct bus_client *bus_client_alloc(struct bus *bus);
int bus_client_register(struct bus_client *client);
int bus_client_join(struct bus_client *client);
int bus_client_eavesdrop(struct bus_client *client, bool on);
int bus_client_claim_ack(struct bus_client *client, u32 n);
int bus_client_ack(struct bus_client *client, u32 n);

static inline void bus_client_unclaim_ack(struct bus_client *client, u32 n)
{
	atomic_add(n, &client->ackable);
}

static inline void bus_client_ack_claimed(struct bus_client *client, u32 n)
{
	/* A client that sees the count finds all copies of the message that
	 * acknowledges in their queues.
	 */
	smp_mb__before_atomic();
	atomic_sub(n, &client->unacked);
}

static inline void bus_client_handed_over(struct bus_client *client)
{
	atomic_inc(&client->unacked);
	atomic_inc(&client->ackable);
}

static inline void bus_client_not_handed_over(struct bus_client *client)
{
	atomic_dec(&client->ackable);
	atomic_dec(&client->unacked);
}

void bus_client_leave(struct bus_client *client);
void bus_client_detach(struct bus_client *client, const struct sock *sk);
void bus_client_cut(struct bus_client *client, bool by_master, int mode);
void bus_client_reroute(struct bus_client *client);
void bus_clients_reroute(struct bus *bus);
void bus_client_shutdown(struct bus_client *client, bool by_master, int mode);

/* addr.c */

/**
 * struct bus_holder - an address and who holds it
 * @addr: the address
 * @node: in bus->addrs
 * @client: not referenced: the holder goes when the client leaves
 * @client_link: in client->holders, RCU; changed under bus->lock
 * @rcu: freed by RCU
 */
struct bus_holder {
	u64			addr;
	struct rhash_head	node;
	struct bus_client	*client;
	struct list_head	client_link;
	struct rcu_head		rcu;
};

extern const struct rhashtable_params bus_addr_params;

static inline bool bus_addr_is_multicast(u64 addr)
{
	return BUS_CLIENT(addr) == BUS_CLIENT_MASK;
}

int bus_addr_check(u64 addr);
int bus_addr_hold(struct bus_client *client, u64 addr);
int bus_addr_add(struct bus_client *client, u64 addr);
int bus_addr_del(struct bus_client *client, u64 addr);
void bus_addr_release_all(struct bus_client *client);

/* group.c */

/**
 * struct bus_group - who holds an address with a prefix
 * @members: struct bus_member, by group_link, RCU; changed under bus->lock
 * @nr: their number; a hint without bus->lock
 * @additions: counted up before a member is added; changed under bus->lock. A
 *	client that leaves and comes back at the end is met twice by who walks
 *	the group meanwhile, and sees that this has changed
 */
struct bus_group {
	struct list_head	members;
	unsigned int		nr;
	unsigned int		additions;
};

/**
 * struct bus_member - a client in a group, once however many addresses it has
 * @group_link: in group->members
 * @client_link: in client->members; under bus->lock
 * @client: not referenced: the member goes when the client leaves
 * @group: its group
 * @prefix: of the group
 * @nr: addresses with this prefix that the client holds; under bus->lock
 * @rcu: freed by RCU
 */
struct bus_member {
	struct list_head	group_link;
	struct list_head	client_link;
	struct bus_client	*client;
	struct bus_group	*group;
	u16			prefix;
	unsigned int		nr;
	struct rcu_head		rcu;
};

struct bus_group *bus_group_find(struct bus *bus, u16 prefix);
int bus_group_add(struct bus_client *client, u16 prefix);
void bus_group_del(struct bus_client *client, u16 prefix);
void bus_group_leave_all(struct bus_client *client);
void bus_group_free_all(struct bus *bus);

/* proto.c */
const struct bus_proto *bus_proto_get(u32 id);
void bus_proto_put(const struct bus_proto *proto);

/* msg.c */

/**
 * struct bus_msg - what all copies of a message share
 * @ref: held by the sender, and by the data of each copy
 * @committed: set once, after all copies are in their queues; recipients see
 *	no copy before
 * @src: unique address of the sender, 0 for the master
 * @dst: address it was sent to, 0 for none
 * @len: bytes
 * @nr_fds: descriptors that came with it
 * @hand_over: reason for which the protocol wants the master to have it
 * @pid: of the sender, referenced; NULL if nobody has asked for credentials
 * @uid: of the sender; invalid without @pid
 * @gid: likewise
 * @secid: of the sender
 * @proto: of the bus
 * @proto_data: of the protocol
 */
struct bus_msg {
	refcount_t		ref;
	bool			committed;
	u64			src;
	u64			dst;
	unsigned int		len;
	unsigned int		nr_fds;
	u32			hand_over;
	struct pid		*pid;
	kuid_t			uid;
	kgid_t			gid;
#ifdef CONFIG_SECURITY_NETWORK
	u32			secid;
#endif
	const struct bus_proto	*proto;
	void			*proto_data;
};

/**
 * struct bus_bill - what a copy is charged to, beside its queue
 * @share: of its sender in the queue, until it leaves the queue; NULL if there
 *	is none
 * @due: of its sender in what the user of the queue pays for, until the copy is
 *	freed; NULL if it is among the first in the queue, which are free
 */
struct bus_bill {
	struct bus_share	*share;
	struct bus_share	*due;
};

/**
 * struct bus_skb_cb - what a copy has to itself
 * @msg: referenced by the sender's own, and by a clone once it has its
 *	destructor
 * @fp: its descriptors
 * @bill: what it is charged to
 * @lost: messages that its recipient lost before it
 * @reason: why it came to the master
 * @ctrunc: the message had descriptors, its recipient did not ask for them
 * @flags: of the protocol, with @reason
 */
struct bus_skb_cb {
	struct bus_msg		*msg;
	struct scm_fp_list	*fp;
	struct bus_bill		bill;
	u64			lost;
	u32			reason:31;
	u32			ctrunc:1;
	u32			flags;
};

static inline struct bus_skb_cb *bus_cb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct bus_skb_cb) > sizeof(skb->cb));
	return (struct bus_skb_cb *)skb->cb;
}

/* Sets the fields of a copy that do not depend on its recipient. A clone of the copy
 * has the same values.
 */
static inline void bus_cb_init(struct sk_buff *skb, struct bus_msg *msg)
{
	*bus_cb(skb) = (struct bus_skb_cb) {
		.msg	= msg,
		.ctrunc	= !!msg->nr_fds,
	};
}

struct bus_msg *bus_msg_alloc(gfp_t gfp);
void bus_msg_free(struct bus_msg *msg);

static inline void bus_msg_put(struct bus_msg *msg)
{
	if (refcount_dec_and_test(&msg->ref))
		bus_msg_free(msg);
}

int bus_msg_add_creds(struct bus_msg *msg);
void bus_msg_sent(struct bus_msg *msg);
void bus_skb_destruct(struct sk_buff *skb);
struct sk_buff *bus_skb_build(struct msghdr *msg, size_t len);
int __init bus_msg_init(void);
void __init bus_msg_exit(void);

/* scm.c */

/**
 * struct bus_scm - control messages that a message was sent with
 * @list: addresses of SCM_BUS_LIST, or NULL
 * @nr_list: their number
 * @acks: there is SCM_BUS_ACK
 * @ack: its hand-overs
 */
struct bus_scm {
	struct bus_addr		*list;
	unsigned int		nr_list;
	bool			acks;
	u32			ack;
};

/**
 * bus_scm_takes_creds() - may a socket ask which process sent a message?
 * @sk: socket, which is referenced or stays under RCU
 *
 * Return: true if it has SO_PASSCRED or SO_PASSPIDFD, or was not accepted yet
 * and may inherit them.
 */
static inline bool bus_scm_takes_creds(const struct sock *sk)
{
	return unix_may_passcred(sk) || !READ_ONCE(sk->sk_socket);
}

bool bus_scm_has_sockets(const struct scm_fp_list *fpl);
int bus_scm_announce_fds(struct bus_user *user, const struct scm_fp_list *fpl,
			 unsigned long nr);
struct scm_fp_list *bus_scm_dup_fds(struct scm_fp_list *fpl);
void bus_scm_charge_fds(struct scm_fp_list *fpl, struct sock *sk);
void bus_scm_uncharge_fds(struct scm_fp_list *fpl);
void bus_scm_free_fds(struct scm_fp_list *fpl);
int bus_scm_send(struct msghdr *msg, struct bus_scm *scm);
void bus_scm_recv(struct socket *sock, struct msghdr *msg, struct sk_buff *skb,
		  int flags);

/* af_bus.c */

/**
 * struct bus_need - the room that a message needs
 * @size: its truesize in bytes
 * @user: whose message it is
 * @exempt: it needs room in the queue, and no share of it
 * @late: nothing can be decided anew any more: what others have set aside and
 *	not used yet does not stand in its way
 * @reroutes: of the recipient when it was chosen
 */
struct bus_need {
	unsigned int		size;
	struct bus_user		*user;
	bool			exempt;
	bool			late;
	unsigned int		reroutes;
};

/* Whose line a sender stands in that waits for room: all who need no share stand
 * in one.
 */
static inline const struct bus_user *bus_need_line(const struct bus_need *need)
{
	return need->exempt ? NULL : need->user;
}

/**
 * struct bus_waiter - a sender that waits for room in a queue
 * @line: in the lines of the recipient, if this is the first of a line
 * @behind: ring of those in the same line
 * @sk: sender
 * @recipient: recipient; referenced, NULL if there is none to wait for
 * @task: thread that sleeps, NULL if it is poll() that waits
 * @need: what does not fit
 * @listed: it is in line
 * @woken: it has its turn; written under the lock, read locklessly
 * @again: of a thread that lost a turn: it is in line until it is through
 *
 * Under sk_receive_queue.lock of the recipient. All in one line have the same
 * bus_need_line().
 */
struct bus_waiter {
	struct list_head	line;
	struct list_head	behind;
	struct sock		*sk;
	struct sock		*recipient;
	struct task_struct	*task;
	struct bus_need		need;
	bool			listed;
	bool			woken;
	bool			again;
};

/**
 * struct bus_sock - an AF_BUS socket: listener, client or accepted
 * @sk: must be first
 * @gc: what the collector of AF_UNIX knows; under its lock
 * @lock: serialises bind, listen, connect and shutdown; protects @state
 * @state: enum bus_state, but for JOINED, which is client->joined; written by
 *	bus_set_state(), read locklessly
 * @bus: of a listener; referenced
 * @client: of a client and an accepted socket, set once; referenced
 * @accepted: this is the master's end of the link
 * @nr: in the table of sockets, 0 if it is not in it
 * @recv_lock: one reader at a time, so that a copy that was peeked at keeps
 *	its descriptors until they are duplicated
 * @closed: takes no more messages; under sk_receive_queue.lock, like all from
 *	here to @nr_lines
 * @reserved: messages for which there is room set aside, by attempts that may
 *	still fail
 * @reserved_bytes: their memory
 * @max_qlen: messages the queue may hold
 * @lost: messages lost since the last one in the queue
 * @reroutes: how often senders that wait for room were told to choose anew
 * @shares: struct bus_share, of the users who have messages in the queue
 * @nr_shares: their number, with those that are kept for the next time
 * @lines: struct bus_waiter, senders that wait for room in the queue or for it
 *	to be closed: the first of each line
 * @nr_lines: their number, also read locklessly
 * @wake_work: wakes waiters that are too many to be woken at once
 * @starved: in the queues that wait for their user, under the lock of that
 * @space_wait: of a listener: connect() that waits for room in its backlog
 * @blocked_lock: protects the following two
 * @blocked: struct bus_blocked, of recipients that had no room after sends that
 *	may not wait: poll() withholds EPOLLOUT until one of them has
 * @nr_blocked: their number
 * @recv_info: BUS_INFO_*
 * @recv_notrunc: BUS_RECV_NOTRUNC
 * @recv_rights: BUS_RECV_RIGHTS
 *
 * The bytes in the queue and set aside are in sk_rmem_alloc, which changes
 * under sk_receive_queue.lock only. A listener has the accepted sockets that
 * nobody has accepted in its queue, each as an empty skb whose sk they are.
 */
struct bus_sock {
	struct sock		sk;
	struct unix_gc_node	gc;
	struct mutex		lock;		/* state */
	enum bus_state		state;
	struct bus		*bus;
	struct bus_client	*client;
	bool			accepted;
	u32			nr;

	struct mutex		recv_lock;	/* one reader at a time */
	u32			recv_info;
	bool			recv_notrunc;
	bool			recv_rights;

	/* written by senders, under the lock of the queue */
	bool			closed ____cacheline_aligned_in_smp;
	unsigned int		reserved;
	u64			reserved_bytes;
	unsigned int		max_qlen;
	u64			lost;
	unsigned int		reroutes;
	struct list_head	shares;
	unsigned int		nr_shares;
	struct list_head	lines;
	unsigned int		nr_lines;
	struct work_struct	wake_work;
	struct list_head	starved;

	wait_queue_head_t	space_wait;
	spinlock_t		blocked_lock;	/* blocked, nr_blocked */
	struct list_head	blocked;
	unsigned int		nr_blocked;
};

#define bus_sk(ptr) container_of_const(ptr, struct bus_sock, sk)

void bus_set_state(struct sock *sk, enum bus_state state);

/**
 * bus_sk_client() - the client that a socket is an end of
 * @sk: socket; the caller has a reference to its file
 *
 * Return: The client; NULL for a listener or a new socket.
 */
static inline struct bus_client *bus_sk_client(const struct sock *sk)
{
	/* Pairs with the release in bus_connected(). */
	return smp_load_acquire(&bus_sk(sk)->client);
}

struct bus *bus_sk_bus(const struct sock *sk);
enum bus_state bus_sk_state(const struct sock *sk);

/* queue.c */

/**
 * enum bus_retry - why an attempt to deliver is not the last one
 * @BUS_NEED_MEMORY: what the route wants is to be prepared first
 * @BUS_LOST_RACE: a recipient went away
 * @BUS_TO_MASTER: the message goes to the master, in the same attempt
 * @BUS_UNSETTLED: room that others have set aside, maybe in vain, is missing in a
 *	queue
 * @BUS_USER_UNSETTLED: the same of what the user of a queue pays for;
 *	bus_recipient_full() makes it %BUS_UNSETTLED
 *
 * Functions of an attempt return one of these, 0 or an error of send().
 */
enum bus_retry {
	BUS_NEED_MEMORY = 1,
	BUS_LOST_RACE,
	BUS_TO_MASTER,
	BUS_UNSETTLED,
	BUS_USER_UNSETTLED,
};

bool bus_queue_has_room(struct sock *sk, const struct bus_need *need);
int bus_queue_reserve(struct sock *sk, const struct bus_need *need,
		      struct list_head *spare, struct bus_bill *bill);
void bus_queue_unreserve(struct sock *sk, unsigned int size,
			 const struct bus_bill *bill);
int bus_queue_add(struct sock *sk, struct sk_buff *skb,
		  const struct bus_need *need, struct list_head *spare);
int bus_queue_add_reserved(struct sock *sk, struct sk_buff *skb);
void bus_queue_lose(struct sock *sk);
void bus_queue_report_loss(struct sock *sk);
void bus_queue_close(struct sock *sk);
void bus_queue_reroute(struct sock *sk);
void bus_queue_drop(const struct sock *sk, struct sk_buff *skb,
		    enum skb_drop_reason reason);
void bus_queue_purge(struct sock *sk);
void bus_queue_collect(struct sock *sk, struct sk_buff_head *hitlist);
bool bus_queue_readable(struct sock *sk);
bool bus_queue_would_wait(struct sock *sk, int flags);
unsigned int bus_queue_first_len(struct sock *sk);
struct sk_buff *bus_queue_take(struct sock *sk, size_t size, int flags,
			       int *off, int *err);
void bus_queue_init(struct sock *sk);
void bus_queue_destroy(struct sock *sk);

/* wait.c */
void bus_wake_all(struct sock *sk);
void bus_wake_room(struct sock *sk);
int bus_wait_room(struct bus_waiter *w, struct sock *sk, struct sock *recipient,
		  const struct bus_need *need, long *timeo);
void bus_wait_leave(struct bus_waiter *w);
bool bus_block_on(struct sock *sk, struct sock *recipient,
		  const struct bus_need *need);
bool bus_block_has_turn(struct sock *sk, const struct sock *recipient);
void bus_block_sent(struct sock *sk, const struct sock *recipient);
void bus_unblock(struct sock *sk);
bool bus_writable(struct sock *sk);
bool bus_is_blocked(struct sock *sk);
bool bus_line_is_open(struct sock *recipient, const struct sock *sk,
		      const struct bus_user *user);
void bus_wait_init(struct sock *sk);

/* route.c, deliver.c */

/**
 * struct bus_recipient - a recipient of a message
 * @client: it
 * @sk: its socket, or the accepted one if @is_master; stays under RCU
 * @skb: its copy
 * @bill: what the room set aside is charged to
 * @fp: its descriptors, in flight; set if there are any
 * @is_master: it is the master
 * @eaves: it is there because it eavesdrops: never waited for
 * @fds: it gets descriptors, if there are any
 * @exempt: its copy needs no share of its queue; known once a copy is staged
 * @reserved: there is room set aside in its queue
 * @drop: it has no room and loses the message
 * @kick: it has no room and is to be disconnected; @client is referenced
 * @queued: the copy is in its queue
 */
struct bus_recipient {
	struct bus_client	*client;
	struct sock		*sk;
	struct sk_buff		*skb;
	struct bus_bill		bill;
	struct scm_fp_list	*fp;
	bool			is_master;
	bool			eaves;
	bool			fds;
	bool			exempt;
	bool			reserved;
	bool			drop;
	bool			kick;
	bool			queued;
};

#define BUS_RECIPIENTS_INLINE	12

/**
 * struct bus_want - what bus_route_prepare() gets before the next attempt
 * @recipients: recipients that there is a place for
 * @skbs: clones
 * @shares: shares of queues and of payers
 * @fps: duplicates of the descriptors
 * @creds: the credentials of the sender
 */
struct bus_want {
	unsigned int		recipients;
	unsigned int		skbs;
	unsigned int		shares;
	unsigned int		fps;
	bool			creds;
};

/**
 * struct bus_spare - what was got where memory may be waited for
 * @skbs: clones
 * @shares: struct bus_share
 * @fps: duplicates of the descriptors
 * @nr_fps: their number
 * @nr_spent: duplicates, behind these in @fps, that were in flight in an attempt
 *	that failed
 */
struct bus_spare {
	struct sk_buff_head	skbs;
	struct list_head	shares;
	struct scm_fp_list	**fps;
	unsigned int		nr_fps;
	unsigned int		nr_spent;
};

/**
 * struct bus_route - where a message goes; lives as long as one sendmsg()
 * @sk: the socket it is sent on
 * @bus: the bus
 * @src: the client whose link it was sent on
 * @msg: the message
 * @skb: its data; the first recipient gets it unless a hook has stolen it, the
 *	others clones
 * @fp: its descriptors; the first recipient who takes some gets them, but for
 *	sockets: these stay until the end, so that the collector finds them in
 *	use as long as not all copies are staged
 * @from_master: sent on the accepted socket
 * @multicast: overflow policies of multicast apply
 * @joined: the client had joined when the attempt began
 * @routed: the protocol waits for its settle()
 * @decided: recipients were chosen, be it none
 * @kick: somebody is to be disconnected
 * @reason: to the master, because of this
 * @forced: to the master whatever is decided, because of this
 * @flags: of the protocol, with @reason
 * @err: the sender's error
 * @ack: hand-overs of @src that the message acknowledges, claimed
 * @denied: what a security module said of the last recipient
 * @refused: why the last recipient who refused it did
 * @blocked: recipient without room, for which the sender has to wait; referenced
 * @turn: recipient for whose room the sender has waited, to be compared only
 * @need: the room that a copy needs; its exempt and late are those of the
 *	recipient whose queue was looked at last
 * @to: recipients
 * @nr: their number
 * @max: how many fit into @to
 * @spare: what attempts may use up
 * @asked: clients that the message is meant for, whether they want it or not
 * @coming_fds: descriptors, all copies together, that the user has announced
 * @missed: recipients for whom there was no place in @to
 * @want: what the next attempt needs
 * @few: recipients, if they are few
 */
struct bus_route {
	struct sock		*sk;
	struct bus		*bus;
	struct bus_client	*src;
	struct bus_msg		*msg;
	struct sk_buff		*skb;
	struct scm_fp_list	*fp;
	bool			from_master;
	bool			multicast;
	bool			joined;
	bool			routed;
	bool			decided;
	bool			kick;
	u32			reason;
	u32			forced;
	u32			flags;
	int			err;
	u32			ack;
	int			denied;
	enum skb_drop_reason	refused;
	struct sock		*blocked;
	const struct sock	*turn;
	struct bus_need		need;
	struct bus_recipient		*to;
	unsigned int		nr;
	unsigned int		max;
	struct bus_spare	spare;
	unsigned int		asked;
	unsigned long		coming_fds;
	unsigned int		missed;
	struct bus_want		want;
	struct bus_recipient		few[BUS_RECIPIENTS_INLINE];
};

void bus_route_init(struct bus_route *route, struct sock *sk,
		    struct bus_client *src, bool from_master);
void bus_route_reset(struct bus_route *route);
void bus_route_forget_recipients(struct bus_route *route);
void bus_route_free_spent(struct bus_route *route);
void bus_route_free(struct bus_route *route, int err);
int bus_route_prepare(struct bus_route *route);
bool bus_recipient_admits(struct bus_route *route, struct bus_client *client,
			  struct sock *sk);
struct bus_recipient *bus_route_new_recipient(struct bus_route *route,
					      struct bus_client *client,
				    struct sock *sk);
bool bus_route_may_ask(struct bus_route *route);
void bus_route_sort(struct bus_route *route);
bool bus_route_has(const struct bus_route *route, unsigned int nr,
		   const struct bus_client *client);
void bus_route_add_group(struct bus_route *route, u16 prefix);
void bus_route_uniq(struct bus_route *route, unsigned int first);
void __bus_route_settle(struct bus_route *route, bool staged);

/* The user whose message it is. */
static inline struct bus_user *bus_route_user(const struct bus_route *route)
{
	return route->need.user;
}

/* The sender keeps sockets, of other descriptors one copy is @fp itself. */
static inline bool bus_route_keeps_fds(const struct bus_route *route)
{
	return route->fp && bus_scm_has_sockets(route->fp);
}

/* The sender did not choose the recipients. */
static inline bool bus_route_by_proto(const struct bus_route *route)
{
	return route->bus->proto && !route->from_master;
}

/**
 * bus_route_settle() - tell the protocol what became of its decision
 * @route: route
 * @staged: the message goes where it was routed to
 *
 * Context: Under rcu_read_lock().
 */
static inline void bus_route_settle(struct bus_route *route, bool staged)
{
	if (route->routed)
		__bus_route_settle(route, staged);
}

int bus_route_deliver(struct bus_route *route);
void bus_route_kick(struct bus_route *route);

/* trace.c */
void bus_trace_route(const struct bus_route *route);
void bus_trace_drop(const struct bus_client *client, const struct sock *sk,
		    const struct bus_msg *msg, enum skb_drop_reason reason);

#ifdef CONFIG_NETFILTER
bool bus_hook_run(struct bus *bus, unsigned int hook, struct sock *sk,
		  struct sk_buff *skb);

static inline bool bus_hook(struct bus *bus, unsigned int hook,
			    struct sock *sk, struct sk_buff *skb)
{
#ifdef CONFIG_JUMP_LABEL
	if (!static_key_false(&nf_hooks_needed[NFPROTO_BUS][hook]))
		return true;
#endif
	return bus_hook_run(bus, hook, sk, skb);
}
#else
static inline bool bus_hook(struct bus *bus, unsigned int hook,
			    struct sock *sk, struct sk_buff *skb)
{
	return true;
}
#endif

/* send.c, recv.c, sockopt.c */
int bus_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int bus_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
		int flags);
int bus_setsockopt(struct socket *sock, int level, int optname,
		   sockptr_t optval, unsigned int optlen);
int bus_getsockopt(struct socket *sock, int level, int optname,
		   char __user *optval, int __user *optlen);
void bus_info_fill(struct sock *sk, struct bus_info *info);

/* table.c */

/**
 * struct bus_snapshot - a socket as it was at one moment
 * @bus: its bus, NULL for a new socket
 * @client: its client, NULL for a listener or a new socket
 * @role: BUS_ROLE_*
 * @state: BUS_STATE_*
 * @addr: unique address of the client
 * @peer: the other end of the link, NULL if it is gone
 */
struct bus_snapshot {
	struct bus		*bus;
	struct bus_client	*client;
	enum bus_role		role;
	enum bus_state		state;
	u64			addr;
	struct sock		*peer;
};

void bus_table_init(struct net *net);
void bus_table_exit(struct net *net);
int bus_table_add(struct sock *sk);
void bus_table_del(struct sock *sk);
struct sock *bus_table_next(struct net *net, unsigned long *nr);
void bus_snapshot_take(struct sock *sk, struct bus_snapshot *snap);

/* proc.c */
#ifdef CONFIG_PROC_FS
int bus_proc_init(struct net *net);
void bus_proc_exit(struct net *net);
#else
static inline int bus_proc_init(struct net *net)
{
	return 0;
}

static inline void bus_proc_exit(struct net *net)
{
}
#endif

/* af_bus.c */

/**
 * struct bus_net - what a network namespace has
 * @header: of the sysctls
 * @max_msg: bytes, the most that BUS_MAX_MSG may be
 * @max_qlen: messages a queue may hold unless BUS_QLEN says otherwise
 * @max_recipients: clients that a message may be meant for
 * @paths: buses with abstract paths
 * @socks: the sockets that were made in it, by bus_sock.nr; read under RCU
 * @next_nr: where to look for a free number; under the lock of @socks
 */
struct bus_net {
	struct ctl_table_header	*header;
	unsigned int		max_msg;
	unsigned int		max_qlen;
	unsigned int		max_recipients;
	struct rhashtable	paths;
	struct xarray		socks;
	u32			next_nr;
};

#define BUS_MSG_LIMIT	(128u << 20)
#define BUS_USER_BYTES	(512ul << 20)
#define BUS_RECIPIENTS	4096
#define BUS_RECIPIENTS_LIMIT	16384

struct bus_net *bus_pernet(struct net *net);

/* sysctl.c */
#ifdef CONFIG_SYSCTL
int bus_sysctl_net_init(struct net *net);
void bus_sysctl_net_exit(struct net *net);
int __init bus_sysctl_init(void);
void __init bus_sysctl_exit(void);
#else
static inline int bus_sysctl_net_init(struct net *net)
{
	return 0;
}

static inline void bus_sysctl_net_exit(struct net *net)
{
}

static inline int bus_sysctl_init(void)
{
	return 0;
}

static inline void bus_sysctl_exit(void)
{
}
#endif

#endif /* _NET_BUS_BUS_H */
