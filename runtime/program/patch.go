package program

import (
	"edgec/runtime/format"
	"edgec/runtime/internal/sys"
)

// patch writes the file that the delta makes of the one file of the job. So a device makes a new
// program out of the one it has.
func (j *Job) patch() error {
	if len(j.Files) != 1 {
		return Error("--patch " + j.delta + ": give one FILE, that the delta was made against")
	}
	base, err := sys.ReadFile(j.Files[0])
	if err != nil {
		return Error(j.Files[0] + ": " + err.Error())
	}
	delta, err := sys.ReadFile(j.delta)
	if err != nil {
		return Error(j.delta + ": " + err.Error())
	}
	file, err := format.PatchBytes(base, delta, format.MostPatched(base, delta))
	if err != nil {
		return Error(j.delta + ": " + err.Error())
	}
	_, err = j.Stdout.Write(file)
	return err
}
