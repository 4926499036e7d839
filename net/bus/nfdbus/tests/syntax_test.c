// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: tests of names, paths and signatures
 */

#include "nfdbus_test.h"

struct text_case {
	const char	*text;
	bool		path;
	bool		interface;
	bool		member;
	bool		bus_name;
};

static const struct text_case texts[] = {
	{ "" },
	{ "/", .path = true },
	{ "/a", .path = true },
	{ "/a/b_9/C", .path = true },
	{ "/9", .path = true },
	{ "//" },
	{ "/a/" },
	{ "/a//b" },
	{ "a/b" },
	{ "/a.b" },
	{ "/a-b" },
	{ "a", .member = true },
	{ "_9", .member = true },
	{ "9a" },
	{ "a-b" },
	{ "-" },
	{ "a.b", .interface = true, .bus_name = true },
	{ "_a._9.b", .interface = true, .bus_name = true },
	{ "a-b.c", .bus_name = true },
	{ "-a.-b", .bus_name = true },
	{ ".a.b" },
	{ "a.b." },
	{ "a..b" },
	{ "a.9b" },
	{ "9.b" },
	{ ":", .bus_name = true },
	{ ":0.1", .bus_name = true },
	{ ":a", .bus_name = true },
	{ ":.a", .bus_name = true },
	{ ":a..b" },
	{ ":a." },
	{ "a:b.c" },
	{ "a.b\xc3\xa9" },
};

static void test_texts(struct kunit *test)
{
	const struct text_case *c;
	u32 len;

	for (c = texts; c < texts + ARRAY_SIZE(texts); c++) {
		len = strlen(c->text);
		KUNIT_EXPECT_EQ_MSG(test, nfdbus_is_path(c->text, len),
				    c->path, "path %s", c->text);
		KUNIT_EXPECT_EQ_MSG(test, nfdbus_is_interface(c->text, len),
				    c->interface, "interface %s", c->text);
		KUNIT_EXPECT_EQ_MSG(test, nfdbus_is_member(c->text, len),
				    c->member, "member %s", c->text);
		KUNIT_EXPECT_EQ_MSG(test, nfdbus_is_bus_name(c->text, len),
				    c->bus_name, "bus name %s", c->text);
	}
}

static void test_long_names(struct kunit *test)
{
	char text[257];

	memset(text, 'a', sizeof(text));
	text[1] = '.';
	KUNIT_EXPECT_TRUE(test, nfdbus_is_interface(text, 255));
	KUNIT_EXPECT_FALSE(test, nfdbus_is_interface(text, 256));
	KUNIT_EXPECT_TRUE(test, nfdbus_is_bus_name(text, 255));
	KUNIT_EXPECT_FALSE(test, nfdbus_is_bus_name(text, 256));
	text[1] = 'a';
	KUNIT_EXPECT_TRUE(test, nfdbus_is_member(text, 255));
	KUNIT_EXPECT_FALSE(test, nfdbus_is_member(text, 256));
}

static void test_signatures(struct kunit *test)
{
	static const char * const good[] = {
		"", "y", "b", "n", "q", "i", "u", "x", "t", "d", "s", "o", "g",
		"v", "h", "ay", "aay", "(y)", "((y))", "a(yv)", "a{sv}",
		"a{ya{sv}}", "a{s(iau)}", "yyyyuua(yv)", "a(a{sv}i)",
	};
	static const char * const bad[] = {
		"a", "aa", "(", ")", "()", "(a)", "(y", "y)", "{sv}", "({sv})",
		"a{}", "a{s}", "a{svv}", "a{vs}", "a{(y)s}", "a{sv", "a{sv)",
		"a(sv}", "a{as}", "a{a{sv}v}", "z", "e", "r", "a{sv}}", "(y}",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		KUNIT_EXPECT_TRUE_MSG(test, nfdbus_is_signature(good[i],
								strlen(good[i])),
				      "%s", good[i]);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_FALSE_MSG(test, nfdbus_is_signature(bad[i],
								 strlen(bad[i])),
				       "%s", bad[i]);
}

static void nest(char *sig, const char *open, const char *close, u32 n)
{
	u32 len = strlen(open), i;

	for (i = 0; i < n; i++)
		memcpy(sig + i * len, open, len);
	sig[n * len] = 'y';
	for (i = 0; i < n; i++)
		memcpy(sig + n * len + 1 + i * strlen(close), close,
		       strlen(close));
	sig[n * len + 1 + n * strlen(close)] = '\0';
}

static void test_signature_depth(struct kunit *test)
{
	static const char * const kinds[][2] = {
		{ "a", "" }, { "(", ")" }, { "a(", ")" }, { "a{y", "}" },
	};
	char sig[256];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		nest(sig, kinds[i][0], kinds[i][1], 32);
		KUNIT_EXPECT_TRUE_MSG(test, nfdbus_is_signature(sig,
								strlen(sig)),
				      "%s", sig);
		nest(sig, kinds[i][0], kinds[i][1], 33);
		KUNIT_EXPECT_FALSE_MSG(test, nfdbus_is_signature(sig,
								 strlen(sig)),
				       "%s", sig);
	}
	memset(sig, 'y', sizeof(sig));
	KUNIT_EXPECT_TRUE(test, nfdbus_is_signature(sig, 255));
	KUNIT_EXPECT_FALSE(test, nfdbus_is_signature(sig, 256));
}

static struct kunit_case syntax_cases[] = {
	KUNIT_CASE(test_texts),
	KUNIT_CASE(test_long_names),
	KUNIT_CASE(test_signatures),
	KUNIT_CASE(test_signature_depth),
	{}
};

struct kunit_suite syntax_suite = {
	.name		= "nfdbus_syntax",
	.test_cases	= syntax_cases,
};
