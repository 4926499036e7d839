/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: what its KUnit tests share
 */
#ifndef _NET_BUS_BUS_TEST_H
#define _NET_BUS_BUS_TEST_H

#include <kunit/test.h>
#include <linux/net.h>
#include <net/af_bus.h>

#define NR_CLIENTS	3

/* fixture.c */

/**
 * struct test_bus - a bus with clients that have joined
 * @listener: of the bus
 * @client: clients; their unique addresses are 1 to %NR_CLIENTS
 * @accepted: the other ends of their links
 */
struct test_bus {
	struct socket	*listener;
	struct socket	*client[NR_CLIENTS];
	struct socket	*accepted[NR_CLIENTS];
};

struct test_bus *test_open_bus(struct kunit *test, int protocol);
void test_close_bus(struct kunit *test);
void test_open_link(struct kunit *test, struct socket *listener,
		    struct socket **client, struct socket **accepted);
int test_set_opt(struct socket *sock, int opt, void *val, int len);
int test_eavesdrop(struct socket *accepted);
int test_send(struct socket *sock, u64 addr);
int test_receive(struct socket *sock, void *buf, size_t size);
int test_drain(struct socket *sock);
int test_reason(struct socket *sock);

extern struct kunit_suite bus_hook_suite;
extern struct kunit_suite bus_proto_suite;
extern struct kunit_suite bus_reserve_suite;
extern struct kunit_suite bus_send_suite;
extern struct kunit_suite bus_wait_suite;

#endif /* _NET_BUS_BUS_TEST_H */
