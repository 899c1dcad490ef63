package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/export"
	"edgec/runtime/format"
	"edgec/targets"
)

func TestInspect(t *testing.T) {
	large, err := filepath.Abs("../../testdata/lenet-5.edgec")
	if err != nil {
		t.Fatal(err)
	}
	released, err := filepath.Abs("../../runtime/format/testdata/v1")
	if err != nil {
		t.Fatal(err)
	}
	withFile(t)
	command(t, "inspect", filepath.Join(released, "dense.edgec")).must(t).has(t, "format 1.1")
	if r := command(t, "inspect", filepath.Join(released, "dense-1.0.edgec")); r.code != exitFailed || !strings.Contains(r.stderr, "another version or another program wrote it") {
		t.Errorf("a file that this version writes otherwise: %d, %s", r.code, r.stderr)
	}
	command(t, "inspect", large).must(t).has(t, "format 1.0")
	command(t, "inspect", "corner.edgec").must(t).has(t, "8x8x1, byte / 255", "top left, top right", "checksum", "total", "Conv2D", "Dense", "carried")
	command(t, "inspect", large).must(t).has(t, "28x28x1", "masks", "indexes", "codebooks", "biases", "checksum", "total") // a tiny file may have no bytes of some
	got := parse[inspected](t, command(t, "inspect", "corner.edgec", "--json"))
	size := len(read(t, "corner.edgec"))
	if got.Bytes != size || got.Sizes.Total() != size || got.Unknown != 0 {
		t.Errorf("%d bytes, %d accounted for, %d unknown; the file has %d", got.Bytes, got.Sizes.Total(), got.Unknown, size)
	}
	kept, macs, bits := 0, int64(0), 0.0
	for _, l := range got.Layers {
		kept, macs = kept+l.Kept, macs+l.MACs
		if l.Bits != nil {
			bits += l.Bits.Masks + l.Bits.Indexes + l.Bits.Codebooks + l.Bits.Biases + l.Bits.Scales
		}
		if l.Shape != nil && (len(l.Codebook) < 2 || math.Abs(l.Sparsity-sparsity(l.Kept, product(l.Shape))) > 1e-12) {
			t.Errorf("layer %+v", l)
		}
	}
	if kept != got.Kept || macs != got.MACs {
		t.Errorf("layers have %d weights and %d MACs, the network %d and %d", kept, macs, got.Kept, got.MACs)
	}
	s := got.Sizes
	coded := s.Masks + s.Indexes + s.Codebooks + s.Biases + s.Scales
	if math.Abs(bits/8-float64(coded)) > 0.1*float64(coded)+8 { // the coder rounds to bytes once
		t.Errorf("layers have %.1f bytes, the file %d", bits/8, coded)
	}
}

func product(s []int) int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

func TestInspectONNX(t *testing.T) {
	workplace(t)
	command(t, "inspect", "corner.onnx").must(t).has(t, "ONNX", "1x8x8", "300", "Conv2D", "Dense")
	got := parse[inspectedONNX](t, command(t, "inspect", "corner.onnx", "--json"))
	// 4*9+4 and 4*64+4 parameters; 16 places of 36 weights, and 256
	if got.Params != 300 || got.MACs != 16*36+256 || product(got.Outputs[0].Shape) != 4 || len(got.Layers) != 3 || got.Layers[0].Params != 40 {
		t.Errorf("got %+v", got)
	}
}

func TestEval(t *testing.T) {
	withFile(t)
	command(t, "eval", "corner.edgec", "--data", "data", "--against", "corner.onnx", "--confusion").must(t).has(t, "test part, 200 samples", "accuracy", "agreement", "bottom right")
	got := parse[evaluated](t, command(t, "eval", "corner.edgec", "--data", "data", "--against", "corner.onnx", "--confusion", "--json"))
	if got.Split != "test" || got.Samples != 200 || got.Labels.N != 200 || got.Labels.Accuracy < 95 || got.Against.Task != edgec.TaskAgreement {
		t.Errorf("got %+v", got)
	}
	n, wrong := 0, 0
	for l, row := range got.Confusion {
		for p, k := range row {
			n += k
			if p != l {
				wrong += k
			}
		}
	}
	if n != 200 || wrong != errorsOf(got.Labels) {
		t.Errorf("%d samples and %d errors in the confusion, error %v %%", n, wrong, got.Labels.Error)
	}
	// names that are given take the place of the file's, and fit its outputs
	command(t, "eval", "corner.edgec", "--data", "data", "--confusion", "--labels", "nw,ne,sw,south-east").must(t).has(t, "south-east")
	oneError(t, command(t, "eval", "corner.edgec", "--data", "data", "--labels", "a,b,c", "--quiet"), "--labels has 3 names, the network 4 outputs")
	// the file knows its preprocessing; told otherwise, it sees other input
	other := parse[evaluated](t, command(t, "eval", "corner.edgec", "--data", "data", "--mean", "1", "--json"))
	if other.Labels.Accuracy > 60 {
		t.Errorf("accuracy %v %% on inputs below zero", other.Labels.Accuracy)
	}
	train := parse[evaluated](t, command(t, "eval", "corner.edgec", "--data", "data", "--split", "train", "--no-labels", "--against", "corner.onnx", "--json"))
	if train.Split != "train" || train.Samples != 600 || train.Labels != nil || train.Against.N != 600 {
		t.Errorf("got %+v", train)
	}
	float := parse[evaluated](t, command(t, "eval", "corner.onnx", "--data", "data", "--json"))
	if float.Labels.N != 200 || float.Labels.Accuracy < 99 {
		t.Errorf("got %+v", float)
	}
}

func TestRun(t *testing.T) {
	withFile(t)
	command(t, "run", "corner.edgec", "light.png").must(t).has(t, "light.png: top right ")
	r := command(t, "run", "corner.edgec", "--top", "2", "--json", "light.png", "light.png").must(t)
	for _, line := range strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n") {
		var got struct {
			File string
			Top  []struct {
				Index int
				Label string
			}
			Outputs []float64
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil || got.File != "light.png" || len(got.Top) != 2 || got.Top[0].Label != "top right" || len(got.Outputs) != 4 {
			t.Errorf("%v in %s", err, line)
		}
	}
	if n := strings.Count(r.stdout, "\n"); n != 2 {
		t.Errorf("%d lines for two inputs", n)
	}
	if raw := command(t, "run", "corner.edgec", "--raw", "light.png").must(t); len(raw.stdout) != 16 {
		t.Errorf("%d raw bytes, want four float32", len(raw.stdout))
	}
	command(t, "run", "corner.edgec", "--selftest").must(t).has(t, "self-test passed")
	idx := parse[struct{ Samples int }](t, command(t, "run", "corner.edgec", "--idx", "data/t10k-images-idx3-ubyte", "--idx-labels", "data/t10k-labels-idx1-ubyte", "--json"))
	if idx.Samples != 200 {
		t.Errorf("%d pictures", idx.Samples)
	}
}

// twice is a file whose two layers have the same weights.
func twice(t *testing.T) []byte {
	t.Helper()
	w := format.Weight{OutC: 8, KH: 1, KW: 1, InC: 8, Scale: []float32{1.0 / 64}, Values: make([]int8, 64)}
	for i := range w.Values {
		w.Values[i] = int8(i%7 - 3)
	}
	grid := format.Tensor{DType: format.Int8, Shape: []int{8}, Scale: 1.0 / 16}
	dense := format.Instr{Op: format.OpDense, In: []int{0}, Out: 1, LUT: -1, ClampMin: -128, ClampMax: 127}
	again := dense
	again.In, again.Out = []int{1}, 2
	data, _, err := export.Encode(&format.File{Tensors: []format.Tensor{grid, grid, grid}, Instrs: []format.Instr{dense, again}, Weights: []format.Weight{w}, Inputs: []int{0}, Outputs: []int{2}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The bytes of weights that several layers share are counted once.
func TestInspectShared(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "twice.edgec", twice(t))
	command(t, "inspect", "twice.edgec").must(t).has(t, "those of 0")
	got := parse[inspected](t, command(t, "inspect", "twice.edgec", "--json"))
	if a, b := got.Layers[0], got.Layers[1]; a.Bits == nil || a.SameAs != nil || b.Bits != nil || b.SameAs == nil || *b.SameAs != 0 || a.Kept != b.Kept {
		t.Errorf("%+v and %+v", a, b)
	}
}

func TestBench(t *testing.T) {
	withFile(t)
	type measured struct {
		On        string
		Edgec     string
		Model     string  `json:"model_sha256"`
		Median    float64 `json:"median_us"`
		Processes []struct {
			Runs     int
			P90, P99 *float64
			Warnings []string
		}
	}
	got := parse[measured](t, command(t, "bench", "corner.edgec", "--runs", "60", "--json"))
	if len(got.Processes) != 1 || got.Processes[0].Runs != 60 || got.Median <= 0 || got.On != "local" || got.Edgec == "" || got.Model != hash(read(t, "corner.edgec")) {
		t.Errorf("got %+v", got)
	}
	if p := got.Processes[0]; p.P90 != nil || p.P99 != nil || !strings.Contains(strings.Join(p.Warnings, "\n"), "p90 takes 100 runs") {
		t.Errorf("a tail of 60 runs: %+v", p)
	}
	command(t, "bench", "corner.edgec", "--runs", "60", "--layers").must(t).has(t, "median", "GMAC/s", "Conv2D", "p90 takes 100 runs")
	t.Setenv(asProgram, "1") // the processes that edgec starts are this test
	r := command(t, "bench", "corner.edgec", "--runs", "5", "--processes", "3", "--save", "three.json").must(t)
	r.has(t, "PROCESS", "process 3: p90 takes 100 runs")
	command(t, "bench", "corner.edgec", "--runs", "5", "--processes", "2", "--layers").must(t).has(t, "PROCESS", "GMAC/s", "Conv2D")
	var saved measured
	if err := json.Unmarshal(read(t, "three.json"), &saved); err != nil || len(saved.Processes) != 3 {
		t.Errorf("%v, %+v", err, saved)
	}
	command(t, "bench", "corner.edgec", "--runs", "5", "--processes", "2", "--max-work", "10").fails(t, exitFailed, "--max-work")
	command(t, "bench", "--compare", "three.json", "three.json").must(t).has(t, "too few processes")
	command(t, "bench", "--compare", "three.json").fails(t, exitUsage, "two files")
	command(t, "bench", "--compare", "three.json", "corner.edgec").fails(t, exitFailed, "corner.edgec: is no measurement")
}

func TestExport(t *testing.T) {
	withFile(t)
	got := parse[exported](t, command(t, "export", "corner.edgec", "-o", "out.onnx", "--json"))
	if got.File != "corner.edgec" || got.Output != "out.onnx" || got.Bytes != len(read(t, "out.onnx")) {
		t.Errorf("got %+v", got)
	}
	if _, err := edgec.Open("out.onnx"); err != nil {
		t.Fatal(err)
	}
	// the exported network is the file: it agrees with it, and is as accurate
	e := parse[evaluated](t, command(t, "eval", "corner.edgec", "--data", "data", "--against", "out.onnx", "--json"))
	if e.Against.Accuracy < 99 {
		t.Errorf("agreement %v %% of the file with its export", e.Against.Accuracy)
	}
}

func TestPack(t *testing.T) {
	withFile(t)
	command(t, "export", "corner.edgec", "-o", "int8.onnx").must(t)
	command(t, "pack", "int8.onnx", "-o", "back.edgec").must(t).has(t, "times smaller", "the same", "0 dead channels")
	got := parse[packed](t, command(t, "pack", "int8.onnx", "-o", "back.edgec", "--json"))
	if got.File != "int8.onnx" || got.Output != "back.edgec" || got.Size != len(read(t, "back.edgec")) || got.From != len(read(t, "int8.onnx")) || got.Name != "int8" {
		t.Errorf("got %+v", got)
	}
}

// A quantized network is one for edgec pack, which is said before the data are read.
func TestCompressQuantized(t *testing.T) {
	withFile(t)
	command(t, "export", "corner.edgec", "-o", "int8.onnx").must(t)
	write(t, "no.npz", []byte("no samples"))
	r := command(t, "compress", "int8.onnx", "--data", "no.npz", "-o", "out.edgec")
	want := "edgec: error: int8.onnx: is quantized already; give the float network that it was made from\n" +
		"edgec: hint: edgec pack int8.onnx -o out.edgec keeps its integers and its results, in a smaller file, and needs no data\n"
	if r.code != exitFailed || r.stderr != want {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
	command(t, "pack", "int8.onnx", "-o", "out.edgec").must(t)
}

// A delta makes the new file of the old one, and of no other.
func TestDelta(t *testing.T) {
	withFile(t)
	f, err := format.Decode(read(t, "corner.edgec"))
	if err != nil {
		t.Fatal(err)
	}
	f.Meta.Name = "renamed"
	renamed, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("renamed.edgec", renamed, 0o644); err != nil {
		t.Fatal(err)
	}
	got := parse[deltaResult](t, command(t, "diff", "corner.edgec", "renamed.edgec", "-o", "d.edd", "--json"))
	if got.Base != "corner.edgec" || got.File != "renamed.edgec" || got.Output != "d.edd" || got.Bytes != len(read(t, "d.edd")) || got.Whole != len(renamed) || got.Delta != got.Bytes || got.Bytes >= got.Whole {
		t.Errorf("got %+v", got)
	}
	command(t, "patch", "corner.edgec", "d.edd", "-o", "made.edgec").must(t).has(t, "made.edgec", "% of the new file's")
	if !bytes.Equal(read(t, "made.edgec"), renamed) {
		t.Error("the patched file differs from the new one")
	}
	r := command(t, "patch", "renamed.edgec", "d.edd", "-o", "other.edgec")
	if r.code != 1 || !strings.Contains(r.stderr, "made against another base") {
		t.Errorf("another base: exit code %d, %s", r.code, r.stderr)
	}
	if _, err := os.Stat("other.edgec"); err == nil {
		t.Error("a refused patch left a file")
	}
}

func TestBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	withFile(t)
	host := map[string]string{"arm": "linux-armv7"}[goruntime.GOARCH]
	if host == "" {
		host = "linux-" + goruntime.GOARCH
	}
	board, err := targets.Find(host)
	if err != nil || goruntime.GOOS != "linux" {
		t.Skipf("no board is like this machine, %s/%s", goruntime.GOOS, goruntime.GOARCH)
	}
	got := parse[built](t, command(t, "build", "corner.edgec", "--target", host, "-o", "app", "--selftest", "--json"))
	if got.SelfTest != "passed" || got.Board != board || got.Model != len(read(t, "corner.edgec")) || got.Size != int64(len(read(t, "app"))) {
		t.Errorf("got %+v", got)
	}
	text, err := exec.Command("./app", "light.png").Output()
	if err != nil || string(text) != command(t, "run", "corner.edgec", "light.png").must(t).stdout {
		t.Errorf("the program prints %q, %v", text, err)
	}
}

// Without an emulator the command says that the program was not tested.
func TestSelfTestWithoutEmulator(t *testing.T) {
	board, err := targets.Find("linux-riscv64")
	if err != nil {
		t.Fatal(err)
	}
	if goruntime.GOARCH == board.GOARCH {
		t.Skip("this machine runs the program itself")
	}
	t.Setenv("PATH", "")
	err = selfTest(context.Background(), targets.Result{Board: board, Path: "some/app"})
	for _, s := range []string{"some/app: was built", "did not run", "qemu-riscv64-static is not installed", "apt install qemu-user-static"} {
		if err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("the error lacks %q: %v", s, err)
		}
	}
}

func TestTargets(t *testing.T) {
	command(t, "targets").must(t).has(t, "rpi-zero", "ARMv6", "512 MB", "linux-riscv64")
	if got := parse[struct{ Boards []targets.Board }](t, command(t, "targets", "--json")).Boards; len(got) != len(targets.Boards) || got[0] != targets.Boards[0] {
		t.Errorf("got %+v", got)
	}
}

func TestVersion(t *testing.T) {
	command(t, "version").must(t).has(t, "edgec ", "format ", goruntime.Version())
	if got := parse[versionInfo](t, command(t, "version", "--json")); got.Format == "" || got.Go != goruntime.Version() || got.Version == "" {
		t.Errorf("got %+v", got)
	}
}

// Every command explains itself, and its examples are command lines that it
// accepts.
func TestHelp(t *testing.T) {
	root := (&app{stdout: os.Stdout, stderr: os.Stderr}).root()
	root.InitDefaultHelpFlag()
	command(t).must(t).has(t, "Exit codes", "compress", "completion")
	for _, c := range append([]*cobra.Command{root}, root.Commands()...) {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		if c.Short == "" || c.Long == "" || c.Args == nil {
			t.Errorf("%s: has no summary, help text or check of its arguments", c.Name())
		}
		for _, line := range strings.Split(c.Long+"\n"+c.Example, "\n") {
			if len([]rune(line)) > 100 {
				t.Errorf("%s: the help text has a line of %d characters: %s", c.Name(), len([]rune(line)), line)
			}
		}
		for _, line := range strings.Split(c.Example, "\n") {
			line, ok := strings.CutPrefix(strings.TrimSpace(line), "edgec ")
			if !ok {
				continue
			}
			line, _, _ = strings.Cut(line, " < ")
			sub, rest, err := root.Find(strings.Fields(line))
			if err == nil {
				err = sub.ParseFlags(rest)
			}
			if err == nil && sub.Args != nil {
				err = sub.Args(sub, sub.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: example edgec %s: %v", c.Name(), line, err)
			}
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		command(t, "completion", shell).must(t).has(t, "edgec")
	}
	command(t, "__complete", "build", "x.edgec", "--target", "rpi-z").must(t).has(t, "rpi-zero\n", "rpi-zero-2w\n")
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"10000", 10000}, {"1", 1}, {"20KB", 20_000}, {"1.5kB", 1500}, {"1.5 kb", 1500}, {"2MiB", 2 << 20}, {"2mb", 2_000_000}, {"3KiB", 3072}, {"17b", 17}, {"0.2KB", 200}, {".5KB", 500},
	} {
		var s size
		if err := s.Set(c.text); err != nil || int(s) != c.want {
			t.Errorf("%q: %d, %v, want %d", c.text, s, err, c.want)
		}
	}
	for _, text := range []string{"", "KB", "0", "-1", "-20KB", "+5", "1e3", "0x10", "1_000", "inf", "NaN", "20XB", "20KBB", "1.2.3", ".", "20 K B", "3GB", "99999999999", "1,000", "0.2"} {
		var s size
		if err := s.Set(text); err == nil {
			t.Errorf("%q: is taken for %d bytes", text, s)
		}
	}
}

func TestReadLabels(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "names.txt", []byte("a cat\r\na dog\n"))
	for text, want := range map[string]string{"": "", "a, b,c": "a|b|c", "names.txt": "a cat|a dog"} {
		if got, err := readLabels(text); err != nil || strings.Join(got, "|") != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	write(t, "gap.txt", []byte("a\n\nb\n"))
	for _, text := range []string{"none.txt", "gap.txt", "a,,b"} {
		if got, err := readLabels(text); err == nil {
			t.Errorf("%q: is taken for %q", text, got)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// TestUnknownKernels: micro-kernels that the processor does not have end a command before
// it reads anything; version says what there is.
func TestUnknownKernels(t *testing.T) {
	withFile(t)
	const want = "EDGEC_CPU is mmx; this processor and program have go"
	for args, code := range map[string]int{"run corner.edgec light.png": exitFailed, "compress none.onnx --data none": exitFailed, "version": exitDone, "--version": exitDone} {
		cmd := exec.Command(os.Args[0], strings.Fields(args)...)
		cmd.Env = append(os.Environ(), asProgram+"=1", "EDGEC_CPU=mmx")
		text, _ := cmd.CombinedOutput()
		if got := string(text); cmd.ProcessState.ExitCode() != code || !strings.Contains(got, want) || !strings.Contains(got, "; name one of these, or unset it") || strings.Contains(got, "none.onnx") || strings.Contains(got, "hint") {
			t.Errorf("%s: exit code %d, want %d:\n%s", args, cmd.ProcessState.ExitCode(), code, got)
		}
	}
}
