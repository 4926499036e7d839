/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: network namespaces, their sysctls and /proc/net/bus
 */
#ifndef _NET_BUS_NETNS_H
#define _NET_BUS_NETNS_H

#include <linux/init.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct ctl_table_header;
struct net;

/* The state of AF_BUS in a network namespace */
struct bus_net {
	struct ctl_table_header	*header;	/* of the sysctls */
	/* bytes, the most that BUS_MAX_MSG may be */
	unsigned int		max_msg;
	/* messages a queue may hold unless BUS_QLEN says otherwise */
	unsigned int		max_qlen;
	/* clients that a message may be meant for */
	unsigned int		max_recipients;
	struct rhashtable	paths;		/* buses with abstract paths */
	/* the sockets that were made in it, by bus_sock.nr; read under RCU */
	struct xarray		socks;
	/* where to look for a free number; under the lock of socks */
	u32			next_nr;
};

#define BUS_MSG_LIMIT		(128u << 20)
#define BUS_RECIPIENTS		4096
#define BUS_RECIPIENTS_LIMIT	16384

/* af_bus.c */
struct bus_net *bus_pernet(struct net *net);

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

#endif /* _NET_BUS_NETNS_H */
