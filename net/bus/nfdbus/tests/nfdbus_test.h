/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nfdbus: what its KUnit tests share
 */
#ifndef _NET_BUS_NFDBUS_TEST_H
#define _NET_BUS_NFDBUS_TEST_H

#include <kunit/test.h>
#include "../nfdbus.h"

/* build.c */

/**
 * struct item - a piece of a message
 * @op: 'y' byte, 'q', 'u' and 't' integers with the padding before them,
 *	's' string, 'g' signature, 'a' zero padding to 8 bytes, 'r' raw text,
 *	'f' the beginning of a header field, 'S' and 'U' such a field with a
 *	text and with an integer, 'C' the fields of a call, 'I' of a signal
 * @code: of the field
 * @sig: of the field
 * @v: value of an integer
 * @s: text
 */
struct item {
	char		op;
	u8		code;
	const char	*sig;
	u64		v;
	const char	*s;
};

#define MAX_ITEMS	16

#define Y(n)		{ .op = 'y', .v = (n) }
#define Q(n)		{ .op = 'q', .v = (n) }
#define U(n)		{ .op = 'u', .v = (n) }
#define T(n)		{ .op = 't', .v = (n) }
#define S(str)		{ .op = 's', .s = (str) }
#define G(str)		{ .op = 'g', .s = (str) }
#define RAW(str)	{ .op = 'r', .s = (str) }
#define PAD8		{ .op = 'a' }

#define FIELD(c, g)		{ .op = 'f', .code = (c), .sig = (g) }
#define TEXT_FIELD(c, g, str)	{ .op = 'S', .code = (c), .sig = (g), \
				  .s = (str) }
#define INT_FIELD(c, n)		{ .op = 'U', .code = (c), .sig = "u", .v = (n) }

#define PATH(s)		TEXT_FIELD(1, "o", s)
#define INTERFACE(s)	TEXT_FIELD(2, "s", s)
#define MEMBER(s)	TEXT_FIELD(3, "s", s)
#define ERROR_NAME(s)	TEXT_FIELD(4, "s", s)
#define REPLY_SERIAL(n)	INT_FIELD(5, n)
#define DESTINATION(s)	TEXT_FIELD(6, "s", s)
#define SENDER(s)	TEXT_FIELD(7, "s", s)
#define SIGNATURE(s)	TEXT_FIELD(8, "g", s)
#define UNIX_FDS(n)	INT_FIELD(9, n)

/* PATH("/a"), MEMBER("M"), and with INTERFACE("a.b"). */
#define CALL		{ .op = 'C' }
#define SIGNAL		{ .op = 'I' }

/**
 * struct build - a message in the making
 * @big: in big endian
 * @len: bytes
 * @data: the message
 */
struct build {
	bool	big;
	u32	len;
	u8	data[PAGE_SIZE - 64];
};

struct build *build_message(struct kunit *test, bool big, u8 type,
			    const struct item *fields,
			    const struct item *body);
struct sk_buff *make_skb(struct kunit *test, const struct build *b, u32 piece);
struct nfdbus_msg *parse_skb(struct sk_buff *skb, u32 nr_fds);

extern const u32 pieces[];
extern const unsigned int nr_pieces;

extern struct kunit_suite message_suite;
extern struct kunit_suite reply_suite;
extern struct kunit_suite rule_suite;
extern struct kunit_suite state_suite;
extern struct kunit_suite syntax_suite;

#endif /* _NET_BUS_NFDBUS_TEST_H */
