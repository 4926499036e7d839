// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: sysctls, net.bus.*
 */

#include <linux/sysctl.h>
#include <net/net_namespace.h>
#include "netns.h"
#include "user.h"

static const unsigned int bus_msg_limit = BUS_MSG_LIMIT;
static const unsigned int bus_recipients_limit = BUS_RECIPIENTS_LIMIT;

static const struct ctl_table bus_table[] = {
	{
		.procname	= "max_msg",
		.data		= (void *)offsetof(struct bus_net, max_msg),
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= (void *)&bus_msg_limit,
	},
	{
		.procname	= "max_qlen",
		.data		= (void *)offsetof(struct bus_net, max_qlen),
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= SYSCTL_INT_MAX,
	},
	{
		.procname	= "max_recipients",
		.data		= (void *)offsetof(struct bus_net,
						   max_recipients),
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= (void *)&bus_recipients_limit,
	},
};

/* A user is counted on the whole machine, so only the initial namespace has
 * this sysctl.
 */
static struct ctl_table bus_user_table[] = {
	{
		.procname	= "max_user_bytes",
		.data		= &bus_max_user_bytes,
		.maxlen		= sizeof(unsigned long),
		.mode		= 0644,
		.proc_handler	= proc_doulongvec_minmax,
	},
};

static struct ctl_table_header *bus_user_header;

int __net_init bus_sysctl_net_init(struct net *net)
{
	struct bus_net *bn = bus_pernet(net);
	struct ctl_table *table;
	size_t i;

	table = kmemdup(bus_table, sizeof(bus_table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;

	for (i = 0; i < ARRAY_SIZE(bus_table); i++)
		table[i].data = (char *)bn + (unsigned long)table[i].data;

	bn->header = register_net_sysctl_sz(net, "net/bus", table,
					    ARRAY_SIZE(bus_table));
	if (!bn->header) {
		kfree(table);
		return -ENOMEM;
	}
	return 0;
}

void __net_exit bus_sysctl_net_exit(struct net *net)
{
	struct bus_net *bn = bus_pernet(net);
	const struct ctl_table *table = bn->header->ctl_table_arg;

	unregister_net_sysctl_table(bn->header);
	kfree(table);
}

int __init bus_sysctl_init(void)
{
	bus_user_header = register_net_sysctl(&init_net, "net/bus",
					      bus_user_table);
	return bus_user_header ? 0 : -ENOMEM;
}

void __init bus_sysctl_exit(void)
{
	unregister_net_sysctl_table(bus_user_header);
}
