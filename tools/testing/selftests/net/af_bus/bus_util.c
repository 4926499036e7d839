// SPDX-License-Identifier: GPL-2.0
/* Helpers for the AF_BUS tests. */
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <linux/bus_diag.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "bus_util.h"

#ifndef SCM_SECURITY
#define SCM_SECURITY	0x03
#endif

/* The layout is the same on every ABI, so this holds in 32-bit builds too. */

#define LAYOUT(type, size) \
	static_assert(sizeof(type) == (size) && __alignof__(type) <= 8)

LAYOUT(struct bus_addr, 8);
LAYOUT(struct sockaddr_bus, 128);
LAYOUT(struct bus_overflow, 16);
LAYOUT(struct bus_reason, 8);
LAYOUT(struct bus_info, 56);
LAYOUT(struct bus_diag_req, 40);
LAYOUT(struct bus_diag_msg, 24);
static_assert(offsetof(struct sockaddr_bus, sbus_addr) == 8);
static_assert(offsetof(struct sockaddr_bus, sbus_path) == 16);
static_assert(offsetof(struct bus_info, protocol) == 16);
static_assert(offsetof(struct bus_diag_req, bdiag_bus) == 16);
static_assert(offsetof(struct bus_diag_msg, bdiag_ino) == 8);

/* Names */

static void bus_init(struct sockaddr_bus *sb)
{
	memset(sb, 0, sizeof(*sb));
	sb->sbus_family = AF_BUS;
}

socklen_t bus_abstract(struct sockaddr_bus *sb, const char *name)
{
	size_t len = strlen(name);

	bus_init(sb);
	memcpy(sb->sbus_path + 1, name, len);
	return BUS_NAME_MIN + 1 + len;
}

socklen_t bus_abstract_unique(struct sockaddr_bus *sb)
{
	static atomic_uint nr;
	char name[64];

	snprintf(name, sizeof(name), "af_bus.%d.%u", getpid(),
		 atomic_fetch_add(&nr, 1));
	return bus_abstract(sb, name);
}

socklen_t bus_path(struct sockaddr_bus *sb, const char *path)
{
	size_t len = strlen(path);

	bus_init(sb);
	memcpy(sb->sbus_path, path, len);
	return BUS_NAME_MIN + len;
}

void bus_to(struct sockaddr_bus *sb, __u64 addr)
{
	bus_init(sb);
	sb->sbus_addr.s_addr = addr;
}

int tmp_enter(struct tmp_dir *tmp)
{
	snprintf(tmp->path, sizeof(tmp->path), "/tmp/af_bus.XXXXXX");
	if (!mkdtemp(tmp->path) || chmod(tmp->path, 0755))
		return errno;
	return ERR(chdir(tmp->path));
}

void tmp_leave(const struct tmp_dir *tmp)
{
	if (!chdir("/"))
		rmdir(tmp->path);
}

/* Buses and clients */

int bus_socket(void)
{
	return socket(AF_BUS, SOCK_SEQPACKET | SOCK_CLOEXEC, BUS_PROTO_NONE);
}

/* Returns the listening socket or -1. */
int bus_listen(struct sockaddr_bus *sb, socklen_t len)
{
	int fd = bus_socket();
	int err;

	if (fd < 0)
		return -1;
	if (!bind(fd, (struct sockaddr *)sb, len) && !listen(fd, 128))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/* Connects a socket that is closed again. */
int bus_try_connect(const struct sockaddr_bus *sb, socklen_t len)
{
	int fd = bus_socket(), err;

	err = ERR(connect(fd, (const struct sockaddr *)sb, len));
	close(fd);
	return err;
}

int tbus_listen(struct tbus *b)
{
	memset(b, 0, sizeof(*b));
	b->namelen = bus_abstract_unique(&b->name);
	b->listener = bus_listen(&b->name, b->namelen);
	return b->listener < 0 ? errno : 0;
}

int tbus_link(struct tbus *b, struct bus_link *l)
{
	struct sockaddr_bus sb;
	socklen_t len = sizeof(sb);

	l->acc = -1;
	l->fd = socket(AF_BUS, SOCK_SEQPACKET | SOCK_CLOEXEC, b->proto);
	if (l->fd < 0)
		return errno;
	if (connect(l->fd, (struct sockaddr *)&b->name, b->namelen))
		return errno;
	l->acc = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);
	if (l->acc < 0)
		return errno;
	if (getsockname(l->fd, (struct sockaddr *)&sb, &len))
		return errno;
	l->addr = sb.sbus_addr.s_addr;
	return 0;
}

int tbus_join(struct bus_link *l)
{
	return bus_opt0(l->acc, BUS_JOIN_BUS);
}

int tbus_client(struct tbus *b, struct bus_link *l)
{
	int err = tbus_link(b, l);

	return err ?: tbus_join(l);
}

int tbus_clients(struct tbus *b, unsigned int nr)
{
	int err = 0;

	while (!err && nr--) {
		err = tbus_client(b, &b->link[b->nr]);
		b->nr++;
	}
	return err;
}

int tbus_open(struct tbus *b, unsigned int nr)
{
	int err = tbus_listen(b);

	return err ?: tbus_clients(b, nr);
}

void bus_link_close(struct bus_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	if (l->acc >= 0)
		close(l->acc);
	l->fd = -1;
	l->acc = -1;
}

void tbus_close(struct tbus *b)
{
	unsigned int i;

	for (i = 0; i < b->nr; i++)
		bus_link_close(&b->link[i]);
	close(b->listener);
}

static const char *link_queued(const struct bus_link *l)
{
	const char *line = take(l->fd);

	return strcmp("EAGAIN", line) ? line : take(l->acc);
}

/* Returns the first message that is queued at a client or an accepted socket, or
 * "" if there is none.
 */
const char *tbus_queued(const struct tbus *b)
{
	static __thread char text[300];
	const char *line;
	unsigned int i;

	for (i = 0; i < b->nr; i++) {
		line = link_queued(&b->link[i]);
		if (strcmp("EAGAIN", line)) {
			snprintf(text, sizeof(text), "link %u: %s", i, line);
			return text;
		}
	}
	return "";
}

void bus_crowd_open(struct bus_crowd *c, unsigned int nr)
{
	unsigned int i;

	c->nr = nr;
	c->gone = 0;
	for (i = 0; i < nr; i++) {
		c->go[i] = bus_socket();
		c->stay[i] = bus_socket();
		c->ino[i] = inode_of(c->stay[i]);
	}
}

void bus_crowd_go(struct bus_crowd *c, unsigned int nr)
{
	while (nr-- && c->gone < c->nr)
		close(c->go[c->gone++]);
}

void bus_crowd_close(struct bus_crowd *c)
{
	unsigned int i;

	bus_crowd_go(c, c->nr);
	for (i = 0; i < c->nr; i++)
		close(c->stay[i]);
}

/* Options */

int bus_add(const struct bus_link *l, __u64 addr)
{
	struct bus_addr a = { addr };

	return ERR(setsockopt(l->acc, SOL_BUS, BUS_ADD_ADDR, &a, sizeof(a)));
}

int bus_del(const struct bus_link *l, __u64 addr)
{
	struct bus_addr a = { addr };

	return ERR(setsockopt(l->acc, SOL_BUS, BUS_DEL_ADDR, &a, sizeof(a)));
}

int bus_opt(int fd, int opt, __u32 value)
{
	return ERR(setsockopt(fd, SOL_BUS, opt, &value, sizeof(value)));
}

int bus_opt0(int fd, int opt)
{
	return ERR(setsockopt(fd, SOL_BUS, opt, NULL, 0));
}

int bus_overflow(int fd, __u32 unicast, __u32 multicast)
{
	struct bus_overflow o = { unicast, multicast };

	return ERR(setsockopt(fd, SOL_BUS, BUS_OVERFLOW, &o, sizeof(o)));
}

int sol_opt(int fd, int opt, int value)
{
	return ERR(setsockopt(fd, SOL_SOCKET, opt, &value, sizeof(value)));
}

/* Attaches a filter that accepts everything but takes long. That is the time
 * between the choice of this recipient and the queueing of the message.
 */
int bus_slow(int fd)
{
	struct sock_filter insns[BPF_MAXINSNS];
	struct sock_fprog prog = { BPF_MAXINSNS, insns };
	int i;

	for (i = 0; i < BPF_MAXINSNS - 1; i++)
		insns[i] = (struct sock_filter)
			BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 3);
	insns[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, -1);
	return ERR(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			      sizeof(prog)));
}

int set_send_timeout(int fd, long ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	return ERR(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
}

struct bus_info bus_get_info(int fd)
{
	struct bus_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0xff, sizeof(info));
	getsockopt(fd, SOL_BUS, BUS_INFO, &info, &len);
	return info;
}

static __u64 *count_of(struct bus_counts *counts, int stat)
{
	switch (stat) {
	case BUS_DIAG_STAT_UNICASTS:
		return &counts->unicasts;
	case BUS_DIAG_STAT_MULTICASTS:
		return &counts->multicasts;
	case BUS_DIAG_STAT_COPIES:
		return &counts->copies;
	case BUS_DIAG_STAT_HANDOVERS:
		return &counts->handovers;
	case BUS_DIAG_STAT_FROM_MASTER:
		return &counts->from_master;
	case BUS_DIAG_STAT_FILTERED:
		return &counts->filtered;
	case BUS_DIAG_STAT_LOST:
		return &counts->lost;
	default:
		return NULL;
	}
}

static void read_counts(struct bus_counts *counts, const char *pos, int len)
{
	const struct nlattr *attr;
	__u64 *count;

	while (len >= NLA_HDRLEN) {
		attr = (const void *)pos;
		if (attr->nla_len < NLA_HDRLEN)
			return;
		count = count_of(counts, attr->nla_type & NLA_TYPE_MASK);
		if (count)
			memcpy(count, pos + NLA_HDRLEN, sizeof(*count));
		pos += NLA_ALIGN(attr->nla_len);
		len -= NLA_ALIGN(attr->nla_len);
	}
}

static void read_stats(struct bus_counts *counts, const char *pos, int len)
{
	const struct nlattr *attr;

	while (len >= NLA_HDRLEN) {
		attr = (const void *)pos;
		if (attr->nla_len < NLA_HDRLEN)
			return;
		if ((attr->nla_type & NLA_TYPE_MASK) == BUS_DIAG_STATS)
			read_counts(counts, pos + NLA_HDRLEN,
				    attr->nla_len - NLA_HDRLEN);
		pos += NLA_ALIGN(attr->nla_len);
		len -= NLA_ALIGN(attr->nla_len);
	}
}

struct bus_counts bus_counts(int fd)
{
	struct {
		struct nlmsghdr		nlh;
		struct bus_diag_req	req;
	} ask = {
		.nlh.nlmsg_len		= sizeof(ask),
		.nlh.nlmsg_type		= SOCK_DIAG_BY_FAMILY,
		.nlh.nlmsg_flags	= NLM_F_REQUEST,
		.req.sdiag_family	= AF_BUS,
		.req.bdiag_show		= BUS_DIAG_SHOW_STATS,
	};
	int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	union {
		struct nlmsghdr	nlh;
		char		buf[1024];
	} answer;
	struct bus_counts counts;
	const int head = NLMSG_SPACE(sizeof(struct bus_diag_msg));
	socklen_t len = sizeof(__u64);
	__u64 cookie = 0;
	ssize_t n;

	memset(&counts, 0xff, sizeof(counts));
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	ask.req.bdiag_cookie[0] = cookie;
	ask.req.bdiag_cookie[1] = cookie >> 32;
	if (send(nl, &ask, sizeof(ask), 0) == sizeof(ask)) {
		n = recv(nl, &answer, sizeof(answer), 0);
		if (n > 0 && answer.nlh.nlmsg_type == SOCK_DIAG_BY_FAMILY)
			read_stats(&counts, answer.buf + head, n - head);
	}
	close(nl);
	return counts;
}

/* Sending */

#define SAY_FLAGS	(MSG_DONTWAIT | MSG_NOSIGNAL)

int say(int fd, const char *text)
{
	return ERR(send(fd, text, strlen(text), SAY_FLAGS));
}

int say_to(int fd, __u64 addr, const char *text)
{
	struct sockaddr_bus sb;

	bus_to(&sb, addr);
	return ERR(sendto(fd, text, strlen(text), SAY_FLAGS,
			  (struct sockaddr *)&sb, BUS_NAME_MIN));
}

static int send_cmsg_flags(int fd, const __u64 *addr, const char *text,
			   int level, int type, const void *data, size_t len,
			   int flags)
{
	char control[CMSG_SPACE(BUS_MAX_FDS * sizeof(__u64))] = {};
	struct iovec iov = { (void *)text, strlen(text) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(len),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct sockaddr_bus sb;

	if (addr) {
		bus_to(&sb, *addr);
		msg.msg_name = &sb;
		msg.msg_namelen = BUS_NAME_MIN;
	}
	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	return ERR(sendmsg(fd, &msg, flags));
}

int send_cmsg(int fd, const __u64 *addr, const char *text, int level, int type,
	      const void *data, size_t len)
{
	return send_cmsg_flags(fd, addr, text, level, type, data, len,
			       SAY_FLAGS);
}

int send_fd(int fd, __u64 addr, const char *text, int sent, int flags)
{
	return send_cmsg_flags(fd, &addr, text, SOL_SOCKET, SCM_RIGHTS, &sent,
			       sizeof(sent), flags | MSG_NOSIGNAL);
}

int say_fds(int fd, const __u64 *addr, const char *text, const int *fds,
	    unsigned int nr)
{
	return send_cmsg(fd, addr, text, SOL_SOCKET, SCM_RIGHTS, fds,
			 nr * sizeof(*fds));
}

int say_list(int fd, const __u64 *addrs, unsigned int nr, const char *text)
{
	return send_cmsg(fd, NULL, text, SOL_BUS, SCM_BUS_LIST, addrs,
			 nr * sizeof(*addrs));
}

/* Receiving */

static void got_bus_cmsg(struct bus_got *got, const struct cmsghdr *cmsg)
{
	size_t len = cmsg->cmsg_len - CMSG_LEN(0);
	const void *data = CMSG_DATA(cmsg);

	if (cmsg->cmsg_type == SCM_BUS_DST && len == sizeof(got->dst)) {
		memcpy(&got->dst, data, len);
		got->has_dst = true;
	} else if (cmsg->cmsg_type == SCM_BUS_LOST &&
		   len == sizeof(got->lost)) {
		memcpy(&got->lost, data, len);
		got->has_lost = true;
	} else if (cmsg->cmsg_type == SCM_BUS_REASON &&
		   len == sizeof(got->reason)) {
		memcpy(&got->reason, data, len);
		got->has_reason = true;
	} else {
		got->unknown++;
	}
}

static void got_socket_cmsg(struct bus_got *got, const struct cmsghdr *cmsg)
{
	size_t len = cmsg->cmsg_len - CMSG_LEN(0);
	const void *data = CMSG_DATA(cmsg);

	if (cmsg->cmsg_type == SCM_RIGHTS && len <= sizeof(got->fds)) {
		memcpy(got->fds, data, len);
		got->nr_fds = len / sizeof(int);
	} else if (cmsg->cmsg_type == SCM_CREDENTIALS &&
		   len == sizeof(got->cred)) {
		memcpy(&got->cred, data, len);
		got->has_cred = true;
	} else if (cmsg->cmsg_type == SCM_PIDFD && len == sizeof(int)) {
		memcpy(&got->pidfd, data, len);
	} else {
		got->unknown++;
	}
}

/* Returns the result of recvmsg() and fills in got. */
ssize_t bus_recv(int fd, struct bus_got *got, void *buf, size_t len, int flags)
{
	char control[CMSG_SPACE(BUS_MAX_FDS * sizeof(int)) + 512];
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_name = &got->name,
		.msg_namelen = sizeof(got->name),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	memset(got, 0, sizeof(*got));
	got->pidfd = -1;
	errno = 0;
	got->len = recvmsg(fd, &msg, flags);
	got->err = got->len < 0 ? errno : 0;
	if (got->len < 0)
		return -1;
	got->flags = msg.msg_flags;
	got->namelen = msg.msg_namelen;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_BUS)
			got_bus_cmsg(got, cmsg);
		else if (cmsg->cmsg_level == SOL_SOCKET)
			got_socket_cmsg(got, cmsg);
		else
			got->unknown++;
	}
	return got->len;
}

void bus_got_close(struct bus_got *got)
{
	unsigned int i;

	for (i = 0; i < got->nr_fds; i++)
		close(got->fds[i]);
	if (got->pidfd >= 0)
		close(got->pidfd);
	got->nr_fds = 0;
	got->pidfd = -1;
}

static const char *const reasons[] = {
	[BUS_REASON_NONE]	= "NONE",
	[BUS_REASON_ADDRESSED]	= "ADDRESSED",
	[BUS_REASON_NO_OWNER]	= "NO_OWNER",
	[BUS_REASON_NOT_JOINED]	= "NOT_JOINED",
	[BUS_REASON_FULL]	= "FULL",
	[BUS_REASON_VIA_MASTER]	= "VIA_MASTER",
	[BUS_REASON_ORDER]	= "ORDER",
	[BUS_REASON_UNROUTED]	= "UNROUTED",
	[BUS_REASON_DENIED]	= "DENIED",
	[BUS_REASON_RECIPIENTS]	= "RECIPIENTS",
};

struct line {
	char	text[1024];
	size_t	len;
};

static void add(struct line *l, const char *fmt, ...)
{
	size_t room = sizeof(l->text) - l->len;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(l->text + l->len, room, fmt, args);
	va_end(args);
	l->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_addr(struct line *l, __u64 addr)
{
	if (BUS_PREFIX(addr))
		add(l, "%x:", BUS_PREFIX(addr));
	if (BUS_CLIENT(addr) == BUS_CLIENT_MASK)
		add(l, "*");
	else
		add(l, "%llx", (unsigned long long)BUS_CLIENT(addr));
}

static void add_reason(struct line *l, const struct bus_reason *r)
{
	if (r->reason <= BUS_REASON_RECIPIENTS)
		add(l, " reason=%s", reasons[r->reason]);
	else
		add(l, " reason=%u", r->reason);
	if (r->flags)
		add(l, "/%x", r->flags);
}

static void add_extras(struct line *l, const struct bus_got *got)
{
	if (got->has_dst) {
		add(l, " dst=");
		add_addr(l, got->dst);
	}
	if (got->has_reason)
		add_reason(l, &got->reason);
	if (got->has_lost)
		add(l, " lost=%llu", (unsigned long long)got->lost);
	if (got->has_cred)
		add(l, " cred");
	if (got->nr_fds)
		add(l, " fds=%u", got->nr_fds);
	if (got->pidfd >= 0)
		add(l, " pidfd");
	if (got->unknown)
		add(l, " unknown=%u", got->unknown);
	if (got->flags & MSG_TRUNC)
		add(l, " trunc");
	if (got->flags & MSG_CTRUNC)
		add(l, " ctrunc");
}

/* End-of-file and an empty message differ only in the length of the name. */
const char *bus_show(const struct bus_got *got, const char *text)
{
	static __thread struct line line;

	line.len = 0;
	if (got->len < 0) {
		add(&line, "%s", strerrorname_np(got->err) ?: "errno?");
	} else if (!got->len && !got->namelen) {
		add(&line, "EOF");
	} else {
		if (got->namelen != BUS_NAME_MIN ||
		    got->name.sbus_family != AF_BUS)
			add(&line, "badname(%u) ", got->namelen);
		add_addr(&line, got->name.sbus_addr.s_addr);
		add(&line, ":%.*s", (int)got->len, text);
		add_extras(&line, got);
	}
	return line.text;
}

static const char *take_flags(int fd, int flags)
{
	struct bus_got got;
	const char *line;
	char text[256];

	bus_recv(fd, &got, text, sizeof(text), MSG_DONTWAIT | flags);
	line = bus_show(&got, text);
	bus_got_close(&got);
	return line;
}

const char *take(int fd)
{
	return take_flags(fd, 0);
}

const char *peek(int fd)
{
	return take_flags(fd, MSG_PEEK);
}

/* Calls that may sleep */

int call_send(struct bus_call *call)
{
	struct sockaddr_bus sb;

	bus_to(&sb, call->addr);
	return ERR(sendto(call->fd, call->text, strlen(call->text),
			  call->flags | MSG_NOSIGNAL, (struct sockaddr *)&sb,
			  BUS_NAME_MIN));
}

int call_recv(struct bus_call *call)
{
	char buf[256];

	return ERR(recv(call->fd, buf, sizeof(buf), call->flags));
}

static void *call_thread(void *arg)
{
	struct bus_call *call = arg;

	atomic_store(&call->tid, syscall(SYS_gettid));
	call->err = call->fn(call);
	atomic_store(&call->done, true);
	return NULL;
}

void call_start(struct bus_call *call)
{
	atomic_init(&call->tid, 0);
	atomic_init(&call->done, false);
	if (!call->fn)
		call->fn = call_send;
	if (pthread_create(&call->thread, NULL, call_thread, call))
		abort();
}

bool call_done(struct bus_call *call)
{
	return atomic_load(&call->done);
}

/* Returns true when the call sleeps, false when it has returned. A call that
 * checks whether it has to wait may also be seen sleeping, so one sighting is
 * not enough.
 */
bool call_sleeps(struct bus_call *call)
{
	int tid, seen = 0;

	while (!call_done(call)) {
		tid = atomic_load(&call->tid);
		seen = tid && task_sleeps(getpid(), tid) ? seen + 1 : 0;
		if (seen == 3)
			return !call_done(call);
		usleep(1000);
	}
	return false;
}

/* Returns the errno of the call, 0 if it succeeded. */
int call_wait(struct bus_call *call)
{
	pthread_join(call->thread, NULL);
	return call->err;
}

/* Processes and time */

/* Reads a line of a file of a task; false if it cannot be read. */
static bool read_task(int pid, int tid, const char *name, char *line, int size)
{
	char path[64];
	bool ok;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(line, size, f);
	fclose(f);
	return ok;
}

/* A task that looks whether it has to wait has the state of a sleeper while it
 * runs. "syscall" tells whether it is off its CPU, but not to a process that has
 * changed its user.
 */
bool task_sleeps(int pid, int tid)
{
	char line[256], state = 0;

	if (!read_task(pid, tid, "stat", line, sizeof(line)) ||
	    sscanf(line, "%*d (%*[^)]) %c", &state) != 1 || state != 'S')
		return false;
	return !read_task(pid, tid, "syscall", line, sizeof(line)) ||
	       strncmp(line, "running", 7);
}

/* Returns the exit status, or -1 if the process was killed. */
int wait_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void ignore_signal(int sig)
{
}

/* The signal interrupts a call and has no other effect. */
void catch_signal(int sig, int flags)
{
	struct sigaction sa = { .sa_handler = ignore_signal, .sa_flags = flags };

	sigaction(sig, &sa, NULL);
}

long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Files and descriptors */

__u64 inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

bool is_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && p.revents & POLLOUT;
}

/* True if no process holds the other end of a pipe. */
bool reader_sees_eof(int fd)
{
	char c;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	return !read(fd, &c, 1);
}

static int write_flags(const char *path, const void *data, size_t len, int flags)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags), err;

	if (fd < 0)
		return errno;
	err = ERR(write(fd, data, len));
	close(fd);
	return err;
}

int write_data(const char *path, const void *data, size_t len)
{
	return write_flags(path, data, len, 0);
}

int write_in(const char *dir, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return write_flags(path, text, strlen(text), O_TRUNC);
}

bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

bool lsm_is_on(const char *name)
{
	char text[256] = "";
	FILE *f = fopen("/sys/kernel/security/lsm", "r");

	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = 0;
	fclose(f);
	return strstr(text, name);
}

/* Random numbers */

__u64 rnd_seed(void)
{
	const char *seed = getenv("AF_BUS_SEED");
	struct timespec now;

	if (seed)
		return strtoull(seed, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec * 1000000000ULL + now.tv_nsec) ^
	       ((__u64)getpid() << 40);
}

/* splitmix64 */
__u32 rnd_next(struct rnd *r)
{
	__u64 z;

	r->s += 0x9e3779b97f4a7c15ULL;
	z = r->s;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) >> 32;
}

__u32 rnd_below(struct rnd *r, __u32 n)
{
	return ((__u64)rnd_next(r) * n) >> 32;
}

unsigned int bus_long(unsigned int factor)
{
	const char *env = getenv("AF_BUS_LONG");
	unsigned int part = env ? strtoul(env, NULL, 0) : 0;

	return part && factor > part ? factor / part : 1;
}
