/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/nfdbus.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: tools/net/ynl/ynl-regen.sh */

#ifndef _LINUX_NFDBUS_GEN_H
#define _LINUX_NFDBUS_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/nfdbus.h>

/* Common nested types */
extern const struct nla_policy nfdbus_client_nl_policy[NFDBUS_A_CLIENT_MAX_REPLIES + 1];
extern const struct nla_policy nfdbus_conf_nl_policy[NFDBUS_A_CONF_MAX_MSG + 1];
extern const struct nla_policy nfdbus_expected_nl_policy[NFDBUS_A_EXPECTED_SINCE + 1];
extern const struct nla_policy nfdbus_owner_nl_policy[NFDBUS_A_OWNER_NAME + 1];
extern const struct nla_policy nfdbus_rule_nl_policy[NFDBUS_A_RULE_TEXT + 1];

int nfdbus_nl_set_doit(struct sk_buff *skb, struct genl_info *info);
int nfdbus_nl_take_replies_doit(struct sk_buff *skb, struct genl_info *info);
int nfdbus_nl_bus_get_doit(struct sk_buff *skb, struct genl_info *info);
int nfdbus_nl_bus_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int nfdbus_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info);
int nfdbus_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int nfdbus_nl_match_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int nfdbus_nl_name_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

extern struct genl_family nfdbus_nl_family;

#endif /* _LINUX_NFDBUS_GEN_H */
