package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/perf/benchmath"
)

// summary describes the medians of processes, in microseconds.
type summary struct {
	Median float64  `json:"median_us"`
	Low    *float64 `json:"low_us,omitempty"` // of the interval that has the median with a confidence of 95 %; nil below six processes
	High   *float64 `json:"high_us,omitempty"`
	Noise  *float64 `json:"noise_percent,omitempty"` // how far two halves of the processes differ; nil below four processes
}

// Numbers of processes: the least for the Mann-Whitney test at 5 %, and for the interval of a
// median at 95 %.
const leastCompared, leastInterval = 4, 6

// confidence is that of the intervals.
const confidence = 0.95

// summarize describes medians, which come in the order of the processes.
func summarize(medians []float64) (s summary, err error) {
	if len(medians) == 0 {
		return s, errors.New("there is no process")
	}
	sum := benchmath.AssumeNothing.Summary(sampleOf(medians), confidence)
	s.Median = rounded(sum.Center)
	if len(medians) >= leastInterval && !math.IsInf(sum.Lo, 0) && !math.IsInf(sum.Hi, 0) {
		low, high := rounded(sum.Lo), rounded(sum.Hi)
		s.Low, s.High = &low, &high
	}
	if len(medians) >= leastCompared {
		noise := rounded(sameDifference(medians))
		s.Noise = &noise
	}
	return s, nil
}

// rounded returns v with five digits, as device programs print times.
func rounded(v float64) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 5, 64), 64)
	must(err)
	return v
}

func sampleOf(medians []float64) *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(medians), &benchmath.DefaultThresholds) // it sorts them
}

// sameDifference returns by how many percent two halves of the processes differ, which measured
// the same: the first half and the second, or every other one, whichever differ more.
func sameDifference(medians []float64) float64 {
	var odd, even []float64
	for i, m := range medians {
		if i%2 == 0 {
			even = append(even, m)
		} else {
			odd = append(odd, m)
		}
	}
	half := len(medians) / 2
	return max(math.Abs(shift(even, odd)), math.Abs(shift(medians[:half], medians[half:])))
}

// shift returns by how many percent the median of b is above that of a.
func shift(a, b []float64) float64 {
	of := func(list []float64) float64 {
		return benchmath.AssumeNothing.Summary(sampleOf(list), confidence).Center
	}
	return 100 * (of(b)/of(a) - 1)
}

// comparedBench is one side of a comparison.
type comparedBench struct {
	File      string   `json:"file"`            // of --save
	Model     string   `json:"model,omitempty"` // the .edgec file
	On        string   `json:"on,omitempty"`
	Machine   string   `json:"machine,omitempty"`
	Processes int      `json:"process_count"`
	Median    float64  `json:"median_us"`
	Low       *float64 `json:"low_us,omitempty"`
	High      *float64 `json:"high_us,omitempty"`

	medians []float64
	noise   *float64
	first   fields // of the first process
}

// comparison is the JSON result of edgec bench --compare.
type comparison struct {
	A        comparedBench `json:"a"`
	B        comparedBench `json:"b"`
	Verdict  string        `json:"verdict"`                 // faster, slower, same or unknown: what B is
	Shift    float64       `json:"shift_percent"`           // of the median, from A to B
	P        *float64      `json:"p,omitempty"`             // that such a difference comes by chance
	Noise    *float64      `json:"noise_percent,omitempty"` // difference within one of the files
	Warnings []string      `json:"warnings,omitempty"`
}

func (a *app) compareBenches(cmd *cobra.Command, first, second string) error {
	var wrong []error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"compare", "json", "quiet"}, f.Name) {
			wrong = append(wrong, fmt.Errorf("--%s does not belong to --compare; leave it out", f.Name))
		}
	})
	if err := usageErrors(cmd, wrong...); err != nil {
		return err
	}
	one, err1 := readBench(first)
	two, err2 := readBench(second)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	c := compareMedians(one, two)
	if a.json {
		return a.printJSON(c)
	}
	return a.comparisonTable(c)
}

// maxSaved bounds the files of --save.
const maxSaved = 64 << 20

// readBench reads a file of --save, or what --json printed.
func readBench(path string) (c comparedBench, err error) {
	const what = "a file of edgec bench --save"
	f, err := os.Open(path)
	if err != nil {
		return c, about(path, missing(path, err, what))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSaved+1))
	if err != nil {
		return c, about(path, missing(path, err, what))
	}
	wrong := func(text string) error {
		return about(path, fmt.Errorf("%s: is no measurement: %s; make it with edgec bench FILE.edgec --processes 10 --save %s", path, text, path))
	}
	if len(data) > maxSaved {
		return c, wrong("it is too large")
	}
	document, err := readFields(data)
	if err != nil {
		return c, wrong(err.Error())
	}
	processes, err := readProcesses(document)
	if err != nil {
		return c, wrong(err.Error())
	}
	c = comparedBench{File: path, Processes: len(processes), medians: medians(processes)}
	if len(processes) == 0 || slices.ContainsFunc(c.medians, func(m float64) bool { return !(m > 0) || math.IsInf(m, 0) }) {
		return c, wrong("it has no median_us")
	}
	document.get("file", &c.Model)
	document.get("on", &c.On)
	c.first = processes[0]
	c.first.get("machine", &c.Machine)
	s, err := summarize(c.medians)
	c.Median, c.Low, c.High, c.noise = s.Median, s.Low, s.High, s.Noise
	return c, err
}

// readProcesses returns the processes of a document, which is one itself if it has no list.
func readProcesses(document fields) (list []fields, err error) {
	var raw []json.RawMessage
	if !document.get("processes", &raw) {
		return []fields{document}, nil
	}
	for _, one := range raw {
		f, err := readFields(one)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// compareMedians says whether B differs from A: by the Mann-Whitney test, and by more than the
// processes of one file differ among themselves.
func compareMedians(a, b comparedBench) comparison {
	c := comparison{A: a, B: b, Verdict: "unknown", Shift: rounded(100 * (b.Median/a.Median - 1)), Warnings: unlike(a, b)}
	if min(a.Processes, b.Processes) < leastCompared {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%d and %d processes are too few to tell; measure with --processes 10", a.Processes, b.Processes))
		return c
	}
	test := benchmath.AssumeNothing.Compare(sampleOf(a.medians), sampleOf(b.medians))
	noise := max(*a.noise, *b.noise)
	p := rounded(test.P)
	c.P, c.Noise = &p, &noise
	switch {
	case test.P >= test.Alpha || math.Abs(c.Shift) <= noise:
		c.Verdict = "same"
	case c.Shift < 0:
		c.Verdict = "faster"
	default:
		c.Verdict = "slower"
	}
	for _, w := range test.Warnings {
		c.Warnings = append(c.Warnings, w.Error())
	}
	return c
}

// unlike lists in what else than time two measurements differ, and what makes either doubtful.
func unlike(a, b comparedBench) (texts []string) {
	for _, name := range []string{"machine", "system", "kernel", "kernels", "governor", "emulator", "core"} {
		x, y := textOf(a.first, name), textOf(b.first, name)
		if x != y {
			texts = append(texts, fmt.Sprintf("the %s is %s in A and %s in B", strings.ReplaceAll(name, "_", " "), orNone(x), orNone(y)))
		}
	}
	for i, side := range []comparedBench{a, b} {
		var warnings []string
		side.first.get("warnings", &warnings)
		for _, w := range warnings {
			texts = append(texts, "AB"[i:i+1]+": "+w)
		}
	}
	return texts
}

// textOf returns a field as it is written.
func textOf(f fields, name string) string {
	i := slices.IndexFunc(f, func(one field) bool { return one.name == name })
	if i < 0 {
		return ""
	}
	return strings.Trim(string(f[i].value), `"`)
}

func orNone(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

// comparisonTable prints a comparison for people.
func (a *app) comparisonTable(c comparison) error {
	rows := []string{"\tFILE\tMODEL\tMEASURED ON\tPROCESSES\tMEDIAN us\t95 % us"}
	for i, side := range []comparedBench{c.A, c.B} {
		interval := fmt.Sprintf("takes %d processes", leastInterval)
		if side.Low != nil && side.High != nil {
			interval = fmt.Sprintf("%.5g to %.5g", *side.Low, *side.High)
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%d\t%.5g\t%s", "AB"[i:i+1], side.File, side.Model, side.On, side.Processes, side.Median, interval))
	}
	if err := a.tableWithout(rows, 2, 3, 6); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	verdict := map[string]string{
		"faster": "B is faster", "slower": "B is slower", "same": "no difference is shown", "unknown": "too few processes to tell",
	}[c.Verdict]
	lines := []string{"verdict\t" + verdict, fmt.Sprintf("difference\t%+.2f %%", c.Shift)}
	if c.P != nil {
		lines = append(lines, fmt.Sprintf("p\t%.3g (Mann-Whitney; below %g counts)", *c.P, benchmath.DefaultThresholds.CompareAlpha))
	}
	if c.Noise != nil {
		lines = append(lines, fmt.Sprintf("noise\t%.2f %% between halves of the same file; a difference has to be larger", *c.Noise))
	}
	for _, w := range c.Warnings {
		lines = append(lines, "warning\t"+w)
	}
	return a.table(lines)
}
