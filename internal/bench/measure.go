package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"edgec"
	"edgec/internal/ablation"
)

// measurement says which search a measuring program runs, on one goroutine.
type measurement struct {
	From string       `json:"from"` // EDGEC_DATA
	To   string       `json:"to"`   // the prepared folder
	Key  ablation.Key `json:"key"`
}

// measureOne runs one search and writes its ablation.Run as JSON.
func measureOne(text string, out io.Writer) error {
	var m measurement
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return fmt.Errorf("-measure: %w", err)
	}
	some, err := chosen([]string{m.Key.Network})
	if err != nil {
		return err
	}
	run, err := some[0].search(m)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(run)
}

// search runs the search of a recipe.
func (s subject) search(m measurement) (ablation.Run, error) {
	run := ablation.Run{Key: m.Key}
	path, samples := s.paths(m.From, m.To)
	model, err := edgec.Open(path)
	if err != nil {
		return run, err
	}
	data, err := edgec.OpenData(samples, model, s.options)
	if err != nil {
		return run, err
	}
	options := edgec.Options{Seed: m.Key.Seed, Effort: m.Key.Effort, TrainedOn: s.trainedOn, NoLabels: s.options.NoLabels, NoAugment: s.plain, Threads: 1}
	switch m.Key.Recipe {
	case ablation.Drop:
		options.MaxDrop = &s.maxDrop
	case ablation.Size:
		options.MaxSize = s.maxSize
	default:
		return run, fmt.Errorf("no recipe %q", m.Key.Recipe)
	}
	options.Progress = func(p edgec.Progress) { run.Steps += trained(p) }
	report, err := edgec.Compress(context.Background(), model, data, options)
	if err != nil {
		run.Failed = err.Error()
		return run, nil
	}
	if report.Test == nil {
		return run, errors.New("there is no test part; the subject needs one")
	}
	run.Bytes, run.Error, run.Samples = report.Best.Size, report.Test.File.Error, report.Test.File.N
	run.File = fmt.Sprintf("%x", sha256.Sum256(report.Best.Bytes))[:16]
	return run, nil
}

// trained is the number of training steps that an event of the search tells of: 1, or
// 0 for events of other work.
func trained(p edgec.Progress) int {
	if p.Done == 0 || p.Stage == "round" || p.Stage == "lambda" || p.Stage == "measure" {
		return 0
	}
	return 1
}
