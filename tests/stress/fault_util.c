// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus_util.h"
#include "fault_util.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define PLENTY		1000000		/* more faults than will happen */

static const char *const kinds[FAULT_KINDS] = {
	"failslab", "fail_page_alloc", "fail_usercopy",
};

static bool put_one(int kind, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", kinds[kind], name);
	return write_text(path, text);
}

static bool put_all(const char *name, const char *text)
{
	bool ok = true;
	int i;

	for (i = 0; i < FAULT_KINDS; i++)
		ok = put_one(i, name, text) && ok;
	return ok;
}

bool faults_open(void)
{
	return !access("/proc/thread-self/fail-nth", W_OK) &&
	       write_text(DEBUGFS "failslab/ignore-gfp-wait", "N") &&
	       write_text(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N") &&
	       write_text(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N") &&
	       write_text(DEBUGFS "fail_page_alloc/min-order", "0") &&
	       put_all("verbose", "0") && put_all("probability", "0") &&
	       put_all("task-filter", "Y") && faults_anywhere();
}

/* Ranges of the kernel's text */

struct symbol {
	unsigned long	at;
	char		name[128];
	char		module[64];	/* in brackets, or empty */
};

/* Reads the next symbol of a function. */
static bool next_symbol(FILE *f, struct symbol *s)
{
	char line[512], type;
	int n;

	while (f && fgets(line, sizeof(line), f)) {
		s->module[0] = '\0';
		n = sscanf(line, "%lx %c %127s %63s", &s->at, &type, s->name,
			   s->module);
		if (n >= 3 && (type == 't' || type == 'T'))
			return true;
	}
	if (f)
		fclose(f);
	return false;
}

static FILE *open_symbols(void)
{
	return fopen("/proc/kallsyms", "re");
}

struct text_range text_of_function(const char *name)
{
	struct text_range r = {};
	FILE *f = open_symbols();
	struct symbol s;

	while (next_symbol(f, &s)) {
		if (!strcmp(s.name, name))
			r.start = s.at;
		else if (r.start && s.at > r.start && (!r.end || s.at < r.end))
			r.end = s.at;
	}
	return r;
}

/* The functions of net/bus are adjacent, and few have names without "bus_";
 * after a run of other names the range begins anew.
 */
struct text_range text_of_core(void)
{
	struct text_range r = {};
	unsigned int strange = 0;
	FILE *f = open_symbols();
	bool found = false;
	struct symbol s;

	while (next_symbol(f, &s)) {
		if (s.module[0] || (found && strange > 4))
			continue;
		found = found || !strcmp(s.name, "bus_net_init");
		if (!strstr(s.name, "bus_")) {
			strange++;
			continue;
		}
		if (strange > 4)
			r.start = s.at;
		r.end = s.at;
		strange = 0;
	}
	return found ? r : (struct text_range) {};
}

static bool in_module(const struct symbol *s, const void *brackets)
{
	return !strcmp(s->module, brackets);
}

static struct text_range
text_of_all(bool (*is_one)(const struct symbol *s, const void *arg),
	    const void *arg)
{
	struct text_range r = {};
	FILE *f = open_symbols();
	struct symbol s;

	while (next_symbol(f, &s)) {
		if (!is_one(&s, arg))
			continue;
		if (!r.start || s.at < r.start)
			r.start = s.at;
		if (s.at > r.end)
			r.end = s.at;
	}
	return r;
}

struct text_range text_of_module(const char *name)
{
	char brackets[64];

	snprintf(brackets, sizeof(brackets), "[%s]", name);
	return text_of_all(in_module, brackets);
}

/* Excludes the 9p client, as the guest may run from a 9p file system: if a
 * client cannot allocate the message that releases a file id, it reuses the id,
 * which the server then refuses for ever.
 */
static bool in_9p_client(const struct symbol *s, const void *arg)
{
	return !strncmp(s->name, "p9_client_", 10) &&
	       strcmp(s->name, "p9_client_init") &&
	       strcmp(s->name, "p9_client_exit");
}

static bool put_range(const char *what, struct text_range range)
{
	char file[32], text[32];
	bool ok;

	snprintf(file, sizeof(file), "%s-start", what);
	snprintf(text, sizeof(text), "%#lx", range.start);
	ok = put_all(file, text);
	snprintf(file, sizeof(file), "%s-end", what);
	snprintf(text, sizeof(text), "%#lx", range.end);
	return put_all(file, text) && ok;
}

bool faults_within(struct text_range range)
{
	static struct text_range p9;

	if (!p9.end)
		p9 = text_of_all(in_9p_client, NULL);
	return put_range("require", range) && put_range("reject", p9);
}

bool faults_anywhere(void)
{
	return faults_within((struct text_range) { 0, ~0UL });
}

/* Faults of this thread */

static int nth_fd = -1;

bool fault_at(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	if (nth_fd < 0)
		nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return pwrite(nth_fd, text, len, 0) == len;
}

/* The calls that ask for the fault and end it may meet it as well. */
bool fault_end(void)
{
	char text[16] = {};
	bool was;

	was = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && text[0] == '0';
	while (pwrite(nth_fd, "0", 1, 0) != 1)
		;
	return was;
}

/* Faults of many tasks */

bool faults_start(const unsigned int *chances)
{
	char text[32];
	bool ok = true;
	int i;

	snprintf(text, sizeof(text), "%d", PLENTY);
	ok = put_all("times", text);
	for (i = 0; i < FAULT_KINDS; i++) {
		snprintf(text, sizeof(text), "%u", chances[i]);
		ok = put_one(i, "interval", text) && ok;
	}
	return put_all("probability", "100") && ok;
}

unsigned int faults_stop(void)
{
	unsigned int i, sum = 0;
	char path[128];
	int left;
	FILE *f;

	put_all("probability", "0");
	for (i = 0; i < FAULT_KINDS; i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s/times", kinds[i]);
		f = fopen(path, "re");
		if (f && fscanf(f, "%d", &left) == 1)
			sum += PLENTY - left;
		if (f)
			fclose(f);
	}
	return sum;
}
