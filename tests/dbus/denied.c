// SPDX-License-Identifier: MIT
/*
 * Preload this into a D-Bus daemon. It makes messages that name "RawDenied"
 * look as if a security module had denied them, because only some kernels have
 * a module that can be told to.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/bus.h>

static int is_denied(const struct msghdr *msg, ssize_t len)
{
	return len > 0 && msg->msg_iovlen &&
	       memmem(msg->msg_iov->iov_base,
		      (size_t)len < msg->msg_iov->iov_len ?
		      (size_t)len : msg->msg_iov->iov_len, "RawDenied", 9);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t (*call)(int, struct msghdr *, int) = dlsym(RTLD_NEXT, "recvmsg");
	ssize_t len = call(fd, msg, flags);
	__u32 reason = BUS_REASON_DENIED;
	struct cmsghdr *cmsg;

	if (!is_denied(msg, len))
		return len;
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg))
		if (cmsg->cmsg_level == SOL_BUS &&
		    cmsg->cmsg_type == SCM_BUS_REASON)
			memcpy(CMSG_DATA(cmsg) +
			       offsetof(struct bus_reason, reason), &reason,
			       sizeof(reason));
	return len;
}
