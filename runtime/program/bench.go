//go:build !nobench

package program

import (
	"math"
	goruntime "runtime"
	"strconv"
	"strings"

	"edgec/runtime"
	"edgec/runtime/internal/sys"
)

// measures says whether the program has --bench. The build tag nobench leaves it out.
const measures = true

// warmUp is the time of runs before those that count, as in TFLite's benchmark_model.
const warmUp = 5e8 // nanoseconds

// bench measures the time of an inference on a generated input, on one core, and prints it
// with what a reader needs to trust it: the machine, its clock and temperature before and
// after, and warnings.
func (j *Job) bench(m *runtime.Model, started int64) error {
	run, err := Timed(m, j.Limits)
	if err != nil {
		return Remedy(err)
	}
	load := sys.Now() - started
	first := run()
	core, release := pin()
	defer release()
	if j.Timing.Runs == 0 || j.Timing.Duration > 0 {
		WarmUp(run, warmUp)
	}
	here := machine{}
	before := here.state(core)
	s := j.Timing.measure(run)
	after := here.state(core)
	var f facts
	info := m.Info()
	f.text("model", info.Name)
	here.facts(&f, core)
	f.text("kernels", info.Kernels)
	f.int("file", int64(len(j.Model)), "bytes")
	f.as("bytes")
	f.real("load", micros(load), "us")
	f.real("first", micros(first), "us")
	median := s.facts(&f)
	f.int("MACs", info.MACs, "")
	f.int("MACs of kept weights", info.KeptMACs, "")
	f.as("kept_macs")
	f.real("speed", float64(info.MACs)/max(median, 1e-3), "MMAC/s")
	f.int("working memory", int64(info.Arena), "bytes")
	f.int("packed weights", int64(info.Memory), "bytes")
	f.real("allocations", allocations(run), "per run")
	if rss := here.status("VmHWM:"); rss > 0 {
		f.int("peak memory", int64(rss), "KiB")
	}
	before.facts(&f, after)
	f.warnings(append(append(s.warnings(), changes(before, after)...), here.doubts()...))
	if j.Timing.Layers {
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

// measurement takes an option of --bench; known reports whether name is one.
func (j *Job) measurement(name string, o *option) (known bool, err error) {
	switch name {
	case "-bench":
		j.Action = Bench
		j.Timing.Runs, err = o.maybeCount()
		if j.Timing.Runs == 0 && j.Timing.Duration == 0 {
			j.Timing.Duration = boardDuration
		}
	case "-duration":
		j.Timing.Duration, err = o.duration()
	case "-layers":
		j.Timing.Layers = true
	default:
		return false, nil
	}
	return true, err
}

// maybeCount takes a value that is a number of something; without one it returns 0.
func (o *option) maybeCount() (int, error) {
	if o.given || len(o.rest) > 0 && number(o.rest[0]) > 0 {
		return o.count()
	}
	return 0, nil
}

// duration takes a value that is a time of at most an hour, in nanoseconds.
func (o *option) duration() (ns int64, err error) {
	s, err := o.text()
	if err != nil {
		return 0, err
	}
	for _, unit := range []struct {
		name string
		ns   float64
	}{{"ms", 1e6}, {"s", second}, {"m", 60 * second}, {"h", 3600 * second}} {
		number, ok := strings.CutSuffix(s, unit.name)
		if v, err := strconv.ParseFloat(number, 64); ok && err == nil && v*unit.ns >= 1 && v*unit.ns <= MaxDuration {
			return int64(v * unit.ns), nil
		}
	}
	return 0, Error(o.name + " " + s + ": give a time up to an hour with its unit, such as 10s")
}
