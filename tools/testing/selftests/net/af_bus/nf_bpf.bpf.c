// SPDX-License-Identifier: GPL-2.0
/*
 * A netfilter program that counts the messages of D-Bus buses by interface, and
 * drops those of marked interfaces. Attach it to NFPROTO_BUS: with NF_BUS_SEND
 * a dropped message fails with EPERM, with NF_BUS_DELIVER the recipient does
 * not get it.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define NF_DROP		0
#define NF_ACCEPT	1

#define NAME_MAX_LEN	255
#define FIELD_INTERFACE	2
#define FIELDS_MAX	16

struct sk_buff;
struct nf_hook_state;

struct bpf_nf_ctx {
	const struct nf_hook_state *state;
	struct sk_buff *skb;
} __attribute__((preserve_access_index));

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags,
			       struct bpf_dynptr *ptr) __ksym;

struct interface {
	char name[NAME_MAX_LEN + 1];
};

struct verdict {
	__u64 count;
	__u32 drop;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct interface);
	__type(value, struct verdict);
} interfaces SEC(".maps");

/* This is too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct interface);
} scratch SEC(".maps");

static __always_inline __u32 align(__u32 off, __u32 to)
{
	return (off + to - 1) & ~(to - 1);
}

/* Returns the offset behind a header field whose value is at @off, 0 if the
 * specification does not have its type.
 */
static __always_inline __u32 skip_value(struct bpf_dynptr *msg, char type,
					__u32 off)
{
	__u32 len = 0;
	__u8 byte = 0;

	switch (type) {
	case 'u':
		return align(off, 4) + 4;
	case 'g':
		bpf_dynptr_read(&byte, sizeof(byte), msg, off, 0);
		return off + byte + 2;
	case 's':
	case 'o':
		off = align(off, 4);
		bpf_dynptr_read(&len, sizeof(len), msg, off, 0);
		return off + 4 + len + 1;
	}
	return 0;
}

/* Reads the interface of a little-endian message; returns false if it has none.
 */
static __always_inline bool read_interface(struct bpf_dynptr *msg,
					   struct interface *interface)
{
	struct { __u8 code, len; char type, end; } field;
	__u32 off = 16, end = 0, len = 0;
	__u8 order = 0;
	int i;

	if (bpf_dynptr_read(&order, sizeof(order), msg, 0, 0) || order != 'l' ||
	    bpf_dynptr_read(&end, sizeof(end), msg, 12, 0))
		return false;
	end += off;

	for (i = 0; i < FIELDS_MAX && off && off < end; i++) {
		off = align(off, 8);
		if (bpf_dynptr_read(&field, sizeof(field), msg, off, 0))
			return false;
		off += sizeof(field);
		if (field.code != FIELD_INTERFACE) {
			off = skip_value(msg, field.type, off);
			continue;
		}
		if (bpf_dynptr_read(&len, sizeof(len), msg, off, 0) ||
		    !len || len > NAME_MAX_LEN)
			return false;
		return !bpf_dynptr_read(interface->name, len, msg, off + 4, 0);
	}
	return false;
}

SEC("netfilter")
int by_interface(struct bpf_nf_ctx *ctx)
{
	struct verdict first = { .count = 1 }, *verdict;
	struct interface *interface;
	struct bpf_dynptr msg;
	__u32 zero = 0;

	interface = bpf_map_lookup_elem(&scratch, &zero);
	if (!interface ||
	    bpf_dynptr_from_skb((struct __sk_buff *)ctx->skb, 0, &msg))
		return NF_ACCEPT;

	__builtin_memset(interface, 0, sizeof(*interface));
	if (!read_interface(&msg, interface))
		return NF_ACCEPT;

	verdict = bpf_map_lookup_elem(&interfaces, interface);
	if (!verdict) {
		bpf_map_update_elem(&interfaces, interface, &first, BPF_NOEXIST);
		return NF_ACCEPT;
	}
	__sync_fetch_and_add(&verdict->count, 1);
	return verdict->drop ? NF_DROP : NF_ACCEPT;
}

char LICENSE[] SEC("license") = "GPL";
