package cli

import (
	"fmt"
	"math"

	"edgec"
)

// wording is how the metrics of a task are printed.
type wording struct {
	unit    string // of the error, in the summary of a search
	measure func(m *edgec.Metrics) []string
}

// rightTokens says how many next tokens are right, and in how many samples all are, where a sample
// has several.
func rightTokens(m *edgec.Metrics) string {
	right := fmt.Sprintf("%.2f %% right", m.Accuracy)
	if m.Whole == m.Accuracy {
		return right
	}
	return fmt.Sprintf("%s, %.2f %% of the samples as a whole", right, m.Whole)
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
	edgec.TaskNextToken: {"cross-entropy", func(m *edgec.Metrics) []string {
		return []string{fmt.Sprintf("cross-entropy\t%.4f bits a token, a perplexity of %.2f", m.Bits, math.Exp2(m.Bits)), "next token\t" + rightTokens(m)}
	}},
	edgec.TaskPositions: {"error", func(m *edgec.Metrics) []string {
		return []string{fmt.Sprintf("accuracy\t%.2f %% of the positions", m.Accuracy), fmt.Sprintf("whole\t%.2f %% of the samples are right at every position", m.Whole)}
	}},
	edgec.TaskPositionAgreement: {"disagreement", func(m *edgec.Metrics) []string {
		return []string{fmt.Sprintf("agreement\t%.2f %% of the positions with the float network, %.2f %% of the samples as a whole", m.Accuracy, m.Whole)}
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
		rows := []string{fmt.Sprintf("distance\t%.2f %% of the variance, from the float network's outputs", m.Error), fmt.Sprintf("cosine\t%.5f with the float network's outputs", m.Cosine)}
		if m.Accuracy > 0 {
			rows = append(rows, fmt.Sprintf("decisions\t%.2f %% as the float network's: above 0.5 or not", m.Accuracy))
		}
		return rows
	}},
}

// figure prints the error of a task: in bits a token where it is a cross-entropy.
func figure(m *edgec.Metrics) string {
	if m.Task == edgec.TaskNextToken {
		return fmt.Sprintf("%.4f bits", m.Bits)
	}
	return fmt.Sprintf("%.2f %%", m.Error)
}

// dropText prints a drop in points, or in bits a token.
func dropText(task string, points ...float64) string {
	verbs, unit := []string{"%+.2f", " ± %.2f"}, " points"
	if task == edgec.TaskNextToken {
		verbs, unit = []string{"%+.4f", " ± %.4f"}, " bits"
	}
	text := ""
	for i, p := range points {
		if task == edgec.TaskNextToken {
			p /= pointsOfBits(1)
		}
		text += fmt.Sprintf(verbs[i], p)
	}
	return text + unit
}

// errorsOf is the number of samples behind a percentage.
func errorsOf(m *edgec.Metrics) int { return int(m.Error*float64(m.N)/100 + 0.5) }

// noteChance says when a network is no better than chance, or right in another order of
// the classes.
func (a *app) noteChance(m *edgec.Metrics) {
	switch {
	case m.Chance == 0 || m.Error < m.Chance:
	case m.Task == edgec.TaskNextToken:
		a.note("no better than chance: the frequencies of the tokens alone give %.4f bits a token; check that tokens have the numbers that the network was trained with", m.Chance/pointsOfBits(1))
	case m.Task == edgec.TaskPositions:
		a.note("no better than chance: the best answer that does not look at the input has an error of %.1f %%; check the numbers of tokens and classes", m.Chance)
	default:
		a.note("no better than chance: the best answer that does not look at the input has an error of %.1f %%; check --raw, --mean and --std, and the order of the classes", m.Chance)
	}
	if m.Hint != "" {
		a.note("hint: %s", m.Hint)
	}
}
