package program

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgec/runtime/format"
)

// adding returns the file of a model that adds its input, [2], to what it has added before.
func adding(t *testing.T) []byte {
	t.Helper()
	tensor := func() format.Tensor { return format.Tensor{DType: format.Float32, Shape: []int{2}} }
	f := &format.File{Tensors: []format.Tensor{tensor(), tensor(), tensor()}, Inputs: []int{0, 1}, Outputs: []int{2}, State: []format.State{{Output: 0, Input: 0}},
		Instrs: []format.Instr{{Op: format.OpBinary, Function: format.BinaryAdd, In: []int{0, 1}, Out: 2, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127}}}
	format.Finish(f)
	data, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// npyBytes is an array of uint8.
func npyBytes(shape string, body ...byte) []byte {
	head := "{'descr': '|u1', 'fortran_order': False, 'shape': (" + shape + "), }\n"
	return append(append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), 0), append([]byte(head), body...)...)
}

// TestStream: a state is carried from sample to sample, and is no input.
func TestStream(t *testing.T) {
	var out, errs bytes.Buffer
	if code := execute(adding(t), []string{"sums", "--stream"}, bytes.NewReader(npyBytes("3, 2", 1, 0, 2, 9, 30, 0)), &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line)[:4], " "))
	}
	if want := "standard input[0]: 0 1|standard input[1]: 1 9|standard input[2]: 0 33"; strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", strings.Join(got, "|"), want)
	}
	for name, c := range map[string]struct {
		model []byte
		data  []byte
		says  string
	}{
		"another length": {adding(t), npyBytes("3,", 1, 2, 3), "is no stream for an input of 2 elements"},
		"no array":       {adding(t), []byte{1, 2}, "standard input: "},
		"two inputs":     {speaker(t, true), nil, "the model has 2 inputs beside its state; a stream is for one"},
	} {
		out.Reset()
		errs.Reset()
		if code := execute(c.model, []string{"sums", "--stream"}, bytes.NewReader(c.data), &out, &errs); code != 1 || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%s: exit code %d, %s; want %s", name, code, errs.String(), c.says)
		}
	}
}

// TestStateIsNoResult: outputs that are the state are not printed, and inputs that take it are no files.
func TestStateIsNoResult(t *testing.T) {
	dir := t.TempDir()
	token, place := filepath.Join(dir, "token.npy"), filepath.Join(dir, "place.npy")
	for path, v := range map[string]byte{token: 3, place: 0} {
		if err := os.WriteFile(path, npyBytes("1,", v), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	model := speaker(t, true)
	for args, want := range map[string]string{
		"":       token + ": 4 3.75\n",
		"--json": `"source":{"kind":"npy","scaling":"values as they are"},"top":[{"index":4,"score":3.75}],"outputs":[0,1.875,0,0,3.75]}`,
		"--raw":  "\x00\x00\x00\x00\x00\x00\xf0?\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00p@",
		"--info": "input 1               1\ninput 2               1x5, state: output 0 of the run before\noutput 0              1x5\n",
	} {
		list := []string{token, place}
		if args != "" {
			list = append([]string{args}, list...)
		}
		if args == "--info" {
			list = list[:1]
		}
		if got := said(t, model, list...); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
	if got, want := said(t, model, "--info", "--json"), `{"name":"input2","shape":[1,5],"state":"output0"}]`; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	var out, errs bytes.Buffer
	if code := execute(model, []string{"lm", token}, nil, &out, &errs); code != 1 || !strings.Contains(errs.String(), "the model has 2 inputs beside its state") {
		t.Errorf("one file: exit code %d, %s", code, errs.String())
	}
}
