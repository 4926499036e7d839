/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AF_BUS: paths of buses, and finding a bus by its path
 */
#ifndef _NET_BUS_PATH_H
#define _NET_BUS_PATH_H

#include <linux/init.h>
#include <linux/types.h>
#include <net/af_bus.h>

/* The path of a bus */
struct bus_path {
	/* bytes of str, without the NUL that follows; 0 is no path */
	unsigned int	len;
	/* begins with a NUL if the path is abstract; always followed by one */
	char		str[BUS_PATH_MAX + 1];
};

/* path.c */
int bus_addr_parse(const struct sockaddr_bus *addr, int addr_len);
int bus_path_parse(const struct sockaddr_bus *addr, int addr_len,
		   struct bus_path *path);
bool bus_path_eq(const struct bus_path *a, const struct bus_path *b);
int bus_path_bind(struct bus *bus, struct sock *sk);
void bus_path_unbind(struct bus *bus);
bool bus_path_node(struct bus *bus, u64 *ino, u32 *dev);
bool bus_path_is(struct bus *bus, const struct bus_path *path);
struct sock *bus_path_find(struct net *net, const struct bus_path *path,
			   u32 proto_id);
int bus_paths_init(struct net *net);
void bus_paths_exit(struct net *net);
int __init bus_nodes_init(void);
void __init bus_nodes_exit(void);

#endif /* _NET_BUS_PATH_H */
