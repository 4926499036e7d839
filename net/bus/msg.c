// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: messages
 */

#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/pidfs.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include "msg.h"
#include "user.h"

static struct kmem_cache *bus_msg_cache __ro_after_init;

/**
 * bus_msg_alloc() - make what the copies of a message will share
 * @gfp: flags
 *
 * Return: The message with one reference and all fields 0, or NULL.
 */
struct bus_msg *bus_msg_alloc(gfp_t gfp)
{
	struct bus_msg *msg = kmem_cache_alloc(bus_msg_cache, gfp);

	if (!msg)
		return NULL;

	*msg = (struct bus_msg) {};
	refcount_set(&msg->ref, 1);
	return msg;
}

/**
 * bus_msg_free() - the last copy is gone
 * @msg: message
 *
 * Context: Any. By bus_msg_put() only.
 */
void bus_msg_free(struct bus_msg *msg)
{
	put_pid(msg->pid);
	kmem_cache_free(bus_msg_cache, msg);
}

/**
 * bus_msg_add_creds() - note which process sends a message
 * @msg: message that is in no queue yet; nothing happens if it has credentials
 *
 * The references of all messages of a process are counted in one place, so they
 * are taken only if a recipient has asked for credentials.
 *
 * Context: May sleep. In the process that sends.
 * Return: 0 or an error of pidfs_register_pid().
 */
int bus_msg_add_creds(struct bus_msg *msg)
{
	struct pid *pid = task_tgid(current);
	int err;

	if (msg->pid)
		return 0;

	err = pidfs_register_pid(pid);
	if (err)
		return err;

	msg->pid = get_pid(pid);
	current_uid_gid(&msg->uid, &msg->gid);
	return 0;
}

/**
 * bus_msg_sent() - the sender is done with a message
 * @msg: message
 *
 * The protocol is not asked about it any more, and may be gone before the last
 * copy.
 *
 * Context: May sleep.
 */
void bus_msg_sent(struct bus_msg *msg)
{
	if (msg->proto_data)
		msg->proto->msg_free(msg);
	bus_msg_put(msg);
}

/* The destructor of data that holds a reference to its message. */
void bus_skb_destruct(struct sk_buff *skb)
{
	struct bus_skb_cb *cb = bus_cb(skb);

	if (cb->fp)
		bus_scm_free_fds(cb->fp);
	if (cb->bill.due)
		bus_user_uncharge(cb->bill.due, skb->truesize);
	bus_msg_put(cb->msg);
}

static struct sk_buff *bus_skb_abort(struct sk_buff *skb, int err)
{
	kfree_skb_reason(skb, err == -ENOMEM ? SKB_DROP_REASON_NOMEM :
					       SKB_DROP_REASON_SKB_UCOPY_FAULT);
	return ERR_PTR(err);
}

static struct sk_buff *bus_skb_alloc(size_t linear, size_t paged)
{
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(linear, paged, PAGE_ALLOC_COSTLY_ORDER, &err,
				   GFP_KERNEL_ACCOUNT);
	if (!skb)
		return NULL;

	skb_put(skb, linear);
	skb->data_len = paged;
	skb->len += paged;
	return skb;
}

/* What fits into the page fragments of one skb if no two pages are adjacent. */
#define BUS_PART_LEN	(16 * PAGE_SIZE)

static int bus_skb_append(struct sk_buff *head, size_t len)
{
	struct sk_buff **next = &skb_shinfo(head)->frag_list;
	struct sk_buff *part;
	size_t part_len;

	while (len) {
		part_len = min_t(size_t, len, BUS_PART_LEN);
		part = bus_skb_alloc(0, part_len);
		if (!part)
			return -ENOMEM;

		*next = part;
		next = &part->next;
		head->len += part_len;
		head->data_len += part_len;
		head->truesize += part->truesize;
		len -= part_len;
		cond_resched();
	}
	return 0;
}

/* What filters see is linear, so that a load costs the same wherever it is. */
static struct sk_buff *bus_skb_build_paged(struct msghdr *msg, size_t len)
{
	size_t paged = min_t(size_t, len - BUS_FILTER_LEN, BUS_PART_LEN);
	struct sk_buff *skb;
	int err;

	BUILD_BUG_ON(MAX_SKB_FRAGS * PAGE_SIZE < BUS_PART_LEN);
	BUILD_BUG_ON(BUS_FILTER_LEN >= SKB_MAX_ALLOC);

	skb = bus_skb_alloc(BUS_FILTER_LEN, paged);
	if (!skb)
		return ERR_PTR(-ENOMEM);

	err = bus_skb_append(skb, len - BUS_FILTER_LEN - paged);
	if (!err)
		err = skb_copy_datagram_from_iter(skb, 0, &msg->msg_iter, len);
	return err ? bus_skb_abort(skb, err) : skb;
}

/**
 * bus_skb_build() - copy a message in
 * @msg: from user space
 * @len: bytes
 *
 * A small message is linear, a large one but for its beginning in page
 * fragments, one too large for these in a list of further skbs. Pages of
 * MSG_SPLICE_PAGES are copied as well: what a filter has seen must not change,
 * and each recipient gets the same.
 *
 * Context: May sleep.
 * Return: The skb or an ERR_PTR(): -ENOMEM, -EFAULT.
 */
struct sk_buff *bus_skb_build(struct msghdr *msg, size_t len)
{
	struct sk_buff *skb;

	if (len > SKB_MAX_ALLOC)
		return bus_skb_build_paged(msg, len);

	skb = alloc_skb(len, GFP_KERNEL_ACCOUNT);
	if (!skb)
		return ERR_PTR(-ENOMEM);

	if (!copy_from_iter_full(__skb_put(skb, len), len, &msg->msg_iter))
		return bus_skb_abort(skb, -EFAULT);
	return skb;
}

int __init bus_msg_init(void)
{
	bus_msg_cache = KMEM_CACHE(bus_msg, SLAB_ACCOUNT);
	return bus_msg_cache ? 0 : -ENOMEM;
}

void __init bus_msg_exit(void)
{
	kmem_cache_destroy(bus_msg_cache);
}

/* For protocols and hooks. */

void *af_bus_msg_proto_data(const struct bus_msg *msg)
{
	return msg->proto_data;
}
EXPORT_SYMBOL_GPL(af_bus_msg_proto_data);

void af_bus_msg_set_proto_data(struct bus_msg *msg, void *data)
{
	msg->proto_data = data;
}
EXPORT_SYMBOL_GPL(af_bus_msg_set_proto_data);

unsigned int af_bus_msg_len(const struct bus_msg *msg)
{
	return msg->len;
}
EXPORT_SYMBOL_GPL(af_bus_msg_len);

unsigned int af_bus_msg_nr_fds(const struct bus_msg *msg)
{
	return msg->nr_fds;
}
EXPORT_SYMBOL_GPL(af_bus_msg_nr_fds);

u64 af_bus_msg_src(const struct bus_msg *msg)
{
	return msg->src;
}
EXPORT_SYMBOL_GPL(af_bus_msg_src);

u64 af_bus_msg_dst(const struct bus_msg *msg)
{
	return msg->dst;
}
EXPORT_SYMBOL_GPL(af_bus_msg_dst);

/**
 * af_bus_msg_hand_over() - the protocol wants the master to have a message
 * @msg: message, while it is parsed
 * @reason: why
 */
void af_bus_msg_hand_over(struct bus_msg *msg, u32 reason)
{
	msg->hand_over = reason;
}
EXPORT_SYMBOL_GPL(af_bus_msg_hand_over);

u32 af_bus_msg_handed_over(const struct bus_msg *msg)
{
	return msg->hand_over;
}
EXPORT_SYMBOL_GPL(af_bus_msg_handed_over);

struct bus_msg *af_bus_skb_msg(const struct sk_buff *skb)
{
	return bus_cb(skb)->msg;
}
EXPORT_SYMBOL_GPL(af_bus_skb_msg);
