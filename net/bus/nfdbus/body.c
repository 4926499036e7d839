// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: check values against their signature
 *
 * All functions return 0, -EBADMSG for a value that libdbus refuses, -ENOMEM,
 * or -EOPNOTSUPP for a value that the kernel leaves to the master.
 */

#include <linux/sched.h>
#include <linux/slab.h>
#include "nfdbus.h"

/* Bytes for the signatures of all variants that are open at one time. */
#define NFDBUS_SIGS	1024

/**
 * struct nfdbus_frame - a container that is open
 * @kind: 'a', 'v', or '(' for structs, dict entries and the body itself
 * @sig: position in nfdbus_check.sigs of the next type; in an array, of the
 *	type of its elements
 * @sigs: of a variant: nfdbus_check.nr_sigs before it
 * @end: of an array: position in the message where it ends
 */
struct nfdbus_frame {
	char	kind;
	u16	sig;
	u16	sigs;
	u32	end;
};

/**
 * struct nfdbus_check - a check of values
 * @c: position in the message
 * @base: number of containers around the outermost value
 * @depth: index of the innermost frame
 * @nr_sigs: bytes of @sigs in use
 * @nr_args: outermost values that have been checked
 * @arg_mask: bit n: keep argument n
 * @args: where to put the next argument that is kept
 * @steps: values that have been checked
 * @frames: containers that are open
 * @sigs: their signatures, each with a NUL
 */
struct nfdbus_check {
	struct nfdbus_cursor	*c;
	u32			base;
	u32			depth;
	u32			nr_sigs;
	u32			nr_args;
	u64			arg_mask;
	struct nfdbus_arg	**args;
	u32			steps;
	struct nfdbus_frame	frames[NFDBUS_MAX_DEPTH + 1];
	char			sigs[NFDBUS_SIGS];
};

void nfdbus_args_free(struct nfdbus_arg *arg)
{
	struct nfdbus_arg *next;

	for (; arg; arg = next) {
		next = arg->next;
		kfree(arg);
	}
}

/* Reads with a copy of the cursor: the check reads the same bytes again. */
static int nfdbus_keep_arg(struct nfdbus_check *check, char type, u32 len)
{
	struct nfdbus_cursor c = *check->c;
	u32 kept = min(len, NFDBUS_MAX_RULE);
	struct nfdbus_arg *arg;
	int err;

	arg = kmalloc_flex(*arg, buf, kept + 1, GFP_KERNEL_ACCOUNT);
	if (!arg)
		return -ENOMEM;

	err = nfdbus_cursor_copy(&c, arg->buf, kept);
	if (err) {
		kfree(arg);
		return err;
	}

	arg->next = NULL;
	arg->idx = check->nr_args;
	arg->type = type;
	arg->len = len;
	arg->buf[kept] = '\0';
	arg->str.s = arg->buf;
	arg->str.len = kept;
	arg->str.hash = nfdbus_hash(arg->buf, kept);
	*check->args = arg;
	check->args = &arg->next;
	return 0;
}

static int nfdbus_check_utf8(struct nfdbus_cursor *c, u32 len)
{
	struct nfdbus_utf8 utf8 = {};
	u32 n;
	int err;

	for (; len; len -= n) {
		err = nfdbus_cursor_fill(c);
		if (err)
			return err;
		n = min(len, c->left);
		if (!nfdbus_utf8_valid(&utf8, c->p, n))
			return -EBADMSG;
		nfdbus_cursor_skip(c, n);
	}
	return utf8.need ? -EBADMSG : 0;
}

static int nfdbus_check_path(struct nfdbus_cursor *c, u32 len)
{
	struct nfdbus_path path = {};
	u32 n;
	int err;

	for (; len; len -= n) {
		err = nfdbus_cursor_fill(c);
		if (err)
			return err;
		n = min(len, c->left);
		if (!nfdbus_path_valid(&path, c->p, n))
			return -EBADMSG;
		nfdbus_cursor_skip(c, n);
	}
	return nfdbus_path_end(&path) ? 0 : -EBADMSG;
}

static int nfdbus_check_nul(struct nfdbus_cursor *c)
{
	u8 nul;
	int err = nfdbus_cursor_u8(c, &nul);

	if (!err && nul)
		err = -EBADMSG;
	return err;
}

static int nfdbus_check_string(struct nfdbus_check *check, char type)
{
	struct nfdbus_cursor *c = check->c;
	u32 len;
	int err;

	err = nfdbus_cursor_u32(c, &len);
	if (err)
		return err;
	if (len > c->len - c->pos)
		return -EBADMSG;

	if (!check->depth && check->nr_args < NFDBUS_MAX_ARGS &&
	    (check->arg_mask & BIT_ULL(check->nr_args))) {
		err = nfdbus_keep_arg(check, type, len);
		if (err)
			return err;
	}

	if (type == 's')
		err = nfdbus_check_utf8(c, len);
	else
		err = nfdbus_check_path(c, len);
	return err ?: nfdbus_check_nul(c);
}

/* Appends the signature that is next in the message to check->sigs. */
static int nfdbus_read_sig(struct nfdbus_check *check, u8 *len)
{
	char *sig = check->sigs + check->nr_sigs;
	int err;

	err = nfdbus_cursor_u8(check->c, len);
	if (err)
		return err;
	if (*len >= NFDBUS_SIGS - check->nr_sigs)
		return -EOPNOTSUPP;

	err = nfdbus_cursor_copy(check->c, sig, *len);
	if (!err)
		err = nfdbus_check_nul(check->c);
	if (err)
		return err;

	sig[*len] = '\0';
	return nfdbus_is_signature(sig, *len) ? 0 : -EBADMSG;
}

static int nfdbus_check_bool(struct nfdbus_cursor *c)
{
	u32 v;
	int err = nfdbus_cursor_u32(c, &v);

	if (!err && v > 1)
		err = -EBADMSG;
	return err;
}

static int nfdbus_check_fixed_array(struct nfdbus_cursor *c, char type, u32 len)
{
	u32 n;
	int err;

	if (len & (nfdbus_type_align(type) - 1))
		return -EBADMSG;
	if (type != 'b')
		return nfdbus_cursor_skip(c, len);

	for (n = 0; n < len; n += 4) {
		err = nfdbus_check_bool(c);
		if (err)
			return err;
		if (!(n & 0xffff))
			cond_resched();
	}
	return 0;
}

/* Containers. */

static struct nfdbus_frame *nfdbus_open(struct nfdbus_check *check, char kind,
					u32 sig)
{
	struct nfdbus_frame *frame;

	if (check->base + check->depth + 1 > NFDBUS_MAX_DEPTH)
		return NULL;

	frame = &check->frames[++check->depth];
	frame->kind = kind;
	frame->sig = sig;
	return frame;
}

static int nfdbus_open_array(struct nfdbus_check *check, u32 sig)
{
	struct nfdbus_cursor *c = check->c;
	char type = check->sigs[sig];
	struct nfdbus_frame *frame;
	u32 len;
	int err;

	err = nfdbus_cursor_u32(c, &len);
	if (!err)
		err = nfdbus_cursor_align(c, nfdbus_type_align(type));
	if (err)
		return err;
	if (len > NFDBUS_MAX_ARRAY || len > c->len - c->pos)
		return -EBADMSG;
	if (!len)
		return 0;
	if (nfdbus_type_fixed(type))
		return nfdbus_check_fixed_array(c, type, len);

	frame = nfdbus_open(check, 'a', sig);
	if (!frame)
		return -EBADMSG;
	frame->end = c->pos + len;
	return 0;
}

static int nfdbus_open_variant(struct nfdbus_check *check)
{
	u32 sig = check->nr_sigs;
	struct nfdbus_frame *frame;
	int err;
	u8 len;

	err = nfdbus_read_sig(check, &len);
	if (err)
		return err;
	if (!len || nfdbus_sig_skip(check->sigs, sig) != sig + len)
		return -EBADMSG;

	frame = nfdbus_open(check, 'v', sig);
	if (!frame)
		return -EBADMSG;
	frame->sigs = check->nr_sigs;
	check->nr_sigs += len + 1;
	return 0;
}

static int nfdbus_check_value(struct nfdbus_check *check, u32 sig)
{
	char type = check->sigs[sig];
	u32 size;
	int err;
	u8 len;

	switch (type) {
	case 'b':
		return nfdbus_check_bool(check->c);
	case 's':
	case 'o':
		return nfdbus_check_string(check, type);
	case 'g':
		return nfdbus_read_sig(check, &len);
	case 'v':
		return nfdbus_open_variant(check);
	case 'a':
		return nfdbus_open_array(check, sig + 1);
	case '(':
	case '{':
		err = nfdbus_cursor_align(check->c, 8);
		if (err)
			return err;
		return nfdbus_open(check, '(', sig + 1) ? 0 : -EBADMSG;
	default:
		size = nfdbus_type_align(type);
		err = nfdbus_cursor_align(check->c, size);
		return err ?: nfdbus_cursor_skip(check->c, size);
	}
}

/* Tells whether the innermost container is complete; if not, returns its next
 * type in @sig.
 */
static bool nfdbus_frame_done(struct nfdbus_check *check, u32 *sig)
{
	struct nfdbus_frame *frame = &check->frames[check->depth];

	*sig = frame->sig;
	if (frame->kind == 'a')
		return check->c->pos >= frame->end;
	if (!check->sigs[*sig] || strchr(")}", check->sigs[*sig]))
		return true;
	frame->sig = nfdbus_sig_skip(check->sigs, *sig);
	return false;
}

static int nfdbus_close(struct nfdbus_check *check)
{
	struct nfdbus_frame *frame = &check->frames[check->depth--];

	if (frame->kind == 'a' && check->c->pos != frame->end)
		return -EBADMSG;
	if (frame->kind == 'v')
		check->nr_sigs = frame->sigs;
	return 0;
}

static int nfdbus_check_run(struct nfdbus_check *check)
{
	bool outermost;
	int err = 0;
	u32 sig;

	while (!err) {
		if (nfdbus_frame_done(check, &sig)) {
			if (!check->depth)
				return 0;
			err = nfdbus_close(check);
			continue;
		}
		if (!(++check->steps & 0xfff))
			cond_resched();
		outermost = !check->depth;
		err = nfdbus_check_value(check, sig);
		check->nr_args += outermost;
	}
	return err;
}

/**
 * nfdbus_check_values() - check values exactly as libdbus does
 * @c: begin of the values; on success left at their end
 * @sig: types of the values, a valid signature
 * @depth: number of containers around the values
 * @arg_mask: bit n: keep value n if it is a string or an object path
 * @args: returns the values that are kept; free them with nfdbus_args_free(),
 *	also after an error
 *
 * Context: May sleep.
 * Return: 0, -EBADMSG, -EOPNOTSUPP, -ENOMEM.
 */
int nfdbus_check_values(struct nfdbus_cursor *c, const char *sig, u32 depth,
			u64 arg_mask, struct nfdbus_arg **args)
{
	struct nfdbus_check *check;
	int err;

	check = kmalloc_obj(*check);
	if (!check)
		return -ENOMEM;

	check->c = c;
	check->base = depth;
	check->depth = 0;
	check->nr_args = 0;
	check->arg_mask = arg_mask;
	check->args = args;
	check->steps = 0;
	check->frames[0].kind = '(';
	check->frames[0].sig = 0;
	check->nr_sigs = strlen(sig) + 1;
	memcpy(check->sigs, sig, check->nr_sigs);

	err = nfdbus_check_run(check);
	kfree(check);
	return err;
}
