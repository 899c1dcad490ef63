package targets

import (
	"testing"
	"time"
)

// Every board with a clock has an estimate; a faster core takes less time.
func TestEstimate(t *testing.T) {
	for _, b := range Boards {
		least, most, ok := b.Estimate(1e6)
		if ok != (b.MHz > 0) {
			t.Errorf("%s: an estimate: %v", b.Name, ok)
		}
		if ok && !(least > 0 && 2*least < most && most < 10*time.Millisecond) {
			t.Errorf("%s: a million steps take %v to %v", b.Name, least, most)
		}
	}
	zero, _ := Find("rpi-zero")
	five, _ := Find("rpi-5")
	fast, _, _ := zero.Estimate(1e6)
	if _, slow, _ := five.Estimate(1e6); slow >= fast {
		t.Errorf("rpi-5 takes up to %v, rpi-zero from %v", slow, fast)
	}
	// ARM1176 at 1 GHz: 1.05 instructions a step, 0.9 a cycle
	if want := 1166666 * time.Nanosecond; fast != want {
		t.Errorf("rpi-zero from %v, want %v", fast, want)
	}
}
