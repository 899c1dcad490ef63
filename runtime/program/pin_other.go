//go:build !linux

package program

import goruntime "runtime"

// pin keeps the calling goroutine on its thread; which core that runs on is the system's part.
func pin() (core int, release func()) {
	goruntime.LockOSThread()
	return -1, goruntime.UnlockOSThread
}

// readlink knows no links: what follows from them is asked of Linux alone.
func readlink(string) string { return "" }
