//go:build nogeneration

package program

import "edgec/runtime"

const generates = false

const errNoGeneration = Error("--generate needs a language model, and this program was built for another; build one with edgec build --any-model")

func (j *Job) generate(*runtime.Model) error { return errNoGeneration }

// generation refuses --generate; known reports whether name is that.
func (j *Job) generation(name string, _ *option) (known bool, err error) {
	return name == "-generate", errNoGeneration
}
