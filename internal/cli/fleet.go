package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"edgec/internal/deploy"
	"edgec/internal/fleet"
	"edgec/internal/sign"
)

func fleetCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "Roll programs out to many devices, and see what they run",
		Long: `Publishes programs for devices that run edgec agent, in stages, and shows what each of them
runs. What is published is signed with your key; devices accept nothing else.

` + channelHelp,
		Example: `  edgec fleet roll classify --to nats://192.168.1.5:4222/cameras --stages 1,5,all
  edgec fleet status --on nats://192.168.1.5:4222/cameras
  edgec fleet stop --on nats://192.168.1.5:4222/cameras`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd, "fleet: give roll, status or stop")
			}
			return usagef(cmd, "fleet: %s is none of roll, status and stop", shown(args[0]))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(fleetRollCommand(a), fleetStatusCommand(a), fleetStopCommand(a))
	return cmd
}

// rollFlags are the flags of edgec fleet roll.
type rollFlags struct {
	channel  channelFlags
	key      string
	stages   string
	registry string
	rollout  fleet.Rollout
}

func fleetRollCommand(a *app) *cobra.Command {
	r := &rollFlags{}
	cmd := &cobra.Command{
		Use:   "roll PROGRAM... --to CHANNEL",
		Short: "Roll programs out to a fleet, stage by stage",
		Long: `Publishes programs that edgec build made, one for each kind of processor in the fleet, and
opens one stage after the other: 1,5,all updates one device, then five in all, then every
one; 10% is a part of them. A stage is over when all its devices run the program. If more than
--max-failed devices fail, the roll-out stops: no other device begins, and those that failed
run the program before. Devices that have not reported for an hour are not waited for; they
install the program when they come back.

Where the channel has the program before, a delta from it is sent too, if that is smaller.
Give the same command again to go on after an interruption.

` + channelHelp,
		Example: `  edgec fleet roll classify --to nats://192.168.1.5:4222/cameras --stages 1,5,all
  edgec fleet roll classify-rpi-4 classify-rpi-zero --to local:/mnt/fleet --stages 5%,all --soak 10m
  edgec fleet roll classify --to nats://192.168.1.5/cameras --registry ghcr.io/me/classify:7`,
		Args: needs(1, -1, "programs that edgec build made"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.check(cmd); err != nil {
				return err
			}
			return a.roll(cmd, r, args)
		},
	}
	f := cmd.Flags()
	r.channel.register(cmd, "to", "channel that the devices follow (required)")
	f.StringVar(&r.key, "key", defaultSecret, "file with the secret key")
	f.StringVar(&r.stages, "stages", "1,10%,all", "devices of each stage: numbers, parts such as 10%, or all")
	f.StringVar(&r.registry, "registry", "", "store the programs in a registry, as HOST/NAME:TAG, and only name them in the channel")
	f.IntVar(&r.rollout.Version, "version", 0, "version number of the programs (default: one more than what is published)")
	f.IntVar(&r.rollout.MaxFailed, "max-failed", 0, "number of devices that may fail before the roll-out stops")
	f.Var(&span{&r.rollout.MaxLatency, [2]string{"5ms", "200us"}}, "max-latency", "longest median time of an inference on each device (default: not measured)")
	f.Var(&span{&r.rollout.Patience, [2]string{"15m", "1h"}}, "wait", "longest wait for the devices of a stage (default: 15m)")
	f.Var(&span{&r.rollout.Soak, [2]string{"10m", "1h"}}, "soak", "how long the devices of a stage must run the program before the next stage opens (default: 0)")
	f.BoolVar(&r.rollout.Retry, "retry", false, "devices where the version has failed try it once more")
	return cmd
}

// check returns what is wrong with the command line.
func (r *rollFlags) check(cmd *cobra.Command) error {
	errs := []error{r.channel.check(cmd)}
	var err error
	if r.rollout.Stages, err = fleet.ParseShares(r.stages); err != nil {
		errs = append(errs, fmt.Errorf("--stages %s: %w", shown(r.stages), err))
	}
	if cmd.Flags().Changed("version") && (r.rollout.Version < 1 || r.rollout.Version > sign.MaxVersion) {
		errs = append(errs, fmt.Errorf("--version %d: give a whole number from 1 to %d", r.rollout.Version, sign.MaxVersion))
	}
	return usageErrors(cmd, append(errs, atLeast("max-failed", r.rollout.MaxFailed, 0))...)
}

// artifacts reads the programs of a roll-out.
func artifacts(paths []string) (all []fleet.Artifact, err error) {
	for _, path := range paths {
		if err := present(path, "a program that edgec build made"); err != nil {
			return nil, err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, about(path, fmt.Errorf("%s: %w", path, reason(err)))
		}
		if err := signatureFits(path, data); err != nil {
			return nil, err
		}
		program, system, ok := deploy.ReadProgram(path, data)
		switch name := fleet.CheckFile(filepath.Base(path)); {
		case name != nil:
			return nil, about(path, fmt.Errorf("%s: %w", path, name))
		case !ok:
			return nil, about(path, fmt.Errorf("%s: is no program of edgec build, which is what devices install; build one: edgec build FILE.edgec --target BOARD", path))
		case system.GOOS != "linux":
			return nil, about(path, fmt.Errorf("%s: is for %v, and agents run on Linux", path, system))
		case slices.ContainsFunc(all, func(a fleet.Artifact) bool { return a.System == system }):
			return nil, about(path, fmt.Errorf("%s: another program is for %v too; give one for each kind of processor", path, system))
		}
		all = append(all, fleet.Artifact{Program: program, File: filepath.Base(path), System: system})
	}
	return all, nil
}

func (a *app) roll(cmd *cobra.Command, r *rollFlags, paths []string) error {
	var err error
	if r.rollout.Artifacts, err = artifacts(paths); err != nil {
		return err
	}
	ctx, stop := a.interruptible(cmd.Context(), "interrupted: the stage that is open stays open")
	defer stop()
	key, err := a.secretKey(ctx, r.key)
	if err != nil {
		return err
	}
	channel, reports, client, err := a.channels(cmd, &r.channel)
	if err != nil {
		return err
	}
	defer channel.Close()
	defer reports.Close()
	p := a.newProgress()
	defer p.end()
	if r.registry != "" {
		p.work("sending the programs to "+r.registry, "")
		if err := (fleet.RegistryFiles{Client: client}).Send(ctx, r.registry, r.rollout.Artifacts); err != nil {
			return err
		}
	}
	o := fleet.Operator{Fleet: r.channel.fleet, Channel: channel, Reports: reports, Key: key, Public: key.Public(), Registry: fleet.RegistryFiles{Client: client},
		Say: func(doing string) { p.work(doing, "") }, Count: func(_ fleet.Stage, updated, failed, of int) { p.steps(updated+failed, of) }}
	s, err := o.Roll(ctx, r.rollout)
	if err != nil {
		return stoppedAt(ctx, channel, err)
	}
	p.end()
	return a.printFleet(&r.channel, s)
}

func fleetStatusCommand(a *app) *cobra.Command {
	c, pub := &channelFlags{}, ""
	cmd := &cobra.Command{
		Use:   "status --on CHANNEL",
		Short: "Show what is published, and what each device runs",
		Long: `Shows the version that is published, its stage, and for each device what it runs, in which
state it is, why, and when it was heard last. Reports are not signed: they are as
trustworthy as the channel.

` + channelHelp,
		Example: `  edgec fleet status --on nats://192.168.1.5:4222/cameras`,
		Args:    needs(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.check(cmd); err != nil {
				return err
			}
			key, err := readPublicKey(pub)
			if err != nil {
				return err
			}
			return a.onFleet(cmd, c, fleet.Operator{Public: key}, false)
		},
	}
	c.register(cmd, "on", "channel that the devices follow (required)")
	cmd.Flags().StringVar(&pub, "pub", defaultPublic, "public key of the operator: a file, or its line of 56 characters")
	return cmd
}

func fleetStopCommand(a *app) *cobra.Command {
	c, secret := &channelFlags{}, ""
	cmd := &cobra.Command{
		Use:   "stop --on CHANNEL",
		Short: "Stop a roll-out: devices that have not begun do not begin",
		Long: `Stops the roll-out that is published. Devices that run the new program keep it; those that
have not begun do not begin. Give edgec fleet roll again to go on.

` + channelHelp,
		Example: `  edgec fleet stop --on nats://192.168.1.5:4222/cameras`,
		Args:    needs(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.check(cmd); err != nil {
				return err
			}
			key, err := a.secretKey(cmd.Context(), secret)
			if err != nil {
				return err
			}
			return a.onFleet(cmd, c, fleet.Operator{Key: key, Public: key.Public()}, true)
		},
	}
	c.register(cmd, "on", "channel that the devices follow (required)")
	cmd.Flags().StringVar(&secret, "key", defaultSecret, "file with the secret key")
	return cmd
}

// onFleet prints the state of a fleet, after stopping its roll-out if that is asked for.
func (a *app) onFleet(cmd *cobra.Command, c *channelFlags, o fleet.Operator, stop bool) error {
	channel, reports, _, err := a.channels(cmd, c)
	if err != nil {
		return err
	}
	defer channel.Close()
	defer reports.Close()
	ctx, end := a.interruptible(cmd.Context(), "interrupted")
	defer end()
	o.Fleet, o.Channel, o.Reports = c.fleet, channel, reports
	do := o.Status
	if stop {
		do = o.Stop
	}
	s, err := do(ctx)
	if err != nil {
		return stoppedAt(ctx, channel, err)
	}
	return a.printFleet(c, s)
}

// stoppedAt is stoppedBy for an error that may say nothing else.
func stoppedAt(ctx context.Context, channel fleet.Channel, err error) error {
	if bare := ctx.Err(); bare != nil && strings.HasSuffix(err.Error(), bare.Error()) && !strings.Contains(err.Error(), "interrupted") {
		err = fmt.Errorf("%s: interrupted", channel)
	}
	return stoppedBy(ctx, err)
}

// fleetState is the JSON result of edgec fleet.
type fleetState struct {
	Channel    string        `json:"channel"`
	Fleet      string        `json:"fleet"`
	Version    int           `json:"version_number"` // that is published; 0: none
	Rollout    string        `json:"rollout,omitempty"`
	Serial     int64         `json:"serial,omitempty"`
	Stage      int           `json:"stage,omitempty"`
	Stages     int           `json:"last_stage,omitempty"`
	Stopped    bool          `json:"stopped"`
	Devices    []fleetDevice `json:"devices"`
	Unreadable int           `json:"unreadable"`
}

// fleetDevice is a device in a fleetState.
type fleetDevice struct {
	fleet.Report
	Seen    string `json:"seen"`
	InStage bool   `json:"in_stage"`
	Updated bool   `json:"updated"`
	Silent  bool   `json:"silent"`
}

// printFleet prints the state of a fleet.
func (a *app) printFleet(c *channelFlags, s fleet.Status) error {
	r := fleetState{Channel: fleet.Redacted(c.where), Fleet: c.fleet, Devices: []fleetDevice{}, Unreadable: s.Dropped}
	if d := s.Document; d != nil {
		r.Version, r.Rollout, r.Serial, r.Stage, r.Stages, r.Stopped = d.Version, d.Rollout, d.Serial, d.Stage.Number, d.Stage.Of, d.Stopped
	}
	for _, d := range s.Devices {
		d.Schema = 0 // that of the result counts
		r.Devices = append(r.Devices, fleetDevice{d.Report, d.At.UTC().Format(time.RFC3339), d.InStage, d.Updated, d.Silent})
	}
	if a.json {
		return a.printJSON(r)
	}
	if err := a.table(append([]string{"channel\t" + r.Channel, "fleet\t" + r.Fleet}, publishedRows(r)...)); err != nil {
		return err
	}
	switch {
	case s.Blind:
		a.note("%s takes no reports; --reports names the channel for them", r.Channel)
		return nil
	case len(r.Devices) == 0:
		a.note("no device has reported yet; start edgec agent on the devices")
		return nil
	}
	rows := []string{"DEVICE\tVERSION\tSTATE\tSEEN\tCAUSE"}
	for i, d := range r.Devices {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", d.Device, cmp.Or(versionText(d.Version), "none"), d.text(), ago(s.Devices[i].At), d.Cause))
	}
	fmt.Fprintln(a.stdout)
	return a.tableWithout(rows, 3)
}

// text is the state of a device for people.
func (d fleetDevice) text() string {
	if d.Silent {
		return "silent (" + d.State + ")"
	}
	if d.State == fleet.Failed && d.Failed > 0 {
		return fmt.Sprintf("failed version %d", d.Failed)
	}
	return d.State
}

// publishedRows say what is published, and how many devices run it.
func publishedRows(r fleetState) []string {
	if r.Version == 0 {
		return []string{"published\tnothing"}
	}
	text := fmt.Sprintf("version %d, stage %d of %d", r.Version, r.Stage, r.Stages)
	if r.Stopped {
		text += ", stopped"
	}
	updated, silent := 0, 0
	for _, d := range r.Devices {
		if d.Updated {
			updated++
		}
		if d.Silent {
			silent++
		}
	}
	rows := []string{"published\t" + text, fmt.Sprintf("updated\t%d of %d devices", updated, len(r.Devices))}
	if silent > 0 {
		rows = append(rows, fmt.Sprintf("silent\t%d devices have not reported for an hour; their latest report counts", silent))
	}
	if r.Unreadable > 0 {
		rows = append(rows, fmt.Sprintf("unreadable\t%d reports", r.Unreadable))
	}
	return rows
}

// ago says how long ago a time was.
func ago(t time.Time) string {
	d := time.Since(t)
	if d < time.Second {
		return "now"
	}
	return duration(d) + " ago"
}
