package edgec

import (
	"errors"
	"fmt"
	"time"

	"edgec/prune"
)

// Recipe says what Compress is asked for. The outcome is the user's: a largest
// loss of accuracy, a largest file, a longest inference. Everything else is
// found by the search or has a default.
type Recipe struct {
	// MaxDrop is the largest loss of the metric on held-out samples that is
	// accepted, in points (percent of samples; percent of the float network's error for
	// one that reconstructs its input). With MaxSize or MaxLatency, 0 means not
	// asked for: the search looks for the least loss within these limits.
	// Files that keep a margin (see Point.Margin) are preferred to smaller ones
	// that just meet it.
	MaxDrop float64 `json:"max_drop"`
	// MaxSize is the largest file in bytes; 0: not asked for.
	MaxSize int `json:"max_size,omitempty"`
	// MaxLatency is the longest an inference may take on this machine, on one goroutine
	// and of one sample: the median of many runs of the very file by the runtime, which
	// is measured whenever a file is made; 0: not asked for. The result then depends on
	// the machine's speed, and on what else it does. The search can be resumed: what it
	// has measured is in its journal.
	MaxLatency time.Duration `json:"max_latency_ns,omitempty"`
	// Budget bounds the time; 0: none. The result then depends on the machine's
	// speed. The search without a budget counts work, not time.
	Budget time.Duration `json:"budget,omitempty"`
	// Seed makes runs different; equal seeds give equal files on one kind of CPU.
	Seed uint64 `json:"seed"`
	// NoLabels leaves labels aside: the float network is the teacher, and the
	// metric is agreement with it, or, for a network with as many outputs as inputs, the
	// distance from its outputs (TaskFidelity).
	NoLabels bool `json:"no_labels,omitempty"`
	// Teacher is the network whose answers training imitates (beside the labels); nil:
	// the network itself. Input and outputs have to be alike; losses are still measured
	// against the network itself. It needs labels: without them a loss is disagreement
	// with the network, which another teacher does not teach.
	Teacher *Model `json:"-"`
	// NoTraining takes no gradient steps: weights are pruned and rounded by what the
	// layers' inputs have in common. That takes seconds to minutes and some thousand
	// samples, and makes larger files than training does.
	NoTraining bool `json:"no_training,omitempty"`
	// TrainedOn says whether the network was trained on the training part of the
	// data: "yes", "no", or "" for yes if the data has a test part. It decides
	// which samples a drop is measured on; see Compress.
	TrainedOn string `json:"trained_on,omitempty"`
	// Threads is the number of goroutines; 0: GOMAXPROCS. It does not change results.
	Threads int `json:"-"`
	// Journal is a folder in which the search keeps what its stages have left and the
	// files that meet the recipe, so that one that was killed can be resumed; "": none.
	// It must not exist, unless Resume is set, and there is no Budget, since what fits
	// into one is another thing each time. Compress removes it when the search has
	// come to its end, and leaves it there when ctx ended it or the process died.
	Journal string `json:"-"`
	// Resume takes up the search whose Journal that is; network, data and recipe must
	// be the same, but for Threads. It ends in the file of a search that was never
	// interrupted.
	Resume bool `json:"-"`
	// Effort scales the number of training steps; 0: 1.
	Effort float64 `json:"effort,omitempty"`
	// Criterion is the importance that pruning ranks weights by; "": prune.Fisher.
	Criterion prune.Criterion `json:"criterion,omitempty"`
	// NoAugment trains on the samples as they are; otherwise images are turned,
	// scaled and shifted a little.
	NoAugment bool `json:"no_augment,omitempty"`
	// Labels are class names that the file carries, one for each output; none
	// by default, since they cost bytes.
	Labels []string `json:"labels,omitempty"`
}

// Validate returns every setting that is out of range, joined.
func (r Recipe) Validate() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf("edgec: "+format, a...)) }
	if !(r.MaxDrop >= 0 && r.MaxDrop <= 100) {
		bad("max drop is %v points; give 0 to 100", r.MaxDrop)
	}
	if r.MaxSize < 0 {
		bad("max size is %d bytes; give a positive size", r.MaxSize)
	}
	if r.MaxLatency < 0 {
		bad("max latency is %v; give a positive time", r.MaxLatency)
	}
	if r.Budget < 0 {
		bad("budget is %v; give a positive time", r.Budget)
	}
	if !(r.Effort >= 0 && r.Effort <= 100) {
		bad("effort is %v; give 0 to 100", r.Effort)
	}
	if r.TrainedOn != "" && r.TrainedOn != "yes" && r.TrainedOn != "no" {
		bad("trained on is %q; give yes or no, or leave it out", r.TrainedOn)
	}
	if r.Teacher != nil && r.NoTraining {
		bad("there is a teacher but no training; leave one out")
	}
	if r.Resume && r.Journal == "" {
		bad("there is no journal to resume a search from; name it")
	}
	if r.Journal != "" && r.Budget > 0 {
		bad("a search with a budget cannot be resumed; leave out the budget or the journal")
	}
	if err := r.Criterion.Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// limitsOnly reports that size or time alone are asked for, and no drop.
func (r Recipe) limitsOnly() bool { return (r.MaxSize > 0 || r.MaxLatency > 0) && r.MaxDrop == 0 }

// meets reports whether a file of the given size, drop and latency is what was asked for.
func (r Recipe) meets(size int, drop float64, t time.Duration) bool {
	return r.within(size, t) && (r.limitsOnly() || drop <= r.MaxDrop)
}

// within reports whether a file is neither too large nor too slow.
func (r Recipe) within(size int, t time.Duration) bool {
	return (r.MaxSize == 0 || size <= r.MaxSize) && (r.MaxLatency == 0 || t <= r.MaxLatency)
}
