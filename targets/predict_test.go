package targets

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"edgec/runtime"
)

// load reads a committed network.
func load(t *testing.T, name string) *runtime.Model {
	t.Helper()
	data, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := runtime.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// board finds a board of the table.
func board(t *testing.T, name string) Board {
	t.Helper()
	b, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Counts under the emulator, of docs/SPEED.md, are what is predicted of these networks, which no
// rate was fitted to.
func TestInstructions(t *testing.T) {
	for _, c := range []struct {
		network, board string
		counted        float64
	}{
		{"lenet-5-1200.edgec", "rpi-zero-2w", 311e3}, {"lenet-5-1200.edgec", "rpi-4", 311e3}, {"lenet-5-1200.edgec", "rpi-5", 191e3},
		{"lenet-5-1200.edgec", "rpi-2", 471e3}, {"lenet-5-1200.edgec", "rpi-zero", 1264e3},
		{"lenet-300-100-1900.edgec", "rpi-3", 43e3}, {"lenet-300-100-1900.edgec", "rpi-zero", 87e3},
	} {
		p, err := board(t, c.board).Predict(load(t, c.network))
		if err != nil {
			t.Fatal(err)
		}
		if off := float64(p.Instructions)/c.counted - 1; math.Abs(off) > 0.15 {
			t.Errorf("%s on %s: %d instructions, counted %.0f: %+.0f %%", c.network, c.board, p.Instructions, c.counted, 100*off)
		}
	}
}

// A prediction adds up, its bounds are around it, a faster board is faster, and boards without a
// clock have none.
func TestPredict(t *testing.T) {
	m := load(t, "lenet-5.edgec")
	last := time.Duration(math.MaxInt64)
	for _, name := range []string{"rpi-1", "rpi-zero", "rpi-2", "rpi-zero-2w", "rpi-4", "rpi-5"} {
		p, err := board(t, name).Predict(m)
		if err != nil {
			t.Fatal(err)
		}
		if p.Time >= last {
			t.Errorf("%s takes %v, the slower board %v", name, p.Time, last)
		}
		last = p.Time
		sum := time.Duration(0)
		for _, l := range p.Layers {
			sum += l.Time
			if !(0 < l.Least && l.Least < l.Time && l.Time < l.Most) {
				t.Errorf("%s: %s takes %v, %v to %v", name, l.Op, l.Time, l.Least, l.Most)
			}
		}
		if sum != p.Time || !(p.Least < p.Time && p.Time < p.Most) || p.Most > 3*p.Least {
			t.Errorf("%s: %v, layers %v, %v to %v", name, p.Time, sum, p.Least, p.Most)
		}
		if info := m.Info(); p.Memory < info.Session || p.Memory > info.Session+2*int64(info.Memory) {
			t.Errorf("%s: %d bytes", name, p.Memory)
		}
	}
	for _, b := range Boards {
		_, err := b.Predict(m)
		if (err == nil) != (b.MHz > 0) || err != nil && !strings.Contains(err.Error(), "times on "+b.Name+" cannot be predicted") {
			t.Errorf("%s: %v", b.Name, err)
		}
	}
}

// Memory decides only where a network does not fit into the caches.
func TestMemoryBound(t *testing.T) {
	m := load(t, "lenet-300-100.edgec")
	b := board(t, "rpi-zero-2w")
	in, err := b.Predict(m)
	if err != nil {
		t.Fatal(err)
	}
	b.L1, b.L2, b.Bandwidth = 1, 1, 10
	out, _ := b.Predict(m)
	if out.Time < 2*in.Time || out.Layers[0].Bound == in.Layers[0].Bound && out.Layers[len(out.Layers)-1].Bound != "memory" {
		t.Errorf("%v in caches, %v from slow memory: %+v", in.Time, out.Time, out.Layers)
	}
	// 10 MB/s: all weights and activations that a run touches take at least so long
	weights := 0
	for _, l := range out.Layers {
		weights += l.Memory
	}
	if least := time.Duration(0.8 * float64(weights) / 10e6 * 1e9); out.Time < least { // less the scales, which are not read each time
		t.Errorf("%v, but the weights alone take %v", out.Time, least)
	}
}

// Energy is time times the power above idle of one core, and classes are powers of ten.
func TestEnergy(t *testing.T) {
	b := board(t, "rpi-zero")
	if got, want := b.energy(0.5), 1000*0.5*(1.2-0.4); math.Abs(got-want) > 1e-9 {
		t.Errorf("%v mJ, want %v", got, want)
	}
	b.Idle = 0
	if got := b.energy(1); got != 0 {
		t.Errorf("%v mJ on a board of unknown power", got)
	}
	for mj, want := range map[float64]string{0: "", 0.09: "A", 0.1: "B", 5: "C", 99: "D", 100: "E"} {
		if got := energyClass(mj); got != want {
			t.Errorf("%v mJ: class %q, want %q", mj, got, want)
		}
	}
}

// The table has rates for every form of weights on every processor that boards have.
func TestInstructionTable(t *testing.T) {
	if instructions.Command == "" || instructions.Emulator == "" {
		t.Error("the table does not say what measured it")
	}
	for core, timing := range timings {
		c, ok := instructions.Processors[ProcessorName(timing.processor())]
		if !ok || !(c.LayerError > 0 && c.LayerError < 0.3) || !(c.NetworkError > 0 && c.NetworkError < 0.2) {
			t.Errorf("%s: %v, errors %v and %v", core, ok, c.LayerError, c.NetworkError)
		}
		rows := []string{"tiles", "pixel", "list", "go", "lanes", "taps", "MaxPool", "AvgPool", "Add", "LUT", OtherRow}
		if name := ProcessorName(timing.processor()); strings.HasPrefix(name, "neon") || strings.HasPrefix(name, "dotprod") {
			rows = append(rows, "rows") // depthwise 3x3
		}
		for _, row := range rows {
			r := c.Rows[row].rates()
			sum := 0.0
			for _, v := range r {
				if !(v >= 0) {
					t.Errorf("%s: %s has %v", core, row, r)
				}
				sum += v
			}
			if sum == 0 {
				t.Errorf("%s has no rates of %s", core, row)
			}
		}
	}
}
