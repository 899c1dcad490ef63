package program

import (
	"math"
	goruntime "runtime"
	"strconv"
	"strings"

	"edgec/runtime"
	"edgec/runtime/internal/sys"
)

// The measurement: warm-up and at least as many runs, and as long, as TFLite's
// benchmark_model asks for.
const (
	warmUp   = 5e8 // nanoseconds
	measured = 1e9
	leastRun = 50
	mostRun  = 1 << 16
)

// bench measures the time of an inference on a generated input and prints it
// with what a reader needs to trust it: the machine, its clock before and
// after, its temperature.
func (j *Job) bench(m *runtime.Model, started int64) error {
	run, err := Timed(m, j.Limits)
	if err != nil {
		return Remedy(err)
	}
	load := sys.Now() - started
	first := run()
	least, most := j.Runs, j.Runs
	if j.Runs == 0 {
		least, most = leastRun, mostRun
		WarmUp(run, warmUp)
	}
	clock := cpuClock()
	times := Times(run, least, most, measured)
	info := m.Info()
	var f facts
	f.text("model", info.Name)
	f.text("machine", machine())
	f.text("system", goruntime.GOOS+"/"+goruntime.GOARCH)
	f.int("cores", int64(goruntime.NumCPU()), "")
	f.text("kernels", info.Kernels)
	f.int("file", int64(len(j.Model)), "bytes")
	f.as("bytes")
	f.real("load", micros(load), "us")
	f.real("first", micros(first), "us")
	f.int("runs", int64(len(times)), "")
	f.real("min", micros(times[0]), "us")
	f.real("median", micros(times[len(times)/2]), "us")
	f.real("p90", micros(times[len(times)*9/10]), "us")
	f.real("p99", micros(times[len(times)*99/100]), "us")
	f.real("max", micros(times[len(times)-1]), "us")
	f.int("MACs", info.MACs, "")
	f.int("MACs of kept weights", info.KeptMACs, "")
	f.as("kept_macs")
	f.real("speed", float64(info.MACs)/max(micros(times[len(times)/2]), 1e-3), "MMAC/s")
	f.real("allocations", allocations(run), "per run")
	if rss := status("VmHWM:"); rss > 0 {
		f.int("peak memory", int64(rss), "KiB")
	}
	f.text("governor", line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))
	if clock > 0 {
		f.int("clock before", int64(clock/1000), "MHz")
		f.int("clock after", int64(cpuClock()/1000), "MHz")
	}
	if t := number(line("/sys/class/thermal/thermal_zone0/temp")); t > 0 {
		f.real("temperature", float64(t)/1000, "°C")
	}
	if now := cpuClock(); clock > 0 && (now < clock*9/10 || now > clock*11/10) {
		f.text("warning", "the clock changed during the measurement; set the governor to performance and check supply and cooling")
	}
	if j.Layers {
		return j.profile(m, f)
	}
	return j.printFacts(f)
}

// allocations counts those of a run: the least of a few passes, since Go's
// runtime allocates now and then beside it.
func allocations(run func() int64) float64 {
	const passes, runs = 5, 4
	least := math.Inf(1)
	for range passes {
		var before, after goruntime.MemStats
		goruntime.ReadMemStats(&before)
		for range runs {
			run()
		}
		goruntime.ReadMemStats(&after)
		least = min(least, float64(after.Mallocs-before.Mallocs)/runs)
	}
	return least
}

func micros(ns int64) float64 { return float64(ns) / 1000 }

// machine names the board, or the processor.
func machine() string {
	if s := strings.Trim(line("/proc/device-tree/model"), "\x00"); s != "" {
		return s
	}
	data, _ := sys.ReadFile("/proc/cpuinfo")
	for l := range strings.SplitSeq(string(data), "\n") {
		key, value, _ := strings.Cut(l, ":")
		if key = strings.TrimSpace(key); key == "model name" || key == "Model" || key == "uarch" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// cpuClock returns the first core's clock in kHz, 0 if the system does not tell.
func cpuClock() int { return number(line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")) }

func line(path string) string {
	data, err := sys.ReadFile(path)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(first)
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// status returns a number of /proc/self/status.
func status(key string) int {
	data, _ := sys.ReadFile("/proc/self/status")
	_, rest, ok := strings.Cut(string(data), key)
	if !ok {
		return 0
	}
	if f := strings.Fields(rest); len(f) > 0 {
		return number(f[0])
	}
	return 0
}

// info describes the model.
func (j *Job) info(m *runtime.Model) error {
	i := m.Info()
	var f facts
	f.text("model", i.Name)
	f.shapes("input", i.Inputs, func(k int) int { return stateOf(i, k) })
	f.shapes("output", i.Outputs, nil)
	f.labels(i.Labels)
	f.int("file", int64(len(j.Model)), "bytes")
	f.as("bytes")
	f.int("weights", int64(i.Weights), "")
	f.int("weights kept", int64(i.Kept), "")
	f.as("kept")
	f.int("MACs", i.MACs, "")
	f.int("MACs of kept weights", i.KeptMACs, "")
	f.as("kept_macs")
	f.int("working memory", int64(i.Arena), "bytes")
	f.int("packed weights", int64(i.Memory), "bytes")
	if j.provenance != nil {
		f.raw("provenance", j.provenance)
	}
	return j.printFacts(f)
}
