package dataset

import "math/rand/v2"

// CanMix reports whether samples can be mixed: those of a single array of real numbers. What
// belongs together in several arrays, a picture and a question about it say, does not mix, nor
// do token ids.
func CanMix(s *Set) bool { return s.rest == nil && !s.integer && s.PositionLabels == nil }

// Mixed returns as many samples as s has, each a mix of one of them and another,
//
//	x = a x_i + (1-a) x_j,   a drawn evenly from 0.5..1, j from all samples
//
// (mixup: Zhang, Cisse, Dauphin, Lopez-Paz 2018, equation 1). It has the label of i with
// probability a, otherwise that of j. Bytes are rounded. Each sample depends on the seed
// and its number only. Samples that CanMix refuses come back as they are.
func (s *Set) Mixed(seed uint64) *Set {
	if !CanMix(s) {
		return s
	}
	n, size := s.Len(), s.sample.Size()
	var bytes []uint8
	var floats []float32
	if s.bytes != nil {
		bytes = make([]uint8, n*size)
	} else {
		floats = make([]float32, n*size)
	}
	var labels []int
	var targets []float32
	for i := range n {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		j, a := r.IntN(n), float32(0.5+0.5*r.Float64())
		from, other := s.index[i]*size, s.index[j]*size
		for k := range size {
			if bytes != nil {
				bytes[i*size+k] = uint8(mix(float32(s.bytes[other+k]), float32(s.bytes[from+k]), a) + 0.5)
			} else {
				floats[i*size+k] = mix(s.floats[other+k], s.floats[from+k], a)
			}
		}
		for k, v := range s.Target(i) {
			targets = append(targets, mix(s.Target(j)[k], v, a))
		}
		if s.Labels != nil {
			if l := s.Labels[i]; r.Float32() < a {
				labels = append(labels, l)
			} else {
				labels = append(labels, s.Labels[j])
			}
		}
	}
	t := newSet(s.sample, s.image, bytes, floats, n, s.Pre)
	t.Targets, t.width = targets, s.width
	t.Classes, t.ClassNames, t.Labels = s.Classes, s.ClassNames, labels
	return t
}
