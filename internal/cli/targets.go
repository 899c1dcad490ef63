package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"edgec/targets"
)

func targetsCommand(a *app) *cobra.Command {
	b := &boardFlags{}
	cmd := &cobra.Command{
		Use:   "targets [BOARD]",
		Short: "List the boards that programs can be built for, or describe one",
		Long: `Lists the boards that edgec build --target knows, with their processors. With BOARD it
describes one board: chip, clock, caches, memory speed, power, and what predictions
assume about its core. Rows such as linux-arm64 and windows-amd64 stand for any machine
with that system and architecture. Other names work too: rpi4, pi4, raspberry-pi-4,
bbb, arm64, wasm. Microcontrollers are out of reach; see edgec build --help.

--boards adds your own boards from a TOML file, here and in build, check and compress.
edgec targets calibrate writes such a file from measurements.`,
		Example: `  edgec targets
  edgec targets rpi-zero-2w
  edgec targets --boards mine.toml`,
		Args: needs(0, 1, "the name of a board, or nothing"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := b.read(); err != nil {
				return err
			}
			if len(args) == 0 {
				return a.listBoards(b.all())
			}
			board, err := targets.FindIn(b.own, args[0])
			if err != nil {
				return usagef(cmd, "%s", strings.TrimPrefix(err.Error(), "targets: "))
			}
			return a.showBoard(board)
		},
	}
	b.register(cmd, "")
	cmd.AddCommand(calibrateCommand(a))
	return cmd
}

// listBoards prints a line for each board.
func (a *app) listBoards(boards []targets.Board) error {
	if a.json {
		return a.printJSON(map[string][]targets.Board{"boards": boards})
	}
	rows := []string{"TARGET\tBOARD\tCPU\tCORES\tMHZ\tRAM\tNOTE"}
	for _, b := range boards {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", b.Name, b.Title, b.CPU, positive(b.Cores, ""), positive(b.MHz, ""), positive(b.RAM, " MB"), b.Note))
	}
	return a.tableWithout(rows, 6, 3, 4)
}

// positive prints a number with a unit, "" for one that is not known.
func positive(n int, unit string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n) + unit
}

// showBoard prints all that is known of a board.
func (a *app) showBoard(b targets.Board) error {
	if a.json {
		return a.printJSON(map[string][]targets.Board{"boards": {b}})
	}
	rows := []string{"target\t" + b.Name, "board\t" + b.Title}
	for _, f := range [][2]string{
		{"chip", b.SoC}, {"core", b.CPU}, {"cores", positive(b.Cores, "")}, {"clock", positive(b.MHz, " MHz")}, {"memory", positive(b.RAM, " MB")},
		{"caches", caches(b)}, {"memory copies", positive(b.Bandwidth, " MB/s")}, {"instructions", b.Features}, {"power", power(b)}, {"facts", b.Source}, {"note", b.Note},
	} {
		if f[1] != "" {
			rows = append(rows, f[0]+"\t"+f[1])
		}
	}
	t, ok := b.Assumed()
	if !ok {
		return a.table(append(rows, "predictions\tnone: the core or its clock is not known"))
	}
	return a.table(append(rows,
		fmt.Sprintf("predictions\tkernels %s; cycles per instruction: dense layers %v, weight lists %v, others %v", t.Kernels, t.Dense, t.List, t.Other),
		fmt.Sprintf("\t4 in 5 within a factor of %.2f; %s", t.Factor(), t.Basis)))
}

// caches prints the sizes of caches.
func caches(b targets.Board) string {
	switch {
	case b.L1 == 0:
		return ""
	case b.L2 == 0:
		return fmt.Sprintf("%d KiB of a core", b.L1)
	}
	return fmt.Sprintf("%d KiB of a core, largest %d KiB", b.L1, b.L2)
}

// power prints the power of the whole board.
func power(b targets.Board) string {
	switch {
	case b.Busy == 0:
		return ""
	case b.Idle == 0:
		return fmt.Sprintf("%v W with all cores at work", b.Busy)
	}
	return fmt.Sprintf("%v W idle, %v W with all cores at work", b.Idle, b.Busy)
}
