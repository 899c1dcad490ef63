package program

import (
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
)

// pretend makes a tree of files for a machine to read.
func pretend(t *testing.T, files map[string]string) machine {
	t.Helper()
	m := machine{root: t.TempDir()}
	for name, text := range files {
		path := filepath.Join(m.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// lines are the facts as text.
func lines(t *testing.T, f facts) string {
	t.Helper()
	var out strings.Builder
	if err := (&Job{Stdout: &out}).printFacts(f); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// pi is what a Raspberry Pi 4 tells while it works.
var pi = map[string]string{
	"/proc/device-tree/model":    "Raspberry Pi 4 Model B Rev 1.4\x00",
	"/proc/sys/kernel/osrelease": "6.6.51+rpt-rpi-v8\n",
	"/proc/loadavg":              "0.25 0.10 0.05 1/150 999\n",
	"/proc/cpuinfo":              "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU part\t: 0xd08\n",
	"/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor": "ondemand\n",
	"/sys/devices/system/cpu/cpu3/cpufreq/cpuinfo_max_freq": "1800000\n",
	"/sys/devices/system/cpu/cpu3/cpufreq/scaling_cur_freq": "1800000\n",
	"/sys/class/thermal/thermal_zone0/type":                 "board\n",
	"/sys/class/thermal/thermal_zone0/temp":                 "31000\n",
	"/sys/class/thermal/thermal_zone1/type":                 "cpu-thermal\n",
	"/sys/class/thermal/thermal_zone1/temp":                 "61322\n",
	"/sys/devices/platform/soc/soc:firmware/get_throttled":  "50000\n",
	"/sys/class/hwmon/hwmon1/name":                          "rpi_volt\n",
	"/sys/class/hwmon/hwmon1/in0_lcrit_alarm":               "0\n",
	"/sys/fs/cgroup/cpu.stat":                               "usage_usec 1\nnr_throttled 3\nthrottled_usec 9\n",
}

// A board's files are read, and of its zones the processor's.
func TestMachine(t *testing.T) {
	m := pretend(t, pi)
	var f facts
	m.facts(&f, 3)
	s := m.state(3)
	s.facts(&f, s)
	got := lines(t, f)
	for _, want := range []string{"machine               Raspberry Pi 4 Model B Rev 1.4\n", "kernel                6.6.51+rpt-rpi-v8\n", "core                  3\n", "governor              ondemand\n",
		"highest clock         1800 MHz\n", "clock before          1800 MHz\n", "temperature before    61.322 °C\n", "throttled before      327680\n", "load average          0.25\n", "threads               1\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if s.quota != 3 || s.low || s.throttled != 0x50000 {
		t.Errorf("%+v", s)
	}
	if w := changes(s, s); w != nil {
		t.Errorf("warnings about a quiet machine: %q", w)
	}
	nothing := pretend(t, nil)
	var none facts
	nothing.facts(&none, -1)
	empty := nothing.state(-1)
	empty.facts(&none, empty)
	if s := lines(t, none); strings.Contains(s, "core  ") || strings.Contains(s, "clock") || strings.Contains(s, "throttled") || changes(empty, empty) != nil {
		t.Errorf("of a system that tells nothing: %s", s)
	}
}

// What changes during a measurement is told; what had happened before it is not.
func TestChanges(t *testing.T) {
	quiet := state{clock: 1_800_000, throttled: 0x50000}
	for _, c := range []struct {
		name  string
		after func(s *state)
		want  string // "": no warning
	}{
		{"nothing", func(*state) {}, ""},
		{"clock", func(s *state) { s.clock = 600_000 }, "clock changed"},
		{"throttled now", func(s *state) { s.throttled |= 4 }, "the processor was throttled during"},
		{"throttled meanwhile", func(s *state) { s.throttled |= 1 << 17 }, "the clock was capped during"},
		{"firmware does not tell", func(s *state) { s.throttled = -1 }, ""},
		{"voltage", func(s *state) { s.low = true }, "supply voltage"},
		{"quota", func(s *state) { s.quota = 7 }, "stopped this container 7 times"},
	} {
		after := quiet
		c.after(&after)
		got := strings.Join(changes(quiet, after), "\n")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Each sign of an emulator or a virtual machine is enough.
func TestEmulatorSigns(t *testing.T) {
	plain := pretend(t, map[string]string{"/proc/thread-self/maps": "00400000-00500000 r-xp /home/pi/qemu/classify\n", "/proc/cpuinfo": "Features : fp\n"})
	if got := plain.emulator(); got != "" || plain.virtual() != "" || plain.doubts() != nil {
		t.Errorf("signs on a real machine: %q", got)
	}
	maps := pretend(t, map[string]string{"/proc/thread-self/maps": "7f0000-7f1000 r-xp 00000000 08:01 1 /usr/bin/qemu-aarch64-static\n"})
	if maps.emulator() != "qemu-user" || len(maps.doubts()) != 1 {
		t.Error("maps that name QEMU")
	}
	exe := pretend(t, map[string]string{"/proc/thread-self/maps": ""})
	if err := os.Symlink("/usr/bin/qemu-arm", filepath.Join(exe.root, "proc/thread-self/exe")); err != nil {
		t.Fatal(err)
	}
	if exe.emulator() != "qemu-user" {
		t.Error("a thread whose program is QEMU")
	}
	pc := pretend(t, map[string]string{"/proc/cpuinfo": "vendor_id : GenuineIntel\nflags : fpu hypervisor\n", "/sys/class/dmi/id/sys_vendor": "QEMU\n"})
	if board := strings.HasPrefix(goruntime.GOARCH, "arm") || goruntime.GOARCH == "riscv64"; board != (pc.emulator() != "") || pc.virtual() != "QEMU" {
		t.Errorf("a PC: %q, %q", pc.emulator(), pc.virtual())
	}
	if dt := pretend(t, map[string]string{"/proc/device-tree/hypervisor/compatible": "linux,kvm"}); dt.virtual() != "yes" {
		t.Error("a device tree with a hypervisor")
	}
}
