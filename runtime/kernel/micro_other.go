//go:build noasm || (!amd64 && !arm64 && !arm.6)

package kernel

// micros is empty: plain Go computes everything.
var micros []micro

func (m *micro) tile(a *tileArgs, width int)       { panic("kernel: no micro-kernel") }
func (m *micro) pixel(a *tileArgs, width int)      { panic("kernel: no micro-kernel") }
func (m *micro) requantize(a *requantizeArgs)      { panic("kernel: no micro-kernel") }
func (m *micro) requantizePanel(a *requantizeArgs) { panic("kernel: no micro-kernel") }

func (m *micro) depthwise(a *depthwiseArgs, width int)            { panic("kernel: no micro-kernel") }
func (m *micro) packPair(dst []byte, first, second []int8) []byte { panic("kernel: no micro-kernel") }
func (m *micro) rows(*rowsArgs, int)                              { panic("kernel: no micro-kernel") }

func (m *micro) largest(a *maxArgs) { panic("kernel: no micro-kernel") }

func (m *micro) sum(a *sumArgs) { panic("kernel: no micro-kernel") }
