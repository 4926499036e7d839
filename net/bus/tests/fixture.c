// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: buses to test with
 */

#include <linux/net.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include "bus_test.h"

int test_set_opt(struct socket *sock, int opt, void *val, int len)
{
	return READ_ONCE(sock->ops)->setsockopt(sock, SOL_BUS, opt,
						KERNEL_SOCKPTR(val), len);
}

int test_eavesdrop(struct socket *accepted)
{
	int on = 1;

	return test_set_opt(accepted, BUS_EAVESDROP, &on, sizeof(on));
}

static void fill_name(struct sockaddr_bus *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sbus_family = AF_BUS;
	strscpy(addr->sbus_path + 1, "kunit", sizeof(addr->sbus_path) - 1);
}

static void open_listener(struct kunit *test, struct test_bus *b, int protocol)
{
	struct sockaddr_bus addr;

	fill_name(&addr);
	KUNIT_ASSERT_EQ(test, 0, sock_create_kern(&init_net, AF_BUS,
						  SOCK_SEQPACKET, protocol,
						  &b->listener));
	KUNIT_ASSERT_EQ(test, 0, kernel_bind(b->listener, (void *)&addr,
					     sizeof(addr)));
	KUNIT_ASSERT_EQ(test, 0, kernel_listen(b->listener, NR_CLIENTS));
}

/**
 * test_open_link() - let a client connect and join
 * @test: test
 * @listener: of the bus
 * @client: returns the socket of the client
 * @accepted: returns the accepted socket
 */
void test_open_link(struct kunit *test, struct socket *listener,
		    struct socket **client, struct socket **accepted)
{
	struct sockaddr_bus addr;

	fill_name(&addr);
	KUNIT_ASSERT_EQ(test, 0, sock_create_kern(&init_net, AF_BUS,
						  SOCK_SEQPACKET,
						  listener->sk->sk_protocol,
						  client));
	KUNIT_ASSERT_EQ(test, 0, kernel_connect(*client, (void *)&addr,
						sizeof(addr), 0));
	KUNIT_ASSERT_EQ(test, 0, kernel_accept(listener, accepted, 0));
	KUNIT_ASSERT_EQ(test, 0, test_set_opt(*accepted, BUS_JOIN_BUS, NULL,
					      0));
}

static void open_client(struct kunit *test, struct test_bus *b, int i)
{
	u32 info = BUS_INFO_REASON;

	test_open_link(test, b->listener, &b->client[i], &b->accepted[i]);
	KUNIT_ASSERT_EQ(test, 0, test_set_opt(b->accepted[i], BUS_RECV_INFO,
					      &info, sizeof(info)));
}

struct test_bus *test_open_bus(struct kunit *test, int protocol)
{
	struct test_bus *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	test->priv = b;
	open_listener(test, b, protocol);
	for (i = 0; i < NR_CLIENTS; i++)
		open_client(test, b, i);
	return b;
}

void test_close_bus(struct kunit *test)
{
	struct test_bus *b = test->priv;
	int i;

	if (!b)
		return;
	for (i = 0; i < NR_CLIENTS; i++) {
		if (b->client[i])
			sock_release(b->client[i]);
		if (b->accepted[i])
			sock_release(b->accepted[i]);
	}
	if (b->listener)
		sock_release(b->listener);
}

int test_send(struct socket *sock, u64 addr)
{
	struct sockaddr_bus name = {
		.sbus_family	= AF_BUS,
		.sbus_addr	= { .s_addr = addr },
	};
	struct msghdr msg = {
		.msg_name	= &name,
		.msg_namelen	= offsetof(struct sockaddr_bus, sbus_path),
		.msg_flags	= MSG_DONTWAIT,
	};
	struct kvec data = { .iov_base = "x", .iov_len = 1 };

	return kernel_sendmsg(sock, &msg, &data, 1, 1);
}

int test_receive(struct socket *sock, void *buf, size_t size)
{
	struct msghdr msg = {};
	struct kvec data = { .iov_base = buf, .iov_len = size };

	return kernel_recvmsg(sock, &msg, &data, 1, size, MSG_DONTWAIT);
}

/* Throws away all messages that are there; returns how many there were. */
int test_drain(struct socket *sock)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec data;
	char buf[8];
	int n = 0;

	for (;;) {
		data.iov_base = buf;
		data.iov_len = sizeof(buf);
		if (kernel_recvmsg(sock, &msg, &data, 1, sizeof(buf),
				   MSG_DONTWAIT) <= 0)
			return n;
		n++;
	}
}

/* Returns the reason of the next message, -1 if there is none. */
int test_reason(struct socket *sock)
{
	char control[CMSG_SPACE(sizeof(struct bus_reason))] = {};
	struct msghdr msg = {
		.msg_control	= control,
		.msg_controllen	= sizeof(control),
	};
	struct kvec data;
	char buf[8];

	data.iov_base = buf;
	data.iov_len = sizeof(buf);
	if (kernel_recvmsg(sock, &msg, &data, 1, sizeof(buf),
			   MSG_DONTWAIT) <= 0)
		return -1;
	return ((struct bus_reason *)CMSG_DATA((struct cmsghdr *)control))
		->reason;
}
