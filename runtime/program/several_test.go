package program

import (
	"encoding/json"
	"hash/crc32"
	"image"
	"slices"
	"strconv"
	"strings"
	"testing"

	"edgec/runtime/format"
)

// several is a network with a picture of 2x2 and three numbers as inputs. Output 0 has the
// sums of the picture's rows, output 1, [2,1], those of the numbers but the last and of all.
func several(t testing.TB) []byte {
	t.Helper()
	f := &format.File{
		Tensors: []format.Tensor{{Shape: []int{2, 2, 1}, Scale: 1.0 / 256, Zero: -128}, {Shape: []int{3}, Scale: 0.25}, {DType: format.Float32, Shape: []int{2}},
			{Shape: []int{2}, Scale: 0.5}, {Shape: []int{2, 1}, Scale: 0.5}},
		Instrs: []format.Instr{{Op: format.OpDense, In: []int{0}, Out: 2, Weight: 0, ClampMin: -128, ClampMax: 127},
			{Op: format.OpDense, In: []int{1}, Out: 3, Weight: 1, ClampMin: -128, ClampMax: 127},
			{Op: format.OpReshape, In: []int{3}, Out: 4, Weight: -1, Shape: []int{2, 1}}},
		Weights: []format.Weight{{OutC: 2, KH: 1, KW: 1, InC: 4, Scale: []float32{1}, Values: []int8{1, 1, 0, 0, 0, 0, 1, 1}},
			{OutC: 2, KH: 1, KW: 1, InC: 3, Scale: []float32{1}, Values: []int8{1, 1, 0, 1, 1, 1}}},
		Inputs: []int{0, 1}, Outputs: []int{2, 4}, Meta: format.Meta{Name: "several", Labels: []string{"above", "below"}},
	}
	return tested(t, f)
}

// A sample is one file for each input; every output is printed.
func TestSeveralInputsAndOutputs(t *testing.T) {
	model := several(t)
	img := image.NewGray(image.Rect(0, 0, 2, 2))
	copy(img.Pix, []byte{0, 0, 255, 255})
	picture := write(t, "p.png", encodePNG(t, img))
	numbers := write(t, "n.npy", npy("<f4", "(1, 3)", false, float32s(1, -2, 4)))
	bytes := write(t, "b.npy", npy("|u1", "(3,)", false, []byte{1, 0, 2}))
	raw := write(t, "n.raw", float32s(1, -2, 4))

	text := picture + ": output 0 (2): below 1.9921875 (88.00 %)\n" + picture + ": output 1 (2x1): 1 3\n"
	if got := must(t, model, "", picture, numbers); got != text {
		t.Errorf("got %q, want %q", got, text)
	}
	if got := must(t, model, "", picture, raw); got != text {
		t.Errorf("raw numbers: got %q, want %q", got, text)
	}
	two := must(t, model, "", "--top", "2", picture, numbers, picture, bytes)
	if lines := strings.Split(two, "\n"); len(lines) != 9 || lines[3] != picture+": output 1 (2x1): 0 -1" || lines[6] != picture+": output 1 (2x1): 1 3" || lines[7] != picture+": output 1 (2x1): 0 1" {
		t.Errorf("two samples: %q", two)
	}
	want := append(float32s(0, 1.9921875), 0xfe, 6)
	if got := must(t, model, "", "--raw", picture, numbers); got != string(want) {
		t.Errorf("--raw: %x, want %x", got, want)
	}
	if got := must(t, model, string(float32s(1, -2, 4)), picture, "-"); got != text {
		t.Errorf("numbers from standard input: %q", got)
	}
}

func TestSeveralAsJSON(t *testing.T) {
	picture, numbers := write(t, "p", []byte{0, 0, 255, 255}), write(t, "n", float32s(1, -2, 4))
	var got struct {
		File    string
		Files   []string
		Results []struct {
			Shape []int
			Top   []struct {
				Index int
				Label string
				Score float64
			}
			Outputs []float64
		}
	}
	if err := json.Unmarshal([]byte(must(t, several(t), "", "--json", picture, numbers)), &got); err != nil {
		t.Fatal(err)
	}
	if got.File != "" || !slices.Equal(got.Files, []string{picture, numbers}) || len(got.Results) != 2 {
		t.Fatalf("%+v", got)
	}
	a, b := got.Results[0], got.Results[1]
	if !slices.Equal(a.Shape, []int{2}) || a.Top[0].Label != "below" || !slices.Equal(a.Outputs, []float64{0, 1.9921875}) {
		t.Errorf("output 0: %+v", a)
	}
	if !slices.Equal(b.Shape, []int{2, 1}) || b.Top[0].Label != "" || b.Top[0].Index != 1 || !slices.Equal(b.Outputs, []float64{-1, 3}) {
		t.Errorf("output 1: %+v", b)
	}
}

func TestSeveralRefused(t *testing.T) {
	model := several(t)
	picture := write(t, "p", []byte{0, 0, 255, 255})
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"a file is missing":       {[]string{picture}, "the model has 2 inputs; give a file for each"},
		"standard input for both": {nil, "the model has 2 inputs"},
		"a picture as numbers":    {[]string{picture, write(t, "x.png", encodePNG(t, image.NewGray(image.Rect(0, 0, 3, 1))))}, "x.png: "},
		"bytes as numbers":        {[]string{picture, write(t, "x", []byte{1, 2, 3})}, "input 1 takes no picture; give an .npy array or 12 bytes"},
		"an idx file":             {[]string{"--idx", picture}, "an idx file feeds one"},
	} {
		if out, errs, code := call(model, "", c.args...); code != 1 || out != "" || !strings.Contains(errs, c.says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %q, %q", name, code, out, errs)
		}
	}
}

// The other actions take a network with several inputs and outputs too.
func TestSeveralOtherwise(t *testing.T) {
	model := several(t)
	if got := must(t, model, "", "--selftest"); !strings.Contains(got, "passed") {
		t.Errorf("--selftest: %q", got)
	}
	info := must(t, model, "", "--info")
	for _, line := range []string{"input 0               2x2x1\n", "input 1               3\n", "output 0              2\n", "output 1              2x1\n"} {
		if !strings.Contains(info, line) {
			t.Errorf("--info lacks %q:\n%s", line, info)
		}
	}
	if got := must(t, model, "", "--bench", "2"); !strings.Contains(got, "runs                  2\n") {
		t.Errorf("--bench: %q", got)
	}
}

// The checksum of an idx file counts every output.
func TestSeveralOutputsIdx(t *testing.T) {
	f, err := format.Decode(several(t))
	if err != nil {
		t.Fatal(err)
	}
	f.Instrs[1].In, f.Weights[1] = []int{0}, format.Weight{OutC: 2, KH: 1, KW: 1, InC: 4, Scale: []float32{1}, Values: []int8{1, 0, 0, 0, 0, 0, 0, 1}}
	f.Inputs, f.Test = []int{0}, nil
	f.Tensors = slices.Delete(f.Tensors, 1, 2)
	for i := range f.Instrs {
		in := &f.Instrs[i]
		in.In[0], in.Out = max(in.In[0]-1, 0), in.Out-1
	}
	f.Outputs = []int{1, 3}
	model := encoded(t, f)
	var raw, pixels []byte
	for i := range 5 {
		p := []byte{byte(50 * i), 3, 255, byte(200 - 40*i)}
		pixels = append(pixels, p...)
		raw = append(raw, must(t, model, string(p), "--raw")...)
	}
	sum := strconv.FormatUint(uint64(crc32.ChecksumIEEE(raw))|1<<32, 16)[1:]
	if got := must(t, model, "", "--idx", write(t, "p", idxOf([]int{5, 2, 2}, pixels))); !strings.Contains(got, "crc32        "+sum+"\n") {
		t.Errorf("%q, want the checksum %s", got, sum)
	}
}
