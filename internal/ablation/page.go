package ablation

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

const head = `# What the constants of the search are worth

Every number that the search decides by stands in internal/search/tuning.go. This page shows what each does to
the result. Written by

    EDGEC_DATA=... go run ./internal/bench -ablate -budget 4h

which keeps its runs in docs/tuning.json and goes on with %s;
` + "`go run ./internal/bench -page`" + ` writes the page from what is stored.

- **Responses.** *size* is the logarithm of the size of the file within a drop, *error* that of the test error
  within a size, *work* that of the number of training steps, each against the search as it is, on the same
  network with the same seed. The tables have percent of change. A run that finds no file counts as a factor of
  e, the largest that any run counts as.
- **Levels.** Low and high are half and double: of the value, of the odds p / (1 - p) of a fraction, of the
  logarithm of a ratio. Values that must stay in order move at most half of the way towards each other.
- **Design.** All constants are varied at once in a Plackett-Burman design, of resolution III: effects are mixed
  with interactions of two other constants. It is measured a quarter at a time. The quarter and the half have fewer
  rows than constants; effects are mixed with each other up to the correlation of their columns (0.5 at most and
  0.12 on average in a quarter of 32 rows). An effect is the mean response with the constant high, less that with it
  low, after strong effects of other constants were taken off (forward selection, Lin 1993). Its standard error is
  Lenth's pseudo standard error of each network, pooled. It is beyond noise when it is more than %d of them, over
  networks or on one.
- **By itself.** Constants beyond noise are set low and high alone, with several seeds. They move what differs
  from 0 over networks and seeds by Student's t at 1 %%, or on one network by the spread over seeds at 0.27 %%
  (%d standard errors of many seeds).
`

const splits = `
## Where networks are treated differently

These constants are limits: on their two sides the search does different things. Each is a property of the network,
the data or the training, with a reason.

| property | constants | what differs | reason |
|---|---|---|---|
| training is cheap: fine-tuning takes fewer than cheapTraining multiplications | cheapTraining, mostRepeats | up to mostRepeats times as many samples, so that the work is the same; no channels are cut to save time, and cuts may use up channelShare of the drop, not slowChannelShare; up to mostRuns one-shot runs look for the number of weights, not one | where training takes hardly any time, there is none to save. The number of samples changes steadily with the multiplications, and the rest where it begins to |
| training is expensive: stageWork does not allow scoreSamples | scoreSamples, stageWork | the first learning rate is lower; the state before channels were cut is not kept for later runs | trying a rate in vain costs minutes, and so does a run from that state |
| a run is bounded by its work: stageWork does not allow runSamples | runSamples, stageWork, mostThinner | it starts from the sparsest state with mostThinner times its weights, not from the densest | so few steps do not thin out the densest state |
| known by heart: the network was trained on the samples, and a run would meet each more than mostEpochs times | mostEpochs, runSamples | weights are rounded within the drop and fine-tuned, before pruning | training is bounded by mostEpochs anyway; gradients of samples that are known teach little |
| a generalization gap of more than mostKnown | mostKnown | files are compared with the float network on held-out samples, not with its test error | a margin is corrected for memorization by mostMemory at most. A gap twenty times as large is no error of measurement, so the comparison that errs on the safe side is made |
`

// Page is the document made of results. now is the source file of today, in which
// constants may have changed or gone; gone says what took their places.
func Page(r *Results, now string, gone []Aside) (string, error) {
	p, err := NewPlan(r.Source, r.Levels)
	if err != nil {
		return "", err
	}
	today, err := Parse("tuning.go", now)
	if err != nil {
		return "", err
	}
	long := today.Values()
	if today, err = today.shortened(r.Short); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, head, "`-resume docs/tuning.json`", networkNoise, networkNoise)
	p.state(&b, r, today)
	p.networks(&b, r)
	shortTable(&b, r, long)
	p.table(&b, r, today)
	p.aloneTable(&b, r)
	asideTable(&b, r)
	goneTable(&b, gone)
	b.WriteString(splits)
	return b.String(), nil
}

// state says what has been measured, and what has not.
func (p *Plan) state(b *strings.Builder, r *Results, today *File) {
	rows, alone, of := 0, 0, 0
	for _, row := range p.Rows {
		if len(r.Replicates(row.ID)) > 0 {
			rows++
		}
	}
	for _, name := range p.Followed(r) {
		for _, v := range p.Alone(name) {
			of++
			if len(r.Replicates(v.ID)) > 0 {
				alone++
			}
		}
	}
	seconds := 0.0
	for _, run := range r.Runs {
		seconds += run.Seconds
	}
	fmt.Fprintf(b, "\n## State\n\nThe file has %d constants, of which %d are varied and %d set aside.\nMeasured: %d of the design's %d rows on one network or more, and %d of %d levels by themselves;\n%d runs, %.1f hours of one core.\n",
		len(p.File.Constants), len(p.Names), len(r.Aside), rows, len(p.Rows), alone, of, len(r.Runs), seconds/3600)
	var without []string
	for _, s := range r.Subjects {
		if p.measured(r, s.Name) == 0 {
			without = append(without, s.Name)
		}
	}
	if len(without) > 0 {
		fmt.Fprintf(b, "\n**Not all is measured.** No quarter of the design is complete on\n%s.\nWhat constants do there is not known.\n", strings.Join(without, ", "))
	}
	if missing := len(p.File.Constants) - len(p.Names) - len(r.Aside); missing > 0 {
		fmt.Fprintf(b, "\n**A demonstration: %d constants were left out, and are to be measured.**\n", missing)
	}
	if today.ID(nil) != p.base.ID {
		fmt.Fprintf(b, "\nThe constants have changed since: internal/search/tuning.go has %d today. To measure these, remove\ndocs/tuning.json first.\n", len(today.Constants))
	}
}

// networks shows the base runs.
func (p *Plan) networks(b *strings.Builder, r *Results) {
	b.WriteString("\n## Networks\n\n| network | kind | effort | seeds | asked for | size | asked for | test error | steps | time on one core | rows of the design |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range r.Subjects {
		var bytes, errs, steps, seconds []float64
		var effort float64
		for _, at := range r.Replicates(p.base.ID) {
			d, z := r.Find(at.Key(p.base.ID, Drop)), r.Find(at.Key(p.base.ID, Size))
			if at.Network != s.Name {
				continue
			}
			effort = at.Effort
			work, cpu := 0, 0.0
			if d != nil {
				bytes, work, cpu = append(bytes, float64(d.Bytes)), work+d.Steps, cpu+d.Seconds
			}
			if z != nil {
				errs, work, cpu = append(errs, z.Error), work+z.Steps, cpu+z.Seconds
			}
			steps, seconds = append(steps, float64(work)), append(seconds, cpu)
		}
		if len(steps) > 0 {
			fmt.Fprintf(b, "| %s | %s | %v | %d | %s | %s | %s | %s | %.0f | %.0f s | %d |\n", s.Name, s.Kind, effort, len(steps), s.Drop, mean(bytes, "%.0f B"), s.Size, mean(errs, "%.2f %%"), estimate(steps).Mean, estimate(seconds).Mean, p.measured(r, s.Name))
		}
	}
}

// measured is how many rows of the design a network has that can be analysed.
func (p *Plan) measured(r *Results, network string) (most int) {
	for _, at := range r.Replicates(p.base.ID) {
		if at.Network != network || at.Seed != 0 {
			continue
		}
		there, n := make([]bool, len(p.Rows)), 0
		for i, row := range p.Rows {
			_, there[i] = r.Respond(Work, row.ID, p.base.ID, at)
		}
		if complete(there, p.Design.Part) == 0 {
			continue
		}
		for i := range there {
			if there[i] {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// mean is the mean of x in a format, empty without any.
func mean(x []float64, format string) string {
	if len(x) == 0 {
		return ""
	}
	return fmt.Sprintf(format, estimate(x).Mean)
}

// shortTable shows the constants that have other values in the measured searches. long are
// those of today.
func shortTable(b *strings.Builder, r *Results, long map[string]float64) {
	if len(r.Short) == 0 {
		return
	}
	b.WriteString("\n## Short searches\n\nAll searches of this page have other values of these constants than the file, so that they are short.\n\n| constant | value | here |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(r.Short)) {
		value := "gone since"
		if v, ok := long[name]; ok {
			value = fmt.Sprintf("%v", v)
		}
		fmt.Fprintf(b, "| %s | %s | %v |\n", name, value, r.Short[name])
	}
}

// shortened is the file with other values of those constants that it has.
func (f *File) shortened(values map[string]float64) (*File, error) {
	some := maps.Clone(values)
	there := f.Values()
	maps.DeleteFunc(some, func(name string, _ float64) bool { _, ok := there[name]; return !ok })
	text, err := f.Variant(some)
	if err != nil {
		return nil, err
	}
	return Parse("tuning.go", text)
}

// Values are those of all constants, by name.
func (f *File) Values() map[string]float64 {
	values := map[string]float64{}
	for _, c := range f.Constants {
		values[c.Name] = c.Value
	}
	return values
}

// table shows each constant, what the design says of it, and the verdict.
func (p *Plan) table(b *strings.Builder, r *Results, today *File) {
	screened, noise := p.Screening(r), p.SeedNoise(r)
	there := today.Values()
	b.WriteString("\n## Constants\n\nEffects of the design, from low to high, in percent, with their standard errors: of the largest part of the rows,\na quarter, half or all, that is measured on a network.\nLow or high is empty where the constant has to stay.\n\n| constant | value | unit | meaning | source | low | high | size | error | work | alone on | verdict |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range p.File.Constants {
		l, ok := p.Levels[c.Name]
		if !ok {
			continue
		}
		s := screened[c.Name]
		verdict := p.Verdict(r, c.Name, s, noise)
		if v, ok := there[c.Name]; !ok {
			verdict += "; gone since"
		} else if v != c.Value {
			verdict += fmt.Sprintf("; %.4g since", v)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |", c.Name, c.Text(), c.Unit, cell(c.Meaning), cell(c.Source), level(l.Low, c.Value), level(l.High, c.Value))
		for _, what := range Responses {
			fmt.Fprintf(b, " %s |", s.Effects[what])
		}
		fmt.Fprintf(b, " %s | %s |\n", strings.Join(s.Alone, ", "), verdict)
	}
}

// aloneTable shows what the levels do by themselves, network by network.
func (p *Plan) aloneTable(b *strings.Builder, r *Results) {
	there := map[string]bool{}
	for _, at := range r.Replicates(p.base.ID) {
		there[at.Network] = true
	}
	b.WriteString("\n## Half and double\n\nEach constant by itself: change of size; of error; in percent, the mean over seeds and in brackets\nthe least and the most.\n\n| constant | value |")
	rule := "|---|---|"
	for _, s := range r.Subjects {
		if there[s.Name] {
			fmt.Fprintf(b, " %s |", s.Name)
			rule += "---|"
		}
	}
	b.WriteString("\n" + rule + "\n")
	for _, name := range p.Names {
		for _, v := range p.Alone(name) {
			if len(r.Replicates(v.ID)) == 0 {
				continue
			}
			fmt.Fprintf(b, "| %s | %.4g |", name, v.Values[name])
			size, errs := p.Changes(r, v.ID, SizeAtDrop), p.Changes(r, v.ID, ErrorAtSize)
			for _, s := range r.Subjects {
				switch {
				case !there[s.Name]:
				case size[s.Name].N+errs[s.Name].N == 0:
					b.WriteString(" |")
				default:
					fmt.Fprintf(b, " %s; %s |", size[s.Name], errs[s.Name])
				}
			}
			b.WriteString("\n")
		}
	}
}

// asideTable shows what is not varied.
func asideTable(b *strings.Builder, r *Results) {
	b.WriteString("\n## Set aside\n\n| constant | reason |\n|---|---|\n")
	for _, a := range r.Aside {
		fmt.Fprintf(b, "| %s | %s |\n", a.Name, a.Reason)
	}
}

// goneTable shows what took the place of constants that are gone.
func goneTable(b *strings.Builder, gone []Aside) {
	if len(gone) == 0 {
		return
	}
	b.WriteString("\n## Gone\n\nNothing that was measured told these constants from what has taken their places.\n\n| constant | instead |\n|---|---|\n")
	for _, a := range gone {
		fmt.Fprintf(b, "| %s | %s |\n", a.Name, a.Reason)
	}
}

// percent is a response as a change in percent.
func percent(y float64) float64 { return 100 * (math.Exp(y) - 1) }

// String shows a mean with its standard error.
func (e Estimate) String() string {
	switch {
	case e.N == 0:
		return ""
	case math.IsInf(e.Err, 1):
		return fmt.Sprintf("%+.1f", percent(e.Mean))
	}
	return fmt.Sprintf("%+.1f ± %.1f", percent(e.Mean), 100*e.Err)
}

// String shows a mean with the least and the most of several.
func (c Change) String() string {
	switch c.N {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%+.1f", percent(c.Mean))
	}
	return fmt.Sprintf("%+.1f (%+.1f to %+.1f)", percent(c.Mean), percent(c.Least), percent(c.Most))
}

// level is a value, empty where it is none.
func level(v, base float64) string {
	if v == base {
		return ""
	}
	return fmt.Sprintf("%.4g", v)
}

// cell keeps a text from ending a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
