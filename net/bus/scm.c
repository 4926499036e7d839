// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: control messages
 */

#include <linux/capability.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <net/af_unix.h>
#include "addr.h"
#include "msg.h"
#include "sock.h"
#include "user.h"

/**
 * bus_scm_has_sockets() - are there descriptors of interest to the collector?
 * @fpl: descriptors
 *
 * Return: true if there is a socket of AF_UNIX or AF_BUS among them.
 */
bool bus_scm_has_sockets(const struct scm_fp_list *fpl)
{
	return fpl->count_unix;
}

/**
 * bus_scm_announce_fds() - may the caller have so many descriptors in flight?
 * @user: user whose message has the descriptors
 * @fpl: descriptors
 * @nr: number of descriptors, copies counted; none of them is in flight
 *
 * Adds @nr to @user->descriptors, so that senders at the same time do not all
 * find the same room below the limit. The caller subtracts @nr when the message
 * is sent; until then descriptors that get in flight count twice.
 *
 * Return: 0 or -ETOOMANYREFS.
 */
int bus_scm_announce_fds(struct bus_user *user, const struct scm_fp_list *fpl,
			 unsigned long nr)
{
	unsigned long coming = atomic_long_add_return(nr, &user->descriptors);

	if (READ_ONCE(fpl->user->unix_inflight) + coming - 1 <=
	    rlimit(RLIMIT_NOFILE) ||
	    capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN))
		return 0;

	atomic_long_sub(nr, &user->descriptors);
	return -ETOOMANYREFS;
}

/**
 * bus_scm_dup_fds() - duplicate descriptors, for one more recipient
 * @fpl: descriptors
 *
 * Context: May sleep.
 * Return: The duplicates, ready for bus_scm_charge_fds(), or NULL.
 */
struct scm_fp_list *bus_scm_dup_fds(struct scm_fp_list *fpl)
{
	struct scm_fp_list *dup = scm_fp_dup(fpl);

	if (dup && unix_prepare_fpl(dup)) {
		bus_scm_free_fds(dup);
		dup = NULL;
	}
	return dup;
}

/**
 * bus_scm_charge_fds() - descriptors are in flight from now on
 * @fpl: descriptors; if there are sockets among them, from bus_scm_dup_fds(),
 *	and never charged before
 * @sk: recipient
 *
 * Context: Under rcu_read_lock(), in which the recipient was found, without
 * bus->order_lock and the lock of any queue.
 */
void bus_scm_charge_fds(struct scm_fp_list *fpl, struct sock *sk)
{
	unix_add_edges(fpl, &bus_sk(sk)->gc);
}

/**
 * bus_scm_uncharge_fds() - descriptors did not get into a queue
 * @fpl: descriptors that were charged; if there are sockets among them, they
 *	cannot be charged again
 *
 * Context: As for bus_scm_charge_fds(), in the same read section.
 */
void bus_scm_uncharge_fds(struct scm_fp_list *fpl)
{
	unix_del_edges(fpl);
}

/**
 * bus_scm_free_fds() - drop descriptors
 * @fpl: descriptors, charged or not
 *
 * Context: May sleep.
 */
void bus_scm_free_fds(struct scm_fp_list *fpl)
{
	struct scm_cookie scm = { .fp = fpl };

	unix_destroy_fpl(fpl);
	scm_destroy(&scm);
}

static int bus_scm_copy_list(struct bus_scm *scm, struct cmsghdr *cmsg)
{
	size_t len = cmsg->cmsg_len - sizeof(*cmsg);
	unsigned int i;
	u64 addr;

	if (scm->list || !len || len % sizeof(struct bus_addr))
		return -EINVAL;

	scm->list = kvmemdup(CMSG_DATA(cmsg), len, GFP_KERNEL_ACCOUNT);
	if (!scm->list)
		return -ENOMEM;

	scm->nr_list = len / sizeof(struct bus_addr);
	for (i = 0; i < scm->nr_list; i++) {
		addr = scm->list[i].s_addr;
		if (addr == BUS_MASTER_ADDR || bus_addr_is_multicast(addr))
			return -EINVAL;
	}
	return 0;
}

static int bus_scm_copy_ack(struct bus_scm *scm, struct cmsghdr *cmsg)
{
	if (scm->acks || cmsg->cmsg_len != CMSG_LEN(sizeof(scm->ack)))
		return -EINVAL;

	memcpy(&scm->ack, CMSG_DATA(cmsg), sizeof(scm->ack));
	scm->acks = true;
	return 0;
}

/**
 * bus_scm_send() - find the control messages of level SOL_BUS
 * @msg: from user space
 * @scm: all 0; returns the messages. Free its list with kvfree(), also after an
 *	error
 *
 * Context: May sleep.
 * Return: 0, -EINVAL for a malformed or unknown control message, -ENOMEM.
 */
int bus_scm_send(struct msghdr *msg, struct bus_scm *scm)
{
	struct cmsghdr *cmsg;
	int err = 0;

	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level != SOL_BUS)
			continue;
		if (cmsg->cmsg_type == SCM_BUS_LIST)
			err = bus_scm_copy_list(scm, cmsg);
		else if (cmsg->cmsg_type == SCM_BUS_ACK)
			err = bus_scm_copy_ack(scm, cmsg);
		else
			err = -EINVAL;
		if (err)
			return err;
	}
	return 0;
}

static void bus_scm_recv_info(struct sock *sk, struct msghdr *msg,
			      struct sk_buff *skb)
{
	u32 info = READ_ONCE(bus_sk(sk)->recv_info);
	struct bus_skb_cb *cb = bus_cb(skb);

	if (info & BUS_INFO_DST) {
		struct bus_addr dst = { .s_addr = cb->msg->dst };

		put_cmsg(msg, SOL_BUS, SCM_BUS_DST, sizeof(dst), &dst);
	}
	if ((info & BUS_INFO_LOST) && cb->lost)
		put_cmsg(msg, SOL_BUS, SCM_BUS_LOST, sizeof(cb->lost),
			 &cb->lost);
	if ((info & BUS_INFO_REASON) && cb->reason) {
		struct bus_reason reason = {
			.reason	= cb->reason,
			.flags	= cb->flags,
		};

		put_cmsg(msg, SOL_BUS, SCM_BUS_REASON, sizeof(reason), &reason);
	}
}

static noinline_for_stack void
bus_scm_recv_scm(struct socket *sock, struct msghdr *msg, struct sk_buff *skb,
		 int flags)
{
	struct bus_skb_cb *cb = bus_cb(skb);
	const struct bus_msg *m = cb->msg;
	struct scm_cookie scm = {};

	scm_set_cred(&scm, m->pid, m->uid, m->gid);
#ifdef CONFIG_SECURITY_NETWORK
	scm.secid = m->secid;
#endif
	if (cb->fp && flags & MSG_PEEK) {
		scm.fp = scm_fp_dup(cb->fp);
		unix_peek_fpl(scm.fp);
	} else if (cb->fp) {
		scm.fp = cb->fp;
		cb->fp = NULL;
		unix_destroy_fpl(scm.fp);
	}
	scm_recv_bus(sock, msg, &scm, flags);
}

/**
 * bus_scm_recv() - write the control messages that come with a message
 * @sock: recipient; its recv_lock is held
 * @msg: to user space
 * @skb: message
 * @flags: of recvmsg()
 *
 * SCM_BUS_* come first: without them a program may misunderstand the message,
 * so they must fit into a control buffer that is too small for the descriptors.
 *
 * Context: May sleep.
 */
void bus_scm_recv(struct socket *sock, struct msghdr *msg, struct sk_buff *skb,
		  int flags)
{
	struct bus_skb_cb *cb = bus_cb(skb);

	if (READ_ONCE(bus_sk(sock->sk)->recv_info) && msg->msg_control)
		bus_scm_recv_info(sock->sk, msg, skb);
	if (sock_flag(sock->sk, SOCK_RCVTSTAMP))
		__sock_recv_timestamp(msg, sock->sk, skb);
	if (cb->ctrunc)
		msg->msg_flags |= MSG_CTRUNC;
	if (cb->fp || scm_recv_wants(sock))
		bus_scm_recv_scm(sock, msg, skb, flags);
}
