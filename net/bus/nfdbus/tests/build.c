// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: build messages for tests
 */

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/unaligned.h>
#include "nfdbus_test.h"

/* Bytes in each piece of a message; 0 is one piece. */
const u32 pieces[] = { 0, 1, 3, 4, 7, 16, 61 };
const unsigned int nr_pieces = ARRAY_SIZE(pieces);

static void put(struct build *b, const void *data, u32 len)
{
	if (b->len + len > sizeof(b->data))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void put_pad(struct build *b, u32 align)
{
	while (b->len % align)
		put(b, "", 1);
}

static void put_int(struct build *b, u64 v, u32 size)
{
	u8 bytes[8];
	u32 i;

	put_pad(b, size);
	for (i = 0; i < size; i++)
		bytes[b->big ? size - 1 - i : i] = v >> (8 * i);
	put(b, bytes, size);
}

static void put_text(struct build *b, const char *text, u32 size)
{
	put_int(b, strlen(text), size);
	put(b, text, strlen(text) + 1);
}

static void put_field(struct build *b, u8 code, const char *sig)
{
	put_pad(b, 8);
	put_int(b, code, 1);
	put_text(b, sig, 1);
}

static void put_call(struct build *b)
{
	put_field(b, 1, "o");
	put_text(b, "/a", 4);
	put_field(b, 3, "s");
	put_text(b, "M", 4);
}

static void put_interface(struct build *b)
{
	put_field(b, 2, "s");
	put_text(b, "a.b", 4);
}

static void put_item(struct build *b, const struct item *item)
{
	if (item->sig)
		put_field(b, item->code, item->sig);

	switch (item->op) {
	case 'y':
		put_int(b, item->v, 1);
		break;
	case 'q':
		put_int(b, item->v, 2);
		break;
	case 'u':
	case 'U':
		put_int(b, item->v, 4);
		break;
	case 't':
		put_int(b, item->v, 8);
		break;
	case 's':
		put_text(b, item->s, 4);
		break;
	case 'S':
		put_text(b, item->s, *item->sig == 'g' ? 1 : 4);
		break;
	case 'g':
		put_text(b, item->s, 1);
		break;
	case 'r':
		put(b, item->s, strlen(item->s));
		break;
	case 'a':
		put_pad(b, 8);
		break;
	case 'I':
		put_interface(b);
		fallthrough;
	case 'C':
		put_call(b);
		break;
	}
}

static void put_items(struct build *b, const struct item *item)
{
	const struct item *end = item + MAX_ITEMS;

	for (; item && item < end && item->op; item++)
		put_item(b, item);
}

static void set_u32(struct build *b, u32 pos, u32 v)
{
	if (b->big)
		put_unaligned_be32(v, b->data + pos);
	else
		put_unaligned_le32(v, b->data + pos);
}

struct build *build_message(struct kunit *test, bool big, u8 type,
			    const struct item *fields, const struct item *body)
{
	struct build *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	u32 begin;

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->big = big;
	put_int(b, big ? 'B' : 'l', 1);
	put_int(b, type, 1);
	put_int(b, 0, 1);
	put_int(b, 1, 1);
	put_int(b, 0, 4);
	put_int(b, 7, 4);
	put_int(b, 0, 4);
	put_items(b, fields);
	set_u32(b, 12, b->len - 16);
	put_pad(b, 8);
	begin = b->len;
	put_items(b, body);
	set_u32(b, 4, b->len - begin);
	return b;
}

static struct sk_buff *add_part(struct kunit *test, struct sk_buff *head)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL), **end;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	if (head) {
		end = &skb_shinfo(head)->frag_list;
		while (*end)
			end = &(*end)->next;
		*end = skb;
	}
	return skb;
}

static void add_frag(struct sk_buff *head, struct sk_buff *part,
		     struct page *page, u32 pos, u32 len)
{
	get_page(page);
	skb_fill_page_desc(part, skb_shinfo(part)->nr_frags, page, pos, len);
	part->len += len;
	part->data_len += len;
	if (part != head) {
		head->len += len;
		head->data_len += len;
	}
}

/* The first piece of each skb is linear, the others are fragments. Pieces that
 * do not fit into the first skb are in further skbs on its frag_list.
 */
struct sk_buff *make_skb(struct kunit *test, const struct build *b, u32 piece)
{
	struct sk_buff *head = NULL, *part = NULL;
	struct page *page;
	u32 pos = 0, len;

	if (!piece) {
		head = alloc_skb(b->len, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, head);
		skb_put_data(head, b->data, b->len);
		return head;
	}

	page = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	memcpy(page_address(page), b->data, b->len);
	for (; pos < b->len; pos += len) {
		len = min(piece, b->len - pos);
		if (part && skb_shinfo(part)->nr_frags < MAX_SKB_FRAGS) {
			add_frag(head, part, page, pos, len);
			continue;
		}
		part = add_part(test, head);
		head = head ?: part;
		skb_put_data(part, b->data + pos, len);
		if (part != head) {
			head->len += len;
			head->data_len += len;
		}
	}
	put_page(page);
	return head;
}

/* Parses header and body and keeps all arguments. */
struct nfdbus_msg *parse_skb(struct sk_buff *skb, u32 nr_fds)
{
	struct nfdbus_msg *m = nfdbus_msg_parse(skb, nr_fds);
	int err;

	if (IS_ERR(m))
		return m;

	err = nfdbus_msg_check_body(m, skb, ~0ULL);
	if (err) {
		nfdbus_msg_free(m);
		return ERR_PTR(err);
	}
	return m;
}
