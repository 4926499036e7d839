// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: paths of buses
 *
 * A bus in the file system is found by the inode of its node, a bus with an
 * abstract path by its path and network namespace. A bus without a listener is
 * not found.
 */

#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/jhash.h>
#include <linux/namei.h>
#include <linux/rhashtable.h>
#include <linux/security.h>
#include <net/af_unix.h>
#include "bus.h"
#include "netns.h"
#include "path.h"
#include "sock.h"

static bool bus_path_is_abstract(const struct bus_path *path)
{
	return !path->str[0];
}

static u32 bus_path_hash(const void *data, u32 len, u32 seed)
{
	const struct bus_path *path = data;

	return jhash(path->str, path->len, seed);
}

static int bus_path_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct bus *bus = obj;

	return !bus_path_eq(&bus->path, arg->key);
}

/* The buses with an abstract path in a namespace */
static const struct rhashtable_params bus_path_params = {
	.hashfn			= bus_path_hash,
	.obj_cmpfn		= bus_path_cmp,
	.key_len		= sizeof(struct bus_path),
	.key_offset		= offsetof(struct bus, path),
	.head_offset		= offsetof(struct bus, path_link),
	.nelem_hint		= 3,
	.automatic_shrinking	= true,
};

/* The buses in file systems. bus->node holds the inode while its bus is in
 * here.
 */
static const struct rhashtable_params bus_node_params = {
	.key_len		= sizeof(struct inode *),
	.key_offset		= offsetof(struct bus, inode),
	.head_offset		= offsetof(struct bus, path_link),
	.automatic_shrinking	= true,
};

static struct rhashtable bus_nodes;

static bool bus_pad_is_zero(const struct sockaddr_bus *addr, int addr_len)
{
	int pad2 = addr_len - (int)offsetof(struct sockaddr_bus, __pad2);
	const u16 *pad = addr->__pad;

	BUILD_BUG_ON(ARRAY_SIZE(addr->__pad) != 3);
	if (pad[0] | pad[1] | pad[2])
		return false;
	return pad2 <= 0 || !memchr_inv(&addr->__pad2, 0, pad2);
}

/**
 * bus_addr_parse() - check all of an address but the path
 * @addr: address, in the kernel
 * @addr_len: its length, at most that of struct sockaddr_bus
 *
 * Return: Maximum number of bytes of the path, 0 if there is none, or -EINVAL.
 */
int bus_addr_parse(const struct sockaddr_bus *addr, int addr_len)
{
	const int offset = offsetof(struct sockaddr_bus, sbus_path);

	if (addr_len < offset || addr_len > (int)sizeof(*addr))
		return -EINVAL;
	if (addr->sbus_family != AF_BUS || !bus_pad_is_zero(addr, addr_len))
		return -EINVAL;
	return min(addr_len - offset, BUS_PATH_MAX);
}

/**
 * bus_path_parse() - check an address and copy its path
 * @addr: address, in the kernel
 * @addr_len: its length, at most that of struct sockaddr_bus
 * @path: returns the path
 *
 * Return: 0 or -EINVAL.
 */
int bus_path_parse(const struct sockaddr_bus *addr, int addr_len,
		   struct bus_path *path)
{
	int len = bus_addr_parse(addr, addr_len);

	if (len < 0)
		return len;

	if (len && addr->sbus_path[0])
		len = strnlen(addr->sbus_path, len);
	else
		while (len && !addr->sbus_path[len - 1])
			len--;

	memset(path, 0, sizeof(*path));
	memcpy(path->str, addr->sbus_path, len);
	path->len = len;
	return 0;
}

/**
 * af_bus_sk_is_abstract() - does a bus have an abstract path?
 * @sk: listener of the bus
 *
 * Return: true if it does, false if its path is in the file system.
 */
bool af_bus_sk_is_abstract(const struct sock *sk)
{
	return bus_path_is_abstract(&bus_sk(sk)->bus->path);
}

bool bus_path_eq(const struct bus_path *a, const struct bus_path *b)
{
	return a->len == b->len && !memcmp(a->str, b->str, a->len);
}

static struct rhashtable *bus_path_table(struct net *net)
{
	return &bus_pernet(net)->paths;
}

/* Makes a bus visible to bus_path_find(). */
static int bus_path_insert(struct bus *bus, struct sock *sk)
{
	int err;

	bus->listener = sk;
	if (bus->inode)
		err = rhashtable_lookup_insert_fast(&bus_nodes, &bus->path_link,
						    bus_node_params);
	else
		err = rhashtable_lookup_insert_fast(bus_path_table(bus->net),
						    &bus->path_link,
						    bus_path_params);
	bus->hashed = !err;
	return err == -EEXIST ? -EADDRINUSE : err;
}

static void bus_path_remove(struct bus *bus)
{
	if (bus->inode)
		rhashtable_remove_fast(&bus_nodes, &bus->path_link,
				       bus_node_params);
	else
		rhashtable_remove_fast(bus_path_table(bus->net),
				       &bus->path_link, bus_path_params);
	bus->hashed = false;
}

/**
 * bus_path_bind() - bind a bus to its path
 * @bus: bus, not bound yet
 * @sk: its listener
 *
 * Context: May sleep.
 * Return: 0, -EADDRINUSE, -ENOMEM, or an error of the file system.
 */
int bus_path_bind(struct bus *bus, struct sock *sk)
{
	struct dentry *dentry;
	struct path parent;
	umode_t mode;
	int err;

	if (bus_path_is_abstract(&bus->path))
		return bus_path_insert(bus, sk);

	mode = SOCK_INODE(sk->sk_socket)->i_mode & S_IALLUGO & ~current_umask();
	dentry = unix_create_node(bus->path.str, mode, &parent);
	if (IS_ERR(dentry)) {
		err = PTR_ERR(dentry);
		return err == -EEXIST ? -EADDRINUSE : err;
	}

	bus->node.mnt = mntget(parent.mnt);
	bus->node.dentry = dget(dentry);
	bus->inode = d_backing_inode(dentry);
	err = bus_path_insert(bus, sk);
	unix_create_node_done(&parent, dentry, err);
	return err;
}

/**
 * bus_path_unbind() - hide a bus whose listener is released
 * @bus: bus
 *
 * Also cleans up after a bus_path_bind() that failed.
 *
 * Context: May sleep.
 */
void bus_path_unbind(struct bus *bus)
{
	struct path node;

	if (bus->hashed)
		bus_path_remove(bus);

	spin_lock(&bus->path_lock);
	bus->listener = NULL;
	node = bus->node;
	memset(&bus->node, 0, sizeof(bus->node));
	spin_unlock(&bus->path_lock);

	if (node.dentry)
		path_put(&node);
}

/**
 * bus_path_node() - get the file-system node of a bus
 * @bus: bus
 * @ino: returns the inode number
 * @dev: returns the device, as stat() does
 *
 * Context: Any but interrupts.
 * Return: true if the bus has a node.
 */
bool bus_path_node(struct bus *bus, u64 *ino, u32 *dev)
{
	const struct dentry *dentry;

	spin_lock(&bus->path_lock);
	dentry = bus->node.dentry;
	if (dentry) {
		*ino = d_backing_inode(dentry)->i_ino;
		*dev = new_encode_dev(dentry->d_sb->s_dev);
	}
	spin_unlock(&bus->path_lock);
	return dentry;
}

/**
 * bus_path_is() - does a path lead to a bus?
 * @bus: bus
 * @path: path
 *
 * Context: May sleep.
 * Return: true if it is the path that bind() was given or, while there is a
 * listener, another path to the same node.
 */
bool bus_path_is(struct bus *bus, const struct bus_path *path)
{
	const struct dentry *dentry;
	struct path node;
	bool is;

	if (bus_path_eq(path, &bus->path))
		return true;
	if (bus_path_is_abstract(path) || bus_path_is_abstract(&bus->path))
		return false;
	if (kern_path(path->str, LOOKUP_FOLLOW, &node))
		return false;

	spin_lock(&bus->path_lock);
	dentry = bus->node.dentry;
	is = dentry && d_backing_inode(dentry) == d_backing_inode(node.dentry);
	spin_unlock(&bus->path_lock);
	path_put(&node);
	return is;
}

static struct sock *bus_get_listener(struct bus *bus)
{
	struct sock *sk;

	spin_lock(&bus->path_lock);
	sk = bus->listener;
	if (sk)
		sock_hold(sk);
	spin_unlock(&bus->path_lock);
	return sk ?: ERR_PTR(-ECONNREFUSED);
}

/* The listener has a reference to the bus and is freed by RCU, so a bus that is
 * found stays until rcu_read_unlock().
 */
static struct sock *bus_path_get_listener(struct net *net,
					  const struct bus_path *path,
					  const struct inode *inode,
					  u32 proto_id)
{
	struct sock *sk = ERR_PTR(-ECONNREFUSED);
	struct bus *bus;

	rcu_read_lock();
	if (inode)
		bus = rhashtable_lookup(&bus_nodes, &inode, bus_node_params);
	else
		bus = rhashtable_lookup(bus_path_table(net), path,
					bus_path_params);
	if (bus && bus->proto_id != proto_id)
		sk = ERR_PTR(-EPROTOTYPE);
	else if (bus)
		sk = bus_get_listener(bus);
	rcu_read_unlock();
	return sk;
}

/**
 * bus_path_find() - find the listener of a bus
 * @net: namespace of an abstract path
 * @path: path of the bus
 * @proto_id: protocol of the bus
 *
 * Context: May sleep.
 * Return: The listener, referenced, or an ERR_PTR(): -ECONNREFUSED if there is
 * none, -EPROTOTYPE if the bus has another protocol, -EACCES, or an error of
 * the path look-up or of a security module.
 */
struct sock *bus_path_find(struct net *net, const struct bus_path *path,
			   u32 proto_id)
{
	struct path node;
	struct sock *sk;
	int err;

	if (bus_path_is_abstract(path))
		return bus_path_get_listener(net, path, NULL, proto_id);

	err = unix_find_node(path->str, &node);
	if (err)
		return ERR_PTR(err);

	sk = bus_path_get_listener(net, path, d_backing_inode(node.dentry),
				   proto_id);
	if (!IS_ERR(sk)) {
		err = security_bus_find(&node, sk);
		if (!err)
			touch_atime(&node);
	}
	path_put(&node);
	if (!err)
		return sk;

	sock_put(sk);
	return ERR_PTR(err);
}

int __net_init bus_paths_init(struct net *net)
{
	return rhashtable_init(bus_path_table(net), &bus_path_params);
}

void __net_exit bus_paths_exit(struct net *net)
{
	rhashtable_destroy(bus_path_table(net));
}

int __init bus_nodes_init(void)
{
	return rhashtable_init(&bus_nodes, &bus_node_params);
}

void __init bus_nodes_exit(void)
{
	rhashtable_destroy(&bus_nodes);
}
