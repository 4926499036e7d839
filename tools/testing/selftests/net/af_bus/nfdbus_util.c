// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "nfdbus_util.h"

/* Messages */

struct out {
	__u8	*buf;
	size_t	len;
	size_t	size;
	bool	big;
};

static void put(struct out *o, const void *data, size_t len)
{
	if (o->len + len <= o->size)
		memcpy(o->buf + o->len, data, len);
	o->len += len;
}

static void put_pad(struct out *o, size_t align)
{
	while (o->len % align)
		put(o, "", 1);
}

static void put_u8(struct out *o, __u8 v)
{
	put(o, &v, 1);
}

static void put_u32(struct out *o, __u32 v)
{
	int i;

	put_pad(o, 4);
	for (i = 0; i < 4; i++)
		put_u8(o, v >> (8 * (o->big ? 3 - i : i)));
}

static void put_str(struct out *o, const char *s)
{
	put_u32(o, strlen(s));
	put(o, s, strlen(s) + 1);
}

static void put_sig(struct out *o, const char *sig)
{
	put_u8(o, strlen(sig));
	put(o, sig, strlen(sig) + 1);
}

static void put_field(struct out *o, __u8 code, const char *sig)
{
	put_pad(o, 8);
	put_u8(o, code);
	put_sig(o, sig);
}

static void put_str_field(struct out *o, __u8 code, const char *sig,
			  const char *s)
{
	if (!s)
		return;
	put_field(o, code, sig);
	put_str(o, s);
}

static void put_u32_field(struct out *o, __u8 code, __u32 v)
{
	if (!v)
		return;
	put_field(o, code, "u");
	put_u32(o, v);
}

static void put_fields(struct out *o, const struct dbus_msg *m)
{
	put_str_field(o, 1, "o", m->path);
	put_str_field(o, 2, "s", m->interface);
	put_str_field(o, 3, "s", m->member);
	put_u32_field(o, 5, m->reply_serial);
	put_str_field(o, 6, "s", m->destination);
	put_str_field(o, 7, "s", m->sender);
	if (m->arg0 || m->len) {
		put_field(o, 8, "g");
		put_sig(o, m->arg0 ? "s" : "ay");
	}
	put_u32_field(o, 9, m->unix_fds);
	if (m->odd_field) {
		put_field(o, m->odd_field, "y");
		put_u8(o, 1);
	}
	if (m->type == DBUS_ERROR)
		put_str_field(o, 4, "s", "test.Error");
}

static void put_body(struct out *o, const struct dbus_msg *m)
{
	size_t i;

	if (m->arg0)
		put_str(o, m->arg0);
	if (!m->len)
		return;
	put_u32(o, m->len);
	for (i = 0; i < m->len; i++)
		put_u8(o, i);
}

static void set_u32(struct out *o, size_t pos, __u32 v)
{
	struct out at = *o;

	at.len = pos;
	put_u32(&at, v);
}

size_t dbus_build(const struct dbus_msg *m, void *buf, size_t size)
{
	struct out o = { .buf = buf, .size = size, .big = m->big };
	size_t begin;

	put_u8(&o, m->big ? 'B' : 'l');
	put_u8(&o, m->type);
	put_u8(&o, m->flags);
	put_u8(&o, 1);
	put_u32(&o, 0);
	put_u32(&o, m->serial ?: 1);
	put_u32(&o, 0);
	put_fields(&o, m);
	set_u32(&o, 12, o.len - 16);
	put_pad(&o, 8);
	begin = o.len;
	put_body(&o, m);
	set_u32(&o, 4, o.len - begin);
	return o.len;
}

int dbus_send_fds(int fd, const struct dbus_msg *m, const int *fds,
		  unsigned int nr)
{
	size_t size = 4096 + m->len;
	char control[CMSG_SPACE(16 * sizeof(int))] = {};
	struct msghdr msg = {};
	struct cmsghdr *cmsg;
	struct iovec iov;
	int err = ENOMEM;

	iov.iov_base = malloc(size);
	if (!iov.iov_base)
		return err;

	iov.iov_len = dbus_build(m, iov.iov_base, size);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (nr) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nr * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nr * sizeof(int));
	}
	err = ERR(sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL));
	free(iov.iov_base);
	return err;
}

int dbus_send(int fd, const struct dbus_msg *m)
{
	return dbus_send_fds(fd, m, NULL, 0);
}

const char *came(int fd)
{
	static char line[96], data[1 << 16];
	struct bus_got got;
	int n;

	bus_recv(fd, &got, data, sizeof(data), MSG_DONTWAIT);
	if (got.err == EAGAIN)
		return "EAGAIN";
	if (got.err)
		return strerror(got.err);
	if (!got.len)
		return "EOF";

	n = sprintf(line, "%llu", got.name.sbus_addr.s_addr);
	if (got.has_reason)
		n = sprintf(line, "0:%u", got.reason.reason);
	if (got.has_reason && got.reason.flags)
		n += sprintf(line + n, "+%u", got.reason.flags);
	if (got.nr_fds)
		sprintf(line + n, ",fds=%u", got.nr_fds);
	bus_got_close(&got);
	return line;
}

/* Buses */

static int dbus_socket(void)
{
	return socket(AF_BUS, SOCK_SEQPACKET | SOCK_CLOEXEC, BUS_PROTO_DBUS);
}

/* Adds a client that has joined. */
int dbus_link(struct tbus *b)
{
	struct bus_link *l = &b->link[b->nr++];
	int err = tbus_link(b, l);

	err = err ?: bus_opt(l->acc, BUS_RECV_INFO, BUS_INFO_REASON);
	return err ?: tbus_join(l);
}

int dbus_open(struct tbus *b, unsigned int nr)
{
	int err = 0;

	memset(b, 0, sizeof(*b));
	b->proto = BUS_PROTO_DBUS;
	b->namelen = bus_abstract_unique(&b->name);
	b->listener = dbus_socket();
	if (b->listener < 0 ||
	    bind(b->listener, (struct sockaddr *)&b->name, b->namelen) ||
	    listen(b->listener, 16))
		return errno;
	while (!err && b->nr < nr)
		err = dbus_link(b);
	return err;
}

/* Netlink */

static struct nlmsghdr *req_hdr(struct nfdbus_req *r)
{
	return (struct nlmsghdr *)r->buf;
}

static void begin(struct nfdbus_req *r, __u16 type, __u8 cmd, __u16 flags)
{
	struct genlmsghdr *genl;

	memset(r->buf, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	r->len = NLMSG_HDRLEN + GENL_HDRLEN;
	r->error[0] = '\0';
	req_hdr(r)->nlmsg_type = type;
	req_hdr(r)->nlmsg_flags = NLM_F_REQUEST | flags;
	req_hdr(r)->nlmsg_seq = ++r->seq;
	genl = NLMSG_DATA(req_hdr(r));
	genl->cmd = cmd;
	genl->version = 1;
}

void nfdbus_begin(struct nfdbus_req *r, __u8 cmd, __u16 flags)
{
	begin(r, r->family, cmd, flags);
}

void nfdbus_put(struct nfdbus_req *r, __u16 type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + len, .nla_type = type };

	if (r->len + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(r->buf))
		abort();
	memcpy(r->buf + r->len, &attr, sizeof(attr));
	memset(r->buf + r->len + NLA_HDRLEN, 0, NLA_ALIGN(len));
	memcpy(r->buf + r->len + NLA_HDRLEN, data, len);
	r->len += NLA_HDRLEN + NLA_ALIGN(len);
}

void nfdbus_put_u32(struct nfdbus_req *r, __u16 type, __u32 v)
{
	nfdbus_put(r, type, &v, sizeof(v));
}

void nfdbus_put_str(struct nfdbus_req *r, __u16 type, const char *s)
{
	nfdbus_put(r, type, s, strlen(s) + 1);
}

size_t nfdbus_nest(struct nfdbus_req *r, __u16 type)
{
	size_t nest = r->len;

	nfdbus_put(r, type | NLA_F_NESTED, "", 0);
	return nest;
}

void nfdbus_nest_end(struct nfdbus_req *r, size_t nest)
{
	__u16 len = r->len - nest;

	memcpy(r->buf + nest + offsetof(struct nlattr, nla_len), &len,
	       sizeof(len));
}

const void *nfdbus_attr(const void *attrs, size_t len, __u16 type, __u16 nth,
			size_t *attr_len)
{
	const char *p = attrs, *end = p + len;
	const struct nlattr *attr;

	for (; p + NLA_HDRLEN <= end; p += NLA_ALIGN(attr->nla_len)) {
		attr = (const struct nlattr *)p;
		if (attr->nla_len < NLA_HDRLEN)
			break;
		if ((attr->nla_type & NLA_TYPE_MASK) != type || nth--)
			continue;
		*attr_len = attr->nla_len - NLA_HDRLEN;
		return p + NLA_HDRLEN;
	}
	return NULL;
}

__u64 nfdbus_attr_uint(const void *attrs, size_t len, __u16 type)
{
	const void *data;
	__u64 v = 0;
	size_t n;

	data = nfdbus_attr(attrs, len, type, 0, &n);
	if (data && n <= sizeof(v))
		memcpy(&v, data, n);	/* assumes little endian */
	return v;
}

static void take_error(struct nfdbus_req *r, const struct nlmsghdr *hdr)
{
	const struct nlmsgerr *err = NLMSG_DATA(hdr);
	size_t skip = sizeof(*err), n;
	const void *text;

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - NLMSG_HDRLEN;
	text = nfdbus_attr((const char *)err + NLMSG_ALIGN(skip),
			   hdr->nlmsg_len - NLMSG_HDRLEN - NLMSG_ALIGN(skip),
			   NLMSGERR_ATTR_MSG, 0, &n);
	if (text)
		snprintf(r->error, sizeof(r->error), "%.*s", (int)n,
			 (const char *)text);
}

/* Returns whether this was the last part, and in err how the dump ended. */
static bool take_part(struct nfdbus_req *r, const struct nlmsghdr *hdr,
		      nfdbus_fn fn, void *arg, int *err)
{
	size_t skip = NLMSG_HDRLEN + GENL_HDRLEN;

	*err = 0;
	switch (hdr->nlmsg_type) {
	case NLMSG_ERROR:
		*err = -((const struct nlmsgerr *)NLMSG_DATA(hdr))->error;
		take_error(r, hdr);
		return true;
	case NLMSG_DONE:
		*err = -*(const int *)NLMSG_DATA(hdr);
		return true;
	default:
		if (fn)
			fn((const char *)hdr + skip, hdr->nlmsg_len - skip,
			   arg);
		return false;
	}
}

int nfdbus_talk(struct nfdbus_req *r, nfdbus_fn fn, void *arg)
{
	static char buf[1 << 16];
	struct nlmsghdr *hdr;
	ssize_t len;
	int err;

	req_hdr(r)->nlmsg_len = r->len;
	if (!(req_hdr(r)->nlmsg_flags & NLM_F_DUMP))
		req_hdr(r)->nlmsg_flags |= NLM_F_ACK;
	if (send(r->fd, r->buf, r->len, 0) < 0)
		return errno;

	for (;;) {
		len = recv(r->fd, buf, sizeof(buf), 0);
		if (len < 0)
			return errno;
		for (hdr = (void *)buf; NLMSG_OK(hdr, len);
		     hdr = NLMSG_NEXT(hdr, len))
			if (take_part(r, hdr, fn, arg, &err))
				return err;
	}
}

static void take_family(const void *attrs, size_t len, void *arg)
{
	*(__u16 *)arg = nfdbus_attr_uint(attrs, len, CTRL_ATTR_FAMILY_ID);
}

int nfdbus_open(struct nfdbus_req *r)
{
	int one = 1;

	memset(r, 0, sizeof(*r));
	r->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (r->fd < 0)
		return errno;
	setsockopt(r->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(r->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	begin(r, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	nfdbus_put_str(r, CTRL_ATTR_FAMILY_NAME, NFDBUS_FAMILY_NAME);
	return nfdbus_talk(r, take_family, &r->family);
}

void nfdbus_close(struct nfdbus_req *r)
{
	close(r->fd);
}

void nfdbus_set(struct nfdbus_req *r, int listener)
{
	nfdbus_begin(r, NFDBUS_CMD_SET, 0);
	nfdbus_put_u32(r, NFDBUS_A_SET_FD, listener);
}

void nfdbus_add_match(struct nfdbus_req *r, __u16 what, int acc,
		      const char *rule)
{
	size_t nest = nfdbus_nest(r, what);

	if (acc >= 0)
		nfdbus_put_u32(r, NFDBUS_A_RULE_FD, acc);
	if (rule)
		nfdbus_put_str(r, NFDBUS_A_RULE_TEXT, rule);
	nfdbus_nest_end(r, nest);
}

void nfdbus_add_name(struct nfdbus_req *r, __u16 what, int acc,
		     const char *name)
{
	size_t nest = nfdbus_nest(r, what);

	if (acc >= 0)
		nfdbus_put_u32(r, NFDBUS_A_OWNER_FD, acc);
	nfdbus_put_str(r, NFDBUS_A_OWNER_NAME, name);
	nfdbus_nest_end(r, nest);
}

int nfdbus_conf(struct nfdbus_req *r, int listener, __u16 attr, __u32 v)
{
	size_t nest;

	nfdbus_set(r, listener);
	nest = nfdbus_nest(r, NFDBUS_A_SET_CONF);
	nfdbus_put_u32(r, attr, v);
	nfdbus_nest_end(r, nest);
	return nfdbus_talk(r, NULL, NULL);
}

int nfdbus_peer(struct nfdbus_req *r, int listener, int acc, __u32 flags)
{
	size_t nest;

	nfdbus_set(r, listener);
	nest = nfdbus_nest(r, NFDBUS_A_SET_PEER);
	nfdbus_put_u32(r, NFDBUS_A_CLIENT_FD, acc);
	nfdbus_put_u32(r, NFDBUS_A_CLIENT_FLAGS, flags);
	nfdbus_nest_end(r, nest);
	return nfdbus_talk(r, NULL, NULL);
}

int nfdbus_match(struct nfdbus_req *r, int listener, __u16 what, int acc,
		 const char *rule)
{
	nfdbus_set(r, listener);
	nfdbus_add_match(r, what, acc, rule);
	return nfdbus_talk(r, NULL, NULL);
}

int nfdbus_name(struct nfdbus_req *r, int listener, __u16 what, int acc,
		const char *name)
{
	nfdbus_set(r, listener);
	nfdbus_add_name(r, what, acc, name);
	return nfdbus_talk(r, NULL, NULL);
}
