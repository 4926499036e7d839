// SPDX-License-Identifier: GPL-2.0
/* How much memory messages take, and in which pieces */
#include "../../kselftest_harness.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "bus_util.h"

#define MIB		(1024 * 1024)
#define RECEIVERS	8

#define INSTANCES	"/sys/kernel/tracing/instances"
#define EVENT		"events/kmem/mm_page_alloc"

/* The pages that this thread allocates, as a tracepoint shows them */
struct trace {
	char	dir[128];
};

static int trace_start(struct trace *t, int min_order)
{
	char filter[64];
	int err;

	snprintf(t->dir, sizeof(t->dir), INSTANCES "/af_bus.%d", getpid());
	if (mkdir(t->dir, 0700))
		return errno;
	snprintf(filter, sizeof(filter), "common_pid == %ld && order >= %d",
		 syscall(SYS_gettid), min_order);
	err = write_in(t->dir, "buffer_size_kb", "4096");
	err = err ?: write_in(t->dir, EVENT "/filter", filter);
	return err ?: write_in(t->dir, EVENT "/enable", "1");
}

static unsigned long trace_line_pages(const char *line)
{
	const char *at = strstr(line, "mm_page_alloc: ");
	unsigned long pfn;
	int order;

	if (!at)
		return 0;
	if (sscanf(at, "mm_page_alloc: page=%*s pfn=%lx order=%d", &pfn,
		   &order) != 2)
		return 0;
	/* an allocation that failed has no page */
	return pfn ? 1UL << order : 0;
}

/* Returns the number of pages, and in nr the number of allocations, whether
 * they failed or not.
 */
static unsigned long trace_stop(struct trace *t, unsigned long *nr)
{
	unsigned long pages = 0;
	char path[160], line[512];
	FILE *f;

	*nr = 0;
	write_in(t->dir, EVENT "/enable", "0");
	snprintf(path, sizeof(path), "%s/trace", t->dir);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		*nr += !!strstr(line, "mm_page_alloc: ");
		pages += trace_line_pages(line);
	}
	if (f)
		fclose(f);
	rmdir(t->dir);
	return pages;
}

FIXTURE(memory) {
	struct tbus	b;
	struct bus_link	*l;
	char		*chunk;
	struct iovec	iov[64];
};

FIXTURE_SETUP(memory)
{
	int i;

	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_RCVBUF, 256 * MIB));
	ASSERT_EQ(0, tbus_clients(&self->b, RECEIVERS));
	self->l = self->b.link;
	/* a message of many MiB that takes little memory here */
	self->chunk = malloc(MIB);
	ASSERT_NE(NULL, self->chunk);
	memset(self->chunk, 'x', MIB);
	for (i = 0; i < 64; i++)
		self->iov[i] = (struct iovec) { self->chunk, MIB };
}

FIXTURE_TEARDOWN(memory)
{
	free(self->chunk);
	tbus_close(&self->b);
}

static ssize_t send_mib(int fd, __u64 addr, struct iovec *iov, int mib)
{
	struct sockaddr_bus sb;
	struct msghdr msg = {
		.msg_name = &sb, .msg_namelen = BUS_NAME_MIN,
		.msg_iov = iov, .msg_iovlen = mib,
	};

	bus_to(&sb, addr);
	return sendmsg(fd, &msg, MSG_DONTWAIT);
}

/* Eight queues hold the message, but its pages exist once. */
TEST_F(memory, multicast_shares_pages)
{
	unsigned long pages, nr, one = 16 * MIB / sysconf(_SC_PAGESIZE);
	struct trace t;
	int i, err = trace_start(&t, 0);

	if (err)
		SKIP(return, "no tracing: %s", strerror(err));
	EXPECT_EQ(16 * MIB, send_mib(self->l[0].fd, BUS_MULTICAST(0), self->iov,
				     16));
	pages = trace_stop(&t, &nr);
	TH_LOG("%lu pages for a message of %lu to %d receivers", pages, one,
	       RECEIVERS);
	/* The linear part, which filters see, is not in a page of its own. */
	EXPECT_LE(one - 1, pages);
	EXPECT_GT(one + one / 8, pages);
	for (i = 0; i < RECEIVERS; i++)
		EXPECT_EQ(16 * MIB, readv(self->l[i].fd, self->iov, 16));
	/* receiving takes almost none */
	EXPECT_EQ(16 * MIB, send_mib(self->l[0].fd, 2, self->iov, 16));
	ASSERT_EQ(0, trace_start(&t, 0));
	EXPECT_EQ(16 * MIB, readv(self->l[1].fd, self->iov, 16));
	EXPECT_GT(64, trace_stop(&t, &nr));
}

/* A large message needs no allocation that fails when memory is fragmented. */
TEST_F(memory, no_high_order)
{
	static const int sizes[] = { 1, 4, 64 };
	unsigned long nr;
	struct trace t;
	int i, err = trace_start(&t, 4);

	if (err)
		SKIP(return, "no tracing: %s", strerror(err));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(sizes[i] * MIB, send_mib(self->l[0].fd, 2, self->iov,
						   sizes[i]));
		EXPECT_EQ(sizes[i] * MIB, readv(self->l[1].fd, self->iov,
						sizes[i]));
		EXPECT_EQ(sizes[i] * MIB, send_mib(self->l[0].fd, 0, self->iov,
						   sizes[i]));
		EXPECT_EQ(sizes[i] * MIB, readv(self->l[0].acc, self->iov,
						sizes[i]));
	}
	trace_stop(&t, &nr);
	EXPECT_EQ(0, nr);
}

TEST_HARNESS_MAIN
