package program

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"edgec/runtime/format"
)

// table has the scores of the next of 5 tokens: each is likeliest followed by the next one.
var table = []int8{0, 60, 20, 0, 0, 0, 0, 60, 10, 0, 0, 0, 0, 60, 0, 0, 30, 0, 0, 60, 60, 0, 0, 50, 0}

// speaker returns the file of a model of 5 tokens, with these labels: the scores of the next token
// are a row of table / 16. It takes 4 tokens at once or, with steps, one and its place, which it takes
// from all scores; then it adds the scores of the steps before.
func speaker(t *testing.T, steps bool, labels ...string) []byte {
	t.Helper()
	real := func(whole bool, shape ...int) format.Tensor {
		return format.Tensor{DType: format.Float32, Shape: shape, Whole: whole}
	}
	w := []format.Weight{{OutC: 5, KH: 1, KW: 1, InC: 5, Scale: []float32{1. / 16}, Values: table}}
	gather := format.Instr{Op: format.OpGather, In: []int{0}}
	f := &format.File{Weights: w, Meta: format.Meta{Labels: labels}}
	if !steps {
		f.Tensors, f.Inputs, f.Outputs = []format.Tensor{real(true, 4), real(false, 4, 5)}, []int{0}, []int{1}
		gather.Out = 1
		f.Instrs = []format.Instr{gather}
	} else {
		gather.Out = 3
		add := format.Instr{Op: format.OpBinary, Function: format.BinaryAdd, In: []int{3, 2}, Out: 4, Weight: -1}
		sub := format.Instr{Op: format.OpBinary, Function: format.BinarySub, In: []int{4, 1}, Out: 5, Weight: -1}
		f.Tensors = []format.Tensor{real(true, 1), real(true, 1), real(false, 1, 5), real(false, 1, 5), real(false, 1, 5), real(false, 1, 5)}
		f.Inputs, f.Outputs, f.State = []int{0, 1, 2}, []int{4, 5}, []format.State{{Output: 0, Input: 2}}
		f.Instrs = []format.Instr{gather, add, sub}
	}
	for i := range f.Instrs {
		f.Instrs[i].LUT, f.Instrs[i].ClampMin, f.Instrs[i].ClampMax = -1, -128, 127
	}
	format.Finish(f)
	data, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// said returns what a program prints.
func said(t *testing.T, model []byte, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(model, append([]string{"lm"}, args...), nil, &out, &errs); code != 0 {
		t.Fatalf("%v: %s", args, errs.String())
	}
	return out.String()
}

// TestGenerate: the likeliest tokens follow each other, in windows and in steps.
func TestGenerate(t *testing.T) {
	words := []string{"a", "b ", "<0xC3>", "<0xA9>", "\u2581e\x1b"}
	for name, c := range map[string]struct {
		model []byte
		args  string
		want  string
	}{
		"numbers":                    {speaker(t, false), "--generate 6 --prompt-ids 0 --temperature 0", "0 1 2 3 4 0 1\n"},
		"a long beginning":           {speaker(t, false), "--generate 2 --prompt-ids 0,0,0,0,0,3 --temperature 0", "0 0 0 0 0 3 4 0\n"},
		"text, bytes and a control":  {speaker(t, false, words...), "--generate 4 --prompt-ids 0 --temperature 0", "ab \u00e9 e\ufffd\n"},
		"half a character":           {speaker(t, false, words...), "--generate 2 --prompt-ids 0 --temperature 0", "ab \ufffd\n"},
		"text to begin with":         {speaker(t, false, words...), "--generate 1 --prompt ab\u0020 --temperature 0", "ab \ufffd\n"},
		"a stop":                     {speaker(t, false), "--generate 9 --prompt-ids 0 --temperature 0 --stop-ids 3", "0 1 2 3\n"},
		"JSON":                       {speaker(t, false, words...), "--generate 2 --prompt-ids 3,4 --temperature 0 --json", "{\"schema\":1,\"prompt\":2,\"tokens\":[3,4,0,1],\"text\":\"\ufffd e\ufffdab \"}\n"},
		"steps add what came before": {speaker(t, true), "--generate 5 --prompt-ids 0 --temperature 0", "0 " + steps(5) + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			args := strings.Split(c.args, " ")
			if i := slices.Index(args, "--prompt"); i >= 0 {
				args = slices.Delete(args, i+2, i+3)
				args[i+1] = "ab "
			}
			if got := said(t, c.model, args...); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// steps returns the likeliest n tokens after token 0, by the sums of the scores.
func steps(n int) string {
	var sum [5]int
	id, text := 0, ""
	for range n {
		best := 0
		for k := range sum {
			if sum[k] += int(table[id*5+k]); sum[k] > sum[best] {
				best = k
			}
		}
		id = best
		text += itoa(id) + " "
	}
	return strings.TrimSpace(text)
}

// TestChoose: tokens are drawn with the probabilities of their scores, equal seeds draw equal
// ones, and the k likeliest are the only ones.
func TestChoose(t *testing.T) {
	y := []float32{1, 3, 2, -1}
	for _, c := range []struct {
		temperature float32
		k           int
	}{{1, 0}, {0.5, 0}, {2, 2}} {
		const draws = 20000
		r, again := choices(7), choices(7)
		var count [4]float64
		for range draws {
			id := r.choose(y, c.temperature, c.k)
			if other := again.choose(y, c.temperature, c.k); other != id {
				t.Fatal("equal seeds draw other tokens")
			}
			count[id]++
		}
		sum, p := 0.0, [4]float64{}
		for i, v := range y {
			if c.k == 0 || v >= 2 {
				p[i] = math.Exp(float64(v / c.temperature))
				sum += p[i]
			}
		}
		for i := range y {
			want := p[i] / sum
			if d := math.Abs(count[i]/draws - want); d > 4*math.Sqrt(want*(1-want)/draws) {
				t.Errorf("%+v: token %d drawn %v times, want %v", c, i, count[i]/draws, want)
			}
		}
	}
	r := choices(1)
	if id := r.choose(y, 0, 0); id != 1 || r != 1 {
		t.Errorf("the likeliest is %d, with random numbers used", id)
	}
}

// TestGenerateRefuses: what is no language model, or no token, is said in a line.
func TestGenerateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		model []byte
		args  string
		says  string
	}{
		"no token":          {speaker(t, false), "--generate 1", "no token to begin with"},
		"an unknown token":  {speaker(t, false), "--generate 1 --prompt-ids 5", "token 5: the model knows 0 to 4"},
		"an unknown stop":   {speaker(t, false), "--generate 1 --prompt-ids 1 --stop-ids 9", "token 9"},
		"text, no labels":   {speaker(t, false), "--generate 1 --prompt x", "no labels to find the tokens"},
		"an unknown letter": {speaker(t, false, "a", "b", "c", "d", "e"), "--generate 1 --prompt ax", `no label of the model begins the text at "x"`},
		"no number":         {speaker(t, false), "--generate 1 --prompt-ids a", "--prompt-ids a: give numbers"},
		"a temperature":     {speaker(t, false), "--generate 1 --prompt-ids 1 --temperature -1", "give a number from 0 to 100"},
		"a full cache":      {changed(t, func(f *format.File) { f.Instrs[1].Function = format.BinaryMax }), "--generate 9 --prompt-ids 2,2", "the state of the model keeps 1 tokens, and has no place for more; generate fewer"},
		"no state":          {changed(t, func(f *format.File) { f.State = nil }), "--generate 1 --prompt-ids 1", "neither a token, its place nor a state"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := execute(c.model, append([]string{"lm"}, strings.Fields(c.args)...), nil, &out, &errs); code != 1 || !strings.Contains(errs.String(), c.says) {
				t.Errorf("exit code %d, %q; want %q", code, errs.String(), c.says)
			}
		})
	}
}

// changed is a model of steps after a change.
func changed(t *testing.T, change func(f *format.File)) []byte {
	t.Helper()
	f, err := format.Decode(speaker(t, true))
	if err != nil {
		t.Fatal(err)
	}
	change(f)
	data, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestGenerateUntilFull: the tokens until the state has no place for more are printed before the error.
func TestGenerateUntilFull(t *testing.T) {
	model := changed(t, func(f *format.File) { f.Instrs[1].Function = format.BinaryMax })
	for _, json := range []bool{false, true} {
		args, want := []string{"lm", "--generate", "99", "--prompt-ids", "0", "--temperature", "0"}, "0 "
		if json {
			args, want = append(args, "--json"), `{"schema":1,"prompt":1,"tokens":[0,`
		}
		var out, errs bytes.Buffer
		code := execute(model, args, nil, &out, &errs)
		lines := strings.Split(out.String(), "\n")
		if code != 1 || !strings.HasPrefix(lines[0], want) || len(lines[0]) < len(want)+2 || !strings.Contains(errs.String(), "has no place for more") {
			t.Errorf("exit code %d: %q, %q", code, out.String(), errs.String())
		}
	}
}
