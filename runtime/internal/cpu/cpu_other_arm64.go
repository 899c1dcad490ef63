//go:build !noasm && !linux

package cpu

import "runtime"

// dotProducts: every Apple processor with macOS has them; of other systems nothing is
// known.
func dotProducts() bool { return runtime.GOOS == "darwin" }
