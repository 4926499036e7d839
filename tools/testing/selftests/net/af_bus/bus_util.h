/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers for the AF_BUS tests. Functions return 0 or a positive errno unless
 * their comment says otherwise, and none of them waits: a message is in the
 * queues of its recipients when send() returns.
 */
#ifndef BUS_UTIL_H
#define BUS_UTIL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <linux/bus.h>

/* Emulated machines are slow, and a timeout is only there to end a hang. TEST()
 * takes the value where it is used.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD	76
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD	77
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD	0x04
#endif

#define BUS_NAME_MIN	offsetof(struct sockaddr_bus, sbus_path)
#define BUS_MAX_FDS	300

/* The errno of a system call, 0 if it succeeded */
#define ERR(call)	({ errno = 0; (call) < 0 ? errno : 0; })

/* A client: its socket, and the socket that the master accepted for it. */
struct bus_link {
	int	fd;
	int	acc;
	__u64	addr;
};

#define TBUS_LINKS	9

/* A bus whose master and clients are all this process. The unique addresses of
 * the clients are 1, 2, 3 ... in the order of link[].
 */
struct tbus {
	struct sockaddr_bus	name;
	socklen_t		namelen;
	int			listener;
	int			proto;		/* of the sockets that connect */
	unsigned int		nr;
	struct bus_link		link[TBUS_LINKS];
};

/* bus_util.c: names */
socklen_t bus_abstract(struct sockaddr_bus *sb, const char *name);
socklen_t bus_abstract_unique(struct sockaddr_bus *sb);
socklen_t bus_path(struct sockaddr_bus *sb, const char *path);
void bus_to(struct sockaddr_bus *sb, __u64 addr);

/* A temporary directory, which is the working directory meanwhile */
struct tmp_dir {
	char	path[32];
};

int tmp_enter(struct tmp_dir *tmp);
void tmp_leave(const struct tmp_dir *tmp);

/* bus_util.c: buses and clients */
int bus_socket(void);
int bus_listen(struct sockaddr_bus *sb, socklen_t len);
int bus_try_connect(const struct sockaddr_bus *sb, socklen_t len);
int tbus_listen(struct tbus *b);
int tbus_link(struct tbus *b, struct bus_link *l);
int tbus_join(struct bus_link *l);
int tbus_client(struct tbus *b, struct bus_link *l);
int tbus_clients(struct tbus *b, unsigned int nr);
int tbus_open(struct tbus *b, unsigned int nr);
void tbus_close(struct tbus *b);
const char *tbus_queued(const struct tbus *b);
void bus_link_close(struct bus_link *l);

/* Sockets that stay, and as many that go a few at a time. */
#define BUS_CROWD_MAX	200

struct bus_crowd {
	unsigned int	nr;
	unsigned int	gone;
	int		stay[BUS_CROWD_MAX];
	int		go[BUS_CROWD_MAX];
	__u64		ino[BUS_CROWD_MAX];		/* of those that stay */
};

void bus_crowd_open(struct bus_crowd *c, unsigned int nr);
void bus_crowd_go(struct bus_crowd *c, unsigned int nr);
void bus_crowd_close(struct bus_crowd *c);

/* bus_util.c: options */
int bus_add(const struct bus_link *l, __u64 addr);
int bus_del(const struct bus_link *l, __u64 addr);
int bus_opt(int fd, int opt, __u32 value);
int bus_opt0(int fd, int opt);
int bus_overflow(int fd, __u32 unicast, __u32 multicast);
int sol_opt(int fd, int opt, int value);
int bus_slow(int fd);
int set_send_timeout(int fd, long ms);
struct bus_info bus_get_info(int fd);

/* What sock_diag tells of a socket in BUS_DIAG_STATS; all ones if it fails. */
struct bus_counts {
	__u64	unicasts;
	__u64	multicasts;
	__u64	copies;
	__u64	handovers;
	__u64	from_master;
	__u64	filtered;
	__u64	lost;
};

struct bus_counts bus_counts(int fd);

/* bus_util.c: messages. These calls do not wait and raise no SIGPIPE. */
int say(int fd, const char *text);
int say_to(int fd, __u64 addr, const char *text);
int say_fds(int fd, const __u64 *addr, const char *text, const int *fds,
	    unsigned int nr);
int say_list(int fd, const __u64 *addrs, unsigned int nr, const char *text);
int send_cmsg(int fd, const __u64 *addr, const char *text, int level, int type,
	      const void *data, size_t len);

/* Sends one descriptor; waits unless flags have MSG_DONTWAIT. */
int send_fd(int fd, __u64 addr, const char *text, int sent, int flags);

/* A received message */
struct bus_got {
	ssize_t			len;		/* or -1 */
	int			err;
	int			flags;
	socklen_t		namelen;
	struct sockaddr_bus	name;
	bool			has_dst, has_lost, has_reason, has_cred;
	__u64			dst;
	__u64			lost;
	struct bus_reason	reason;
	struct ucred		cred;
	int			pidfd;		/* or -1 */
	unsigned int		nr_fds;
	unsigned int		unknown;	/* control messages */
	int			fds[BUS_MAX_FDS];
};

ssize_t bus_recv(int fd, struct bus_got *got, void *buf, size_t len, int flags);
const char *bus_show(const struct bus_got *got, const char *text);
void bus_got_close(struct bus_got *got);

/* These return the next message as a line of text, valid until the next call:
 *	"1:hello"	from 1, without control messages
 *	"0:hi dst=2:5 reason=FULL lost=3 cred fds=2 pidfd trunc ctrunc"
 *	"EOF", "EAGAIN" and other errors
 * A prefix of an address is shown unless it is 0; all ones are shown as "*".
 * Descriptors of the message are closed.
 */
const char *take(int fd);
const char *peek(int fd);

/* A call that may sleep, made by a thread of its own */
struct bus_call {
	int		(*fn)(struct bus_call *call);	/* 0 or errno */
	int		fd;
	int		flags;
	__u64		addr;
	const char	*text;
	void		*arg;
	/* private */
	pthread_t	thread;
	int		err;
	atomic_int	tid;
	atomic_bool	done;
};

int call_send(struct bus_call *call);
int call_recv(struct bus_call *call);
void call_start(struct bus_call *call);
bool call_sleeps(struct bus_call *call);
bool call_done(struct bus_call *call);
int call_wait(struct bus_call *call);

/* Processes and time */
bool task_sleeps(int pid, int tid);
int wait_status(pid_t pid);
void catch_signal(int sig, int flags);
long long now_ms(void);

/* Files and descriptors */
__u64 inode_of(int fd);
bool is_writable(int fd);
bool reader_sees_eof(int fd);

/* Write a file of the kernel in one call. write_text() returns false unless all of
 * the text was taken; write_in() truncates the file first.
 */
bool write_text(const char *path, const char *text);
int write_data(const char *path, const void *data, size_t len);
int write_in(const char *dir, const char *name, const char *text);

/* Returns whether this security module is enabled. */
bool lsm_is_on(const char *name);

/* Random numbers that a seed repeats */
struct rnd {
	__u64	s;
};

__u64 rnd_seed(void);
__u32 rnd_next(struct rnd *r);
__u32 rnd_below(struct rnd *r, __u32 n);

/* Returns 1, or factor if AF_BUS_LONG=1 is in the environment; with
 * AF_BUS_LONG=n the nth part of it.
 */
unsigned int bus_long(unsigned int factor);

#endif /* BUS_UTIL_H */
