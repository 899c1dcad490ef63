package passes

import (
	"fmt"

	"edgec/internal/graph"
)

// Step returns the step of p's grid that suits lambda, in loss per bit; see
// quantize.InputMoments.Step.
func (m *InputMoments) Step(p *graph.Param, lambda float64) float64 {
	return m.plain.Step(p.Value.Data, lambda)
}

// BiasStep returns the step of the biases' grid that suits lambda, in units of the output; see
// quantize.InputMoments.BiasStep.
func (m *InputMoments) BiasStep(lambda float64) float64 { return m.plain.BiasStep(lambda) }

// OutputCurvature returns the second derivative of the loss in the outputs of each row,
// summed over their places.
func (m *InputMoments) OutputCurvature() []float64 { return m.plain.OutputCurvature() }

// AbsMax returns the largest magnitude of each row's outputs, after the activation.
func (m *InputMoments) AbsMax() []float64 { return m.plain.AbsMax() }

// Curvatures returns the curvature of the loss in each weight; see Round.
func (m *InputMoments) Curvatures() []float32 { return m.plain.Curvatures() }

// Scaled returns the moments of weights that are scaled: those of each row by rows, those
// that meet each column of each group by columns, by whose inverse the inputs are.
func (m *InputMoments) Scaled(rows, columns []float64) *InputMoments {
	return &InputMoments{m.plain.Scaled(&Scaling{Rows: rows, Columns: columns})}
}

// Round gives the weights of p integers of its grid, which has one scale, by second-order
// rounding at lambda, in loss per bit; see quantize.InputMoments.Round. They become p's
// codebook; its shadow stays as it is, and so does its mask, see MaskZeros. It returns the
// loss, to second order.
//
// It fails if p has no grid of one scale, or other shapes than when it was measured.
func (m *InputMoments) Round(p *graph.Param, lambda float64) (loss float64, err error) {
	if p.Grid == nil || len(p.Grid.Scale) != 1 {
		return 0, fmt.Errorf("passes: parameter %q has no grid of one scale", p.Name)
	}
	q, loss, err := m.plain.Round(p.Value.Data, p.Channels(), float64(p.Grid.Scale[0]), p.Grid.Max, lambda)
	if err != nil {
		return 0, fmt.Errorf("passes: parameter %q: %w", p.Name, err)
	}
	return loss, setValues(p, q)
}
