//go:build unix

package cli

import (
	"os/signal"
	"syscall"
)

// tellFileSize makes a limit of file sizes (ulimit -f) an error of writing, which has a
// message, instead of a signal that ends the process.
func tellFileSize() { signal.Ignore(syscall.SIGXFSZ) }
