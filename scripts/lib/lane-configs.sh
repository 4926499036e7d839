# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Compiles kernels that are not booted: without optional parts of the kernel, for
# other machines, and by another compiler. Only net/bus is compiled, with W=1.

lane_configs() {
	local base name names

	for base in "${bases[@]}"; do
		mapfile -t names < <("$top/scripts/kernel" compile)
		for name in "${names[@]}"; do
			try "configs: $name of $base compiles without a warning" \
				"$top/scripts/kernel" --base "$base" compile "$name" || true
		done
	done
}
