package format

import "math"

// Sizes accounts for every byte of a file. Bytes that the entropy coder shares
// between parts are divided by the code lengths of their bits, rounded so that
// the sum is the file's length.
type Sizes struct {
	Header    int           `json:"header"`    // magic, version, tags and lengths of the sections
	Graph     int           `json:"graph"`     // instructions, shapes, grids of activations
	Masks     int           `json:"masks"`     // which weights are zero
	Indexes   int           `json:"indexes"`   // values of the weights that are not zero; of tensors that are seldom zero, of all
	Codebooks int           `json:"codebooks"` // the values that occur
	Biases    int           `json:"biases"`    // of convolutions and dense layers
	Scales    int           `json:"scales"`    // of weights
	LUTs      int           `json:"luts"`      // tables
	Meta      int           `json:"meta"`      // name, labels, preprocessing
	Test      int           `json:"test"`      // the self-test
	Checksum  int           `json:"checksum"`  // CRC-32 of the file
	Weights   []WeightSizes `json:"weights"`   // of each weight tensor, in bits

	bits int64 // of the range coder
}

// WeightSizes is the code length of one weight tensor, in bits. One that is seldom zero has no
// masks: its zeros are values. The fields are those of Sizes.
type WeightSizes struct {
	Masks     float64 `json:"masks"`
	Indexes   float64 `json:"indexes"`
	Codebooks float64 `json:"codebooks"`
	Biases    float64 `json:"biases"`
	Scales    float64 `json:"scales"`
}

// Total returns the sum of the parts, the file's length.
func (s *Sizes) Total() int {
	return s.Header + s.Graph + s.Masks + s.Indexes + s.Codebooks + s.Biases + s.Scales + s.LUTs + s.Meta + s.Test + s.Checksum
}

// Coded returns the bytes of the weights themselves: masks, values, codebooks.
func (s *Sizes) Coded() int { return s.Masks + s.Indexes + s.Codebooks }

// Entropy returns the order-0 entropy of the values, zeros included, in bits:
//
//	sum over values v of -n(v) log2(n(v) / Elems())
//
// with n(v) how often v occurs. It is what an ideal coder needs that knows n,
// which costs nothing here, and treats every weight alike.
func (w *Weight) Entropy() float64 {
	var count [256]int
	for _, v := range w.Values {
		count[uint8(v)]++
	}
	bits := 0.0
	for _, n := range count {
		if n > 0 {
			bits -= float64(n) * math.Log2(float64(n)/float64(len(w.Values)))
		}
	}
	return bits
}

// share divides n bytes in proportion to the bits of each part (largest
// remainder).
func share(n int, bits []float64) []int {
	total := 0.0
	for _, b := range bits {
		total += b
	}
	out := make([]int, len(bits))
	if total == 0 {
		out[0] = n
		return out
	}
	left := n
	for i, b := range bits {
		out[i] = int(float64(n) * b / total)
		left -= out[i]
	}
	for ; left > 0; left-- {
		best, most := 0, -1.0
		for i, b := range bits {
			if r := float64(n)*b/total - float64(out[i]); r > most {
				best, most = i, r
			}
		}
		out[best]++
	}
	return out
}
