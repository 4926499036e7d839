// SPDX-License-Identifier: GPL-2.0
/* The calls of the fuzzer, and the results that they may have */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <linux/bus_diag.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>

#include "fuzz.h"

#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

#define SLOTS		32
#define DATA_SIZE	(2u << 20)
#define RECV_SIZE	(256u << 10)
#define FILL		'b'	/* all bytes of all messages */
#define SENDMSG_IOVS	4

/* A worker: a thread, or the child of one. */
struct task {
	const struct fuzz_prog	*prog;
	unsigned int		nr;		/* thread */
	unsigned int		at;		/* call */
	bool			child;
	bool			alone;		/* there is no other thread */
	bool			bad;		/* the call has a bad pointer */
	bool			rights;		/* it passes descriptors */
	char			*buf;		/* RECV_SIZE, then unmapped */
	char			control[8192];
	atomic_int		tid;
	int			ring;
	void			*ring_map[2];
	struct io_uring_params	ring_params;
	char			ring_buf[8192];
	struct iovec		ring_iov;
	struct msghdr		ring_msg;
	struct sockaddr_bus	ring_name;
};

static struct fuzz_shared *shared;
static char *data;		/* DATA_SIZE, then unmapped */
static struct task task[FUZZ_THREADS];
static int home_net = -1;

/*
 * The pool. A slot is one word: descriptor + 1, kind, whether it is an AF_BUS
 * socket, and a number that changes when the slot gets or loses a descriptor.
 * This tells a call afterwards whether it had its descriptor for itself all the
 * time.
 */

static atomic_ullong slots[SLOTS];
static atomic_uint slot_next;

struct pooled {
	int			fd;
	int			slot;		/* or -1 */
	unsigned long long	word;
	char			kind;
	bool			bus;
};

#define WORD_FD(w)	((int)(unsigned int)(w) - 1)
#define WORD_KIND(w)	((char)((w) >> 32))
#define WORD_BUS(w)	((w) >> 40 & 1)
#define WORD_GEN(w)	((w) >> 41)

static unsigned long long word(int fd, char kind, bool bus,
			       unsigned long long gen)
{
	return (unsigned int)(fd + 1) | (unsigned long long)(__u8)kind << 32 |
	       (unsigned long long)bus << 40 | gen << 41;
}

static void slot_set(unsigned int i, int fd, char kind, bool bus)
{
	unsigned long long old = atomic_load(&slots[i]);

	while (!atomic_compare_exchange_weak(&slots[i], &old,
					     word(fd, kind, bus,
						  WORD_GEN(old) + 1)))
		;
	if (WORD_FD(old) >= 0)
		close(WORD_FD(old));
}

static bool is_bus(int fd)
{
	socklen_t len = sizeof(int);
	int domain = 0;

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) &&
	       domain == AF_BUS;
}

/* No call waits for ever. */
static void limit_waits(int fd)
{
	const struct timeval tv = { .tv_usec = 5000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static void pool_add(int fd, char kind)
{
	unsigned int i, start;
	bool bus;

	if (fd < 0)
		return;
	bus = is_bus(fd);
	if (bus || kind == 'u')
		limit_waits(fd);
	start = atomic_fetch_add(&slot_next, 1);
	for (i = 0; i < SLOTS; i++)
		if (WORD_FD(atomic_load(&slots[(start + i) % SLOTS])) < 0)
			break;
	slot_set((start + i) % SLOTS, fd, kind, bus);
}

static void pool_look(struct pooled *p, int slot)
{
	p->slot = slot;
	p->word = atomic_load(&slots[slot]);
	p->fd = WORD_FD(p->word);
	p->kind = WORD_KIND(p->word);
	p->bus = WORD_BUS(p->word);
}

/*
 * A choice among descriptors: the first 16 prefer some kinds, or take any if
 * there is none of them; the next are slots; the last are no descriptors at
 * all.
 */
#define FD_USUAL	16
#define FD_LIMIT	(FD_USUAL + SLOTS + 3)

static struct pooled pool_get(const char *kinds, unsigned int choice)
{
	static const int none[] = { -1, 250, 0x7fffffff };
	unsigned int i, nr, nth;
	struct pooled p = { .fd = -1, .slot = -1 };

	if (choice >= FD_USUAL + SLOTS) {
		p.fd = none[choice % ARRAY_LEN(none)];
		return p;
	}
	if (choice >= FD_USUAL) {
		pool_look(&p, choice - FD_USUAL);
		return p;
	}
	nr = strlen(kinds);
	nth = choice / nr;
	/* the nth of a kind, or the last one if there are fewer */
	for (i = 0; i < SLOTS; i++) {
		struct pooled q;

		pool_look(&q, i);
		if (q.fd < 0 || q.kind != kinds[choice % nr])
			continue;
		p = q;
		if (!nth--)
			break;
	}
	for (i = 0; i < SLOTS && p.fd < 0; i++)
		pool_look(&p, (choice + i) % SLOTS);
	return p;
}

static void pool_kind(const struct pooled *p, char kind)
{
	unsigned long long old = p->word;

	if (p->slot >= 0)
		atomic_compare_exchange_strong(&slots[p->slot], &old,
					       word(p->fd, kind, p->bus,
						    WORD_GEN(old)));
}

static bool pool_same(const struct pooled *p)
{
	unsigned long long now;

	if (p->slot < 0)
		return false;
	now = atomic_load(&slots[p->slot]);
	return WORD_FD(now) == p->fd && WORD_GEN(now) == WORD_GEN(p->word);
}

/* Judging */

static void fail(const struct task *t, int err, const char *fmt, ...)
{
	int no = 0;
	va_list args;

	if (!atomic_compare_exchange_strong(&shared->failed, &no, 1))
		_exit(1);
	shared->op = t->prog->call[t->at].op;
	shared->err = err;
	va_start(args, fmt);
	vsnprintf(shared->what, sizeof(shared->what), fmt, args);
	va_end(args);
	atomic_store(&shared->failed, 2);
	_exit(1);
}

static bool is_in(const int *errs, int err)
{
	while (*errs && *errs != err)
		errs++;
	return *errs;
}

/*
 * Accepts documented results, and EFAULT only if a pointer was bad. A child
 * starts while other threads open and close descriptors, so its view of them
 * may be wrong.
 */
static void judge(const struct task *t, const struct pooled *p, long ret,
		  const int *errs)
{
	int err = errno;

	if (ret >= 0) {
		atomic_fetch_add(&shared->worked[t->prog->call[t->at].op], 1);
		return;
	}
	atomic_fetch_add(&shared->refused[t->prog->call[t->at].op], 1);
	if (err < FUZZ_ERRNOS)
		atomic_fetch_add(&shared->errnos[t->prog->call[t->at].op][err],
				 1);
	if (!p->bus || (t->child && !t->alone) || is_in(errs, err) || (err == EFAULT && t->bad) ||
	    (err == EBADF && t->rights) || !pool_same(p))
		return;
	fail(t, err, "%s is not an error of this call on a %c socket",
	     strerrorname_np(err) ?: "errno?", p->kind);
}

#define ERRORS(...)	((const int[]) { __VA_ARGS__, 0 })

/* Pointers */

#define PTR_LIMIT	6

/* Choice 0 is right; bad pointers are bad from somewhere in the middle on, or
 * throughout.
 */
static void *pointer(struct task *t, unsigned int choice, void *good,
		     size_t size, size_t len)
{
	const size_t page = sysconf(_SC_PAGESIZE);

	if (!choice)
		return good;
	t->bad = true;
	switch (choice) {
	case 1:
		return (char *)good + size - len / 2;
	case 2:
		return NULL;
	case 3:
		return (void *)8;
	case 4:
		return (void *)(0xffff888000000000UL + page);
	default:
		return (char *)good + size;
	}
}

/* Returns a pointer to an object with memory behind it. */
static void *struct_ptr(struct task *t, unsigned int choice, void *good)
{
	return choice ? pointer(t, 2 + choice % 3, good, 0, 0) : good;
}

static void *map_guarded(size_t size)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	mprotect(p + size, page, PROT_NONE);
	return p;
}

static const unsigned int lens[] = {
	10, 100, 1, 5000, 0, 40000, 70000, 300000, 1u << 20, DATA_SIZE,
};

#define LEN_USUAL	6
#define LEN_LIMIT	ARRAY_LEN(lens)

static size_t length(unsigned int choice)
{
	return lens[choice % ARRAY_LEN(lens)];
}

/* Names of buses */

#define NAME_USUAL	4
#define NAME_LIMIT	16

static socklen_t name(unsigned int choice, struct sockaddr_bus *sb)
{
	static const char *const paths[] = { "p0", "none", "p0/x", "none/x",
					     ".", "closed/x", "u0" };
	char text[16];

	if (choice < NAME_USUAL - 1) {
		snprintf(text, sizeof(text), "fuzz%u", choice);
		return bus_abstract(sb, text);
	}
	choice -= NAME_USUAL - 1;
	if (choice < ARRAY_LEN(paths))
		return bus_path(sb, paths[choice]);
	bus_abstract(sb, "fuzz0");
	switch (choice - ARRAY_LEN(paths)) {
	case 0:
		return BUS_NAME_MIN;
	case 1:
		return BUS_NAME_MIN + 1;
	case 2:
		memset(sb->sbus_path, 'x', BUS_PATH_MAX);
		break;
	case 3:
		sb->__pad[1] = 1;
		break;
	case 4:
		sb->sbus_addr.s_addr = 5;
		break;
	default:
		sb->sbus_family = AF_UNIX;
	}
	return sizeof(*sb);
}

/* The usual names are those of existing buses. */
static socklen_t name_of_bus(unsigned int choice, struct sockaddr_bus *sb)
{
	socklen_t len = sizeof(*sb);

	if (choice >= NAME_USUAL ||
	    getsockname(pool_get("l", choice).fd, (struct sockaddr *)sb, &len))
		return name(choice, sb);
	return len;
}

#define NAMELEN_LIMIT	9

static socklen_t name_len(unsigned int choice, socklen_t right)
{
	static const int others[] = { 128, 0, 2, 8, 15, 129, 200, -1 };

	return choice ? others[(choice - 1) % ARRAY_LEN(others)] : right;
}

/* Addresses of messages: returns the length, 0 for none. */
#define ADDR_USUAL	14
#define ADDR_LIMIT	24

static socklen_t address(struct task *t, int fd, unsigned int choice,
			 struct sockaddr_bus *sb)
{
	socklen_t len = sizeof(*sb);

	bus_to(sb, choice);
	if (choice <= 5)
		return choice ? BUS_NAME_MIN : 0;
	if (choice <= 9)
		bus_to(sb, BUS_MULTICAST(choice - 6));
	else if (choice <= 13)
		bus_to(sb, BUS_ADDR(1 + choice % 2, choice));
	else
		bus_to(sb, BUS_MASTER_ADDR);
	switch (choice) {
	case 15:
		bus_to(sb, 0x123456789abcdef0ULL + t->at);
		break;
	case 16:
		if (getsockname(fd, (struct sockaddr *)sb, &len))
			return 0;
		sb->sbus_addr.s_addr = BUS_MULTICAST(1);
		return len;
	case 17:
		return name(t->at % NAME_LIMIT, sb);
	case 18:
		return BUS_NAME_MIN - 1;
	case 19:
		return sizeof(*sb) + 1;
	case 20:
		sb->sbus_family = AF_UNSPEC;
		break;
	case 21:
		sb->__pad2 = 1;
		return sizeof(*sb);
	case 22:
		return -1;
	case 23:
		return 2;
	}
	return BUS_NAME_MIN;
}

/* Making sockets */

static void op_socket(struct task *t, const __u16 *arg)
{
	static const int types[] = { SOCK_SEQPACKET, SOCK_DGRAM, SOCK_STREAM,
				     SOCK_RAW, 0, 12, 0x7ff };
	static const int protos[] = { 0, 1, 2, -1, 0x7fffffff };
	struct pooled p = { .slot = -1 };
	int fd;

	fd = socket(AF_BUS, types[arg[0]] | (arg[2] ? SOCK_NONBLOCK : 0),
		    protos[arg[1]]);
	judge(t, &p, fd, NULL);
	if (fd < 0 && !is_in(ERRORS(ESOCKTNOSUPPORT, EPROTONOSUPPORT, EINVAL,
				    EMFILE), errno))
		fail(t, errno, "socket: %s", strerrorname_np(errno));
	pool_add(fd, 'n');
}

static void op_bus(struct task *t, const __u16 *arg)
{
	struct sockaddr_bus sb;
	socklen_t len = name(arg[0], &sb);
	int fd = socket(AF_BUS, SOCK_SEQPACKET | SOCK_NONBLOCK, arg[1]);

	if (bind(fd, (struct sockaddr *)&sb, len) || listen(fd, 4)) {
		close(fd);
		return;
	}
	pool_add(fd, 'l');
}

static void op_client(struct task *t, const __u16 *arg)
{
	struct pooled l = pool_get("l", arg[0]);
	struct sockaddr_bus sb;
	socklen_t len = sizeof(sb);
	int fd, acc;

	if (getsockname(l.fd, (struct sockaddr *)&sb, &len))
		return;
	fd = socket(AF_BUS, SOCK_SEQPACKET | SOCK_NONBLOCK, arg[1]);
	if (connect(fd, (struct sockaddr *)&sb, len)) {
		close(fd);
		return;
	}
	pool_add(fd, 'c');
	acc = accept4(l.fd, NULL, NULL, SOCK_NONBLOCK);
	if (acc < 0)
		return;
	if (!arg[2])
		bus_opt0(acc, BUS_JOIN_BUS);
	pool_add(acc, 'a');
}

static void op_unix(struct task *t, const __u16 *arg)
{
	static const int types[] = { SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM };
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "u0" };
	int pair[2];

	if (socketpair(AF_UNIX, types[arg[0]] | SOCK_NONBLOCK, 0, pair))
		return;
	if (arg[1])
		bind(pair[0], (struct sockaddr *)&sun, sizeof(sun));
	pool_add(pair[0], 'u');
	pool_add(pair[1], 'u');
}

static void op_file(struct task *t, const __u16 *arg)
{
	int pair[2], fd;

	switch (arg[0]) {
	case 0:
		if (pipe2(pair, O_NONBLOCK))
			return;
		pool_add(pair[0], 'r');
		pool_add(pair[1], 'w');
		return;
	case 1:
		fd = memfd_create("fuzz", 0);
		if (fd >= 0 && write(fd, data, length(arg[1])) < 0)
			perror("memfd");
		lseek(fd, 0, SEEK_SET);
		pool_add(fd, 'm');
		return;
	default:
		pool_add(epoll_create1(0), 'e');
		return;
	}
}

static void op_bind(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("n", arg[0]);
	struct sockaddr_bus sb;
	socklen_t len = name_len(arg[2], name(arg[1], &sb));
	int err;

	err = bind(p.fd, struct_ptr(t, arg[3], &sb), len);
	judge(t, &p, err, ERRORS(EINVAL, EADDRINUSE, EACCES, ENOENT, ENOTDIR,
				 EINTR));
	if (!err)
		pool_kind(&p, 'l');
}

static void op_listen(struct task *t, const __u16 *arg)
{
	static const int backlogs[] = { 4, 0, 1, -1, 0x7fffffff };
	struct pooled p = pool_get("l", arg[0]);

	judge(t, &p, listen(p.fd, backlogs[arg[1]]), ERRORS(EINVAL));
}

#define CONNECT_ERRORS	ERRORS(EINVAL, ECONNREFUSED, EPROTOTYPE, EISCONN, \
			       EAGAIN, EACCES, ENOENT, ENOTDIR, EINTR)

static void op_connect(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("n", arg[0]);
	struct sockaddr_bus sb;
	socklen_t len = name_len(arg[2], name_of_bus(arg[1], &sb));
	int err;

	err = connect(p.fd, struct_ptr(t, arg[3], &sb),
		      len);
	judge(t, &p, err, CONNECT_ERRORS);
	if (!err)
		pool_kind(&p, 'c');
}

static void op_accept(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("l", arg[0]);
	static const int flags[] = { SOCK_NONBLOCK, 0, SOCK_CLOEXEC, 0x10000 };
	struct sockaddr_bus sb;
	socklen_t len = sizeof(sb);
	int fd;

	fd = accept4(p.fd, arg[1] ? struct_ptr(t, arg[1] - 1, &sb) : NULL,
		     arg[1] ? &len : NULL, flags[arg[2]]);
	judge(t, &p, fd, ERRORS(EINVAL, EAGAIN, EMFILE, EINTR));
	pool_add(fd, 'a');
}

static void op_getname(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("lca", arg[0]);
	struct sockaddr_bus sb[2];
	socklen_t len = name_len(arg[2], sizeof(*sb));
	void *to = struct_ptr(t, arg[3], sb);
	int err;

	memset(sb, FILL, sizeof(sb));
	if (arg[1])
		err = getpeername(p.fd, to, &len);
	else
		err = getsockname(p.fd, to, &len);
	judge(t, &p, err, ERRORS(EINVAL, ENOTCONN));
	if (!err && p.bus && pool_same(&p) &&
	    (len < BUS_NAME_MIN || len > BUS_NAME_MIN + BUS_PATH_MAX))
		fail(t, 0, "name of %u bytes", len);
}

/* Options */

#define VAL_LIMIT	16

static __u32 value(unsigned int choice)
{
	static const __u32 values[VAL_LIMIT] = {
		1, 0, 2, 3, 4, 8, 100, 4096, 65536, 1u << 20, 128u << 20,
		(128u << 20) + 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x1234567,
	};

	return values[choice % VAL_LIMIT];
}

static const struct {
	int		opt;
	int		size;
	int		more;	/* an errno beside the usual */
	const char	*kinds;	/* of sockets that have it */
} bus_opts[] = {
	{ BUS_JOIN_BUS,		0, ENOTCONN, "a" },
	{ BUS_ADD_ADDR,		8, EADDRINUSE, "a" },
	{ BUS_DEL_ADDR,		8, EADDRNOTAVAIL, "a" },
	{ BUS_EAVESDROP,	4, 0, "a" },
	{ BUS_RCVBUF,		4, 0, "l" },
	{ BUS_QLEN,		4, 0, "l" },
	{ BUS_OVERFLOW,		sizeof(struct bus_overflow), 0, "al" },
	{ BUS_MAX_MSG,		4, 0, "l" },
	{ BUS_FLAGS,		4, 0, "al" },
	{ BUS_ACK,		4, 0, "a" },
	{ BUS_RECV_INFO,	4, 0, "cal" },
	{ BUS_RECV_NOTRUNC,	4, 0, "cal" },
	{ BUS_RECV_RIGHTS,	4, 0, "cal" },
	{ BUS_INFO,		sizeof(struct bus_info), 0, "cal" },
	{ BUS_FEATURES,		4, 0, "cal" },
	{ 0,			4, 0, "cal" },
	{ 7 + 1,		4, 0, "cal" },
	{ 25,			4, 0, "cal" },
	{ -1,			4, 0, "cal" },
};

#define OPTLEN_LIMIT	8

static socklen_t opt_len(unsigned int choice, int right)
{
	const int others[] = { 0, right - 1, right + 1, 128, 300, 0x7fffffff,
			       -1 };

	return choice ? others[(choice - 1) % ARRAY_LEN(others)] : right;
}

static void opt_value(int opt, unsigned int choice, void *to)
{
	memset(to, 0, 512);
	if (opt == BUS_OVERFLOW) {
		struct bus_overflow o = { choice % 6, (choice * 5 + 2) % 6,
					  choice == 15 };

		memcpy(to, &o, sizeof(o));
	} else if (opt == BUS_ADD_ADDR || opt == BUS_DEL_ADDR) {
		struct bus_addr a = { BUS_ADDR(1 + choice % 2, choice) };

		if (choice == 15)
			a.s_addr = BUS_MULTICAST(1);
		if (choice == 0)
			a.s_addr = 5;
		memcpy(to, &a, sizeof(a));
	} else {
		__u32 val = value(choice);

		memcpy(to, &val, sizeof(val));
	}
}

static void op_setbus(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get(bus_opts[arg[1]].kinds, arg[0]);
	int opt = bus_opts[arg[1]].opt, size = bus_opts[arg[1]].size;
	char val[512];
	void *from;

	opt_value(opt, arg[2], val);
	from = struct_ptr(t, arg[4], val);
	judge(t, &p, setsockopt(p.fd, SOL_BUS, opt, from,
				opt_len(arg[3], size)),
	      opt == BUS_ADD_ADDR ?
	      ERRORS(EINVAL, ENOPROTOOPT, EADDRINUSE, ENOTCONN) :
	      ERRORS(EINVAL, ENOPROTOOPT, bus_opts[arg[1]].more));
}

static const struct sock_filter filters[][2] = {
	{ BPF_STMT(BPF_RET | BPF_K, -1) },
	{ BPF_STMT(BPF_RET | BPF_K, 0) },
	{ BPF_STMT(BPF_RET | BPF_K, 5) },
	{ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 50), BPF_STMT(BPF_RET | BPF_A, 0) },
	{ BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0) },
	{ BPF_STMT(0xff, 0) },
	{ BPF_STMT(BPF_JMP | BPF_JA, 77) },
};

static int set_filter(int fd, unsigned int choice)
{
	const struct sock_filter *f = filters[choice % ARRAY_LEN(filters)];
	struct sock_fprog prog = {
		.len = BPF_CLASS(f[0].code) == BPF_RET ? 1 : 2,
		.filter = (struct sock_filter *)f,
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			  sizeof(prog));
}

static const int sock_opts[] = {
	SO_PASSCRED, SO_ATTACH_FILTER, SO_PASSPIDFD, SO_PASSRIGHTS, SO_RCVBUF,
	SO_SNDBUF, SO_DETACH_FILTER, SO_PASSSEC, SO_RCVBUFFORCE, SO_PEEK_OFF,
	SO_TIMESTAMP, SO_TIMESTAMPNS, SO_KEEPALIVE, SO_LINGER, SO_RCVLOWAT,
	SO_ZEROCOPY, SO_ATTACH_BPF, SO_MARK, SO_PRIORITY, SO_BUSY_POLL,
	SO_LOCK_FILTER, SO_RXQ_OVFL, SO_INCOMING_CPU, SO_TXTIME, SO_TIMESTAMPING,
	SO_PEERSEC, SO_COOKIE, 0, 99, -1,
};

static void op_setsock(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("cal", arg[0]);
	int opt = sock_opts[arg[1]], err;
	char val[512];

	opt_value(0, arg[2], val);
	if (opt == SO_ATTACH_FILTER && !arg[4])
		err = set_filter(p.fd, arg[2]);
	else
		err = setsockopt(p.fd, SOL_SOCKET, opt,
				 struct_ptr(t, arg[4], val),
				 opt_len(arg[3], sizeof(int)));
	judge(t, &p, err,
	      ERRORS(EINVAL, ENOPROTOOPT, EPERM, EDOM, EOPNOTSUPP, EBADF,
		     ENOENT, ENOMEM, EEXIST, EFAULT, EBUSY));
}

static void op_getopt(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("cal", arg[0]);
	int size = bus_opts[arg[2]].size, opt = bus_opts[arg[2]].opt;
	char val[512];
	socklen_t len;

	if (arg[1]) {
		opt = arg[2] * 4 + arg[3];
		size = 4;
	}
	len = opt_len(arg[3], size);
	if (len > sizeof(val) && len < 0x80000000 && !arg[4])
		len = sizeof(val);
	judge(t, &p, getsockopt(p.fd, arg[1] ? SOL_SOCKET : SOL_BUS, opt,
				struct_ptr(t, arg[4], val),
				struct_ptr(t, arg[5], &len)),
	      arg[1] ? ERRORS(EINVAL, ENOPROTOOPT, EOPNOTSUPP, ENODATA,
			      ENOTCONN, ERANGE, EMFILE, EBADF, EPERM) :
		       ERRORS(EINVAL, ENOPROTOOPT));
}

/* Sending */

#define CTL_USUAL	8
#define CTL_LIMIT	26

static struct cmsghdr *ctl_add(struct msghdr *msg, struct cmsghdr *cmsg,
			       int level, int type, const void *val, size_t len)
{
	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), val, len);
	msg->msg_controllen = (char *)cmsg + CMSG_SPACE(len) -
			      (char *)msg->msg_control;
	return (void *)((char *)cmsg + CMSG_SPACE(len));
}

static struct cmsghdr *ctl_rights(struct task *t, struct msghdr *msg,
				  struct cmsghdr *cmsg, unsigned int nr)
{
	int fds[300];
	unsigned int i;

	t->rights = true;
	for (i = 0; i < nr; i++)
		fds[i] = pool_get("uacl", (t->at + i * 5) % FD_USUAL).fd;
	return ctl_add(msg, cmsg, SOL_SOCKET, SCM_RIGHTS, fds, nr * sizeof(int));
}

static struct cmsghdr *ctl_list(struct msghdr *msg, struct cmsghdr *cmsg,
				unsigned int nr, __u64 odd)
{
	struct bus_addr list[300];
	unsigned int i;

	for (i = 0; i < nr; i++)
		list[i].s_addr = i % 7 == 5 ? BUS_ADDR(1, i) : 1 + i % 9;
	if (odd)
		list[nr - 1].s_addr = odd;
	return ctl_add(msg, cmsg, SOL_BUS, SCM_BUS_LIST, list,
		       nr * sizeof(*list));
}

static void ctl_bad(struct task *t, struct msghdr *msg, unsigned int choice)
{
	struct cmsghdr *cmsg = msg->msg_control;
	const int num = 0x7ffffff0;

	ctl_add(msg, cmsg, SOL_SOCKET, SCM_RIGHTS, &num, sizeof(num));
	t->rights = true;
	switch (choice) {
	case 0:
		break;
	case 1:
		cmsg->cmsg_len = 3;
		break;
	case 2:
		cmsg->cmsg_len = 0x7fffffffffffffffUL;
		break;
	case 3:
		msg->msg_controllen = 5;
		break;
	case 4:
		msg->msg_controllen = 1UL << 40;
		break;
	case 5:
		msg->msg_control = struct_ptr(t, 1 + t->at % 3, t->control);
		break;
	case 6:
		cmsg->cmsg_type = 77;
		break;
	case 7:
		cmsg->cmsg_level = SOL_BUS;
		cmsg->cmsg_type = SCM_BUS_DST + t->at % 5;
		break;
	case 8:
		cmsg->cmsg_level = 0;
		break;
	default:
		cmsg->cmsg_len = CMSG_LEN(0);
	}
}

static void control(struct task *t, struct msghdr *msg, unsigned int choice)
{
	struct ucred cred = { getpid(), getuid(), getgid() };
	struct cmsghdr *cmsg = (void *)t->control;

	if (!choice)
		return;
	msg->msg_control = t->control;
	switch (choice) {
	case 1:
	case 2:
		ctl_rights(t, msg, cmsg, choice);
		break;
	case 3:
		ctl_add(msg, cmsg, SOL_SOCKET, SCM_CREDENTIALS, &cred,
			sizeof(cred));
		break;
	case 4:
		ctl_list(msg, cmsg, 3, 0);
		break;
	case 5:
		cmsg = ctl_rights(t, msg, cmsg, 1);
		ctl_list(msg, cmsg, 4, 0);
		break;
	case 6:
		ctl_list(msg, cmsg, 300, 0);
		break;
	case 7:
		cmsg = ctl_add(msg, cmsg, SOL_SOCKET, SCM_CREDENTIALS, &cred,
			       sizeof(cred));
		ctl_rights(t, msg, cmsg, 3);
		break;
	case 8:
		ctl_list(msg, cmsg, 5, BUS_MULTICAST(1));
		break;
	case 9:
		ctl_list(msg, cmsg, 2, 1ULL << 63);
		break;
	case 10:
		ctl_rights(t, msg, cmsg, 253);
		break;
	case 11:
		ctl_rights(t, msg, cmsg, 254);
		break;
	case 12:
		cred.pid = 1;
		ctl_add(msg, cmsg, SOL_SOCKET, SCM_CREDENTIALS, &cred,
			sizeof(cred));
		break;
	case 13:
		cred.uid = 77777;
		ctl_add(msg, cmsg, SOL_SOCKET, SCM_CREDENTIALS, &cred,
			sizeof(cred));
		break;
	case 14:
		ctl_add(msg, cmsg, SOL_BUS, SCM_BUS_LIST, data, 7);
		break;
	case 15:
		cmsg = ctl_list(msg, cmsg, 2, 0);
		ctl_list(msg, cmsg, 2, 0);
		break;
	default:
		ctl_bad(t, msg, choice - 16);
	}
}

#define FLAG_USUAL	3
#define FLAG_LIMIT	18

static int msg_flags(unsigned int choice)
{
	static const unsigned int flags[FLAG_LIMIT] = {
		MSG_DONTWAIT, 0, MSG_DONTWAIT | MSG_NOSIGNAL, MSG_PEEK,
		MSG_PEEK | MSG_TRUNC, MSG_TRUNC | MSG_DONTWAIT, MSG_OOB, MSG_EOR,
		MSG_MORE, MSG_WAITALL | MSG_DONTWAIT, MSG_CMSG_CLOEXEC,
		MSG_ERRQUEUE, MSG_ZEROCOPY | MSG_DONTWAIT, MSG_FASTOPEN,
		0x8000000 | MSG_DONTWAIT, MSG_WAITFORONE, 0x80000000,
		0x7fffffff & ~MSG_OOB,
	};

	return flags[choice % FLAG_LIMIT];
}

#define SEND_ERRORS \
	ERRORS(ENOTCONN, EPIPE, EMSGSIZE, EOPNOTSUPP, EAGAIN, ENOBUFS, \
	       EHOSTUNREACH, EINVAL, EPERM, EINTR, ETOOMANYREFS, ESRCH)

static unsigned int iov_fill(struct task *t, struct iovec *iov,
			     unsigned int ptr, unsigned int len_choice)
{
	size_t len = length(len_choice);
	unsigned int i, nr = 1 + t->at % SENDMSG_IOVS;

	if (ptr || len < 100)
		nr = 1;
	for (i = 0; i < nr; i++) {
		iov[i].iov_base = data + i;
		iov[i].iov_len = i + 1 < nr ? len / nr : len - i * (len / nr);
	}
	if (nr == 1)
		iov[0].iov_base = pointer(t, ptr, data, DATA_SIZE, len);
	return nr;
}

static void op_send(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("cca", arg[0]);
	struct iovec iov[SENDMSG_IOVS];
	struct sockaddr_bus sb;
	struct msghdr msg = { .msg_iov = iov };

	msg.msg_namelen = address(t, p.fd, arg[1], &sb);
	if (msg.msg_namelen)
		msg.msg_name = &sb;
	control(t, &msg, arg[3]);
	msg.msg_iovlen = iov_fill(t, iov, arg[5], arg[2]);
	judge(t, &p, sendmsg(p.fd, &msg, msg_flags(arg[4])), SEND_ERRORS);
}

static void op_sendmmsg(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("cca", arg[0]);
	struct mmsghdr msg[4] = {};
	struct sockaddr_bus sb[4];
	struct iovec iov[4];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct msghdr *m = &msg[i].msg_hdr;

		m->msg_namelen = address(t, p.fd, (arg[1] + i) % ADDR_LIMIT,
					 &sb[i]);
		if (m->msg_namelen)
			m->msg_name = &sb[i];
		iov[i].iov_len = length(arg[2] + i);
		iov[i].iov_base = pointer(t, i == 2 ? arg[5] : 0, data,
					  DATA_SIZE, iov[i].iov_len);
		m->msg_iov = &iov[i];
		m->msg_iovlen = 1;
	}
	control(t, &msg[1].msg_hdr, arg[3]);
	judge(t, &p, sendmmsg(p.fd, msg, 4, msg_flags(arg[4])), SEND_ERRORS);
}

static void op_write(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("caw", arg[0]);
	struct iovec iov[SENDMSG_IOVS];
	unsigned int nr = iov_fill(t, iov, arg[2], arg[1]);

	judge(t, &p, writev(p.fd, iov, nr), SEND_ERRORS);
}

/* Receiving */

#define RECV_ERRORS \
	ERRORS(ENOTCONN, EAGAIN, ENOBUFS, EMSGSIZE, EOPNOTSUPP, EINTR, \
	       ECONNRESET, EINVAL)

static void check_bytes(const struct task *t, const char *at, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (at[i] != FILL)
			fail(t, 0, "byte %zu of %zu received is 0x%02x", i, len,
			     (unsigned char)at[i]);
}

static void take_rights(struct task *t, const struct cmsghdr *cmsg)
{
	unsigned int i, nr = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fds[300];

	if (nr > 253)
		fail(t, 0, "%u descriptors received", nr);
	memcpy(fds, CMSG_DATA(cmsg), nr * sizeof(int));
	for (i = 0; i < nr; i++) {
		if (i < 2)
			pool_add(fds[i], 'x');
		else
			close(fds[i]);
	}
}

static void check_control(struct task *t, struct msghdr *msg, bool bus)
{
	static const size_t sizes[] = { 0, sizeof(struct bus_addr),
					sizeof(__u64),
					sizeof(struct bus_reason) };
	struct cmsghdr *cmsg;
	int fd;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t len = cmsg->cmsg_len - CMSG_LEN(0);

		if (cmsg->cmsg_level == SOL_SOCKET &&
		    cmsg->cmsg_type == SCM_RIGHTS) {
			take_rights(t, cmsg);
		} else if (cmsg->cmsg_level == SOL_SOCKET &&
			   cmsg->cmsg_type == SCM_PIDFD && len == sizeof(int)) {
			memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
			if (fd >= 0)
				close(fd);
		} else if (bus && cmsg->cmsg_level == SOL_BUS &&
			   !(msg->msg_flags & MSG_CTRUNC) &&
			   (cmsg->cmsg_type < SCM_BUS_DST ||
			    cmsg->cmsg_type > SCM_BUS_REASON ||
			    len != sizes[cmsg->cmsg_type])) {
			fail(t, 0, "control message %u of %zu bytes",
			     cmsg->cmsg_type, len);
		}
	}
}

static void check_received(struct task *t, const struct pooled *p,
			   struct msghdr *msg, ssize_t len, bool named)
{
	const int flags = MSG_EOR | MSG_TRUNC | MSG_CTRUNC | MSG_CMSG_CLOEXEC;
	size_t room = msg->msg_iov->iov_len;

	check_bytes(t, msg->msg_iov->iov_base, (size_t)len < room ? len : room);
	check_control(t, msg, p->bus);
	if (!p->bus || (t->child && !t->alone) || !pool_same(p))
		return;
	if (named && msg->msg_namelen && msg->msg_namelen != BUS_NAME_MIN)
		fail(t, 0, "name of %u bytes received", msg->msg_namelen);
	if (msg->msg_flags & ~flags)
		fail(t, 0, "flags 0x%x received", msg->msg_flags);
}

static size_t control_len(unsigned int choice)
{
	static const unsigned int sizes[] = { 2048, 0, 100, 16, 20, 24, 40, 7 };

	return sizes[choice % ARRAY_LEN(sizes)];
}

static size_t recv_len(unsigned int choice)
{
	size_t len = length(choice);

	return len < RECV_SIZE ? len : RECV_SIZE;
}

static void op_recv(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("cacau", arg[0]);
	struct sockaddr_bus sb;
	struct iovec iov = { .iov_len = recv_len(arg[1]) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = t->control,
		.msg_controllen = control_len(arg[2]),
	};
	ssize_t len;

	memset(t->control, 0, sizeof(struct cmsghdr));
	iov.iov_base = pointer(t, arg[4], t->buf, RECV_SIZE, iov.iov_len);
	if (arg[5]) {
		msg.msg_name = struct_ptr(t, arg[5] - 1, &sb);
		msg.msg_namelen = sizeof(sb);
		if (arg[5] == 2 || arg[5] == 6)
			msg.msg_name = NULL;
	}
	memset(t->buf, 0, 4096);
	len = recvmsg(p.fd, &msg, msg_flags(arg[3]));
	judge(t, &p, len, RECV_ERRORS);
	if (len >= 0 && !arg[4])
		check_received(t, &p, &msg, len, arg[5] == 1);
}

static void op_recvmmsg(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("cacau", arg[0]);
	struct timespec ts = { .tv_nsec = 1000000 };
	struct mmsghdr msg[4] = {};
	struct iovec iov[4];
	int i, n;

	for (i = 0; i < 4; i++) {
		iov[i].iov_len = recv_len(arg[1]) / 4;
		iov[i].iov_base = t->buf + i * (RECV_SIZE / 4);
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
		msg[i].msg_hdr.msg_control = t->control + 2048 * i;
		msg[i].msg_hdr.msg_controllen = control_len(arg[2]);
	}
	n = recvmmsg(p.fd, msg, 4, msg_flags(arg[3]) | MSG_DONTWAIT,
		     arg[4] ? &ts : NULL);
	judge(t, &p, n, RECV_ERRORS);
	for (i = 0; i < n; i++)
		check_received(t, &p, &msg[i].msg_hdr, msg[i].msg_len, false);
}

static void op_read(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("cacur", arg[0]);
	size_t size = recv_len(arg[1]);
	void *buf = pointer(t, arg[2], t->buf, RECV_SIZE, size);
	ssize_t len;

	if (p.kind == 'x' && !p.bus)
		return;
	len = read(p.fd, buf, size);
	judge(t, &p, len, RECV_ERRORS);
	if (len > 0 && !arg[2] && strchr("caur", p.kind) && pool_same(&p))
		check_bytes(t, t->buf, len);
}

/* Pages */

static void op_splice(struct task *t, const __u16 *arg)
{
	struct pooled from = pool_get("rrmc", arg[0]);
	struct pooled to = pool_get("cacw", arg[1]);
	static const int flags[] = { SPLICE_F_NONBLOCK, 0, SPLICE_F_MORE,
				     SPLICE_F_NONBLOCK | SPLICE_F_MOVE, 0xff };
	ssize_t len = splice(from.fd, NULL, to.fd, NULL, length(arg[2]),
			     flags[arg[3]]);

	/* splice_to_socket() returns ERESTARTSYS for any socket if a bad
	 * write() has left an empty buffer in the pipe.
	 */
	if (len < 0 && errno == 512)
		return;
	t->rights = true;	/* the other end may be bad */
	/* EPIPE is that of a pipe */
	judge(t, to.bus ? &to : &from, len, to.bus ? SEND_ERRORS :
	      ERRORS(ENOTCONN, EAGAIN, ENOBUFS, EMSGSIZE, EINTR, ECONNRESET,
		     EINVAL, EPIPE));
}

static void op_sendfile(struct task *t, const __u16 *arg)
{
	struct pooled from = pool_get("m", arg[0]);
	struct pooled to = pool_get("ca", arg[1]);
	off_t off = 4090 * arg[3];

	if (!from.bus && from.kind == 'm')
		judge(t, &to, sendfile(to.fd, from.fd, &off, length(arg[2])),
		      SEND_ERRORS);
}

/* vmsplice() works on a pipe only. */
static void op_vmsplice(struct task *t, const __u16 *arg)
{
	struct pooled to = pool_get("w", arg[0]);
	struct iovec iov = { .iov_base = data, .iov_len = length(arg[1]) };

	vmsplice(to.fd, &iov, 1, SPLICE_F_NONBLOCK);
}

/* Waiting, and the rest of a descriptor's life */

static void op_poll(struct task *t, const __u16 *arg)
{
	struct pollfd pfd[4];
	int i;

	for (i = 0; i < 4; i++) {
		pfd[i].fd = pool_get("cal", (arg[0] + i) % FD_LIMIT).fd;
		pfd[i].events = arg[1] ? 0x7fff : POLLIN | POLLOUT;
	}
	if (poll(pfd, 4, arg[2]) < 0 && errno != EINTR)
		fail(t, errno, "poll: %s", strerrorname_np(errno));
}

static void op_epoll(struct task *t, const __u16 *arg)
{
	struct pooled e = pool_get("e", arg[0]);
	struct pooled p = pool_get("cal", arg[1]);
	static const __u32 events[] = { EPOLLIN | EPOLLOUT, EPOLLIN | EPOLLET,
					EPOLLOUT | EPOLLONESHOT,
					EPOLLEXCLUSIVE | EPOLLOUT, 0x7fffffff };
	struct epoll_event ev = { .events = events[arg[2]] };
	struct epoll_event got[8];

	epoll_ctl(e.fd, arg[3] + 1, p.fd, &ev);
	epoll_wait(e.fd, got, 8, 0);
}

static void op_shutdown(struct task *t, const __u16 *arg)
{
	static const int how[] = { SHUT_RDWR, SHUT_RD, SHUT_WR, 3, -1 };
	struct pooled p = pool_get("cal", arg[0]);

	judge(t, &p, shutdown(p.fd, how[arg[1]]), ERRORS(EINVAL, ENOTCONN));
}

static void op_close(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("xurmncal", arg[0]);

	if (p.slot >= 0)
		slot_set(p.slot, -1, 0, false);
}

static void op_dup(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("cal", arg[0]);

	pool_add(dup(p.fd), p.kind);
}

static void op_ioctl(struct task *t, const __u16 *arg)
{
	static const unsigned long cmds[] = {
		SIOCINQ, SIOCOUTQ, FIOASYNC, SIOCGIFCONF, SIOCGSKNS,
		0x89e0 /* SIOCUNIXFILE */, FIOGETOWN, SIOCATMARK, 0, 0x89ff, 0xdeadbeef,
	};
	struct pooled p = pool_get("cal", arg[0]);
	char val[256] = {};
	int ret;

	ret = ioctl(p.fd, cmds[arg[1]], struct_ptr(t, arg[2], val));
	judge(t, &p, ret, ERRORS(EINVAL, ENOTTY, EPERM, EFAULT, ENODEV,
				 EOPNOTSUPP));
	if (ret > 2 && cmds[arg[1]] == SIOCGSKNS)
		close(ret);
}

static void op_fcntl(struct task *t, const __u16 *arg)
{
	struct pooled p = pool_get("cal", arg[0]);

	if (arg[1])
		fcntl(p.fd, F_SETOWN, getpid());
	fcntl(p.fd, F_SETFL, (arg[2] & 1 ? O_ASYNC : 0) |
			     (arg[2] & 2 || !p.bus ? O_NONBLOCK : 0));
}

/* Reading state */

static void op_proc(struct task *t, const __u16 *arg)
{
	static const char *const files[] = {
		"/proc/thread-self/net/bus", "/proc/thread-self/net/protocols",
		"/proc/thread-self/net/unix",
	};
	size_t size = 1 + recv_len(arg[1]);
	int fd = open(files[arg[0]], O_RDONLY);
	ssize_t len;

	if (fd < 0)
		return;
	if (arg[2])
		lseek(fd, 77 * arg[2], SEEK_SET);
	if (size > RECV_SIZE)
		size = RECV_SIZE;
	do {
		len = read(fd, t->buf, size);
	} while (len > 0 && size > 50);
	if (len < 0 && errno != EINTR)
		fail(t, errno, "%s: %s", files[arg[0]], strerrorname_np(errno));
	close(fd);
}

static void op_diag(struct task *t, const __u16 *arg)
{
	struct {
		struct nlmsghdr		nlh;
		struct bus_diag_req	req;
	} msg = {
		.nlh = {
			.nlmsg_len = arg[3] ? sizeof(msg) - 3 * arg[3] :
					      sizeof(msg),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST |
				       (arg[0] ? 0 : NLM_F_DUMP),
		},
		.req = {
			.sdiag_family = AF_BUS,
			.pad = arg[2] == 7,
			.bdiag_states = arg[1] ? value(arg[1]) : ~0u,
			.bdiag_roles = arg[1] ? value(arg[1] + 3) : ~0u,
			.bdiag_show = arg[2] ? value(arg[2]) : ~0u,
			.bdiag_bus = arg[1] == 5,
			.bdiag_ino = arg[4],
			.bdiag_cookie = { arg[1] ? arg[4] : ~0u,
					  arg[1] ? 0 : ~0u },
		},
	};
	int i, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK,
			   NETLINK_SOCK_DIAG);

	if (fd < 0)
		return;
	if (send(fd, &msg, sizeof(msg), 0) < 0)
		fail(t, errno, "diag: %s", strerrorname_np(errno));
	for (i = 0; i < 20 && recv(fd, t->buf, RECV_SIZE, 0) > 0; i++)
		;
	close(fd);
}

/* io_uring: one ring for each thread; results are not waited for. */

static bool ring_open(struct task *t)
{
	struct io_uring_params *p = &t->ring_params;

	if (t->ring >= 0)
		return true;
	memset(p, 0, sizeof(*p));
	t->ring = syscall(SYS_io_uring_setup, 8, p);
	if (t->ring < 0)
		return false;
	t->ring_map[0] = mmap(NULL, p->sq_off.array + p->sq_entries * 4,
			      PROT_READ | PROT_WRITE, MAP_SHARED, t->ring,
			      IORING_OFF_SQ_RING);
	t->ring_map[1] = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe),
			      PROT_READ | PROT_WRITE, MAP_SHARED, t->ring,
			      IORING_OFF_SQES);
	return t->ring_map[0] != MAP_FAILED && t->ring_map[1] != MAP_FAILED;
}

static void ring_submit(struct task *t, const struct io_uring_sqe *sqe)
{
	const struct io_uring_params *p = &t->ring_params;
	struct io_uring_sqe *sqes = t->ring_map[1];
	char *sq = t->ring_map[0];
	atomic_uint *tail = (void *)(sq + p->sq_off.tail);
	unsigned int i = *tail & (p->sq_entries - 1);

	sqes[i] = *sqe;
	((unsigned int *)(sq + p->sq_off.array))[i] = i;
	atomic_fetch_add(tail, 1);
	syscall(SYS_io_uring_enter, t->ring, 1, 0, 0, NULL, 0);
	/* results are dropped: the head follows the tail */
	atomic_store((atomic_uint *)(sq + p->cq_off.head),
		     *(atomic_uint *)(sq + p->cq_off.tail));
}

static void op_uring(struct task *t, const __u16 *arg)
{
	static const __u8 ops[] = {
		IORING_OP_SENDMSG, IORING_OP_RECVMSG, IORING_OP_POLL_ADD,
		IORING_OP_ACCEPT, IORING_OP_SEND, IORING_OP_RECV,
		IORING_OP_ASYNC_CANCEL, IORING_OP_SHUTDOWN, 47, 48,
	};
	struct pooled p = pool_get("cal", arg[1]);
	struct io_uring_sqe sqe = { .opcode = ops[arg[0]], .fd = p.fd };

	if (t->child || !ring_open(t))
		return;
	sqe.flags = arg[4] ? IOSQE_ASYNC : 0;
	sqe.user_data = arg[2];
	switch (sqe.opcode) {
	case IORING_OP_SENDMSG:
	case IORING_OP_RECVMSG:
	case 48:
		t->ring_iov = (struct iovec) { data, length(arg[3]) };
		if (sqe.opcode == IORING_OP_RECVMSG)
			t->ring_iov = (struct iovec) {
				t->ring_buf, sizeof(t->ring_buf) };
		memset(&t->ring_msg, 0, sizeof(t->ring_msg));
		t->ring_msg.msg_iov = &t->ring_iov;
		t->ring_msg.msg_iovlen = 1;
		if (sqe.opcode != IORING_OP_RECVMSG) {
			t->ring_msg.msg_namelen = address(t, p.fd, arg[2],
							  &t->ring_name);
			t->ring_msg.msg_name = &t->ring_name;
		}
		sqe.addr = (unsigned long)&t->ring_msg;
		sqe.len = 1;
		break;
	case IORING_OP_POLL_ADD:
		sqe.poll32_events = arg[2] % 2 ? POLLIN : POLLOUT;
		break;
	case IORING_OP_SEND:
	case 47:
		sqe.addr = (unsigned long)data;
		sqe.len = length(arg[3]);
		break;
	case IORING_OP_RECV:
		sqe.addr = (unsigned long)t->ring_buf;
		sqe.len = sizeof(t->ring_buf);
		break;
	case IORING_OP_ASYNC_CANCEL:
		sqe.fd = -1;
		sqe.addr = arg[2];
		break;
	case IORING_OP_SHUTDOWN:
		sqe.len = arg[2] % 4;
		break;
	}
	ring_submit(t, &sqe);
	if (!arg[5])
		pool_add(dup(t->ring), 'x');
}

/* Threads and processes */

static void op_signal(struct task *t, const __u16 *arg)
{
	int tid = atomic_load(&task[arg[0]].tid);

	if (tid && !t->child)
		syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
}

static void op_netns(struct task *t, const __u16 *arg)
{
	if (arg[0])
		setns(home_net, CLONE_NEWNET);
	else
		unshare(CLONE_NEWNET);
}

static void op_child(struct task *t, const __u16 *arg);

/* Runs in a process, which other threads' descriptors do not affect. */
static void op_contest(struct task *t, const __u16 *arg)
{
	char what[128];
	int status;
	pid_t pid;

	if (t->child)
		return;
	pid = fork();
	if (pid < 0)
		return;
	if (!pid) {
		close_range(3, ~0U, 0);
		fuzz_contest(arg[0], arg[1], 20 + 20 * arg[2], what,
			     sizeof(what));
		if (what[0])
			fail(t, 0, "%s", what);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		_exit(1);
}

/* The calls, their frequency, and the number of choices for each argument */

struct fuzz_arg {
	const char	*name;
	__u16		usual;
	__u16		limit;
};

#define SOME(name, usual, n)	{ name, usual, n }
#define FD(name)		{ name, FD_USUAL, FD_LIMIT }
#define PTR(name)		{ name, 1, PTR_LIMIT }

static const struct fuzz_op {
	const char	*name;
	unsigned int	weight;
	void		(*run)(struct task *t, const __u16 *arg);
	struct fuzz_arg	arg[FUZZ_ARGS];
} ops[] = {
	{ "socket", 50, op_socket, { SOME("type", 1, 7), SOME("proto", 2, 5),
				     SOME("nonblock", 2, 2) } },
	{ "bus", 30, op_bus, { SOME("name", NAME_USUAL, NAME_LIMIT),
			       SOME("proto", 1, 2) } },
	{ "client", 80, op_client, { FD("listener"), SOME("proto", 1, 2),
				     SOME("unjoined", 1, 2) } },
	{ "unix", 30, op_unix, { SOME("type", 3, 3), SOME("bind", 2, 2) } },
	{ "file", 30, op_file, { SOME("kind", 3, 3), SOME("len", 10, 10) } },
	{ "bind", 30, op_bind, { FD("fd"), SOME("name", NAME_USUAL, NAME_LIMIT),
				 SOME("len", 1, NAMELEN_LIMIT), PTR("ptr") } },
	{ "listen", 20, op_listen, { FD("fd"), SOME("backlog", 5, 5) } },
	{ "connect", 50, op_connect, { FD("fd"),
				       SOME("name", NAME_USUAL, NAME_LIMIT),
				       SOME("len", 1, NAMELEN_LIMIT),
				       PTR("ptr") } },
	{ "accept", 40, op_accept, { FD("fd"), SOME("addr", 2, 7),
				     SOME("flags", 2, 4) } },
	{ "getname", 20, op_getname, { FD("fd"), SOME("peer", 2, 2),
				       SOME("len", 1, NAMELEN_LIMIT),
				       PTR("ptr") } },
	{ "setbus", 120, op_setbus, { FD("fd"),
				      SOME("opt", 15, ARRAY_LEN(bus_opts)),
				      SOME("val", VAL_LIMIT, VAL_LIMIT),
				      SOME("len", 1, OPTLEN_LIMIT),
				      PTR("ptr") } },
	{ "setsock", 50, op_setsock, { FD("fd"),
				       SOME("opt", 10, ARRAY_LEN(sock_opts)),
				       SOME("val", VAL_LIMIT, VAL_LIMIT),
				       SOME("len", 1, OPTLEN_LIMIT),
				       PTR("ptr") } },
	{ "getopt", 40, op_getopt, { FD("fd"), SOME("sol", 2, 2),
				     SOME("opt", ARRAY_LEN(bus_opts), ARRAY_LEN(bus_opts)),
				     SOME("len", 1, OPTLEN_LIMIT), PTR("ptr"),
				     PTR("lenptr") } },
	{ "send", 250, op_send, { FD("fd"), SOME("addr", ADDR_USUAL, ADDR_LIMIT),
				  SOME("len", LEN_USUAL, LEN_LIMIT),
				  SOME("ctl", CTL_USUAL, CTL_LIMIT),
				  SOME("flags", FLAG_USUAL, FLAG_LIMIT),
				  PTR("ptr") } },
	{ "sendmmsg", 40, op_sendmmsg, { FD("fd"),
					 SOME("addr", ADDR_USUAL, ADDR_LIMIT),
					 SOME("len", LEN_USUAL, LEN_LIMIT),
					 SOME("ctl", CTL_USUAL, CTL_LIMIT),
					 SOME("flags", FLAG_USUAL, FLAG_LIMIT),
					 PTR("ptr") } },
	{ "write", 30, op_write, { FD("fd"), SOME("len", LEN_USUAL, LEN_LIMIT),
				   PTR("ptr") } },
	{ "recv", 200, op_recv, { FD("fd"), SOME("len", LEN_USUAL, LEN_LIMIT),
				  SOME("ctl", 2, 8),
				  SOME("flags", FLAG_USUAL, FLAG_LIMIT),
				  PTR("ptr"), SOME("name", 2, 7) } },
	{ "recvmmsg", 40, op_recvmmsg, { FD("fd"), SOME("len", LEN_USUAL, LEN_LIMIT),
					 SOME("ctl", 2, 8),
					 SOME("flags", FLAG_USUAL, FLAG_LIMIT),
					 SOME("timeout", 2, 2) } },
	{ "read", 30, op_read, { FD("fd"), SOME("len", LEN_USUAL, LEN_LIMIT),
				 PTR("ptr") } },
	{ "splice", 50, op_splice, { FD("from"), FD("to"),
				     SOME("len", LEN_USUAL, LEN_LIMIT),
				     SOME("flags", 3, 5) } },
	{ "sendfile", 30, op_sendfile, { FD("from"), FD("to"),
					 SOME("len", LEN_USUAL, LEN_LIMIT),
					 SOME("offset", 4, 4) } },
	{ "vmsplice", 20, op_vmsplice, { FD("to"), SOME("len", LEN_USUAL, LEN_LIMIT) } },
	{ "poll", 40, op_poll, { FD("fd"), SOME("events", 1, 2),
				 SOME("timeout", 1, 3) } },
	{ "epoll", 40, op_epoll, { FD("epoll"), FD("fd"), SOME("events", 5, 5),
				   SOME("op", 3, 3) } },
	{ "shutdown", 10, op_shutdown, { FD("fd"), SOME("how", 3, 5) } },
	{ "close", 30, op_close, { FD("fd") } },
	{ "dup", 20, op_dup, { FD("fd") } },
	{ "ioctl", 30, op_ioctl, { FD("fd"), SOME("cmd", 2, 11), PTR("ptr") } },
	{ "fcntl", 10, op_fcntl, { FD("fd"), SOME("owner", 2, 2), SOME("flags", 4, 4) } },
	{ "proc", 20, op_proc, { SOME("file", 1, 3), SOME("len", LEN_USUAL, LEN_LIMIT),
				 SOME("seek", 4, 4) } },
	{ "diag", 30, op_diag, { SOME("one", 2, 2), SOME("states", 1, VAL_LIMIT),
				 SOME("show", 1, VAL_LIMIT), SOME("short", 1, 6),
				 SOME("inode", 8, 8) } },
	{ "uring", 40, op_uring, { SOME("op", 10, 10), FD("fd"),
				   SOME("addr", ADDR_USUAL, ADDR_LIMIT),
				   SOME("len", LEN_USUAL, LEN_LIMIT), SOME("async", 2, 2),
				   SOME("pool", 20, 20) } },
	{ "signal", 10, op_signal, { SOME("thread", FUZZ_THREADS, FUZZ_THREADS) } },
	{ "child", 15, op_child, { SOME("calls", 20, 20), SOME("delay", 8, 8) } },
	{ "netns", 2, op_netns, { SOME("back", 2, 2) } },
	{ "contest", 6, op_contest, { SOME("kind", FUZZ_CONTESTS, FUZZ_CONTESTS),
				      SOME("seed", 65535, 65535), SOME("time", 3, 3) } },
};

static void run_call(struct task *t, unsigned int i)
{
	const struct fuzz_call *call = &t->prog->call[i];

	t->at = i;
	t->bad = false;
	t->rights = false;
	if (!t->child)
		atomic_store(&shared->at[t->nr], i);
	ops[call->op].run(t, call->arg);
}

/* A child executes the next calls, until it is killed. */
static void op_child(struct task *t, const __u16 *arg)
{
	unsigned int i, nr = 2 + arg[0];
	struct task *child = t;
	pid_t pid;

	if (t->child)
		return;
	pid = fork();
	if (pid < 0)
		return;
	if (!pid) {
		child->child = true;
		for (i = t->at + 1; i < t->prog->nr && nr; i++) {
			if (t->prog->call[i].thread != t->nr)
				continue;
			run_call(child, i);
			nr--;
		}
		_exit(0);
	}
	usleep(1 << (2 * arg[1]));
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Programs */

const char *fuzz_op_name(unsigned int op)
{
	return op < ARRAY_LEN(ops) ? ops[op].name : NULL;
}

static unsigned int make_op(struct rnd *r)
{
	unsigned int i, n, sum = 0;

	for (i = 0; i < ARRAY_LEN(ops); i++)
		sum += ops[i].weight;
	n = rnd_below(r, sum);
	for (i = 0; n >= ops[i].weight; i++)
		n -= ops[i].weight;
	return i;
}

static void make_call(struct rnd *r, struct fuzz_call *call, unsigned int op)
{
	unsigned int i;

	memset(call, 0, sizeof(*call));
	call->op = op;
	for (i = 0; i < FUZZ_ARGS; i++) {
		const struct fuzz_arg *arg = &ops[op].arg[i];

		if (arg->limit)
			call->arg[i] = rnd_below(r, rnd_below(r, 12) ?
						 arg->usual : arg->limit);
	}
}

static unsigned int op_by_name(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(ops); i++)
		if (!strcmp(ops[i].name, name))
			break;
	return i;
}

/**
 * fuzz_make() - generate a round from a number
 * @prog: the round
 * @seed: the number
 * @nr: number of calls
 *
 * Most rounds begin with a bus that has some clients. A third of all rounds has
 * one thread.
 */
void fuzz_make(struct fuzz_prog *prog, __u64 seed, unsigned int nr)
{
	struct rnd r = { seed };
	unsigned int i, threads = 1 + rnd_below(&r, FUZZ_THREADS);
	bool blank = !rnd_below(&r, 10);

	prog->nr = nr;
	for (i = 0; i < nr; i++) {
		struct fuzz_call *call = &prog->call[i];

		make_call(&r, call, make_op(&r));
		call->thread = rnd_below(&r, threads);
		if (blank || i > 6)
			continue;
		make_call(&r, call, op_by_name(i ? i < 5 ? "client" : "file" :
						   "bus"));
		if (!i)
			call->arg[0] %= NAME_USUAL;
		if (i && i < 5)
			call->arg[0] = 0;
		if (i < 5)
			call->arg[1] = 0;
		if (i >= 5)
			call->arg[0] = i - 5;
		call->thread = 0;
	}
}

void fuzz_print(const struct fuzz_prog *prog)
{
	unsigned int i, k;

	for (i = 0; i < prog->nr; i++) {
		const struct fuzz_call *call = &prog->call[i];
		const struct fuzz_op *op = &ops[call->op];

		printf("#   %u %s", call->thread, op->name);
		for (k = 0; k < FUZZ_ARGS && op->arg[k].limit; k++)
			printf(" %s=%u", op->arg[k].name, call->arg[k]);
		printf("\n");
	}
}

/* Parses a line as it was printed; returns false if it is not a call. */
bool fuzz_parse(struct fuzz_call *call, char *line)
{
	unsigned int thread, op, k;
	char *word, *save, *val;

	memset(call, 0, sizeof(*call));
	word = strtok_r(line, "# \t\n", &save);
	if (!word || word[0] < '0' || word[0] > '9')
		return false;
	thread = strtoul(word, NULL, 0);
	word = strtok_r(NULL, " \t\n", &save);
	op = word ? op_by_name(word) : ARRAY_LEN(ops);
	if (op == ARRAY_LEN(ops) || thread >= FUZZ_THREADS)
		return false;
	call->thread = thread;
	call->op = op;
	for (k = 0; k < FUZZ_ARGS && ops[op].arg[k].limit; k++) {
		word = strtok_r(NULL, " \t\n", &save);
		val = word ? strchr(word, '=') : NULL;
		if (!val)
			return false;
		call->arg[k] = strtoul(val + 1, NULL, 0);
		if (call->arg[k] >= ops[op].arg[k].limit)
			return false;
	}
	return true;
}

/* Running one */

static pthread_barrier_t start;

static void *run_thread(void *arg)
{
	struct task *t = arg;
	unsigned int i;

	atomic_store(&t->tid, syscall(SYS_gettid));
	pthread_barrier_wait(&start);
	for (i = 0; i < t->prog->nr; i++)
		if (t->prog->call[i].thread == t->nr)
			run_call(t, i);
	atomic_store(&shared->at[t->nr], t->prog->nr);
	return NULL;
}

static void wake(int sig)
{
	(void)sig;
}

static void settle_signals(void)
{
	struct sigaction sa = { .sa_handler = wake };

	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	signal(SIGURG, SIG_IGN);
}

/**
 * fuzz_run() - execute the calls of a round, in a process of its own
 * @prog: the round
 *
 * Return: 0. A wrong result ends the process.
 */
int fuzz_run(const struct fuzz_prog *prog)
{
	const struct rlimit files = { 256, 256 };
	pthread_t threads[FUZZ_THREADS];
	unsigned int i, nr = 1;

	settle_signals();
	setrlimit(RLIMIT_NOFILE, &files);
	home_net = open("/proc/self/ns/net", O_RDONLY);
	for (i = 0; i < prog->nr; i++)
		if (prog->call[i].thread >= nr)
			nr = prog->call[i].thread + 1;
	pthread_barrier_init(&start, NULL, nr);
	for (i = 0; i < nr; i++) {
		task[i].prog = prog;
		task[i].nr = i;
		task[i].alone = nr == 1;
		task[i].ring = -1;
		if (pthread_create(&threads[i], NULL, run_thread, &task[i]))
			abort();
	}
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

/**
 * fuzz_init() - set up the fuzzer, once
 * @to: where rounds report
 */
void fuzz_init(struct fuzz_shared *to)
{
	unsigned int i;

	shared = to;
	data = map_guarded(DATA_SIZE);
	memset(data, FILL, DATA_SIZE);
	for (i = 0; i < FUZZ_THREADS; i++)
		task[i].buf = map_guarded(RECV_SIZE);
}
