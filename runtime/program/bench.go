package program

import (
	"math"
	goruntime "runtime"

	"edgec/runtime"
	"edgec/runtime/internal/sys"
)

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

func micros(ns int64) float64 { return float64(ns) / 1000 }

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
