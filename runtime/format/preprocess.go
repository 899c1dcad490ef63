package format

// Real returns the value that byte b of a picture has in channel c:
//
//	(b/255 - Mean[c]) / Std[c], or (b - Mean[c]) / Std[c] with Bytes255
//
// A list of one value, or one that ends before c, counts with its first value;
// an empty one is mean 0 or deviation 1. It is computed in float64, in that
// order, and rounded to float32: every CPU gives the same value.
func (p *Preprocess) Real(b byte, c int) float32 {
	v := float64(b)
	if !p.Bytes255 {
		v /= 255
	}
	return float32(float64(v-channel(p.Mean, c, 0)) / channel(p.Std, c, 1))
}

// channel returns the value of a list for channel c.
func channel(list []float32, c int, otherwise float64) float64 {
	switch {
	case c < len(list):
		return float64(list[c])
	case len(list) > 0:
		return float64(list[0])
	}
	return otherwise
}
