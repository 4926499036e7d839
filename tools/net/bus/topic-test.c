// SPDX-License-Identifier: GPL-2.0
/*
 * Do the filters of topic.c say what patterns mean? They are run by the kernel,
 * for datagrams of AF_UNIX, and compared with matching by strings. Prints TAP.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "topic.h"

#define ROUNDS	20000

static int nr_tests, nr_failed;

static void result(bool ok, const char *name)
{
	nr_tests++;
	nr_failed += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", nr_tests, name);
}

/* The meaning of a pattern, in the words of MQTT. */
static bool matches(const char *pattern, const char *topic)
{
	size_t p, t;

	for (;;) {
		p = strcspn(pattern, "/");
		t = strcspn(topic, "/");
		if (p == 1 && *pattern == '#')
			return true;
		if (!(p == 1 && *pattern == '+') &&
		    (p != t || memcmp(pattern, topic, p)))
			return false;
		if (!topic[t])
			return !pattern[p] || !strcmp(pattern + p, "/#");
		if (!pattern[p])
			return false;
		pattern += p + 1;
		topic += t + 1;
	}
}

static int pair[2];

static void attach(char *const *patterns, int nr)
{
	struct sock_fprog prog;

	if (!topic_filter(&prog, patterns, nr))
		errx(1, "no filter");
	if (setsockopt(pair[1], SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		       sizeof(prog)))
		err(1, "SO_ATTACH_FILTER, %u instructions", prog.len);
}

/* AF_UNIX tells the sender of a datagram that the filter refused. */
static bool passes(const __u8 *msg, size_t len)
{
	char buf[2 * TOPIC_HEAD_MAX];

	send(pair[0], msg, len, MSG_DONTWAIT);
	return recv(pair[1], buf, sizeof(buf), MSG_DONTWAIT) >= 0;
}

static bool topic_passes(const char *topic, const char *payload)
{
	__u8 msg[2 * TOPIC_HEAD_MAX];
	size_t n = topic_encode(topic, msg);

	memcpy(msg + n, payload, strlen(payload));
	return passes(msg, n + strlen(payload));
}

/* Short levels of few letters, so that much matches. */
static void random_topic(char *topic, bool pattern)
{
	static const char *const levels[] = {
		"", "a", "b", "ab", "aaaa", "aaaab", "aaaabbbb", "abcdefghijk",
		"+", "#",
	};
	int i, n = random() % 4 + 1;
	const char *level;

	*topic = '\0';
	for (i = 0; i < n; i++) {
		level = levels[random() % (pattern ? 9 : 8)];
		if (pattern && i == n - 1 && random() % 4 == 0)
			level = "#";
		strcat(topic, level);
		if (i < n - 1)
			strcat(topic, "/");
	}
	if (!*topic)
		strcat(topic, "a");
}

static bool agree(void)
{
	char patterns[3][64], topic[64], *list[3];
	int round, i, nr = 0, yes = 0;
	bool want;

	for (round = 0; round < ROUNDS; round++) {
		if (round % 16 == 0) {
			nr = random() % 3 + 1;
			for (i = 0; i < nr; i++) {
				random_topic(patterns[i], true);
				list[i] = patterns[i];
			}
			attach(list, nr);
		}
		random_topic(topic, false);
		want = false;
		for (i = 0; i < nr; i++)
			want |= matches(patterns[i], topic);
		yes += want;
		if (topic_passes(topic, random() % 2 ? "" : "text") == want)
			continue;
		printf("# '%s' %s", topic, want ? "refused" : "passed");
		for (i = 0; i < nr; i++)
			printf(" by '%s'", patterns[i]);
		printf("\n");
		return false;
	}
	printf("# %d of %d topics matched\n", yes, ROUNDS);
	return yes > ROUNDS / 20 && yes < ROUNDS - ROUNDS / 20;
}

/* Who matches is in a group that the subscriber is in. */
static bool groups_agree(void)
{
	char pattern[64], topic[64];
	int round;

	for (round = 0; round < ROUNDS; round++) {
		random_topic(pattern, true);
		random_topic(topic, false);
		if (matches(pattern, topic) &&
		    !(topic_groups(pattern) >> (topic_prefix(topic) - 1) & 1))
			return false;
	}
	return true;
}

static bool known_answers(void)
{
	static const struct {
		char		*pattern;
		const char	*topic;
		bool		want;
	} known[] = {
		{ "a/b", "a/b", true },		{ "a/b", "a", false },
		{ "a/b", "a/bc", false },	{ "a/b", "a/b/c", false },
		{ "a/+", "a/b", true },		{ "a/+", "a/", true },
		{ "a/+", "a", false },		{ "a/+", "a/b/c", false },
		{ "+/b", "a/b", true },		{ "+/+", "/b", true },
		{ "+", "a", true },		{ "+", "a/b", false },
		{ "a/#", "a", true },		{ "a/#", "a/b/c", true },
		{ "a/#", "ab", false },		{ "#", "a/b", true },
		{ "a/+/c", "a/bbbb/c", true },	{ "a/+/c", "a/bbbb/d", false },
		{ "+/+/#", "a/b", true },	{ "+/+/#", "a", false },
		{ "/a", "a", false },		{ "a", "/a", false },
	};
	size_t i;
	bool ok = true;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		attach((char *const *)&known[i].pattern, 1);
		if (matches(known[i].pattern, known[i].topic) == known[i].want &&
		    topic_passes(known[i].topic, "text") == known[i].want)
			continue;
		printf("# '%s' and '%s'\n", known[i].pattern, known[i].topic);
		ok = false;
	}
	return ok;
}

static bool longest(void)
{
	char topic[TOPIC_MAX + 1], back[TOPIC_HEAD_MAX], *list[] = { topic };
	__u8 head[TOPIC_HEAD_MAX];
	bool ok;

	memset(topic, 'x', TOPIC_MAX);
	topic[TOPIC_MAX] = '\0';
	attach(list, 1);
	ok = topic_passes(topic, "");
	ok &= topic_decode(head, topic_encode(topic, head), back) ==
	      TOPIC_HEAD_MAX && !strcmp(topic, back);

	memset(topic, '/', TOPIC_MAX);
	attach(list, 1);
	ok &= topic_passes(topic, "") && !topic_passes("/", "");
	ok &= topic_decode(head, topic_encode(topic, head), back) ==
	      TOPIC_HEAD_MAX && !strcmp(topic, back);
	return ok;
}

/* What anybody may send: nothing is read that is not there. */
static bool malformed(void)
{
	char topic[TOPIC_HEAD_MAX], *list[] = { "a/b/c" };
	__u8 msg[2 * TOPIC_HEAD_MAX];
	size_t len, i;
	int round;

	attach(list, 1);
	for (round = 0; round < ROUNDS; round++) {
		len = topic_encode("a/b/c", msg);
		i = random() % len;
		msg[i] = random();
		len = random() % (len + 1);
		if (passes(msg, len) && msg[0] != TOPIC_ANSWER &&
		    (topic_decode(msg, len, topic) < 0 || strcmp(topic, "a/b/c")))
			return false;
	}
	for (round = 0; round < ROUNDS; round++) {
		len = random() % sizeof(msg);
		for (i = 0; i < len; i++)
			msg[i] = random() % 8 ? random() % 4 : random();
		if (topic_decode(msg, len, topic) >= (ssize_t)TOPIC_HEAD_MAX + 1)
			return false;
	}
	return topic_decode(msg, 0, topic) < 0 &&
	       topic_decode((const __u8 *)"\1\3a/b", 5, topic) < 0;
}

static bool reasons(void)
{
	static const char *const bad[] = {
		"", "a+", "a/#b", "#/a", "a/#/b", "+a/b",
	};
	char topic[TOPIC_MAX + 2];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!topic_reason(bad[i], true))
			return false;
	memset(topic, 'x', sizeof(topic));
	topic[TOPIC_MAX + 1] = '\0';
	return topic_reason(topic, true) && topic_reason("a/+", false) &&
	       topic_reason("#", false) && !topic_reason("a/+/#", true) &&
	       !topic_reason("/", false) && !topic_reason(topic + 1, false);
}

static bool too_long(void)
{
	char topic[TOPIC_MAX + 1], *list[64];
	struct sock_fprog prog;
	int i;

	memset(topic, 'x', TOPIC_MAX);
	topic[TOPIC_MAX] = '\0';
	for (i = 0; i < 64; i++)
		list[i] = topic;
	return topic_filter(&prog, list, 8) && !topic_filter(&prog, list, 64);
}

int main(void)
{
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		err(1, "socketpair");
	setlinebuf(stdout);
	printf("TAP version 13\n1..8\n");
	result(known_answers(), "known answers");
	result(agree(), "filters and strings agree");
	result(groups_agree(), "what matches is in a group of the subscriber");
	result(longest(), "longest topics");
	result(malformed(), "malformed messages");
	result(reasons(), "what is no topic is refused");
	result(too_long(), "too many patterns are refused");
	close(pair[0]);
	result(topic_prefix("a/b") == topic_prefix("a"),
	       "the first level chooses the group");
	return nr_failed > 0;
}
