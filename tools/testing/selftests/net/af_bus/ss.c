// SPDX-License-Identifier: GPL-2.0
/* The output of ss(8): the program in AF_BUS_SS, or the one in the path if it
 * knows AF_BUS.
 */
#include "../../kselftest_harness.h"

#include <sched.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "bus_util.h"

#define MAX_LINES	200
#define MASTER		"0000/000000000000"

static char lines[MAX_LINES][1024];
static int nr_lines;

/* Reduces white space to one blank between words and none at the end. */
static void squeeze(char *text)
{
	char *to = text, *from;

	for (from = text; *from; from++)
		if (!strchr(" \t\n", *from))
			*to++ = *from;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	if (to > text && to[-1] == ' ')
		to--;
	*to = 0;
}

/* Runs ss without a header, one line per socket; fills in lines[]. */
static int ss(const char *args)
{
	const char *program = getenv("AF_BUS_SS");
	char command[256];
	FILE *f;

	nr_lines = 0;
	snprintf(command, sizeof(command), "%s -H -O -n %s 2>&1",
		 program ? program : "ss", args);
	f = popen(command, "r");
	if (!f)
		return -1;
	while (nr_lines < MAX_LINES &&
	       fgets(lines[nr_lines], sizeof(lines[0]), f))
		squeeze(lines[nr_lines++]);
	return pclose(f);
}

/* Returns how many lines contain this text; found is the last of them. */
static const char *found;

static int count(const char *fmt, ...)
{
	char text[512];
	va_list args;
	int i, n = 0;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	found = "";
	for (i = 0; i < nr_lines; i++) {
		if (!strstr(lines[i], text))
			continue;
		found = lines[i];
		n++;
	}
	return n;
}

static bool has(const char *line, const char *fmt, ...)
{
	char text[512], padded[1100];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(padded, sizeof(padded), " %s ", line);
	return strstr(padded, text);
}

FIXTURE(ss) {
	struct tbus	b;
	struct bus_link	*l;
	char		name[64];
};

FIXTURE_SETUP(ss)
{
	if (ss("--bus"))
		SKIP(return, "no ss that knows AF_BUS");
	ASSERT_EQ(0, tbus_listen(&self->b));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_QLEN, 3));
	ASSERT_EQ(0, bus_opt(self->b.listener, BUS_RCVBUF, 123456));
	ASSERT_EQ(0, tbus_clients(&self->b, 2));
	self->l = self->b.link;
	snprintf(self->name, sizeof(self->name), "@%s",
		 self->b.name.sbus_path + 1);
}

FIXTURE_TEARDOWN(ss)
{
	tbus_close(&self->b);
}

TEST_F(ss, listeners)
{
	int fd = bus_socket(), new = bus_socket();
	struct sockaddr_bus sb;
	socklen_t len = bus_abstract(&sb, "af_bus.ss.bound");

	ASSERT_EQ(0, ERR(connect(fd, (struct sockaddr *)&self->b.name,
				 self->b.namelen)));
	ASSERT_EQ(0, ERR(bind(new, (struct sockaddr *)&sb, len)));
	ASSERT_EQ(0, ss("--bus -l"));
	ASSERT_EQ(1, count("%s:", self->name));
	EXPECT_TRUE(has(found, " LISTEN 1 128 %s:" MASTER " *:* ", self->name));
	EXPECT_EQ(1, count("@af_bus.ss.bound:"));
	EXPECT_TRUE(has(found, " UNCONN 0 0 "));
	ASSERT_EQ(0, ss("--bus state listening"));
	EXPECT_EQ(1, count("%s:", self->name));
	EXPECT_EQ(0, count("@af_bus.ss.bound:"));
	close(new);
	close(fd);
}

TEST_F(ss, links)
{
	int i;

	ASSERT_EQ(0, ss("--bus"));
	EXPECT_EQ(4, count("%s:", self->name));
	for (i = 1; i <= 2; i++) {
		EXPECT_EQ(1, count("ESTAB 0 0 %s:0000/%012x *:" MASTER,
				   self->name, i));
		EXPECT_EQ(1, count("ESTAB 0 0 %s:" MASTER " *:0000/%012x",
				   self->name, i));
	}
	ASSERT_EQ(0, ERR(shutdown(self->l[1].fd, SHUT_RDWR)));
	ASSERT_EQ(0, ss("--bus state established"));
	EXPECT_EQ(2, count("%s:", self->name));
	ASSERT_EQ(0, ss("--bus state unconnected"));
	EXPECT_EQ(2, count("%s:", self->name));
	ASSERT_EQ(0, ss("--bus -a"));
	EXPECT_EQ(5, count("%s:", self->name));
}

/* Selected among all sockets, or by family options */
TEST_F(ss, families)
{
	ASSERT_EQ(0, ss(""));
	EXPECT_EQ(4, count("bus ESTAB 0 0 %s:", self->name));
	ASSERT_EQ(0, ss("-f bus"));
	EXPECT_EQ(4, count("%s:", self->name));
	ASSERT_EQ(0, ss("-A bus"));
	EXPECT_EQ(4, count("%s:", self->name));
	ASSERT_EQ(0, ss("-A unix,bus"));
	EXPECT_EQ(4, count("bus ESTAB 0 0 %s:", self->name));
	ASSERT_EQ(0, ss("-x"));
	EXPECT_EQ(0, count("%s:", self->name));
}

TEST_F(ss, by_path)
{
	char args[128];
	struct tbus other;

	ASSERT_EQ(0, tbus_open(&other, 1));
	snprintf(args, sizeof(args), "--bus src bus:%s", self->name);
	ASSERT_EQ(0, ss(args));
	EXPECT_EQ(4, nr_lines);
	EXPECT_EQ(4, count("%s:", self->name));
	ASSERT_EQ(0, ss("--bus src 'bus:@af_bus.*'"));
	EXPECT_EQ(4, count("%s:", self->name));
	EXPECT_LE(6, nr_lines);
	ASSERT_EQ(0, ss("--bus src bus:/nowhere"));
	EXPECT_EQ(0, nr_lines);
	tbus_close(&other);
}

TEST_F(ss, details)
{
	__u64 bus = bus_get_info(self->b.listener).cookie;

	ASSERT_EQ(0, bus_add(&self->l[1], BUS_ADDR(2, 0xf00ddeadbeefULL)));
	ASSERT_EQ(0, bus_opt(self->l[1].acc, BUS_EAVESDROP, 1));
	ASSERT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	ASSERT_EQ(0, ss("--bus -a -e"));
	ASSERT_EQ(1, count("%s:0000/000000000002 ", self->name));
	EXPECT_TRUE(has(found, " ino:%llu ", inode_of(self->l[1].fd)));
	EXPECT_TRUE(has(found, " role:client state:joined bus:%llu proto:none ",
			bus));
	EXPECT_TRUE(has(found, " peer:%llu ", inode_of(self->l[1].acc)));
	EXPECT_TRUE(has(found, " addrs:0002/f00ddeadbeef "));
	EXPECT_TRUE(has(found, " msgs:1/3 "));
	EXPECT_TRUE(has(found, "/123456 "));
	EXPECT_TRUE(has(found, " eavesdrop "));
	EXPECT_TRUE(has(found, " <-> "));
	EXPECT_FALSE(has(found, " drops:"));
	ASSERT_EQ(1, count(" *:0000/000000000001 "));
	EXPECT_TRUE(has(found, " ino:%llu ", inode_of(self->l[0].acc)));
	EXPECT_TRUE(has(found, " role:accepted state:joined "));
	EXPECT_TRUE(has(found, " peer:%llu ", inode_of(self->l[0].fd)));
	EXPECT_FALSE(has(found, " addrs:"));
	ASSERT_EQ(1, count("LISTEN 0 128 %s:", self->name));
	EXPECT_TRUE(has(found, " role:listener state:listening bus:%llu ", bus));
	EXPECT_TRUE(has(found, " clients:2 "));
}

TEST_F(ss, drops_and_counters)
{
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, say_to(self->l[0].fd, 2, "x"));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, say_to(self->l[0].fd, BUS_MULTICAST(0), "x"));
	ASSERT_EQ(0, ss("--bus -e -m -i"));
	ASSERT_EQ(1, count("%s:0000/000000000002 ", self->name));
	EXPECT_TRUE(has(found, " msgs:3/3 "));
	EXPECT_TRUE(has(found, " drops:2 "));
	EXPECT_TRUE(has(found, ",d2)"));
	EXPECT_TRUE(has(found, " copies:3 "));
	EXPECT_TRUE(has(found, " lost:2 "));
	EXPECT_TRUE(has(found, " overflow:block/drop "));
	EXPECT_FALSE(has(found, " ESTAB 0 "));
	ASSERT_EQ(1, count("%s:0000/000000000001 ", self->name));
	EXPECT_TRUE(has(found, " unicasts:3 multicasts:2 "));
	EXPECT_TRUE(has(found, " lost:0 "));
}

TEST_F(ss, process)
{
	ASSERT_EQ(0, ss("--bus -p"));
	ASSERT_EQ(1, count("%s:0000/000000000002 ", self->name));
	EXPECT_TRUE(has(found, "((\"ss\",pid=%d,fd=%d)", getpid(),
			self->l[1].fd));
}

TEST_F(ss, namespaces)
{
	ASSERT_EQ(0, ERR(unshare(CLONE_NEWNET)));
	ASSERT_EQ(0, ss("--bus -a"));
	EXPECT_EQ(0, nr_lines);
}

TEST_HARNESS_MAIN
