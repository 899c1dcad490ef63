package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"edgec/bench/arm/guest/marks"
	"edgec/bench/networks"
	"edgec/runtime"
)

// processor is a row of the processors that are emulated.
type processor struct {
	cpu      string // name in qemu
	emulator string
	arch     string // GOARCH
	arm      string // GOARM; "": none
	kernels  string // micro-kernels that it has
	limit    string // value of EDGEC_CPU; "": not set
}

var processors = []processor{
	{cpu: "cortex-a53", emulator: "qemu-aarch64", arch: "arm64", kernels: "neon"},
	{cpu: "cortex-a72", emulator: "qemu-aarch64", arch: "arm64", kernels: "neon"},
	{cpu: "cortex-a76", emulator: "qemu-aarch64", arch: "arm64", kernels: "dotprod"},
	{cpu: "cortex-a7", emulator: "qemu-arm", arch: "arm", arm: "7", kernels: "neon"},
	{cpu: "arm1176", emulator: "qemu-arm", arch: "arm", arm: "6", kernels: "smlad"},
}

// layerProcessors are those whose layers are counted: also without micro-kernels, as on boards
// of other architectures, and the AVX2 of a PC.
var layerProcessors = append(slices.Clone(processors),
	processor{cpu: "cortex-a53", emulator: "qemu-aarch64", arch: "arm64", kernels: "go", limit: "go"},
	processor{cpu: "cortex-a7", emulator: "qemu-arm", arch: "arm", arm: "7", kernels: "go", limit: "go"},
	processor{cpu: "max", emulator: "qemu-x86_64", arch: "amd64", kernels: "avx2", limit: "avx2"},
)

// on is the processor as the runtime plans for it.
func (p processor) on() runtime.Processor {
	return runtime.Processor{Kernels: p.kernels, Wide: p.arch != "arm"}
}

// label names the processor, and of 32-bit ones the instructions that its program has.
func (p processor) label() string {
	if p.arch == "amd64" {
		return p.arch
	}
	if p.arm == "" {
		return p.cpu
	}
	return p.cpu + ", armv" + p.arm
}

//go:embed count/count.c
var source []byte

// qemu is what counting needs, in a folder.
type qemu struct {
	dir     string
	version string
}

// prepare compiles the plugin and the guest, for each set of instructions of processors.
func prepare(dir string, processors []processor) (*qemu, error) {
	q := &qemu{dir: dir}
	for _, p := range processors {
		if _, err := exec.LookPath(p.emulator); err != nil {
			return nil, fmt.Errorf("%w; bench/setup.sh installs qemu-user", err)
		}
		if err := q.build(p); err != nil {
			return nil, err
		}
	}
	text, err := exec.Command(processors[0].emulator, "--version").Output()
	if err != nil {
		return nil, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	q.version = strings.TrimPrefix(line, "qemu-aarch64 version ")
	c := filepath.Join(dir, "count.c")
	if err := os.WriteFile(c, source, 0o644); err != nil {
		return nil, err
	}
	if text, err := exec.Command("gcc", "-O2", "-Wall", "-shared", "-fPIC", "-o", q.plugin(), c).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("gcc: %w\n%s", err, text)
	}
	return q, nil
}

func (q *qemu) plugin() string { return filepath.Join(q.dir, "count.so") }

// guest is the path of the program for a processor.
func (q *qemu) guest(p processor) string { return filepath.Join(q.dir, "guest-"+p.arch+p.arm) }

// build compiles the guest unless it is there.
func (q *qemu) build(p processor) error {
	if _, err := os.Stat(q.guest(p)); err == nil {
		return nil
	}
	cmd := exec.Command("go", "build", "-o", q.guest(p), "./arm/guest")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+p.arch, "GOARM="+p.arm)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("guest for %s: %w\n%s", p.label(), err, text)
	}
	return nil
}

// counts are those of one processor.
type counts struct {
	processor
	kernels string
	of      []int64 // instructions of an inference of each network
}

// count executes all networks on a processor. One Go thread without collection of garbage
// and without signals for scheduling makes counts repeat.
func (q *qemu) count(p processor, stored []networks.Stored) (counts, error) {
	c := counts{processor: p}
	out := filepath.Join(q.dir, "counts-"+p.cpu)
	args := []string{"-cpu", p.cpu, "-plugin", q.plugin() + ",out=" + out, q.guest(p)}
	for _, s := range stored {
		args = append(args, s.Path)
	}
	cmd := exec.Command(p.emulator, args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	var errText bytes.Buffer
	cmd.Stderr = &errText
	kernels, err := cmd.Output()
	if err != nil {
		return c, fmt.Errorf("%w: %s", err, bytes.TrimSpace(errText.Bytes()))
	}
	c.kernels = strings.TrimSpace(string(kernels))
	text, err := os.ReadFile(out)
	if err != nil {
		return c, err
	}
	c.of, err = least(strings.Fields(string(text)), len(stored))
	return c, err
}

// spread is how far most counts of equal inferences may lie above the least, as a part of it.
// After 10 ms the Go runtime has a goroutine look for others, in about 1,300 instructions.
const spread = 0.005

// least returns the smallest count of each network, of the lines that the plugin has written,
// marks.Counted for each. It is an error that most of these do not agree.
func least(lines []string, n int) (of []int64, err error) {
	if len(lines) != n*marks.Counted {
		return nil, fmt.Errorf("%d counts of %d inferences; does this qemu take plugins?", len(lines), n*marks.Counted)
	}
	for some := range slices.Chunk(lines, marks.Counted) {
		var equal []int64
		for _, line := range some {
			v, err := strconv.ParseInt(line, 10, 64)
			if err != nil {
				return nil, err
			}
			equal = append(equal, v)
		}
		slices.Sort(equal)
		lo, median := equal[0], equal[len(equal)/2]
		if lo <= 0 || float64(median-lo) > spread*float64(lo) {
			return nil, errors.New("counts of equal inferences differ: " + strings.Join(some, ", "))
		}
		of = append(of, lo)
	}
	return of, nil
}
