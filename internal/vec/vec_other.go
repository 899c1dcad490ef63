//go:build !amd64 || noasm

package vec

// The Blocks functions do as many leading elements as the CPU's vectors allow
// and return their number: here none, the callers' loops do all.

func addBlocks(dst, src []float32) int                            { return 0 }
func axpyBlocks(dst []float32, alpha float32, src []float32) int  { return 0 }
func scaleBlocks(dst []float32, alpha float32, src []float32) int { return 0 }
func mulBlocks(dst, a, b []float32) int                           { return 0 }
func reluBlocks(dst, src []float32) int                           { return 0 }
func reluBackBlocks(din, y, dout []float32) int                   { return 0 }
func clampBlocks(dst, src []float32, lo, hi float32) int          { return 0 }
func clampBackBlocks(dst, y, dy []float32, lo, hi float32) int    { return 0 }
func fillBlocks(dst []float32, v float32) int                     { return 0 }
func maxPairsBlocks(dst, a, b []float32) int                      { return 0 }
func maxPairsBackBlocks(da, db, a, b, y, dy []float32) int        { return 0 }
func dotBlocks(s *[lanes]float32, a, b []float32) int             { return 0 }
func sumBlocks(s *[lanes]float32, x []float32) int                { return 0 }
func averageBlocks(a, w []float32, rate float32) int              { return 0 }
func fadeBlocks(w, m []float32, keep, rest float32) int           { return 0 }
func adamBlocks(w, g, m, v []float32, k *[7]float32) int          { return 0 }
func quantizeBlocks(dst, src []float32, scale float32, unit, step, lo, hi float64) int {
	return 0
}

func copyRows(dst []float32, dstLD int, src []float32, srcLD, rows, cols int) bool { return false }
func addRows(dst []float32, dstLD int, src []float32, srcLD, rows, cols int) bool  { return false }
