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

	"edgec/internal/agent"
	"edgec/internal/deploy"
	"edgec/internal/disk"
	"edgec/internal/fleet"
	"edgec/runtime/program"
)

// agentFlags are the flags of edgec agent.
type agentFlags struct {
	channel channelFlags
	pub     string
	device  string
	folder  string
	every   time.Duration
	once    bool
	unit    string // name of a service
	options deploy.Options
}

func agentCommand(a *app) *cobra.Command {
	g := &agentFlags{}
	cmd := &cobra.Command{
		Use:   "agent --follow CHANNEL --pub KEY",
		Short: "On a device: install what the operator of a fleet publishes",
		Long: `Runs on a device and keeps it on the program that edgec fleet roll publishes. It accepts
only what the key of --pub has signed: not what is unsigned, signed by another key, older
than what was accepted before, cut off, or for another fleet. It fetches the program, or a
smaller delta, tests and installs it as edgec deploy does, and reports. If the program
fails its self-test, is too slow or fails --check, the previous one stays or comes back, and
the version is not tried again unless the operator says so. Commands come from the flags
here, never from the channel.

It runs until it gets SIGTERM or SIGINT, which is no failure. --once looks once, for a timer
or a USB stick. --unit prints a script that makes this command line a systemd service:

  edgec agent --follow nats://192.168.1.5/cameras --pub edgec.pub --unit edgec-agent | sudo sh

` + channelHelp,
		Example: `  edgec agent --follow nats://192.168.1.5:4222/cameras --pub edgec.pub
  edgec agent --follow ghcr.io/me/lenet-5:fleet --pub edgec.pub --reports nats://192.168.1.5/cameras
  edgec agent --follow local:/media/usb/fleet --pub edgec.pub --once`,
		Args: needs(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := g.check(cmd); err != nil {
				return err
			}
			return a.agent(cmd, g)
		},
	}
	f := cmd.Flags()
	g.channel.register(cmd, "follow", "channel with what the operator publishes (required)")
	f.StringVar(&g.pub, "pub", defaultPublic, "public key of the operator: a file, or its line of 56 characters")
	f.StringVar(&g.device, "device", "", "name of this device in reports (default: its host name)")
	f.StringVar(&g.folder, "folder", defaultFolder, "folder of the programs, relative to your home; use one folder for each model")
	f.Var(&span{&g.every, [2]string{"5m", "1h"}}, "every", "how often to look where nothing has changed, plus or minus a fifth (default: 5m)")
	f.BoolVar(&g.once, "once", false, "look once and end; fails if the program was not installed")
	f.StringVar(&g.unit, "unit", "", "print a script for root that makes this command line the systemd service of this name, and end")
	f.Var(&span{&g.options.MaxLatency, [2]string{"5ms", "200us"}}, "max-latency", "longest median time of an inference on this device (default: what the operator says)")
	f.Var(&span{&g.options.Duration, [2]string{"10s", "1m"}}, "duration", "how long to measure that (default: 10s)")
	commandFlags(cmd, &g.options)
	return cmd
}

// check returns what is wrong with the command line, and completes it.
func (g *agentFlags) check(cmd *cobra.Command) error {
	errs := []error{g.channel.check(cmd)}
	if g.device == "" {
		host, err := os.Hostname()
		if g.device, _, _ = strings.Cut(host, "."); err != nil || fleet.CheckName(g.device) != nil {
			errs = append(errs, fmt.Errorf("--device is missing, and the host name %q cannot be used; give a name of letters and digits", host))
		}
	} else if err := fleet.CheckName(g.device); err != nil {
		errs = append(errs, fmt.Errorf("--device: %s", strings.TrimPrefix(err.Error(), "fleet: ")))
	}
	if g.every != 0 && g.every < time.Second {
		errs = append(errs, fmt.Errorf("--every %v: give at least a second, such as 5m", g.every))
	}
	if g.options.Duration > time.Hour {
		errs = append(errs, fmt.Errorf("--duration %v: give at most an hour, such as 10s", g.options.Duration))
	}
	if g.unit != "" && g.once {
		errs = append(errs, errors.New("--unit: a service keeps running; leave --once out"))
	}
	if g.folder == "" {
		errs = append(errs, errors.New("--folder: give the name of a folder, such as edgec"))
	}
	return usageErrors(cmd, errs...)
}

func (a *app) agent(cmd *cobra.Command, g *agentFlags) error {
	key, err := readPublicKey(g.pub)
	if err != nil {
		return err
	}
	folder, err := homeFolder(g.folder)
	if err != nil {
		return err
	}
	if g.unit != "" {
		return a.agentUnit(cmd, g, folder, key)
	}
	device, err := deploy.NewLocal(folder)
	if err != nil {
		return err
	}
	done, err := onlyAgent(device)
	if err != nil {
		return err
	}
	defer done()
	channel, reports, client, err := a.channels(cmd, &g.channel)
	if err != nil {
		return err
	}
	defer channel.Close()
	defer reports.Close()
	ctx, stop := a.interruptible(cmd.Context(), "stopping; the program that runs stays")
	defer stop()
	g.options.Say = func(doing string) { a.note("%s", doing) }
	o := agent.Options{Device: g.device, Fleet: g.channel.fleet, Key: key, Every: g.every, Deploy: g.options, Registry: fleet.RegistryFiles{Client: client}, Reports: reports}
	if !g.once {
		o.Changed = func(r fleet.Report) { a.printReport(r) }
	}
	runs, err := agent.New(device, channel, o)
	if err != nil {
		return err
	}
	a.warnVolatile(ctx, device)
	if g.once {
		return a.agentOnce(ctx, runs)
	}
	a.note("%s follows %s and installs in %s", g.device, channel, folder)
	if err := runs.Run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// homeFolder is the absolute path of --folder, which is relative to the user's home.
func homeFolder(folder string) (string, error) {
	if behindHome(folder) {
		folder = filepath.Join(".", folder[1:])
	}
	if filepath.IsAbs(folder) {
		return filepath.Clean(folder), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("--folder %s: %w; give an absolute path", folder, err)
	}
	return filepath.Join(home, folder), nil
}

// behindHome reports whether a path begins with the home: behind local: or --folder= the shell does
// not see that.
func behindHome(path string) bool { return path == "~" || strings.HasPrefix(path, "~/") }

// localFolder is the absolute path of the folder behind local:.
func localFolder(folder string) (string, error) {
	if behindHome(folder) {
		return homeFolder(folder)
	}
	return filepath.Abs(folder)
}

// onlyAgent keeps a second agent out of the folder of a device.
func onlyAgent(device *deploy.Local) (done func(), err error) {
	if err := device.Mkdir("."); err != nil {
		return nil, fmt.Errorf("%s: %w; give another --folder", device.Folder(), reason(err))
	}
	lock, err := disk.Acquire(filepath.Join(device.Folder(), "agent.lock"))
	if errors.Is(err, disk.ErrLocked) {
		return nil, fmt.Errorf("%s: another agent installs there; end it, or give another --folder", device.Folder())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", device.Folder(), reason(err))
	}
	return func() { _ = lock.Remove() }, nil // the system releases it too
}

// agentOnce looks once.
func (a *app) agentOnce(ctx context.Context, runs *agent.Agent) error {
	r, err := runs.Round(ctx)
	if err != nil {
		return stoppedBy(ctx, err)
	}
	if r.State != fleet.Running && r.State != fleet.Waiting {
		return fmt.Errorf("%s: %s: %s", r.Device, r.State, r.Cause)
	}
	if a.json {
		return a.printJSON(r)
	}
	return a.printReport(r)
}

// printReport prints what a device reports, as one line.
func (a *app) printReport(r fleet.Report) error {
	if a.json { // a line, since others follow
		line, err := document(r)
		if err == nil {
			_, err = fmt.Fprintf(a.stdout, "%s\n", line)
		}
		return err
	}
	text := fmt.Sprintf("%s  %s: %s", r.Time.Format(time.RFC3339), r.Device, r.State)
	if r.Version > 0 {
		text += fmt.Sprintf(", version %d", r.Version)
	}
	if r.Cause != "" {
		text += ", " + r.Cause
	}
	_, err := fmt.Fprintln(a.stdout, program.Printable(text))
	return err
}
