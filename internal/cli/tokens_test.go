package cli

import (
	"archive/zip"
	"bytes"
	"math"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// bigram is a language model of 5 tokens on sequences of 4: the next token is likely the next
// number, with a score of 3 where others have 0.
func bigram(t *testing.T) []byte {
	t.Helper()
	w := tensor.New(5, 5)
	for i := range 5 {
		w.Data[i*5+(i+1)%5] = 3
	}
	ids, y := &graph.Value{Name: "ids", Shape: tensor.Shape{1, 4}, Elem: graph.Integer}, &graph.Value{Name: "logits"}
	table := &graph.Value{Name: "table", Shape: w.Shape, Param: graph.NewParam("table", graph.Weight, w)}
	g := &graph.Graph{Name: "bigram", Inputs: []*graph.Value{ids}, Outputs: []*graph.Value{y},
		Nodes: []*graph.Node{{Name: "pick", Op: op.Gather{}, Inputs: []*graph.Value{table, ids}, Outputs: []*graph.Value{y}}}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return encode(t, g)
}

// spoken makes a folder with bigram.onnx, a text of 1,601 tokens in text.npz, every tenth of
// which is not the likely one, and the texts of the tokens the current one. It returns the
// cross-entropy of the model and the text, in bits.
func spoken(t *testing.T) (bits float64) {
	t.Helper()
	t.Chdir(t.TempDir())
	addSpoken(t)
	text := spokenText()
	for i, id := range text[1:] {
		y := 0.0
		if int(id) == (int(text[i])+1)%5 {
			y = 3
		}
		bits += (math.Log(math.Exp(3)+4) - y) / math.Ln2 / float64(len(text)-1)
	}
	return bits
}

func spokenText() []byte {
	text := make([]byte, 1601)
	for i := range text[1:] {
		text[i+1] = (text[i] + 1) % 5
		if i%10 == 7 {
			text[i+1] = (text[i] + byte(2+i/10%4)) % 5
		}
	}
	return text
}

// addSpoken adds the files of spoken to the current folder.
func addSpoken(t *testing.T) {
	t.Helper()
	write(t, "bigram.onnx", bigram(t))
	write(t, "adder.onnx", adder(t))
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("text.npy")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(npyOf("|u1", "1601,", spokenText())); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, "text.npz", b.Bytes())
	write(t, "tokens.json", []byte(`["a", "b", " ", "\n", "<0x65>"]`))
}

// TestLanguageModel: a text is cut into windows, the model is judged in bits, compressed under a
// limit in bits, and goes on with a text, on this machine as on any other.
func TestLanguageModel(t *testing.T) {
	bits := spoken(t)
	float := parse[evaluated](t, command(t, "eval", "bigram.onnx", "--data", "text.npz", "--json"))
	if m := float.Labels; m.Task != "next token" || math.Abs(m.Bits-bits) > 1e-5 || m.N != 400 || m.Accuracy < 89 || m.Accuracy > 91 {
		t.Errorf("%+v, want %v bits", m, bits)
	}
	command(t, "eval", "bigram.onnx", "--data", "text.npz").must(t).has(t, "bits a token", "a text of 1601 tokens, in windows of 4", "the next token at each position")
	command(t, "compress", "bigram.onnx", "--data", "text.npz", "--no-training", "--max-drop", "0.02bits", "--labels", "tokens.json", "-o", "bigram.edgec").must(t).has(t, "cross-entropy, held out", "bits, 67 samples", "a point is 0.0144 bits a token")
	file := parse[evaluated](t, command(t, "eval", "bigram.edgec", "--data", "text.npz", "--against", "bigram.onnx", "--json"))
	if m := file.Labels; m.Task != "next token" || math.Abs(m.Bits-bits) > 0.02 {
		t.Errorf("%+v, want %v bits", m, bits)
	}
	if m := file.Against; m.Task != "position agreement" || m.Accuracy != 100 || m.Whole != 100 {
		t.Errorf("against the float network: %+v", m)
	}
	r := command(t, "run", "bigram.edgec", "--generate", "6", "--prompt", "a", "--temperature", "0").must(t)
	if want := "ab \neab\n"; r.stdout != want {
		t.Errorf("%q, want %q", r.stdout, want)
	}
	one := command(t, "run", "bigram.edgec", "--generate", "50", "--prompt-ids", "2", "--seed", "7").must(t).stdout
	again := command(t, "run", "bigram.edgec", "--generate", "50", "--prompt-ids", "2", "--seed", "7").must(t).stdout
	other := command(t, "run", "bigram.edgec", "--generate", "50", "--prompt-ids", "2", "--seed", "8").must(t).stdout
	if one != again || one == other || len(one) != 52 {
		t.Errorf("seed 7: %q, again %q, seed 8: %q", one, again, other)
	}
}

// TestLanguageModelUsage: what does not go together is said.
func TestLanguageModelUsage(t *testing.T) {
	withFile(t)
	for args, says := range map[string]string{
		"compress corner.onnx --data data --max-drop 0.1bits":   "--max-drop in bits is for networks that predict the next token",
		"run corner.edgec --generate 5 --prompt-ids 1":          "input 0 is neither a token, its place nor a state",
		"run corner.edgec --prompt-ids 1":                       "--prompt-ids belongs to --generate",
		"run corner.edgec --generate 5 light.png":               "leave out inputs",
		"run corner.edgec --generate 5 --temperature -1":        "--temperature -1: give a number from 0 to 100",
		"eval corner.onnx --data data --set picture":            "is no input with a number",
		"eval corner.onnx --data data --state h":                "is no output with an input",
		"eval corner.onnx --data data --state quarters=picture": "link equal ones",
		"eval corner.onnx --data data --set none=3":             `there is no input "none" to set`,
	} {
		if r := command(t, strings.Fields(args)...); r.code == exitDone || !strings.Contains(r.stderr, says) {
			t.Errorf("edgec %s: exit code %d, %s; want %s", args, r.code, r.stderr, says)
		}
	}
}

// adder adds its input to what it has added before, h_out, and gives twice the sum.
func adder(t *testing.T) []byte {
	t.Helper()
	value := func(name string) *graph.Value { return &graph.Value{Name: name, Shape: tensor.Shape{1, 4}} }
	x, h, sum, y := value("x"), value("h_in"), value("h_out"), value("y")
	g := &graph.Graph{Name: "adder", Inputs: []*graph.Value{x, h}, Outputs: []*graph.Value{y, sum}, Nodes: []*graph.Node{
		{Name: "sum", Op: op.Add{}, Inputs: []*graph.Value{x, h}, Outputs: []*graph.Value{sum}},
		{Name: "twice", Op: op.Add{}, Inputs: []*graph.Value{sum, sum}, Outputs: []*graph.Value{y}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return encode(t, g)
}
