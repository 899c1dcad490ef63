package targets

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec/runtime"
)

// simulated returns the measurement of a network on a board of the given timing, with noise.
func simulated(t *testing.T, name string, b Board, truth Timing, noise float64, r *rand.Rand) Measurement {
	t.Helper()
	m := load(t, name)
	layers, err := m.LayersOn(truth.processor())
	if err != nil {
		t.Fatal(err)
	}
	k, counts := b.clock(workingSet(layers)), instructions.Processors[ProcessorName(truth.processor())]
	x := Measurement{Name: name, On: truth.processor(), Layers: layers}
	for _, l := range layers {
		x.Times = append(x.Times, truth.time(k.cost(counts, l))*math.Exp(noise*r.NormFloat64()))
	}
	return x
}

// The parameters of a board are found from times of its layers, those that time depends on, also
// where computing and memory overlap and with noise; networks that were left out are predicted.
func TestCalibrate(t *testing.T) {
	for _, name := range []string{"rpi-zero", "rpi-4"} {
		b := board(t, name)
		truth := timings[b.QEMU]
		truth.Dense, truth.List, truth.Other, truth.LayerNS = 2.2*truth.Dense, 1.3*truth.List, 0.6*truth.Other, 300
		r := rand.New(rand.NewPCG(1, 2))
		var ms []Measurement
		for _, file := range []string{"lenet-5.edgec", "lenet-5-2100.edgec", "lenet-300-100.edgec", "lenet-5-1200.edgec"} {
			ms = append(ms, simulated(t, file, b, truth, 0.03, r))
		}
		c, err := b.Calibrate(ms)
		if err != nil {
			t.Fatal(err)
		}
		got := *c.Board.Timing
		for what, v := range map[string][2]float64{"dense": {got.Dense, truth.Dense}, "other": {got.Other, truth.Other}} {
			if math.Abs(math.Log(v[0]/v[1])) > 0.12 {
				t.Errorf("%s: %s is %v, want %v", name, what, v[0], v[1])
			}
		}
		if !c.HeldOut || c.After > 1.12 || c.Before < 1.3 || c.After >= c.Before {
			t.Errorf("%s: held out %v, %v before and %v after", name, c.HeldOut, c.Before, c.After)
		}
		if got.Error < leastBar || got.Error > 0.12 || !strings.Contains(got.Basis, "calibrated by 4 networks") {
			t.Errorf("%s: %+v", name, got)
		}
		if b.Timing != nil {
			t.Error("the board of the table has changed")
		}
	}
}

// One network calibrates too, but promises less.
func TestCalibrateByOne(t *testing.T) {
	b := board(t, "rpi-5")
	truth := timings[b.QEMU]
	truth.Dense, truth.Other = 2*truth.Dense, 2*truth.Other
	m := simulated(t, "lenet-5.edgec", b, truth, 0, rand.New(rand.NewPCG(3, 4)))
	c, err := b.Calibrate([]Measurement{m})
	if err != nil || c.HeldOut || c.After < math.Exp(oneError) || math.Abs(c.Networks[0].After/c.Networks[0].Measured-1) > 0.1 {
		t.Errorf("%+v, %v", c, err)
	}
}

// Several measurements of one network are one network: it is never held out of a fit to itself, and
// the shortest times count.
func TestCalibrateBySameNetwork(t *testing.T) {
	b := board(t, "rpi-5")
	r := rand.New(rand.NewPCG(3, 4))
	first := simulated(t, "lenet-5.edgec", b, timings[b.QEMU], 0, r)
	again, changed := first, first
	first.Model, changed.Model, again.Name = "ab12", "ab12", "again" // no hash in what a program prints
	again.Times = slices.Clone(first.Times)
	again.Times[0] /= 2
	c, err := b.Calibrate([]Measurement{first, again, first})
	if err != nil || c.HeldOut || len(c.Networks) != 1 || c.Networks[0].Name != "lenet-5.edgec, again" || c.Board.Timing.Basis != "calibrated by 1 network" {
		t.Fatalf("%+v, %v", c, err)
	}
	if want := 1e6 * again.Sum(); math.Abs(c.Networks[0].Measured/want-1) > 1e-9 {
		t.Errorf("%v us, want %v", c.Networks[0].Measured, want)
	}
	other := simulated(t, "lenet-300-100.edgec", b, timings[b.QEMU], 0, r)
	if c, err = b.Calibrate([]Measurement{first, other, again}); err != nil || !c.HeldOut || len(c.Networks) != 2 || c.Board.Timing.Basis != "calibrated by 2 networks" {
		t.Errorf("%+v, %v", c, err)
	}
	changed.Layers = changed.Layers[1:]
	if _, err := b.Calibrate([]Measurement{first, changed}); err == nil || !strings.Contains(err.Error(), "are of one network, but of different versions of edgec") {
		t.Errorf("error %v", err)
	}
}

// Without times that tell of them, parameters keep what was assumed.
func TestCalibratePrior(t *testing.T) {
	b := board(t, "rpi-4")
	prior := timings[b.QEMU]
	m := simulated(t, "lenet-5.edgec", b, prior, 0, rand.New(rand.NewPCG(5, 6)))
	got := b.fit(prior, instructions.Processors["neon-64"], []Measurement{m})
	if got != prior {
		t.Errorf("%+v, want %+v", got, prior)
	}
}

func TestCalibrateErrors(t *testing.T) {
	b := board(t, "rpi-4")
	m := simulated(t, "lenet-5.edgec", b, timings["cortex-a72"], 0, rand.New(rand.NewPCG(5, 6)))
	other, strange, desktop, odd := m, m, m, m
	desktop.System, desktop.On.Kernels, odd.System = "linux/amd64", "avx2", "linux/mips"
	other.On.Kernels = "dotprod"
	strange.On.Kernels = "vnni"
	for want, c := range map[string]struct {
		b  Board
		ms []Measurement
	}{
		"no measurement": {b, nil},
		"lenet-5.edgec was measured on linux/amd64 with kernels avx2, but rpi-4 is arm64; measure on the board (edgec bench MODEL --on HOST --layers --save FILE), or name a board of amd64 such as linux-amd64": {b, []Measurement{m, desktop}},
		"measured on linux/mips with kernels neon, but rpi-4 is arm64": {b, []Measurement{odd}},
		"measurements of one processor":                                {b, []Measurement{m, other}},
		"no instructions were counted of vnni-64":                      {b, []Measurement{strange}},
		"the clock of linux-arm64 is not known":                        {board(t, "linux-arm64"), []Measurement{m}},
	} {
		if _, err := c.b.Calibrate(c.ms); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	m.MHz, m.System = 1812.4, "linux/arm64"
	if c, err := board(t, "linux-arm64").Calibrate([]Measurement{m}); err != nil || c.Board.MHz != 1812 {
		t.Errorf("%+v, %v", c.Board, err)
	}
}

// measurement is the JSON of a process with one layer that takes so many microseconds.
func measurement(us float64) string {
	layer := map[string]any{"op": "Dense", "shape": []int{10}, "kernel": "neon", "packed_weights_bytes": 900, "weight_bytes": 800, "activation_bytes": 70, "work": 0, "us": us,
		"counts": []map[string]any{{"form": "pixel", "products": 640, "runs": 1, "tiles": 1, "blocks": 1, "sums": 10, "parts": 1, "copied": 0}}}
	text, _ := json.Marshal(map[string]any{"system": "linux/arm", "kernels": "neon", "clock_after_mhz": 900.0, "layers": []any{layer}})
	return string(text)
}

// writeMeasurement writes a file kws.json.
func writeMeasurement(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kws.json")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Numbers are read as they were printed, and of several processes the shortest time counts.
func TestReadMeasurement(t *testing.T) {
	for _, text := range []string{measurement(2.5), `{"model_sha256":"ab12","processes":[` + measurement(4.5) + "," + measurement(2.5) + "]}"} {
		m, err := ReadMeasurement(writeMeasurement(t, text))
		if err != nil || m.Name != "kws" || m.System != "linux/arm" || m.On != (runtime.Processor{Kernels: "neon"}) || m.MHz != 900 || math.Abs(m.Sum()-2.5e-6) > 1e-12 {
			t.Fatalf("%+v, %v", m, err)
		}
		if m.Model != "" != strings.Contains(text, "ab12") {
			t.Errorf("model %q", m.Model)
		}
		want := runtime.Counts{Form: "pixel", Products: 640, Runs: 1, Tiles: 1, Blocks: 1, Sums: 10, Parts: 1}
		if l := m.Layers[0]; l.Memory != 900 || l.Weights != 800 || l.Activations != 70 || l.Counts[0] != want {
			t.Errorf("%+v", l)
		}
	}
}

// Files that are no measurement are refused in one line.
func TestReadMeasurementErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"processes":[` + measurement(2.5) + `,{}]}`: "different layers",
		`{"emulator":"qemu"}`:                         "under an emulator",
		"":                                            "is not JSON",
		"{}":                                          "has no times of layers",
		`{"layers":[{"op":"Dense","us":1}]}`:          "its layers have no counts",
		`{"layers":[{"op":"Dense","us":1,"activation_bytes":3,"counts":[{"sums":-1}]}]}`: "impossible numbers",
		`{"layers":[{"op":"Dense","us":-1}]}`:                                            "impossible numbers",
		`{"layers":[{"op":"Dense","us":0,"activation_bytes":3}]}`:                        "has no times of layers",
	} {
		if _, err := ReadMeasurement(writeMeasurement(t, text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := ReadMeasurement(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "give a file with what edgec bench") {
		t.Errorf("error %v", err)
	}
}
