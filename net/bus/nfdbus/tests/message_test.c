// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: tests of the parser
 *
 * Each message is tried in both byte orders, in one piece and in many.
 */

#include <linux/err.h>
#include <linux/skbuff.h>
#include "nfdbus_test.h"

/**
 * struct header_case - a message without a body
 * @name: of the case
 * @type: of the message
 * @err: expected result
 * @strange: it has fields that the daemon strips
 * @nr_fds: descriptors that come with it
 * @fields: header fields
 */
struct header_case {
	const char	*name;
	u8		type;
	int		err;
	bool		strange;
	u32		nr_fds;
	struct item	fields[MAX_ITEMS];
};

static const struct header_case headers[] = {
	{ "call", 1, 0, .fields = { CALL } },
	{ "call without path", 1, -EBADMSG, .fields = { MEMBER("M") } },
	{ "call without member", 1, -EBADMSG, .fields = { PATH("/a") } },
	{ "return", 2, 0, .fields = { REPLY_SERIAL(9) } },
	{ "return to nothing", 2, -EBADMSG, .fields = { PATH("/a") } },
	{ "error", 3, 0, .fields = { REPLY_SERIAL(9), ERROR_NAME("a.b") } },
	{ "error without name", 3, -EBADMSG, .fields = { REPLY_SERIAL(9) } },
	{ "error to nothing", 3, -EBADMSG, .fields = { ERROR_NAME("a.b") } },
	{ "signal", 4, 0, .fields = { SIGNAL } },
	{ "signal without interface", 4, -EBADMSG, .fields = { CALL } },
	{ "type 0", 0, -EBADMSG, .fields = { CALL } },
	{ "type 5", 5, 0 },
	{ "type 255", 255, 0 },
	{ "all", 1, 0, .fields = { CALL, DESTINATION("a.b"), SENDER(":0.1"),
				   REPLY_SERIAL(3), SIGNATURE("") } },
	{ "twice", 1, -EBADMSG, .fields = { CALL, MEMBER("M") } },
	{ "code 0", 1, -EBADMSG, .fields = { CALL, FIELD(0, "s"), S("x") } },
	{ "code 10", 1, 0, true, .fields = { CALL, FIELD(10, "o"), S("/a") } },
	{ "code 200", 1, 0, true, .fields = { CALL, FIELD(200, "y"), Y(1) } },
	{ "code 200 is bad", 1, -EBADMSG,
	  .fields = { CALL, FIELD(200, "b"), U(2) } },
	{ "wrong type", 1, -EBADMSG,
	  .fields = { CALL, FIELD(6, "o"), S("/a") } },
	{ "two types", 1, -EBADMSG,
	  .fields = { CALL, FIELD(6, "ss"), S("a.b"), S("c") } },
	{ "no type", 1, -EBADMSG, .fields = { CALL, FIELD(6, ""), Y(0) } },
	{ "serial 0", 1, -EBADMSG, .fields = { CALL, REPLY_SERIAL(0) } },
	{ "local path", 1, -EBADMSG,
	  .fields = { PATH("/org/freedesktop/DBus/Local"), MEMBER("M") } },
	{ "below the local path", 1, -EBADMSG,
	  .fields = { PATH("/org/freedesktop/DBus/Local/a"), MEMBER("M") } },
	{ "local interface", 1, -EBADMSG,
	  .fields = { CALL, INTERFACE("org.freedesktop.DBus.Local") } },
	{ "like the local interface", 1, -EBADMSG,
	  .fields = { CALL, INTERFACE("org.freedesktop.DBus.LocalToo") } },
	{ "driver's interface", 1, 0,
	  .fields = { CALL, INTERFACE("org.freedesktop.DBus") } },
	{ "bad path", 1, -EBADMSG, .fields = { PATH("a"), MEMBER("M") } },
	{ "bad member", 1, -EBADMSG, .fields = { PATH("/a"), MEMBER("a.b") } },
	{ "bad interface", 1, -EBADMSG, .fields = { CALL, INTERFACE("a") } },
	{ "bad destination", 1, -EBADMSG,
	  .fields = { CALL, DESTINATION("a") } },
	{ "bad sender", 1, -EBADMSG, .fields = { CALL, SENDER("a..b") } },
	{ "bad error name", 1, -EBADMSG, .fields = { CALL, ERROR_NAME("") } },
	{ "bad signature", 1, -EBADMSG, .fields = { CALL, SIGNATURE("a") } },
	{ "body missing", 1, -EBADMSG, .fields = { CALL, SIGNATURE("y") } },
	{ "descriptors", 1, 0, .nr_fds = 2, .fields = { CALL, UNIX_FDS(2) } },
	{ "no descriptors", 1, 0, .fields = { CALL, UNIX_FDS(0) } },
	{ "too few descriptors", 1, -EBADMSG, .nr_fds = 1,
	  .fields = { CALL, UNIX_FDS(2) } },
	{ "too many descriptors", 1, -EBADMSG, .nr_fds = 3,
	  .fields = { CALL, UNIX_FDS(2) } },
	{ "unannounced descriptors", 1, -EBADMSG, .nr_fds = 1,
	  .fields = { CALL } },
	{ "padding", 1, -EBADMSG,
	  .fields = { PATH("/a"), Y(1), MEMBER("M") } },
	{ "string too long", 1, -EBADMSG,
	  .fields = { CALL, FIELD(6, "s"), U(4), RAW("a.b") } },
	{ "string without NUL", 1, -EBADMSG,
	  .fields = { CALL, FIELD(6, "s"), U(3), RAW("a.bx") } },
	{ "huge string", 1, -EBADMSG,
	  .fields = { CALL, FIELD(6, "s"), U(0xffffffff), RAW("a.b") } },
	{ "something left", 1, -EBADMSG, .fields = { CALL, PAD8 } },
	{ "cut off", 1, -EBADMSG, .fields = { CALL, PAD8, Y(6) } },
};

static void try_header(struct kunit *test, const struct header_case *c,
		       bool big, u32 piece)
{
	struct build *b = build_message(test, big, c->type, c->fields, NULL);
	struct sk_buff *skb = make_skb(test, b, piece);
	struct nfdbus_msg *m = parse_skb(skb, c->nr_fds);
	int err = PTR_ERR_OR_ZERO(m);

	KUNIT_EXPECT_EQ_MSG(test, err, c->err, "%s, big %d, piece %u",
			    c->name, big, piece);
	if (!err) {
		KUNIT_EXPECT_EQ_MSG(test, m->strange, c->strange, "%s",
				    c->name);
		KUNIT_EXPECT_EQ(test, m->serial, 7);
		nfdbus_msg_free(m);
	}
	kfree_skb(skb);
}

static void test_headers(struct kunit *test)
{
	const struct header_case *c;
	unsigned int i;

	for (c = headers; c < headers + ARRAY_SIZE(headers); c++)
		for (i = 0; i < nr_pieces; i++) {
			try_header(test, c, false, pieces[i]);
			try_header(test, c, true, pieces[i]);
		}
}

static void test_header_values(struct kunit *test)
{
	static const struct item fields[MAX_ITEMS] = {
		SIGNAL, DESTINATION(":0.5"), SENDER("x.y"), REPLY_SERIAL(77),
	};
	struct build *b = build_message(test, true, 4, fields, NULL);
	struct sk_buff *skb;
	struct nfdbus_msg *m;

	b->data[2] = 1;
	skb = make_skb(test, b, 5);
	m = parse_skb(skb, 0);
	kfree_skb(skb);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	KUNIT_EXPECT_EQ(test, m->type, NFDBUS_TYPE_SIGNAL);
	KUNIT_EXPECT_EQ(test, m->flags, NFDBUS_FLAG_NO_REPLY);
	KUNIT_EXPECT_EQ(test, m->reply_serial, 77);
	KUNIT_EXPECT_STREQ(test, m->path.s, "/a");
	KUNIT_EXPECT_STREQ(test, m->interface.s, "a.b");
	KUNIT_EXPECT_STREQ(test, m->member.s, "M");
	KUNIT_EXPECT_STREQ(test, m->destination.s, ":0.5");
	KUNIT_EXPECT_STREQ(test, m->sender.s, "x.y");
	KUNIT_EXPECT_NULL(test, m->error_name.s);
	nfdbus_msg_free(m);
}

static void expect_parse(struct kunit *test, const struct build *b, int err,
			 const char *name)
{
	struct sk_buff *skb = make_skb(test, b, 0);
	struct nfdbus_msg *m = parse_skb(skb, 0);

	KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(m), err, "%s", name);
	if (!IS_ERR(m))
		nfdbus_msg_free(m);
	kfree_skb(skb);
}

/* Changes a byte of a valid message. */
static void test_fixed_header(struct kunit *test)
{
	static const struct {
		const char *name; u32 pos; u8 v; int err;
	} cases[] = {
		{ "order", 0, 'L', -EBADMSG },
		{ "other order", 0, 'B', -EBADMSG },
		{ "unknown flags", 2, 0xf8, 0 },
		{ "version", 3, 2, -EBADMSG },
		{ "body length", 4, 1, -EBADMSG },
		{ "huge body length", 7, 0x80, -EBADMSG },
		{ "serial", 8, 0, -EBADMSG },
		{ "fields length", 12, 0, -EBADMSG },
		{ "huge fields length", 15, 0xff, -EBADMSG },
	};
	static const struct item fields[MAX_ITEMS] = { CALL };
	struct build *b;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		b = build_message(test, false, 1, fields, NULL);
		b->data[cases[i].pos] = cases[i].v;
		expect_parse(test, b, cases[i].err, cases[i].name);
	}
}

static void test_length(struct kunit *test)
{
	static const struct item fields[MAX_ITEMS] = { CALL };
	struct build *b = build_message(test, false, 1, fields, NULL);
	u32 len = b->len;

	for (b->len = 1; b->len < len; b->len++)
		expect_parse(test, b, -EBADMSG, "too short");
	b->len = len;
	expect_parse(test, b, 0, "right");
	b->len = len + 1;
	expect_parse(test, b, -EBADMSG, "too long");
	b->len = len;
	b->data[len - 1] = 1;
	expect_parse(test, b, -EBADMSG, "padding");
}

/**
 * struct body_case - a body
 * @name: of the case
 * @sig: signature of the body
 * @err: expected result
 * @body: values
 */
struct body_case {
	const char	*name;
	const char	*sig;
	int		err;
	struct item	body[MAX_ITEMS];
};

static const struct body_case bodies[] = {
	{ "fixed", "ybnqiuxtdh", 0,
	  { Y(1), U(1), Q(1), Q(2), U(3), U(4), T(5), T(6), T(7), U(0) } },
	{ "fixed, cut off", "x", -EBADMSG, { U(1) } },
	{ "too much", "y", -EBADMSG, { Y(1), Y(1) } },
	{ "padding", "yu", -EBADMSG, { Y(1), Y(0), Y(1), U(1) } },
	{ "no signature", "", -EBADMSG, { Y(1) } },
	{ "false", "b", 0, { U(0) } },
	{ "2 is no boolean", "b", -EBADMSG, { U(2) } },
	{ "string", "s", 0, { S("h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80") } },
	{ "empty string", "s", 0, { S("") } },
	{ "string too long", "s", -EBADMSG, { U(9), RAW("abc"), Y(0) } },
	{ "string without NUL", "s", -EBADMSG, { U(3), RAW("abcd") } },
	{ "string with NUL", "s", -EBADMSG, { U(2), Y(0), RAW("x"), Y(0) } },
	{ "overlong", "s", -EBADMSG, { S("\xc0\xaf") } },
	{ "overlong 3", "s", -EBADMSG, { S("\xe0\x9f\xbf") } },
	{ "overlong 4", "s", -EBADMSG, { S("\xf0\x8f\xbf\xbf") } },
	{ "surrogate", "s", -EBADMSG, { S("\xed\xa0\x80") } },
	{ "before surrogates", "s", 0, { S("\xed\x9f\xbf") } },
	{ "non-character", "s", 0, { S("\xef\xbf\xbf") } },
	{ "last character", "s", 0, { S("\xf4\x8f\xbf\xbf") } },
	{ "beyond Unicode", "s", -EBADMSG, { S("\xf4\x90\x80\x80") } },
	{ "5 bytes", "s", -EBADMSG, { S("\xf8\x88\x80\x80\x80") } },
	{ "half a character", "s", -EBADMSG, { S("abcdefgh\xe2\x82") } },
	{ "lone continuation", "s", -EBADMSG, { S("abcdefgh\x80") } },
	{ "path", "o", 0, { S("/a/b") } },
	{ "root", "o", 0, { S("/") } },
	{ "bad path", "o", -EBADMSG, { S("/a/") } },
	{ "double slash", "o", -EBADMSG, { S("/a//b") } },
	{ "empty path", "o", -EBADMSG, { S("") } },
	{ "signature", "g", 0, { G("a{sv}") } },
	{ "bad signature", "g", -EBADMSG, { G("a{vs}") } },
	{ "signature without NUL", "g", -EBADMSG, { Y(1), RAW("yy") } },
	{ "array", "au", 0, { U(8), U(1), U(2) } },
	{ "empty array", "au", 0, { U(0) } },
	{ "empty array of structs", "a(y)", 0, { U(0), PAD8 } },
	{ "padding of an empty array", "a(y)", -EBADMSG, { U(0) } },
	{ "array not of whole values", "au", -EBADMSG, { U(6), U(1), Q(2) } },
	{ "array too long", "ay", -EBADMSG, { U(3), Y(1), Y(2) } },
	{ "array of booleans", "ab", 0, { U(8), U(1), U(0) } },
	{ "array of bad booleans", "ab", -EBADMSG, { U(8), U(1), U(3) } },
	{ "array of strings", "as", 0, { U(14), S("a"), S("b") } },
	{ "array ends in a string", "as", -EBADMSG, { U(9), S("a"), S("b") } },
	{ "array of arrays", "aay", 0, { U(12), U(3), RAW("abc"), U(0) } },
	{ "huge array", "ay", -EBADMSG, { U(0x80000000), Y(1) } },
	{ "struct", "(yu)", 0, { Y(1), U(2) } },
	{ "struct, cut off", "(yu)", -EBADMSG, { Y(1) } },
	{ "padding of a struct", "y(y)", -EBADMSG, { Y(1), Y(1) } },
	{ "nested structs", "((y)(s))y", 0, { Y(1), PAD8, S("x"), Y(3) } },
	{ "dict", "a{sv}", 0,
	  { U(16), PAD8, S("k"), G("u"), U(5) } },
	{ "variant", "v", 0, { G("s"), S("x") } },
	{ "variant of a struct", "v", 0, { G("(yy)"), PAD8, Y(1), Y(2) } },
	{ "empty variant", "v", -EBADMSG, { G("") } },
	{ "variant of two", "v", -EBADMSG, { G("yy"), Y(1), Y(2) } },
	{ "bad variant", "v", -EBADMSG, { G("a"), Y(1) } },
	{ "variant in a variant", "vy", 0, { G("v"), G("v"), G("y"), Y(1), Y(2) } },
	{ "nothing in a variant", "v", -EBADMSG, { G("y") } },
};

static struct build *build_body(struct kunit *test, bool big, const char *sig,
				const struct item *body)
{
	const struct item fields[MAX_ITEMS] = { CALL, SIGNATURE(sig) };

	return build_message(test, big, 1, fields, body);
}

static void try_body(struct kunit *test, const struct body_case *c, bool big,
		     u32 piece)
{
	struct build *b = build_body(test, big, c->sig, c->body);
	struct sk_buff *skb = make_skb(test, b, piece);
	struct nfdbus_msg *m = parse_skb(skb, 0);

	KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(m), c->err,
			    "%s, big %d, piece %u", c->name, big, piece);
	if (!IS_ERR(m))
		nfdbus_msg_free(m);
	kfree_skb(skb);
}

static void test_bodies(struct kunit *test)
{
	const struct body_case *c;
	unsigned int i;

	for (c = bodies; c < bodies + ARRAY_SIZE(bodies); c++)
		for (i = 0; i < nr_pieces; i++) {
			try_body(test, c, false, pieces[i]);
			try_body(test, c, true, pieces[i]);
		}
}

static struct build *build_variants(struct kunit *test, unsigned int depth)
{
	struct build *b = build_body(test, false, "v", NULL);
	u32 begin = b->len;

	for (; depth > 1; depth--, b->len += 3)
		memcpy(b->data + b->len, "\1v", 3);
	memcpy(b->data + b->len, "\1y\0", 4);
	b->len += 4;
	b->data[4] = b->len - begin;
	return b;
}

static void test_depth(struct kunit *test)
{
	expect_parse(test, build_variants(test, 64), 0, "64 variants");
	expect_parse(test, build_variants(test, 65), -EBADMSG, "65 variants");
}

static void test_args(struct kunit *test)
{
	static const struct item fields[MAX_ITEMS] = {
		SIGNAL, SIGNATURE("s(s)oau")
	};
	static const struct item body[MAX_ITEMS] = {
		S("zero"), PAD8, S("one"), S("/two"), U(0),
	};
	struct build *b = build_message(test, true, 4, fields, body);
	struct sk_buff *skb = make_skb(test, b, 3);
	struct nfdbus_msg *m = parse_skb(skb, 0);

	kfree_skb(skb);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	KUNIT_ASSERT_NOT_NULL(test, m->args);
	KUNIT_EXPECT_EQ(test, m->args->idx, 0);
	KUNIT_EXPECT_STREQ(test, m->args->str.s, "zero");
	KUNIT_ASSERT_NOT_NULL(test, m->args->next);
	KUNIT_EXPECT_EQ(test, m->args->next->idx, 2);
	KUNIT_EXPECT_EQ(test, m->args->next->type, 'o');
	KUNIT_EXPECT_STREQ(test, m->args->next->str.s, "/two");
	KUNIT_EXPECT_NULL(test, m->args->next->next);
	nfdbus_msg_free(m);
}

static struct kunit_case message_cases[] = {
	KUNIT_CASE(test_headers),
	KUNIT_CASE(test_header_values),
	KUNIT_CASE(test_fixed_header),
	KUNIT_CASE(test_length),
	KUNIT_CASE(test_bodies),
	KUNIT_CASE(test_depth),
	KUNIT_CASE(test_args),
	{}
};

struct kunit_suite message_suite = {
	.name		= "nfdbus_message",
	.test_cases	= message_cases,
};
