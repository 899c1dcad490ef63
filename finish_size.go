package edgec

import "math"

// finishSize makes files when only a size is asked for: the densest state
// whose file fits is found by estimates, then approached from the next denser
// one, and tried with more and fewer centroids.
func (s *search) finishSize() error {
	fits := len(s.saved) // the first state whose estimate fits
	for i, c := range s.saved {
		size, err := s.estimate(c.net)
		if err != nil {
			return err
		}
		if size <= s.recipe.MaxSize {
			fits = i
			break
		}
	}
	if fits == len(s.saved) {
		fits-- // nothing fits: the sparsest is nearest
	}
	c := s.saved[fits]
	if fits > 0 {
		nearer, err := s.fill(s.saved[fits-1], c)
		if err != nil {
			return err
		}
		c = nearer
	}
	for _, bits := range []float64{firstBits, coarseBits[0], fineBits, coarseBits[1]} {
		p, err := s.finish(c, bits)
		if err != nil {
			return err
		}
		if bits == coarseBits[0] && p.Meets && s.points[len(s.points)-2].Meets {
			return nil // both fit: coarser books can only be worse, finer ones were too large
		}
	}
	return nil
}

// fill prunes from the denser state to the number of weights whose file should
// just fit, judged by the sizes of the two.
func (s *search) fill(dense, sparse *checkpoint) (*checkpoint, error) {
	a, err := s.estimate(dense.net)
	if err != nil {
		return nil, err
	}
	b, err := s.estimate(sparse.net)
	if err != nil {
		return nil, err
	}
	// sizes grow as a power of the number of weights between two near states
	want := 0.97 * float64(s.recipe.MaxSize)
	u := math.Log(want/float64(b)) / math.Log(float64(a)/float64(b))
	u = math.Max(0, math.Min(1, u))
	target := float64(sparse.kept) * math.Pow(float64(dense.kept)/float64(sparse.kept), u)
	return s.betweenAt(dense, int(target))
}

func geometricMean(a, b int) int { return int(math.Sqrt(float64(a) * float64(b))) }
