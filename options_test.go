package edgec_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"edgec"
)

func TestOptionsValidate(t *testing.T) {
	for _, o := range []edgec.Options{
		{},
		{MaxDrop: new(0.0), MaxSize: 4096},
		{MaxDrop: new(100.0), MaxSize: 1, MaxLatency: 1, Budget: 1, Effort: 100, TrainedOn: "yes", Criterion: "input"},
		{TrainedOn: "no", Criterion: "magnitude", Teacher: &edgec.Model{}},
	} {
		if err := o.Validate(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	tests := []struct {
		name string
		o    edgec.Options
		says []string
	}{
		{"drop", edgec.Options{MaxDrop: new(-0.1)}, []string{"max drop is -0.1"}},
		{"drop beyond", edgec.Options{MaxDrop: new(101.0)}, []string{"max drop is 101"}},
		{"drop of NaN", edgec.Options{MaxDrop: new(math.NaN())}, []string{"max drop is NaN"}},
		{"size", edgec.Options{MaxSize: -1}, []string{"max size is -1"}},
		{"latency", edgec.Options{MaxLatency: -time.Millisecond}, []string{"max latency is -1ms"}},
		{"budget", edgec.Options{Budget: -1}, []string{"budget is -1ns"}},
		{"effort", edgec.Options{Effort: -1}, []string{"effort is -1"}},
		{"effort beyond", edgec.Options{Effort: 1e9}, []string{"effort is 1e+09"}},
		{"effort of NaN", edgec.Options{Effort: math.NaN()}, []string{"effort is NaN"}},
		{"trained on", edgec.Options{TrainedOn: "perhaps"}, []string{`trained on is "perhaps"`}},
		{"criterion", edgec.Options{Criterion: "size"}, []string{`criterion "size"`}},
		{"a teacher without training", edgec.Options{NoTraining: true, Teacher: &edgec.Model{}}, []string{"a teacher but no training"}},
		{"a budget and a journal", edgec.Options{Journal: "j", Budget: 1}, []string{"cannot be resumed"}},
		{"all problems at once", edgec.Options{MaxDrop: new(-1.0), MaxSize: -1, Effort: -1}, []string{"max drop", "max size", "effort"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.o.Validate()
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
