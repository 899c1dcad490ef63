//go:build noasm || (!amd64 && !arm64)

package kernel

// The Blocks functions compute as many leading elements as fill vectors: here none.

func sigmoidBlocks(y, x []float32) int { return 0 }
func tanhBlocks(y, x []float32) int    { return 0 }
func expBlocks(y, x []float32) int     { return 0 }

func quantizeBlocks(y []int8, x []float32, args *quantizeArgs) int { return 0 }

func columnBlocks(y, x, w []float32) int { return 0 }
func rowBlocks(y, x, w []float32) int    { return 0 }
