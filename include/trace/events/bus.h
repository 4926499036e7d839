/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM bus

#if !defined(_TRACE_BUS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_BUS_H

#include <linux/skbuff.h>
#include <linux/tracepoint.h>
#include <net/af_bus.h>

#undef FN
#define FN(reason)	TRACE_DEFINE_ENUM(SKB_DROP_REASON_##reason);
DEFINE_DROP_REASON(FN, FN)

#undef FN
#undef FNe
#define FN(reason)	{ SKB_DROP_REASON_##reason, #reason },
#define FNe(reason)	{ SKB_DROP_REASON_##reason, #reason }

#define BUS_REASON_LIST		\
	EM(NONE)		\
	EM(ADDRESSED)		\
	EM(NO_OWNER)		\
	EM(NOT_JOINED)		\
	EM(FULL)		\
	EM(VIA_MASTER)		\
	EM(ORDER)		\
	EM(UNROUTED)		\
	EM(DENIED)		\
	EMe(RECIPIENTS)

#undef EM
#undef EMe
#define EM(reason)	TRACE_DEFINE_ENUM(BUS_REASON_##reason);
#define EMe(reason)	TRACE_DEFINE_ENUM(BUS_REASON_##reason);
BUS_REASON_LIST

#undef EM
#undef EMe
#define EM(reason)	{ BUS_REASON_##reason, #reason },
#define EMe(reason)	{ BUS_REASON_##reason, #reason }

/*
 * An address is printed as its prefix (16 bits) and client part (48 bits);
 * 0 is the master. All copies of a message have the same msg, which may be
 * reused after the last copy is freed.
 */

/* A message is about to be routed. */
TRACE_EVENT(bus_send,

	TP_PROTO(const struct bus *bus, const struct bus_msg *msg),

	TP_ARGS(bus, msg),

	TP_STRUCT__entry(
		__field(u64,		bus)
		__field(const void *,	msg)
		__field(u64,		src)
		__field(u64,		dst)
		__field(u32,		len)
		__field(u32,		fds)
	),

	TP_fast_assign(
		__entry->bus = af_bus_cookie(bus);
		__entry->msg = msg;
		__entry->src = af_bus_msg_src(msg);
		__entry->dst = af_bus_msg_dst(msg);
		__entry->len = af_bus_msg_len(msg);
		__entry->fds = af_bus_msg_nr_fds(msg);
	),

	TP_printk("bus=%llu msg=%p src=%04x/%012llx dst=%04x/%012llx len=%u fds=%u",
		  __entry->bus, __entry->msg,
		  BUS_PREFIX(__entry->src), BUS_CLIENT(__entry->src),
		  BUS_PREFIX(__entry->dst), BUS_CLIENT(__entry->dst),
		  __entry->len, __entry->fds)
);

/* A copy is in the queue of recipient. If recipient is the master, reason says why. */
TRACE_EVENT(bus_deliver,

	TP_PROTO(const struct bus *bus, const struct bus_msg *msg, u64 recipient,
		 u32 reason),

	TP_ARGS(bus, msg, recipient, reason),

	TP_STRUCT__entry(
		__field(u64,		bus)
		__field(const void *,	msg)
		__field(u64,		src)
		__field(u64,		recipient)
		__field(u32,		len)
		__field(u32,		reason)
	),

	TP_fast_assign(
		__entry->bus = af_bus_cookie(bus);
		__entry->msg = msg;
		__entry->src = af_bus_msg_src(msg);
		__entry->recipient = recipient;
		__entry->len = af_bus_msg_len(msg);
		__entry->reason = reason;
	),

	TP_printk("bus=%llu msg=%p src=%04x/%012llx recipient=%04x/%012llx len=%u reason=%s",
		  __entry->bus, __entry->msg,
		  BUS_PREFIX(__entry->src), BUS_CLIENT(__entry->src),
		  BUS_PREFIX(__entry->recipient), BUS_CLIENT(__entry->recipient),
		  __entry->len,
		  __print_symbolic(__entry->reason, BUS_REASON_LIST))
);

/* recipient does not get the message; 0000/ffffffffffff: no recipient gets it. */
TRACE_EVENT(bus_drop,

	TP_PROTO(const struct bus *bus, const struct bus_msg *msg, u64 recipient,
		 enum skb_drop_reason reason),

	TP_ARGS(bus, msg, recipient, reason),

	TP_STRUCT__entry(
		__field(u64,			bus)
		__field(const void *,		msg)
		__field(u64,			src)
		__field(u64,			recipient)
		__field(u32,			len)
		__field(enum skb_drop_reason,	reason)
	),

	TP_fast_assign(
		__entry->bus = af_bus_cookie(bus);
		__entry->msg = msg;
		__entry->src = af_bus_msg_src(msg);
		__entry->recipient = recipient;
		__entry->len = af_bus_msg_len(msg);
		__entry->reason = reason;
	),

	TP_printk("bus=%llu msg=%p src=%04x/%012llx recipient=%04x/%012llx len=%u reason=%s",
		  __entry->bus, __entry->msg,
		  BUS_PREFIX(__entry->src), BUS_CLIENT(__entry->src),
		  BUS_PREFIX(__entry->recipient), BUS_CLIENT(__entry->recipient),
		  __entry->len,
		  __print_symbolic(__entry->reason,
				   DEFINE_DROP_REASON(FN, FNe)))
);

#undef FN
#undef FNe
#undef EM
#undef EMe

#endif /* _TRACE_BUS_H */

#include <trace/define_trace.h>
