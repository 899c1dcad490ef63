package quantize

import "fmt"

// Method says how the range of an activation is chosen from its histogram.
type Method uint8

// The methods. All of them include zero in the range.
const (
	// MSE minimizes the expected squared rounding and clipping error.
	MSE Method = iota
	// MinMax takes the smallest and largest value seen.
	MinMax
	// Percentile takes the range between two quantiles, and cuts off the values beyond.
	Percentile
	// Entropy minimizes the Kullback-Leibler divergence between the histogram
	// and its quantized form (Migacz, "8-bit inference with TensorRT", 2017).
	Entropy
)

// String returns the method's name in recipes: mse, minmax, percentile, entropy.
func (m Method) String() string {
	if int(m) < len(methodNames) {
		return methodNames[m]
	}
	return fmt.Sprintf("method %d", uint8(m))
}

var methodNames = [...]string{MSE: "mse", MinMax: "minmax", Percentile: "percentile", Entropy: "entropy"}

// MarshalText writes the method's name.
func (m Method) MarshalText() ([]byte, error) {
	if int(m) >= len(methodNames) {
		return nil, fmt.Errorf("quantize: unknown calibration method %d", uint8(m))
	}
	return []byte(methodNames[m]), nil
}

// UnmarshalText reads a method's name.
func (m *Method) UnmarshalText(text []byte) error {
	for i, name := range methodNames {
		if name == string(text) {
			*m = Method(i)
			return nil
		}
	}
	return fmt.Errorf("quantize: unknown calibration method %q: want mse, minmax, percentile or entropy", text)
}
