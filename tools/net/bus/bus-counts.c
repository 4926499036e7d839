// SPDX-License-Identifier: GPL-2.0
/* The counters of a socket, by sock_diag. */
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <linux/bus.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "bus-counts.h"

struct request {
	struct nlmsghdr		nlh;
	struct bus_diag_req	req;
};

static void walk_attrs(const char *pos, int len, struct bus_counts *counts,
		       void (*fn)(const struct nlattr *attr, const void *data,
				  struct bus_counts *counts))
{
	const struct nlattr *attr;

	while (len >= NLA_HDRLEN) {
		attr = (const void *)pos;
		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > len)
			return;
		fn(attr, pos + NLA_HDRLEN, counts);
		pos += NLA_ALIGN(attr->nla_len);
		len -= NLA_ALIGN(attr->nla_len);
	}
}

static void take_count(const struct nlattr *attr, const void *data,
		       struct bus_counts *counts)
{
	int type = attr->nla_type & NLA_TYPE_MASK;
	__u64 nr;

	if (type > BUS_DIAG_STAT_MAX ||
	    attr->nla_len != NLA_HDRLEN + sizeof(nr))
		return;
	memcpy(&nr, data, sizeof(nr));
	counts->nr[type] = nr;
}

static void take_stats(const struct nlattr *attr, const void *data,
		       struct bus_counts *counts)
{
	if ((attr->nla_type & NLA_TYPE_MASK) == BUS_DIAG_STATS)
		walk_attrs(data, attr->nla_len - NLA_HDRLEN, counts, take_count);
}

static bool ask(int nl, int fd, struct bus_counts *counts)
{
	struct request r = {
		.nlh = {
			.nlmsg_len	= sizeof(r),
			.nlmsg_type	= SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags	= NLM_F_REQUEST,
		},
		.req = {
			.sdiag_family	= AF_BUS,
			.bdiag_show	= BUS_DIAG_SHOW_STATS,
		},
	};
	union {
		struct nlmsghdr	nlh;
		char		buf[1024];
	} answer;
	const int head = NLMSG_SPACE(sizeof(struct bus_diag_msg));
	socklen_t len = sizeof(__u64);
	__u64 cookie;
	ssize_t n;

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len))
		return false;
	r.req.bdiag_cookie[0] = cookie;
	r.req.bdiag_cookie[1] = cookie >> 32;
	if (send(nl, &r, sizeof(r), 0) != sizeof(r))
		return false;
	n = recv(nl, &answer, sizeof(answer), 0);
	if (n < head || answer.nlh.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return false;
	walk_attrs(answer.buf + head, n - head, counts, take_stats);
	return true;
}

bool bus_counts_get(int fd, struct bus_counts *counts)
{
	int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool known;

	memset(counts, 0, sizeof(*counts));
	if (nl < 0)
		return false;
	known = ask(nl, fd, counts);
	close(nl);
	return known;
}
