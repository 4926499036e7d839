/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/nfdbus.yaml */
/* YNL-GEN uapi header */
/* To regenerate run: tools/net/ynl/ynl-regen.sh */

#ifndef _UAPI_LINUX_NFDBUS_H
#define _UAPI_LINUX_NFDBUS_H

#define NFDBUS_FAMILY_NAME	"nfdbus"
#define NFDBUS_FAMILY_VERSION	1

/**
 * enum nfdbus_reason - Why nfdbus gave a message to the master (struct
 *   bus_reason).
 * @NFDBUS_REASON_DRIVER: addressed to the daemon itself, or not a signal and
 *   without a destination
 * @NFDBUS_REASON_POLICY: not known to be allowed
 * @NFDBUS_REASON_MALFORMED: not a valid D-Bus message; the sender has to be
 *   disconnected
 * @NFDBUS_REASON_FIELDS: has header fields that the daemon strips
 * @NFDBUS_REASON_LEGACY: a recipient is not on AF_BUS
 * @NFDBUS_REASON_LOG: the rule that decides wants a log entry
 * @NFDBUS_REASON_LIMIT: a limit of the bus, of the client or of the parser is
 *   reached
 * @NFDBUS_REASON_RIGHTS: sender or recipient does not take descriptors
 * @NFDBUS_REASON_REPLY: a reply that no call on the direct path expects
 * @NFDBUS_REASON_EAVESDROP: a rule that eavesdrops matches
 * @NFDBUS_REASON_SENDER: its SENDER is not the name of its sender
 */
enum nfdbus_reason {
	NFDBUS_REASON_DRIVER = 64,
	NFDBUS_REASON_POLICY,
	NFDBUS_REASON_MALFORMED,
	NFDBUS_REASON_FIELDS,
	NFDBUS_REASON_LEGACY,
	NFDBUS_REASON_LOG,
	NFDBUS_REASON_LIMIT,
	NFDBUS_REASON_RIGHTS,
	NFDBUS_REASON_REPLY,
	NFDBUS_REASON_EAVESDROP,
	NFDBUS_REASON_SENDER,
};

/**
 * enum nfdbus_reason_f - Flags of struct bus_reason.
 * @NFDBUS_REASON_F_REPEATS: the message is a call, and its sender may be
 *   waiting for the reply to another call with the same serial
 */
enum nfdbus_reason_f {
	NFDBUS_REASON_F_REPEATS = 1,
};

/**
 * enum nfdbus_bus_f
 * @NFDBUS_BUS_F_ALLOW_ALL: every message between clients that are not
 *   VIA_MASTER is allowed; without it nothing goes directly
 * @NFDBUS_BUS_F_REPLY_TIMEOUT: the daemon limits the time of replies; calls
 *   that want a reply go through the daemon
 */
enum nfdbus_bus_f {
	NFDBUS_BUS_F_ALLOW_ALL = 1,
	NFDBUS_BUS_F_REPLY_TIMEOUT = 2,
};

/**
 * enum nfdbus_peer_f
 * @NFDBUS_PEER_F_CAN_FDS: has negotiated to receive descriptors
 * @NFDBUS_PEER_F_HELD: the master is about to tell the client that it gains a
 *   rule or a name; until then the client sends and receives through the
 *   master
 */
enum nfdbus_peer_f {
	NFDBUS_PEER_F_CAN_FDS = 1,
	NFDBUS_PEER_F_HELD = 2,
};

#define NFDBUS_RULE_MAX	1024
#define NFDBUS_NAME_MAX	255

enum {
	NFDBUS_A_CONF_FLAGS = 1,
	NFDBUS_A_CONF_MAX_REPLIES,
	NFDBUS_A_CONF_MAX_FDS,
	NFDBUS_A_CONF_MAX_MSG,

	__NFDBUS_A_CONF_MAX,
	NFDBUS_A_CONF_MAX = (__NFDBUS_A_CONF_MAX - 1)
};

enum {
	NFDBUS_A_BUS_PAD = 1,
	NFDBUS_A_BUS_FD,
	NFDBUS_A_BUS_COOKIE,
	NFDBUS_A_BUS_CONF,
	NFDBUS_A_BUS_PEERS,
	NFDBUS_A_BUS_NAMES,
	NFDBUS_A_BUS_RULES,
	NFDBUS_A_BUS_REPLIES,
	NFDBUS_A_BUS_STATS,

	__NFDBUS_A_BUS_MAX,
	NFDBUS_A_BUS_MAX = (__NFDBUS_A_BUS_MAX - 1)
};

enum {
	NFDBUS_A_STATS_PAD = 1,
	NFDBUS_A_STATS_CALLS,
	NFDBUS_A_STATS_RETURNS,
	NFDBUS_A_STATS_SIGNALS,
	NFDBUS_A_STATS_BROADCASTS,
	NFDBUS_A_STATS_COPIES,
	NFDBUS_A_STATS_MASTER,

	__NFDBUS_A_STATS_MAX,
	NFDBUS_A_STATS_MAX = (__NFDBUS_A_STATS_MAX - 1)
};

enum {
	NFDBUS_A_MASTER_PAD = 1,
	NFDBUS_A_MASTER_REASON,
	NFDBUS_A_MASTER_COUNT,

	__NFDBUS_A_MASTER_MAX,
	NFDBUS_A_MASTER_MAX = (__NFDBUS_A_MASTER_MAX - 1)
};

enum {
	NFDBUS_A_CLIENT_FD = 1,
	NFDBUS_A_CLIENT_FLAGS,
	NFDBUS_A_CLIENT_MAX_REPLIES,

	__NFDBUS_A_CLIENT_MAX,
	NFDBUS_A_CLIENT_MAX = (__NFDBUS_A_CLIENT_MAX - 1)
};

enum {
	NFDBUS_A_RULE_FD = 1,
	NFDBUS_A_RULE_TEXT,

	__NFDBUS_A_RULE_MAX,
	NFDBUS_A_RULE_MAX = (__NFDBUS_A_RULE_MAX - 1)
};

enum {
	NFDBUS_A_OWNER_FD = 1,
	NFDBUS_A_OWNER_NAME,

	__NFDBUS_A_OWNER_MAX,
	NFDBUS_A_OWNER_MAX = (__NFDBUS_A_OWNER_MAX - 1)
};

enum {
	NFDBUS_A_SET_FD = 1,
	NFDBUS_A_SET_CONF,
	NFDBUS_A_SET_PEER,
	NFDBUS_A_SET_MATCH_ADD,
	NFDBUS_A_SET_MATCH_DEL,
	NFDBUS_A_SET_MATCH_CLEAR,
	NFDBUS_A_SET_NAME_SET,
	NFDBUS_A_SET_NAME_CLEAR,

	__NFDBUS_A_SET_MAX,
	NFDBUS_A_SET_MAX = (__NFDBUS_A_SET_MAX - 1)
};

enum {
	NFDBUS_A_PEER_PAD = 1,
	NFDBUS_A_PEER_FD,
	NFDBUS_A_PEER_COOKIE,
	NFDBUS_A_PEER_ADDR,
	NFDBUS_A_PEER_FLAGS,
	NFDBUS_A_PEER_MAX_REPLIES,
	NFDBUS_A_PEER_NAMES,
	NFDBUS_A_PEER_RULES,
	NFDBUS_A_PEER_REPLIES,

	__NFDBUS_A_PEER_MAX,
	NFDBUS_A_PEER_MAX = (__NFDBUS_A_PEER_MAX - 1)
};

enum {
	NFDBUS_A_MATCH_PAD = 1,
	NFDBUS_A_MATCH_COOKIE,
	NFDBUS_A_MATCH_ADDR,
	NFDBUS_A_MATCH_RULE,
	NFDBUS_A_MATCH_COUNT,

	__NFDBUS_A_MATCH_MAX,
	NFDBUS_A_MATCH_MAX = (__NFDBUS_A_MATCH_MAX - 1)
};

enum {
	NFDBUS_A_NAME_PAD = 1,
	NFDBUS_A_NAME_COOKIE,
	NFDBUS_A_NAME_NAME,
	NFDBUS_A_NAME_ADDR,
	NFDBUS_A_NAME_DEAD,

	__NFDBUS_A_NAME_MAX,
	NFDBUS_A_NAME_MAX = (__NFDBUS_A_NAME_MAX - 1)
};

enum {
	NFDBUS_A_REPLY_FD = 1,
	NFDBUS_A_REPLY_EXPECTED,

	__NFDBUS_A_REPLY_MAX,
	NFDBUS_A_REPLY_MAX = (__NFDBUS_A_REPLY_MAX - 1)
};

enum {
	NFDBUS_A_EXPECTED_PAD = 1,
	NFDBUS_A_EXPECTED_ADDR,
	NFDBUS_A_EXPECTED_SERIAL,
	NFDBUS_A_EXPECTED_SINCE,

	__NFDBUS_A_EXPECTED_MAX,
	NFDBUS_A_EXPECTED_MAX = (__NFDBUS_A_EXPECTED_MAX - 1)
};

enum {
	NFDBUS_CMD_SET = 1,
	NFDBUS_CMD_TAKE_REPLIES,
	NFDBUS_CMD_BUS_GET,
	NFDBUS_CMD_PEER_GET,
	NFDBUS_CMD_MATCH_GET,
	NFDBUS_CMD_NAME_GET,

	__NFDBUS_CMD_MAX,
	NFDBUS_CMD_MAX = (__NFDBUS_CMD_MAX - 1)
};

#endif /* _UAPI_LINUX_NFDBUS_H */
