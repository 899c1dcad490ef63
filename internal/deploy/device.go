package deploy

import (
	"context"
	"fmt"
	"io"
	"io/fs"
)

// FS is the folder of a deployment on a device. Names are relative to it, with slashes, "."
// is the folder itself. Errors wrap fs.ErrNotExist and fs.ErrExist where these are the cause.
type FS interface {
	// Mkdir makes a folder; it is no error if there is one. Mkdir(".") makes its parents too.
	Mkdir(name string) error
	// Write makes a file, or replaces the content of one, without a sync. exclusive refuses
	// a file that is there.
	Write(name string, r io.Reader, mode fs.FileMode, exclusive bool) error
	// Read returns the content of a file of at most limit bytes.
	Read(name string, limit int64) ([]byte, error)
	// Rename gives a file or link another name in the same folder, and replaces what has it.
	Rename(from, to string) error
	Symlink(target, name string) error
	Readlink(name string) (string, error)
	// Remove removes a file, a link or an empty folder.
	Remove(name string) error
	// List returns the names in a folder.
	List(name string) ([]string, error)
	// Sync returns when a file's content, or the names in a folder, would survive a cut of
	// power.
	Sync(name string) error
	// Free returns how many bytes may still be written.
	Free() (int64, error)
}

// Device is a machine with the folder of a deployment.
type Device interface {
	FS
	// String names the device for messages.
	String() string
	// Folder is the absolute path of the folder on the device.
	Folder() string
	// Sum returns the SHA-256 of a file in hexadecimal.
	Sum(ctx context.Context, name string) (string, error)
	// Run runs a command of the device's shell in the folder and returns what it prints. The
	// error is an *ExitError if the command ran and failed; any other says that the device
	// was not reached or that ctx has ended.
	Run(ctx context.Context, command string) ([]byte, error)
}

// ExitError says that a command ran and failed.
type ExitError struct {
	Code   int    // 128 + N after signal N
	Output string // of standard error, or else of standard output
}

func (e *ExitError) Error() string {
	if e.Output == "" {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return fmt.Sprintf("%s (exit code %d)", e.Output, e.Code)
}

// remedy says what to do about exit codes of the shell and of killed programs.
func (e *ExitError) remedy(device, folder string) string {
	switch e.Code {
	case 126:
		return fmt.Sprintf("; the file system of %s on %s may forbid programs (mount option noexec), or the program is for another processor", folder, device)
	case 132, 139: // SIGILL, SIGSEGV
		return "; the program may be for another processor: give the board with --target"
	case 137: // SIGKILL
		return "; the device may have too little memory"
	}
	return ""
}
