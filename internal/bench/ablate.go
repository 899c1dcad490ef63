package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"edgec/export"
	"edgec/internal/ablation"
)

const (
	tuningFile  = "internal/search/tuning.go"
	tuningStore = "docs/tuning.json"
	tuningPage  = "docs/TUNING.md"
)

// ablationOptions are the flags of -ablate.
type ablationOptions struct {
	networks  string
	constants string
	budget    time.Duration
	effort    float64
	seeds     int
	resume    string
}

// flags declares them.
func (o *ablationOptions) flags() {
	flag.StringVar(&o.networks, "networks", "", "with -ablate: the `names` of networks, with commas between them; all by default")
	flag.StringVar(&o.constants, "constants", "", "with -ablate: vary the constants whose names match")
	flag.DurationVar(&o.budget, "budget", 4*time.Hour, "with -ablate: the longest that it may take")
	flag.Float64Var(&o.effort, "effort", 1, "with -ablate: a factor of each network's own effort")
	flag.IntVar(&o.seeds, "seeds", 2, "with -ablate: seeds of the base and of constants by themselves")
	flag.StringVar(&o.resume, "resume", "", "with -ablate: go on with the runs in this `file`")
}

// study is an ablation on its way.
type study struct {
	options  ablationOptions
	subjects []subject
	results  *ablation.Results
	plan     *ablation.Plan
	path     string // of the results
	queue    queue
}

// replicate is a network and a seed, with the longest that a run may take.
type replicate struct {
	ablation.Replicate
	recipes []ablation.Recipe
	longest time.Duration
}

// ablate measures what the constants are worth: the base, the rows of the design, and
// what moves anything by itself. It ends without an error when the budget is used up.
func ablate(dir string, o ablationOptions) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.budget)
	defer cancel()
	s, err := newStudy(dir, o)
	if err != nil {
		return err
	}
	defer os.RemoveAll(s.queue.to)
	s.announce()
	if err := prepared(s.subjects, dir, s.queue.to); err != nil {
		return err
	}
	err = s.measure(ctx)
	if ctx.Err() != nil {
		fmt.Printf("stopped after %d runs; -resume %s goes on with them\n", len(s.results.Runs), s.path)
		err = nil
	}
	return errors.Join(err, writeTuning(s.path))
}

// newStudy reads the constants and the results so far.
func newStudy(dir string, o ablationOptions) (*study, error) {
	s := &study{options: o, path: tuningStore}
	var names []string
	if o.networks != "" {
		names = strings.Split(o.networks, ",")
	}
	var err error
	if s.subjects, err = chosen(names); err != nil {
		return nil, err
	}
	if o.seeds < 1 || !(o.effort > 0) {
		return nil, fmt.Errorf("%d seeds and effort %v; give at least 1 seed and a positive effort", o.seeds, o.effort)
	}
	if o.resume != "" {
		s.path = o.resume
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	if s.plan, err = ablation.NewPlan(s.results.Source, s.results.Levels); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "edgec-ablation")
	if err != nil {
		return nil, err
	}
	s.queue = queue{builder: builder{s.plan.File, folder, s.results.Tree}, from: dir, to: folder, workers: runtime.GOMAXPROCS(0), keep: s.keep}
	return s, nil
}

// open reads the results, or starts new ones.
func (s *study) open() error {
	text, err := os.ReadFile(tuningFile)
	if err != nil {
		return fmt.Errorf("%w; run it in the root of the module", err)
	}
	source, err := ablation.With(string(text), short)
	if err != nil {
		return err
	}
	fresh := &ablation.Results{Source: source, Short: short, Aside: rules.Aside, Subjects: described()}
	if fresh.Tree, err = sourceTree("."); err != nil {
		return err
	}
	if fresh.Levels, err = selected(source, s.options.constants); err != nil {
		return err
	}
	if s.results, err = ablation.Load(s.path); err != nil {
		return err
	}
	switch old := s.results; {
	case len(old.Runs) == 0:
		s.results = fresh
	case s.options.resume == "":
		return fmt.Errorf("%s has %d runs; go on with -resume %s, or remove it to measure anew", s.path, len(old.Runs), s.path)
	case old.Tree != fresh.Tree:
		return fmt.Errorf("%s has runs of other sources than those that are here; restore them, or name another file", s.path)
	case !alike(old, fresh):
		return fmt.Errorf("%s has runs of other constants than those of %s, or networks were asked for something else; name another file, or the same -constants", s.path, tuningFile)
	}
	return nil
}

// alike reports whether both results vary the same values in the same way, and ask
// the same of the networks.
func alike(a, b *ablation.Results) bool {
	f, err := ablation.Parse(tuningFile, a.Source)
	g, err2 := ablation.Parse(tuningFile, b.Source)
	return err == nil && err2 == nil && f.ID(nil) == g.ID(nil) && maps.Equal(a.Levels, b.Levels) && slices.Equal(a.Subjects, b.Subjects)
}

// selected returns the levels of the constants whose names match.
func selected(source, match string) (map[string]ablation.Level, error) {
	f, err := ablation.Parse(tuningFile, source)
	if err != nil {
		return nil, err
	}
	levels, err := f.Levels(rules)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(match)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(levels, func(name string, _ ablation.Level) bool { return !re.MatchString(name) })
	return levels, nil
}

// replicates are the networks with the seeds from 0 on.
func (s *study) replicates(some []subject, seeds int) (all []replicate) {
	for _, n := range some {
		for seed := range seeds {
			at := ablation.Replicate{Network: n.name, Seed: uint64(seed), Effort: n.effort * s.options.effort}
			all = append(all, replicate{at, n.recipes(), max(shortestLimit, time.Duration(longestRun*s.seconds(n)*float64(time.Second)))})
		}
	}
	return all
}

// One run may take longestRun times as long as both base runs, or shortestLimit on a
// busy machine.
const (
	longestRun    = 10
	shortestLimit = 10 * time.Minute
)

// measure measures everything that results do not have.
func (s *study) measure(ctx context.Context) error {
	if err := s.queue.run(ctx, jobs(s.results, s.plan.Base(), s.replicates(s.subjects, s.options.seeds))); err != nil {
		return err
	}
	parts, err := s.parts()
	if err != nil {
		return err
	}
	s.predict(parts)
	for _, part := range []int{4, 2, 1} {
		if err := s.queue.run(ctx, s.rows(part, parts)); err != nil {
			return err
		}
	}
	var alone []job
	for _, name := range s.plan.Followed(s.results) {
		for _, v := range s.plan.Alone(name) {
			alone = append(alone, jobs(s.results, v, s.replicates(s.subjects, s.options.seeds))...)
		}
	}
	fmt.Printf("%d constants are beyond noise: %d runs of their low and high values\n", len(s.plan.Followed(s.results)), len(alone))
	return s.queue.run(ctx, alone)
}

// rows are the jobs of a part of the design, the first network first: what is there when the
// budget ends can be analysed. The rows' programs are kept until their last run.
func (s *study) rows(part int, parts map[string]int) (all []job) {
	for i, row := range s.plan.Rows {
		if s.plan.Design.Part[i] == part {
			all = append(all, jobs(s.results, row, s.replicates(s.measuring(part, parts), 1))...)
		}
	}
	place := func(j job) int {
		return slices.IndexFunc(s.subjects, func(n subject) bool { return n.name == j.key.Network })
	}
	slices.SortStableFunc(all, func(a, b job) int { return place(a) - place(b) })
	return all
}

// measuring returns the subjects that rows of a part are measured on; see ablation.Design.
func (s *study) measuring(part int, parts map[string]int) (some []subject) {
	for _, n := range s.subjects {
		if part >= parts[n.name] {
			some = append(some, n)
		}
	}
	return some
}

// keep stores a run.
func (s *study) keep(j job, run ablation.Run) error {
	if run.Failed != "" && len(j.Values.Values) == 0 {
		return fmt.Errorf("the search as it is fails on %s, %s: %s", run.Network, run.Recipe, run.Failed)
	}
	s.results.Runs = append(s.results.Runs, run)
	outcome := fmt.Sprintf("%d bytes, error %.2f %%", run.Bytes, run.Error)
	if run.Failed != "" {
		outcome = run.Failed
	}
	fmt.Printf("%d: %s, %s, %s, seed %d: %s, %d steps, %.1f s\n", len(s.results.Runs), j.Name, run.Network, run.Recipe, run.Seed, outcome, run.Steps, run.Seconds)
	return s.results.Save(s.path)
}

// writeTuning writes the page of results, if there are any.
func writeTuning(path string) error {
	r, err := ablation.Load(path)
	if err != nil || r.Source == "" {
		return err
	}
	now, err := os.ReadFile(tuningFile)
	if err != nil {
		return err
	}
	text, err := ablation.Page(r, string(now), gone)
	if err != nil {
		return err
	}
	return export.Write(tuningPage, []byte(text))
}
