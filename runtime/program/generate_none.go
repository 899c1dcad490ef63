//go:build nogeneration

package program

import "edgec/runtime"

func (j *Job) generate(*runtime.Model) error {
	return Error("--generate needs a language model, and this program was built for another; build one with edgec build --any-model")
}
