/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: messages, their copies, and what comes along as control messages
 */
#ifndef _NET_BUS_MSG_H
#define _NET_BUS_MSG_H

#include <linux/init.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <net/af_bus.h>
#include <net/af_unix.h>
#include <net/scm.h>
#include <net/sock.h>
#include "user.h"

/* What all copies of a message share */
struct bus_msg {
	/* held by the sender, and by the data of each copy */
	refcount_t		ref;
	/* Set once, after all copies are in their queues. Recipients see no
	 * copy before.
	 */
	bool			committed;
	/* unique address of the sender, 0 for the master */
	u64			src;
	/* address it was sent to, 0 for none */
	u64			dst;
	unsigned int		len;
	unsigned int		nr_fds;		/* that came with it */
	/* reason for which the protocol wants the master to have it */
	u32			hand_over;
	/* of the sender, referenced; NULL if nobody asked for credentials */
	struct pid		*pid;
	kuid_t			uid;		/* invalid without pid */
	kgid_t			gid;		/* likewise */
#ifdef CONFIG_SECURITY_NETWORK
	u32			secid;		/* of the sender */
#endif
	const struct bus_proto	*proto;		/* of the bus */
	void			*proto_data;	/* of the protocol */
};

/* The state of one copy, in its cb */
struct bus_skb_cb {
	/* Referenced by the sender's own, and by a clone once it has its
	 * destructor.
	 */
	struct bus_msg		*msg;
	struct scm_fp_list	*fp;		/* its descriptors */
	struct bus_bill		bill;
	/* messages that its recipient lost before it */
	u64			lost;
	u32			reason:31;	/* why it came to the master */
	/* the message had descriptors, its recipient did not ask for them */
	u32			ctrunc:1;
	/* of the protocol, with reason */
	u32			flags;
};

static inline struct bus_skb_cb *bus_cb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct bus_skb_cb) > sizeof(skb->cb));
	return (struct bus_skb_cb *)skb->cb;
}

/* Sets the fields of a copy that do not depend on its recipient. A clone of the
 * copy has the same values.
 */
static inline void bus_cb_init(struct sk_buff *skb, struct bus_msg *msg)
{
	*bus_cb(skb) = (struct bus_skb_cb) {
		.msg	= msg,
		.ctrunc	= !!msg->nr_fds,
	};
}

/* The control messages that a message was sent with */
struct bus_scm {
	struct bus_addr		*list;		/* SCM_BUS_LIST, or NULL */
	unsigned int		nr_list;
	bool			acks;		/* there is SCM_BUS_ACK */
	u32			ack;		/* its hand-overs */
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

/* msg.c */
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

#endif /* _NET_BUS_MSG_H */
