package eval

import (
	"bytes"
	"fmt"

	"edgec/runtime"
)

// SameOutputs compares two networks on generated inputs, byte by byte; the error says that
// they differ. Cost: 16 inferences of each.
func SameOutputs(was, now *runtime.Model) error {
	const inputs = 16
	a, err := was.NewSession(runtime.Unlimited())
	if err != nil {
		return err
	}
	b, err := now.NewSession(runtime.Unlimited())
	if err != nil {
		return err
	}
	for seed := range uint32(inputs) {
		for k := range was.Info().Inputs {
			of := seed*uint32(len(was.Info().Inputs)) + uint32(k) + 1
			a.SetTestInput(k, of)
			b.SetTestInput(k, of)
		}
		a.Run()
		b.Run()
		for k := range was.Info().Outputs {
			if !bytes.Equal(a.OutputBytes(k), b.OutputBytes(k)) {
				return fmt.Errorf("edgec: the packed network computes something else than the one that was read; please report this network")
			}
		}
	}
	return nil
}
