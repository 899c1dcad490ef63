package cli

import (
	"fmt"

	"edgec"
)

// wording is how the metrics of a task are printed.
type wording struct {
	unit    string // of the error, in the summary of a search
	measure func(m *edgec.Metrics) []string
}

// wordings has an entry for each task.
var wordings = map[string]wording{
	edgec.TaskAccuracy: {"error", func(m *edgec.Metrics) []string {
		return []string{fmt.Sprintf("accuracy\t%.2f %%", m.Accuracy), fmt.Sprintf("error\t%.2f %%, %s samples", m.Error, thousands(errorsOf(m)))}
	}},
	edgec.TaskYesNo: {"balanced error", func(m *edgec.Metrics) []string {
		return []string{fmt.Sprintf("accuracy\t%.2f %%, the mean of both classes", m.Accuracy), fmt.Sprintf("error\t%.2f %%", m.Error), fmt.Sprintf("AUC\t%.4f", m.AUC)}
	}},
	edgec.TaskRegression: {"unexplained", func(m *edgec.Metrics) []string {
		return []string{fmt.Sprintf("R2\t%.4f, %.2f %% of the variance unexplained", m.R2, m.Error), fmt.Sprintf("mean error\t%.4g, absolute, in units of the targets", m.MAE)}
	}},
	edgec.TaskAgreement: {"disagreement", func(m *edgec.Metrics) []string {
		return []string{fmt.Sprintf("agreement\t%.2f %% with the float network, %s samples differ", m.Accuracy, thousands(errorsOf(m)))}
	}},
	edgec.TaskReconstruction: {"distance", func(m *edgec.Metrics) []string {
		return []string{fmt.Sprintf("distance\t%.2f %% of the float network's", m.Error)}
	}},
	edgec.TaskFidelity: {"distance from float", func(m *edgec.Metrics) []string {
		return []string{fmt.Sprintf("distance\t%.2f %% of the float network's error, from its outputs", m.Error)}
	}},
	edgec.TaskVectors: {"distance from float", func(m *edgec.Metrics) []string {
		return []string{fmt.Sprintf("distance\t%.2f %% of the variance, from the float network's outputs", m.Error), fmt.Sprintf("cosine\t%.5f with the float network's outputs", m.Cosine)}
	}},
}

// errorsOf is the number of samples behind a percentage.
func errorsOf(m *edgec.Metrics) int { return int(m.Error*float64(m.N)/100 + 0.5) }

// noteChance says when a network is no better than chance, or right in another order of
// the classes.
func (a *app) noteChance(m *edgec.Metrics) {
	if m.Chance > 0 && m.Error >= m.Chance {
		a.note("no better than chance: the best answer that does not look at the input has an error of %.1f %%; check --raw, --mean and --std, and the order of the classes", m.Chance)
	}
	if m.Hint != "" {
		a.note("hint: %s", m.Hint)
	}
}
