package search_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"edgec/internal/deep"
	"edgec/internal/search"
	"edgec/runtime/format"
)

// TestPooling: where dense layers read pictures, neighbouring pixels share weights while the
// drop stays within its limit, for a small size and within a drop.
func TestPooling(t *testing.T) {
	for _, c := range []struct {
		name     string
		drop     float64
		size     int
		lost     float64 // points on the test part
		thorough float64 // effort where EDGEC_DEEP is set
		deep     bool
	}{{"a size", 0, 400, 7, 0.2, false}, {"a drop", 4, 0, 5, 1, true}} {
		t.Run(c.name, func(t *testing.T) {
			if c.deep {
				deep.Only(t)
			}
			p, r := get(t, perceptron), quick()
			r.MaxDrop, r.MaxSize, r.Effort = c.drop, c.size, effort(0.1, c.thorough)
			res := compress(t, p, r)
			sound(t, p, r, res)
			checkPooling(t, res, 32*4*side*side+4*32)
			if m, err := format.Decode(res.Best.Bytes); err != nil || m.Instrs[0].Op != format.OpAvgPool {
				t.Errorf("the file starts with %v, %v", m.Instrs[0].Op, err)
			}
			t.Logf("%d bytes, error %v, float %v", res.Best.Size(), res.Test.File.Error, res.Test.Float.Error)
			if lost := res.Test.File.Error - res.Test.Float.Error; lost > c.lost {
				t.Errorf("the file loses %v points", lost)
			}
		})
	}
}

// checkPooling: pixels were pooled, each time to fewer weights, and that ended at the first
// time that was not accepted.
func checkPooling(t *testing.T, res *search.Result, params int) {
	t.Helper()
	refused := 0
	for _, s := range res.Steps {
		if s.Name != "pooling" {
			continue
		}
		if s.Shape.Params >= params {
			t.Errorf("%d weights are left of %d", s.Shape.Params, params)
		}
		if params = s.Shape.Params; !s.Accepted {
			refused++
		}
	}
	if pooled := accepted(res, "pooling"); pooled == 0 || refused > 1 {
		t.Errorf("pixels were pooled %d times, and refused %d times", pooled, refused)
	}
	names := stepNames(res)
	if slices.Index(names, "learning rate") > slices.Index(names, "pooling") || slices.Index(names, "pooling") > slices.Index(names, "prune") {
		t.Errorf("the steps come in the order %q", names)
	}
}

// checkCuts: each cut leaves fewer multiplications; it returns how many are left, and the
// number of cuts.
func checkCuts(t *testing.T, res *search.Result, before int64) (int64, int) {
	t.Helper()
	for _, s := range res.Steps {
		if s.Name != "channels" {
			continue
		}
		if s.Shape.MACs >= before {
			t.Errorf("a cut left %d of %d multiplications", s.Shape.MACs, before)
		}
		if s.Accepted {
			before = s.Shape.MACs
		}
	}
	return before, accepted(res, "channels")
}

// narrowed walks the stages to channel pruning, by the clock of shapes.
func narrowed(t *testing.T, limit time.Duration) *search.Result {
	t.Helper()
	r := quick()
	r.Effort, r.MaxLatency = 0.01, limit
	s := study(t, get(t, wideClassification), r)
	s.SetClock(byShape)
	steps, err := s.Walk(3)
	if err != nil {
		t.Fatal(err)
	}
	return &search.Result{Steps: steps}
}

// unhurried is narrowed within a time that is no limit, and says of each stage whether it left
// what it was given unchanged.
func unhurried(t *testing.T) (*search.Result, map[string]bool) {
	unhurriedOnce.Do(func() {
		restore := search.WatchStages(func(name string, unchanged bool) { unhurriedEnded[name] = unchanged })
		defer restore()
		unhurriedResult = narrowed(t, time.Second)
	})
	return unhurriedResult, unhurriedEnded
}

var (
	unhurriedOnce   sync.Once
	unhurriedResult *search.Result
	unhurriedEnded  = map[string]bool{}
)

// TestChannels: a network that is worth it gets narrower, cut by cut, before single weights
// are pruned.
func TestChannels(t *testing.T) {
	res, _ := unhurried(t)
	if left, cuts := checkCuts(t, res, search.MACs(get(t, wideClassification).model(t).Graph)); cuts == 0 {
		t.Errorf("%d cuts to %d multiplications", cuts, left)
	}
}

// TestChannelsOfFile: the file is as narrow as the network.
func TestChannelsOfFile(t *testing.T) {
	deep.Only(t)
	p, r := get(t, wideClassification), quick()
	r.Effort = 0.01
	res := compress(t, p, r)
	sound(t, p, r, res)
	left, cuts := checkCuts(t, res, search.MACs(p.model(t).Graph))
	if cuts == 0 || res.Best.Shape.MACs > left {
		t.Errorf("%d cuts to %d multiplications, the file has %d", cuts, left, res.Best.Shape.MACs)
	}
}
