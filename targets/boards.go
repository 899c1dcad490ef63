package targets

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"edgec/internal/suggest"
)

// Board is a device, or a system, that programs are built for.
type Board struct {
	Name   string `json:"name"`             // lower case: rpi-4, the --target of edgec build
	Title  string `json:"title"`            // what people call it
	GOOS   string `json:"goos,omitempty"`   // Go's name of the system; "": linux
	GOARCH string `json:"goarch"`           // Go's architecture: arm, arm64, riscv64, amd64, 386 or wasm
	GOARM  string `json:"goarm,omitempty"`  // 6 or 7 on 32-bit ARM, "" elsewhere
	Cores  int    `json:"cores,omitempty"`  // 0: various
	MHz    int    `json:"mhz,omitempty"`    // highest clock of the first model; 0: various
	RAM    int    `json:"ram_mb,omitempty"` // MB of the smallest model; 0: various
	CPU    string `json:"cpu"`              // core, and what matters to int8 arithmetic
	QEMU   string `json:"qemu,omitempty"`   // -cpu of qemu-user that has exactly these instructions; "": its default
	Source string `json:"facts,omitempty"`  // where the facts are from
	Note   string `json:"note,omitempty"`   // for the user
}

// sbcBench is where clocks and memory of the Raspberry Pis come from.
const (
	sbcBench = "ThomasKaiser/sbc-bench Results.md; raspberrypi.com product pages"
	only64   = "for a 32-bit system build for linux-armv7"
)

// Boards is the table of boards; rows such as linux-arm64 stand for any machine of that
// system and architecture. A program for GOARM=7 does not start on an ARMv6 board, so
// rpi-zero and rpi-1 have their own rows. It is read-only; Find knows aliases too.
var Boards = []Board{
	{Name: "rpi-zero", Title: "Raspberry Pi Zero, Zero W", GOARCH: "arm", GOARM: "6", Cores: 1, MHz: 1000, RAM: 512, CPU: "BCM2835, ARM1176JZF-S: ARMv6, VFPv2, no NEON", QEMU: "arm1176", Source: sbcBench},
	{Name: "rpi-1", Title: "Raspberry Pi 1 B, B+, A+", GOARCH: "arm", GOARM: "6", Cores: 1, MHz: 700, RAM: 256, CPU: "BCM2835, ARM1176JZF-S: ARMv6, VFPv2, no NEON", QEMU: "arm1176", Source: sbcBench, Note: "later models have 512 MB"},
	{Name: "rpi-zero-2w", Title: "Raspberry Pi Zero 2 W", GOARCH: "arm64", Cores: 4, MHz: 1000, RAM: 512, CPU: "RP3A0, Cortex-A53: NEON, no dot product", QEMU: "cortex-a53", Source: sbcBench, Note: only64},
	{Name: "rpi-2", Title: "Raspberry Pi 2 B", GOARCH: "arm", GOARM: "7", Cores: 4, MHz: 900, RAM: 1024, CPU: "BCM2836, Cortex-A7: NEON, VFPv4", QEMU: "cortex-a7", Source: sbcBench},
	{Name: "rpi-3", Title: "Raspberry Pi 3 B, B+, A+", GOARCH: "arm64", Cores: 4, MHz: 1200, RAM: 1024, CPU: "BCM2837, Cortex-A53: NEON, no dot product", QEMU: "cortex-a53", Source: sbcBench, Note: only64 + "; B+ runs at 1400 MHz, A+ has 512 MB"},
	{Name: "rpi-4", Title: "Raspberry Pi 4 B, 400, CM4", GOARCH: "arm64", Cores: 4, MHz: 1500, RAM: 1024, CPU: "BCM2711, Cortex-A72: NEON, no dot product", QEMU: "cortex-a72", Source: sbcBench, Note: only64 + "; 1 to 8 GB, later models run at 1800 MHz"},
	{Name: "rpi-5", Title: "Raspberry Pi 5, 500, CM5", GOARCH: "arm64", Cores: 4, MHz: 2400, RAM: 2048, CPU: "BCM2712, Cortex-A76: NEON, dot product, half precision", QEMU: "cortex-a76", Source: sbcBench, Note: "2 to 16 GB"},
	{Name: "beaglebone", Title: "BeagleBone Black", GOARCH: "arm", GOARM: "7", Cores: 1, MHz: 1000, RAM: 512, CPU: "AM3358, Cortex-A8: NEON, VFPv3", QEMU: "cortex-a8", Source: "beagleboard.org"},
	{Name: "linux-arm64", Title: "any 64-bit ARM Linux", GOARCH: "arm64", CPU: "ARMv8.0", QEMU: "cortex-a53"},
	{Name: "linux-armv7", Title: "any ARMv7 Linux", GOARCH: "arm", GOARM: "7", CPU: "ARMv7 with VFPv3", QEMU: "cortex-a7"},
	{Name: "linux-armv6", Title: "any ARMv6 Linux", GOARCH: "arm", GOARM: "6", CPU: "ARMv6 with VFPv2", QEMU: "arm1176"},
	{Name: "linux-riscv64", Title: "any 64-bit RISC-V Linux", GOARCH: "riscv64", CPU: "RV64GC"},
	{Name: "linux-amd64", Title: "any 64-bit PC Linux", GOARCH: "amd64", CPU: "x86-64"},
	{Name: "linux-386", Title: "any 32-bit PC Linux", GOARCH: "386", CPU: "x86 with SSE2"},
	{Name: "windows-amd64", Title: "Windows", GOOS: "windows", GOARCH: "amd64", CPU: "x86-64", Note: "Windows 10 or later"},
	{Name: "windows-arm64", Title: "Windows on ARM", GOOS: "windows", GOARCH: "arm64", CPU: "ARMv8.0", Note: "Windows 10 or later"},
	{Name: "darwin-arm64", Title: "macOS on Apple silicon", GOOS: "darwin", GOARCH: "arm64", CPU: "Apple M1: NEON, dot product", Note: "macOS 12 or later"},
	{Name: "darwin-amd64", Title: "macOS on Intel", GOOS: "darwin", GOARCH: "amd64", CPU: "x86-64", Note: "macOS 12 or later"},
	{Name: "js-wasm", Title: "WebAssembly", GOOS: "js", GOARCH: "wasm", CPU: "plain Go, no micro-kernels", Note: "runs under Node.js by wasm_exec_node.js of the Go toolchain"},
}

// aliases are other names that people have for a board.
var aliases = map[string]string{
	"rpi-zero-w": "rpi-zero", "rpi-0": "rpi-zero", "rpi-zero-2": "rpi-zero-2w", "bbb": "beaglebone", "beaglebone-black": "beaglebone", "jetson-nano": "linux-arm64",
	"arm64": "linux-arm64", "aarch64": "linux-arm64", "armv8": "linux-arm64", "armv7": "linux-armv7", "armv6": "linux-armv6", "riscv64": "linux-riscv64",
	"amd64": "linux-amd64", "x86-64": "linux-amd64", "386": "linux-386", "i386": "linux-386",
	"windows": "windows-amd64", "macos": "darwin-arm64", "mac": "darwin-arm64", "darwin": "darwin-arm64", "macos-arm64": "darwin-arm64", "macos-amd64": "darwin-amd64", "wasm": "js-wasm",
}

// plainName is a name without what people write differently: rpi4, RPi_4 and
// raspberry-pi-4 are rpi4.
func plainName(name string) string {
	plain := strings.NewReplacer("-", "", "_", "", " ", "", "/", "").Replace(strings.ToLower(name))
	for _, long := range []string{"raspberrypi", "raspberry", "raspi", "pi"} {
		if model, ok := strings.CutPrefix(plain, long); ok {
			return "rpi" + model
		}
	}
	return plain
}

// microcontrollers are plain names, or beginnings of plain names, of boards and chips that
// do not run Linux.
var microcontrollers = []string{"rpico", "rpipico", "rp2040", "rp2350", "esp", "esp32", "esp8266", "arduino", "uno", "nano33", "portenta", "giga",
	"stm", "stm32", "nucleo", "bluepill", "blackpill", "nrf", "nrf5", "nrf9", "microbit", "teensy", "samd", "atmega", "attiny", "avr", "rpic", "cortexm", "m0", "m3", "m4", "m7", "m33",
	"feather", "xiao", "sparkfunedge", "k210", "gap8", "gap9", "max78000", "himax", "ch32", "gd32", "msp430", "imxrt", "wio", "m5stack", "wemos", "nodemcu", "adafruit", "seeeduino", "longan",
	"maixduino", "lpc", "kinetis", "efr32", "cc26", "psoc", "spresense", "openmv", "ambiq", "apollo3"}

// Find returns the board of that name or alias (rpi4, bbb, arm64); upper and lower case,
// hyphens, underscores and blanks make no difference. The error names the boards that are
// near, or lists all; of a microcontroller it says why no program can be built for it.
func Find(name string) (Board, error) {
	want := plainName(name)
	for alias, full := range aliases {
		if plainName(alias) == want {
			want = plainName(full)
			break
		}
	}
	if i := slices.IndexFunc(Boards, func(b Board) bool { return plainName(b.Name) == want }); i >= 0 {
		return Boards[i], nil
	}
	if isMicrocontroller(want) {
		return Board{}, fmt.Errorf("targets: %q is a microcontroller, which edgec cannot build for: its programs are made by the Go toolchain, which needs Linux, about 2 MB of storage and several MB of RAM; boards within reach: %s", name, strings.Join(Names(), ", "))
	}
	if question := suggest.Question(want, Names()); question != "" {
		return Board{}, fmt.Errorf("targets: no board %q%s edgec targets lists all", name, question)
	}
	return Board{}, fmt.Errorf("targets: no board %q; give one of %s", name, strings.Join(Names(), ", "))
}

// isMicrocontroller reports whether a plain name begins like that of a microcontroller; a
// short one must be equal.
func isMicrocontroller(plain string) bool {
	return slices.ContainsFunc(microcontrollers, func(m string) bool {
		return plain == m || len(m) > 3 && strings.HasPrefix(plain, m)
	})
}

// System returns Go's name of the system: linux, windows, darwin or js.
func (b Board) System() string { return cmp.Or(b.GOOS, "linux") }

// Suffix returns what names of programs end in: ".exe" on Windows, ".wasm" of WebAssembly.
func (b Board) Suffix() string {
	return map[string]string{"windows": ".exe", "js": ".wasm"}[b.GOOS]
}

// Names returns the names of all boards, in the order of the table.
func Names() []string {
	names := make([]string, len(Boards))
	for i, b := range Boards {
		names[i] = b.Name
	}
	return names
}

// alignment returns the linker's option for segments of the largest page that kernels of the board
// have, which saves up to 98 KB: 4 KiB on 32-bit ARM, 4 or 16 KiB on a Raspberry Pi with 64 bits.
// Other kernels for arm64 have pages of up to 64 KiB, Go's own alignment.
func (b Board) alignment() string {
	switch {
	case b.GOARCH == "arm" && b.System() == "linux":
		return "-R 0x1000"
	case b.GOARCH == "arm64" && strings.HasPrefix(b.Name, "rpi-"):
		return "-R 0x4000"
	}
	return ""
}

// Env returns the settings of the Go toolchain for the board, as NAME=value: GOOS, GOARCH
// and the lowest level of each architecture that the board has.
func (b Board) Env() []string {
	env := []string{"GOOS=" + b.System(), "GOARCH=" + b.GOARCH, "GOARM64=v8.0", "GOAMD64=v1", "GO386=sse2", "GORISCV64=rva20u64"}
	if b.GOARM != "" {
		env = append(env, "GOARM="+b.GOARM)
	}
	return env
}
