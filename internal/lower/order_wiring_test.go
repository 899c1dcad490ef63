package lower_test

import (
	"slices"
	"strings"
	"testing"

	"edgec/internal/lower"
	"edgec/runtime/format"
)

// Units in random places leave the outputs of every kind of network as they are, to the bit.
func TestShuffleKeepsOutputs(t *testing.T) {
	for _, c := range slices.Concat(resized, cases, recurrentNets) {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			b, x := newNet(t, 3, c.sample...)
			g := b.Done(c.build(b, x))
			sparse(b, g)
			samples := b.Inputs(24)
			quantized(t, g, samples)
			file, _, err := lower.Encode(g, lower.Config{Meta: format.Meta{Name: "net"}})
			if err != nil {
				t.Fatal(err)
			}
			want := deviceRun(t, sessionOf(t, file), g, samples)
			for seed := range uint64(3) {
				mixed, err := lower.Shuffle(file, seed)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(want, deviceRun(t, sessionOf(t, mixed), g, samples)) {
					t.Errorf("seed %d: outputs differ", seed)
				}
			}
		})
	}
}
