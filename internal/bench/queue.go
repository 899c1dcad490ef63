package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"edgec/internal/ablation"
)

// builder makes measuring programs of variants of the constants' file.
type builder struct {
	file   *ablation.File
	folder string // where programs and overlays are
	tree   string // of the sources that all programs are built from
}

// variant is a measuring program, built when it is first needed and removed after its
// last run.
type variant struct {
	ablation.Values
	once sync.Once
	path string
	err  error
	left atomic.Int32 // runs
}

// program returns the path of the variant's program. It is built with the toolchain's
// overlay: the variant stands in for the file, which stays as it is.
func (b builder) program(ctx context.Context, v *variant) (string, error) {
	v.once.Do(func() { v.path, v.err = b.build(ctx, v.Values) })
	return v.path, v.err
}

func (b builder) build(ctx context.Context, v ablation.Values) (string, error) {
	if tree, err := sourceTree("."); err != nil || tree != b.tree {
		return "", errors.Join(err, errors.New("the sources have changed since the measurement began; restore them, and go on with -resume"))
	}
	text, err := b.file.Variant(v.Values)
	if err != nil {
		return "", err
	}
	original, err := filepath.Abs(tuningFile)
	if err != nil {
		return "", err
	}
	base := filepath.Join(b.folder, v.ID)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: base + ".go"}})
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(base+".go", []byte(text), 0o644), os.WriteFile(base+".json", overlay, 0o644)); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-overlay", base+".json", "-o", base, "./internal/bench").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: go build: %w: %s", v.Name, err, bytes.TrimSpace(out))
	}
	return base, nil
}

// remove deletes the program once no run is left.
func (v *variant) remove() {
	if v.left.Add(-1) == 0 && v.path != "" {
		for _, end := range []string{"", ".go", ".json"} {
			_ = os.Remove(v.path + end) // the folder goes at the end
		}
	}
}

// job is one run to measure.
type job struct {
	*variant
	key     ablation.Key
	longest time.Duration // after which it counts as failed
}

// jobs returns the runs of values on replicates that results do not have.
func jobs(r *ablation.Results, values ablation.Values, on []replicate) []job {
	v := &variant{Values: values}
	var all []job
	for _, at := range on {
		for _, recipe := range at.recipes {
			if k := at.Key(values.ID, recipe); r.Find(k) == nil {
				all = append(all, job{v, k, at.longest})
			}
		}
	}
	v.left.Store(int32(len(all)))
	return all
}

// measure runs the job in a process of its own, on one goroutine.
func (j job) measure(ctx context.Context, program, from, to string) (ablation.Run, error) {
	text, err := json.Marshal(measurement{from, to, j.key})
	if err != nil {
		return ablation.Run{}, err
	}
	limited, cancel := context.WithTimeout(ctx, j.longest)
	defer cancel()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(limited, program, "-measure", string(text))
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	err = cmd.Run()
	run := ablation.Run{Key: j.key, Seconds: cpuSeconds(cmd)}
	switch {
	case ctx.Err() != nil:
		return run, ctx.Err()
	case limited.Err() != nil:
		run.Failed = fmt.Sprintf("took more than %v", j.longest)
		return run, nil
	case err != nil && complaint.Len() > 0: // a search may not bear some values
		run.Failed = string(bytes.TrimSpace(firstLine(complaint.Bytes())))
		return run, nil
	case err != nil:
		return run, fmt.Errorf("%s on %s: %w", j.Name, j.key.Network, err)
	}
	if err := json.Unmarshal(out.Bytes(), &run); err != nil {
		return run, fmt.Errorf("%s on %s: %w", j.Name, j.key.Network, err)
	}
	run.Seconds = cpuSeconds(cmd)
	return run, nil
}

// cpuSeconds is the CPU time of a program that has ended: a busy machine does not
// change it.
func cpuSeconds(c *exec.Cmd) float64 {
	if c.ProcessState == nil {
		return 0
	}
	return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
}

func firstLine(text []byte) []byte {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return line
}

// queue measures jobs, several at a time, and keeps each result when it is there.
type queue struct {
	builder  builder
	from, to string
	workers  int
	keep     func(j job, run ablation.Run) error // called by one goroutine at a time
}

// run measures all jobs, in order as workers get free. It ends with the first error,
// or with that of ctx.
func (q queue) run(ctx context.Context, all []job) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int32
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range q.workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(all) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				run, err := q.one(ctx, all[i])
				mu.Lock()
				if err == nil {
					err = q.keep(all[i], run)
				}
				mu.Unlock()
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (q queue) one(ctx context.Context, j job) (ablation.Run, error) {
	program, err := q.builder.program(ctx, j.variant)
	if err != nil {
		return ablation.Run{}, err
	}
	defer j.remove()
	return j.measure(ctx, program, q.from, q.to)
}
