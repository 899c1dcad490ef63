package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	goruntime "runtime"
	"slices"
	"sync"
	"time"
)

// buckets are the upper ends of the histograms, in seconds.
var buckets = [...]float64{0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10}

// histogram counts times. The last count is that of times above all buckets.
type histogram struct {
	counts [len(buckets) + 1]uint64
	sum    float64
}

func (h *histogram) add(d time.Duration) {
	seconds := d.Seconds()
	i, _ := slices.BinarySearch(buckets[:], seconds)
	h.counts[i]++
	h.sum += seconds
}

// recent is the number of inferences that a median is taken of.
const recent = 64

// metrics are what GET /metrics prints.
type metrics struct {
	mu         sync.Mutex
	started    time.Time
	answers    map[int]uint64 // by status
	requests   histogram
	inferences histogram
	last       [recent]time.Duration // of inferences, a ring
	executions int                   // inferences so far
}

func newMetrics() *metrics { return &metrics{started: time.Now(), answers: map[int]uint64{}} }

func (m *metrics) answered(status int, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[status]++
	m.requests.add(took)
}

func (m *metrics) executed(took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inferences.add(took)
	m.last[m.executions%recent] = took
	m.executions++
}

// wait returns after how many seconds, at least 1, n requests will be done: their number times the
// median of the last inferences, over the workers.
func (m *metrics) wait(n, workers int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	times := slices.Clone(m.last[:min(m.executions, recent)])
	if len(times) == 0 {
		return 1
	}
	slices.Sort(times)
	return max(1, int(math.Ceil(float64(n)*times[len(times)/2].Seconds()/float64(workers))))
}

// writeMetrics prints the metrics in Prometheus' text format, version 0.0.4.
func (s *server) writeMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m := s.metrics
	m.mu.Lock()
	defer m.mu.Unlock()
	head(w, "edgec_build_info", "gauge", "What the program was made of.")
	fmt.Fprintf(w, "edgec_build_info{version=%q,model_sha256=%q,go=%q,target=%q} 1\n", built.Edgec, s.hash, goruntime.Version(), built.Target)
	head(w, "process_start_time_seconds", "gauge", "When the program was started, in seconds since 1970.")
	fmt.Fprintf(w, "process_start_time_seconds %.3f\n", float64(m.started.UnixMilli())/1000)
	head(w, "edgec_requests_total", "counter", "Requests for inferences that were answered, by status.")
	for _, status := range slices.Sorted(maps.Keys(m.answers)) {
		fmt.Fprintf(w, "edgec_requests_total{code=\"%d\"} %d\n", status, m.answers[status])
	}
	for _, g := range []struct {
		name, help string
		value      int
	}{
		{"edgec_workers", "Requests that can be executed at the same time.", s.options.workers},
		{"edgec_workers_busy", "Workers that execute a request.", s.options.workers - len(s.workers)},
		{"edgec_queue_capacity", "Requests that may wait.", s.options.queue},
		{"edgec_requests_in_flight", "Requests that are read, wait or are executed.", int(s.open.Load())},
	} {
		head(w, g.name, "gauge", g.help)
		fmt.Fprintf(w, "%s %d\n", g.name, g.value)
	}
	m.requests.write(w, "edgec_request_duration_seconds", "Time of a request, reading and waiting included.")
	m.inferences.write(w, "edgec_inference_duration_seconds", "Time of preprocessing and inference in a worker.")
}

func head(w io.Writer, name, kind, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// write prints a histogram, whose buckets hold those below.
func (h *histogram) write(w io.Writer, name, help string) {
	head(w, name, "histogram", help)
	n := uint64(0)
	for i, end := range buckets {
		n += h.counts[i]
		fmt.Fprintf(w, "%s_bucket{le=\"%g\"} %d\n", name, end, n)
	}
	n += h.counts[len(buckets)]
	fmt.Fprintf(w, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %g\n%s_count %d\n", name, n, name, h.sum, name, n)
}
