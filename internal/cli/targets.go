package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"edgec/targets"
)

func targetsCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "targets",
		Short: "List the boards that programs are built for",
		Long: `Lists the boards that edgec build --target knows, with their processors. Rows such as
linux-arm64 and windows-amd64 stand for any machine of that system and architecture.
Other names work too: rpi4, pi4, raspberry-pi-4, bbb, arm64, wasm. Microcontrollers are
out of reach; see edgec build --help.`,
		Args: needs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.json {
				return a.printJSON(map[string][]targets.Board{"boards": targets.Boards})
			}
			rows := []string{"TARGET\tBOARD\tCPU\tCORES\tMHZ\tRAM\tNOTE"}
			for _, b := range targets.Boards {
				cores, clock, ram := "", "", ""
				if b.Cores > 0 {
					cores, clock, ram = fmt.Sprint(b.Cores), fmt.Sprint(b.MHz), fmt.Sprintf("%d MB", b.RAM)
				}
				rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", b.Name, b.Title, b.CPU, cores, clock, ram, b.Note))
			}
			return a.tableWithout(rows, 6, 3, 4)
		},
	}
}
