package targets

import (
	"fmt"
	"slices"
	"strings"
)

// models are how the names of boards begin that Linux tells in /proc/device-tree/model. Of
// several that fit the first one counts.
var models = []struct{ begins, board string }{
	{"Raspberry Pi 5", "rpi-5"}, {"Raspberry Pi Compute Module 5", "rpi-5"}, {"Raspberry Pi 500", "rpi-5"},
	{"Raspberry Pi 400", "rpi-4"}, {"Raspberry Pi 4", "rpi-4"}, {"Raspberry Pi Compute Module 4", "rpi-4"},
	{"Raspberry Pi 3", "rpi-3"}, {"Raspberry Pi Compute Module 3", "rpi-3"},
	{"Raspberry Pi Zero 2", "rpi-zero-2w"}, {"Raspberry Pi Zero", "rpi-zero"},
	{"Raspberry Pi 2", "rpi-2"}, {"Raspberry Pi Model", "rpi-1"}, {"Raspberry Pi Compute Module Rev", "rpi-1"},
	{"TI AM335x BeagleBone", "beaglebone"},
}

// Detect returns the board that programs for a Linux system are built for. machine is what
// uname -m prints there, bits what getconf LONG_BIT prints (32 or 64, 0: not known), and model
// the contents of /proc/device-tree/model, "" where there is none.
//
// A board of the table is returned if the model names it and the system runs its programs,
// otherwise the linux-* row of the architecture. A system of 32 bits under a kernel of 64 gets
// a program of 32 bits. The error names a machine that no row fits.
func Detect(machine string, bits int, model string) (Board, error) {
	generic, err := architecture(machine, bits)
	if err != nil {
		return Board{}, err
	}
	model = strings.TrimRight(model, "\x00\n")
	for _, m := range models {
		if !strings.HasPrefix(model, m.begins) {
			continue
		}
		if b, err := Find(m.board); err == nil && b.GOARCH == generic.GOARCH && b.GOARM == generic.GOARM {
			return b, nil
		}
		break // the board has a system of another architecture
	}
	return generic, nil
}

// architecture returns the linux-* row for what uname -m and getconf LONG_BIT print.
func architecture(machine string, bits int) (Board, error) {
	name := ""
	switch machine {
	case "aarch64", "arm64":
		name = "linux-arm64"
		if bits == 32 {
			name = "linux-armv7"
		}
	case "x86_64", "amd64":
		name = "linux-amd64"
		if bits == 32 {
			name = "linux-386"
		}
	case "armv8l", "armv7l", "armv7", "armhf":
		name = "linux-armv7"
	case "armv6l", "armv6":
		name = "linux-armv6"
	case "riscv64":
		name = "linux-riscv64"
	case "i386", "i486", "i586", "i686":
		name = "linux-386"
	default:
		return Board{}, fmt.Errorf("targets: no programs can be built for the machine %q (uname -m); there are targets for aarch64, armv7l, armv6l, riscv64, x86_64 and i686", machine)
	}
	return Find(name)
}

// Emulated returns a board whose CPU qemu-user calls cpu, such as cortex-a53: the linux-* row if
// one has it, else the first board. The error lists the CPUs.
func Emulated(cpu string) (Board, error) {
	var found []Board
	var names []string
	for _, b := range Boards {
		if b.QEMU == cpu && cpu != "" {
			found = append(found, b)
		}
		if b.QEMU != "" && !slices.Contains(names, b.QEMU) {
			names = append(names, b.QEMU)
		}
	}
	if len(found) == 0 {
		return Board{}, fmt.Errorf("targets: no board has the CPU %q; give one of %s", cpu, strings.Join(names, ", "))
	}
	if i := slices.IndexFunc(found, func(b Board) bool { return strings.HasPrefix(b.Name, "linux-") }); i >= 0 {
		return found[i], nil
	}
	return found[0], nil
}
