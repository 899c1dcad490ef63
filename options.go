package edgec

import (
	"errors"
	"fmt"
	"time"

	"edgec/internal/search"
	"edgec/prune"
)

// Options say what Compress is asked for. The outcome is the user's: a largest
// loss of accuracy, a largest file, a longest inference, or several of them. The
// search finds everything else. The zero value asks for the smallest file that
// loses nothing.
type Options struct {
	// MaxDrop is the largest loss of the metric on held-out samples, in points
	// (see Metrics.Error), 0 to 100. nil asks for the least loss within MaxSize
	// and MaxLatency, or for 0 where neither is given. Files that keep a margin
	// (see File.Margin) are preferred to smaller ones that just meet the limit.
	MaxDrop *float64 `json:"max_drop,omitempty"`
	// MaxSize is the largest file in bytes; 0: not asked for.
	MaxSize int `json:"max_size,omitempty"`
	// MaxLatency is the longest an inference may take on this machine, on one
	// goroutine and of one sample: the median of many runs of the very file; 0: not
	// asked for. The result then depends on the speed of the machine, and on what
	// else it does.
	MaxLatency time.Duration `json:"max_latency_ns,omitempty"`
	// Budget bounds the time of the search; 0: no bound. The result then depends
	// on the speed of the machine. A search without a budget counts work, not time.
	Budget time.Duration `json:"budget_ns,omitempty"`
	// Spent is the time of Budget that has passed before Compress, by reading the samples say.
	Spent time.Duration `json:"-"`
	// Seed makes runs different; equal seeds give equal files on one kind of CPU.
	Seed uint64 `json:"seed"`
	// Effort scales the number of training steps, to 100; 0: 1.
	Effort float64 `json:"effort,omitempty"`
	// NoTraining takes no gradient steps: weights are pruned and rounded by what
	// the inputs of the layers have in common. That needs seconds to minutes and a
	// few thousand samples, and makes larger files than training does.
	NoTraining bool `json:"no_training,omitempty"`
	// NoLabels leaves labels aside: the float network is the teacher, and the
	// metric is agreement with it, or, for a network with as many outputs as
	// inputs, the distance from its outputs.
	NoLabels bool `json:"no_labels,omitempty"`
	// TrainedOn says whether the network was trained on the training part of the
	// data: "yes", "no", or "" for yes if the data has a test part. It decides
	// which samples a drop is measured on; see Compress.
	TrainedOn string `json:"trained_on,omitempty"`
	// Teacher is the network whose answers training imitates, beside the labels;
	// nil: the network itself. Inputs and outputs must be alike. Losses are still
	// measured against the network itself. A teacher needs labels: without them a
	// loss is disagreement with the network, which another teacher does not teach.
	Teacher *Model `json:"-"`
	// Criterion is the importance that pruning ranks weights by; "": prune.Fisher.
	Criterion prune.Criterion `json:"criterion,omitempty"`
	// NoAugment trains on the samples as they are; otherwise pictures are turned,
	// scaled and shifted a little.
	NoAugment bool `json:"no_augment,omitempty"`
	// Labels are class names that the file carries, one for each output; nil:
	// none, since they cost bytes.
	Labels []string `json:"labels,omitempty"`
	// Threads is the number of goroutines; 0: GOMAXPROCS. It changes no result.
	Threads int `json:"-"`
	// Journal is a folder in which the search keeps what its stages have left and
	// the files that meet the limits, so that a search that was killed can be
	// resumed; "": none. The folder must not exist unless Resume is set, and there
	// must be no Budget. Compress removes it when the search has come to its end.
	Journal string `json:"-"`
	// Resume takes up the search whose Journal that is. Network, data and options
	// must be the same, except Threads. It ends in the file of a search that was
	// never interrupted.
	Resume bool `json:"-"`
	// Progress is told what the search is doing; nil: nothing is.
	Progress func(Progress) `json:"-"`
}

// Validate returns every setting that is out of range, joined.
func (o Options) Validate() error {
	err := o.config().Validate()
	if o.Teacher != nil && o.NoTraining {
		err = errors.Join(err, fmt.Errorf("edgec: there is a teacher but no training; leave one out"))
	}
	return err
}

// config returns the options as the search has them.
func (o Options) config() search.Config {
	return search.Config{
		Objective:  search.Objective{MaxDrop: o.MaxDrop, MaxSize: o.MaxSize, MaxLatency: o.MaxLatency},
		Budget:     o.Budget,
		Spent:      o.Spent,
		Seed:       o.Seed,
		Threads:    o.Threads,
		Data:       search.DataUse{NoLabels: o.NoLabels, TrainedOn: o.TrainedOn, NoAugment: o.NoAugment},
		Journal:    search.JournalUse{Folder: o.Journal, Resume: o.Resume},
		NoTraining: o.NoTraining,
		Effort:     o.Effort,
		Criterion:  o.Criterion,
		Labels:     o.Labels,
	}
}

// Progress tells what Compress is doing. An event of the Stage "stage" says by its
// Title that one of the search's stages begins, or by its Note which are passed over.
type Progress struct {
	Stage       string        // what runs: a step of the search, or a part of one
	Done, Total int           // parts of it; Total 0: they are not counted
	Note        string        // the latest result, or ""
	Title       string        // of the stage that begins, in words, or ""
	Number, Of  int           // of the stage that runs, and of all: 1 to Of, in order
	Left        time.Duration // until the search ends: of a budget what is left, otherwise an estimate; 0: not known
}
