package cli

import (
	"context"

	"github.com/spf13/cobra"

	"edgec/internal/deploy"
)

func rollbackCommand(a *app) *cobra.Command {
	var at placeFlags
	var o deploy.Options
	cmd := &cobra.Command{
		Use:   "rollback --on HOST",
		Short: "Return a device to the previous program",
		Long: `Returns a device to the program that ran before the last edgec deploy. That program must
pass its self-test before and after the switch; otherwise the current one stays. A second
rollback undoes the first.

` + placeHelp,
		Example: `  edgec rollback --on pi@raspberrypi`,
		Args:    needs(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := usageErrors(cmd, at.check(cmd)); err != nil {
				return err
			}
			return a.onDevice(cmd.Context(), at, &o, func(ctx context.Context, at *place, p *progress) error {
				r, err := deploy.Rollback(ctx, at.device, o)
				if err != nil {
					return err
				}
				p.end()
				return a.printDeployment(at, r, nil)
			})
		},
	}
	at.register(cmd, "on", "device: user@host, or local:FOLDER (required)")
	at.commands(cmd, &o)
	return cmd
}

func statusCommand(a *app) *cobra.Command {
	var at placeFlags
	var o deploy.Options
	cmd := &cobra.Command{
		Use:   "status --on HOST",
		Short: "Show the programs that edgec deploy has installed on a device",
		Long: `Shows the current program of a device, the previous one, and those that failed there. If
a deployment was cut off, status completes it: it repeats the tests of the new program,
and keeps it or returns to the previous one. The files of both programs are compared
with their checksums; a damaged current program is an error.

` + placeHelp,
		Example: `  edgec status --on pi@raspberrypi`,
		Args:    needs(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := usageErrors(cmd, at.check(cmd)); err != nil {
				return err
			}
			return a.onDevice(cmd.Context(), at, &o, func(ctx context.Context, at *place, p *progress) error {
				r, failed, err := deploy.Status(ctx, at.device, o)
				if err != nil {
					return err
				}
				p.end()
				return a.printDeployment(at, r, failed)
			})
		},
	}
	at.register(cmd, "on", "device: user@host, or local:FOLDER (required)")
	return cmd
}
