package cli

import "testing"

// What is free is what the kernel says is available, and free swap.
func TestFreeMemory(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"MemTotal:  442000 kB\nMemFree:  20000 kB\nMemAvailable:   300000 kB\nSwapTotal: 1000 kB\nSwapFree:  100 kB\n", 300100 << 10, true},
		{"MemAvailable: 5 kB\n", 5 << 10, true},
		{"MemTotal: 442000 kB\nSwapFree: 100 kB\n", 100 << 10, false}, // of a kernel before 3.14
		{"MemAvailable: many kB\n", 0, false},
		{"", 0, false},
	} {
		if got, ok := freeMemory(c.text); got != c.want || ok != c.ok {
			t.Errorf("%q: %d, %v", c.text, got, ok)
		}
	}
}
