package search

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestConfigValidate(t *testing.T) {
	all := Config{Objective: Objective{MaxSize: 1, MaxLatency: 1}, Budget: 1, Effort: 100, Data: DataUse{TrainedOn: "yes"}, Criterion: "input"}
	most := 100.0
	all.Objective.MaxDrop = &most
	for _, c := range []Config{{}, {Objective: within(0)}, all, {Data: DataUse{TrainedOn: "no"}, Criterion: "magnitude"}, {Journal: JournalUse{"j", true}}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	tests := []struct {
		name string
		c    Config
		says []string
	}{
		{"drop", Config{Objective: within(-0.1)}, []string{"max drop is -0.1"}},
		{"drop beyond", Config{Objective: within(101)}, []string{"max drop is 101"}},
		{"drop of NaN", Config{Objective: within(math.NaN())}, []string{"max drop is NaN"}},
		{"size", Config{Objective: Objective{MaxSize: -1}}, []string{"max size is -1"}},
		{"latency", Config{Objective: Objective{MaxLatency: -time.Millisecond}}, []string{"max latency is -1ms"}},
		{"budget", Config{Budget: -1}, []string{"budget is -1ns"}},
		{"effort", Config{Effort: -1}, []string{"effort is -1"}},
		{"effort beyond", Config{Effort: 1e9}, []string{"effort is 1e+09"}},
		{"effort of NaN", Config{Effort: math.NaN()}, []string{"effort is NaN"}},
		{"trained on", Config{Data: DataUse{TrainedOn: "perhaps"}}, []string{`trained on is "perhaps"`}},
		{"criterion", Config{Criterion: "size"}, []string{`criterion "size"`}},
		{"no journal", Config{Journal: JournalUse{Resume: true}}, []string{"no journal to resume"}},
		{"a journal and a budget", Config{Journal: JournalUse{Folder: "j"}, Budget: 1}, []string{"cannot be resumed"}},
		{"all problems at once", Config{Objective: Objective{MaxDrop: within(-1).MaxDrop, MaxSize: -1}, Effort: -1}, []string{"max drop", "max size", "effort"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.c.Validate()
			if err == nil {
				t.Fatal("accepted")
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("message %q does not say %q", err, s)
				}
			}
		})
	}
}

// Longer fine-tunings reassign centroids in as many steps as one of effort 1, and so in a
// smaller fraction of all.
func TestReassignment(t *testing.T) {
	for _, c := range []struct{ effort, want float64 }{{0, 0.75}, {0.1, 0.75}, {1, 0.75}, {3, 0.25}} {
		near(t, "the fraction", Config{Effort: c.effort}.reassignment(), c.want, 1e-12)
	}
}
