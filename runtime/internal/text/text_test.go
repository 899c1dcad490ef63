package text

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func TestUint(t *testing.T) {
	for _, s := range []string{"", "0", "007", "12", "1x", "-1", "+1", " 1", "1_0", "9223372036854775807", "9223372036854775808",
		"18446744073709551615", "18446744073709551616", "18446744073709551620", "99999999999999999999", "٣"} {
		same(t, s)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b := make([]byte, r.IntN(22))
		for i := range b {
			b[i] = "0123456789-+_ x"[r.IntN(8+r.IntN(8))]
		}
		same(t, string(b))
	}
}

// same compares with strconv, which takes a sign before an int too.
func same(t *testing.T, s string) {
	t.Helper()
	want, err := strconv.ParseUint(s, 10, 64)
	if got, ok := Uint(s); ok != (err == nil) || ok && got != want {
		t.Errorf("Uint(%q) = %d, %v; strconv has %d, %v", s, got, ok, want, err)
	}
	whole, err := strconv.Atoi(s)
	digits := err == nil && !strings.ContainsAny(s, "+-")
	if got, ok := Int(s); ok != digits || ok && got != whole {
		t.Errorf("Int(%q) = %d, %v; strconv has %d, %v", s, got, ok, whole, err)
	}
}

func TestTrim(t *testing.T) {
	for _, s := range []string{"", " ", "  a b ", "(1, 2)", "((", "'u1'", "abc"} {
		for _, cut := range []string{"", " ", "() ", "'", "abc"} {
			if got, want := Trim(s, cut), strings.Trim(s, cut); got != want {
				t.Errorf("Trim(%q, %q) = %q, want %q", s, cut, got, want)
			}
		}
	}
}
