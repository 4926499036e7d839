// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: a local bus of sockets
 *
 * The family, its sockets and its network namespaces. See
 * Documentation/networking/af_bus.rst.
 */

#include <linux/cred.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/pidfs.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/sockios.h>
#include <linux/uaccess.h>
#include <asm/ioctls.h>
#include <net/netns/generic.h>
#include <net/tcp_states.h>
#include "bus.h"
#include "client.h"
#include "msg.h"
#include "netns.h"
#include "path.h"
#include "queue.h"
#include "sock.h"
#include "user.h"

static unsigned int bus_net_id __ro_after_init;

struct bus_net *bus_pernet(struct net *net)
{
	return net_generic(net, bus_net_id);
}

static struct proto bus_sk_proto = {
	.name		= "BUS",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct bus_sock),
};

/**
 * bus_set_state() - change the state of a socket
 * @sk: socket
 * @state: the new state
 *
 * bind() makes a NEW socket BOUND, listen() a BOUND socket LISTEN, and
 * connect() a NEW socket CONNECTED. An accepted socket is CONNECTED from the
 * start. The release makes any socket CLOSED.
 *
 * Context: Under bus_sock.lock, or no other thread can find the socket.
 */
void bus_set_state(struct sock *sk, enum bus_state state)
{
	/* Pairs with the acquire in bus_backlog_check(). */
	smp_store_release(&bus_sk(sk)->state, state);
	switch (state) {
	case BUS_STATE_LISTEN:
		WRITE_ONCE(sk->sk_state, TCP_LISTEN);
		break;
	case BUS_STATE_CONNECTED:
		WRITE_ONCE(sk->sk_state, TCP_ESTABLISHED);
		break;
	default:
		WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	}
}

/**
 * bus_sk_bus() - the bus of a socket
 * @sk: socket; the caller has a reference to its file or holds rcu_read_lock()
 *
 * Return: The bus; NULL for a new socket.
 */
struct bus *bus_sk_bus(const struct sock *sk)
{
	struct bus_client *client = bus_sk_client(sk);

	/* Pairs with the release in bus_bind_new(). */
	return client ? client->bus : smp_load_acquire(&bus_sk(sk)->bus);
}

enum bus_state bus_sk_state(const struct sock *sk)
{
	const struct bus_client *client = bus_sk_client(sk);

	if (READ_ONCE(sk->sk_shutdown) == SHUTDOWN_MASK)
		return BUS_STATE_CLOSED;
	if (client && READ_ONCE(client->joined))
		return BUS_STATE_JOINED;
	return READ_ONCE(bus_sk(sk)->state);
}

/**
 * af_bus_sk_gc_node() - get the node of a socket in the graph of the collector
 * @sk: socket
 *
 * Return: The node.
 */
struct unix_gc_node *af_bus_sk_gc_node(struct sock *sk)
{
	return &bus_sk(sk)->gc;
}

static void bus_sk_destruct(struct sock *sk)
{
	struct bus_sock *b = bus_sk(sk);

	DEBUG_NET_WARN_ON_ONCE(!skb_queue_empty(&sk->sk_receive_queue));
	DEBUG_NET_WARN_ON_ONCE(refcount_read(&sk->sk_wmem_alloc));
	DEBUG_NET_WARN_ON_ONCE(atomic_read(&sk->sk_rmem_alloc));

	bus_queue_destroy(sk);
	if (b->client)
		af_bus_client_put(b->client);
	if (b->bus)
		af_bus_put(b->bus);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
}

static struct sock *bus_sk_alloc(struct net *net, struct socket *sock,
				 int protocol, int kern)
{
	struct bus_sock *b;
	struct sock *sk;

	sk = sk_alloc(net, PF_BUS, GFP_KERNEL, &bus_sk_proto, kern);
	if (!sk)
		return NULL;

	sock_init_data(sock, sk);
	sock_set_flag(sk, SOCK_RCU_FREE);
	sk->sk_type = SOCK_SEQPACKET;
	sk->sk_protocol = protocol;
	sk->sk_allocation = GFP_KERNEL_ACCOUNT;
	sk->sk_destruct = bus_sk_destruct;

	scm_init_rights(sk, NULL);

	b = bus_sk(sk);
	unix_gc_node_init(&b->gc, sk, bus_queue_collect);
	b->state = BUS_STATE_NEW;
	b->bus = NULL;
	b->client = NULL;
	b->accepted = false;
	b->nr = 0;
	b->max_qlen = READ_ONCE(bus_pernet(net)->max_qlen);
	b->recv_info = 0;
	b->recv_notrunc = false;
	b->recv_rights = false;
	mutex_init(&b->lock);
	mutex_init(&b->recv_lock);
	bus_queue_init(sk);
	bus_wait_init(sk);
	sock_prot_inuse_add(net, sk->sk_prot, 1);
	return sk;
}

static void bus_sk_end(struct sock *sk)
{
	bus_queue_close(sk);
	bus_queue_purge(sk);
	sock_orphan(sk);
	sock_put(sk);
	unix_schedule_gc(NULL);
}

/* Closes an accepted socket that was never accepted. The socket has sent
 * nothing and its client has not joined, so there are no messages to wait for.
 */
static void bus_embryo_close(struct sock *sk)
{
	struct bus_client *client = bus_sk(sk)->client;

	bus_table_del(sk);
	bus_set_state(sk, BUS_STATE_CLOSED);
	if (client) {
		bus_client_cut(client, true, SHUTDOWN_MASK);
		bus_client_detach(client, sk);
	}
	bus_sk_end(sk);
}

static void bus_close_listener(struct sock *sk)
{
	struct sk_buff *skb;

	bus_path_unbind(bus_sk(sk)->bus);
	bus_queue_close(sk);
	while ((skb = skb_dequeue(&sk->sk_receive_queue))) {
		struct sock *embryo = skb->sk;
		struct bus_client *client = bus_sk(embryo)->client;
		struct sock *peer;

		rcu_read_lock();
		peer = rcu_dereference(client->sk);
		if (peer)
			WRITE_ONCE(peer->sk_err, ECONNRESET);
		rcu_read_unlock();
		skb->sk = NULL;
		kfree_skb_reason(skb, SKB_DROP_REASON_QUEUE_PURGE);
		bus_embryo_close(embryo);
	}
}

static int bus_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct bus_sock *b;

	if (!sk)
		return 0;

	b = bus_sk(sk);
	bus_table_del(sk);
	bus_unblock(sk);
	bus_set_state(sk, BUS_STATE_CLOSED);
	if (b->client) {
		bus_client_shutdown(b->client, b->accepted, SHUTDOWN_MASK);
		bus_client_detach(b->client, sk);
	} else if (b->bus) {
		bus_close_listener(sk);
	}
	bus_sk_end(sk);
	sock->sk = NULL;
	return 0;
}

/* Credentials of the peer */

struct bus_cred {
	struct pid		*pid;
	const struct cred	*cred;
};

static int bus_cred_current(struct bus_cred *cred)
{
	int err;

	err = pidfs_register_pid(task_tgid(current));
	if (err)
		return err;

	cred->pid = get_pid(task_tgid(current));
	/* get_current_cred() clears non_rcu, which is clear already: a harmless
	 * race with other threads that share the credentials.
	 */
	cred->cred = data_race(get_current_cred());
	return 0;
}

static void bus_cred_set(struct sock *sk, struct bus_cred *cred)
{
	spin_lock(&sk->sk_peer_lock);
	swap(sk->sk_peer_pid, cred->pid);
	swap(sk->sk_peer_cred, cred->cred);
	spin_unlock(&sk->sk_peer_lock);
}

static void bus_cred_put(struct bus_cred *cred)
{
	put_pid(cred->pid);
	put_cred(cred->cred);
}

/* bind() and listen() */

static int bus_bind_new(struct sock *sk, const struct bus_path *path)
{
	struct bus *bus;
	int err;

	if (bus_sk(sk)->state != BUS_STATE_NEW)
		return -EINVAL;

	bus = bus_alloc(sock_net(sk), sk->sk_protocol, path);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	err = bus_path_bind(bus, sk);
	if (err) {
		bus_path_unbind(bus);
		af_bus_put(bus);
		return err;
	}

	/* Pairs with the acquire in bus_sk_bus(). */
	smp_store_release(&bus_sk(sk)->bus, bus);
	bus_set_state(sk, BUS_STATE_BOUND);
	return 0;
}

static int bus_bind(struct socket *sock, struct sockaddr_unsized *uaddr,
		    int addr_len)
{
	struct sockaddr_bus *addr = (struct sockaddr_bus *)uaddr;
	struct bus_sock *b = bus_sk(sock->sk);
	struct bus_path path;
	int err;

	err = bus_path_parse(addr, addr_len, &path);
	if (err)
		return err;
	if (!path.len || addr->sbus_addr.s_addr != BUS_MASTER_ADDR)
		return -EINVAL;

	err = mutex_lock_interruptible(&b->lock);
	if (err)
		return err;
	err = bus_bind_new(sock->sk, &path);
	mutex_unlock(&b->lock);
	return err;
}

static int bus_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	struct bus_sock *b = bus_sk(sk);
	struct bus_cred cred = {};
	int err;

	err = bus_cred_current(&cred);
	if (err)
		return err;

	mutex_lock(&b->lock);
	err = -EINVAL;
	if (b->state == BUS_STATE_BOUND || b->state == BUS_STATE_LISTEN) {
		bus_cred_set(sk, &cred);
		WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
		bus_set_state(sk, BUS_STATE_LISTEN);
		wake_up_interruptible_all(&b->space_wait);
		err = 0;
	}
	mutex_unlock(&b->lock);
	bus_cred_put(&cred);
	return err;
}

/* connect() */

static int bus_backlog_check(const struct sock *listener)
{
	/* Pairs with the release in bus_set_state(): if the state is LISTEN,
	 * the bus of the listener is visible.
	 */
	if (smp_load_acquire(&bus_sk(listener)->state) != BUS_STATE_LISTEN ||
	    READ_ONCE(bus_sk(listener)->closed) ||
	    (READ_ONCE(listener->sk_shutdown) & RCV_SHUTDOWN))
		return -ECONNREFUSED;
	if (skb_queue_len_lockless(&listener->sk_receive_queue) >
	    READ_ONCE(listener->sk_max_ack_backlog))
		return -EAGAIN;
	return 0;
}

static int bus_backlog_wait(struct sock *listener, long *timeo)
{
	wait_queue_head_t *wq = &bus_sk(listener)->space_wait;
	DEFINE_WAIT(wait);
	int err = 0;

	if (!*timeo)
		return -EAGAIN;

	prepare_to_wait_exclusive(wq, &wait, TASK_INTERRUPTIBLE);
	if (bus_backlog_check(listener) == -EAGAIN) {
		if (signal_pending(current))
			err = sock_intr_errno(*timeo);
		else
			*timeo = schedule_timeout(*timeo);
	}
	finish_wait(wq, &wait);
	return err;
}

static int bus_backlog_add(struct sock *listener, struct sk_buff *skb)
{
	int err;

	spin_lock(&listener->sk_receive_queue.lock);
	err = bus_backlog_check(listener);
	if (!err)
		__skb_queue_tail(&listener->sk_receive_queue, skb);
	spin_unlock(&listener->sk_receive_queue.lock);
	return err;
}

static void bus_sk_set_limits(struct sock *sk, const struct bus *bus)
{
	int rcvbuf = READ_ONCE(bus->rcvbuf);

	if (rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, rcvbuf);
	WRITE_ONCE(bus_sk(sk)->max_qlen, READ_ONCE(bus->max_qlen));
}

/* Makes the accepted socket, in an skb for the queue of the listener. */
static struct sk_buff *bus_embryo_alloc(struct sock *listener)
{
	struct sk_buff *skb;
	struct sock *sk;

	skb = alloc_skb(0, GFP_KERNEL_ACCOUNT);
	if (!skb)
		return NULL;

	sk = bus_sk_alloc(sock_net(listener), NULL, listener->sk_protocol, 0);
	if (!sk) {
		consume_skb(skb);
		return NULL;
	}

	scm_init_rights(sk, listener);
	bus_sk(sk)->gc.listener = &bus_sk(listener)->gc;
	bus_sk(sk)->accepted = true;
	bus_set_state(sk, BUS_STATE_CONNECTED);
	bus_sk_set_limits(sk, bus_sk(listener)->bus);
	skb->sk = sk;
	return skb;
}

static void bus_embryo_free(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	skb->sk = NULL;
	consume_skb(skb);
	bus_embryo_close(sk);
}

static int bus_link(struct sock *sk, struct sock *listener,
		    struct bus_client *client, struct sk_buff *skb)
{
	struct bus_cred cred = {};
	int err;

	err = security_bus_connect(sk, listener, skb->sk);
	if (err)
		return err;

	err = bus_cred_current(&cred);
	if (err)
		return err;
	bus_cred_set(skb->sk, &cred);

	err = bus_client_register(client);
	if (err)
		return err;

	bus_sk(skb->sk)->client = af_bus_client_get(client);
	rcu_assign_pointer(client->master_sk, skb->sk);
	rcu_assign_pointer(client->sk, sk);
	err = bus_table_add(skb->sk);
	if (!err)
		err = bus_backlog_add(listener, skb);
	if (err)
		RCU_INIT_POINTER(client->sk, NULL);
	return err;
}

static void bus_connected(struct sock *sk, struct sock *listener,
			  struct bus_client *client)
{
	struct bus_cred cred;

	spin_lock(&listener->sk_peer_lock);
	cred.pid = get_pid(listener->sk_peer_pid);
	/* The same race as in bus_cred_current() */
	cred.cred = data_race(get_cred(listener->sk_peer_cred));
	spin_unlock(&listener->sk_peer_lock);
	bus_cred_set(sk, &cred);
	bus_cred_put(&cred);
	bus_sk_set_limits(sk, client->bus);
	bus_set_state(sk, BUS_STATE_CONNECTED);
	/* Pairs with the acquire in bus_sk_client(). */
	smp_store_release(&bus_sk(sk)->client, client);
	listener->sk_data_ready(listener);
}

static int bus_try_connect(struct sock *sk, struct sock *listener)
{
	struct bus_client *client;
	struct sk_buff *skb;
	int err;

	err = bus_backlog_check(listener);
	if (err)
		return err;

	client = bus_client_alloc(bus_sk(listener)->bus);
	if (IS_ERR(client))
		return PTR_ERR(client);

	err = -ENOMEM;
	skb = bus_embryo_alloc(listener);
	if (!skb)
		goto err_client;

	err = bus_link(sk, listener, client, skb);
	if (err)
		goto err_embryo;

	bus_connected(sk, listener, client);
	return 0;

err_embryo:
	bus_embryo_free(skb);
err_client:
	af_bus_client_put(client);
	return err;
}

static int bus_connect_check(const struct sock *sk)
{
	switch (bus_sk(sk)->state) {
	case BUS_STATE_NEW:
		return 0;
	case BUS_STATE_BOUND:
	case BUS_STATE_LISTEN:
		return -EINVAL;
	default:
		return -EISCONN;
	}
}

static int bus_connect_listener(struct sock *sk, struct sock *listener,
				long timeo)
{
	struct bus_sock *b = bus_sk(sk);
	bool waits = timeo;
	int err;

	for (;;) {
		mutex_lock(&b->lock);
		err = bus_connect_check(sk);
		if (!err)
			err = bus_try_connect(sk, listener);
		mutex_unlock(&b->lock);
		if (err != -EAGAIN)
			break;

		err = bus_backlog_wait(listener, &timeo);
		if (err)
			break;
	}
	/* A wake-up for room that is not used goes to the next waiter. */
	if (err && waits)
		wake_up_interruptible(&bus_sk(listener)->space_wait);
	return err;
}

static int bus_connect(struct socket *sock, struct sockaddr_unsized *uaddr,
		       int addr_len, int flags)
{
	struct sockaddr_bus *addr = (struct sockaddr_bus *)uaddr;
	struct sock *sk = sock->sk;
	struct sock *listener;
	struct bus_path path;
	int err;

	err = bus_path_parse(addr, addr_len, &path);
	if (err)
		return err;
	if (!path.len || addr->sbus_addr.s_addr != BUS_MASTER_ADDR)
		return -EINVAL;
	err = bus_connect_check(sk);
	if (err)
		return err;

	listener = bus_path_find(sock_net(sk), &path, sk->sk_protocol);
	if (IS_ERR(listener))
		return PTR_ERR(listener);

	err = bus_connect_listener(sk, listener,
				   sock_sndtimeo(sk, flags & O_NONBLOCK));
	if (!err)
		sock->state = SS_CONNECTED;
	sock_put(listener);
	return err;
}

static int bus_accept(struct socket *sock, struct socket *newsock,
		      struct proto_accept_arg *arg)
{
	struct sock *sk = sock->sk;
	struct sk_buff *skb;
	struct sock *newsk;

	if (READ_ONCE(bus_sk(sk)->state) != BUS_STATE_LISTEN)
		return -EINVAL;

	skb = skb_recv_datagram(sk, arg->flags & O_NONBLOCK ? MSG_DONTWAIT : 0,
				&arg->err);
	if (!skb)
		return arg->err ?: -EINVAL;

	newsk = skb->sk;
	skb->sk = NULL;
	consume_skb(skb);
	wake_up_interruptible(&bus_sk(sk)->space_wait);

	newsock->state = SS_CONNECTED;
	unix_gc_node_accepted(&bus_sk(newsk)->gc);
	sock_graft(newsk, newsock);
	scm_inherit_flags(sock, newsock);
	return 0;
}

/* Other operations */

static int bus_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct sockaddr_bus *addr = (struct sockaddr_bus *)uaddr;
	struct bus_client *client = bus_sk_client(sock->sk);
	struct bus *bus = bus_sk_bus(sock->sk);

	if (peer && !client)
		return -ENOTCONN;

	memset(addr, 0, sizeof(*addr));
	addr->sbus_family = AF_BUS;
	if (!bus)
		return offsetof(struct sockaddr_bus, sbus_path);

	if (client && bus_sk(sock->sk)->accepted == !!peer)
		addr->sbus_addr.s_addr = client->addr;
	memcpy(addr->sbus_path, bus->path.str, bus->path.len);
	return offsetof(struct sockaddr_bus, sbus_path) + bus->path.len +
	       (bus->path.str[0] && bus->path.len < BUS_PATH_MAX);
}

static int bus_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	struct bus_client *client = bus_sk_client(sk);

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	if (!client && bus_sk_bus(sk)) {
		WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
		sk->sk_state_change(sk);
		wake_up_interruptible_all(&bus_sk(sk)->space_wait);
		return 0;
	}
	if (!client)
		return -ENOTCONN;

	/* SHUT_RD, SHUT_WR and SHUT_RDWR are 0 to 2, the flags 1 to 3. */
	bus_client_shutdown(client, bus_sk(sk)->accepted, how + 1);
	return 0;
}

static __poll_t bus_poll(struct file *file, struct socket *sock,
			 poll_table *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);
	if (READ_ONCE(sk->sk_err))
		mask |= EPOLLERR;
	if (READ_ONCE(sk->sk_shutdown) == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;

	switch (READ_ONCE(bus_sk(sk)->state)) {
	case BUS_STATE_LISTEN:
		if (!skb_queue_empty_lockless(&sk->sk_receive_queue))
			mask |= EPOLLIN | EPOLLRDNORM;
		return mask;
	case BUS_STATE_CONNECTED:
		break;
	default:
		return mask | EPOLLHUP | EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	}

	if (bus_queue_readable(sk))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (bus_writable(sk))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

static int bus_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case SIOCINQ:
		if (!bus_sk_client(sock->sk))
			return -EINVAL;
		return put_user(bus_queue_first_len(sock->sk),
				(int __user *)arg);
	default:
		return -ENOIOCTLCMD;
	}
}

#ifdef CONFIG_COMPAT
static int bus_compat_ioctl(struct socket *sock, unsigned int cmd,
			    unsigned long arg)
{
	return bus_ioctl(sock, cmd, (unsigned long)compat_ptr(arg));
}
#endif

static const struct proto_ops bus_ops = {
	.family		= PF_BUS,
	.owner		= THIS_MODULE,
	.release	= bus_release,
	.bind		= bus_bind,
	.connect	= bus_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= bus_accept,
	.getname	= bus_getname,
	.poll		= bus_poll,
	.ioctl		= bus_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl	= bus_compat_ioctl,
#endif
	.listen		= bus_listen,
	.shutdown	= bus_shutdown,
	.setsockopt	= bus_setsockopt,
	.getsockopt	= bus_getsockopt,
	.sendmsg	= bus_sendmsg,
	.recvmsg	= bus_recvmsg,
	.mmap		= sock_no_mmap,
	.set_peek_off	= sk_set_peek_off,
};

static int bus_create(struct net *net, struct socket *sock, int protocol,
		      int kern)
{
	const struct bus_proto *proto;
	int err;

	if (sock->type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;

	if (protocol != BUS_PROTO_NONE) {
		proto = bus_proto_get(protocol);
		if (IS_ERR(proto))
			return PTR_ERR(proto);
		bus_proto_put(proto);
	}

	sock->state = SS_UNCONNECTED;
	sock->ops = &bus_ops;
	if (!bus_sk_alloc(net, sock, protocol, kern))
		return -ENOMEM;

	err = bus_table_add(sock->sk);
	if (err)
		bus_release(sock);
	return err;
}

static const struct net_proto_family bus_family_ops = {
	.family	= PF_BUS,
	.create	= bus_create,
	.owner	= THIS_MODULE,
};

static int __net_init bus_net_init(struct net *net)
{
	struct bus_net *bn = bus_pernet(net);
	int err;

	bn->max_msg = BUS_MSG_LIMIT;
	bn->max_qlen = 128;
	bn->max_recipients = BUS_RECIPIENTS;
	bus_table_init(net);
	err = bus_paths_init(net);
	if (err)
		return err;
	err = bus_sysctl_net_init(net);
	if (err)
		goto err_paths;
	err = bus_proc_init(net);
	if (err)
		goto err_sysctl;
	return 0;

err_sysctl:
	bus_sysctl_net_exit(net);
err_paths:
	bus_paths_exit(net);
	return err;
}

static void __net_exit bus_net_exit(struct net *net)
{
	bus_proc_exit(net);
	bus_sysctl_net_exit(net);
	bus_paths_exit(net);
	bus_table_exit(net);
}

static struct pernet_operations bus_net_ops = {
	.init	= bus_net_init,
	.exit	= bus_net_exit,
	.id	= &bus_net_id,
	.size	= sizeof(struct bus_net),
};

static int __init bus_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(struct sockaddr_bus) != 128);
	BUILD_BUG_ON(sizeof(struct sockaddr_bus) >
		     sizeof(struct sockaddr_storage));

	err = bus_msg_init();
	if (err)
		return err;
	err = bus_nodes_init();
	if (err)
		goto err_msg;
	err = bus_user_init();
	if (err)
		goto err_nodes;
	err = register_pernet_subsys(&bus_net_ops);
	if (err)
		goto err_user;
	err = bus_sysctl_init();
	if (err)
		goto err_pernet;
	err = proto_register(&bus_sk_proto, 1);
	if (err)
		goto err_sysctl;
	err = sock_register(&bus_family_ops);
	if (err)
		goto err_proto;
	return 0;

err_proto:
	proto_unregister(&bus_sk_proto);
err_sysctl:
	bus_sysctl_exit();
err_pernet:
	unregister_pernet_subsys(&bus_net_ops);
err_user:
	bus_user_exit();
err_nodes:
	bus_nodes_exit();
err_msg:
	bus_msg_exit();
	return err;
}
fs_initcall(bus_init);
