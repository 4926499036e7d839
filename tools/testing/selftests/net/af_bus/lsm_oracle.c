// SPDX-License-Identifier: GPL-2.0
/* AF_BUS and AF_UNIX under the security module that is enabled: boot with
 * lsm=apparmor, lsm=smack ...
 */
#include "../../kselftest_harness.h"

#include <fcntl.h>

#include "both.h"
#include "bus_util.h"

/* A connection of each family; [0] is the accepted end. */
FIXTURE(lsm_oracle) {
	struct both	both;
	int		fd[FAMILIES][2];
};

FIXTURE_SETUP(lsm_oracle)
{
	int i;

	ASSERT_EQ(0, both_listen(&self->both, NULL));
	for (i = 0; i < FAMILIES; i++) {
		self->fd[i][1] = both_dial(&self->both, i);
		ASSERT_LE(0, self->fd[i][1]);
		self->fd[i][0] = accept(self->both.listener[i], NULL, NULL);
		ASSERT_LE(0, self->fd[i][0]);
	}
}

FIXTURE_TEARDOWN(lsm_oracle)
{
	int i;

	for (i = 0; i < FAMILIES; i++) {
		close(self->fd[i][0]);
		close(self->fd[i][1]);
	}
	both_close(&self->both);
}

TEST_F(lsm_oracle, peer)
{
	EXPECT_SAME(label_of_peer(self->fd[UNIX][0]),
		    label_of_peer(self->fd[BUS][0]));
	EXPECT_SAME(label_of_peer(self->fd[UNIX][1]),
		    label_of_peer(self->fd[BUS][1]));
}

TEST_F(lsm_oracle, sender)
{
	EXPECT_SAME(label_of_sender(self->fd[UNIX][0], self->fd[UNIX][1]),
		    label_of_sender(self->fd[BUS][0], self->fd[BUS][1]));
	EXPECT_SAME(label_of_sender(self->fd[UNIX][1], self->fd[UNIX][0]),
		    label_of_sender(self->fd[BUS][1], self->fd[BUS][0]));
}

/* Takes another label if possible, and drops all capabilities. */
static void become_other(void)
{
	int fd = open("/proc/thread-self/attr/current", O_WRONLY);

	if (write(fd, "other", 5) != 5)
		printf("# has no label \"other\": %s\n", strerror(errno));
	close(fd);
	if (setuid(65534))
		_exit(100);
}

TEST_F(lsm_oracle, other)
{
	become_other();
	/* Connections that exist already */
	EXPECT_EQ(say(self->fd[UNIX][1], "x"), say(self->fd[BUS][1], "x"));
	EXPECT_LE(0, both_connect(&self->both));
}

TEST_HARNESS_MAIN
