/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers for the tests of nfdbus: D-Bus messages, and netlink requests.
 * Functions return 0 or a positive errno unless their comment says otherwise.
 */
#ifndef NFDBUS_UTIL_H
#define NFDBUS_UTIL_H

#include <linux/bus.h>
#include <linux/nfdbus.h>
#include "bus_util.h"

/* Messages */

enum {
	DBUS_CALL = 1,
	DBUS_RETURN,
	DBUS_ERROR,
	DBUS_SIGNAL,
};

#define DBUS_NO_REPLY	0x1

/* A message; fields that are NULL or 0 are left out. The body is the string
 * @arg0, with the signature "s", or @len bytes, with the signature "ay".
 */
struct dbus_msg {
	__u8		type;
	__u8		flags;
	bool		big;
	__u32		serial;
	__u32		reply_serial;
	const char	*path;
	const char	*interface;
	const char	*member;
	const char	*destination;
	const char	*sender;
	const char	*arg0;
	__u8		odd_field;	/* code of an extra field, of type y */
	__u32		unix_fds;
	size_t		len;
};

size_t dbus_build(const struct dbus_msg *m, void *buf, size_t size);
int dbus_send(int fd, const struct dbus_msg *m);
int dbus_send_fds(int fd, const struct dbus_msg *m, const int *fds,
		  unsigned int nr);

/* Takes the next message and returns how it came, valid until the next call:
 * "2" from client 2, "0:65" to the master for reason 65, "0:66+1" with flags 1,
 * "2,fds=1" with a descriptor, "EAGAIN" and other errors.
 */
const char *came(int fd);

/* Buses of BUS_PROTO_DBUS */
int dbus_open(struct tbus *b, unsigned int nr);
int dbus_link(struct tbus *b);

/* Netlink */

#define NFDBUS_BUF	8192

/* A request and its result */
struct nfdbus_req {
	int	fd;
	__u16	family;
	__u32	seq;
	size_t	len;
	char	buf[NFDBUS_BUF];
	char	error[128];	/* the kernel's extended error */
};

int nfdbus_open(struct nfdbus_req *r);
void nfdbus_close(struct nfdbus_req *r);
void nfdbus_begin(struct nfdbus_req *r, __u8 cmd, __u16 flags);
void nfdbus_put(struct nfdbus_req *r, __u16 type, const void *data, size_t len);
void nfdbus_put_u32(struct nfdbus_req *r, __u16 type, __u32 v);
void nfdbus_put_str(struct nfdbus_req *r, __u16 type, const char *s);
size_t nfdbus_nest(struct nfdbus_req *r, __u16 type);
void nfdbus_nest_end(struct nfdbus_req *r, size_t nest);

/* Sends the request and passes the attributes of each answer to @fn. */
typedef void (*nfdbus_fn)(const void *attrs, size_t len, void *arg);
int nfdbus_talk(struct nfdbus_req *r, nfdbus_fn fn, void *arg);
const void *nfdbus_attr(const void *attrs, size_t len, __u16 type, __u16 nth,
			size_t *attr_len);
__u64 nfdbus_attr_uint(const void *attrs, size_t len, __u16 type);

/* Requests with one change */
int nfdbus_conf(struct nfdbus_req *r, int listener, __u16 attr, __u32 v);
int nfdbus_peer(struct nfdbus_req *r, int listener, int acc, __u32 flags);
int nfdbus_match(struct nfdbus_req *r, int listener, __u16 what, int acc,
		 const char *rule);
int nfdbus_name(struct nfdbus_req *r, int listener, __u16 what, int acc,
		const char *name);

/* Parts of requests, for several changes in one */
void nfdbus_set(struct nfdbus_req *r, int listener);
void nfdbus_add_match(struct nfdbus_req *r, __u16 what, int acc,
		      const char *rule);
void nfdbus_add_name(struct nfdbus_req *r, __u16 what, int acc,
		     const char *name);

#endif /* NFDBUS_UTIL_H */
