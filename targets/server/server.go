package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"edgec/runtime"
	"edgec/runtime/preprocess"
	"edgec/runtime/program"
)

// server executes requests by a fixed number of workers, each with a session. Requests that come
// while all are busy wait in a bounded queue.
type server struct {
	options options
	name    string
	hash    string // SHA-256 of the model
	model   *runtime.Model
	info    runtime.Info
	workers chan *program.Worker // those that are free
	slots   chan struct{}        // one for each request that is executed or waits
	open    atomic.Int64         // requests that are read, wait or are executed
	held    atomic.Int64         // bytes of their bodies
	ready   atomic.Bool
	metrics *metrics
}

func newServer(o options) (*server, error) {
	file, hash := built.Model, built.Hash
	if o.model != "" {
		var err error
		if file, err = os.ReadFile(o.model); err != nil {
			return nil, err
		}
		hash = fmt.Sprintf("%x", sha256.Sum256(file))
	}
	if file == nil {
		return nil, errors.New("there is no model; give one with --model")
	}
	m, err := runtime.Load(file)
	if err != nil {
		return nil, err
	}
	s := &server{options: o, hash: hash, model: m, info: m.Info(), workers: make(chan *program.Worker, o.workers), slots: make(chan struct{}, o.workers+o.queue), metrics: newMetrics()}
	if s.name = s.info.Name; s.name == "" || s.name == "." || s.name == ".." { // no part of a path
		s.name = "model"
	}
	for range o.workers {
		w, err := program.NewWorker(m, program.Job{})
		if err != nil {
			return nil, err
		}
		s.workers <- w
	}
	return s, nil
}

// routes returns the handler of all paths.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /predict", s.request(s.predict))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /metrics", s.writeMetrics)
	s.inferenceRoutes(mux)
	return mux
}

// failure is an error with its HTTP status.
type failure struct {
	status int
	error
}

func (f failure) Unwrap() error { return f.error }

func bad(err error) error { return failure{http.StatusBadRequest, err} }

// request makes a handler of what executes a request in a worker: it reads the body, finds a place
// in the queue, waits for a worker and answers. A client that has left is not executed.
func (s *server) request(execute func(*program.Worker, *http.Request, []byte) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(r.Context(), s.options.timeout)
		defer cancel()
		answer, err := s.execute(ctx, w, r, execute)
		status := http.StatusOK
		if err != nil {
			status, answer = s.explain(w, r, err)
		}
		s.metrics.answered(status, time.Since(begin))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write(answer)
	}
}

var errBusy = failure{http.StatusTooManyRequests, errors.New("all workers are busy and the queue is full; try again later")}

// execute reads the body and finds a place, a worker and the answer. A client that is slow to send
// its body takes no place.
func (s *server) execute(ctx context.Context, w http.ResponseWriter, r *http.Request, execute func(*program.Worker, *http.Request, []byte) ([]byte, error)) ([]byte, error) {
	s.open.Add(1)
	defer s.open.Add(-1)
	if len(s.slots) == cap(s.slots) {
		return nil, errBusy // before the body is sent for nothing
	}
	if err := checkHeader(r.Header); err != nil {
		return nil, err
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.options.timeout))
	held := &counted{from: http.MaxBytesReader(w, r.Body, s.options.maxBody), held: &s.held, most: int64(cap(s.slots)) * s.options.maxBody}
	defer held.release()
	body, err := io.ReadAll(held)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, failure{http.StatusRequestTimeout, fmt.Errorf("the body did not arrive within %v", s.options.timeout)}
	case errors.As(err, new(failure)):
		return nil, err
	case err != nil:
		return nil, bad(err)
	}
	if err := s.checkPicture(body); err != nil {
		return nil, err
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return nil, errBusy
	}
	return s.work(ctx, r, body, execute)
}

// checkHeader refuses a body that is not the file itself. Other types pass: curl states one that is
// wrong, and a file says what it is.
func checkHeader(h http.Header) error {
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return failure{http.StatusUnsupportedMediaType, fmt.Errorf("the body is compressed (%.20s); send it as it is", coding)}
	}
	if strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "multipart/") {
		return failure{http.StatusUnsupportedMediaType, errors.New("the body is a form; send the file itself, as by curl --data-binary @FILE")}
	}
	return nil
}

// counted reads a body and counts its bytes among those of all requests, of which there are at
// most as many as full bodies fit into the queue and the workers.
type counted struct {
	from io.Reader
	held *atomic.Int64
	most int64
	n    int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	if c.held.Add(int64(n)) > c.most {
		return n, failure{http.StatusTooManyRequests, errors.New("the bodies of other requests fill the memory; try again later")}
	}
	return n, err
}

func (c *counted) release() { c.held.Add(-c.n) }

// work waits for a worker and executes the request in it.
func (s *server) work(ctx context.Context, r *http.Request, body []byte, execute func(*program.Worker, *http.Request, []byte) ([]byte, error)) ([]byte, error) {
	select {
	case worker := <-s.workers:
		defer func() { s.workers <- worker }()
		if ctx.Err() != nil {
			return nil, failure{http.StatusServiceUnavailable, ctx.Err()}
		}
		begin := time.Now()
		answer, err := execute(worker, r, body)
		if err == nil {
			s.metrics.executed(time.Since(begin))
		}
		return answer, err
	case <-ctx.Done():
		return nil, failure{http.StatusServiceUnavailable, errors.New("no worker was free in time")}
	}
}

// checkPicture refuses a picture of too many pixels by its header.
func (s *server) checkPicture(body []byte) error {
	if !preprocess.IsPicture(body) {
		return nil
	}
	width, height, err := preprocess.PictureSize(body)
	if err != nil || int64(width)*int64(height) <= int64(s.options.maxPixels) {
		return nil // decoding says what is wrong
	}
	return failure{http.StatusRequestEntityTooLarge, fmt.Errorf("the picture has %d x %d pixels, at most %d are taken; make it smaller", width, height, s.options.maxPixels)}
}

// explain returns the status and the JSON of an error. Of a full queue it says when to come again.
func (s *server) explain(w http.ResponseWriter, r *http.Request, err error) (int, []byte) {
	status := http.StatusBadRequest
	var f failure
	if errors.As(err, &f) {
		status = f.status
	}
	message := err.Error()
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		status, message = http.StatusRequestEntityTooLarge, fmt.Sprintf("the request has more than %d bytes; make it smaller", large.Limit)
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", strconv.Itoa(s.metrics.wait(len(s.slots), s.options.workers)))
	}
	if r.URL.Path != "/predict" { // the Open Inference Protocol's form
		text, _ := json.Marshal(map[string]string{"error": message})
		return status, append(text, '\n')
	}
	quoted, _ := json.Marshal(message)
	return status, fmt.Appendf(nil, program.Schema+`"error":{"message":%s}}`+"\n", quoted)
}

// predict executes the file that a request has as its body. ?top=N asks for the N largest elements.
func (s *server) predict(w *program.Worker, r *http.Request, body []byte) ([]byte, error) {
	top := 1
	if text := r.URL.Query().Get("top"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, bad(fmt.Errorf("top=%q: give a number from 1 on", text))
		}
		top = n
	}
	if n := len(program.GivenInputs(s.info)); n != 1 {
		return nil, bad(fmt.Errorf("the model has %d inputs; POST them to /v2/models/%s/infer", n, s.name))
	}
	return w.Predict(s.model, "-", body, top)
}
