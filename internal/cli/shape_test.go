package cli

import (
	"slices"
	"strings"
	"testing"
)

// TestShapeFlag: sizes by name, ? for one that stays open; anything else says what to give.
func TestShapeFlag(t *testing.T) {
	var s shapes
	for _, text := range []string{"ids=1x128", "a=b=?x3"} {
		if err := s.Set(text); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(s["ids"], []int{1, 128}) || !slices.Equal(s["a=b"], []int{0, 3}) {
		t.Errorf("read as %v", s)
	}
	for text, want := range map[string]string{"128": "names no input", "=3": "names no input", "": "names no input", "idx": "has no sizes; give them behind its name, as in idx=1x128", "ids=2": "two shapes", "y=1x": "is no size", "y=-1": "is no size", "y=0x2": "is no size", "y=99999999": "is no size"} {
		if err := s.Set(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}
