// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: match rules
 *
 * The text is parsed as dbus-daemon parses it, oddities included: a rule that
 * the daemon accepts means the same here.
 */

#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/hex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "nfdbus.h"

/**
 * struct nfdbus_rule_text - state while a rule is parsed
 * @rule: the rule, as far as it is parsed
 * @pos: where to go on in the text
 * @key: the current key, not terminated
 * @key_len: bytes of @key
 * @value: the current value, unquoted and terminated
 * @value_len: bytes of @value
 * @room: where the next value goes, in @rule->buf
 * @error: what is wrong with the rule
 */
struct nfdbus_rule_text {
	struct nfdbus_rule	*rule;
	const char		*pos;
	const char		*key;
	u32			key_len;
	char			*value;
	u32			value_len;
	char			*room;
	const char		*error;
};

static int nfdbus_rule_error(struct nfdbus_rule_text *t, const char *error)
{
	t->error = error;
	return -EINVAL;
}

static bool nfdbus_is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void nfdbus_skip_white(struct nfdbus_rule_text *t)
{
	while (nfdbus_is_white(*t->pos))
		t->pos++;
}

static int nfdbus_rule_key(struct nfdbus_rule_text *t)
{
	nfdbus_skip_white(t);
	t->key = t->pos;
	while (*t->pos && *t->pos != '=' && !nfdbus_is_white(*t->pos))
		t->pos++;
	t->key_len = t->pos - t->key;
	nfdbus_skip_white(t);
	if (!t->key_len)
		return 0;

	if (*t->pos != '=')
		return nfdbus_rule_error(t, "key without a value");
	t->pos++;
	return 0;
}

/* Within quotes only the closing quote is special. Outside, a backslash escapes
 * a quote and is an ordinary character before any other.
 */
static int nfdbus_rule_value(struct nfdbus_rule_text *t)
{
	const char *p = t->pos;
	char *to = t->room;
	bool quoted = false;

	for (; *p && (quoted || *p != ','); p++) {
		if (*p == '\'')
			quoted = !quoted;
		else if (!quoted && p[0] == '\\' && p[1] == '\'')
			*to++ = *++p;
		else if (!quoted && p[0] == '\\' && p[1])
			*to++ = *p, *to++ = *++p;
		else
			*to++ = *p;
	}
	t->pos = p;
	if (quoted)
		return nfdbus_rule_error(t, "unbalanced quotation marks");

	if (*p)
		t->pos++;
	*to++ = '\0';
	t->value = t->room;
	t->value_len = to - t->room - 1;
	t->room = to;
	return 0;
}

static int nfdbus_rule_type(struct nfdbus_rule_text *t)
{
	static const char * const types[] = {
		[NFDBUS_TYPE_CALL]	= "method_call",
		[NFDBUS_TYPE_RETURN]	= "method_return",
		[NFDBUS_TYPE_ERROR]	= "error",
		[NFDBUS_TYPE_SIGNAL]	= "signal",
	};
	u8 i;

	if (t->rule->type)
		return nfdbus_rule_error(t, "key specified twice");

	for (i = NFDBUS_TYPE_CALL; i < ARRAY_SIZE(types); i++)
		if (!strcmp(t->value, types[i]))
			t->rule->type = i;
	if (!t->rule->type)
		return nfdbus_rule_error(t, "invalid message type");
	return 0;
}

static int nfdbus_rule_eavesdrop(struct nfdbus_rule_text *t)
{
	if (!strcmp(t->value, "true"))
		t->rule->eavesdrop = true;
	else if (!strcmp(t->value, "false"))
		t->rule->eavesdrop = false;
	else
		return nfdbus_rule_error(t, "eavesdrop is neither true nor false");
	return 0;
}

static void nfdbus_rule_take(struct nfdbus_rule_text *t, struct nfdbus_str *str)
{
	str->s = t->value;
	str->len = t->value_len;
	str->hash = nfdbus_hash(t->value, t->value_len);
}

static int nfdbus_rule_str(struct nfdbus_rule_text *t, struct nfdbus_str *str,
			   bool (*valid)(const char *s, u32 len))
{
	if (str->s)
		return nfdbus_rule_error(t, "key specified twice");
	if (!valid(t->value, t->value_len))
		return nfdbus_rule_error(t, "invalid value");

	nfdbus_rule_take(t, str);
	return 0;
}

static int nfdbus_rule_path(struct nfdbus_rule_text *t, struct nfdbus_str *str)
{
	if (t->rule->key.val[NFDBUS_KEY_PATH].s || t->rule->path_namespace.s)
		return nfdbus_rule_error(t, "path specified twice");
	return nfdbus_rule_str(t, str, nfdbus_is_path);
}

/* Parses a decimal, octal or hexadecimal number as strtoul() does. Returns the
 * end of the number; @s if there is none.
 */
static const char *nfdbus_rule_number(const char *s, u32 *v)
{
	unsigned int base = 10;
	int digit;

	*v = 0;
	if (s[0] == '0' && tolower(s[1]) == 'x' && isxdigit(s[2])) {
		base = 16;
		s += 2;
	} else if (s[0] == '0') {
		base = 8;
	}
	for (; isxdigit(*s); s++) {
		digit = hex_to_bin(*s);
		if (digit >= base)
			break;
		*v = min(*v * base + digit, NFDBUS_MAX_ARGS);
	}
	return s;
}

static int nfdbus_rule_arg_key(struct nfdbus_rule_text *t,
			       struct nfdbus_rule_arg *arg)
{
	const char *end;
	char key[24];
	u32 idx;

	if (t->key_len >= sizeof(key))
		return nfdbus_rule_error(t, "unknown key");
	memcpy(key, t->key, t->key_len);
	key[t->key_len] = '\0';

	end = nfdbus_rule_number(key + 3, &idx);
	if (end == key + 3)
		return nfdbus_rule_error(t, "argument without a number");

	if (!*end)
		arg->kind = NFDBUS_ARG_EXACT;
	else if (!strcmp(end, "path"))
		arg->kind = NFDBUS_ARG_PATH;
	else if (!strcmp(key, "arg0namespace"))
		arg->kind = NFDBUS_ARG_NAMESPACE;
	else
		return nfdbus_rule_error(t, "junk after the argument number");

	if (idx >= NFDBUS_MAX_ARGS)
		return nfdbus_rule_error(t, "argument number too large");
	arg->idx = idx;
	return 0;
}

static int nfdbus_rule_arg(struct nfdbus_rule_text *t)
{
	struct nfdbus_rule *rule = t->rule;
	struct nfdbus_rule_arg arg;
	u8 i = rule->nr_args;
	int err;

	err = nfdbus_rule_arg_key(t, &arg);
	if (err)
		return err;
	if (arg.kind == NFDBUS_ARG_NAMESPACE &&
	    !nfdbus_is_namespace(t->value, t->value_len))
		return nfdbus_rule_error(t, "invalid value");

	while (i && rule->args[i - 1].idx > arg.idx)
		i--;
	if (i && rule->args[i - 1].idx == arg.idx)
		return nfdbus_rule_error(t, "argument matched twice");

	nfdbus_rule_take(t, &arg.str);
	memmove(&rule->args[i + 1], &rule->args[i],
		(rule->nr_args - i) * sizeof(arg));
	rule->args[i] = arg;
	rule->nr_args++;
	return 0;
}

static bool nfdbus_key_is(const struct nfdbus_rule_text *t, const char *key)
{
	return strlen(key) == t->key_len && !memcmp(key, t->key, t->key_len);
}

static int nfdbus_rule_set(struct nfdbus_rule_text *t)
{
	struct nfdbus_rule *rule = t->rule;
	struct nfdbus_str *val = rule->key.val;

	if (nfdbus_key_is(t, "type"))
		return nfdbus_rule_type(t);
	if (nfdbus_key_is(t, "sender"))
		return nfdbus_rule_str(t, &val[NFDBUS_KEY_SENDER],
				       nfdbus_is_bus_name);
	if (nfdbus_key_is(t, "interface"))
		return nfdbus_rule_str(t, &val[NFDBUS_KEY_INTERFACE],
				       nfdbus_is_interface);
	if (nfdbus_key_is(t, "member"))
		return nfdbus_rule_str(t, &val[NFDBUS_KEY_MEMBER],
				       nfdbus_is_member);
	if (nfdbus_key_is(t, "path"))
		return nfdbus_rule_path(t, &val[NFDBUS_KEY_PATH]);
	if (nfdbus_key_is(t, "path_namespace"))
		return nfdbus_rule_path(t, &rule->path_namespace);
	if (nfdbus_key_is(t, "destination"))
		return nfdbus_rule_str(t, &rule->destination,
				       nfdbus_is_bus_name);
	if (nfdbus_key_is(t, "eavesdrop"))
		return nfdbus_rule_eavesdrop(t);
	if (t->key_len >= 3 && !memcmp(t->key, "arg", 3))
		return nfdbus_rule_arg(t);
	return nfdbus_rule_error(t, "unknown key");
}

/* As dbus-daemon, ignores what follows an empty key or 16 pairs. */
static int nfdbus_rule_read(struct nfdbus_rule_text *t)
{
	unsigned int i;
	int err;

	for (i = 0; i < NFDBUS_RULE_TOKENS && *t->pos; i++) {
		err = nfdbus_rule_key(t);
		if (err)
			return err;
		if (!t->key_len)
			return 0;

		err = nfdbus_rule_value(t);
		if (!err)
			err = nfdbus_rule_set(t);
		if (err)
			return err;
	}
	return 0;
}

static void nfdbus_rule_shape(struct nfdbus_rule *rule)
{
	struct nfdbus_key *key = &rule->key;
	unsigned int i;

	if (rule->nr_args && !rule->args[0].idx &&
	    rule->args[0].kind == NFDBUS_ARG_EXACT)
		key->val[NFDBUS_KEY_ARG0] = rule->args[0].str;

	for (i = 0; i < NFDBUS_NR_KEYS; i++)
		if (key->val[i].s)
			key->shape |= BIT(i);
}

/**
 * nfdbus_rule_parse() - parse a match rule
 * @text: text; -EINVAL if it is longer than %NFDBUS_MAX_RULE bytes
 * @offset: returns the offset of the wrong key in @text
 * @error: returns what is wrong with it; NULL after -ENOMEM
 *
 * Context: May sleep.
 * Return: The rule, to be freed with kfree(), or an ERR_PTR(): -EINVAL,
 * -ENOMEM.
 */
struct nfdbus_rule *nfdbus_rule_parse(const char *text, u32 *offset,
				      const char **error)
{
	size_t len = strlen(text);
	struct nfdbus_rule_text t = {};
	int err;

	*offset = 0;
	*error = NULL;
	if (len > NFDBUS_MAX_RULE) {
		*error = "too long";
		return ERR_PTR(-EINVAL);
	}

	/* A value and its NUL are never longer than the pair in the text. */
	t.rule = kzalloc_flex(*t.rule, buf, 2 * (len + 1), GFP_KERNEL_ACCOUNT);
	if (!t.rule)
		return ERR_PTR(-ENOMEM);

	t.rule->text = memcpy(t.rule->buf, text, len + 1);
	t.room = t.rule->buf + len + 1;
	t.pos = t.rule->text;
	t.key = t.pos;
	err = nfdbus_rule_read(&t);
	if (err) {
		*offset = t.key - t.rule->text;
		*error = t.error;
		kfree(t.rule);
		return ERR_PTR(err);
	}

	nfdbus_rule_shape(t.rule);
	return t.rule;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_rule_parse);

static bool nfdbus_opt_eq(const struct nfdbus_str *a,
			  const struct nfdbus_str *b)
{
	if (!a->s || !b->s)
		return a->s == b->s;
	return nfdbus_str_eq(a, b);
}

/**
 * nfdbus_rule_eq() - do two rules have the same conditions?
 * @a: rule
 * @b: rule
 *
 * Return: true if they do. Owners are not compared.
 */
bool nfdbus_rule_eq(const struct nfdbus_rule *a, const struct nfdbus_rule *b)
{
	u8 i;

	if (a->type != b->type || a->eavesdrop != b->eavesdrop ||
	    a->nr_args != b->nr_args ||
	    !nfdbus_opt_eq(&a->path_namespace, &b->path_namespace) ||
	    !nfdbus_opt_eq(&a->destination, &b->destination))
		return false;

	for (i = 0; i < NFDBUS_NR_KEYS; i++)
		if (!nfdbus_opt_eq(&a->key.val[i], &b->key.val[i]))
			return false;

	for (i = 0; i < a->nr_args; i++)
		if (a->args[i].idx != b->args[i].idx ||
		    a->args[i].kind != b->args[i].kind ||
		    !nfdbus_str_eq(&a->args[i].str, &b->args[i].str))
			return false;
	return true;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_rule_eq);

/**
 * nfdbus_rule_broadcast() - can a rule match a signal without destination?
 * @rule: rule
 *
 * Return: true if it can.
 */
bool nfdbus_rule_broadcast(const struct nfdbus_rule *rule)
{
	return !rule->destination.s &&
	       (!rule->type || rule->type == NFDBUS_TYPE_SIGNAL);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_rule_broadcast);

u64 nfdbus_rule_arg_mask(const struct nfdbus_rule *rule)
{
	u64 mask = 0;
	u8 i;

	for (i = 0; i < rule->nr_args; i++)
		mask |= BIT_ULL(rule->args[i].idx);
	return mask;
}

/* Matching */

static bool nfdbus_path_in(const struct nfdbus_str *path,
			   const struct nfdbus_str *namespace)
{
	if (namespace->len == 1)
		return true;
	if (path->len < namespace->len ||
	    memcmp(path->s, namespace->s, namespace->len))
		return false;
	return path->len == namespace->len || path->s[namespace->len] == '/';
}

static bool nfdbus_ends_in_slash(const struct nfdbus_str *str)
{
	return str->len && str->s[str->len - 1] == '/';
}

/* @arg->str is cut only if it is longer than any rule. */
static bool nfdbus_arg_is_path(const struct nfdbus_arg *arg,
			       const struct nfdbus_str *value)
{
	if (arg->len < value->len && !nfdbus_ends_in_slash(&arg->str))
		return false;
	if (value->len < arg->len && !nfdbus_ends_in_slash(value))
		return false;
	return !memcmp(arg->buf, value->s, min(arg->str.len, value->len));
}

static bool nfdbus_arg_in(const struct nfdbus_arg *arg,
			  const struct nfdbus_str *namespace)
{
	if (arg->len < namespace->len ||
	    memcmp(arg->buf, namespace->s, namespace->len))
		return false;
	return arg->len == namespace->len || arg->buf[namespace->len] == '.';
}

static bool nfdbus_arg_matches(const struct nfdbus_rule_arg *asked,
			       const struct nfdbus_arg *arg)
{
	if (asked->kind == NFDBUS_ARG_PATH)
		return nfdbus_arg_is_path(arg, &asked->str);
	if (arg->type != 's')
		return false;
	if (asked->kind == NFDBUS_ARG_NAMESPACE)
		return nfdbus_arg_in(arg, &asked->str);
	return arg->len == asked->str.len &&
	       nfdbus_str_eq(&arg->str, &asked->str);
}

/**
 * nfdbus_rule_matches() - compare the conditions that are not in the key
 * @rule: rule that nfdbus_index_find() found for @m
 * @m: message in which all arguments of index->arg_mask are kept
 *
 * Compares path_namespace and arguments, but not type and destination.
 *
 * Return: true if the rule matches.
 */
bool nfdbus_rule_matches(const struct nfdbus_rule *rule,
			 const struct nfdbus_msg *m)
{
	const struct nfdbus_arg *arg = m->args;
	u8 i;

	if (rule->path_namespace.s &&
	    (!m->path.s || !nfdbus_path_in(&m->path, &rule->path_namespace)))
		return false;

	for (i = 0; i < rule->nr_args; i++) {
		while (arg && arg->idx < rule->args[i].idx)
			arg = arg->next;
		if (!arg || arg->idx != rule->args[i].idx ||
		    !nfdbus_arg_matches(&rule->args[i], arg))
			return false;
	}
	return true;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_rule_matches);
