package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"edgec/internal/deploy"
	"edgec/internal/sign"
)

// agentUnit prints the script that makes this command line a service.
func (a *app) agentUnit(cmd *cobra.Command, g *agentFlags, folder string, key sign.PublicKey) error {
	who, err := user.Current()
	if err != nil {
		return err
	}
	tool, err := os.Executable()
	if err != nil {
		return err
	}
	args, err := g.arguments(cmd, folder, key)
	if err != nil {
		return err
	}
	u := deploy.AgentUnit{Name: g.unit, User: who.Username, Folder: folder, Command: append([]string{tool, "agent"}, args...), Commands: g.options.Restart != "" || g.options.Check != ""}
	for _, where := range []string{g.channel.where, g.channel.reports} {
		if local, ok := strings.CutPrefix(where, localPrefix); ok {
			path, err := localFolder(local)
			if err != nil {
				return err
			}
			u.Writes = append(u.Writes, path)
		}
	}
	files, err := u.Files()
	if err != nil {
		return fmt.Errorf("--unit %s: %s", shown(g.unit), strings.TrimPrefix(err.Error(), "deploy: "))
	}
	script := u.Script(files)
	if !a.json {
		_, err := io.WriteString(a.stdout, script)
		return err
	}
	return a.printJSON(service{On: "this machine", Folder: folder, Units: []unitFile{unitFile(files[0])}, Script: script})
}

// arguments are the flags of the command line, with absolute paths, the key as its line, and
// without --unit.
func (g *agentFlags) arguments(cmd *cobra.Command, folder string, key sign.PublicKey) (args []string, err error) {
	var errs []error
	absolute := func(path string) string {
		full, err := filepath.Abs(path)
		errs = append(errs, err)
		return full
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		value := f.Value.String()
		switch f.Name {
		case "unit", "json", "quiet", "pub", "folder", "device", "once":
			return
		case "follow", "reports":
			if local, ok := strings.CutPrefix(value, localPrefix); ok {
				full, err := localFolder(local)
				errs = append(errs, err)
				value = localPrefix + full
			}
		case "nats-creds", "nats-ca":
			value = absolute(value)
		}
		args = append(args, "--"+f.Name+"="+value)
	})
	return append(args, "--pub="+key.String(), "--folder="+folder, "--device="+g.device), errors.Join(errs...)
}
