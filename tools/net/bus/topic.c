// SPDX-License-Identifier: GPL-2.0
/* Topics of bus-topic, and the socket filters for them: see topic.h */
#include <string.h>

#include "topic.h"

static const char *level_reason(const char *level, size_t len, bool last,
				bool pattern)
{
	bool wild = memchr(level, '+', len) || memchr(level, '#', len);

	if (wild && !pattern)
		return "no + or # in a topic to publish";
	if (wild && len != 1)
		return "+ and # stand for whole levels";
	if (wild && *level == '#' && !last)
		return "# can only be the last level";
	return NULL;
}

const char *topic_reason(const char *topic, bool pattern)
{
	const char *reason = NULL;
	size_t len;

	if (!*topic)
		return "it is empty";
	if (strlen(topic) > TOPIC_MAX)
		return "longer than 254 bytes";

	for (;;) {
		len = strcspn(topic, "/");
		reason = level_reason(topic, len, !topic[len], pattern);
		if (reason || !topic[len])
			return reason;
		topic += len + 1;
	}
}

size_t topic_encode(const char *topic, __u8 *head)
{
	size_t len, n = 1;

	head[0] = 0;
	for (;;) {
		len = strcspn(topic, "/");
		head[0]++;
		head[n++] = len;
		memcpy(head + n, topic, len);
		n += len;
		if (!topic[len])
			return n;
		topic += len + 1;
	}
}

ssize_t topic_decode(const __u8 *msg, size_t len, char *topic)
{
	unsigned int i;
	size_t n = 1;

	if (!len || !msg[0])
		return -1;

	for (i = 0; i < msg[0]; i++) {
		if (n >= len || len - n <= msg[n] ||
		    n + msg[n] >= TOPIC_HEAD_MAX ||
		    memchr(msg + n + 1, '/', msg[n]) ||
		    memchr(msg + n + 1, '\0', msg[n]))
			return -1;
		if (i)
			*topic++ = '/';
		memcpy(topic, msg + n + 1, msg[n]);
		topic += msg[n];
		n += msg[n] + 1;
	}
	*topic = '\0';
	return n;
}

/* FNV-1a of the first level */
__u16 topic_prefix(const char *topic)
{
	__u32 hash = 2166136261u;

	while (*topic && *topic != '/') {
		hash ^= (__u8)*topic++;
		hash *= 16777619;
	}
	return hash % TOPIC_GROUPS + 1;
}

__u64 topic_groups(const char *pattern)
{
	size_t len = strcspn(pattern, "/");

	if (len == 1 && (*pattern == '+' || *pattern == '#'))
		return ~0ull;
	return 1ull << (topic_prefix(pattern) - 1);
}

/* The filter. X is where the level after the last "+" begins, offset is how far
 * the next level is from there: levels of known length move the offset only.
 * The filter checks the number of levels and the length of each before it loads
 * the text of one, so in a well-formed message no load fails. A load that fails
 * refuses the message.
 */

struct code {
	struct sock_filter	insn[BPF_MAXINSNS];
	unsigned int		nr;
	bool			full;
};

/* A jump whose target is not known yet: to the next pattern. */
#define MISMATCH	((__u32)-1)

static void emit(struct code *code, __u16 op, __u32 k)
{
	if (code->nr == BPF_MAXINSNS)
		code->full = true;
	else
		code->insn[code->nr++] = (struct sock_filter)BPF_STMT(op, k);
}

/* Go on if the comparison of A holds. */
static void emit_test(struct code *code, __u16 compare, __u32 k)
{
	emit(code, BPF_JMP | compare | BPF_K, k);
	if (!code->full)
		code->insn[code->nr - 1].jt = 1;
	emit(code, BPF_JMP | BPF_JA, MISMATCH);
}

static void emit_text(struct code *code, const char *text, size_t len,
		      __u32 offset)
{
	const __u8 *t = (const __u8 *)text;
	size_t i = 0;

	for (; i + 4 <= len; i += 4) {
		emit(code, BPF_LD | BPF_W | BPF_IND, offset + i);
		emit_test(code, BPF_JEQ, (__u32)t[i] << 24 | t[i + 1] << 16 |
					 t[i + 2] << 8 | t[i + 3]);
	}
	for (; i < len; i++) {
		emit(code, BPF_LD | BPF_B | BPF_IND, offset + i);
		emit_test(code, BPF_JEQ, t[i]);
	}
}

/* Returns the offset of the next level. */
static __u32 emit_level(struct code *code, const char *level, size_t len,
			__u32 offset)
{
	emit(code, BPF_LD | BPF_B | BPF_IND, offset);
	if (len == 1 && *level == '+') {
		emit(code, BPF_ALU | BPF_ADD | BPF_X, 0);
		emit(code, BPF_ALU | BPF_ADD | BPF_K, offset + 1);
		emit(code, BPF_MISC | BPF_TAX, 0);
		return 0;
	}
	emit_test(code, BPF_JEQ, len);
	emit_text(code, level, len, offset + 1);
	return offset + 1 + len;
}

/* "a/#" is "a" and all below it. */
static void emit_count(struct code *code, const char *pattern)
{
	unsigned int nr = 1;
	const char *p;

	for (p = pattern; *p; p++)
		nr += *p == '/';
	emit(code, BPF_LD | BPF_B | BPF_ABS, 0);
	if (p[-1] == '#')
		emit_test(code, BPF_JGE, nr - 1);
	else
		emit_test(code, BPF_JEQ, nr);
}

static void emit_pattern(struct code *code, const char *pattern)
{
	unsigned int i = code->nr;
	__u32 offset = 1;
	size_t len;

	emit_count(code, pattern);
	emit(code, BPF_LDX | BPF_W | BPF_IMM, 0);
	for (;;) {
		len = strcspn(pattern, "/");
		if (len == 1 && *pattern == '#')
			break;
		offset = emit_level(code, pattern, len, offset);
		if (!pattern[len])
			break;
		pattern += len + 1;
	}
	emit(code, BPF_RET | BPF_K, -1);

	for (; i < code->nr; i++)
		if (code->insn[i].code == (BPF_JMP | BPF_JA))
			code->insn[i].k = code->nr - i - 1;
}

bool topic_filter(struct sock_fprog *prog, char *const *patterns, int nr)
{
	static struct code code;
	int i;

	code.nr = 0;
	code.full = false;
	emit(&code, BPF_LD | BPF_B | BPF_ABS, 0);
	emit(&code, BPF_JMP | BPF_JEQ | BPF_K, TOPIC_ANSWER);
	code.insn[1].jf = 1;
	emit(&code, BPF_RET | BPF_K, -1);
	for (i = 0; i < nr; i++)
		emit_pattern(&code, patterns[i]);
	emit(&code, BPF_RET | BPF_K, 0);

	prog->len = code.nr;
	prog->filter = code.insn;
	return !code.full;
}
