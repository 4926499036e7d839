// SPDX-License-Identifier: GPL-2.0
/*
 * bus-topic - publish and subscribe on this machine, over AF_BUS
 *
 * The server only lets clients join, with an address in each group they want;
 * publications go from the publisher to the subscribers. Each subscriber has a
 * filter, so that it is not even woken for topics of others. See bus-topic(1).
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bus-topic.h"

static const char usage_text[] =
"usage: bus-topic serve PATH [-o POLICY] [-q MESSAGES] [-b BYTES] [-v]\n"
"       bus-topic pub PATH -t TOPIC [-m TEXT | -f FILE | -l | -s | -n] [--fd FILE]\n"
"       bus-topic sub PATH -t PATTERN... [-C COUNT] [-W SECONDS] [-v] [-N] [-d] [--fd]\n"
"\n"
"Publish and subscribe on this machine. PATH is that of the server's socket;\n"
"one that begins with @ is abstract. In a PATTERN, + is any one level, and #\n"
"as the last level any number of them.\n"
"\n"
"serve  -o, --overflow POLICY  when a subscriber's queue is full: drop (it loses\n"
"                              the message and is told, default), block (the\n"
"                              publisher waits), disconnect (the subscriber)\n"
"       -q, --queue MESSAGES   a queue may hold (sysctl net.bus.max_qlen)\n"
"       -b, --bytes BYTES      a queue may hold (sysctl net.core.rmem_default)\n"
"       -v, --verbose          name clients that come, and what the kernel has\n"
"                              counted for those that go\n"
"pub    -t, --topic TOPIC      to publish to\n"
"       -m, --message TEXT     publish TEXT\n"
"       -f, --file FILE        publish what is in FILE\n"
"       -s, --stdin-file       publish standard input as one message\n"
"       -l, --stdin-line       publish each line of standard input\n"
"       -n, --null-message     publish an empty message\n"
"       --fd FILE              hand FILE, open for reading, to subscribers that\n"
"                              take descriptors; alone, with an empty message\n"
"sub    -t, --topic PATTERN    to subscribe to; may be repeated\n"
"       -C, --count COUNT      end after so many messages\n"
"       -W, --timeout SECONDS  end after so long, with status 27\n"
"       -v, --verbose          print the topic before each message\n"
"       -N, --no-newline       print none after a message\n"
"       -d, --debug            say on standard error when it is subscribed\n"
"       --fd                   take descriptors, and print what is in them after\n"
"                              the message\n"
"-h, --help                    print this\n"
"\n"
"Ends with 0, 1 on errors, 2 if called in a wrong way, 3 if the server ended or\n"
"put the client off the bus, 27 on timeout.\n";

int main(int argc, char **argv)
{
	static const struct {
		const char	*name;
		int		(*run)(int argc, char **argv);
	} commands[] = {
		{ "serve", run_serve }, { "pub", run_pub }, { "sub", run_sub },
	};
	size_t i;
	int j;

	for (j = 1; j < argc && strcmp(argv[j], "--"); j++) {
		if (!strcmp(argv[j], "-h") || !strcmp(argv[j], "--help")) {
			fputs(usage_text, stdout);
			return 0;
		}
	}
	opterr = 0;
	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	bad_usage("it begins with serve, pub or sub");
}
