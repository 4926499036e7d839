// SPDX-License-Identifier: MIT
/*
 * Preload this into a program that listens on unix: addresses. It listens on
 * afbus: instead, without noticing, and the file LISTEN_LOG gets the address.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MAX_ADDRESS 1024

static void note(const char *address)
{
	const char *name = getenv("LISTEN_LOG");
	FILE *log = name ? fopen(name, "a") : NULL;

	if (!log)
		abort();
	fprintf(log, "%s\n", address);
	fclose(log);
}

/* Replaces each address of a list. */
static void disguise(const char *from, const char *to, const char *list,
		     char *result)
{
	size_t len = strlen(from);
	char *end = result + MAX_ADDRESS;

	*result = '\0';
	while (*list) {
		size_t n = strcspn(list, ";") + (strchr(list, ';') != NULL);
		int skip = strncmp(list, from, len) ? 0 : len;

		result += snprintf(result, end - result, "%s%.*s",
				   skip ? to : "", (int)n - skip, list + skip);
		if (result >= end)
			abort();
		list += n;
	}
}

DBusServer *dbus_server_listen(const char *address, DBusError *error)
{
	char real[MAX_ADDRESS];

	disguise("unix:", "afbus:", address, real);
	if (strcmp(address, real))
		note(real);
	return REAL(dbus_server_listen)(real, error);
}

char *dbus_server_get_address(DBusServer *server)
{
	char *real = REAL(dbus_server_get_address)(server);
	char *address = real ? dbus_malloc(MAX_ADDRESS) : NULL;

	if (address)
		disguise("afbus:", "unix:", real, address);
	dbus_free(real);
	return address;
}

/* The daemons of these tests use afbus: addresses themselves. */
DBusConnection *dbus_connection_open_private(const char *address,
					     DBusError *error)
{
	char real[MAX_ADDRESS];

	disguise("unix:", "afbus:", address, real);
	return REAL(dbus_connection_open_private)(real, error);
}
