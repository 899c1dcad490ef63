package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"edgec/runtime/program"
)

// The Open Inference Protocol, version 2 (github.com/kserve/open-inference-protocol): its JSON form.

// tensor is an input or an output of a request, or of the description of the model.
type tensor struct {
	Name     string   `json:"name"`
	Datatype string   `json:"datatype"`
	Shape    []int    `json:"shape"`
	Data     elements `json:"data,omitzero"`
}

// elements are those of a tensor, row-major. In JSON they are flat, or nested as the shape says.
type elements struct {
	values []float32
	dims   []int // of nested arrays; nil: flat
}

func (e elements) MarshalJSON() ([]byte, error) { return json.Marshal(e.values) }

func (e *elements) UnmarshalJSON(text []byte) error {
	*e = elements{}
	if !isNested(text) {
		return e.row(text)
	}
	return e.read(text, 0)
}

// isNested reports whether the first element of an array is an array.
func isNested(text []byte) bool {
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(text), []byte("["))
	return ok && bytes.HasPrefix(bytes.TrimSpace(rest), []byte("["))
}

// row appends an array of numbers.
func (e *elements) row(text []byte) error {
	if bytes.Contains(text, []byte("null")) {
		return errors.New("data holds null; give numbers")
	}
	var v []float32
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	e.values = append(e.values, v...)
	return nil
}

// deepest is how deeply data may be nested: as many dimensions as a tensor of a file has, and its batch.
const deepest = 9

// read appends an array at a depth of nested ones, which must all have the same size there.
func (e *elements) read(text []byte, depth int) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	switch {
	case depth == deepest:
		return fmt.Errorf("data is nested more than %d times", deepest)
	case depth == len(e.dims) && len(e.values) == 0:
		e.dims = append(e.dims, len(parts))
	case depth >= len(e.dims) || e.dims[depth] != len(parts):
		return errors.New("data is nested unevenly")
	}
	if isNested(text) {
		for _, p := range parts {
			if err := e.read(p, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if depth != len(e.dims)-1 {
		return errors.New("data is nested unevenly")
	}
	return e.row(text)
}

// inferRequest is the body of a request.
type inferRequest struct {
	ID     string   `json:"id"`
	Inputs []tensor `json:"inputs"`
}

// inferResponse is the answer.
type inferResponse struct {
	Model   string   `json:"model_name"`
	Version string   `json:"model_version,omitempty"` // where the request names it
	ID      string   `json:"id,omitempty"`
	Outputs []tensor `json:"outputs"`
}

// path is the name of the model as a part of a path.
func (s *server) path() string { return url.PathEscape(s.name) }

func (s *server) inferenceRoutes(mux *http.ServeMux) {
	model := "/v2/models/" + s.path()
	mux.HandleFunc("GET /v2", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"name": "edgec", "version": built.Edgec, "extensions": []string{}})
	})
	mux.HandleFunc("GET /v2/health/live", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]bool{"live": true})
	})
	ready := func(w http.ResponseWriter, _ *http.Request) {
		status := http.StatusOK
		if !s.ready.Load() {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, map[string]bool{"ready": status == http.StatusOK})
	}
	mux.HandleFunc("GET /v2/health/ready", ready)
	for _, path := range []string{model, model + "/versions/" + version} {
		mux.HandleFunc("GET "+path+"/ready", ready)
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.describe()) })
		mux.HandleFunc("POST "+path+"/infer", s.request(s.infer))
	}
}

// version is the only version of the model.
const version = "1"

func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

// describe returns the metadata of the model.
func (s *server) describe() any {
	inputs, outputs := []tensor{}, []tensor{}
	for _, i := range program.GivenInputs(s.info) {
		inputs = append(inputs, tensor{Name: "input" + strconv.Itoa(i), Datatype: s.datatype(i), Shape: s.inputShape(i)})
	}
	for _, k := range program.Results(s.info) {
		outputs = append(outputs, tensor{Name: "output" + strconv.Itoa(k), Datatype: "FP32", Shape: append([]int{1}, s.info.Outputs[k]...)})
	}
	return map[string]any{"name": s.name, "versions": []string{version}, "platform": "edgec", "inputs": inputs, "outputs": outputs}
}

func (s *server) datatype(i int) string {
	if s.info.Whole[i] {
		return "INT64"
	}
	return "FP32"
}

// inputShape returns the shape of input i with its batch of one, in the order of the network that
// was compressed.
func (s *server) inputShape(i int) []int {
	shape := s.info.Inputs[i]
	if len(shape) == 3 && !(i == 0 && s.model.Preprocess().ChannelsLast) {
		shape = []int{shape[2], shape[0], shape[1]}
	}
	return append([]int{1}, shape...)
}

// infer executes a request with a tensor for each input.
func (s *server) infer(w *program.Worker, r *http.Request, body []byte) ([]byte, error) {
	var q inferRequest
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, bad(fmt.Errorf("not a request of the Open Inference Protocol: %w", err))
	}
	given := program.GivenInputs(s.info)
	if len(q.Inputs) != len(given) {
		return nil, bad(fmt.Errorf("%d inputs were given, the model has %d", len(q.Inputs), len(given)))
	}
	w.Reset()
	for _, i := range given {
		if err := s.setInput(w, i, q.Inputs); err != nil {
			return nil, err
		}
	}
	w.Run()
	a := inferResponse{Model: s.name, ID: q.ID}
	if strings.HasSuffix(r.URL.Path, "/versions/"+version+"/infer") {
		a.Version = version
	}
	for _, k := range program.Results(s.info) {
		a.Outputs = append(a.Outputs, tensor{Name: "output" + strconv.Itoa(k), Datatype: "FP32", Shape: append([]int{1}, s.info.Outputs[k]...), Data: elements{values: w.Output(k)}})
	}
	text, err := json.Marshal(a)
	if err != nil { // an output that is no number
		return nil, failure{http.StatusInternalServerError, err}
	}
	return append(text, '\n'), nil
}

// setInput sets input i to the tensor of its name.
func (s *server) setInput(w *program.Worker, i int, inputs []tensor) error {
	name := "input" + strconv.Itoa(i)
	for _, t := range inputs {
		if t.Name != name {
			continue
		}
		data, n := t.Data.values, 1
		for _, d := range t.Shape {
			if d < 1 || n > len(data)/d {
				return bad(fmt.Errorf("%s: shape %v has other elements than the %d of data", name, t.Shape, len(data)))
			}
			n *= d
		}
		switch {
		case n != len(data):
			return bad(fmt.Errorf("%s: shape %v has %d elements, data has %d", name, t.Shape, n, len(data)))
		case t.Data.dims != nil && !slices.Equal(t.Data.dims, t.Shape):
			return bad(fmt.Errorf("%s: shape is %v, data is nested as %v", name, t.Shape, t.Data.dims))
		case t.Datatype != "FP32" && t.Datatype != s.datatype(i):
			return bad(fmt.Errorf("%s: datatype %q; give %s", name, t.Datatype, s.datatype(i)))
		}
		if err := w.SetValues(i, t.Shape, data); err != nil {
			return bad(fmt.Errorf("%s: %w", name, err))
		}
		return nil
	}
	return bad(fmt.Errorf("there is no %s among the inputs", name))
}
