package search

import (
	"errors"
	"fmt"
	"math"
	"time"

	"edgec/prune"
)

// Config says what a search is asked for, and how.
type Config struct {
	Objective Objective
	// Budget bounds the time; 0: none. The result then depends on the machine's
	// speed. A search without a budget counts work, not time.
	Budget time.Duration
	// Spent is the time of it that has passed before the search.
	Spent time.Duration `json:"-"`
	// Seed makes searches different; equal seeds give equal files on one kind of
	// CPU.
	Seed uint64
	// Threads is the number of goroutines; 0: GOMAXPROCS. It changes no result.
	Threads int `json:"-"`
	// Data says how samples are used.
	Data DataUse
	// Journal is where the search keeps what its stages have left.
	Journal JournalUse `json:"-"`
	// NoTraining takes no gradient steps.
	NoTraining bool
	// Effort scales the number of training steps; 0: 1.
	Effort float64
	// Criterion is the importance that pruning ranks weights by; "": Fisher.
	Criterion prune.Criterion
	// Labels are class names that the file carries, one for each output, or none.
	Labels []string
}

// DataUse says how samples are used.
type DataUse struct {
	// NoLabels leaves labels aside: the float network is the teacher and the
	// reference.
	NoLabels bool
	// TrainedOn says whether the network was trained on the training part: "yes",
	// "no", or "" for yes if the data has a test part.
	TrainedOn string
	// NoAugment trains on the samples as they are.
	NoAugment bool
}

// JournalUse says where a search is recorded.
type JournalUse struct {
	Folder string // "": nowhere
	Resume bool   // take up the search that the folder holds
}

// Validate returns every setting that is out of range, joined.
func (c Config) Validate() error {
	errs := []error{c.Objective.validate()}
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf("edgec: "+format, a...)) }
	if c.Budget < 0 {
		bad("budget is %v; give a positive time", c.Budget)
	}
	if !(c.Effort >= 0 && c.Effort <= 100) {
		bad("effort is %v; give 0 to 100", c.Effort)
	}
	if t := c.Data.TrainedOn; t != "" && t != "yes" && t != "no" {
		bad("trained on is %q; give yes or no, or leave it out", t)
	}
	if c.Journal.Resume && c.Journal.Folder == "" {
		bad("there is no journal to resume a search from; name it")
	}
	if c.Journal.Folder != "" && c.Budget > 0 {
		bad("a search with a budget cannot be resumed; leave out the budget or the journal")
	}
	if err := c.Criterion.Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// effort returns the factor of the number of training steps.
func (c Config) effort() float64 {
	if c.Effort == 0 {
		return 1
	}
	return c.Effort
}

// reassignment is the fraction of a fine-tuning in which weights choose their
// centroids anew.
func (c Config) reassignment() float64 { return reassignFraction / math.Max(1, c.Effort) }
