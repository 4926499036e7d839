// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: read a message that may be in several pieces
 *
 * All functions return 0, -EBADMSG at the end of the message, or -EOPNOTSUPP
 * for a fragment that is not mapped.
 */

#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/unaligned.h>
#include "nfdbus.h"

static void nfdbus_cursor_enter(struct nfdbus_cursor *c,
				const struct sk_buff *skb)
{
	c->skb = skb;
	c->frag = 0;
	c->p = skb->data;
	c->left = skb_headlen(skb);
}

/**
 * nfdbus_cursor_init() - begin at the first byte of a message
 * @c: cursor
 * @skb: message; the skbs of its frag_list have no frag_list themselves
 */
void nfdbus_cursor_init(struct nfdbus_cursor *c, const struct sk_buff *skb)
{
	c->pos = 0;
	c->len = skb->len;
	c->swap = false;
	c->next = skb_shinfo(skb)->frag_list;
	nfdbus_cursor_enter(c, skb);
}

/**
 * nfdbus_cursor_init_mem() - begin at the first byte of plain memory
 * @c: cursor
 * @mem: memory
 * @len: bytes
 */
void nfdbus_cursor_init_mem(struct nfdbus_cursor *c, const void *mem, u32 len)
{
	memset(c, 0, sizeof(*c));
	c->p = mem;
	c->left = len;
	c->len = len;
}

/**
 * nfdbus_cursor_fill() - make at least one byte readable
 * @c: cursor
 *
 * Context: May sleep.
 * Return: 0, -EBADMSG at the end of the message, -EOPNOTSUPP.
 */
int nfdbus_cursor_fill(struct nfdbus_cursor *c)
{
	const skb_frag_t *frag;

	while (!c->left) {
		if (!c->skb)
			return -EBADMSG;

		cond_resched();
		if (c->frag < skb_shinfo(c->skb)->nr_frags) {
			frag = &skb_shinfo(c->skb)->frags[c->frag++];
			c->left = skb_frag_size(frag);
			c->p = skb_frag_address_safe(frag);
			if (!c->p)
				return -EOPNOTSUPP;
		} else if (c->next) {
			nfdbus_cursor_enter(c, c->next);
			c->next = c->next->next;
		} else {
			return -EBADMSG;
		}
	}
	return 0;
}

static void nfdbus_cursor_advance(struct nfdbus_cursor *c, u32 len)
{
	c->p += len;
	c->left -= len;
	c->pos += len;
}

int nfdbus_cursor_skip(struct nfdbus_cursor *c, u32 len)
{
	u32 n;
	int err;

	for (; len; len -= n) {
		err = nfdbus_cursor_fill(c);
		if (err)
			return err;
		n = min(len, c->left);
		nfdbus_cursor_advance(c, n);
	}
	return 0;
}

int nfdbus_cursor_copy(struct nfdbus_cursor *c, void *to, u32 len)
{
	u32 n;
	int err;

	for (; len; len -= n, to += n) {
		err = nfdbus_cursor_fill(c);
		if (err)
			return err;
		n = min(len, c->left);
		memcpy(to, c->p, n);
		nfdbus_cursor_advance(c, n);
	}
	return 0;
}

int nfdbus_cursor_u8(struct nfdbus_cursor *c, u8 *v)
{
	int err = nfdbus_cursor_fill(c);

	if (err)
		return err;
	*v = *c->p;
	nfdbus_cursor_advance(c, 1);
	return 0;
}

/**
 * nfdbus_cursor_align() - skip padding, which must be zero
 * @c: cursor
 * @align: a power of 2
 *
 * Return: 0, -EBADMSG at the end of the message or for padding that is not
 * zero, -EOPNOTSUPP.
 */
int nfdbus_cursor_align(struct nfdbus_cursor *c, u32 align)
{
	u8 v;
	int err;

	while (c->pos & (align - 1)) {
		err = nfdbus_cursor_u8(c, &v);
		if (err)
			return err;
		if (v)
			return -EBADMSG;
	}
	return 0;
}

/**
 * nfdbus_cursor_u32() - read an integer and the padding before it
 * @c: cursor
 * @v: returns the value in native order
 *
 * Return: 0, -EBADMSG, -EOPNOTSUPP.
 */
int nfdbus_cursor_u32(struct nfdbus_cursor *c, u32 *v)
{
	int err = nfdbus_cursor_align(c, 4);

	if (err)
		return err;
	if (c->left >= 4) {
		*v = get_unaligned((const u32 *)c->p);
		nfdbus_cursor_advance(c, 4);
	} else {
		err = nfdbus_cursor_copy(c, v, 4);
		if (err)
			return err;
	}
	if (c->swap)
		swab32s(v);
	return 0;
}
