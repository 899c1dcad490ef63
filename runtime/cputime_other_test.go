//go:build !unix

package runtime

import "time"

var began = time.Now()

// cpuTime is the time that has passed, where the system does not tell the
// processor's.
func cpuTime() time.Duration { return time.Since(began) }
