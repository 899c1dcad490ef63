package deep

import "testing"

func TestOnly(t *testing.T) {
	for value, want := range map[string]bool{"": false, "1": true} {
		t.Setenv(Variable, value)
		ran := false
		t.Run("only", func(t *testing.T) {
			Only(t)
			ran = true
		})
		if ran != want || On() != want {
			t.Errorf("%s=%q: runs %v, want %v", Variable, value, ran, want)
		}
	}
}
