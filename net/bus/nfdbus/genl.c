// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/nfdbus.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: tools/net/ynl/ynl-regen.sh */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "genl.h"

#include <uapi/linux/nfdbus.h>

/* Common nested types */
const struct nla_policy nfdbus_client_nl_policy[NFDBUS_A_CLIENT_MAX_REPLIES + 1] = {
	[NFDBUS_A_CLIENT_FD] = { .type = NLA_S32, },
	[NFDBUS_A_CLIENT_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[NFDBUS_A_CLIENT_MAX_REPLIES] = { .type = NLA_U32, },
};

const struct nla_policy nfdbus_conf_nl_policy[NFDBUS_A_CONF_MAX_MSG + 1] = {
	[NFDBUS_A_CONF_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[NFDBUS_A_CONF_MAX_REPLIES] = { .type = NLA_U32, },
	[NFDBUS_A_CONF_MAX_FDS] = { .type = NLA_U32, },
	[NFDBUS_A_CONF_MAX_MSG] = { .type = NLA_U32, },
};

const struct nla_policy nfdbus_expected_nl_policy[NFDBUS_A_EXPECTED_SINCE + 1] = {
	[NFDBUS_A_EXPECTED_ADDR] = { .type = NLA_U64, },
	[NFDBUS_A_EXPECTED_SERIAL] = { .type = NLA_U32, },
	[NFDBUS_A_EXPECTED_SINCE] = { .type = NLA_U64, },
};

const struct nla_policy nfdbus_owner_nl_policy[NFDBUS_A_OWNER_NAME + 1] = {
	[NFDBUS_A_OWNER_FD] = { .type = NLA_S32, },
	[NFDBUS_A_OWNER_NAME] = { .type = NLA_NUL_STRING, .len = NFDBUS_NAME_MAX, },
};

const struct nla_policy nfdbus_rule_nl_policy[NFDBUS_A_RULE_TEXT + 1] = {
	[NFDBUS_A_RULE_FD] = { .type = NLA_S32, },
	[NFDBUS_A_RULE_TEXT] = { .type = NLA_NUL_STRING, .len = NFDBUS_RULE_MAX, },
};

/* NFDBUS_CMD_SET - do */
static const struct nla_policy nfdbus_set_nl_policy[NFDBUS_A_SET_NAME_CLEAR + 1] = {
	[NFDBUS_A_SET_FD] = { .type = NLA_S32, },
	[NFDBUS_A_SET_CONF] = NLA_POLICY_NESTED(nfdbus_conf_nl_policy),
	[NFDBUS_A_SET_PEER] = NLA_POLICY_NESTED(nfdbus_client_nl_policy),
	[NFDBUS_A_SET_MATCH_ADD] = NLA_POLICY_NESTED(nfdbus_rule_nl_policy),
	[NFDBUS_A_SET_MATCH_DEL] = NLA_POLICY_NESTED(nfdbus_rule_nl_policy),
	[NFDBUS_A_SET_MATCH_CLEAR] = NLA_POLICY_NESTED(nfdbus_rule_nl_policy),
	[NFDBUS_A_SET_NAME_SET] = NLA_POLICY_NESTED(nfdbus_owner_nl_policy),
	[NFDBUS_A_SET_NAME_CLEAR] = NLA_POLICY_NESTED(nfdbus_owner_nl_policy),
};

/* NFDBUS_CMD_TAKE_REPLIES - do */
static const struct nla_policy nfdbus_take_replies_nl_policy[NFDBUS_A_REPLY_EXPECTED + 1] = {
	[NFDBUS_A_REPLY_FD] = { .type = NLA_S32, },
	[NFDBUS_A_REPLY_EXPECTED] = NLA_POLICY_NESTED(nfdbus_expected_nl_policy),
};

/* NFDBUS_CMD_BUS_GET - do */
static const struct nla_policy nfdbus_bus_get_nl_policy[NFDBUS_A_BUS_FD + 1] = {
	[NFDBUS_A_BUS_FD] = { .type = NLA_S32, },
};

/* NFDBUS_CMD_PEER_GET - do */
static const struct nla_policy nfdbus_peer_get_do_nl_policy[NFDBUS_A_PEER_FD + 1] = {
	[NFDBUS_A_PEER_FD] = { .type = NLA_S32, },
};

/* NFDBUS_CMD_PEER_GET - dump */
static const struct nla_policy nfdbus_peer_get_dump_nl_policy[NFDBUS_A_PEER_COOKIE + 1] = {
	[NFDBUS_A_PEER_COOKIE] = { .type = NLA_U64, },
};

/* NFDBUS_CMD_MATCH_GET - dump */
static const struct nla_policy nfdbus_match_get_nl_policy[NFDBUS_A_MATCH_COOKIE + 1] = {
	[NFDBUS_A_MATCH_COOKIE] = { .type = NLA_U64, },
};

/* NFDBUS_CMD_NAME_GET - dump */
static const struct nla_policy nfdbus_name_get_nl_policy[NFDBUS_A_NAME_COOKIE + 1] = {
	[NFDBUS_A_NAME_COOKIE] = { .type = NLA_U64, },
};

/* Ops table for nfdbus */
static const struct genl_split_ops nfdbus_nl_ops[] = {
	{
		.cmd		= NFDBUS_CMD_SET,
		.doit		= nfdbus_nl_set_doit,
		.policy		= nfdbus_set_nl_policy,
		.maxattr	= NFDBUS_A_SET_NAME_CLEAR,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= NFDBUS_CMD_TAKE_REPLIES,
		.doit		= nfdbus_nl_take_replies_doit,
		.policy		= nfdbus_take_replies_nl_policy,
		.maxattr	= NFDBUS_A_REPLY_EXPECTED,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= NFDBUS_CMD_BUS_GET,
		.doit		= nfdbus_nl_bus_get_doit,
		.policy		= nfdbus_bus_get_nl_policy,
		.maxattr	= NFDBUS_A_BUS_FD,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= NFDBUS_CMD_BUS_GET,
		.dumpit	= nfdbus_nl_bus_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= NFDBUS_CMD_PEER_GET,
		.doit		= nfdbus_nl_peer_get_doit,
		.policy		= nfdbus_peer_get_do_nl_policy,
		.maxattr	= NFDBUS_A_PEER_FD,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= NFDBUS_CMD_PEER_GET,
		.dumpit		= nfdbus_nl_peer_get_dumpit,
		.policy		= nfdbus_peer_get_dump_nl_policy,
		.maxattr	= NFDBUS_A_PEER_COOKIE,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= NFDBUS_CMD_MATCH_GET,
		.dumpit		= nfdbus_nl_match_get_dumpit,
		.policy		= nfdbus_match_get_nl_policy,
		.maxattr	= NFDBUS_A_MATCH_COOKIE,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= NFDBUS_CMD_NAME_GET,
		.dumpit		= nfdbus_nl_name_get_dumpit,
		.policy		= nfdbus_name_get_nl_policy,
		.maxattr	= NFDBUS_A_NAME_COOKIE,
		.flags		= GENL_CMD_CAP_DUMP,
	},
};

struct genl_family nfdbus_nl_family __ro_after_init = {
	.name		= NFDBUS_FAMILY_NAME,
	.version	= NFDBUS_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= nfdbus_nl_ops,
	.n_split_ops	= ARRAY_SIZE(nfdbus_nl_ops),
};
