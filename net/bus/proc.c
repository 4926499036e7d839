// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: /proc/net/bus
 */

#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/string_helpers.h>
#include "bus.h"
#include "netns.h"
#include "path.h"
#include "sock.h"

static const char *const bus_role_names[] = {
	[BUS_ROLE_NONE]		= "-",
	[BUS_ROLE_LISTENER]	= "listener",
	[BUS_ROLE_CLIENT]	= "client",
	[BUS_ROLE_ACCEPTED]	= "accepted",
};

static const char *const bus_state_names[] = {
	[BUS_STATE_NEW]		= "NEW",
	[BUS_STATE_BOUND]	= "BOUND",
	[BUS_STATE_LISTEN]	= "LISTEN",
	[BUS_STATE_CONNECTED]	= "CONNECTED",
	[BUS_STATE_JOINED]	= "JOINED",
	[BUS_STATE_CLOSED]	= "CLOSED",
};

/* Writes the path as one word. */
static void bus_seq_path(struct seq_file *seq, const struct bus_path *path)
{
	const char *str = path->str;
	unsigned int len = path->len;

	seq_putc(seq, ' ');
	if (!*str) {
		seq_putc(seq, '@');
		str++;
		len--;
	}
	seq_escape_mem(seq, str, len, ESCAPE_OCTAL, " \t\n\\");
}

static int bus_seq_show(struct seq_file *seq, void *v)
{
	struct bus_snapshot snap;
	struct sock *sk = v;

	if (v == SEQ_START_TOKEN) {
		seq_printf(seq, "%6s %-8s %-9s %-17s %6s %10s %6s %5s %10s %10s %s\n",
			   "Bus", "Role", "State", "Address", "Msgs", "Bytes",
			   "Drops", "UID", "Inode", "Peer", "Path");
		return 0;
	}

	bus_snapshot_take(sk, &snap);
	seq_printf(seq, "%6llu %-8s %-9s %04x/%012llx",
		   snap.bus ? snap.bus->cookie : 0, bus_role_names[snap.role],
		   bus_state_names[snap.state], BUS_PREFIX(snap.addr),
		   BUS_CLIENT(snap.addr));
	seq_printf(seq, " %6u %10u %6u %5u %10llu %10llu",
		   skb_queue_len_lockless(&sk->sk_receive_queue),
		   atomic_read(&sk->sk_rmem_alloc), atomic_read(&sk->sk_drops),
		   from_kuid_munged(seq_user_ns(seq), READ_ONCE(sk->sk_uid)),
		   (u64)sock_i_ino(sk),
		   snap.peer ? (u64)sock_i_ino(snap.peer) : 0);
	if (snap.bus)
		bus_seq_path(seq, &snap.bus->path);
	seq_putc(seq, '\n');
	return 0;
}

static void *bus_seq_find(struct seq_file *seq, loff_t *pos)
{
	unsigned long nr = *pos;
	struct sock *sk;

	sk = bus_table_next(seq_file_net(seq), &nr);
	if (sk)
		*pos = nr;
	return sk;
}

static void *bus_seq_start(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	rcu_read_lock();
	return *pos ? bus_seq_find(seq, pos) : SEQ_START_TOKEN;
}

static void *bus_seq_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return bus_seq_find(seq, pos);
}

static void bus_seq_stop(struct seq_file *seq, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static const struct seq_operations bus_seq_ops = {
	.start	= bus_seq_start,
	.next	= bus_seq_next,
	.stop	= bus_seq_stop,
	.show	= bus_seq_show,
};

int __net_init bus_proc_init(struct net *net)
{
	if (!proc_create_net("bus", 0444, net->proc_net, &bus_seq_ops,
			     sizeof(struct seq_net_private)))
		return -ENOMEM;
	return 0;
}

void __net_exit bus_proc_exit(struct net *net)
{
	remove_proc_entry("bus", net->proc_net);
}
