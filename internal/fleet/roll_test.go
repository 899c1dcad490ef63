package fleet

import (
	"strings"
	"testing"
)

// A stage is named by its devices, or by its part of the fleet.
func TestDescribed(t *testing.T) {
	many := strings.Split(strings.Repeat("pi,", 11)+"pi", ",")
	for _, c := range []struct {
		share Share
		stage Stage
		want  string
	}{
		{Share{Percent: 10}, Stage{}, "10% of the devices"},
		{Share{Percent: 100}, Stage{}, "all devices"},
		{Share{Count: 2}, Stage{Devices: []string{"pi-1", "pi-2"}}, "pi-1, pi-2"},
		{Share{Count: 12}, Stage{Devices: many}, strings.Repeat("pi, ", 9) + "pi and 2 more"},
	} {
		if got := described(c.share, c.stage); got != c.want {
			t.Errorf("%v: %q, want %q", c.share, got, c.want)
		}
	}
}
