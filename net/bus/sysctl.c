// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: sysctls, net.bus.*, and what else a namespace has
 */

#include <linux/sysctl.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "bus.h"

static unsigned int bus_net_id __ro_after_init;

struct bus_net *bus_pernet(struct net *net)
{
	return net_generic(net, bus_net_id);
}

#ifdef CONFIG_SYSCTL
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

/* Users are counted on the whole machine, so this is in no other namespace than
 * the initial one.
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

static int bus_sysctl_register(struct net *net)
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

static struct ctl_table_header *bus_user_header;

static int __init bus_sysctl_register_user(void)
{
	bus_user_header = register_net_sysctl(&init_net, "net/bus",
					      bus_user_table);
	return bus_user_header ? 0 : -ENOMEM;
}

static void __init bus_sysctl_unregister_user(void)
{
	unregister_net_sysctl_table(bus_user_header);
}

static void bus_sysctl_unregister(struct net *net)
{
	struct bus_net *bn = bus_pernet(net);
	const struct ctl_table *table = bn->header->ctl_table_arg;

	unregister_net_sysctl_table(bn->header);
	kfree(table);
}
#else
static int bus_sysctl_register(struct net *net)
{
	return 0;
}

static int __init bus_sysctl_register_user(void)
{
	return 0;
}

static void __init bus_sysctl_unregister_user(void)
{
}

static void bus_sysctl_unregister(struct net *net)
{
}
#endif

static int __net_init bus_net_init(struct net *net)
{
	struct bus_net *bn = bus_pernet(net);
	int err;

	bn->max_msg = BUS_MSG_LIMIT;
	bn->max_qlen = 128;
	bn->max_recipients = BUS_RECIPIENTS;
	bus_table_init(net);
	err = bus_names_init(net);
	if (err)
		return err;
	err = bus_sysctl_register(net);
	if (err)
		goto err_names;
	err = bus_proc_init(net);
	if (err)
		goto err_sysctl;
	return 0;

err_sysctl:
	bus_sysctl_unregister(net);
err_names:
	bus_names_exit(net);
	return err;
}

static void __net_exit bus_net_exit(struct net *net)
{
	bus_proc_exit(net);
	bus_sysctl_unregister(net);
	bus_names_exit(net);
	bus_table_exit(net);
}

static struct pernet_operations bus_net_ops = {
	.init	= bus_net_init,
	.exit	= bus_net_exit,
	.id	= &bus_net_id,
	.size	= sizeof(struct bus_net),
};

int __init bus_sysctl_init(void)
{
	int err;

	err = register_pernet_subsys(&bus_net_ops);
	if (err)
		return err;

	err = bus_sysctl_register_user();
	if (err)
		unregister_pernet_subsys(&bus_net_ops);
	return err;
}

void __init bus_sysctl_exit(void)
{
	bus_sysctl_unregister_user();
	unregister_pernet_subsys(&bus_net_ops);
}
