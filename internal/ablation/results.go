package ablation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"edgec/internal/disk"
)

// Recipe is what a run asks for.
type Recipe string

// The recipes.
const (
	Drop Recipe = "drop" // the smallest file within a drop
	Size Recipe = "size" // the least error within a size
)

// Key names a run: the values of all constants, and what they were measured on.
type Key struct {
	ID      string  `json:"id"` // see File.ID
	Network string  `json:"network"`
	Recipe  Recipe  `json:"recipe"`
	Seed    uint64  `json:"seed"`
	Effort  float64 `json:"effort"`
}

// Run is one measured search.
type Run struct {
	Key
	Bytes   int     `json:"bytes,omitempty"`
	Error   float64 `json:"error"`             // on the test part, percent
	Samples int     `json:"samples,omitempty"` // of the test part
	Steps   int     `json:"steps,omitempty"`   // training steps
	Seconds float64 `json:"seconds"`           // of CPU time
	File    string  `json:"file,omitempty"`    // the start of its SHA-256
	Failed  string  `json:"failed,omitempty"`  // why there is no file
}

// Subject is a network, and what is asked for on it.
type Subject struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Drop string `json:"drop"` // by the recipe Drop
	Size string `json:"size"` // by the recipe Size
}

// Results are what was varied and the runs so far. The page is made of them alone, so
// that it stays when constants change.
type Results struct {
	Source   string             `json:"source"`   // the file that was measured
	Tree     string             `json:"tree"`     // tells the other sources apart
	Short    map[string]float64 `json:"short"`    // constants with other values than in the file, so that searches are short; Source has them
	Levels   map[string]Level   `json:"levels"`   // of the constants that are varied
	Aside    []Aside            `json:"aside"`    // those that are not
	Subjects []Subject          `json:"subjects"` // the networks
	Runs     []Run              `json:"runs"`     // in the order in which they were measured

	index map[Key]int // of the runs; see Find
}

// Load reads results; a file that is not there has none.
func Load(path string) (*Results, error) {
	r := &Results{}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ablation: %w", err)
	}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("ablation: %s: %w; restore it, or remove it to measure anew", path, err)
	}
	return r, nil
}

// Save writes the results, one run a line.
func (r *Results) Save(path string) error {
	head := Results{Source: r.Source, Tree: r.Tree, Short: r.Short, Levels: r.Levels, Aside: r.Aside, Subjects: r.Subjects}
	b, err := json.MarshalIndent(head, "", "\t")
	if err != nil {
		return fmt.Errorf("ablation: %w", err)
	}
	b = append(bytes.TrimSuffix(b, []byte("null\n}")), '[')
	for i, run := range r.Runs {
		line, err := json.Marshal(run)
		if err != nil {
			return fmt.Errorf("ablation: %w", err)
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, "\n\t\t"...), line...)
	}
	b = append(b, "\n\t]\n}\n"...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("ablation: %w", err)
	}
	return disk.Write(path, b, 0o644)
}

// Find returns the run of a key, nil where there is none. Runs are only appended, and
// have different keys.
func (r *Results) Find(k Key) *Run {
	if r.index == nil {
		r.index = map[Key]int{}
	}
	for i := len(r.index); i < len(r.Runs); i++ {
		r.index[r.Runs[i].Key] = i
	}
	if i, ok := r.index[k]; ok {
		return &r.Runs[i]
	}
	return nil
}

// Response is what is compared between a run and the base run of the same network,
// recipe and seed.
type Response string

// The responses: logarithms of ratios to the base, so that they have no dimension.
const (
	SizeAtDrop  Response = "size"  // of the file, bytes, by the recipe Drop
	ErrorAtSize Response = "error" // on the test part, by the recipe Size
	Work        Response = "work"  // training steps, mean of the recipes
)

// Responses lists them in the order of the page.
var Responses = []Response{SizeAtDrop, ErrorAtSize, Work}

// largest bounds a response: a factor of e. A run without a file counts as that, since
// it has no size, and would outweigh all others if it had a large one.
const largest = 1

// Respond returns a response of values with an ID against the base; ok is false where
// one of the runs is not there.
func (r *Results) Respond(what Response, id, base string, at Replicate) (y float64, ok bool) {
	n := 0
	for _, recipe := range map[Response][]Recipe{SizeAtDrop: {Drop}, ErrorAtSize: {Size}, Work: {Drop, Size}}[what] {
		b := r.Find(at.Key(base, recipe))
		if b == nil {
			continue // a network may be measured by one recipe alone
		}
		a := r.Find(at.Key(id, recipe))
		if a == nil || b.Failed != "" {
			return 0, false
		}
		y += compare(what, *a, *b)
		n++
	}
	return y / float64(max(n, 1)), n > 0
}

// compare is the response of one run against the base.
func compare(what Response, a, b Run) float64 {
	if a.Failed != "" {
		if what == Work {
			return 0
		}
		return largest
	}
	y := 0.0
	switch what {
	case SizeAtDrop:
		y = math.Log(float64(a.Bytes) / float64(b.Bytes))
	case ErrorAtSize:
		half := 50 / float64(max(b.Samples, 1)) // of a sample, in percent: no error has a logarithm
		y = math.Log((a.Error + half) / (b.Error + half))
	case Work:
		y = math.Log(float64(max(a.Steps, 1)) / float64(max(b.Steps, 1)))
	}
	return math.Max(-largest, math.Min(largest, y))
}

// Replicate is what values are measured on once.
type Replicate struct {
	Network string
	Seed    uint64
	Effort  float64
}

// Replicates returns the networks, seeds and efforts that values with an ID were
// measured on, in the order of the runs.
func (r *Results) Replicates(id string) []Replicate {
	var all []Replicate
	for _, run := range r.Runs {
		at := Replicate{run.Network, run.Seed, run.Effort}
		if run.ID == id && !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	return all
}

// Key is the key of values with an ID on the replicate.
func (r Replicate) Key(id string, recipe Recipe) Key {
	return Key{id, r.Network, recipe, r.Seed, r.Effort}
}

// Same reports whether values with an ID gave the very files of the base, in all runs
// of the replicates that are there; ok is false without any.
func (r *Results) Same(id, base string, all []Replicate) (same, ok bool) {
	same = true
	for _, at := range all {
		for _, recipe := range []Recipe{Drop, Size} {
			a, b := r.Find(at.Key(id, recipe)), r.Find(at.Key(base, recipe))
			if a == nil || b == nil {
				continue
			}
			ok = true
			same = same && a.File == b.File
		}
	}
	return same && ok, ok
}
