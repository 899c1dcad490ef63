package edgec

import (
	"slices"
	"time"

	"edgec/runtime/format"
)

// Report is what Compress found.
type Report struct {
	Model       string  `json:"model"`
	Recipe      Recipe  `json:"recipe"`
	Teacher     string  `json:"teacher,omitempty"` // the name of another network that was imitated
	TrainedOn   bool    `json:"trained_on"`        // the float network knows the training data; see Compress
	Task        string  `json:"task"`              // what the metric counts; see Task
	FloatBytes  int     `json:"float_bytes"`       // of the file that was read
	FloatParams int     `json:"float_params"`      // weights and biases
	FloatMACs   int64   `json:"float_macs"`
	Float       Metrics `json:"float"`                 // the float network, what drops are taken from
	Test        *Tested `json:"test,omitempty"`        // on the test set, measured once at the end
	Best        Point   `json:"best"`                  // the answer
	Front       []Point `json:"front"`                 // Pareto front of size and held-out drop, by size
	Tried       []Point `json:"tried"`                 // every file that was made, in order
	Stages      []Stage `json:"stages"`                // what the search did
	Interrupted string  `json:"interrupted,omitempty"` // why the search ended early
	Seconds     float64 `json:"seconds"`
}

// Tested compares the float network with the chosen file on the test set.
type Tested struct {
	Float Metrics `json:"float"`
	File  Metrics `json:"file"`
}

// Point is one file, measured by the runtime.
type Point struct {
	Size      int           `json:"size"`                 // bytes of the file
	Drop      float64       `json:"drop"`                 // against the float network, on the samples that decide, in points
	DropError float64       `json:"drop_error"`           // standard error of Drop (paired samples)
	Margin    float64       `json:"margin"`               // that the answer keeps where it can, in points: DropError, and up to 0.1 for what the float network knows of these samples; all of it where weights were rounded without pruning
	Metrics   Metrics       `json:"metrics"`              // of the file, on the same samples
	Kept      int           `json:"kept"`                 // weights and biases that are not zero
	Weights   int           `json:"weights"`              // weights and biases in the file's shapes, zeros included
	MACs      int64         `json:"macs"`                 // of one inference with the file's shapes
	Latency   time.Duration `json:"latency_ns,omitempty"` // of an inference on this machine, the median; 0: not asked for, see Recipe.MaxLatency
	Centroids int           `json:"centroids"`            // largest codebook; 0: no sharing
	Sizes     *format.Sizes `json:"sizes"`                // where the bytes went
	Meets     bool          `json:"meets"`                // what the recipe asked for
	Bytes     []byte        `json:"-"`

	barred bool // is no answer: another file of the same weights has less loss, or it has lost more than it seems to
}

// Stage is one step of the search.
type Stage struct {
	Name     string  `json:"name"`
	Params   int     `json:"params"` // weights and biases in the shapes after it
	Kept     int     `json:"kept"`   // those that are kept
	MACs     int64   `json:"macs"`
	Drop     float64 `json:"drop"` // held out, of the float simulation
	Accepted bool    `json:"accepted"`
	Note     string  `json:"note,omitempty"`
	Seconds  float64 `json:"seconds"`
}

// Progress tells what Compress is doing. Done and Total count the steps of
// the stage; Note holds the latest result.
type Progress struct {
	Stage       string
	Done, Total int
	Note        string
}

// front returns the points that no other beats in both size and drop, by size.
func front(ps []Point) []Point {
	sorted := slices.Clone(ps)
	slices.SortStableFunc(sorted, func(a, b Point) int {
		if a.Size != b.Size {
			return a.Size - b.Size
		}
		switch {
		case a.Drop < b.Drop:
			return -1
		case a.Drop > b.Drop:
			return 1
		}
		return 0
	})
	var f []Point
	for _, p := range sorted {
		if len(f) == 0 || p.Drop < f[len(f)-1].Drop {
			f = append(f, p)
		}
	}
	return f
}

// safe reports whether the point meets the recipe with a part of its margin.
// The whole margin is one standard error of the drop (Breiman et al. 1984,
// section 3.4.3), with which the drop is right in 84 % of random draws of held-out
// samples, and what the float network may know of these (see mostMemory).
func (p Point) safe(r Recipe, part float64) bool {
	return r.meets(p.Size, p.Drop+part*p.Margin, p.Latency)
}

// best chooses the answer among the points that meet the recipe with their
// margin (see Point.safe); if there is none, with half of the margin, or without:
// for a size or a time the least drop, otherwise the smallest file; of equals the one
// that is better in the other. ok is false when no point meets the recipe.
func best(ps []Point, r Recipe) (p Point, ok bool) {
	for _, part := range []float64{1, 0.5, 0} {
		for _, q := range ps {
			if q.barred || !q.safe(r, part) {
				continue
			}
			better := q.Size < p.Size || q.Size == p.Size && q.Drop < p.Drop
			if r.limitsOnly() {
				better = q.Drop < p.Drop || q.Drop == p.Drop && q.Size < p.Size
			}
			if !ok || better {
				p, ok = q, true
			}
		}
		if ok {
			return p, true
		}
	}
	return p, false
}
