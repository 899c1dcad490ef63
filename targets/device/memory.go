//go:build !nopictures

package main

import "runtime/debug"

// Pictures are decoded into large buffers. The rest of the working set is small and lives as long
// as the program: collecting earlier costs nothing and keeps the peak of small boards' memory low.
// Programs without pictures leave package debug out, which brings fmt and os.
func init() { debug.SetGCPercent(20) }
