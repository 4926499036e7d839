// SPDX-License-Identifier: GPL-2.0
/* getsockname(), getpeername(), and the source address of messages */
#include "../../kselftest_harness.h"

#include "bus_util.h"

FIXTURE(names) {
	struct tbus	b;
	struct tmp_dir	tmp;
};

FIXTURE_SETUP(names)
{
	ASSERT_EQ(0, tmp_enter(&self->tmp));
	self->b.namelen = bus_path(&self->b.name, "bus");
	self->b.listener = bus_listen(&self->b.name, self->b.namelen);
	ASSERT_LE(0, self->b.listener);
	ASSERT_EQ(0, tbus_clients(&self->b, 3));
}

FIXTURE_TEARDOWN(names)
{
	tbus_close(&self->b);
	unlink("bus");
	tmp_leave(&self->tmp);
}

struct name {
	struct sockaddr_bus	sb;
	socklen_t		len;
	int			err;
};

static struct name sockname(int fd)
{
	struct name n = { .len = sizeof(n.sb) };

	memset(&n.sb, 0xff, sizeof(n.sb));
	n.err = ERR(getsockname(fd, (struct sockaddr *)&n.sb, &n.len));
	return n;
}

static struct name peername(int fd)
{
	struct name n = { .len = sizeof(n.sb) };

	memset(&n.sb, 0xff, sizeof(n.sb));
	n.err = ERR(getpeername(fd, (struct sockaddr *)&n.sb, &n.len));
	return n;
}

/* Checks the family, the address, zeroed padding, and the path with a NUL. */
static void expect_name(struct __test_metadata *_metadata,
			const struct name *n, __u64 addr, const char *path)
{
	EXPECT_EQ(0, n->err);
	EXPECT_EQ(AF_BUS, n->sb.sbus_family);
	EXPECT_EQ(0, n->sb.__pad[0] | n->sb.__pad[1] | n->sb.__pad[2]);
	EXPECT_EQ(addr, n->sb.sbus_addr.s_addr);
	EXPECT_EQ(BUS_NAME_MIN + strlen(path) + 1, n->len);
	EXPECT_STREQ(path, n->sb.sbus_path);
}

TEST_F(names, listener)
{
	struct name n = sockname(self->b.listener);

	expect_name(_metadata, &n, 0, "bus");
	n = peername(self->b.listener);
	EXPECT_EQ(ENOTCONN, n.err);
}

TEST_F(names, client)
{
	struct name n;
	int i;

	for (i = 0; i < 3; i++) {
		n = sockname(self->b.link[i].fd);
		expect_name(_metadata, &n, i + 1, "bus");
		n = peername(self->b.link[i].fd);
		expect_name(_metadata, &n, 0, "bus");
	}
}

TEST_F(names, accepted)
{
	struct name n;
	int i;

	for (i = 0; i < 3; i++) {
		n = sockname(self->b.link[i].acc);
		EXPECT_EQ(0, n.err);
		EXPECT_EQ(AF_BUS, n.sb.sbus_family);
		EXPECT_EQ(0, n.sb.sbus_addr.s_addr);
		n = peername(self->b.link[i].acc);
		EXPECT_EQ(0, n.err);
		EXPECT_EQ(AF_BUS, n.sb.sbus_family);
		EXPECT_EQ(0, n.sb.__pad[0] | n.sb.__pad[1] | n.sb.__pad[2]);
		EXPECT_EQ(i + 1, n.sb.sbus_addr.s_addr);
		EXPECT_LE(BUS_NAME_MIN, n.len);
	}
}

/* An abstract name is returned without its trailing NULs, and none is added. */
TEST_F(names, abstract)
{
	struct tbus b;
	struct name n;

	ASSERT_EQ(0, tbus_listen(&b));
	close(b.listener);
	b.listener = bus_listen(&b.name, b.namelen + 5);
	ASSERT_LE(0, b.listener);
	n = sockname(b.listener);
	EXPECT_EQ(0, n.err);
	EXPECT_EQ(b.namelen, n.len);
	EXPECT_EQ(0, memcmp(&b.name, &n.sb, b.namelen));
	ASSERT_EQ(0, tbus_clients(&b, 1));
	n = sockname(b.link[0].fd);
	EXPECT_EQ(b.namelen, n.len);
	EXPECT_EQ(1, n.sb.sbus_addr.s_addr);
	EXPECT_EQ(0, memcmp(b.name.sbus_path, n.sb.sbus_path,
			    b.namelen - BUS_NAME_MIN));
	tbus_close(&b);
}

TEST_F(names, fills_the_field)
{
	struct sockaddr_bus sb = { .sbus_family = AF_BUS };
	char path[BUS_PATH_MAX + 1] = {};
	struct name n;
	int fd;

	memset(path, 'x', BUS_PATH_MAX);
	memcpy(sb.sbus_path, path, BUS_PATH_MAX);
	fd = bus_listen(&sb, BUS_NAME_MIN + BUS_PATH_MAX);
	ASSERT_LE(0, fd);
	n = sockname(fd);
	EXPECT_EQ(0, n.err);
	EXPECT_EQ(0, memcmp(path, n.sb.sbus_path, BUS_PATH_MAX));
	unlink(path);
	close(fd);
}

TEST_F(names, unbound)
{
	int fd = bus_socket();
	struct name n = sockname(fd);

	EXPECT_EQ(0, n.err);
	EXPECT_EQ(AF_BUS, n.sb.sbus_family);
	EXPECT_LE(sizeof(n.sb.sbus_family), n.len);
	EXPECT_GE(BUS_NAME_MIN, n.len);
	close(fd);
}

/* A name is truncated to the buffer, and its whole length returned. */
TEST_F(names, short_buffer)
{
	struct sockaddr_bus sb;
	socklen_t len = 10;

	memset(&sb, 0xaa, sizeof(sb));
	EXPECT_EQ(0, ERR(getsockname(self->b.link[0].fd,
				     (struct sockaddr *)&sb, &len)));
	EXPECT_EQ(BUS_NAME_MIN + 4, len);
	EXPECT_EQ(AF_BUS, sb.sbus_family);
	EXPECT_EQ((char)0xaa, ((char *)&sb)[10]);
	len = -1;
	EXPECT_EQ(EINVAL, ERR(getsockname(self->b.link[0].fd,
					  (struct sockaddr *)&sb, &len)));
}

/* A message comes from the sender's unique address, wherever it was sent. */
TEST_F(names, of_messages)
{
	struct bus_link *l = self->b.link;

	ASSERT_EQ(0, bus_add(&l[0], BUS_ADDR(3, 0xf00d)));
	ASSERT_EQ(0, bus_add(&l[1], BUS_ADDR(4, 0xbeef)));
	ASSERT_EQ(0, bus_add(&l[2], BUS_ADDR(4, 0xcafe)));
	EXPECT_EQ(0, say_to(l[0].fd, 2, "unique"));
	EXPECT_EQ(0, say_to(l[0].fd, BUS_ADDR(4, 0xbeef), "added"));
	EXPECT_EQ(0, say_to(l[0].fd, BUS_MULTICAST(4), "group"));
	EXPECT_EQ(0, say_to(l[2].acc, 2, "master"));
	EXPECT_EQ(0, say(l[1].acc, "own"));
	EXPECT_STREQ("1:unique", take(l[1].fd));
	EXPECT_STREQ("1:added", take(l[1].fd));
	EXPECT_STREQ("1:group", peek(l[1].fd));
	EXPECT_STREQ("1:group", take(l[1].fd));
	EXPECT_STREQ("0:master", take(l[1].fd));
	EXPECT_STREQ("0:own", take(l[1].fd));
	EXPECT_STREQ("1:group", take(l[2].fd));
	EXPECT_EQ(0, say_to(l[0].fd, BUS_ADDR(9, 9), "nobody"));
	EXPECT_STREQ("1:nobody", take(l[0].acc));
}

TEST_F(names, of_messages_short)
{
	struct bus_link *l = self->b.link;
	struct sockaddr_bus sb;
	socklen_t len = 4;
	char c;

	memset(&sb, 0xaa, sizeof(sb));
	EXPECT_EQ(0, say_to(l[0].fd, 2, "x"));
	EXPECT_EQ(1, recvfrom(l[1].fd, &c, 1, MSG_DONTWAIT,
			      (struct sockaddr *)&sb, &len));
	EXPECT_EQ(BUS_NAME_MIN, len);
	EXPECT_EQ(AF_BUS, sb.sbus_family);
	EXPECT_EQ((char)0xaa, ((char *)&sb)[4]);
}

/* The padding between family and address leaks nothing from the kernel's stack.
 */
TEST_F(names, of_messages_padding)
{
	struct bus_link *l = self->b.link;
	struct bus_got got;
	char c;

	EXPECT_EQ(0, say_to(l[0].fd, 2, "x"));
	memset(&got, 0xff, sizeof(got));
	EXPECT_EQ(1, bus_recv(l[1].fd, &got, &c, 1, MSG_DONTWAIT));
	EXPECT_EQ(BUS_NAME_MIN, got.namelen);
	EXPECT_EQ(0, got.name.__pad[0] | got.name.__pad[1] | got.name.__pad[2]);
}

/* Recipients that ask get the destination as the sender wrote it. */
TEST_F(names, destination)
{
	struct bus_link *l = self->b.link;

	ASSERT_EQ(0, bus_opt(l[1].fd, BUS_RECV_INFO, BUS_INFO_DST));
	ASSERT_EQ(0, bus_opt(l[0].acc, BUS_RECV_INFO, BUS_INFO_DST));
	ASSERT_EQ(0, bus_add(&l[1], BUS_ADDR(4, 0xbeef)));
	ASSERT_EQ(0, bus_add(&l[2], BUS_ADDR(4, 0xcafe)));
	EXPECT_EQ(0, say_to(l[0].fd, 2, "unique"));
	EXPECT_EQ(0, say_to(l[0].fd, BUS_ADDR(4, 0xbeef), "added"));
	EXPECT_EQ(0, say_to(l[0].fd, BUS_MULTICAST(4), "group"));
	EXPECT_EQ(0, say_to(l[0].fd, BUS_MULTICAST(0), "all"));
	EXPECT_EQ(0, say_to(l[0].fd, BUS_ADDR(9, 9), "nobody"));
	EXPECT_EQ(0, say_to(l[0].fd, 0, "boss"));
	EXPECT_STREQ("1:unique dst=2", take(l[1].fd));
	EXPECT_STREQ("1:added dst=4:beef", peek(l[1].fd));
	EXPECT_STREQ("1:added dst=4:beef", take(l[1].fd));
	EXPECT_STREQ("1:group dst=4:*", take(l[1].fd));
	EXPECT_STREQ("1:all dst=*", take(l[1].fd));
	EXPECT_STREQ("1:group", take(l[2].fd));
	EXPECT_STREQ("1:nobody dst=9:9", take(l[0].acc));
	EXPECT_STREQ("1:boss dst=0", take(l[0].acc));
}

TEST_HARNESS_MAIN
