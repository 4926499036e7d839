// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: syntax of strings, names, paths and signatures
 */

#include <linux/ctype.h>
#include <linux/once.h>
#include <linux/siphash.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "nfdbus.h"

#define ONES	(~0UL / 0xff)
#define HIGHS	(ONES << 7)

/* Clients choose most of the strings that are hashed, and can measure how long
 * a look-up takes. So the key must not be guessable from collisions.
 */
u32 nfdbus_hash(const char *s, u32 len)
{
	static hsiphash_key_t key __read_mostly;

	get_random_once(&key, sizeof(key));
	return hsiphash(s, len, &key);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_hash);

/* Skips words of ASCII without a NUL. */
static const u8 *nfdbus_skip_ascii(const u8 *p, const u8 *end)
{
	unsigned long w;

	for (; end - p >= sizeof(w); p += sizeof(w)) {
		w = get_unaligned((const unsigned long *)p);
		if ((w | (w - ONES)) & HIGHS)
			break;
	}
	return p;
}

static bool nfdbus_utf8_begin(struct nfdbus_utf8 *state, u8 c)
{
	state->lo = 0x80;
	state->hi = 0xbf;

	switch (c) {
	case 0x01 ... 0x7f:
		return true;
	case 0xc2 ... 0xdf:
		state->need = 1;
		return true;
	case 0xe0 ... 0xef:
		state->need = 2;
		if (c == 0xe0)
			state->lo = 0xa0;	/* overlong */
		if (c == 0xed)
			state->hi = 0x9f;	/* surrogates */
		return true;
	case 0xf0 ... 0xf4:
		state->need = 3;
		if (c == 0xf0)
			state->lo = 0x90;	/* overlong */
		if (c == 0xf4)
			state->hi = 0x8f;	/* beyond Unicode */
		return true;
	default:
		return false;
	}
}

/**
 * nfdbus_utf8_valid() - check a piece of a string
 * @state: zero before the first piece; after the last piece the string is valid
 *	if state->need is 0
 * @p: piece
 * @len: bytes of the piece
 *
 * Return: true if it is UTF-8 without a NUL so far.
 */
bool nfdbus_utf8_valid(struct nfdbus_utf8 *state, const u8 *p, u32 len)
{
	const u8 *end = p + len;

	while (p < end) {
		if (!state->need) {
			p = nfdbus_skip_ascii(p, end);
			if (p == end)
				break;
			if (!nfdbus_utf8_begin(state, *p++))
				return false;
			continue;
		}
		if (*p < state->lo || *p > state->hi)
			return false;
		p++;
		state->lo = 0x80;
		state->hi = 0xbf;
		state->need--;
	}
	return true;
}

static bool nfdbus_is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool nfdbus_is_name_char(char c)
{
	return nfdbus_is_name_start(c) || (c >= '0' && c <= '9');
}

/**
 * nfdbus_path_valid() - check a piece of an object path
 * @state: zero before the first piece; after the last piece nfdbus_path_end()
 *	tells whether the path may end there
 * @p: piece
 * @len: bytes of the piece
 *
 * Return: true if it is a path so far.
 */
bool nfdbus_path_valid(struct nfdbus_path *state, const u8 *p, u32 len)
{
	const u8 *end = p + len;

	for (; p < end; p++) {
		if (!state->len && *p != '/')
			return false;
		if (*p == '/' ? state->last == '/' : !nfdbus_is_name_char(*p))
			return false;
		state->last = *p;
		state->len++;
	}
	return true;
}

bool nfdbus_path_end(const struct nfdbus_path *state)
{
	return state->len == 1 || (state->len && state->last != '/');
}

bool nfdbus_is_path(const char *s, u32 len)
{
	struct nfdbus_path state = {};

	return nfdbus_path_valid(&state, s, len) && nfdbus_path_end(&state);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_is_path);

bool nfdbus_is_member(const char *s, u32 len)
{
	u32 i;

	if (!len || len > NFDBUS_MAX_NAME || !nfdbus_is_name_start(s[0]))
		return false;

	for (i = 1; i < len; i++)
		if (!nfdbus_is_name_char(s[i]))
			return false;
	return true;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_is_member);

bool nfdbus_is_interface(const char *s, u32 len)
{
	u32 i, dots = 0;
	char last = '.';

	if (!len || len > NFDBUS_MAX_NAME)
		return false;

	for (i = 0; i < len; last = s[i++]) {
		if (last == '.') {
			if (!nfdbus_is_name_start(s[i]))
				return false;
		} else if (s[i] == '.') {
			dots++;
		} else if (!nfdbus_is_name_char(s[i])) {
			return false;
		}
	}
	return dots && last != '.';
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_is_interface);

/* Only the elements of a unique name may begin with a digit. */
static bool nfdbus_is_name(const char *s, u32 len, bool unique)
{
	char last = unique ? ':' : '.';
	u32 i;

	for (i = 0; i < len; last = s[i++]) {
		if (s[i] == '.' && last != '.')
			continue;
		if (!nfdbus_is_name_char(s[i]) && s[i] != '-')
			return false;
		if (last == '.' && !unique && isdigit(s[i]))
			return false;
	}
	return last != '.';
}

/**
 * nfdbus_is_namespace() - check a bus name or the first elements of one
 * @s: text
 * @len: bytes
 *
 * Return: true if it is one.
 */
bool nfdbus_is_namespace(const char *s, u32 len)
{
	if (!len || len > NFDBUS_MAX_NAME)
		return false;
	if (s[0] == ':')
		return nfdbus_is_name(s + 1, len - 1, true);
	return nfdbus_is_name(s, len, false);
}

bool nfdbus_is_bus_name(const char *s, u32 len)
{
	return nfdbus_is_namespace(s, len) &&
	       (s[0] == ':' || memchr(s, '.', len));
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_is_bus_name);

/* Types */

/**
 * nfdbus_type_align() - alignment of the values of a type
 * @type: the first character of its signature
 *
 * Return: Alignment in bytes; of a fixed type, this is also the size.
 */
u32 nfdbus_type_align(char type)
{
	switch (type) {
	case 'n':
	case 'q':
		return 2;
	case 'b':
	case 'i':
	case 'u':
	case 'h':
	case 's':
	case 'o':
	case 'a':
		return 4;
	case 'x':
	case 't':
	case 'd':
	case '(':
	case '{':
		return 8;
	default:
		return 1;
	}
}

bool nfdbus_type_fixed(char type)
{
	return type && strchr("ybnqiuxtdh", type);
}

static bool nfdbus_type_basic(char type)
{
	return nfdbus_type_fixed(type) || (type && strchr("sog", type));
}

/**
 * nfdbus_sig_skip() - find the end of a type
 * @sig: valid signature
 * @pos: position of the first character of the type
 *
 * Return: The position after the type.
 */
u32 nfdbus_sig_skip(const char *sig, u32 pos)
{
	u32 depth = 0;

	for (;;) {
		switch (sig[pos++]) {
		case 'a':
			continue;
		case '(':
		case '{':
			depth++;
			break;
		case ')':
		case '}':
			depth--;
			break;
		}
		if (!depth)
			return pos;
	}
}

/**
 * struct nfdbus_sig - state while a signature is checked
 * @open: brackets that are open
 * @count: number of types in each bracket; @count[0] is outside of all brackets
 * @depth: number of open brackets
 * @structs: number of open parentheses
 * @arrays: array characters without their type so far
 * @last: the last character
 */
struct nfdbus_sig {
	char	open[2 * NFDBUS_MAX_NEST + 1];
	u8	count[2 * NFDBUS_MAX_NEST + 1];
	u32	depth;
	u32	structs;
	u32	arrays;
	char	last;
};

static bool nfdbus_sig_open(struct nfdbus_sig *sig, char c)
{
	if (c == '{' && sig->last != 'a')
		return false;

	sig->depth++;
	if (c == '(')
		sig->structs++;
	if (sig->structs > NFDBUS_MAX_NEST ||
	    sig->depth - sig->structs > NFDBUS_MAX_NEST)
		return false;
	sig->open[sig->depth] = c;
	sig->count[sig->depth] = 0;
	return true;
}

static bool nfdbus_sig_close(struct nfdbus_sig *sig, char c)
{
	bool dict = c == '}';

	if (sig->arrays || !sig->depth ||
	    sig->open[sig->depth] != (dict ? '{' : '('))
		return false;
	if (dict ? sig->count[sig->depth] != 2 : sig->last == '(')
		return false;

	sig->depth--;
	sig->structs -= !dict;
	sig->count[sig->depth]++;
	return true;
}

static bool nfdbus_sig_next(struct nfdbus_sig *sig, char c)
{
	if (sig->last == '{' && !nfdbus_type_basic(c))
		return false;

	switch (c) {
	case 'a':
		return ++sig->arrays <= NFDBUS_MAX_NEST;
	case '(':
	case '{':
		sig->arrays = 0;
		return nfdbus_sig_open(sig, c);
	case ')':
	case '}':
		return nfdbus_sig_close(sig, c);
	default:
		sig->arrays = 0;
		sig->count[sig->depth]++;
		return c == 'v' || nfdbus_type_basic(c);
	}
}

/**
 * nfdbus_is_signature() - check a signature
 * @s: text
 * @len: bytes
 *
 * Return: true if it is one: any number of complete types.
 */
bool nfdbus_is_signature(const char *s, u32 len)
{
	struct nfdbus_sig sig;
	u32 i;

	if (len > NFDBUS_MAX_SIG)
		return false;
	if (len == 1)
		return s[0] == 'v' || nfdbus_type_basic(s[0]);

	memset(&sig, 0, sizeof(sig));
	for (i = 0; i < len; i++) {
		if (!nfdbus_sig_next(&sig, s[i]))
			return false;
		sig.last = s[i];
	}
	return !sig.depth && !sig.arrays;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_is_signature);
