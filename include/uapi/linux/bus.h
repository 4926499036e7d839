/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * AF_BUS: a local bus of sockets
 *
 * One process, the master, binds a path and thereby creates a bus. Clients
 * connect() to it. Those that the master lets join send messages to each other
 * by address, and to groups by multicast.
 *
 * See Documentation/networking/af_bus.rst and bus(7).
 */
#ifndef _UAPI_LINUX_BUS_H
#define _UAPI_LINUX_BUS_H

#include <linux/socket.h>
#include <linux/types.h>

#ifndef AF_BUS
#define AF_BUS	46		/* provisional until the family is upstream */
#endif

#ifndef PF_BUS
#define PF_BUS	AF_BUS
#endif

#ifndef SOL_BUS
#define SOL_BUS	288
#endif

/* Protocols of socket(AF_BUS, SOCK_SEQPACKET, protocol). */
#define BUS_PROTO_NONE	0	/* messages are opaque to the kernel */
#define BUS_PROTO_DBUS	1	/* D-Bus, routed by the nfdbus module */
#define BUS_PROTO_MAX	1

#define BUS_PATH_MAX	108

/* Bytes of a message that socket filters see, from its beginning. */
#define BUS_FILTER_LEN	4096

/**
 * struct bus_addr - address of a client or of a group
 * @s_addr: native byte order; 16-bit prefix, then 48-bit client address
 *
 * Prefix 0 belongs to the kernel, which gives each client one unique address
 * with this prefix. 0 is the master. All ones in the client part is the group
 * of all clients that hold an address with this prefix (BUS_MULTICAST()).
 */
struct bus_addr {
	__aligned_u64	s_addr;
};

#define BUS_PREFIX_SHIFT	48
#define BUS_CLIENT_MASK		0x0000ffffffffffffULL
#define BUS_MASTER_ADDR		0x0ULL
#define BUS_PREFIX(addr)	((__u16)((addr) >> BUS_PREFIX_SHIFT))
#define BUS_CLIENT(addr)	((addr) & BUS_CLIENT_MASK)
#define BUS_ADDR(prefix, client) \
	(((__u64)(prefix) << BUS_PREFIX_SHIFT) | ((client) & BUS_CLIENT_MASK))
#define BUS_MULTICAST(prefix)	BUS_ADDR(prefix, BUS_CLIENT_MASK)

/**
 * struct sockaddr_bus - socket address, the same 128 bytes on every ABI
 * @sbus_family: AF_BUS
 * @__pad: 0
 * @sbus_addr: address on the bus
 * @sbus_path: path of the bus, in the file system or abstract. A path in the
 *	file system needs no NUL if it fills the field. An abstract path
 *	begins with a NUL; trailing NULs are not part of it. In a send the
 *	path may be empty.
 * @__pad2: 0
 *
 * Calls accept a shorter length if it covers the fields that are used.
 */
struct sockaddr_bus {
	__kernel_sa_family_t	sbus_family;
	__u16			__pad[3];
	struct bus_addr		sbus_addr;
	char			sbus_path[BUS_PATH_MAX];
	__u32			__pad2;
};

/* Socket options, level SOL_BUS. */
#define BUS_ADD_ADDR		1	/* accepted: struct bus_addr */
#define BUS_JOIN_BUS		2	/* accepted: no argument */
#define BUS_DEL_ADDR		3	/* accepted: struct bus_addr */
#define BUS_EAVESDROP		4	/* accepted, joined: int, boolean */
#define BUS_RCVBUF		6	/* listener: int, bytes a queue may hold */
#define BUS_QLEN		7	/* listener: int, messages a queue may hold */
#define BUS_OVERFLOW		16	/* listener, accepted: struct bus_overflow */
#define BUS_MAX_MSG		17	/* listener: __u32, bytes of a message */
#define BUS_FLAGS		18	/* listener, accepted: __u32, BUS_F_* */
#define BUS_ACK			19	/* accepted: __u32, hand-overs done */
#define BUS_RECV_INFO		20	/* any: __u32, BUS_INFO_* */
#define BUS_RECV_NOTRUNC	21	/* any: int, boolean */
#define BUS_RECV_RIGHTS		22	/* any: int, boolean */
#define BUS_INFO		23	/* any, getsockopt: struct bus_info */
#define BUS_FEATURES		24	/* any, getsockopt: __u32, BUS_FEATURE_* */

/* What this kernel has and an unknown option (ENOPROTOOPT) does not tell. */
#define BUS_FEATURE_LIST	0x1	/* SCM_BUS_LIST */
#define BUS_FEATURE_ACK		0x2	/* SCM_BUS_ACK */

/* What happens if a recipient has no room (struct bus_overflow). */
#define BUS_OVERFLOW_BLOCK	0	/* the sender waits; EAGAIN if it may not */
#define BUS_OVERFLOW_REJECT	1	/* unicast: ENOBUFS, or to the master if routed */
#define BUS_OVERFLOW_DROP	2	/* this recipient loses it, and can be told */
#define BUS_OVERFLOW_DISCONNECT	3	/* the recipient is disconnected */
#define BUS_OVERFLOW_MASTER	4	/* the message goes to the master as a whole */

/**
 * struct bus_overflow - policies for a recipient that has no room
 * @unicast: BUS_OVERFLOW_*, default BLOCK
 * @multicast: BUS_OVERFLOW_* other than REJECT, default DROP
 * @flags: 0
 * @reserved: 0
 */
struct bus_overflow {
	__u32	unicast;
	__u32	multicast;
	__u32	flags;
	__u32	reserved;
};

/* BUS_FLAGS */
#define BUS_F_ORDERED		0x1	/* listener: nothing direct before BUS_ACK */
#define BUS_F_VIA_MASTER	0x2	/* all messages go to the master */

/* BUS_RECV_INFO: the control messages to receive. */
#define BUS_INFO_DST		0x1
#define BUS_INFO_LOST		0x2	/* and ENOBUFS once after each loss */
#define BUS_INFO_REASON		0x4

/* Control messages, level SOL_BUS. */
#define SCM_BUS_DST	1	/* received: struct bus_addr, the destination */
#define SCM_BUS_LOST	2	/* received: __u64, lost since the last message */
#define SCM_BUS_REASON	3	/* received by accepted: struct bus_reason */
#define SCM_BUS_LIST	4	/* sent by accepted: array of struct bus_addr */
#define SCM_BUS_ACK	5	/* sent by accepted: __u32, hand-overs done */

/**
 * enum bus_reason_code - why a message went to the master
 * @BUS_REASON_NONE: the message did not go to the master; never delivered
 * @BUS_REASON_ADDRESSED: the message was sent to the master
 * @BUS_REASON_NO_OWNER: no client holds the address or the name
 * @BUS_REASON_NOT_JOINED: the client that holds the address has not joined
 * @BUS_REASON_FULL: a recipient with %BUS_OVERFLOW_MASTER has no room
 * @BUS_REASON_VIA_MASTER: %BUS_F_VIA_MASTER on the bus, sender or a recipient
 * @BUS_REASON_ORDER: earlier messages of the sender are not acknowledged
 * @BUS_REASON_UNROUTED: the protocol made no decision
 * @BUS_REASON_DENIED: a security module denies what the protocol decided
 * @BUS_REASON_RECIPIENTS: the protocol chose more recipients than
 *	net.bus.max_recipients
 * @BUS_REASON_PROTO: the first of the protocol's own reasons
 */
enum bus_reason_code {
	BUS_REASON_NONE,
	BUS_REASON_ADDRESSED,
	BUS_REASON_NO_OWNER,
	BUS_REASON_NOT_JOINED,
	BUS_REASON_FULL,
	BUS_REASON_VIA_MASTER,
	BUS_REASON_ORDER,
	BUS_REASON_UNROUTED,
	BUS_REASON_DENIED,
	BUS_REASON_RECIPIENTS,
	BUS_REASON_PROTO = 64,
};

/**
 * struct bus_reason - argument of SCM_BUS_REASON
 * @reason: enum bus_reason_code, or a reason of the protocol
 * @flags: flags of the protocol
 */
struct bus_reason {
	__u32	reason;
	__u32	flags;
};

/**
 * enum bus_state - state of a socket, in struct bus_info
 * @BUS_STATE_NEW: neither bound nor connected
 * @BUS_STATE_BOUND: bound, but not listening yet
 * @BUS_STATE_LISTEN: accepts connections
 * @BUS_STATE_CONNECTED: end of a link, whose client has not joined
 * @BUS_STATE_JOINED: end of a link, whose client has joined
 * @BUS_STATE_CLOSED: the link is shut down, by either end
 */
enum bus_state {
	BUS_STATE_NEW,
	BUS_STATE_BOUND,
	BUS_STATE_LISTEN,
	BUS_STATE_CONNECTED,
	BUS_STATE_JOINED,
	BUS_STATE_CLOSED,
};

/**
 * struct bus_info - argument of BUS_INFO, may grow at its end
 * @cookie: of the bus, unique until this machine is rebooted; 0 without a bus
 * @addr: unique address of the client, on both ends of its link
 * @protocol: BUS_PROTO_*
 * @state: enum bus_state
 * @flags: BUS_F_* that apply to this socket
 * @max_msg: bytes that a message may have
 * @max_qlen: messages that this socket's queue may hold
 * @qlen: messages in this socket's queue
 * @overflow_unicast: BUS_OVERFLOW_* of the client, or of the bus on a listener
 * @overflow_multicast: BUS_OVERFLOW_* of the client, or of the bus on a listener
 * @unacked: hand-overs since join that await BUS_ACK
 * @clients: clients connected to the bus
 *
 * The counters of a socket are BUS_DIAG_STATS of sock_diag(7).
 */
struct bus_info {
	__aligned_u64	cookie;
	__aligned_u64	addr;
	__u32		protocol;
	__u32		state;
	__u32		flags;
	__u32		max_msg;
	__u32		max_qlen;
	__u32		qlen;
	__u32		overflow_unicast;
	__u32		overflow_multicast;
	__u32		unacked;
	__u32		clients;
};

#endif /* _UAPI_LINUX_BUS_H */
