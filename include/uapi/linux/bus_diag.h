/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * AF_BUS sockets in sock_diag: SOCK_DIAG_BY_FAMILY with struct bus_diag_req
 */
#ifndef _UAPI_LINUX_BUS_DIAG_H
#define _UAPI_LINUX_BUS_DIAG_H

#include <linux/types.h>

/**
 * struct bus_diag_req - the sockets to show, and the attributes
 * @sdiag_family: AF_BUS
 * @sdiag_protocol: 0
 * @pad: 0
 * @bdiag_states: with NLM_F_DUMP, the states to show, as bits 1 << BUS_STATE_*
 * @bdiag_roles: with NLM_F_DUMP, the roles to show, as bits 1 << BUS_ROLE_*
 * @bdiag_show: BUS_DIAG_SHOW_*; unknown bits are ignored
 * @bdiag_bus: with NLM_F_DUMP, cookie of the bus whose sockets to show (as in
 *	BUS_INFO), or 0 for all sockets
 * @bdiag_ino: without NLM_F_DUMP, inode of the socket, or 0 to select it by its
 *	cookie
 * @bdiag_cookie: without NLM_F_DUMP, SO_COOKIE of the socket, low half first,
 *	or all ones to select it by its inode
 *
 * A socket that exists during the whole dump is in it exactly once.
 * ENOENT if there is no such socket in this network namespace, ESTALE if the
 * socket with this inode has another cookie.
 */
struct bus_diag_req {
	__u8		sdiag_family;
	__u8		sdiag_protocol;
	__u16		pad;
	__u32		bdiag_states;
	__u32		bdiag_roles;
	__u32		bdiag_show;
	__aligned_u64	bdiag_bus;
	__aligned_u64	bdiag_ino;
	__u32		bdiag_cookie[2];
};

#define BUS_DIAG_SHOW_NAME	0x0001	/* BUS_DIAG_NAME, _VFS */
#define BUS_DIAG_SHOW_BUS	0x0002	/* BUS_DIAG_BUS */
#define BUS_DIAG_SHOW_ADDRS	0x0004	/* BUS_DIAG_ADDRS */
#define BUS_DIAG_SHOW_PEER	0x0008	/* BUS_DIAG_PEER */
#define BUS_DIAG_SHOW_QUEUE	0x0010	/* BUS_DIAG_QUEUE */
#define BUS_DIAG_SHOW_INFO	0x0020	/* BUS_DIAG_INFO */
#define BUS_DIAG_SHOW_UID	0x0040	/* BUS_DIAG_UID */
#define BUS_DIAG_SHOW_MEMINFO	0x0080	/* BUS_DIAG_MEMINFO */
#define BUS_DIAG_SHOW_FILTER	0x0100	/* BUS_DIAG_FILTER */
#define BUS_DIAG_SHOW_STATS	0x0200	/* BUS_DIAG_STATS */

/**
 * enum bus_role - what a socket is on its bus
 * @BUS_ROLE_NONE: neither bound nor connected
 * @BUS_ROLE_LISTENER: bound
 * @BUS_ROLE_CLIENT: connected
 * @BUS_ROLE_ACCEPTED: the master's end of a link, even before accept()
 */
enum bus_role {
	BUS_ROLE_NONE,
	BUS_ROLE_LISTENER,
	BUS_ROLE_CLIENT,
	BUS_ROLE_ACCEPTED,
};

/**
 * struct bus_diag_msg - a socket; attributes follow
 * @bdiag_family: AF_BUS
 * @bdiag_type: SOCK_SEQPACKET
 * @bdiag_state: enum bus_state
 * @bdiag_role: enum bus_role
 * @bdiag_flags: BUS_DIAG_F_*
 * @bdiag_ino: inode, 0 before accept()
 * @bdiag_cookie: SO_COOKIE, low half first
 */
struct bus_diag_msg {
	__u8		bdiag_family;
	__u8		bdiag_type;
	__u8		bdiag_state;
	__u8		bdiag_role;
	__u32		bdiag_flags;
	__aligned_u64	bdiag_ino;
	__u32		bdiag_cookie[2];
};

#define BUS_DIAG_F_EAVESDROP	0x01	/* the client has BUS_EAVESDROP */
#define BUS_DIAG_F_VIA_MASTER	0x02	/* the client has BUS_F_VIA_MASTER */
#define BUS_DIAG_F_NOTRUNC	0x04	/* BUS_RECV_NOTRUNC */
#define BUS_DIAG_F_RIGHTS	0x08	/* BUS_RECV_RIGHTS */
#define BUS_DIAG_F_FILTER	0x10	/* a socket filter is attached */
#define BUS_DIAG_F_BLOCKED	0x20	/* no EPOLLOUT since an EAGAIN */
#define BUS_DIAG_F_MORE_ADDRS	0x40	/* more addresses than in BUS_DIAG_ADDRS */

/**
 * enum bus_diag_attr - attributes
 * @BUS_DIAG_UNSPEC: not used
 * @BUS_DIAG_PAD: ignore it
 * @BUS_DIAG_NAME: path of the bus without a final NUL; an abstract path begins
 *	with a NUL
 * @BUS_DIAG_VFS: struct bus_diag_vfs, if the path is in a file system and the
 *	bus has a listener
 * @BUS_DIAG_BUS: struct bus_diag_bus, if the socket has a bus
 * @BUS_DIAG_ADDRS: nest of BUS_DIAG_ADDR, on both ends of a link: the addresses
 *	of the client without the unique one, %BUS_DIAG_MAX_ADDRS at most
 * @BUS_DIAG_ADDR: struct bus_addr
 * @BUS_DIAG_PEER: struct bus_diag_peer, unless the other end is closed
 * @BUS_DIAG_QUEUE: struct bus_diag_queue
 * @BUS_DIAG_INFO: struct bus_info, as BUS_INFO gives it
 * @BUS_DIAG_UID: __u32, owner
 * @BUS_DIAG_MEMINFO: __u32[], by SK_MEMINFO_*
 * @BUS_DIAG_FILTER: struct sock_filter[], as attached; empty without
 *	CAP_NET_ADMIN. Absent if it is too long for a dump
 * @BUS_DIAG_SHUTDOWN: __u8, 1 the socket receives no more, 2 it sends no more
 * @BUS_DIAG_STATS: nest of enum bus_diag_stat; not if the socket has no bus
 * @__BUS_DIAG_MAX: private
 */
enum bus_diag_attr {
	BUS_DIAG_UNSPEC,
	BUS_DIAG_PAD,
	BUS_DIAG_NAME,
	BUS_DIAG_VFS,
	BUS_DIAG_BUS,
	BUS_DIAG_ADDRS,
	BUS_DIAG_ADDR,
	BUS_DIAG_PEER,
	BUS_DIAG_QUEUE,
	BUS_DIAG_INFO,
	BUS_DIAG_UID,
	BUS_DIAG_MEMINFO,
	BUS_DIAG_FILTER,
	BUS_DIAG_SHUTDOWN,
	BUS_DIAG_STATS,

	__BUS_DIAG_MAX,
};

#define BUS_DIAG_MAX	(__BUS_DIAG_MAX - 1)

#define BUS_DIAG_MAX_ADDRS	64

/**
 * enum bus_diag_stat - counters in BUS_DIAG_STATS, __u64 each
 * @BUS_DIAG_STAT_UNSPEC: not used
 * @BUS_DIAG_STAT_PAD: to be ignored
 * @BUS_DIAG_STAT_UNICASTS: messages that went directly to one recipient
 * @BUS_DIAG_STAT_MULTICASTS: messages that went directly to any number of
 *	recipients
 * @BUS_DIAG_STAT_COPIES: direct messages put into a queue; one multicast makes
 *	many
 * @BUS_DIAG_STAT_HANDOVERS: messages that went to the master
 * @BUS_DIAG_STAT_FROM_MASTER: messages that the master put into clients' queues
 * @BUS_DIAG_STAT_FILTERED: copies that a filter, a hook or a security module
 *	refused
 * @BUS_DIAG_STAT_LOST: copies dropped for lack of room
 * @__BUS_DIAG_STAT_MAX: private
 *
 * On both ends of a link, the counters of unicasts, multicasts and hand-overs
 * count what the client sent; the others count what it received or did not get.
 * On a listener, all counters count for the whole bus.
 */
enum bus_diag_stat {
	BUS_DIAG_STAT_UNSPEC,
	BUS_DIAG_STAT_PAD,
	BUS_DIAG_STAT_UNICASTS,
	BUS_DIAG_STAT_MULTICASTS,
	BUS_DIAG_STAT_COPIES,
	BUS_DIAG_STAT_HANDOVERS,
	BUS_DIAG_STAT_FROM_MASTER,
	BUS_DIAG_STAT_FILTERED,
	BUS_DIAG_STAT_LOST,

	__BUS_DIAG_STAT_MAX,
};

#define BUS_DIAG_STAT_MAX	(__BUS_DIAG_STAT_MAX - 1)

/**
 * struct bus_diag_vfs - node of a bus in the file system
 * @bdiag_vfs_ino: its inode
 * @bdiag_vfs_dev: its device, as in st_dev
 * @reserved: 0
 */
struct bus_diag_vfs {
	__aligned_u64	bdiag_vfs_ino;
	__u32		bdiag_vfs_dev;
	__u32		reserved;
};

/**
 * struct bus_diag_bus - a bus, and the address of the socket on it
 * @cookie: of the bus
 * @addr: unique address of the client, on both ends of its link; 0 is the
 *	master
 * @protocol: BUS_PROTO_*
 * @clients: clients that are connected to the bus
 */
struct bus_diag_bus {
	__aligned_u64	cookie;
	__aligned_u64	addr;
	__u32		protocol;
	__u32		clients;
};

/**
 * struct bus_diag_peer - the other end of a link
 * @ino: its inode, 0 before accept(); may belong to another network namespace
 * @cookie: its SO_COOKIE, low half first
 */
struct bus_diag_peer {
	__aligned_u64	ino;
	__u32		cookie[2];
};

/**
 * struct bus_diag_queue - receive queue; the queue of a listener holds the
 *	connections that wait for accept()
 * @messages: in the queue
 * @max_messages: BUS_QLEN, or the backlog
 * @bytes: memory that they take, and memory that is reserved for messages to
 *	come
 * @max_bytes: SO_RCVBUF
 * @drops: messages lost for lack of room
 * @reserved: 0
 */
struct bus_diag_queue {
	__u32		messages;
	__u32		max_messages;
	__u32		bytes;
	__u32		max_bytes;
	__u32		drops;
	__u32		reserved;
};

#endif /* _UAPI_LINUX_BUS_DIAG_H */
