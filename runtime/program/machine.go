package program

import (
	goruntime "runtime"
	"strconv"
	"strings"

	"edgec/runtime/internal/cpu"
	"edgec/runtime/internal/sys"
)

// machine reads what Linux tells about the machine in /proc and /sys. Elsewhere, and where a
// file is missing, nothing is known.
type machine struct {
	root string // before each path; "": that of the system
}

// facts adds what does not change during a measurement. core is the one that runs are pinned
// to, -1: none.
func (m machine) facts(f *facts, core int) {
	f.text("machine", m.name())
	f.text("system", goruntime.GOOS+"/"+goruntime.GOARCH)
	f.text("kernel", m.line("/proc/sys/kernel/osrelease"))
	f.int("word bits", strconv.IntSize, "")
	f.int("cores", int64(goruntime.NumCPU()), "")
	f.text("cpu features", strings.Join(cpu.Names(), " "))
	f.text("emulator", m.emulator())
	f.text("virtual machine", m.virtual())
	f.int("threads", 1, "") // a session has no others
	if core >= 0 {
		f.int("core", int64(core), "")
		f.text("governor", m.line(cpufreq(core)+"scaling_governor"))
		if top := m.number(cpufreq(core) + "cpuinfo_max_freq"); top > 0 {
			f.int("highest clock", int64(top/1000), "MHz")
		}
	}
}

// cpufreq is the folder of a core's clock.
func cpufreq(core int) string {
	return "/sys/devices/system/cpu/cpu" + itoa(max(core, 0)) + "/cpufreq/"
}

// name is that of the board, or of the processor.
func (m machine) name() string {
	if s := m.line("/proc/device-tree/model"); s != "" {
		return s
	}
	for _, key := range []string{"model name", "Model", "uarch"} {
		if s := m.cpuinfo(key); s != "" {
			return s
		}
	}
	return ""
}

// cpuinfo returns the first value of a key of /proc/cpuinfo.
func (m machine) cpuinfo(want string) string {
	for l := range strings.SplitSeq(m.text("/proc/cpuinfo"), "\n") {
		if key, value, _ := strings.Cut(l, ":"); strings.TrimSpace(key) == want {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// emulator names the emulator of a processor that executes this program, "" if there is no
// sign of one. QEMU's user mode shows the program as /proc/self/exe, and itself elsewhere; its
// older versions show the host's /proc/cpuinfo.
func (m machine) emulator() string {
	exe := readlink(m.root + "/proc/thread-self/exe")
	if strings.Contains(exe, "qemu-") || strings.Contains(m.text("/proc/thread-self/maps"), "/qemu-") {
		return "qemu-user"
	}
	arm := strings.HasPrefix(goruntime.GOARCH, "arm")
	if intel := m.cpuinfo("vendor_id") != ""; intel && (arm || goruntime.GOARCH == "riscv64") {
		return "unknown: /proc/cpuinfo is that of a PC"
	}
	return ""
}

// virtual names the virtual machine that the system runs in, "" if there is no sign of one.
func (m machine) virtual() string {
	vendor := m.line("/sys/class/dmi/id/sys_vendor")
	switch {
	case m.text("/proc/device-tree/hypervisor/compatible") != "":
		return "yes"
	case strings.Contains(" "+m.cpuinfo("flags")+" ", " hypervisor "):
		if vendor == "" {
			vendor = "yes"
		}
		return vendor
	case strings.Contains(vendor, "QEMU"):
		return vendor
	}
	return ""
}

// doubts says why times of this machine say little, whatever they are.
func (m machine) doubts() (texts []string) {
	if m.emulator() != "" {
		texts = append(texts, "an emulator executes this program: its times mean nothing for a real processor")
	}
	return texts
}

// state is what changes while a machine works; 0 and "" where it is not known.
type state struct {
	clock       int    // of the core, kHz
	temperature int    // thousandths of a degree
	load        string // average of a minute
	quota       int    // how often a container's limit of CPU time has stopped its processes
	throttled   int    // bits of a Raspberry Pi, see ThrottledBits; -1: not known
	low         bool   // a Raspberry Pi reports under-voltage
}

// state reads what changes.
func (m machine) state(core int) state {
	s := state{clock: m.number(cpufreq(core) + "scaling_cur_freq"), temperature: m.temperature(), throttled: m.throttled(), low: m.lowVoltage()}
	s.load, _, _ = strings.Cut(m.line("/proc/loadavg"), " ")
	if _, rest, ok := strings.Cut(m.text("/sys/fs/cgroup/cpu.stat"), "nr_throttled "); ok {
		n, _, _ := strings.Cut(rest, "\n")
		s.quota = number(n)
	}
	return s
}

// mostDevices bounds the numbers of devices of a kind that are looked at. They are asked for
// one by one, since reading folders would make programs larger.
const mostDevices = 16

// temperature returns that of the processor's zone, or of the first one.
func (m machine) temperature() (t int) {
	for i := range mostDevices {
		zone := "/sys/class/thermal/thermal_zone" + itoa(i)
		kind, now := m.line(zone+"/type"), m.number(zone+"/temp")
		if now > 0 && (strings.Contains(kind, "cpu") || strings.Contains(kind, "soc") || strings.Contains(kind, "x86_pkg")) {
			return now
		}
		if t == 0 {
			t = now
		}
	}
	return t
}

// throttled returns what "vcgencmd get_throttled" prints, from the file that kernels of
// Raspberry Pi have, -1 without one.
func (m machine) throttled() int {
	text := m.line("/sys/devices/platform/soc/soc:firmware/get_throttled")
	if bits, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 31); err == nil {
		return int(bits)
	}
	return -1
}

// lowVoltage asks the sensor that a Raspberry Pi's kernel has for it.
func (m machine) lowVoltage() bool {
	for i := range mostDevices {
		sensor := "/sys/class/hwmon/hwmon" + itoa(i)
		if m.line(sensor+"/name") == "rpi_volt" && m.number(sensor+"/in0_lcrit_alarm") > 0 {
			return true
		}
	}
	return false
}

// facts adds the states before and after.
func (s state) facts(f *facts, after state) {
	if s.clock > 0 && after.clock > 0 {
		f.int("clock before", int64(s.clock/1000), "MHz")
		f.int("clock after", int64(after.clock/1000), "MHz")
	}
	if s.temperature > 0 {
		f.real("temperature before", float64(s.temperature)/1000, "°C")
		f.real("temperature after", float64(after.temperature)/1000, "°C")
	}
	if s.throttled >= 0 && after.throttled >= 0 {
		f.int("throttled before", int64(s.throttled), "")
		f.int("throttled after", int64(after.throttled), "")
	}
	if s.load != "" {
		f.real("load average", real(s.load), "")
	}
}

// changes says which changes make a measurement doubtful.
func changes(before, after state) (texts []string) {
	if a, b := before.clock, after.clock; a > 0 && b > 0 && (b < a*9/10 || b > a*11/10) {
		texts = append(texts, "the clock changed during the measurement; set the governor to performance and check supply and cooling")
	}
	if before.throttled >= 0 && after.throttled >= 0 {
		texts = append(texts, Throttling(before.throttled, after.throttled)...)
	}
	if before.low || after.low {
		texts = append(texts, "the supply voltage is too low, which lowers the clock; use another power supply or cable")
	}
	if n := after.quota - before.quota; n > 0 {
		texts = append(texts, "a limit of CPU time stopped this container "+itoa(n)+" times during the measurement; raise its limit")
	}
	return texts
}

// causes are the bits of "vcgencmd get_throttled"; 16 bits further left they say that it
// happened since the start of the system.
var causes = [...]string{"the supply voltage was too low", "the clock was capped", "the processor was throttled", "the soft limit of temperature was reached"}

// Throttling says what two values of a Raspberry Pi's "vcgencmd get_throttled", before and
// after a measurement, tell of it: what lasts now, and what has happened since the system
// started and had not before. What had happened before says nothing.
func Throttling(before, after int) (texts []string) {
	for i, cause := range causes {
		now, once := 1<<i, 1<<(i+16)
		if (before|after)&now != 0 || after&^before&once != 0 {
			texts = append(texts, cause+" during the measurement; check supply and cooling")
		}
	}
	return texts
}

// text returns the contents of a file, "" if it cannot be read.
func (m machine) text(path string) string {
	data, err := sys.ReadFile(m.root + path)
	if err != nil {
		return ""
	}
	return string(data)
}

// line returns the first line of a file, without the NUL that ends texts of a device tree.
func (m machine) line(path string) string {
	first, _, _ := strings.Cut(m.text(path), "\n")
	return strings.TrimSpace(strings.TrimRight(first, "\x00"))
}

func (m machine) number(path string) int { return number(m.line(path)) }

// status returns a number of /proc/self/status.
func (m machine) status(key string) int {
	_, rest, _ := strings.Cut(m.text("/proc/self/status"), key)
	if f := strings.Fields(rest); len(f) > 0 {
		return number(f[0])
	}
	return 0
}

// number returns a whole number, 0 for anything else.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// real returns a number, 0 for anything else.
func real(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return v
}
