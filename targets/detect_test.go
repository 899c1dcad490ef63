package targets

import (
	"strings"
	"testing"
)

// What systems tell of themselves leads to a board whose programs run there.
func TestDetect(t *testing.T) {
	for _, c := range []struct {
		machine string
		bits    int
		model   string
		want    string
	}{
		{"aarch64", 64, "Raspberry Pi 4 Model B Rev 1.4\x00", "rpi-4"},
		{"aarch64", 32, "Raspberry Pi 4 Model B Rev 1.4\x00", "linux-armv7"},
		{"armv7l", 32, "Raspberry Pi 3 Model B Plus Rev 1.3", "linux-armv7"},
		{"aarch64", 64, "Raspberry Pi 3 Model B Plus Rev 1.3", "rpi-3"},
		{"aarch64", 64, "Raspberry Pi 500 Rev 1.0", "rpi-5"},
		{"aarch64", 64, "Raspberry Pi 5 Model B Rev 1.0", "rpi-5"},
		{"aarch64", 64, "Raspberry Pi Zero 2 W Rev 1.0", "rpi-zero-2w"},
		{"armv6l", 32, "Raspberry Pi Zero W Rev 1.1", "rpi-zero"},
		{"armv6l", 0, "Raspberry Pi Model B Plus Rev 1.2", "rpi-1"},
		{"armv7l", 32, "Raspberry Pi 2 Model B Rev 1.1", "rpi-2"},
		{"aarch64", 64, "Raspberry Pi 2 Model B Rev 1.2", "linux-arm64"},
		{"armv7l", 32, "TI AM335x BeagleBone Black", "beaglebone"},
		{"armv8l", 32, "", "linux-armv7"},
		{"aarch64", 0, "NVIDIA Jetson Nano Developer Kit", "linux-arm64"},
		{"x86_64", 64, "", "linux-amd64"}, {"x86_64", 32, "", "linux-386"}, {"i686", 32, "", "linux-386"}, {"riscv64", 64, "StarFive VisionFive V2", "linux-riscv64"},
	} {
		if b, err := Detect(c.machine, c.bits, c.model); err != nil || b.Name != c.want {
			t.Errorf("Detect(%q, %d, %q) = %s, %v; want %s", c.machine, c.bits, c.model, b.Name, err, c.want)
		}
	}
	if _, err := Detect("mips64", 64, ""); err == nil || !strings.Contains(err.Error(), "mips64") {
		t.Errorf("mips64: %v", err)
	}
	for _, m := range models {
		if _, err := Find(m.board); err != nil {
			t.Error(err)
		}
	}
}

// A CPU of an emulator has the row of its architecture, or else a board.
func TestEmulated(t *testing.T) {
	for cpu, want := range map[string]string{"cortex-a53": "linux-arm64", "cortex-a7": "linux-armv7", "arm1176": "linux-armv6", "cortex-a72": "rpi-4", "cortex-a8": "beaglebone"} {
		if b, err := Emulated(cpu); err != nil || b.Name != want || b.QEMU != cpu {
			t.Errorf("Emulated(%s) = %v, %v; want %s", cpu, b, err, want)
		}
	}
	for _, cpu := range []string{"", "z80"} {
		if _, err := Emulated(cpu); err == nil || !strings.Contains(err.Error(), "cortex-a76") {
			t.Errorf("Emulated(%q): %v", cpu, err)
		}
	}
}
