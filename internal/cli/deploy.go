package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/internal/deploy"
	"edgec/internal/disk"
	"edgec/targets"
)

// deployFlags are the flags of edgec deploy.
type deployFlags struct {
	at      placeFlags
	target  string
	goTool  string
	version int
	pub     string // public key; "": signatures are not asked for
	base    string // program that the device runs; "": one that was deployed before
	options deploy.Options
}

const placeHelp = `A host is user@host or user@host:port. edgec connects over SSH and uses ~/.ssh/config, the
agent and known_hosts as the command ssh does. local:FOLDER is a folder on this machine,
such as one on a mounted card.`

func deployCommand(a *app) *cobra.Command {
	d := &deployFlags{}
	cmd := &cobra.Command{
		Use:   "deploy FILE --to HOST",
		Short: "Install a program on a device, test it there, and switch to it",
		Long: `Installs a program with a model on a device. FILE is a program that edgec build made, or
a compressed network; for a network, deploy builds the program first. It copies the
program into a folder of its own, tests it there, and only then switches a symbolic link
to it. On the device, run edgec/current/program. If the disk is full, the connection is
lost or the power fails, the device still has a complete program that passed its tests.

The device keeps the previous program; edgec rollback returns to it. If the new program
fails its self-test, exceeds --max-latency or fails --check, the previous one stays or
comes back. Each version must be higher than the ones before. A program that has failed
is refused unless you give --retry.

Programs that this machine has deployed are kept. If the device runs one of them, or the
one of --base, deploy sends only what differs, often 1 % of the program. The device
applies that itself, and its checksum is compared before the switch.

--pub refuses a file without a valid signature FILE.minisig (edgec sign). The version and
the target in the signature then hold.

If a service runs the program, give --restart, a command that restarts the service, such
as "systemctl --user restart digits". --check is a command that succeeds if it works.

` + placeHelp,
		Example: `  edgec deploy lenet-5.edgec --to pi@raspberrypi
  edgec deploy lenet-5.edgec --to pi@raspberrypi --max-latency 5ms
  edgec deploy classify --to pi@raspberrypi:2222 --folder models/digits --pub fleet.pub
  edgec rollback --on pi@raspberrypi`,
		Args: needs(1, 1, "one .edgec file, or a program that edgec build made"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.deploy(cmd, d, args[0]) },
	}
	f := cmd.Flags()
	d.at.register(cmd, "to", "device to install on: user@host, or local:FOLDER (required)")
	f.StringVar(&d.target, "target", "", "board to build the program for; edgec targets lists them (default: what the device says it is)")
	f.StringVar(&d.goTool, "go", "go", "the go command")
	f.IntVar(&d.version, "version", 0, "version number of the program (default: one more than the highest so far)")
	f.StringVar(&d.pub, "pub", "", "install only what this key has signed: a file with a public key, or its line of 56 characters")
	f.StringVar(&d.base, "base", "", "program that the device runs, to send only what differs from it (default: one that this machine has deployed)")
	f.BoolVar(&d.options.Retry, "retry", false, "install it even if it has failed on this device before")
	f.Var(&span{&d.options.MaxLatency, [2]string{"5ms", "200us"}}, "max-latency", "longest median time of an inference on the device, such as 5ms (default: not measured)")
	f.Var(&span{&d.options.Duration, [2]string{"10s", "1m"}}, "duration", "with --max-latency: how long to measure (default: 10s)")
	d.at.commands(cmd, &d.options)
	must(cmd.RegisterFlagCompletionFunc("target", cobra.FixedCompletions(targets.Names(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// deployment is the JSON result of edgec deploy, rollback and status.
type deployment struct {
	On       string            `json:"on"`     // the device
	Folder   string            `json:"folder"` // on it
	Outcome  string            `json:"outcome,omitempty"`
	Current  *deploy.Installed `json:"current,omitempty"`
	Previous *deploy.Installed `json:"previous,omitempty"`
	Latency  int64             `json:"latency_ns,omitempty"`
	Sent     int64             `json:"sent_bytes,omitempty"`
	Base     string            `json:"base_sha256,omitempty"` // that a delta was made against
	Found    string            `json:"found,omitempty"`
	Damaged  string            `json:"damaged,omitempty"`
	Failed   []deploy.Failure  `json:"failed,omitempty"`
}

func (a *app) deploy(cmd *cobra.Command, d *deployFlags, path string) error {
	if err := d.check(cmd); err != nil {
		return err
	}
	if err := present(path, "an .edgec file, or a program that edgec build made"); err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return about(path, fmt.Errorf("%s: %w", path, reason(err)))
	}
	if err := d.verify(cmd, path, data); err != nil {
		return err
	}
	if d.options.Base, err = d.bases(); err != nil {
		return err
	}
	program, system, isProgram := deploy.ReadProgram(path, data)
	if isProgram { // what is wrong is refused before a device is asked
		if err := installable(d.target, system); err != nil {
			return about(path, fmt.Errorf("%s: %w", path, err))
		}
	} else {
		if _, err := loadEdgec(path, data); err != nil {
			return err
		}
		if _, _, err := targets.Toolchain(cmd.Context(), d.goTool); err != nil {
			return err
		}
	}
	return a.onDevice(cmd.Context(), d.at, &d.options, func(ctx context.Context, at *place, p *progress) error {
		if !isProgram {
			if program, system, err = a.programFor(ctx, d, at, path, data, p); err != nil {
				return err
			}
		}
		if err := at.fits(ctx, system, d.options.MaxLatency > 0); err != nil {
			return err
		}
		r, err := deploy.Deploy(ctx, at.device, program, d.options)
		if err != nil {
			return err
		}
		a.warnVolatile(ctx, at.device)
		p.end()
		a.tellSent(d, at, program, r.Sent)
		if r.Outcome == deploy.Unchanged && d.options.Restart != "" {
			a.note("%s: runs this program already, so --restart was not run", at.device)
		}
		return a.printDeployment(at, r, nil)
	})
}

// check returns what is wrong with the command line.
func (d *deployFlags) check(cmd *cobra.Command) error {
	errs := []error{d.at.check(cmd)}
	if d.target != "" {
		board, err := targets.Find(d.target)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("--target %s: %s", shown(d.target), strings.TrimPrefix(err.Error(), "targets: ")))
		case board.System() != "linux":
			errs = append(errs, fmt.Errorf("--target %s: deploy installs on Linux; make the program with edgec build and copy it to the machine", shown(d.target)))
		}
	}
	if d.options.Duration > 0 && d.options.MaxLatency == 0 {
		errs = append(errs, errors.New("--duration belongs to --max-latency; give the longest inference too"))
	}
	if d.options.Duration > time.Hour {
		errs = append(errs, fmt.Errorf("--duration %v: give at most an hour, such as 10s", d.options.Duration))
	}
	if cmd.Flags().Changed("version") && (d.version < 1 || d.version > deploy.MaxVersion) {
		errs = append(errs, fmt.Errorf("--version %d: give a whole number from 1 to %d", d.version, deploy.MaxVersion))
	}
	d.options.Version = d.version
	return usageErrors(cmd, errs...)
}

// installable returns an error if deploy cannot install a finished program, or if --target
// contradicts it.
func installable(target string, system deploy.System) error {
	if system.GOOS != "linux" {
		return fmt.Errorf("is a program for %v, and deploy installs on Linux; copy it to the machine yourself", system)
	}
	return contradicted(target, system)
}

// contradicted returns an error if a finished program was not built for the board of --target.
func contradicted(target string, system deploy.System) error {
	if target == "" {
		return nil
	}
	board, err := targets.Find(target)
	if err != nil {
		return err
	}
	if board.System() == system.GOOS && board.GOARCH == system.GOARCH && board.GOARM >= system.GOARM {
		return nil
	}
	want := deploy.System{GOOS: board.System(), GOARCH: board.GOARCH, GOARM: board.GOARM}
	return fmt.Errorf("is a program for %v, and --target %s is %v; leave --target out, or give the .edgec file or a program for that board", system, board.Name, want)
}

// programFor builds the program of a model for the device.
func (a *app) programFor(ctx context.Context, d *deployFlags, at *place, path string, model []byte, p *progress) (deploy.Program, deploy.System, error) {
	none := func(err error) (deploy.Program, deploy.System, error) {
		return deploy.Program{}, deploy.System{}, err
	}
	board, err := at.board(ctx, a, d.target)
	if err != nil {
		return none(err)
	}
	dir, done, err := disk.Folder("edgec-deploy-")
	if err != nil {
		return none(fmt.Errorf("%w; set TMPDIR to a folder that can be written", err))
	}
	defer done()
	p.work("compiling a program for "+board.Name, "; the first one for a processor takes longest")
	out := filepath.Join(dir, "program")
	if _, err := targets.Build(ctx, edgec.Sources, model, board, out, targets.Options{Go: d.goTool, Version: readVersion().Version, Bench: targets.Yes}); err != nil {
		return none(about(path, err))
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return none(err)
	}
	program, system, ok := deploy.ReadProgram(path, data)
	if !ok {
		return none(fmt.Errorf("the go command has made a program without its build settings; report this with the output of edgec version"))
	}
	return program, system, nil
}

// printDeployment prints the programs of a device.
func (a *app) printDeployment(at *place, r deploy.Result, failed []deploy.Failure) error {
	d := deployment{On: at.device.String(), Folder: at.device.Folder(), Outcome: r.Outcome, Latency: r.Latency.Nanoseconds(), Sent: r.Sent.Bytes, Base: r.Sent.Base, Found: r.Found, Damaged: r.Damaged, Failed: failed}
	if r.Current.SHA256 != "" {
		d.Current = &r.Current
	}
	if r.Previous.SHA256 != "" {
		d.Previous = &r.Previous
	}
	if a.json {
		return a.printJSON(d)
	}
	rows := []string{"device\t" + d.On, "folder\t" + d.Folder}
	if r.Outcome != "" {
		rows = append(rows, "outcome\t"+r.Outcome)
	}
	if text := sentText(r.Sent, r.Current.Bytes); text != "" {
		rows = append(rows, "sent\t"+text)
	}
	rows = append(rows, "current\t"+installedText(d.Current), "previous\t"+installedText(d.Previous))
	if r.Found != "" {
		rows = append(rows, "found\t"+r.Found)
	}
	if r.Damaged != "" {
		rows = append(rows, "damaged\tthe program before "+r.Damaged+"; edgec rollback would refuse it")
	}
	if r.Latency > 0 {
		rows = append(rows, fmt.Sprintf("latency\t%.1f us (median)", float64(r.Latency)/1e3))
	}
	for _, f := range failed {
		rows = append(rows, fmt.Sprintf("failed\tversion %d, %s, %s: %s", f.Version, f.SHA256[:min(12, len(f.SHA256))], f.Time.Format(time.DateOnly), f.Reason))
	}
	return a.table(rows)
}

// installedText describes a program for people.
func installedText(p *deploy.Installed) string {
	if p == nil {
		return "none"
	}
	return fmt.Sprintf("version %d, %s of %s, %s bytes, %s", p.Version, p.SHA256[:min(12, len(p.SHA256))], p.Model, thousands(int(p.Bytes)), p.Time.Format(time.DateOnly))
}
