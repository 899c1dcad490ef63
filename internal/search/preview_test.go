package search

import (
	"math"
	"testing"

	"edgec/runtime"
)

// A preview has the shapes of the network and the weights that it is to keep.
func TestPreview(t *testing.T) {
	net := &Network{Name: "net", Graph: identity(t, 24, 1)}
	w := net.Graph.Params()[0]
	for i := range w.Shadow.Data {
		w.Shadow.Data[i] += float32(math.Sin(float64(i)))
	}
	w.Refresh()
	sizes := map[float64]int{}
	for _, keep := range []float64{1, 0.25} {
		file, err := Preview(net, keep)
		if err != nil {
			t.Fatal(err)
		}
		m, err := runtime.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		i := m.Info()
		if i.MACs != MACs(net.Graph) || len(i.Inputs) != 1 {
			t.Errorf("keep %v: %d multiplications, the network has %d", keep, i.MACs, MACs(net.Graph))
		}
		if most := int(keep*float64(i.Weights)) + 4; i.Kept > most || i.Kept < most/2 {
			t.Errorf("keep %v: %d of %d weights", keep, i.Kept, i.Weights)
		}
		sizes[keep] = len(file)
	}
	if sizes[0.25] >= sizes[1] {
		t.Errorf("a quarter of the weights takes %d bytes, all of them %d", sizes[0.25], sizes[1])
	}
}
