// SPDX-License-Identifier: GPL-2.0-only
/*
 * nfdbus: parse messages
 *
 * A message is parsed exactly as libdbus parses it. -EBADMSG is for a message
 * that makes libdbus disconnect, -EOPNOTSUPP for one that the kernel leaves to
 * the master.
 */

#include <linux/err.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include "nfdbus.h"

#define NFDBUS_FIXED_HEADER	16

#define NFDBUS_LOCAL_PATH	"/org/freedesktop/DBus/Local"
#define NFDBUS_LOCAL_INTERFACE	"org.freedesktop.DBus.Local"

enum nfdbus_field {
	NFDBUS_FIELD_INVALID,
	NFDBUS_FIELD_PATH,
	NFDBUS_FIELD_INTERFACE,
	NFDBUS_FIELD_MEMBER,
	NFDBUS_FIELD_ERROR_NAME,
	NFDBUS_FIELD_REPLY_SERIAL,
	NFDBUS_FIELD_DESTINATION,
	NFDBUS_FIELD_SENDER,
	NFDBUS_FIELD_SIGNATURE,
	NFDBUS_FIELD_UNIX_FDS,
	NFDBUS_NR_FIELDS
};

static const char nfdbus_field_types[NFDBUS_NR_FIELDS] = {
	[NFDBUS_FIELD_PATH]		= 'o',
	[NFDBUS_FIELD_INTERFACE]	= 's',
	[NFDBUS_FIELD_MEMBER]		= 's',
	[NFDBUS_FIELD_ERROR_NAME]	= 's',
	[NFDBUS_FIELD_REPLY_SERIAL]	= 'u',
	[NFDBUS_FIELD_DESTINATION]	= 's',
	[NFDBUS_FIELD_SENDER]		= 's',
	[NFDBUS_FIELD_SIGNATURE]	= 'g',
	[NFDBUS_FIELD_UNIX_FDS]		= 'u',
};

static const u16 nfdbus_required[] = {
	[NFDBUS_TYPE_CALL]	= BIT(NFDBUS_FIELD_PATH) |
				  BIT(NFDBUS_FIELD_MEMBER),
	[NFDBUS_TYPE_RETURN]	= BIT(NFDBUS_FIELD_REPLY_SERIAL),
	[NFDBUS_TYPE_ERROR]	= BIT(NFDBUS_FIELD_ERROR_NAME) |
				  BIT(NFDBUS_FIELD_REPLY_SERIAL),
	[NFDBUS_TYPE_SIGNAL]	= BIT(NFDBUS_FIELD_PATH) |
				  BIT(NFDBUS_FIELD_INTERFACE) |
				  BIT(NFDBUS_FIELD_MEMBER),
};

/**
 * struct nfdbus_fixed - the beginning of every message
 * @order: 'l' or 'B'
 * @type: enum nfdbus_type
 * @flags: NFDBUS_FLAG_*
 * @version: 1
 * @body_len: bytes of the body
 * @serial: not 0
 * @fields_len: bytes of header fields
 */
struct nfdbus_fixed {
	u8	order;
	u8	type;
	u8	flags;
	u8	version;
	u32	body_len;
	u32	serial;
	u32	fields_len;
};

static int nfdbus_read_fixed(struct nfdbus_cursor *c, struct nfdbus_fixed *h)
{
	u64 len;
	int err;

	BUILD_BUG_ON(sizeof(*h) != NFDBUS_FIXED_HEADER);
	err = nfdbus_cursor_copy(c, h, sizeof(*h));
	if (err)
		return err;
	if (h->order != 'l' && h->order != 'B')
		return -EBADMSG;

	c->swap = (h->order == 'B') != IS_ENABLED(CONFIG_CPU_BIG_ENDIAN);
	if (c->swap) {
		swab32s(&h->body_len);
		swab32s(&h->serial);
		swab32s(&h->fields_len);
	}

	len = sizeof(*h) + ALIGN((u64)h->fields_len, 8) + h->body_len;
	if (!h->type || h->version != 1 || !h->serial || len != c->len ||
	    len > NFDBUS_MAX_MSG)
		return -EBADMSG;
	return 0;
}

static struct nfdbus_str *nfdbus_msg_str(struct nfdbus_msg *m, u8 field)
{
	switch (field) {
	case NFDBUS_FIELD_PATH:
		return &m->path;
	case NFDBUS_FIELD_INTERFACE:
		return &m->interface;
	case NFDBUS_FIELD_MEMBER:
		return &m->member;
	case NFDBUS_FIELD_ERROR_NAME:
		return &m->error_name;
	case NFDBUS_FIELD_DESTINATION:
		return &m->destination;
	case NFDBUS_FIELD_SENDER:
		return &m->sender;
	default:
		return &m->signature;
	}
}

/* As libdbus, refuses every path and interface that begins like a local one. */
static bool nfdbus_field_valid(u8 field, const struct nfdbus_str *str)
{
	switch (field) {
	case NFDBUS_FIELD_PATH:
		return nfdbus_is_path(str->s, str->len) &&
		       !strstarts(str->s, NFDBUS_LOCAL_PATH);
	case NFDBUS_FIELD_INTERFACE:
		return nfdbus_is_interface(str->s, str->len) &&
		       !strstarts(str->s, NFDBUS_LOCAL_INTERFACE);
	case NFDBUS_FIELD_MEMBER:
		return nfdbus_is_member(str->s, str->len);
	case NFDBUS_FIELD_ERROR_NAME:
		return nfdbus_is_interface(str->s, str->len);
	case NFDBUS_FIELD_DESTINATION:
	case NFDBUS_FIELD_SENDER:
		return nfdbus_is_bus_name(str->s, str->len);
	default:
		return nfdbus_is_signature(str->s, str->len);
	}
}

static int nfdbus_read_string(struct nfdbus_cursor *c, u8 field,
			      struct nfdbus_str *str)
{
	u8 len8;
	int err;

	if (field == NFDBUS_FIELD_SIGNATURE) {
		err = nfdbus_cursor_u8(c, &len8);
		str->len = len8;
	} else {
		err = nfdbus_cursor_u32(c, &str->len);
	}
	if (err)
		return err;
	if (str->len >= c->left || c->p[str->len])
		return -EBADMSG;

	str->s = c->p;
	nfdbus_cursor_skip(c, str->len + 1);
	return nfdbus_field_valid(field, str) ? 0 : -EBADMSG;
}

static int nfdbus_read_known(struct nfdbus_msg *m, struct nfdbus_cursor *c,
			     u8 field)
{
	u8 sig[3];
	int err;

	err = nfdbus_cursor_copy(c, sig, sizeof(sig));
	if (err)
		return err;
	if (sig[0] != 1 || sig[1] != nfdbus_field_types[field] || sig[2])
		return -EBADMSG;

	switch (field) {
	case NFDBUS_FIELD_REPLY_SERIAL:
		err = nfdbus_cursor_u32(c, &m->reply_serial);
		return err ?: m->reply_serial ? 0 : -EBADMSG;
	case NFDBUS_FIELD_UNIX_FDS:
		return nfdbus_cursor_u32(c, &m->nr_fds);
	default:
		return nfdbus_read_string(c, field, nfdbus_msg_str(m, field));
	}
}

static int nfdbus_read_fields(struct nfdbus_msg *m, struct nfdbus_cursor *c)
{
	u16 required = 0, seen = 0;
	u8 field;
	int err;

	while (c->left) {
		err = nfdbus_cursor_align(c, 8);
		if (!err)
			err = nfdbus_cursor_u8(c, &field);
		if (err)
			return err;

		if (field >= NFDBUS_NR_FIELDS) {
			m->strange = true;
			err = nfdbus_check_values(c, "v", 2, 0, NULL);
		} else if (!field || (seen & BIT(field))) {
			err = -EBADMSG;
		} else {
			seen |= BIT(field);
			err = nfdbus_read_known(m, c, field);
		}
		if (err)
			return err;
	}

	if (m->type < ARRAY_SIZE(nfdbus_required))
		required = nfdbus_required[m->type];
	return (seen & required) == required ? 0 : -EBADMSG;
}

static int nfdbus_read_header(struct nfdbus_msg *m, struct nfdbus_cursor *c,
			      u32 fields_len)
{
	struct nfdbus_cursor fields;
	int err;

	err = nfdbus_cursor_copy(c, m->header + NFDBUS_FIXED_HEADER, fields_len);
	if (!err)
		err = nfdbus_cursor_align(c, 8);
	if (err)
		return err;

	nfdbus_cursor_init_mem(&fields, m->header,
			       NFDBUS_FIXED_HEADER + fields_len);
	nfdbus_cursor_skip(&fields, NFDBUS_FIXED_HEADER);
	fields.swap = c->swap;
	return nfdbus_read_fields(m, &fields);
}

/**
 * nfdbus_msg_parse() - check and parse the header of a message
 * @skb: message
 * @nr_fds: descriptors that came with the message
 *
 * Context: May sleep.
 * Return: The parsed header, or an ERR_PTR(): -EBADMSG, -EOPNOTSUPP, -ENOMEM.
 */
struct nfdbus_msg *nfdbus_msg_parse(const struct sk_buff *skb, u32 nr_fds)
{
	struct nfdbus_fixed fixed;
	struct nfdbus_cursor c;
	struct nfdbus_msg *m;
	int err;

	nfdbus_cursor_init(&c, skb);
	err = nfdbus_read_fixed(&c, &fixed);
	if (err)
		return ERR_PTR(err);
	if (fixed.fields_len > NFDBUS_MAX_HEADER)
		return ERR_PTR(-EOPNOTSUPP);

	m = kzalloc_flex(*m, header, NFDBUS_FIXED_HEADER + fixed.fields_len,
			 GFP_KERNEL_ACCOUNT);
	if (!m)
		return ERR_PTR(-ENOMEM);

	m->type = fixed.type;
	m->flags = fixed.flags;
	m->serial = fixed.serial;
	m->swap = c.swap;
	err = nfdbus_read_header(m, &c, fixed.fields_len);
	if (!err && m->nr_fds != nr_fds)
		err = -EBADMSG;
	if (err) {
		kfree(m);
		return ERR_PTR(err);
	}
	return m;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_msg_parse);

/**
 * nfdbus_msg_check_body() - check the body of a message
 * @m: its header, from nfdbus_msg_parse()
 * @skb: message
 * @arg_mask: bit n: keep argument n in @m
 *
 * Context: May sleep.
 * Return: 0, -EBADMSG, -EOPNOTSUPP, -ENOMEM.
 */
int nfdbus_msg_check_body(struct nfdbus_msg *m, const struct sk_buff *skb,
			  u64 arg_mask)
{
	struct nfdbus_fixed fixed;
	struct nfdbus_cursor c;
	int err;

	nfdbus_cursor_init(&c, skb);
	err = nfdbus_read_fixed(&c, &fixed);
	if (!err)
		err = nfdbus_cursor_skip(&c, ALIGN(fixed.fields_len, 8));
	if (err)
		return err;

	m->arg_mask = arg_mask;
	if (m->signature.len)
		err = nfdbus_check_values(&c, m->signature.s, 0, arg_mask,
					  &m->args);
	if (!err && c.pos != c.len)
		err = -EBADMSG;
	return err;
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_msg_check_body);

void nfdbus_msg_free(struct nfdbus_msg *m)
{
	nfdbus_args_free(m->args);
	kvfree(m->seen);
	kfree(m);
}
EXPORT_SYMBOL_NFDBUS_TEST(nfdbus_msg_free);
