package cli

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"edgec/internal/deploy"
	"edgec/internal/remote"
	"edgec/targets"
)

// placeFlags say where programs are installed.
type placeFlags struct {
	flag      string // "to" or "on"
	where     string
	folder    string
	acceptNew bool
}

// defaultFolder is that of a deployment, in the home of a host's user.
const defaultFolder = "edgec"

// localPrefix begins the name of a folder of this machine.
const localPrefix = "local:"

func (p *placeFlags) register(cmd *cobra.Command, flag, usage string) {
	f := cmd.Flags()
	p.flag = flag
	f.StringVar(&p.where, flag, "", usage)
	f.StringVar(&p.folder, "folder", defaultFolder, "folder on the host, relative to the user's home; use one folder for each model")
	f.BoolVar(&p.acceptNew, "accept-new", false, "accept the key of a host that is not known yet")
}

// commands registers what runs on the device around a switch.
func (p *placeFlags) commands(cmd *cobra.Command, o *deploy.Options) { commandFlags(cmd, o) }

// commandFlags registers what runs on the device around a switch.
func commandFlags(cmd *cobra.Command, o *deploy.Options) {
	f := cmd.Flags()
	f.StringVar(&o.Restart, "restart", "", "shell command to run on the device after each switch, such as one that restarts a service")
	f.StringVar(&o.Check, "check", "", "shell command to run on the device after the switch; if it fails, the device returns to the previous program")
	f.Var(&span{&o.Timeout, [2]string{"2m", "30s"}}, "timeout", "time limit for each test and command on the device (default: 2m)")
}

// check returns what is wrong with the flags.
func (p *placeFlags) check(cmd *cobra.Command) error {
	folder, local := strings.CutPrefix(p.where, localPrefix)
	switch {
	case p.where == "":
		return fmt.Errorf("%s: --%s is missing; give a device, as in --%s pi@raspberrypi", cmd.Name(), p.flag, p.flag)
	case local && folder == "":
		return fmt.Errorf("--%s %s: give the folder too, as in %s/mnt/card/edgec", p.flag, shown(p.where), localPrefix)
	case local && cmd.Flags().Changed("folder"):
		return fmt.Errorf("--folder: --%s %s has the folder already; leave --folder out", p.flag, shown(p.where))
	case p.folder == "":
		return errors.New("--folder: give the name of a folder, such as edgec")
	case local:
		return nil
	case strings.HasPrefix(p.where, "qemu:"):
		return fmt.Errorf("--%s %s: an emulator keeps no programs; give a device, or %sFOLDER for a folder of this machine", p.flag, shown(p.where), localPrefix)
	}
	return checkHost(p.flag, p.where)
}

// checkHost returns what is wrong with a host that a flag names.
func checkHost(flag, host string) error {
	if err := remote.CheckHost(host); err != nil {
		return fmt.Errorf("--%s: %w", flag, err)
	}
	return nil
}

// place is a device and, unless it is this machine, the connection to it.
type place struct {
	device deploy.Device
	local  *deploy.Local // nil: a host
	conn   *remote.Conn
}

// patience of an interrupt: a host that does not answer holds nobody for longer.
const interruptPatience = 8 * time.Second

// onDevice connects to the device and calls do, which an interrupt ends. o gets the functions
// that show progress.
func (a *app) onDevice(ctx context.Context, flags placeFlags, o *deploy.Options, do func(context.Context, *place, *progress) error) error {
	ctx, stop := a.interruptible(ctx, "interrupted: returning to the previous program")
	defer stop()
	p := a.newProgress()
	defer p.end()
	at, err := a.reachPlace(ctx, flags, p)
	if err != nil {
		return stoppedBy(ctx, err)
	}
	if at.conn != nil {
		defer at.conn.Close()
		defer context.AfterFunc(ctx, func() { time.AfterFunc(interruptPatience, func() { at.conn.Close() }) })()
	}
	o.Say = func(doing string) { p.work(doing, "") }
	o.Sent = func(done, total int64) { p.steps(int(done), int(total)) }
	err = do(ctx, at, p)
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%s: interrupted before the new program was accepted; the previous one stays; give the command again", at.device)
	}
	return stoppedBy(ctx, err)
}

// reachPlace connects to the device.
func (a *app) reachPlace(ctx context.Context, flags placeFlags, p *progress) (*place, error) {
	if folder, ok := strings.CutPrefix(flags.where, localPrefix); ok {
		folder, err := localFolder(folder)
		if err != nil {
			return nil, err
		}
		local, err := deploy.NewLocal(folder)
		return &place{device: local, local: local}, err
	}
	p.work("connecting to "+flags.where, "")
	conn, err := a.dial(ctx, flags.where, flags.acceptNew)
	if err != nil {
		return nil, err
	}
	device, err := deploy.NewHost(conn, flags.folder)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &place{device: device, conn: conn}, nil
}

// board is what a program for the device is built for.
func (at *place) board(ctx context.Context, a *app, name string) (targets.Board, error) {
	if at.conn != nil {
		return a.boardOf(ctx, at.conn, name)
	}
	if name == "" {
		b, err := targets.Find("linux-" + goruntime.GOARCH)
		if err != nil || goruntime.GOOS != "linux" {
			return b, fmt.Errorf("--target is missing; give the board of the folder: %s", strings.Join(targets.Names(), ", "))
		}
		a.note("building for %s, which this machine is; --target names another board", b.Name)
		return b, nil
	}
	return targets.Find(name)
}

// fits returns an error if the device cannot run programs for a system, and prepares a local
// folder for those of another processor.
func (at *place) fits(ctx context.Context, system deploy.System, measured bool) error {
	if at.conn != nil {
		uname, err := at.conn.Output(ctx, "uname -s -m")
		if err != nil {
			return err
		}
		if err := system.RunsOn(uname); err != nil {
			return fmt.Errorf("%s: %w", at.conn.Name(), err)
		}
		return nil
	}
	b := targets.Board{GOARCH: system.GOARCH, GOARM: system.GOARM}
	for _, known := range targets.Boards {
		if known.GOARCH == b.GOARCH && known.GOARM == b.GOARM && strings.HasPrefix(known.Name, "linux-") {
			b = known
		}
	}
	words, ok := b.Command()
	if system.GOOS != "linux" || !ok {
		return fmt.Errorf("this machine cannot test a program for %v; install qemu-user (apt install qemu-user-static)", system)
	}
	if len(words) > 0 && measured {
		return fmt.Errorf("--max-latency: a program for %v runs under an emulator here, whose times mean nothing; leave it out", system)
	}
	at.local.Emulator = words
	return nil
}

// warnVolatile warns of a folder that a restart of the device empties.
func (a *app) warnVolatile(ctx context.Context, d deploy.Device) {
	out, err := d.Run(ctx, "stat -f -c %T .")
	if err != nil {
		return // systems without it have no such names
	}
	switch kind := strings.TrimSpace(string(out)); kind {
	case "tmpfs", "ramfs":
		a.warn(fmt.Sprintf("%s: %s lies in memory (%s): a restart of the device forgets the program; give a folder on its disk", d, d.Folder(), kind))
	case "overlayfs":
		a.warn(fmt.Sprintf("%s: %s lies on an overlay: if its upper layer is in memory (raspi-config's overlay file system), a restart of the device forgets the program", d, d.Folder()))
	}
}
