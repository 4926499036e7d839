// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: receiving
 */

#include <linux/sched/signal.h>
#include "msg.h"
#include "queue.h"
#include "sock.h"

static int bus_recv_wait(struct sock *sk, int flags, long *timeo)
{
	DEFINE_WAIT(wait);
	int err = 0;

	if (!*timeo)
		return -EAGAIN;

	prepare_to_wait(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
	if (!READ_ONCE(sk->sk_err) && bus_queue_would_wait(sk, flags)) {
		if (signal_pending(current))
			err = sock_intr_errno(*timeo);
		else
			*timeo = schedule_timeout(*timeo);
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

static int bus_recv_skb(struct socket *sock, struct msghdr *msg, size_t size,
			int flags, struct sk_buff *skb, int off)
{
	size_t len = skb->len - off, copied = min(len, size);
	struct sockaddr_bus *addr = msg->msg_name;
	int err;

	if (len > size)
		msg->msg_flags |= MSG_TRUNC;

	if (addr) {
		memset(addr, 0, offsetof(struct sockaddr_bus, sbus_path));
		addr->sbus_family = AF_BUS;
		addr->sbus_addr.s_addr = bus_cb(skb)->msg->src;
		msg->msg_namelen = offsetof(struct sockaddr_bus, sbus_path);
	}

	/* Most messages are linear. */
	if (skb_is_nonlinear(skb))
		err = skb_copy_datagram_msg(skb, off, msg, copied);
	else
		err = copy_to_iter_full(skb->data + off, copied,
					&msg->msg_iter) ? 0 : -EFAULT;
	if (err)
		return err;

	if (flags & MSG_PEEK)
		sk_peek_offset_fwd(sock->sk, copied);
	else
		sk_peek_offset_bwd(sock->sk, skb->len);
	bus_scm_recv(sock, msg, skb, flags);
	return flags & MSG_TRUNC ? len : copied;
}

/**
 * bus_recvmsg() - receive a message
 * @sock: socket
 * @msg: buffers
 * @size: bytes of the data buffer
 * @flags: MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT
 *
 * Context: May sleep.
 * Return: Number of bytes, 0 at the end of the file, or an error.
 */
int bus_recvmsg(struct socket *sock, struct msghdr *msg, size_t size, int flags)
{
	struct sock *sk = sock->sk;
	struct bus_sock *b = bus_sk(sk);
	struct sk_buff *skb;
	int off, err;
	long timeo;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!bus_sk_client(sk))
		return -ENOTCONN;

	timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	for (;;) {
		mutex_lock(&b->recv_lock);
		skb = bus_queue_take(sk, size, flags, &off, &err);
		if (skb)
			break;
		mutex_unlock(&b->recv_lock);
		if (err != -EAGAIN)
			return err;
		err = bus_recv_wait(sk, flags, &timeo);
		if (err)
			return err;
	}

	err = bus_recv_skb(sock, msg, size, flags, skb, off);
	mutex_unlock(&b->recv_lock);
	if (err >= 0 || flags & MSG_PEEK)
		consume_skb(skb);
	else
		bus_queue_drop(sk, skb, SKB_DROP_REASON_SKB_UCOPY_FAULT);
	return err;
}
