package quantize

import "math"

// MaxBias bounds the magnitude of a bias's integer, which leaves the int32 accumulator as much
// room again.
const MaxBias = 1 << 30

// RaiseForBias enlarges weight scales so far that every bias fits its integer, |bias[c]| <=
// 2^26 inScale scale[c]: a channel of tiny weights may carry a large bias. scale has one
// entry or one for each bias; a raised one is rounded to what a file stores.
func RaiseForBias(scale, bias []float32, inScale float32) {
	const room = 1 << 26
	for c, b := range bias {
		least := math.Abs(float64(b)) / (float64(inScale) * room)
		if k := min(c, len(scale)-1); float64(scale[k]) < least {
			scale[k] = RoundScale(least * 1.001)
		}
	}
}

// BiasScales returns the scales of biases, those of the accumulator: inScale weightScale[c].
func BiasScales(inScale float32, weightScale []float32) []float32 {
	scale := make([]float32, len(weightScale))
	for c, s := range weightScale {
		scale[c] = inScale * s
	}
	return scale
}

// BiasShift returns the number of lowest bits of a bias's integer that can stay zero: the
// largest shift of at most 20 for which the bias still moves in steps, scale 2^shift, of at
// most step.
func BiasShift(scale float32, step float64) int {
	const most = 20
	shift := 0
	for shift < most && float64(scale)*float64(int64(2)<<shift) <= step {
		shift++
	}
	return shift
}

// ChannelMeans is the mean of each channel of a stream of outputs. The zero value has seen
// none.
type ChannelMeans struct {
	sum   []float64
	count int // values of each channel
}

// Add adds outputs y [..., channels, inner], row-major: inner is the number of places of a
// channel that lie together, H W for images [N, C, H, W], 1 for dense layers [N, C].
func (m *ChannelMeans) Add(y []float32, channels, inner int) {
	if m.sum == nil {
		m.sum = make([]float64, channels)
	}
	for i, v := range y {
		m.sum[i/inner%channels] += float64(v)
	}
	m.count += len(y) / channels
}

// Of returns the mean of channel c.
func (m *ChannelMeans) Of(c int) float64 { return m.sum[c] / float64(m.count) }

// CorrectBias adds to each bias that the mask keeps (nil: all) what rounding has taken from the
// mean output of its channel:
//
//	bias[c] += want.Of(c) - got.Of(c)
//
// want are the means of the float network before the activation, got those of the
// quantized one on the same samples (Nagel et al. 2019, section 4.2, in its empirical form).
func CorrectBias(bias, mask []float32, want, got *ChannelMeans) {
	for c := range bias {
		if mask == nil || mask[c] != 0 {
			bias[c] += float32(want.Of(c) - got.Of(c))
		}
	}
}
