/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: sockets, and what user space calls on them
 */
#ifndef _NET_BUS_SOCK_H
#define _NET_BUS_SOCK_H

#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/sockptr.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/af_bus.h>
#include <net/af_unix.h>
#include <net/sock.h>
#include <uapi/linux/bus_diag.h>

/* An AF_BUS socket: listener, client or accepted.
 *
 * The bytes in the queue and set aside are in sk_rmem_alloc, which changes
 * under sk_receive_queue.lock only. A listener has the accepted sockets that
 * nobody has accepted in its queue, each as an empty skb whose sk they are.
 */
struct bus_sock {
	struct sock		sk;		/* must be first */
	/* what the collector of AF_UNIX knows; under its lock */
	struct unix_gc_node	gc;
	/* serialises bind, listen, connect and shutdown; protects state */
	struct mutex		lock;
	/* JOINED is client->joined instead; written by bus_set_state(), read
	 * locklessly
	 */
	enum bus_state		state;
	struct bus		*bus;		/* of a listener; referenced */
	/* of a client and an accepted socket, set once; referenced */
	struct bus_client	*client;
	/* this is the master's end of the link */
	bool			accepted;
	u32			nr;		/* in bus_net.socks, or 0 */

	/* One reader at a time, so that a copy that was peeked at keeps its
	 * descriptors until they are duplicated.
	 */
	struct mutex		recv_lock;
	u32			recv_info;	/* BUS_INFO_* */
	bool			recv_notrunc;	/* BUS_RECV_NOTRUNC */
	bool			recv_rights;	/* BUS_RECV_RIGHTS */

	/* written by senders, under sk_receive_queue.lock up to nr_lines */

	/* takes no more messages */
	bool			closed ____cacheline_aligned_in_smp;
	/* messages for which there is room set aside, by attempts that may
	 * still fail, and their memory
	 */
	unsigned int		reserved;
	u64			reserved_bytes;
	/* messages the queue may hold */
	unsigned int		max_qlen;
	/* messages lost since the last one in the queue */
	u64			lost;
	/* how often senders that wait for room were told to choose anew */
	unsigned int		reroutes;
	/* struct bus_share, of the users who have messages in the queue; and
	 * their number, with those that are kept for the next time
	 */
	struct list_head	shares;
	unsigned int		nr_shares;
	/* struct bus_waiter, senders that wait for room in the queue or for it
	 * to be closed: the first of each line
	 */
	struct list_head	lines;
	unsigned int		nr_lines;	/* also read locklessly */
	/* wakes waiters that are too many to be woken at once */
	struct work_struct	wake_work;
	/* in the queues that wait for their user, under the lock of that */
	struct list_head	starved;

	/* of a listener: connect() that waits for room in its backlog */
	wait_queue_head_t	space_wait;
	spinlock_t		blocked_lock;	/* blocked, nr_blocked */
	/* struct bus_blocked, of recipients that had no room after sends that
	 * may not wait: poll() withholds EPOLLOUT until one of them has
	 */
	struct list_head	blocked;
	unsigned int		nr_blocked;
};

#define bus_sk(ptr) container_of_const(ptr, struct bus_sock, sk)

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

/* A socket as it was at one moment */
struct bus_snapshot {
	struct bus		*bus;		/* NULL for a new socket */
	/* NULL for a listener or a new socket */
	struct bus_client	*client;
	enum bus_role		role;
	enum bus_state		state;
	u64			addr;		/* unique, of the client */
	struct sock		*peer;		/* NULL if it is gone */
};

/* af_bus.c */
void bus_set_state(struct sock *sk, enum bus_state state);
struct bus *bus_sk_bus(const struct sock *sk);
enum bus_state bus_sk_state(const struct sock *sk);

/* send.c */
int bus_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);

/* recv.c */
int bus_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
		int flags);

/* sockopt.c */
int bus_setsockopt(struct socket *sock, int level, int optname,
		   sockptr_t optval, unsigned int optlen);
int bus_getsockopt(struct socket *sock, int level, int optname,
		   char __user *optval, int __user *optlen);
void bus_info_fill(struct sock *sk, struct bus_info *info);

/* table.c */
void bus_table_init(struct net *net);
void bus_table_exit(struct net *net);
int bus_table_add(struct sock *sk);
void bus_table_del(struct sock *sk);
struct sock *bus_table_next(struct net *net, unsigned long *nr);
void bus_snapshot_take(struct sock *sk, struct bus_snapshot *snap);

#endif /* _NET_BUS_SOCK_H */
