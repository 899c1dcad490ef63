package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"edgec/runtime/program"
)

// The Open Inference Protocol, version 2 (github.com/kserve/open-inference-protocol): its JSON form.

// tensor is an input or an output of a request, or of the description of the model.
type tensor struct {
	Name     string    `json:"name"`
	Datatype string    `json:"datatype"`
	Shape    []int     `json:"shape"`
	Data     []float32 `json:"data,omitempty"` // row-major
}

// inferRequest is the body of a request.
type inferRequest struct {
	ID     string   `json:"id"`
	Inputs []tensor `json:"inputs"`
}

// inferResponse is the answer.
type inferResponse struct {
	Model   string   `json:"model_name"`
	ID      string   `json:"id,omitempty"`
	Outputs []tensor `json:"outputs"`
}

func (s *server) inferenceRoutes(mux *http.ServeMux) {
	model := "/v2/models/" + url.PathEscape(s.name)
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
	mux.HandleFunc("GET "+model+"/ready", ready)
	mux.HandleFunc("GET "+model, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.describe()) })
	mux.HandleFunc("POST "+model+"/infer", s.request(s.infer))
}

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
	return map[string]any{"name": s.name, "versions": []string{"1"}, "platform": "edgec", "inputs": inputs, "outputs": outputs}
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
func (s *server) infer(w *program.Worker, _ *http.Request, body []byte) ([]byte, error) {
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
	for _, k := range program.Results(s.info) {
		a.Outputs = append(a.Outputs, tensor{Name: "output" + strconv.Itoa(k), Datatype: "FP32", Shape: append([]int{1}, s.info.Outputs[k]...), Data: w.Output(k)})
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
		n := 1
		for _, d := range t.Shape {
			if d < 1 || n > len(t.Data)/d {
				return bad(fmt.Errorf("%s: shape %v has other elements than the %d of data", name, t.Shape, len(t.Data)))
			}
			n *= d
		}
		switch {
		case n != len(t.Data):
			return bad(fmt.Errorf("%s: shape %v has %d elements, data has %d", name, t.Shape, n, len(t.Data)))
		case t.Datatype != "FP32" && t.Datatype != s.datatype(i):
			return bad(fmt.Errorf("%s: datatype %q; give %s", name, t.Datatype, s.datatype(i)))
		}
		if err := w.SetValues(i, t.Shape, t.Data); err != nil {
			return bad(fmt.Errorf("%s: %w", name, err))
		}
		return nil
	}
	return bad(fmt.Errorf("there is no %s among the inputs", name))
}
