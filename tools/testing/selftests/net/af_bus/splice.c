// SPDX-License-Identifier: GPL-2.0
/*
 * splice(), vmsplice() and sendfile() into a bus: pages are copied. Message
 * boundaries are those of AF_UNIX with the same calls.
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "bus_util.h"

#define MIB	(1024 * 1024)
#define FILE_LEN	(256 * 1024)

FIXTURE(splice) {
	struct tbus	b;
	struct bus_link	*l;
	struct sockaddr_bus name;
	int		unix_fds[2];
	int		file;
	int		pipe[2];
	size_t		page;
	char		*data;		/* of the file */
	char		*in[2];
	struct rnd	rnd;
};

FIXTURE_SETUP(splice)
{
	__u32 *word;
	int i;

	self->rnd.s = rnd_seed();
	TH_LOG("seed %llu", (unsigned long long)self->rnd.s);
	self->page = sysconf(_SC_PAGESIZE);
	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_RCVBUF, 4 * MIB));
	ASSERT_EQ(0, tbus_clients(&self->b, 3));
	self->l = self->b.link;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, self->unix_fds));
	ASSERT_EQ(0, sol_opt(self->unix_fds[0], SO_SNDBUFFORCE, 4 * MIB));
	for (i = 0; i < 2; i++) {
		self->in[i] = malloc(FILE_LEN);
		ASSERT_NE(NULL, self->in[i]);
	}
	ASSERT_EQ(0, posix_memalign((void **)&self->data, self->page,
				    FILE_LEN));
	word = (__u32 *)self->data;
	for (i = 0; i < FILE_LEN / sizeof(*word); i++)
		word[i] = rnd_next(&self->rnd);
	self->file = memfd_create("af_bus", MFD_CLOEXEC);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(FILE_LEN, pwrite(self->file, self->data, FILE_LEN, 0));
	ASSERT_EQ(0, pipe(self->pipe));
	ASSERT_LE(0, fcntl(self->pipe[1], F_SETPIPE_SZ, 64 * self->page));
}

FIXTURE_TEARDOWN(splice)
{
	tbus_close(&self->b);
	close(self->unix_fds[0]);
	close(self->unix_fds[1]);
	close(self->file);
	close(self->pipe[0]);
	close(self->pipe[1]);
	free(self->data);
	free(self->in[0]);
	free(self->in[1]);
}

/* Returns the length of the next message, or -errno. */
static ssize_t next(int fd, char *buf)
{
	ssize_t n = recv(fd, buf, FILE_LEN, MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

/* Compares the messages of both sockets; returns their total length, or -1. */
static ssize_t same_messages(struct _test_data_splice *self, int bus_fd)
{
	ssize_t n, m, total = 0;

	for (;;) {
		n = next(bus_fd, self->in[0]);
		m = next(self->unix_fds[1], self->in[1]);
		if (n != m)
			ksft_print_msg("%zd bytes, of AF_UNIX %zd\n", n, m);
		if (n != m || (n > 0 && memcmp(self->in[0], self->in[1], n)))
			return -1;
		if (n <= 0)
			return n == -EAGAIN ? total : -1;
		total += n;
	}
}

/* Clients send to their master here, because splice() takes no address. */

TEST_F(splice, sendfile)
{
	off_t at;
	int i;
	static const struct {
		off_t	at;
		size_t	len;
	} t[] = {
		{ 0, 1 }, { 0, 4096 }, { 1, 4096 }, { 4095, 1 }, { 4095, 2 },
		{ 0, 65536 }, { 1, 65536 }, { 100, 70000 }, { 0, 65537 },
		{ 0, FILE_LEN }, { 3, FILE_LEN - 7 }, { FILE_LEN - 1, 1 },
		{ FILE_LEN - 1, 100 },
	};

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		size_t len = t[i].at + t[i].len > FILE_LEN ?
			     FILE_LEN - t[i].at : t[i].len;

		at = t[i].at;
		EXPECT_EQ(len, sendfile(self->l[0].fd, self->file, &at,
					t[i].len));
		EXPECT_EQ(t[i].at + len, at);
		at = t[i].at;
		EXPECT_EQ(len, sendfile(self->unix_fds[0], self->file, &at,
					t[i].len));
		EXPECT_EQ(len, same_messages(self, self->l[0].acc))
			TH_LOG("%zu at %ld", t[i].len, (long)t[i].at);
	}
}

/* Fills the pipe with pieces of every kind; returns bytes. */
static ssize_t fill_pipe(struct _test_data_splice *self)
{
	size_t len = 1 + rnd_below(&self->rnd, 3 * self->page);
	loff_t at = rnd_below(&self->rnd, FILE_LEN - len);
	struct iovec iov = { self->data + at, len };

	switch (rnd_below(&self->rnd, 3)) {
	case 0:
		return write(self->pipe[1], self->data + at, len);
	case 1:
		return vmsplice(self->pipe[1], &iov, 1, SPLICE_F_NONBLOCK);
	default:
		return splice(self->file, &at, self->pipe[1], NULL, len,
			      SPLICE_F_NONBLOCK);
	}
}

static bool empty_pipe(int fd, int socket, struct rnd *r)
{
	size_t len = 1 + rnd_below(r, 100000);
	int flags = rnd_below(r, 2) ? SPLICE_F_MORE : 0;

	return splice(fd, NULL, socket, NULL, len,
		      flags | SPLICE_F_NONBLOCK) > 0;
}

/* Sends the same pipe contents into both sockets, in the same pieces. */
static bool fuzz_round(struct _test_data_splice *self)
{
	ssize_t n, total = 0;
	struct rnd same;
	int copy[2], i;
	bool ok;

	for (i = 1 + rnd_below(&self->rnd, 12); i; i--) {
		n = fill_pipe(self);
		if (n < 0)
			return false;
		total += n;
	}
	if (pipe(copy))
		return false;
	fcntl(copy[1], F_SETPIPE_SZ, 64 * self->page);
	if (tee(self->pipe[0], copy[1], FILE_LEN, 0) != total)
		return false;
	same = self->rnd;
	while (empty_pipe(copy[0], self->unix_fds[0], &same))
		;
	while (empty_pipe(self->pipe[0], self->l[0].fd, &self->rnd))
		;
	ok = same_messages(self, self->l[0].acc) == total;
	close(copy[0]);
	close(copy[1]);
	return ok;
}

TEST_F(splice, fuzz)
{
	int i, rounds = 100 * bus_long(50);

	fcntl(self->pipe[0], F_SETFL, O_NONBLOCK);
	for (i = 0; i < rounds; i++)
		ASSERT_TRUE(fuzz_round(self))
			TH_LOG("round %d", i);
}

/* Sends a page of a file, then changes it. Returns 0 if the change is in the
 * message.
 */
static ssize_t send_and_change(struct _test_data_splice *self, int fd, int to,
			       size_t len)
{
	off_t at = 0;
	ssize_t n;

	if (pwrite(self->file, self->data, self->page, 0) != self->page)
		return -1;
	if (sendfile(fd, self->file, &at, len) != len)
		return -1;
	if (pwrite(self->file, "changed", 7, 10) != 7)
		return -1;
	n = next(to, self->in[0]);
	return n == len ? memcmp(self->in[0] + 10, "changed", 7) : -1;
}

/* Returns the other end of a new link, whose client is *fd. */
static int link_of(struct _test_data_splice *self, int proto, int *fd)
{
	socklen_t len = bus_abstract_unique(&self->name);
	struct sockaddr *name = (struct sockaddr *)&self->name;
	int listener = socket(AF_BUS, SOCK_SEQPACKET, proto), acc;

	*fd = socket(AF_BUS, SOCK_SEQPACKET, proto);
	if (bind(listener, name, len) || listen(listener, 1) ||
	    connect(*fd, name, len))
		return -1;
	acc = accept(listener, NULL, NULL);
	close(listener);
	return acc;
}

static void sent_unchanged(struct __test_metadata *_metadata,
			   struct _test_data_splice *self, int fd, int to,
			   size_t len)
{
	EXPECT_NE(0, send_and_change(self, fd, to, len));
	EXPECT_EQ(0, memcmp(self->in[0], self->data, self->page));
}

/* AF_UNIX streams move pages. */
TEST_F(splice, pages_are_copied)
{
	int fds[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	EXPECT_EQ(0, send_and_change(self, fds[0], fds[1], self->page));
	close(fds[0]);
	close(fds[1]);
	sent_unchanged(_metadata, self, self->l[0].fd, self->l[0].acc,
		       self->page);
	sent_unchanged(_metadata, self, self->l[0].fd, self->l[0].acc, 65536);
	sent_unchanged(_metadata, self, self->l[0].acc, self->l[0].fd,
		       self->page);
}

TEST_F(splice, protocol_copies)
{
	int fd, acc;

	acc = link_of(self, BUS_PROTO_DBUS, &fd);
	if (fd < 0)
		SKIP(return, "no protocol");
	ASSERT_LE(0, acc);
	sent_unchanged(_metadata, self, fd, acc, self->page);
	sent_unchanged(_metadata, self, fd, acc, 65536);
	sent_unchanged(_metadata, self, acc, fd, self->page);
	close(fd);
	close(acc);
}

/* Message boundaries do not depend on the limits of network packets. */
static int set_max_frags(const char *value, char *old)
{
	FILE *f = fopen("/proc/sys/net/core/max_skb_frags", "r+");
	int err = 0;

	if (!f)
		return errno;
	if (old && fscanf(f, "%15s", old) != 1)
		err = EIO;
	rewind(f);
	if (fprintf(f, "%s", value) < 0)
		err = EIO;
	return fclose(f) ? errno : err;
}

TEST_F(splice, few_fragments)
{
	char old[16];
	off_t at = 3;
	ssize_t n;

	if (set_max_frags("1", old))
		SKIP(return, "net.core.max_skb_frags cannot be set");
	EXPECT_EQ(50000, sendfile(self->l[0].fd, self->file, &at, 50000));
	EXPECT_EQ(0, set_max_frags(old, NULL));
	n = next(self->l[0].acc, self->in[0]);
	EXPECT_EQ(50000, n);
	EXPECT_EQ(0, memcmp(self->in[0], self->data + 3, 50000));
}

/* A recipient that reads in pieces, and one that peeks */
TEST_F(splice, peek_and_truncate)
{
	off_t at = 5;

	EXPECT_EQ(60000, sendfile(self->l[0].fd, self->file, &at, 60000));
	EXPECT_EQ(60000, recv(self->l[0].acc, self->in[0], 4100,
			      MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(0, memcmp(self->in[0], self->data + 5, 4100));
	EXPECT_EQ(60000, next(self->l[0].acc, self->in[0]));
	EXPECT_EQ(0, memcmp(self->in[0], self->data + 5, 60000));
}

/* Data that did not fit stays in the pipe. */
TEST_F(splice, without_room)
{
	int i, n = bus_get_info(self->l[0].acc).max_qlen;

	fcntl(self->l[0].fd, F_SETFL, O_NONBLOCK);
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, say(self->l[0].fd, "fill"));
	ASSERT_EQ(5, write(self->pipe[1], "hello", 5));
	EXPECT_EQ(EAGAIN, ERR(splice(self->pipe[0], NULL, self->l[0].fd, NULL,
				     5, 0)));
	take(self->l[0].acc);
	EXPECT_EQ(5, splice(self->pipe[0], NULL, self->l[0].fd, NULL, 5, 0));
	for (i = 1; i < n; i++)
		EXPECT_STREQ("1:fill", take(self->l[0].acc));
	EXPECT_STREQ("1:hello", take(self->l[0].acc));
}

/* Data that no recipient gets is discarded. */
TEST_F(splice, no_receiver)
{
	close(self->l[0].acc);
	self->l[0].acc = -1;
	ASSERT_EQ(5, write(self->pipe[1], "hello", 5));
	EXPECT_EQ(EPIPE, ERR(splice(self->pipe[0], NULL, self->l[0].fd, NULL,
				    5, 0)));
	EXPECT_EQ(5, read(self->pipe[0], self->in[0], 5));
	EXPECT_EQ(0, memcmp(self->in[0], "hello", 5));
}

TEST_F(splice, limit)
{
	off_t at = 0;

	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_MAX_MSG, 5000));
	EXPECT_EQ(5000, sendfile(self->l[0].fd, self->file, &at, 5000));
	EXPECT_EQ(EMSGSIZE, ERR(sendfile(self->l[0].fd, self->file, &at,
					 5001)));
	EXPECT_EQ(5000, next(self->l[0].acc, self->in[0]));
	EXPECT_EQ(-EAGAIN, next(self->l[0].acc, self->in[0]));
}

/* From a bus into a pipe: one message per call, as with AF_UNIX */
TEST_F(splice, from_socket)
{
	ssize_t n, m;
	int i;

	for (i = 1; i < 10000; i *= 3) {
		ASSERT_EQ(i, send(self->l[0].fd, self->data, i, 0));
		ASSERT_EQ(i, send(self->unix_fds[0], self->data, i, 0));
		n = splice(self->l[0].acc, NULL, self->pipe[1], NULL, 2000,
			   SPLICE_F_NONBLOCK);
		if (n > 0)
			n = read(self->pipe[0], self->in[0], FILE_LEN);
		m = splice(self->unix_fds[1], NULL, self->pipe[1], NULL, 2000,
			   SPLICE_F_NONBLOCK);
		if (m > 0)
			m = read(self->pipe[0], self->in[1], FILE_LEN);
		EXPECT_EQ(m, n);
		ASSERT_LT(0, n);
		EXPECT_EQ(0, memcmp(self->in[0], self->data, (size_t)n));
		EXPECT_EQ(-EAGAIN, next(self->l[0].acc, self->in[0]));
	}
}

TEST_HARNESS_MAIN
