//go:build nobench

package program

import "edgec/runtime"

const measures = false

const errNoBench = Error("--bench is left out of this program; edgec build --bench yes adds it, and edgec bench --on measures a board without it")

func (j *Job) bench(*runtime.Model, int64) error { return errNoBench }

// measurement refuses --bench; known reports whether name is that.
func (j *Job) measurement(name string, _ *option) (known bool, err error) {
	return name == "-bench", errNoBench
}
