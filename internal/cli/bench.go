package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"edgec/internal/disk"
	"edgec/runtime"
	"edgec/runtime/program"
	"edgec/targets"
)

// benchFlags are the flags of edgec bench.
type benchFlags struct {
	on, target, goTool, save string
	acceptNew, compare       bool
	processes                int
	timing                   program.Timing
	duration                 time.Duration
	limits                   runtime.Config
}

// benchHelp is the long help of edgec bench.
const benchHelp = `Measures the time of an inference on one core, on generated input, after half a second of
warm-up. It prints the minimum, median, mean and tail, the multiplications per second, and
the memory.
It also prints what you need to trust the figures, as far as the system tells it: board,
kernel, governor, and clock and temperature before and after. Warnings say what makes
the figures doubtful. --layers adds the time of each layer and the kernel that computes it.

--on pi@raspberrypi measures on that host. edgec asks the host what it is, builds the
program for it and copies it over SSH to a temporary folder. It measures there for 10
seconds and removes the folder, even if the connection is lost. Keys, known hosts, jump
hosts and ~/.ssh/config work as with ssh. --on qemu:cortex-a53 runs the program under the
emulator qemu-user. Its times mean nothing, but it shows that the program works and which
kernels it uses.

Runs in one process resemble each other; --processes 10 starts the program ten times.
--save writes the measurement to a file. --compare A.json B.json tells from two such files
whether B is faster or slower than A. It uses the Mann-Whitney test over the medians of
the processes; the difference must also be larger than that within each file. Measure
both in one go, on the same board.`

func benchCommand(a *app) *cobra.Command {
	b := &benchFlags{}
	cmd := &cobra.Command{
		Use:   "bench FILE.edgec | --compare A.json B.json",
		Short: "Measure the time of an inference here or on a board",
		Long:  benchHelp,
		Example: `  edgec bench lenet-5.edgec
  edgec bench lenet-5.edgec --on pi@raspberrypi.local --layers
  edgec bench lenet-5.edgec --on pi@raspberrypi.local --processes 10 --save old.json
  edgec bench --compare old.json new.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if b.compare {
				return needs(2, 2, "two files of --save")(cmd, args)
			}
			return needs(1, 1, "one .edgec file")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if b.compare {
				return a.compareBenches(cmd, args[0], args[1])
			}
			if err := b.check(cmd); err != nil {
				return err
			}
			return a.bench(cmd.Context(), b, args[0])
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&b.on, "on", "local", "where to measure: local, a host (user@host[:port]), or qemu:CPU (cortex-a53, arm1176, ...)")
	f.IntVar(&b.timing.Runs, "runs", 0, "number of inferences to measure; 0: as many as fit in the time, at least 50")
	f.Var(&span{&b.duration, [2]string{"10s", "1m"}}, "duration", "shortest time to measure (default: 1s here, 10s on a host; none with --runs)")
	f.BoolVar(&b.timing.Layers, "layers", false, "print the time of each layer, the shortest of 50 runs of each process, and the kernel that computes it")
	f.IntVar(&b.processes, "processes", 1, "number of processes that measure, one after the other")
	f.StringVar(&b.save, "save", "", "write the measurement to this file, as JSON")
	f.BoolVar(&b.compare, "compare", false, "tell whether two files of --save differ")
	f.StringVar(&b.target, "target", "", "with --on: board to build for (default: what the host says it is)")
	f.BoolVar(&b.acceptNew, "accept-new", false, "with --on: trust a host that is not known, and store its key")
	f.StringVar(&b.goTool, "go", "go", "with --on: the go command")
	addLimits(cmd, &b.limits)
	must(cmd.RegisterFlagCompletionFunc("target", cobra.FixedCompletions(targets.Names(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// Limits of a measurement: runs of a process, and processes.
const maxRuns, maxProcesses = 1_000_000, 1000

// check refuses values that cannot be, and flags that would do nothing.
func (b *benchFlags) check(cmd *cobra.Command) error {
	var errs []error
	if b.timing.Runs < 0 || b.timing.Runs > maxRuns {
		errs = append(errs, fmt.Errorf("--runs %d: give a number from 1 to %d, or 0", b.timing.Runs, maxRuns))
	}
	if b.timing.Duration = b.duration.Nanoseconds(); b.timing.Duration > program.MaxDuration {
		errs = append(errs, fmt.Errorf("--duration %v: give at most an hour, such as 10s", b.duration))
	}
	if b.processes < 1 || b.processes > maxProcesses {
		errs = append(errs, fmt.Errorf("--processes %d: give a number from 1 to %d", b.processes, maxProcesses))
	}
	if b.on == "" {
		errs = append(errs, errors.New("--on: give local, a host such as pi@raspberrypi.local, or qemu:CPU"))
	}
	if b.on == "local" {
		for _, name := range []string{"target", "accept-new", "go"} {
			if cmd.Flags().Changed(name) {
				errs = append(errs, fmt.Errorf("--%s belongs to --on; give the host with --on", name))
			}
		}
	}
	if b.target != "" {
		board, err := targets.Find(b.target)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("--target %s: %s", shown(b.target), strings.TrimPrefix(err.Error(), "targets: ")))
		case board.System() != "linux":
			errs = append(errs, fmt.Errorf("--target %s: --on measures on Linux; run the program of edgec build there with --bench", shown(b.target)))
		}
	}
	if cpu, ok := strings.CutPrefix(b.on, "qemu:"); ok {
		errs = append(errs, b.checkEmulated(cpu))
	} else if b.on != "" && b.on != "local" {
		errs = append(errs, checkHost("on", b.on))
	}
	return usageErrors(cmd, errs...)
}

// checkEmulated returns what is wrong with --on qemu:CPU, alone or beside --target.
func (b *benchFlags) checkEmulated(cpu string) error {
	emulated, err := targets.Emulated(cpu)
	if err != nil {
		return fmt.Errorf("--on %s: %s", shown(b.on), strings.TrimPrefix(err.Error(), "targets: "))
	}
	board, err := targets.Find(b.target)
	if b.target == "" || err != nil || board.System() != "linux" { // said already
		return nil
	}
	if board.GOARCH != emulated.GOARCH || board.GOARM > emulated.GOARM {
		return fmt.Errorf("--target %s: %s cannot run a program for it; leave --target out, or give --target %s", shown(b.target), shown(b.on), emulated.Name)
	}
	return nil
}

// benchOrigin says what was measured where.
type benchOrigin struct {
	File    string `json:"file"`
	On      string `json:"on"`               // local, qemu:CPU or user@host
	Target  string `json:"target,omitempty"` // board that the program was built for
	Edgec   string `json:"edgec"`            // version
	Model   string `json:"model_sha256"`
	Program string `json:"program_sha256,omitempty"` // that was built
}

// measuring is a place where processes measure.
type measuring struct {
	benchOrigin
	run func(ctx context.Context) ([]byte, error) // one process; its JSON
	end func()                                    // leaves nothing behind
}

func (a *app) bench(ctx context.Context, b *benchFlags, path string) error {
	if b.save != "" {
		if err := checkOutput(b.save, path); err != nil {
			return err
		}
	}
	model, _, err := readEdgec(path)
	if err != nil {
		return err
	}
	if b.on != "local" || b.processes > 1 { // within edgec there is nothing to end
		var stop context.CancelFunc
		ctx, stop = a.interruptible(ctx, "interrupted: ending the measurement")
		defer stop()
	}
	p := a.newProgress()
	defer p.end()
	m := &measuring{benchOrigin: benchOrigin{File: path, On: b.on, Edgec: edgecVersion(), Model: hash(model)}, end: func() {}}
	defer func() { m.end() }()
	var processes []fields
	for err = a.prepare(ctx, m, b, model, p); err == nil && len(processes) < b.processes; {
		if b.processes > 1 || b.on != "local" {
			p.work(fmt.Sprintf("measuring on %s, process %d of %d", m.On, len(processes)+1, b.processes), "")
		}
		var one fields
		one, err = m.process(ctx)
		processes = append(processes, one)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return stoppedBy(ctx, errors.New("interrupted before the measurement was complete; give the command again"))
	case err != nil && b.on == "local":
		return about(path, fmt.Errorf("%s: %w", path, err))
	case err != nil:
		return err
	}
	p.end()
	return a.benchResult(m.benchOrigin, processes, b.save)
}

// prepare makes m ready to measure at the place that b names.
func (a *app) prepare(ctx context.Context, m *measuring, b *benchFlags, model []byte, p *progress) error {
	cpu, emulated := strings.CutPrefix(b.on, "qemu:")
	switch {
	case emulated:
		return m.emulate(ctx, b, cpu, model, p)
	case b.on != "local":
		return a.reach(ctx, m, b, model, p)
	case b.processes > 1:
		m.run = func(ctx context.Context) ([]byte, error) { return anotherProcess(ctx, b, m.File) }
	default:
		m.run = func(context.Context) ([]byte, error) { return inThisProcess(model, b) }
	}
	return nil
}

// process runs one process and reads what it prints.
func (m *measuring) process(ctx context.Context) (fields, error) {
	text, err := m.run(ctx)
	if err != nil {
		return nil, err
	}
	f, err := readFields(text)
	if err == nil && f.number("median_us") <= 0 {
		err = errors.New("it has no median_us")
	}
	if err != nil {
		return nil, fmt.Errorf("the program on %s printed no measurement: %w", m.On, err)
	}
	return f.without("schema"), nil
}

// inThisProcess measures within edgec.
func inThisProcess(model []byte, b *benchFlags) ([]byte, error) {
	var out bytes.Buffer
	err := (&program.Job{Action: program.Bench, Model: model, Timing: b.timing, Limits: b.limits, JSON: true, Stdout: &out}).Do()
	return out.Bytes(), err
}

// anotherProcess measures by another edgec.
func anotherProcess(ctx context.Context, b *benchFlags, path string) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"bench", path, "--json", "--quiet"}, b.options()...)...)
	cmd.WaitDelay = waitAfter
	text, err := cmd.Output()
	if err != nil {
		return nil, programError(text, err)
	}
	f, err := readFields(text)
	if err != nil {
		return nil, err
	}
	processes, err := readProcesses(f)
	if err != nil || len(processes) != 1 {
		return nil, errors.Join(err, errors.New("edgec printed no measurement"))
	}
	return processes[0].MarshalJSON()
}

// options are the flags of a measurement, as edgec bench and device programs have them.
func (b *benchFlags) options() (args []string) {
	if b.timing.Runs > 0 {
		args = append(args, "--runs", strconv.Itoa(b.timing.Runs))
	}
	if b.duration > 0 {
		args = append(args, "--duration", strconv.FormatFloat(b.duration.Seconds(), 'f', -1, 64)+"s")
	}
	if b.timing.Layers {
		args = append(args, "--layers")
	}
	if b.limits.Memory != 0 {
		args = append(args, "--max-memory", strconv.FormatInt(b.limits.Memory, 10))
	}
	if b.limits.Work != 0 {
		args = append(args, "--max-work", strconv.FormatInt(b.limits.Work, 10))
	}
	return args
}

// programError is what a program that failed has printed as its error, or else err.
func programError(stdout []byte, err error) error {
	var failed struct {
		Error struct{ Message string }
	}
	if json.Unmarshal(stdout, &failed) == nil && failed.Error.Message != "" {
		return errors.New(failed.Error.Message)
	}
	return err
}

// edgecVersion names this edgec: the module's version, or the commit of a working copy.
func edgecVersion() string {
	v := readVersion()
	if v.Commit == "" {
		return v.Version
	}
	return v.Version + " " + v.Commit[:min(len(v.Commit), 12)]
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// benchResult prints a measurement, and writes it to a file if one is named.
func (a *app) benchResult(from benchOrigin, processes []fields, file string) error {
	document, err := benchDocument(from, processes)
	if err != nil {
		return err
	}
	if file != "" {
		data, err := indented(document)
		if err == nil {
			err = disk.Write(file, data, 0o644)
		}
		if err != nil {
			return about(file, err)
		}
	}
	if a.json {
		return a.printJSON(document)
	}
	if err := a.benchTable(document.without("processes"), processes); err != nil || file == "" {
		return err
	}
	a.note("the measurement is in %s", file)
	return nil
}

// benchDocument is the JSON of a measurement: a summary and what each process measured.
func benchDocument(from benchOrigin, processes []fields) (document fields, err error) {
	data, err := json.Marshal(from)
	if err == nil {
		document, err = readFields(data)
	}
	if err != nil {
		return nil, err
	}
	s, err := summarize(medians(processes))
	if err == nil {
		data, err = json.Marshal(s)
	}
	if err != nil {
		return nil, err
	}
	summary, err := readFields(data)
	if err != nil {
		return nil, err
	}
	return append(document, summary...).set("processes", processes)
}

// medians lists the medians of processes, in microseconds.
func medians(processes []fields) (list []float64) {
	for _, p := range processes {
		list = append(list, p.number("median_us"))
	}
	return list
}

// waitAfter is how long a process may take to end after its context.
const waitAfter = 3 * time.Second
