//go:build !linux && !darwin

package deploy

import (
	"errors"
	"os/exec"
)

func freeBytes(string) (int64, error) {
	return 0, errors.New("a local folder needs Linux, another Unix or macOS; deploy to a host instead (--to user@host)")
}

func killGroup(*exec.Cmd) {}

func exitCode(e *exec.ExitError) int { return e.ExitCode() }
