package passes

import (
	"strings"
	"testing"
)

// All settings that are out of range are named at once.
func TestConfigValidate(t *testing.T) {
	err := Config{Method: 9, Percentile: 3, BiasStep: -1}.Validate()
	for _, want := range []string{"method 9", "percentile 3", "bias step -1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q in it", err, want)
		}
	}
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
}
