package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"edgec/bench/networks"
)

// comparison is all that is measured: networks by workers.
type comparison struct {
	networks []networks.Stored
	workers  []*worker           // edgec's first, one for each level of micro-kernels
	levels   int                 // number of edgec's workers
	files    map[*worker][]int   // number of each network's file in the worker; -1: it has none
	times    []map[*worker]times // of each network
	missing  []string            // peers that could not be started, and why
}

// begin starts a worker for each level of micro-kernels that the processor has, and for each
// peer. A peer that does not start is noted; edgec has to.
func begin(stored []networks.Stored, models string) (*comparison, error) {
	c := &comparison{networks: stored, files: map[*worker][]int{}}
	own := make([]string, len(stored))
	for i := range stored {
		own[i] = stored[i].Path
	}
	for _, cpu := range []string{"", "avx2", "neon", "go"} {
		if err := c.addEdgec(cpu, own); err != nil {
			c.end()
			return nil, err
		}
	}
	onnx, tflite := make([]string, len(stored)), make([]string, len(stored))
	for i := range stored {
		onnx[i] = filepath.Join(models, stored[i].ONNX)
		var err error
		if tflite[i], err = stored[i].TFLiteFile(models); err != nil {
			c.end()
			return nil, err
		}
	}
	c.addPeer("ONNX Runtime", onnx, onnxRuntimeWorker)
	c.addPeer("LiteRT", tflite, liteRTWorker)
	return c, nil
}

// addEdgec starts edgec's runtime on a level of micro-kernels, "" for the best, unless the
// processor does not have it, or it is the best.
func (c *comparison) addEdgec(cpu string, files []string) error {
	cmd, err := edgecWorker(cpu, files)
	if err != nil {
		return err
	}
	cmd.Stderr = os.Stderr
	w, err := start(cmd)
	switch {
	case err != nil && cpu != "" && cpu != "go":
		return nil // Load refuses a level that the processor does not have
	case err != nil:
		return fmt.Errorf("edgec: %w", err)
	case len(c.workers) > 0 && w.version == c.workers[0].version:
		return w.stop()
	}
	w.column = "edgec, " + w.version
	c.add(w, files)
	c.levels++
	return nil
}

// addPeer starts a peer. If it does not start, its column is there and empty.
func (c *comparison) addPeer(name string, files []string, command func(files []string) (*exec.Cmd, error)) {
	var have []string
	for _, f := range files {
		if f != "" {
			have = append(have, f)
		}
	}
	cmd, err := command(have)
	var w *worker
	if err == nil {
		w, err = start(cmd)
	}
	if err != nil {
		c.missing = append(c.missing, fmt.Sprintf("%s is missing: %v", name, err))
		w, files = &worker{}, make([]string, len(files)) // an empty column
	}
	w.column = name + " int8"
	c.add(w, files)
}

// add notes which of a worker's files belongs to which network.
func (c *comparison) add(w *worker, files []string) {
	c.workers = append(c.workers, w)
	numbers, next := make([]int, len(files)), 0
	for i, f := range files {
		numbers[i] = -1
		if f != "" {
			numbers[i] = next
			next++
		}
	}
	c.files[w] = numbers
}

// end stops the workers.
func (c *comparison) end() {
	for _, w := range c.workers {
		if err := w.stop(); err != nil {
			fmt.Fprintf(os.Stderr, "peers: %s: %v\n", w.column, err)
		}
	}
}

// measure fills times.
func (c *comparison) measure(rounds int) error {
	var contests []*contest
	for i := range c.networks {
		c.times = append(c.times, map[*worker]times{})
		for _, w := range c.workers {
			if f := c.files[w][i]; f >= 0 {
				contests = append(contests, &contest{worker: w, network: i, file: f})
			}
		}
	}
	if err := alternate(contests, rounds); err != nil {
		return err
	}
	for _, t := range contests {
		c.times[t.network][t.worker] = t.times
	}
	return nil
}
