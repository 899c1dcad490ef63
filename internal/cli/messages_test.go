package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// What is said of inputs and outputs that cannot be used, word for word: file, cause and
// remedy on one line, and sometimes a hint on another. Nothing is written.
func TestMessages(t *testing.T) {
	withFile(t)
	write(t, "bad.png", []byte("\x89PNG\r\n\x1a\n123"))
	write(t, "s.raw", []byte("12345"))
	write(t, "llm.gguf", []byte("GGUF\x03\x00\x00\x00"))
	write(t, "data.txt", []byte("hello\n"))
	newer := bytes.Clone(read(t, "corner.edgec"))
	newer[4] = 0x20
	write(t, "newer.edgec", newer)
	write(t, "half.edgec", newer[:4])
	write(t, "sm/saved_model.pb", nil)
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	before := names(t)
	for _, c := range []struct{ args, want, hint string }{
		{"inspect corner.onx", "corner.onx: no such file or directory; give an .edgec, ONNX or TFLite file; did you mean corner.onnx?", ""},
		{"inspect none/corner.onnx", "none/corner.onnx: no such file or directory; give an .edgec, ONNX or TFLite file", ""},
		{"inspect dta/corner.onnx", "dta/corner.onnx: no such file or directory; give an .edgec, ONNX or TFLite file; did you mean data?", ""},
		{"inspect zzz.onnx", "zzz.onnx: no such file or directory; give an .edgec, ONNX or TFLite file; did you mean corner.onnx?", ""},
		{"compress korner.onnx --data data", "korner.onnx: no such file or directory; give an ONNX or TFLite file; did you mean corner.onnx?", ""},
		{"compress corner.onnx --data dta", "dta: no such file or directory; give a folder or file of samples; did you mean data?", ""},
		{"compress corner.onnx --data data/x", "data/x: no such file or directory; give a folder or file of samples", ""},
		{"compress . --data data", ".: is a folder; give the file in it: corner.onnx", ""},
		{"compress sm --data data", "sm: this is a TensorFlow SavedModel, not ONNX; convert it: python -m tf2onnx.convert --saved-model sm --output sm.onnx", ""},
		{"compress empty --data data", "empty: is a folder; give an ONNX or TFLite file", ""},
		{"compress llm.gguf --data data", `onnx: llm.gguf: this is a GGUF file: weights of a language model for llama.cpp, not ONNX; edgec compresses small networks of convolutions and dense layers; export the network in its framework: torch.onnx.export(model.eval(), example, "llm.onnx") with an example input`, ""},
		{"compress corner.edgec --data data -o x.edgec", "corner.edgec: is an .edgec file; give the network that it was made from", ""},
		{"compress corner.onnx --data empty", "dataset: empty: the folder is empty; give a folder with idx files, CIFAR batches, or one folder of images a class", ""},
		{"compress corner.onnx --data data.txt", `dataset: data.txt: neither idx, npy, npz, CIFAR batch (.bin) nor CSV (.csv, .tsv); convert it to one of these, as in numpy.savez("data.npz", x=samples, y=labels)`, ""},
		{"compress corner.onnx --data data --max-size 10", "corner.onnx: max size is 10 bytes, and no file of this network can have fewer than 28: that is the header, the shapes of inputs and outputs, the self-test and the checksum, without a single layer; allow more", ""},
		{"compress corner.onnx --data data --max-size 10 --labels a,b,c,d", "corner.onnx: max size is 10 bytes, and no file of this network can have fewer than 43: that is the header, the shapes of inputs and outputs, the self-test and the checksum, and the labels, without a single layer; allow more", ""},
		{"compress corner.onnx --data data --labels nms.txt", "--labels nms.txt: is neither a file nor a list; give names separated by commas, a file with one per line, or data for the names of DATA; did you mean data.txt?", ""},
		{"compress corner.onnx --data data --labels corner.txt,", "--labels: name 1 is empty; give each output a name", ""},
		{"compress corner.onnx --data data --labels a,b", "corner.onnx: --labels has 2 names, the network 4 outputs; give a name for each output, in their order, or none", ""},
		{"compress corner.onnx --data data --mean 1,2", "--mean or --std has 2 numbers, the network takes 1 channel; give one number, or one per channel", ""},
		{"compress corner.onnx --data data -o none/out.edgec", "none/out.edgec: folder none: no such file or directory; make it first: mkdir -p none", ""},
		{"compress corner.onnx --data data -o data", "data: is a folder; give the name of a file", ""},
		{"compress corner.onnx --data data -o ./corner.onnx", "./corner.onnx: would overwrite the input corner.onnx; give another name", ""},
		{"compress corner.onnx --data data --report corner.edgec -o corner.edgec", "corner.edgec: would overwrite the output; give the report another name", ""},
		{"compress corner.onnx --data data --front corner.onnx", "corner.onnx: is a file; give the name of a folder", ""},
		{"compress corner.onnx --data data --resume", "journal: corner.edgec.search: there is no search to go on with; start it without --resume", ""},
		{"compress corner.onnx --data data --teacher corer.onnx", "corer.onnx: no such file or directory; give an ONNX or TFLite file; did you mean corner.onnx?", ""},
		{"eval corner.edgec --data data --against corner.edgec", "corner.edgec: is an .edgec file; give the network that it was made from", ""},
		{"eval korner.edgec --data data", "korner.edgec: no such file or directory; give an .edgec, ONNX or TFLite file; did you mean corner.edgec?", ""},
		{"eval corner.edgec --data data --split train --test-last 3", "dataset: data: has a test part of 200 samples already; do not take another from its end", ""},
		{"run korner.edgec light.png", "korner.edgec: no such file or directory; give an .edgec file that edgec compress made; did you mean corner.edgec?", ""},
		{"run corner.onnx light.png", "corner.onnx: format: not an edgec file: it does not start with the magic number; give one that edgec compress or edgec pack made", "make an .edgec file of it: edgec compress corner.onnx --data DATA"},
		{"run corner.edgec lihgt.png nope.raw", "corner.edgec: lihgt.png: no such file or directory; give a picture, an array or raw values; did you mean light.png?; nope.raw: no such file or directory; give a picture, an array or raw values; did you mean s.raw?", ""},
		{"run corner.edgec bad.png", "corner.edgec: bad.png: not a readable picture: png: unexpected end of the file; copy or save it again", ""},
		{"run corner.edgec s.raw", "corner.edgec: s.raw: neither PNG, JPEG nor .npy, and 5 bytes are not a raw input of shape 8x8x1 (64 bytes of pixels or 256 bytes of float32); give one of these", ""},
		{"run corner.edgec --idx s.raw", "corner.edgec: s.raw: not an idx file (it does not start with two zero bytes); give one as MNIST has them", ""},
		{"run corner.edgec", "corner.edgec: standard input: it is empty; give a PNG, JPEG, .npy or raw file", ""},
		{"run llm.gguf light.png", "llm.gguf: format: not an edgec file: it does not start with the magic number; give one that edgec compress or edgec pack made", `this is a GGUF file: weights of a language model for llama.cpp, not ONNX; edgec compresses small networks of convolutions and dense layers; export the network in its framework: torch.onnx.export(model.eval(), example, "llm.onnx") with an example input`},
		{"bench newer.edgec", "newer.edgec: format: written for format 2.x, this reader knows 1.x: update it", "a newer edgec wrote the file: update this one, or make the file again with this one"},
		{"bench half.edgec", "half.edgec: format: at byte 4: truncated: 4 bytes; copy the file again", ""},
		{"run corner.edgec data", "corner.edgec: data: is a folder; give the files in it, as in data/*", ""},
		{"compress korner.onnx --data dta -o none/x.edgec --front corner.onnx", "korner.onnx: no such file or directory; give an ONNX or TFLite file; did you mean corner.onnx?; dta: no such file or directory; give a folder or file of samples; did you mean data?; none/x.edgec: folder none: no such file or directory; make it first: mkdir -p none; corner.onnx: is a file; give the name of a folder", ""},
		{"compress corner.edgec --data data", "corner.edgec: is an .edgec file; give the network that it was made from", ""},
		{"eval korner.edgec --data dta", "korner.edgec: no such file or directory; give an .edgec, ONNX or TFLite file; did you mean corner.edgec?; dta: no such file or directory; give a folder or file of samples; did you mean data?", ""},
		{"inspect /no-such-folder/x.onnx", "/no-such-folder/x.onnx: no such file or directory; give an .edgec, ONNX or TFLite file", ""},
		{"eval corner.edgec --data dta/", "dta/: no such file or directory; give a folder or file of samples; did you mean data?", ""},
		{"bench sm", "sm: this is a TensorFlow SavedModel, not ONNX; convert it: python -m tf2onnx.convert --saved-model sm --output sm.onnx", ""},
		{"bench data", "data: is a folder; give an .edgec file that edgec compress made", ""},
		{"build corner.onnx --target rpi-4", "corner.onnx: format: not an edgec file: it does not start with the magic number; give one that edgec compress or edgec pack made", "make an .edgec file of it: edgec compress corner.onnx --data DATA"},
		{"build corner.edgec --target rpi-4 -o none/app", "none/app: folder none: no such file or directory; make it first: mkdir -p none", ""},
		{"build corner.edgec --target rpi-4 --go no-such-go", `targets: there is no "no-such-go" command on PATH, and the Go toolchain builds the programs; install go1.26 or later from https://go.dev/dl, and name its command with --go if it is not the one on PATH`, ""},
		{"build korner.edgec --target rpi-4", "korner.edgec: no such file or directory; give an .edgec file that edgec compress made; did you mean corner.edgec?", ""},
		{"deploy korner.edgec --to local:x", "korner.edgec: no such file or directory; give an .edgec file, or a program that edgec build made; did you mean corner.edgec?", ""},
		{"deploy light.png --to local:x", "light.png: format: not an edgec file: it does not start with the magic number; give one that edgec compress or edgec pack made", "this is a picture, not ONNX; give the .onnx file of the network"},
		{"rollback --on local:none", "this machine: FOLDER/none: no program was ever installed there; install one with edgec deploy, or give another folder after local:", ""},
		{"export corner.edgec -o corner.edgec", "corner.edgec: would overwrite the input corner.edgec; give another name", ""},
		{"pack corner.onnx -o out.edgec", `corner.onnx: input "picture" is float: pack takes quantized networks (int8 TFLite, or ONNX with QuantizeLinear and DequantizeLinear); compress this one`, ""},
		{"patch corner.edgec corner.edgec -o out.edgec", "corner.edgec: format: not a delta: it does not start with the magic number; give one that edgec diff made", ""},
		{"patch corner.edgec none.edd -o out.edgec", "none.edd: no such file or directory; give a delta that edgec diff made", ""},
		{"diff corner.onnx corner.edgec -o out.edd", "corner.onnx: format: not an edgec file: it does not start with the magic number; give one that edgec compress or edgec pack made", "make an .edgec file of it: edgec compress corner.onnx --data DATA"},
	} {
		r := command(t, append(strings.Fields(c.args), "-q")...)
		want := "edgec: error: " + strings.ReplaceAll(c.want, "FOLDER", here) + "\n"
		if c.hint != "" {
			want += "edgec: hint: " + c.hint + "\n"
		}
		if r.code != exitFailed || r.stdout != "" || r.stderr != want {
			t.Errorf("edgec %s: exit code %d, %q%s\nwant %s", c.args, r.code, r.stdout, r.stderr, want)
		}
	}
	for _, args := range [][]string{{"inspect", ""}, {"run", "corner.edgec", ""}} {
		if r := command(t, args...); r.code != exitFailed || !strings.Contains(r.stderr, "the name of a file is empty; give ") {
			t.Errorf("%q: exit code %d, %s", args, r.code, r.stderr)
		}
	}
	if after := names(t); after != before {
		t.Errorf("files %s, before %s", after, before)
	}
}
