//go:build nopictures

package program

import "edgec/runtime"

func (j *Job) idx(*runtime.Model) error {
	return Error("--idx executes pictures, and this program was built without them; build it with edgec build --pictures yes")
}
