// SPDX-License-Identifier: GPL-2.0
/* bus-topic pub */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus-topic.h"

struct pub {
	const char	*path;
	const char	*topic;
	int		source;		/* the option that says what to publish */
	const char	*arg;
	int		passed;		/* descriptor to hand over, or -1 */
	int		bus;
	__u8		head[TOPIC_HEAD_MAX];
	size_t		head_len;
};

static noreturn void not_published(const struct pub *p, size_t len)
{
	socklen_t size = sizeof(__u32);
	__u32 max = 0;

	switch (errno) {
	case EPIPE:
	case ECONNRESET:
		no_server();
	case EMSGSIZE:
		getsockopt(p->bus, SOL_BUS, BUS_MAX_MSG, &max, &size);
		errx(EXIT_ERROR, "%zu bytes are too many, %u may be: pass large things by --fd",
		     p->head_len + len, max);
	case ENOBUFS:
		errx(EXIT_ERROR, "a subscriber has no room");
	default:
		err(EXIT_ERROR, "cannot publish");
	}
}

static void publish(struct pub *p, const void *data, size_t len)
{
	struct sockaddr_bus to = {
		.sbus_family = AF_BUS,
		.sbus_addr.s_addr = BUS_MULTICAST(topic_prefix(p->topic)),
	};
	struct iovec iov[] = {
		{ p->head, p->head_len }, { (void *)data, len }
	};
	union {
		struct cmsghdr	align;
		char		buf[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = offsetof(struct sockaddr_bus, sbus_path),
		.msg_iov = iov, .msg_iovlen = 2,
	};

	if (p->passed >= 0) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &p->passed, sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	if (sendmsg(p->bus, &msg, 0) < 0)
		not_published(p, len);
}

static void publish_lines(struct pub *p)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) >= 0)
		publish(p, line, line[len - 1] == '\n' ? len - 1 : len);
	if (ferror(stdin))
		err(EXIT_ERROR, "standard input");
	free(line);
}

static void publish_stream(struct pub *p, FILE *stream, const char *name)
{
	size_t len = 0, size = 0;
	char *data = NULL;

	if (!stream)
		err(EXIT_ERROR, "%s", name);
	do {
		if (len == size) {
			size = size ? size * 2 : 4096;
			data = realloc(data, size);
			if (!data)
				err(EXIT_ERROR, "%s", name);
		}
		len += fread(data + len, 1, size - len, stream);
	} while (len == size);
	if (ferror(stream))
		err(EXIT_ERROR, "%s", name);
	publish(p, data, len);
	free(data);
}

static void publish_all(struct pub *p)
{
	switch (p->source) {
	case 'm':
		publish(p, p->arg, strlen(p->arg));
		break;
	case 'f':
		publish_stream(p, fopen(p->arg, "r"), p->arg);
		break;
	case 's':
		publish_stream(p, stdin, "standard input");
		break;
	case 'l':
		publish_lines(p);
		break;
	default:
		publish(p, "", 0);
	}
}

static int open_passed(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(EXIT_ERROR, "%s", file);
	return fd;
}

static void parse_pub(struct pub *p, int argc, char **argv)
{
	static const struct option options[] = {
		{ "topic", required_argument, NULL, 't' },
		{ "message", required_argument, NULL, 'm' },
		{ "file", required_argument, NULL, 'f' },
		{ "stdin-file", no_argument, NULL, 's' },
		{ "stdin-line", no_argument, NULL, 'l' },
		{ "null-message", no_argument, NULL, 'n' },
		{ "fd", required_argument, NULL, 'F' },
		{}
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "t:m:f:sln", options, NULL)) != -1) {
		switch (opt) {
		case 't':
			p->topic = optarg;
			break;
		case 'F':
			p->passed = open_passed(optarg);
			break;
		case '?':
			bad_usage("pub has no such option, or it lacks its argument");
		default:
			if (p->source)
				bad_usage("one of -m, -f, -l, -s and -n, not more");
			p->source = opt;
			p->arg = optarg;
		}
	}
	if (optind != argc - 1)
		bad_usage("pub needs one PATH");
	p->path = argv[optind];
}

int run_pub(int argc, char **argv)
{
	struct pub p = { .passed = -1 };
	const char *reason;

	parse_pub(&p, argc, argv);
	if (!p.topic)
		bad_usage("pub needs -t TOPIC");
	reason = topic_reason(p.topic, false);
	if (reason)
		bad_usage("topic '%s': %s", p.topic, reason);
	if (!p.source && p.passed < 0)
		bad_usage("nothing to publish: say -m, -f, -l, -s, -n or --fd");

	p.head_len = topic_encode(p.topic, p.head);
	p.bus = connect_bus(p.path);
	join_bus(p.bus, 0);
	publish_all(&p);
	return 0;
}
