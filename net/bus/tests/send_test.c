// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: tests of spliced pages, and of what happens during an attempt to send
 */

#include <linux/bvec.h>
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/netfilter.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <trace/events/kmem.h>
#include "../addr.h"
#include "../client.h"
#include "../msg.h"
#include "../queue.h"
#include "../sock.h"
#include "bus_test.h"

/* Spliced pages */

#define NR_PAGES	40

static struct page *page_of(struct kunit *test, u8 value)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	memset(page_address(page), value, PAGE_SIZE);
	return page;
}

static int send_pages(struct socket *sock, struct bio_vec *bvec, int nr)
{
	struct msghdr msg = { .msg_flags = MSG_SPLICE_PAGES | MSG_DONTWAIT };
	size_t len = 0;
	int i;

	for (i = 0; i < nr; i++)
		len += bvec[i].bv_len;
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bvec, nr, len);
	return sock_sendmsg(sock, &msg);
}

static void splice_more_than_one_skb(struct kunit *test)
{
	struct test_bus *f = test_open_bus(test, BUS_PROTO_NONE);
	struct bio_vec bvec[NR_PAGES];
	size_t size = NR_PAGES * PAGE_SIZE, at = 0;
	char *buf;
	int i;

	buf = kvzalloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	for (i = 0; i < NR_PAGES; i++)
		bvec_set_page(&bvec[i], page_of(test, i), PAGE_SIZE - 10 * i,
			      i);
	size -= 10 * NR_PAGES * (NR_PAGES - 1) / 2;
	KUNIT_EXPECT_EQ(test, size, send_pages(f->client[0], bvec, NR_PAGES));

	for (i = 0; i < NR_PAGES; i++) {
		KUNIT_EXPECT_EQ(test, 1, page_ref_count(bvec[i].bv_page));
		memset(page_address(bvec[i].bv_page), 100 + i, PAGE_SIZE);
	}
	KUNIT_EXPECT_EQ(test, size,
			test_receive(f->accepted[0], buf, size + 1));
	for (i = 0; i < NR_PAGES; at += bvec[i++].bv_len) {
		KUNIT_EXPECT_EQ(test, i, buf[at]);
		KUNIT_EXPECT_NULL(test, memchr_inv(buf + at, i,
						   bvec[i].bv_len));
		put_page(bvec[i].bv_page);
	}
	kvfree(buf);
}

/* Returns a descriptor of a new AF_UNIX socket. */
static int open_unix_fd(struct kunit *test)
{
	struct socket *sock;
	struct file *file;
	int fd;

	KUNIT_ASSERT_EQ(test, 0, sock_create_kern(&init_net, AF_UNIX,
						  SOCK_DGRAM, 0, &sock));
	file = sock_alloc_file(sock, 0, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	fd = get_unused_fd_flags(0);
	KUNIT_ASSERT_GE(test, fd, 0);
	fd_install(fd, file);
	return fd;
}

/* Sends a descriptor; address 0 is the master. */
static int send_fd(struct socket *sock, u64 addr, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = {};
	struct sockaddr_bus name = {
		.sbus_family	= AF_BUS,
		.sbus_addr	= { .s_addr = addr },
	};
	struct msghdr msg = {
		.msg_name	= &name,
		.msg_namelen	= offsetof(struct sockaddr_bus, sbus_path),
		.msg_control	= control,
		.msg_controllen	= sizeof(control),
		.msg_flags	= MSG_DONTWAIT,
	};
	struct kvec data = { .iov_base = "x", .iov_len = 1 };
	struct cmsghdr *cmsg = (struct cmsghdr *)control;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return kernel_sendmsg(sock, &msg, &data, 1, 1);
}

/**
 * struct closing - a recipient that is closed during the first attempt to send
 * @sender: thread that sends
 * @recipient: closed between the check for room and the queueing of the copy,
 *	when @sender allocates the copy of an eavesdropper; open again in the
 *	second attempt
 * @other: has a message with the same descriptor in its queue
 * @attempts: how often @sender has tried
 * @armed: the next allocation closes @recipient
 * @closed: it was closed
 */
struct closing {
	struct task_struct	*sender;
	struct sock		*recipient;
	struct sock		*other;
	unsigned int		attempts;
	bool			armed;
	bool			closed;
};

static void close_while_reserving(void *priv, unsigned long call_site,
				  const void *ptr, struct kmem_cache *s,
				  gfp_t gfp, int node)
{
	struct closing *c = priv;

	if (current != c->sender || !c->armed || gfpflags_allow_blocking(gfp))
		return;

	c->armed = false;
	c->closed = true;
	bus_queue_close(c->recipient);
}

/* The other message is not in flight any more in the second attempt. */
static unsigned int between_attempts(void *priv, struct sk_buff *skb,
				     const struct nf_hook_state *state)
{
	struct closing *c = priv;
	struct sk_buff *other;

	c->attempts++;
	if (c->attempts == 1)
		c->armed = true;
	if (c->attempts != 2)
		return NF_ACCEPT;

	other = skb_peek(&c->other->sk_receive_queue);
	bus_scm_uncharge_fds(bus_cb(other)->fp);
	spin_lock(&c->recipient->sk_receive_queue.lock);
	WRITE_ONCE(bus_sk(c->recipient)->closed, false);
	spin_unlock(&c->recipient->sk_receive_queue.lock);
	return NF_ACCEPT;
}

static void descriptors_charged_once(struct kunit *test)
{
	struct test_bus *f = test_open_bus(test, BUS_PROTO_NONE);
	struct closing c = {
		.sender = current,
		.recipient = f->client[1]->sk,
		.other = f->accepted[1]->sk,
	};
	struct nf_hook_ops ops = {
		.pf		= NFPROTO_BUS,
		.hooknum	= NF_BUS_SEND,
		.hook		= between_attempts,
		.priv		= &c,
	};
	int fd;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "no tracepoints");

	fd = open_unix_fd(test);
	KUNIT_EXPECT_EQ(test, 1, send_fd(f->client[1], 0, fd));
	KUNIT_EXPECT_EQ(test, 0, test_eavesdrop(f->accepted[2]));
	KUNIT_ASSERT_EQ(test, 0, nf_register_net_hook(&init_net, &ops));
	KUNIT_EXPECT_EQ(test, 0,
			register_trace_kmem_cache_alloc(close_while_reserving,
							&c));

	KUNIT_EXPECT_EQ(test, 1, send_fd(f->client[0], 2, fd));
	KUNIT_EXPECT_TRUE(test, c.closed);
	KUNIT_EXPECT_GT(test, c.attempts, 1);

	unregister_trace_kmem_cache_alloc(close_while_reserving, &c);
	tracepoint_synchronize_unregister();
	nf_unregister_net_hook(&init_net, &ops);
	KUNIT_EXPECT_EQ(test, 1, test_drain(f->client[1]));
	KUNIT_EXPECT_EQ(test, 1, test_drain(f->client[2]));
	close_fd(fd);
}

/**
 * struct moving - a client that leaves and joins a group during a multicast
 * @del: takes the address in the group from the client; waits for the sender
 * @add: gives it another one, so that it is last in the group; waits likewise,
 *	so it has a thread of its own
 * @wq: runs @del and @add
 * @accepted: accepted socket of the client
 * @when: recipient whose copy is being decided when the client moves
 * @group: the group
 * @prefix: of @group
 * @moved: whether the client has moved
 */
struct moving {
	struct work_struct	del;
	struct work_struct	add;
	struct workqueue_struct	*wq;
	struct socket		*accepted;
	struct sock		*when;
	struct bus_group	*group;
	u16			prefix;
	unsigned int		moved;
};

static void set_addr(struct socket *accepted, int opt, u64 addr)
{
	struct bus_addr arg = { .s_addr = addr };

	test_set_opt(accepted, opt, &arg, sizeof(arg));
}

static void moving_del(struct work_struct *work)
{
	struct moving *m = container_of(work, struct moving, del);

	set_addr(m->accepted, BUS_DEL_ADDR, BUS_ADDR(m->prefix, 1));
}

static void moving_add(struct work_struct *work)
{
	struct moving *m = container_of(work, struct moving, add);

	set_addr(m->accepted, BUS_ADD_ADDR, BUS_ADDR(m->prefix, 9));
}

static bool group_gets(struct bus_group *group, unsigned int nr)
{
	unsigned int ms;

	for (ms = 0; READ_ONCE(group->nr) != nr && ms < 20000; ms++)
		mdelay(1);
	return READ_ONCE(group->nr) == nr;
}

static unsigned int move_while_walking(void *priv, struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	struct moving *m = priv;

	if (state->sk != m->when || m->moved)
		return NF_ACCEPT;

	queue_work(m->wq, &m->del);
	if (!group_gets(m->group, NR_CLIENTS - 1))
		return NF_ACCEPT;
	queue_work(m->wq, &m->add);
	m->moved = group_gets(m->group, NR_CLIENTS);
	return NF_ACCEPT;
}

static void one_copy_for_who_moves(struct kunit *test)
{
	struct test_bus *f = test_open_bus(test, BUS_PROTO_NONE);
	struct moving m = {
		.accepted = f->accepted[0],
		.when = f->client[1]->sk,
		.prefix = 4,
	};
	struct nf_hook_ops ops = {
		.pf		= NFPROTO_BUS,
		.hooknum	= NF_BUS_DELIVER,
		.hook		= move_while_walking,
		.priv		= &m,
	};
	int i;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one processor");

	for (i = 0; i < NR_CLIENTS; i++)
		set_addr(f->accepted[i], BUS_ADD_ADDR, BUS_ADDR(4, 1 + i));
	m.group = bus_group_find(bus_sk_client(f->client[0]->sk)->bus, 4);
	m.wq = alloc_workqueue("bus_kunit", WQ_UNBOUND, 0);
	KUNIT_ASSERT_NOT_NULL(test, m.wq);
	INIT_WORK_ONSTACK(&m.del, moving_del);
	INIT_WORK_ONSTACK(&m.add, moving_add);
	KUNIT_ASSERT_EQ(test, 0, nf_register_net_hook(&init_net, &ops));

	KUNIT_EXPECT_EQ(test, 1, test_send(f->client[1], BUS_MULTICAST(4)));
	KUNIT_EXPECT_EQ(test, 1, m.moved);

	nf_unregister_net_hook(&init_net, &ops);
	destroy_workqueue(m.wq);
	destroy_work_on_stack(&m.del);
	destroy_work_on_stack(&m.add);
	for (i = 0; i < NR_CLIENTS; i++)
		KUNIT_EXPECT_EQ(test, 1, test_drain(f->client[i]));
}

static struct kunit_case send_cases[] = {
	KUNIT_CASE(splice_more_than_one_skb),
	KUNIT_CASE(descriptors_charged_once),
	KUNIT_CASE(one_copy_for_who_moves),
	{}
};

struct kunit_suite bus_send_suite = {
	.name		= "af_bus_send",
	.exit		= test_close_bus,
	.test_cases	= send_cases,
};
