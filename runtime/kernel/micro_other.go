//go:build noasm || (!amd64 && !arm64)

package kernel

// micros is empty: plain Go computes everything.
var micros []micro

func (m *micro) tile(a *tileArgs, width int)  { panic("kernel: no micro-kernel") }
func (m *micro) pixel(a *tileArgs, width int) { panic("kernel: no micro-kernel") }
func (m *micro) rescale(a *rescaleArgs)       { panic("kernel: no micro-kernel") }
