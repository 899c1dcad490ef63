package main

import (
	"fmt"
	"slices"
	"strings"
)

const head = `# The smallest files

Bytes are the whole file that the runtime executes. Errors are the runtime's own, from that file, on the whole test set; the search does not see it. Written
by ` + "`make bench-size`" + ` (EDGEC_DATA names the folder with data sets, and with networks in models); a row is measured again by
` + "`EDGEC_DATA=... go run ./internal/bench -rows NAME`" + `. Times are of two cores of a shared machine.
`

// distances says what the error of a row is whose samples are made from a recording.
const distances = `
A distance is no error on the task: it is the mean square distance of the file's outputs from the float network's, in percent of the float network's own
mean square reconstruction error on the same samples. Where the two errors have nothing to do with each other, the reconstruction error grows by as many
percent. What it has become is beside it: the file's own reconstruction error, in percent of the float network's. The sounds of machines that this network
was trained on are not here. So its inputs are made from a minute of speech, by the front end of MLPerf Tiny; the search sees the first three quarters, and
both figures are of the last. How well the file tells sound machines from broken ones has not been measured.
`

// drawings says what the error of a row is whose pictures are drawn.
const drawings = `
A disagreement is the share of pictures for which the file gives another answer than the float network. Photographs of
people are not here. So pictures are drawn (internal/bench/pictures.go): clouds, gratings and shapes. In front of them,
two times of three, stand one to three figures with a head, a trunk, arms and legs. The float network sees a person in
three of ten. The last 2,000 of 6,000 are the test part.
`

// markdown is the page.
func markdown(results []result, against []coded, units []moved) string {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("\n## Against the aims\n\n| row | bytes | error | float error | aim | reached? | published |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		if of := measured(results, r); len(of) > 0 {
			b.WriteString(r.summary(of))
		}
	}
	b.WriteString("\n(Several seeds: the mean, and in brackets the least and the most.)\n")
	if made := slices.ContainsFunc(rows, func(r row) bool { return r.audio != "" && len(measured(results, r)) > 0 }); made {
		b.WriteString(distances)
	}
	if slices.ContainsFunc(rows, func(r row) bool { return r.drawn && len(measured(results, r)) > 0 }) {
		b.WriteString(drawings)
	}
	b.WriteString("\n## Each run\n\n| row | seed | bytes | in random order | error | kept weights | multiplications | time | header, graph | masks | values | codebooks, scales | biases | tables, meta, self-test, checksum |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		for _, m := range measured(results, r) {
			s := m.Sizes
			fmt.Fprintf(&b, "| %s | %d | %s | %s | %s | %s of %s | %s | %.0f s | %d | %d | %d | %d | %d | %d |\n", r.name, m.Seed, thousands(m.Bytes), m.random(), percent(m.Error), thousands(m.Kept), thousands(m.Weights), thousands(int(m.MACs)), m.Seconds,
				s.Header+s.Graph, s.Masks, s.Indexes, s.Codebooks+s.Scales, s.Biases, s.LUTs+s.Meta+s.Test+s.Checksum)
		}
	}
	b.WriteString("\n(Layers that are seldom zero have no masks: their zeros are values. In the files of LeNet-300-100 the pixels of 2x2 blocks share a weight;\nthose are counted once.)\n")
	b.WriteString("\n## Commands\n\n| row | command |\n|---|---|\n")
	for _, r := range rows {
		if len(measured(results, r)) > 0 {
			fmt.Fprintf(&b, "| %s | `%s` |\n", r.name, r.command())
		}
	}
	b.WriteString(ordersMarkdown(units))
	b.WriteString(codersMarkdown(against))
	return b.String()
}

// random is the size with the units in random order, empty where it was not measured.
func (r result) random() string {
	if r.Random == 0 {
		return ""
	}
	return thousands(int(r.Random + 0.5))
}

func measured(results []result, r row) (of []result) {
	for _, m := range results {
		if m.Row == r.name {
			of = append(of, m)
		}
	}
	return of
}

// summary is the line of a row in the first table.
func (r row) summary(of []result) string {
	bytes := spread(of, func(m result) float64 { return float64(m.Bytes) }, func(v float64) string { return thousands(int(v + 0.5)) })
	errs := spread(of, func(m result) float64 { return m.Error }, func(v float64) string { return fmt.Sprintf("%.2f", v) })
	aim := fmt.Sprintf("%s B", thousands(r.bytes))
	size, wrong := mean(of, func(m result) float64 { return float64(m.Bytes) }), mean(of, func(m result) float64 { return m.Error })
	var missed []string
	if size > float64(r.bytes) {
		missed = append(missed, fmt.Sprintf("%.0f %% too large", 100*(size/float64(r.bytes)-1)))
	}
	if r.error > 0 {
		aim += fmt.Sprintf(" at %.2f %%", r.error)
		switch {
		case r.drawn:
			aim, errs = aim+" disagreement", errs+" disagreement"
		case r.noLabels:
			aim, errs = aim+" distance", fmt.Sprintf("%s distance, own error %s", errs, percent(mean(of, func(m result) float64 { return m.Own })))
		}
		if wrong > r.error+1e-9 {
			missed = append(missed, fmt.Sprintf("%.2f points too many", wrong-r.error))
		}
	} else {
		errs = "the int8 network's outputs"
	}
	reached := "yes"
	if len(missed) > 0 {
		reached = strings.Join(missed, ", ")
		if r.limit != "" {
			reached += ": " + r.limit
		}
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s |\n", r.name, bytes, errs, percent(of[0].Float), aim, reached, r.published)
}

func mean(of []result, f func(result) float64) float64 {
	sum := 0.0
	for _, m := range of {
		sum += f(m)
	}
	return sum / float64(len(of))
}

// spread is the mean and, of several, the least and the most.
func spread(of []result, f func(result) float64, text func(float64) string) string {
	lo, hi := f(of[0]), f(of[0])
	for _, m := range of {
		lo, hi = min(lo, f(m)), max(hi, f(m))
	}
	if len(of) == 1 {
		return text(lo)
	}
	return fmt.Sprintf("%s (%s to %s)", text(mean(of, f)), text(lo), text(hi))
}

// percent is an error, empty where none was measured.
func percent(v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f %%", v)
}

// thousands groups digits by three.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
