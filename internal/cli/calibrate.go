package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"edgec/targets"
)

// calibrateFlags are the flags of edgec targets calibrate.
type calibrateFlags struct {
	board boardFlags
	name  string
	out   string
}

func calibrateCommand(a *app) *cobra.Command {
	c := &calibrateFlags{}
	cmd := &cobra.Command{
		Use:   "calibrate FILE.json ... --target BOARD",
		Short: "Fit the predictions for a board to measurements on it",
		Long: `Reads what edgec bench --layers --json printed on a board for one or more networks, and
fits the assumptions about the board: cycles per instruction of dense layers, of weight
lists and of other layers, the cost of memory traffic, and the overhead of a layer. It
writes a TOML file with a board; targets, build, check and compress take it by --boards.

The error that it prints is that of networks that the fit has not seen: it leaves out
each network once. Predictions for the board use it as their error bar. With one network
it is a guess. Three networks of different kinds, with convolutions, dense layers and
pruned layers, are enough.

The new board has the facts of the board that --target names. If no table has your
machine, describe it first: [[board]] with name, goarch and mhz in a file for --boards.`,
		Example: `  edgec bench lenet-5.edgec --layers --json > lenet.json        # on the board
  edgec bench kws.edgec --layers --json > kws.json              # on the board
  edgec targets calibrate lenet.json kws.json --target rpi-4 -o my-pi.toml
  edgec check net.onnx --boards my-pi.toml`,
		Args: needs(1, -1, "files that edgec bench --layers --json printed"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.calibrate(cmd, c, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	c.board.register(cmd, "board that was measured (required)")
	f.StringVar(&c.name, "name", "", "name of the new board (default: BOARD-calibrated)")
	f.StringVarP(&c.out, "output", "o", "", "TOML file to write (default: the new board's name with .toml)")
	return cmd
}

// calibrated is the JSON result of edgec targets calibrate.
type calibrated struct {
	Output string `json:"output"`
	targets.Calibration
}

func (a *app) calibrate(cmd *cobra.Command, c *calibrateFlags, paths []string) error {
	if c.board.target == "" {
		return usagef(cmd, "calibrate: --target is missing; give the board that was measured, as in --target rpi-4")
	}
	board, err := c.board.find(cmd)
	if err != nil {
		return err
	}
	if c.name == "" {
		c.name = strings.TrimSuffix(board.Name, "-calibrated") + "-calibrated"
	}
	if err := targets.CheckName(c.name); err != nil {
		return usagef(cmd, "--name %s: %w", shown(c.name), err)
	}
	if c.out == "" {
		c.out = c.name + ".toml"
	}
	if err := checkOutput(c.out, append(paths, c.board.file)...); err != nil {
		return err
	}
	var ms []targets.Measurement
	var errs []error
	for _, path := range paths {
		m, err := targets.ReadMeasurement(path)
		ms, errs = append(ms, m), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r, err := board.Calibrate(ms)
	if err != nil {
		return err
	}
	r.Board.Name = c.name
	return a.writeCalibration(c, r)
}

// writeCalibration writes the board and says what it is worth.
func (a *app) writeCalibration(c *calibrateFlags, r targets.Calibration) error {
	comment := fmt.Sprintf("%s, %s; 4 in 5 predictions are within a factor of %.2f.\nedgec check, compress, build and targets take this file by --boards.", r.Board.Title, r.Board.Timing.Basis, r.After)
	text, err := targets.EncodeBoards(comment, []targets.Board{r.Board})
	if err == nil {
		err = save(c.out, text)
	}
	if err != nil {
		return about(c.out, err)
	}
	if a.json {
		return a.printJSON(calibrated{c.out, r})
	}
	rows := []string{"NETWORK\tLAYERS\tMEASURED\tBEFORE\tAFTER"}
	for _, n := range r.Networks {
		rows = append(rows, fmt.Sprintf("%s\t%d\t%s\t%s\t%s", n.Name, n.Layers, twoDigits(n.Measured*1e-6), twoDigits(n.Before*1e-6), twoDigits(n.After*1e-6)))
	}
	if err := a.table(rows); err != nil {
		return err
	}
	how := "AFTER is of a fit to the other networks."
	if !r.HeldOut {
		how = "With one network, the error of others is a guess; measure two or more."
	}
	fmt.Fprintf(a.stdout, "\nPredictions were within a factor of %.2f, and are within %.2f. %s\n", r.Before, r.After, how)
	a.note("%s written, with board %s", c.out, r.Board.Name)
	return nil
}
