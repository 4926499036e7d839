/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * AF_BUS: a local bus of sockets.
 *
 * One process, the master, binds a path and so creates a bus. Clients
 * connect() to it; those that the master lets join reach each other by
 * address and in groups by multicast.
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

/* What socket filters see of a message, in bytes from its beginning. */
#define BUS_FILTER_LEN	4096

/**
 * struct bus_addr - address of a client or of a group
 * @s_addr: native byte order; 16-bit prefix, then 48-bit client address
 *
 * Prefix 0 belongs to the kernel, which gives each client one unique address
 * in it. 0 is the master. All ones in the client part is everyone who holds
 * an address with this prefix (BUS_MULTICAST()).
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
 * @sbus_path: of the bus. A file-system path, which needs no NUL when it
 *	fills the field, or an abstract one: it begins with a NUL, trailing
 *	NULs are not part of it. In a send it may be empty.
 * @__pad2: 0
 *
 * Calls accept a shorter length that covers what is used.
 */
struct sockaddr_bus {
	__kernel_sa_family_t	sbus_family;
	__u16			__pad[3];
	struct bus_addr		sbus_addr;
	char			sbus_path[BUS_PATH_MAX];
	__u32			__pad2;
};

/* Socket options, level SOL_BUS. */
#define BUS_ADD_ADDR		1	/* accepted: struct bus_addr or sockaddr_bus */
#define BUS_JOIN_BUS		2	/* accepted: no argument */
#define BUS_DEL_ADDR		3	/* accepted: struct bus_addr or sockaddr_bus */
#define BUS_SET_EAVESDROP	4	/* accepted, joined: no argument */
#define BUS_UNSET_EAVESDROP	5	/* accepted, joined: no argument */
#define BUS_SET_SENDBUF		6	/* listener: int, bytes a queue may hold */
#define BUS_SET_MAXQLEN		7	/* listener: int, messages a queue may hold */
#define BUS_OVERFLOW		16	/* listener, accepted: struct bus_overflow */
#define BUS_MAX_MSG		17	/* listener: __u32, bytes of a message */
#define BUS_FLAGS		18	/* listener, accepted: __u32, BUS_F_* */
#define BUS_ACK			19	/* accepted: __u32, hand-overs done */
#define BUS_RECV_INFO		20	/* any: __u32, BUS_INFO_* */
#define BUS_RECV_NOTRUNC	21	/* any: int, boolean */
#define BUS_RECV_RIGHTS		22	/* any: int, boolean */
#define BUS_INFO		23	/* any, getsockopt: struct bus_info */

/* What to do about a receiver that has no room (struct bus_overflow). */
#define BUS_OVERFLOW_BLOCK	0	/* the sender waits; EAGAIN if it may not */
#define BUS_OVERFLOW_REJECT	1	/* unicast: ENOBUFS, or to the master if routed */
#define BUS_OVERFLOW_DROP	2	/* lost for this receiver, which can know */
#define BUS_OVERFLOW_DISCONNECT	3	/* the receiver is put off the bus */
#define BUS_OVERFLOW_MASTER	4	/* the message goes to the master as a whole */

/**
 * struct bus_overflow - policies of full receivers
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
#define BUS_F_ORDERED		0x1	/* listener: nothing direct while unacknowledged */
#define BUS_F_VIA_MASTER	0x2	/* everything goes to the master */

/* BUS_RECV_INFO: control messages to deliver. */
#define BUS_INFO_DST		0x1
#define BUS_INFO_LOST		0x2	/* and ENOBUFS once after each loss */
#define BUS_INFO_REASON		0x4

/* Control messages, level SOL_BUS. */
#define SCM_BUS_DST	1	/* received: struct bus_addr it was sent to */
#define SCM_BUS_LOST	2	/* received: __u64, lost since the last message */
#define SCM_BUS_REASON	3	/* received by accepted: struct bus_reason */
#define SCM_BUS_LIST	4	/* sent by accepted: array of struct bus_addr */

/**
 * enum bus_reason_code - why a message came to the master
 * @BUS_REASON_NONE: it did not; never delivered
 * @BUS_REASON_ADDRESSED: it was sent to the master
 * @BUS_REASON_NO_OWNER: nobody holds the address or the name
 * @BUS_REASON_NOT_JOINED: the holder has not joined
 * @BUS_REASON_FULL: a receiver with %BUS_OVERFLOW_MASTER has no room
 * @BUS_REASON_VIA_MASTER: %BUS_F_VIA_MASTER on the bus, sender or a receiver
 * @BUS_REASON_ORDER: earlier messages of the sender are unacknowledged
 * @BUS_REASON_UNROUTED: the protocol made no decision
 * @BUS_REASON_DENIED: a security module denies what the protocol decided
 * @BUS_REASON_RECIPIENTS: the protocol chose more than net.bus.max_recipients
 * @BUS_REASON_PROTO: from here on they are the protocol's own
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
 * @reason: enum bus_reason_code, or a protocol's own
 * @flags: the protocol's own
 */
struct bus_reason {
	__u32	reason;
	__u32	flags;
};

/**
 * enum bus_state - state of a socket, in struct bus_info
 * @BUS_STATE_NEW: neither bound nor connected
 * @BUS_STATE_BOUND: bound, does not listen yet
 * @BUS_STATE_LISTEN: takes connections
 * @BUS_STATE_CONNECTED: link between a client and the master
 * @BUS_STATE_JOINED: and the client is on the bus
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
 * struct bus_info - argument of BUS_INFO, grows at its end
 * @cookie: of the bus, unique on this machine until it is rebooted; 0 if none
 * @addr: unique address of the client, on its socket and the accepted one
 * @protocol: BUS_PROTO_*
 * @state: enum bus_state
 * @flags: BUS_F_* in force for this socket
 * @max_msg: bytes a message may have
 * @max_qlen: messages this socket's queue may hold
 * @qlen: messages in this socket's queue
 * @overflow_unicast: BUS_OVERFLOW_*, of the client, of the bus on a listener
 * @overflow_multicast: likewise
 * @unacked: hand-overs since join that await BUS_ACK
 * @clients: clients connected to the bus
 * @unicasts: messages that went directly to one receiver
 * @multicasts: messages that went directly to any number of receivers
 * @copies: direct messages put into a queue; one multicast makes many
 * @handovers: messages that went to the master
 * @from_master: messages that the master put into clients' queues
 * @filtered: copies that a filter, a hook or a security module refused
 * @lost: copies dropped for lack of room
 *
 * Counters of a client count what it sent, but for @copies, @from_master,
 * @filtered and @lost, which count what came, or did not come, to it. Those of
 * a listener count for the whole bus.
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
	__aligned_u64	unicasts;
	__aligned_u64	multicasts;
	__aligned_u64	copies;
	__aligned_u64	handovers;
	__aligned_u64	from_master;
	__aligned_u64	filtered;
	__aligned_u64	lost;
};

#endif /* _UAPI_LINUX_BUS_H */
