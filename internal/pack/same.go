package pack

import (
	"bytes"
	"errors"

	"edgec/runtime"
	"edgec/runtime/format"
)

// Same compares two networks of the same inputs and outputs on 16 generated inputs, byte by
// byte.
func Same(was, now *runtime.Model) error {
	const inputs = 16
	a, err := was.NewSession(runtime.Config{})
	if err != nil {
		return err
	}
	b, err := now.NewSession(runtime.Config{})
	if err != nil {
		return err
	}
	for seed := range uint32(inputs) {
		for k := range was.Info().Inputs {
			format.SelfTestInput(seed*uint32(len(was.Info().Inputs))+uint32(k)+1, a.Input(k))
			copy(b.Input(k), a.Input(k))
		}
		a.Run()
		b.Run()
		for k := range was.Info().Outputs {
			if !bytes.Equal(a.OutputBytes(k), b.OutputBytes(k)) {
				return errors.New("edgec: the packed network computes something else than the one that was read; please report this network")
			}
		}
	}
	return nil
}
