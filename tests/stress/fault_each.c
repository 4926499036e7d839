// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault_each.h"
#include "fault_util.h"

static int count_text(const char *path, char what)
{
	int c, n = 0;
	FILE *f = fopen(path, "r");

	while (f && (c = fgetc(f)) != EOF)
		n += c == what;
	if (f)
		fclose(f);
	return n;
}

static int nr_shown(void)
{
	return count_text("/proc/self/net/bus", '\n') - 1;
}

int fault_sockets(void)
{
	char line[256], name[32];
	int n, found = -1;
	FILE *f = fopen("/proc/self/net/protocols", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %*d %d", name, &n) == 2 &&
		    !strcmp(name, "BUS"))
			found = n;
	if (f)
		fclose(f);
	return found;
}

static bool is_allowed(const int *errs, int err)
{
	int i;

	for (i = 0; i < 6 && errs[i]; i++)
		if (errs[i] == err)
			return true;
	return false;
}

static void wrong(struct fault_count *c, const char *fmt, ...)
{
	va_list args;

	c->wrong++;
	printf("# fault %d: ", c->faults);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

/* Runs the operation with the nth fault; returns whether that fault happened.
 */
static bool fault_nth(const struct fault_op *op, struct env *e, int n,
		      struct fault_count *c)
{
	bool fault;
	int err;

	if (!fault_at(n)) {
		wrong(c, "cannot be requested");
		return false;
	}
	err = op->run(e);
	fault = fault_end();
	c->faults += fault;
	if (err) {
		c->errors++;
		if (!fault || !is_allowed(op->errs, err))
			wrong(c, "%s", strerrorname_np(err) ?: "?");
		if (!op->untouched(e))
			wrong(c, "the failed operation had an effect");
		if (!op->once) {
			err = op->run(e);
			if (err)
				wrong(c, "%s without a fault",
				      strerrorname_np(err) ?: "?");
		}
	}
	if (!err && !op->done(e))
		wrong(c, "the operation had no effect");
	return fault;
}

struct fault_count fault_each(const struct fault_op *op, struct env *e)
{
	int shown = nr_shown(), sockets = fault_sockets();
	struct fault_count c = {};
	bool fault = true;
	int n, err, waits;

	for (n = 1; fault && n < MAX_FAULTS && c.wrong < 10; n++) {
		err = op->prepare(e);
		if (err) {
			wrong(&c, "cannot be prepared: %s",
			      strerrorname_np(err) ?: "?");
			break;
		}
		fault = fault_nth(op, e, n, &c);
		op->cleanup(e);
		if (nr_shown() != shown) {
			wrong(&c, "the sockets in /proc/net/bus differ");
			break;
		}
	}
	if (n == MAX_FAULTS)
		wrong(&c, "there is no last fault");
	/* sockets are freed by RCU */
	for (waits = 0; fault_sockets() != sockets && waits < 6000; waits++)
		usleep(10000);
	if (fault_sockets() != sockets)
		wrong(&c, "%d sockets, not %d", fault_sockets(), sockets);
	return c;
}
