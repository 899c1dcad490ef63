#!/bin/sh
# Runs the tests of runtime/... on every CPU that edgec promises, under
# qemu-user: arm64 (without and with dot product instructions), arm v7 and v6,
# 386, riscv64, and s390x, which is big-endian; on request arm v5, which has no
# floating point.
#
#   scripts/cross.sh [NAME ...]     all but armv5, or some of the names below
#
# Needs Go and qemu-user-static (apt-get install qemu-user-static); a missing
# emulator is an error.
set -eu
cd "$(dirname "$0")/.."

# name, GOARCH, GOARM, emulator, its CPU
table='
arm64-a53 arm64 -  aarch64 cortex-a53
arm64-a76 arm64 -  aarch64 cortex-a76
armv7     arm   7  arm     cortex-a7
armv6     arm   6  arm     arm1176
armv5     arm   5  arm     arm926
386       386   -  i386    -
riscv64   riscv64 - riscv64 -
s390x     s390x -  s390x   -
'
names=${*:-$(echo "$table" | awk 'NF && $1 != "armv5" { print $1 }')}

row() { echo "$table" | awk -v name="$1" '$1 == name { print $2, $3, $4, $5 }'; }

emulator() {
	command -v "qemu-$1-static" || command -v "qemu-$1" || {
		echo "cross: qemu-$1-static is not installed: apt-get install qemu-user-static" >&2
		exit 1
	}
}

for name in $names; do
	set -- $(row "$name")
	[ $# -eq 4 ] || { echo "cross: no CPU \"$name\"; there are:" $(echo "$table" | awk 'NF { print $1 }') >&2; exit 1; }
	emulator "$3" >/dev/null
done

for name in $names; do
	set -- $(row "$name")
	run=$(emulator "$3")
	[ "$4" = - ] || run="$run -cpu $4"
	[ "$2" = - ] && arm= || arm=$2
	echo "== $name"
	start=$(date +%s)
	CGO_ENABLED=0 GOOS=linux GOARCH=$1 GOARM=$arm go test -short -count=1 -vet=off -exec "$run" ./runtime/...
	echo "== $name passed in $(($(date +%s) - start)) s"
done
