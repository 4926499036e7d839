// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_BUS: protocols on a bus
 */

#include <linux/kmod.h>
#include <linux/module.h>
#include "bus.h"

static const struct bus_proto *bus_protos[BUS_PROTO_MAX + 1];
static DEFINE_MUTEX(bus_protos_lock);

/**
 * af_bus_register_proto() - make a protocol available
 * @proto: protocol; msg_free may be NULL if the protocol never calls
 *	af_bus_msg_set_proto_data(), all other operations are mandatory
 *
 * Context: May sleep.
 * Return: 0, -EINVAL for an id that is not in the UAPI, -EEXIST.
 */
int af_bus_register_proto(const struct bus_proto *proto)
{
	int err = 0;

	if (proto->id == BUS_PROTO_NONE || proto->id > BUS_PROTO_MAX)
		return -EINVAL;

	mutex_lock(&bus_protos_lock);
	if (bus_protos[proto->id])
		err = -EEXIST;
	else
		bus_protos[proto->id] = proto;
	mutex_unlock(&bus_protos_lock);
	return err;
}
EXPORT_SYMBOL_GPL(af_bus_register_proto);

/**
 * af_bus_unregister_proto() - remove a protocol
 * @proto: protocol without buses; each bus pins the module of its protocol
 *
 * Context: May sleep.
 */
void af_bus_unregister_proto(const struct bus_proto *proto)
{
	mutex_lock(&bus_protos_lock);
	bus_protos[proto->id] = NULL;
	mutex_unlock(&bus_protos_lock);
}
EXPORT_SYMBOL_GPL(af_bus_unregister_proto);

static const struct bus_proto *bus_proto_try_get(u32 id)
{
	const struct bus_proto *proto;

	mutex_lock(&bus_protos_lock);
	proto = bus_protos[id];
	if (proto && !try_module_get(proto->owner))
		proto = NULL;
	mutex_unlock(&bus_protos_lock);
	return proto;
}

/**
 * bus_proto_get() - find a protocol, load its module, and pin it
 * @id: BUS_PROTO_*, but not %BUS_PROTO_NONE
 *
 * Context: May sleep.
 * Return: The protocol or an ERR_PTR(-EPROTONOSUPPORT).
 */
const struct bus_proto *bus_proto_get(u32 id)
{
	const struct bus_proto *proto;

	if (id > BUS_PROTO_MAX)
		return ERR_PTR(-EPROTONOSUPPORT);

	proto = bus_proto_try_get(id);
	if (!proto) {
		request_module("net-pf-%d-proto-%d", PF_BUS, id);
		proto = bus_proto_try_get(id);
	}
	return proto ?: ERR_PTR(-EPROTONOSUPPORT);
}

void bus_proto_put(const struct bus_proto *proto)
{
	module_put(proto->owner);
}
