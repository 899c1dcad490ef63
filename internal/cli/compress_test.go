package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	ossignal "os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"edgec"
	"edgec/internal/deep"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/runtime"
)

func TestCompress(t *testing.T) {
	workplace(t)
	before := names(t)
	r := command(t, quick("compress", "corner.onnx", "--data", "data", "--max-drop", "1", "--report", "report.json", "-o", "out.edgec")...).must(t)
	r.has(t, "float", "out.edgec", "times smaller", "error, held out", "error, test", "Pareto front", "<- written")
	for _, line := range strings.Split(strings.TrimSpace(r.stderr), "\n") {
		if strings.ContainsAny(line, "\r\x1b") {
			t.Errorf("no terminal, but control characters in %q", line)
		}
	}
	for _, stage := range []string{" int8 ", " prune ", " one-shot "} {
		if !strings.Contains(r.stderr, stage) {
			t.Errorf("no line about stage%sin\n%s", stage, r.stderr)
		}
	}
	if got, want := names(t), strings.TrimSuffix(before, "]")+" out.edgec report.json]"; got != want {
		t.Errorf("files %s, want %s", got, want)
	}
	file := read(t, "out.edgec")
	if _, err := runtime.Load(file); err != nil {
		t.Fatal(err)
	}
	// the JSON of the report and of --json agree, and another number of
	// threads gives the same bytes
	j := command(t, append(quick("compress", "corner.onnx", "--data", "data", "--max-drop", "1", "--json", "--front", "front", "-o", "again.edgec"), "-j", "2")...)
	got := parse[compressed](t, j)
	fronts(t, "front", "again", got.Front)
	if !bytes.Equal(read(t, "again.edgec"), file) {
		t.Error("two runs gave two files")
	}
	if got.File != "corner.onnx" || got.Output != "again.edgec" || got.Bytes != len(file) || got.Best.Size != len(file) || !got.Best.Meets || got.Best.Drop > 1 || len(got.Front) == 0 || got.Task != edgec.TaskAccuracy {
		t.Errorf("result %+v", got)
	}
	if got.Test == nil || got.Test.File.N != 200 || got.Test.File.Accuracy < 95 {
		t.Errorf("test metrics %+v", got.Test)
	}
	if got.Best.Kept >= got.FloatParams/2 {
		t.Errorf("%d of %d weights kept", got.Best.Kept, got.FloatParams)
	}
}

func TestCompressReport(t *testing.T) {
	workplace(t)
	command(t, quick("compress", "corner.onnx", "--data", "data", "--seed", "7", "--criterion", "magnitude", "--trained-on", "no", "--teacher", "corner.onnx", "--report", "report.json")...).must(t)
	got := parse[compressed](t, result{stdout: string(read(t, "report.json"))})
	want := edgec.Options{Seed: 7, Effort: 0.1, Criterion: "magnitude", NoAugment: true, TrainedOn: "no"}
	if r := got.Options; *r.MaxDrop != defaultDrop || r.Seed != want.Seed || r.Effort != want.Effort || r.Criterion != want.Criterion || !r.NoAugment || r.TrainedOn != want.TrainedOn {
		t.Errorf("options %+v, want %+v", r, want)
	}
	if got.Teacher != "corner" || got.Output != "corner.edgec" || len(got.Stages) < 4 || len(got.Tried) == 0 || got.TrainedOn {
		t.Errorf("report %+v", got)
	}
	for i, p := range got.Front {
		if i > 0 && (p.Size <= got.Front[i-1].Size || p.Drop >= got.Front[i-1].Drop) {
			t.Errorf("point %d of the front is beaten by its neighbour", i)
		}
		if p.Sizes.Total() != p.Size {
			t.Errorf("point %d: %d bytes accounted for, of %d", i, p.Sizes.Total(), p.Size)
		}
	}
}

func TestCompressToSize(t *testing.T) {
	workplace(t)
	got := parse[compressed](t, command(t, quick("compress", "corner.onnx", "--data", "data", "--max-size", "0.2KB", "--json")...))
	if size := len(read(t, "corner.edgec")); size > 200 || got.Best.Size != size || got.Options.MaxSize != 200 || got.Options.MaxDrop != nil {
		t.Errorf("%d bytes, result %+v, options %+v", size, got.Best, got.Options)
	}
}

// A time that any file takes is met and reported; none takes less than a nanosecond.
func TestCompressToLatency(t *testing.T) {
	workplace(t)
	args := quick("compress", "corner.onnx", "--data", "data", "--no-training", "--report", "report.json")
	command(t, append(args, "--max-latency", "10s")...).must(t).has(t, "latency  ", "limit 10s; median on this machine", "<- written")
	got := parse[compressed](t, result{stdout: string(read(t, "report.json"))})
	if r := got.Options; r.MaxLatency != 10*time.Second || r.MaxDrop != nil || got.Best.Latency <= 0 || got.Best.Latency > r.MaxLatency {
		t.Errorf("best %+v, options %+v", got.Best, got.Options)
	}
	os.Remove("corner.edgec")
	r := command(t, append(args, "--max-latency", "1ns", "--quiet")...)
	oneError(t, r, "no file meets the limits", "the fastest takes ", " of 1ns")
	if _, err := os.Stat("corner.edgec"); err == nil {
		t.Error("a file was written that does not meet the limits")
	}
}

func TestCompressWithoutLabels(t *testing.T) {
	workplace(t)
	writeIdx(t, "odd", 8, 600, 200, 7) // labels that the network does not have
	got := parse[compressed](t, command(t, quick("compress", "corner.onnx", "--data", "odd", "--no-labels", "--json")...))
	if got.Task != edgec.TaskAgreement || got.Best.Size != len(read(t, "corner.edgec")) {
		t.Errorf("task %s, best %+v", got.Task, got.Best)
	}
}

// The last samples are measured on once and not trained on; eval measures on the same.
func TestCompressTestLast(t *testing.T) {
	workplace(t)
	const images = "data/train-images-idx3-ubyte"
	got := parse[compressed](t, command(t, quick("compress", "corner.onnx", "--data", images, "--test-last", "90", "--json")...))
	if got.Test == nil || got.Test.File.N != 90 || got.TrainedOn {
		t.Errorf("measured on %+v, trained on: %v", got.Test, got.TrainedOn)
	}
	seen := parse[evaluated](t, command(t, "eval", "corner.edgec", "--data", images, "--test-last", "90", "--against", "corner.onnx", "--json"))
	if seen.Split != "test" || seen.Samples != 90 || seen.Against == nil || *seen.Against != got.Test.File {
		t.Errorf("eval: %+v, the report has %+v", seen, got.Test.File)
	}
}

func TestCompressUnmet(t *testing.T) {
	workplace(t)
	r := command(t, quick("compress", "corner.onnx", "--data", "data", "--max-size", "60", "--max-drop", "1", "--report", "report.json", "--front", "front", "--quiet")...)
	oneError(t, r, "no file meets the limits")
	if _, err := os.Stat("corner.edgec"); err == nil {
		t.Error("a file was written that does not meet the limits")
	}
	got := parse[compressed](t, result{stdout: string(read(t, "report.json"))})
	fronts(t, "front", "corner", got.Front)
	if got.Output != "" || len(got.Tried) == 0 {
		t.Errorf("report %+v", got)
	}
}

func TestCompressBudget(t *testing.T) {
	workplace(t)
	got := parse[compressed](t, command(t, "compress", "corner.onnx", "--data", "data", "--budget", "1s", "--effort", "100", "-j", "1", "--json"))
	if got.Interrupted != "budget used up" || got.Best.Size != len(read(t, "corner.edgec")) {
		t.Errorf("interrupted %q, best %+v", got.Interrupted, got.Best)
	}
}

// A context that ends during pruning leaves the best file so far.
func TestCompressInterrupted(t *testing.T) {
	workplace(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := func(text string) {
		if strings.Contains(text, " int8 ") {
			cancel()
		}
	}
	r := commandUntil(t, ctx, stop, "compress", "corner.onnx", "--data", "data", "--effort", "100", "-j", "1", "--report", "report.json")
	if r.code != exitInterrupted {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	r.has(t, "corner.edgec", "Pareto front")
	if !strings.Contains(r.stderr, "--resume") {
		t.Errorf("nobody is told how to go on:\n%s", r.stderr)
	}
	if _, err := runtime.Load(read(t, "corner.edgec")); err != nil {
		t.Error(err)
	}
	if got := parse[compressed](t, result{stdout: string(read(t, "report.json"))}); got.Interrupted != "interrupted" || len(got.Front) == 0 {
		t.Errorf("interrupted %q, front %v", got.Interrupted, got.Front)
	}
}

// A signal to a process of its own does the same.
func TestCompressSignal(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			if ossignal.Ignored(signal) {
				t.Skip("this process ignores the signal, as nohup has it, and so do those that it starts")
			}
			workplace(t)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "compress", "corner.onnx", "--data", "data", "--effort", "100", "-j", "1")
			cmd.Env = append(os.Environ(), asProgram+"=1")
			stderr := &watched{}
			once := false
			stderr.watch = func(text string) {
				if !once && strings.Contains(text, " int8 ") {
					once = true
					cmd.Process.Signal(signal)
				}
			}
			cmd.Stderr = stderr
			err := cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
				t.Fatalf("exit code %d, %v: %s", code, err, stderr)
			}
			if !strings.Contains(stderr.String(), "edgec: interrupted: writing the best file so far") {
				t.Errorf("standard error %s", stderr)
			}
			if _, err := runtime.Load(read(t, "corner.edgec")); err != nil {
				t.Error(err)
			}
		})
	}
}

// A build that a signal ends leaves nothing behind, neither its own files nor the compiler's.
func TestBuildSignal(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	withFile(t)
	before := names(t)
	temp := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "build", "corner.edgec", "--target", "linux-amd64", "-o", "program")
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+temp)
	stderr := &watched{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for list := []string(nil); len(list) == 0 && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		list, _ = filepath.Glob(filepath.Join(temp, "edgec-build-*", ".tmp", "go-build*"))
	}
	cmd.Process.Signal(syscall.SIGTERM)
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(stderr.String(), "program: interrupted before the program was written") {
		t.Errorf("exit code %d, %v: %s", code, err, stderr)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left in TMPDIR: %v, %v", left, err)
	}
	if after := names(t); after != before {
		t.Errorf("files %s, before %s", after, before)
	}
}

// TestCompressKilled: a process that is killed without warning is resumed by another,
// which ends in the same file and leaves nothing else behind.
func TestCompressKilled(t *testing.T) {
	workplace(t)
	before := strings.TrimSuffix(names(t), "]")
	args := quick("compress", "corner.onnx", "--data", "data", "--max-drop", "1", "-o", "out.edgec")
	stages := []string{" prune "}
	if deep.On() {
		stages = []string{" learning rate ", " prune ", " file "}
	}
	for _, stage := range stages {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], args...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		stderr := &watched{}
		stderr.watch = func(text string) {
			if strings.Contains(text, stage) {
				cmd.Process.Kill()
			}
		}
		cmd.Stderr = stderr
		if err := cmd.Run(); err == nil {
			t.Fatalf("it was not killed:\n%s", stderr)
		}
		if got, want := names(t), before+" out.edgec.search out.edgec.search/0000 "; !strings.HasPrefix(got, want) {
			t.Errorf("files %s, want %s...", got, want)
		}
		write(t, ".edgec-1.tmp", nil) // what it was writing
		write(t, "out.edgec.search/.edgec-2.tmp", nil)
		oneError(t, command(t, append(args, "--quiet")...), "out.edgec.search: holds this search, which has not ended; give the same command with --resume")
		command(t, append(args, "--resume", "-j", "2")...).must(t)
		resumed := read(t, "out.edgec")
		os.Remove("out.edgec")
		if got := names(t); got != before+"]" {
			t.Errorf("files %s, want %s]", got, before)
		}
		command(t, args...).must(t)
		if !bytes.Equal(resumed, read(t, "out.edgec")) {
			t.Errorf("killed in%s: the file differs from one of a search that went through", stage)
		}
		os.Remove("out.edgec")
	}
	oneError(t, command(t, append(args, "--resume", "--quiet")...), "no search to go on with")
}

// A network that reproduces its input is judged by the distance, without labels.
func TestCompressReconstruction(t *testing.T) {
	t.Chdir(t.TempDir())
	const size, samples = 12, 240
	rng := rand.New(rand.NewPCG(8, 9))
	w := tensor.New(size, size)
	for i := range w.Data {
		w.Data[i] = float32(0.05 * rng.NormFloat64())
		if i%(size+1) == 0 {
			w.Data[i]++
		}
	}
	x, y := &graph.Value{Name: "x", Shape: tensor.Shape{1, size}}, &graph.Value{Name: "y"}
	weight := &graph.Value{Name: "w", Shape: w.Shape, Param: graph.NewParam("w", graph.Weight, w)}
	write(t, "same.onnx", encode(t, &graph.Graph{Name: "same", Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y},
		Nodes: []*graph.Node{{Name: "dense", Op: op.Dense{}, Inputs: []*graph.Value{x, weight, nil}, Outputs: []*graph.Value{y}}}}))
	head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }\n", samples, size)
	npy := append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), 0)
	npy = append(npy, head...)
	for range samples * size {
		npy = binary.LittleEndian.AppendUint32(npy, math.Float32bits(rng.Float32()))
	}
	write(t, "x.npy", npy)
	got := parse[compressed](t, command(t, quick("compress", "same.onnx", "--data", "x.npy", "--max-drop", "50", "--json")...))
	if got.Task != edgec.TaskReconstruction || !got.Best.Meets || math.Abs(got.Float.Error-100) > 1e-6 {
		t.Errorf("task %s, float %+v, best %+v", got.Task, got.Float, got.Best)
	}
	r := parse[evaluated](t, command(t, "eval", "same.edgec", "--data", "x.npy", "--against", "same.onnx", "--json"))
	if r.Against.Task != edgec.TaskReconstruction || r.Against.Error > 160 || r.Against.Error <= 0 {
		t.Errorf("against the float network: %+v", r.Against)
	}
	command(t, "eval", "same.edgec", "--data", "x.npy", "--against", "same.onnx").must(t).has(t, "of the float network's")

	near := parse[compressed](t, command(t, quick("compress", "same.onnx", "--data", "x.npy", "--max-drop", "50", "--no-labels", "-o", "near.edgec", "--json")...))
	if near.Task != edgec.TaskFidelity || !near.Best.Meets || near.Float.Error != 0 {
		t.Errorf("task %s, float %+v, best %+v", near.Task, near.Float, near.Best)
	}
	r = parse[evaluated](t, command(t, "eval", "near.edgec", "--data", "x.npy", "--against", "same.onnx", "--no-labels", "--json"))
	if r.Against.Task != edgec.TaskFidelity || r.Against.Error > 60 || r.Against.Error <= 0 {
		t.Errorf("against the float network's outputs: %+v", r.Against)
	}
	command(t, "eval", "near.edgec", "--data", "x.npy", "--against", "same.onnx", "--no-labels").must(t).has(t, "from its outputs")
	command(t, quick("compress", "same.onnx", "--data", "x.npy", "--max-drop", "50", "--no-labels", "-o", "near.edgec")...).must(t).has(t, "distance from float, held out")
}

// A search on few samples, or of little effort, comes to an end. Ten held-out samples tell
// a drop to 10 points, so that no file with fewer weights keeps its margin.
func TestCompressFewSamples(t *testing.T) {
	workplace(t)
	writeIdx(t, "few", 8, 60, 0, 0)
	for _, effort := range []string{"0.01", "0.2"} {
		got := parse[compressed](t, command(t, "compress", "corner.onnx", "--data", "few", "--effort", effort, "-j", "1", "--json"))
		if got.Test != nil || got.Best.Size != len(read(t, "corner.edgec")) || got.Best.Size >= got.FloatBytes/2 || got.Best.DropError < 10 {
			t.Errorf("effort %s: best %+v, float %d bytes", effort, got.Best, got.FloatBytes)
		}
	}
}

// fronts checks that a folder has the files of a front, and these alone.
func fronts(t *testing.T, dir, name string, front []edgec.File) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(front) || len(front) == 0 {
		t.Fatalf("%d files for a front of %d: %v", len(entries), len(front), err)
	}
	for _, p := range front {
		file := read(t, filepath.Join(dir, fmt.Sprintf("%s-%d.edgec", name, p.Size)))
		m, err := runtime.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(file) != p.Size || m.Info().Kept > p.Kept {
			t.Errorf("%d bytes with %d weights, the front has %d with %d", len(file), m.Info().Kept, p.Size, p.Kept)
		}
	}
}
