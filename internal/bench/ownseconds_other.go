//go:build !unix

package main

import "time"

var begun = time.Now()

// ownSeconds is the time since the start, where the CPU time is not known.
func ownSeconds() float64 { return time.Since(begun).Seconds() }
