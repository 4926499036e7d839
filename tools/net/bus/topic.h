/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Topics of bus-topic: names such as "home/kitchen/light", and patterns with
 * "+" for one level and, at the end, "#" for any number of them.
 *
 * A publication begins with its topic: a byte for the number of levels, then
 * each level as a byte for its length and its text. So a socket filter, which
 * has no loops, can go from level to level.
 *
 *	02 04 'h' 'o' 'm' 'e' 05 'l' 'i' 'g' 'h' 't' payload
 *
 * The first level chooses one of TOPIC_GROUPS multicast groups. That keeps most
 * publications from most subscribers; the filter is exact.
 */
#ifndef TOPIC_H
#define TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/filter.h>
#include <linux/types.h>

#define TOPIC_MAX	254		/* bytes, so 255 levels at most */
#define TOPIC_HEAD_MAX	(TOPIC_MAX + 2)
#define TOPIC_GROUPS	64		/* prefixes 1 to 64 */

/* No levels: not a publication, but the server's answer. */
#define TOPIC_ANSWER	0

/* Why it cannot be a topic, or a pattern, or NULL. */
const char *topic_reason(const char *topic, bool pattern);

/* The bytes before the payload; returns their number. */
size_t topic_encode(const char *topic, __u8 *head);

/* The reverse; returns the number or -1 if that is no topic. */
ssize_t topic_decode(const __u8 *msg, size_t len, char *topic);

/* The prefix of the group. */
__u16 topic_prefix(const char *topic);

/* Bit n is set if publications of prefix n + 1 may match. */
__u64 topic_groups(const char *pattern);

/* A filter that accepts what matches one of the patterns, and answers. False
 * if it gets too long.
 */
bool topic_filter(struct sock_fprog *prog, char *const *patterns, int nr);

#endif /* TOPIC_H */
