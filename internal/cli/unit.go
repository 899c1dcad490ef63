package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"edgec/internal/deploy"
)

// unitFlags are the flags of edgec unit.
type unitFlags struct {
	at     placeFlags
	name   string
	listen string
	force  bool
}

func unitCommand(a *app) *cobra.Command {
	u := &unitFlags{}
	cmd := &cobra.Command{
		Use:   "unit --on HOST",
		Short: "Print a script that makes a deployed program a systemd service",
		Long: `Prints a shell script that installs the program of a device as a systemd service. The
program must come from edgec build --serve. The service starts with the device and runs
the self-test before each start. It restarts the program after a failure or 30 seconds
of silence, and has only the rights that it needs. If the program fails four times in
five minutes, the service returns to the previous program. The script refuses to replace
a service of the same name that is not of the same folder.

Read the script, then let root run it on the device:

  edgec unit --on pi@raspberrypi | ssh pi@raspberrypi sudo sh
  edgec deploy server --to pi@raspberrypi --restart "sudo systemctl restart edgec"

` + placeHelp,
		Example: `  edgec unit --on pi@raspberrypi
  edgec unit --on pi@raspberrypi --folder models/digits --name digits --listen :8080`,
		Args: needs(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := usageErrors(cmd, u.at.check(cmd), u.checkName(), u.checkListen()); err != nil {
				return err
			}
			var o deploy.Options
			return a.onDevice(cmd.Context(), u.at, &o, func(ctx context.Context, at *place, p *progress) error {
				return a.unit(ctx, u, at, o, p)
			})
		},
	}
	u.at.register(cmd, "on", "device: user@host, or local:FOLDER (required)")
	cmd.Flags().StringVar(&u.name, "name", "edgec", "name of the service")
	cmd.Flags().BoolVar(&u.force, "force", false, "let the script replace a service of the same name that is not of this folder")
	cmd.Flags().StringVar(&u.listen, "listen", "127.0.0.1:8080", "address that the program listens on; :8080 also accepts other machines")
	return cmd
}

// checkName returns what is wrong with --name.
func (u *unitFlags) checkName() error {
	if err := deploy.CheckUnitName(u.name); err != nil {
		return fmt.Errorf("--name: %s", strings.TrimPrefix(err.Error(), "deploy: "))
	}
	return nil
}

// hostName matches what the name of a machine is made of.
var hostName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$`)

// firstFreePort is the lowest port that a process without rights of its own may listen on.
const firstFreePort = 1024

// checkListen returns what is wrong with --listen. The program could not say so before the
// service has failed four times, and the program before it would come back.
func (u *unitFlags) checkListen() error {
	host, port, err := net.SplitHostPort(u.listen)
	number, wrong := strconv.ParseUint(port, 10, 16)
	address, notAddress := netip.ParseAddr(host)
	numeric := strings.Trim(host, "0123456789.") == ""
	switch {
	case err != nil || wrong != nil:
		return fmt.Errorf("--listen %s: give an address and a port from 0 to 65535, such as 127.0.0.1:8080 or :8080", shown(u.listen))
	case host != "" && notAddress != nil && (numeric || !hostName.MatchString(host)), address.Zone() != "":
		return fmt.Errorf("--listen %s: %s is no address; give one such as 127.0.0.1:8080, or :8080 for all", shown(u.listen), shown(host))
	case number > 0 && number < firstFreePort:
		return fmt.Errorf("--listen %s: the service may not use ports below %d; give a port from %d on, with a proxy before it if need be", shown(u.listen), firstFreePort, firstFreePort)
	}
	return nil
}

// service is the JSON result of edgec unit.
type service struct {
	On     string     `json:"on"`
	Folder string     `json:"folder"`
	Units  []unitFile `json:"units"`
	Script string     `json:"script"`
}

// unitFile is a file of systemd.
type unitFile struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

func (a *app) unit(ctx context.Context, u *unitFlags, at *place, o deploy.Options, p *progress) error {
	r, _, err := deploy.Status(ctx, at.device, o)
	switch {
	case err != nil:
		return err
	case r.Current.SHA256 == "":
		return fmt.Errorf("%s: %s: no program is installed; install one with edgec deploy", at.device, at.device.Folder())
	case !r.Current.Serves:
		return fmt.Errorf("%s: version %d of %s ends after each call, and a service keeps running; deploy a program of edgec build --serve", at.device, r.Current.Version, r.Current.Model)
	}
	who, err := at.device.Run(ctx, "id -un")
	if err != nil {
		return err
	}
	files, err := deploy.Unit{Name: u.name, User: strings.TrimSpace(string(who)), Folder: at.device.Folder(), Args: []string{"--listen", u.listen}}.Files()
	if err != nil {
		return err
	}
	p.end()
	script := deploy.InstallScript(files, u.force)
	if !a.json {
		_, err := io.WriteString(a.stdout, script)
		return err
	}
	result := service{On: at.device.String(), Folder: at.device.Folder(), Script: script}
	for _, f := range files {
		result.Units = append(result.Units, unitFile(f))
	}
	return a.printJSON(result)
}
