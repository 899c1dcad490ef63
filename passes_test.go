package edgec

import "testing"

func TestPassOrder(t *testing.T) {
	at := map[string]int{}
	for i, p := range Passes {
		at[p.Name] = i
	}
	for _, o := range order {
		first, ok1 := at[o.first]
		then, ok2 := at[o.then]
		if !ok1 || !ok2 {
			t.Fatalf("%q before %q: no such pass", o.first, o.then)
		}
		if first >= then {
			t.Errorf("%q must come before %q, because %s", o.first, o.then, o.because)
		}
	}
}
