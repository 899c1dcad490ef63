package cli

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/runtime"
	"edgec/targets"
)

// previewKept is the share of the weights that the second preview of edgec check keeps.
const previewKept = 0.1

func checkCommand(a *app) *cobra.Command {
	var network networkFlags
	var board boardFlags
	cmd := &cobra.Command{
		Use:   "check MODEL",
		Short: "Check whether a network can be compressed, and predict its time on boards",
		Long: `Reads a network (ONNX or TFLite) and makes int8 files of it, without data and without
training. It lists every unsupported operator, with node, cause and remedy, and exits
with 1 if there is one. Otherwise it prints

  - the size of the int8 file, and of one that keeps a tenth of the weights, without
    weight sharing; edgec compress finds how many weights the accuracy requires;
  - the multiplications and the memory of an inference;
  - for each board, the predicted time of an inference with its range, and the energy
    class, from A (below 0.1 mJ) to E (100 mJ and more); with --target, the time of
    each layer.

A cost model predicts the times. It is fitted to instructions counted under an emulator;
no board was measured. docs/BOARDS.md describes it, edgec targets calibrate fits it to
your board, and edgec bench measures the real time.

The figures are those of the dense int8 network. Measuring its accuracy needs data: see
edgec compress.`,
		Example: `  edgec check net.onnx
  edgec check net.onnx --target rpi-zero-2w
  edgec check net.onnx --json`,
		Args: needs(1, 1, "one ONNX or TFLite file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.check(cmd, args[0], network.options(""), &board)
		},
	}
	network.register(cmd)
	board.register(cmd, "board to predict the time of each layer on (default: the whole network on all boards)")
	return cmd
}

// checked is the JSON result of edgec check.
type checked struct {
	File      string        `json:"file"`
	Bytes     int           `json:"bytes"`
	Quantized bool          `json:"quantized"` // it is int8 already
	Inputs    []edgec.Value `json:"inputs"`
	Outputs   []edgec.Value `json:"outputs"`
	Notes     []string      `json:"notes,omitempty"`
	Params    int           `json:"params"`
	MACs      int64         `json:"macs"`
	Int8      int           `json:"int8_bytes"`            // of the file with all weights
	Tenth     int           `json:"tenth_bytes,omitempty"` // of the file with a tenth of them
	Arena     int           `json:"working_memory_bytes"`  // activations
	Packed    int           `json:"packed_weights_bytes"`  // weights in memory
	Session   int64         `json:"session_bytes"`         // a session, working memory among it
	Boards    []boardTime   `json:"board_times"`

	Prediction *targets.Prediction `json:"prediction,omitempty"` // with --target
}

// boardTime is what an inference takes on a board, as predicted.
type boardTime struct {
	Target  string  `json:"target"`
	Seconds float64 `json:"seconds"`
	Least   float64 `json:"least_seconds"`
	Most    float64 `json:"most_seconds"`
	Memory  int64   `json:"memory"`
	Energy  float64 `json:"energy_mj,omitempty"`
	Class   string  `json:"energy_class,omitempty"`
}

func (a *app) check(cmd *cobra.Command, path string, open edgec.OpenOptions, flags *boardFlags) error {
	var board targets.Board
	err := flags.read()
	if err == nil && flags.target != "" {
		board, err = flags.find(cmd)
	}
	if err != nil {
		return err
	}
	c, file, err := a.checkedFile(path, open)
	if err != nil {
		return err
	}
	m, err := runtime.Load(file)
	if err != nil {
		return about(path, fmt.Errorf("%s: %w", path, err))
	}
	i := m.Info()
	c.File, c.Int8, c.MACs, c.Arena, c.Packed, c.Session = path, len(file), i.MACs, i.Arena, i.Memory, i.Session
	for _, b := range flags.all() {
		if p, err := b.Predict(m); err == nil { // others have no clock
			c.Boards = append(c.Boards, boardTime{b.Name, p.Time.Seconds(), p.Least.Seconds(), p.Most.Seconds(), p.Memory, p.Energy, p.Class})
		}
	}
	if flags.target != "" {
		p, err := board.Predict(m)
		if err != nil {
			return about(path, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "targets: ")))
		}
		c.Prediction = &p
	}
	for _, n := range c.Notes {
		a.note("%s: %s", path, n)
	}
	if a.json {
		return a.printJSON(c)
	}
	if err := a.table(checkRows(c)); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nTime of an inference, predicted from counted instructions, with the range of 4 in 5 measurements:\n")
	if c.Prediction != nil {
		return a.table(layerTimes(c.Prediction))
	}
	return a.table(timeRows(c))
}

// checkedFile reads a network and makes its int8 file.
func (a *app) checkedFile(path string, open edgec.OpenOptions) (*checked, []byte, error) {
	m, err := openONNX(path, open)
	if err != nil {
		return nil, nil, err
	}
	c := &checked{Bytes: m.Bytes, Quantized: m.Quantized(), Inputs: m.Inputs(), Outputs: m.Outputs(), Notes: m.Notes(), Params: m.Params()}
	if p, err := edgec.PackWith(path, open); err == nil {
		c.Quantized = true
		return c, p.Bytes, nil
	} else if c.Quantized {
		return nil, nil, about(path, err)
	}
	file, err := m.Preview(1)
	if err != nil {
		return nil, nil, about(path, fmt.Errorf("%s: %w", path, err))
	}
	pruned, err := m.Preview(previewKept)
	if err != nil {
		return nil, nil, about(path, fmt.Errorf("%s: %w", path, err))
	}
	c.Tenth = len(pruned)
	return c, file, nil
}

// checkRows is the network as a whole.
func checkRows(c *checked) []string {
	next := "edgec compress"
	if c.Quantized {
		next = "edgec pack, since it is int8 already"
	}
	rows := []string{fmt.Sprintf("file\t%s, %s bytes", c.File, thousands(c.Bytes)), "supported\tall of it; the next step is " + next}
	rows = append(rows, valueRows("input", times(c.Inputs[0].Shape), c.Inputs)...)
	rows = append(rows, valueRows("outputs", times(c.Outputs[0].Shape), c.Outputs)...)
	rows = append(rows, fmt.Sprintf("parameters\t%s", thousands(c.Params)), fmt.Sprintf("MACs\t%s", thousands(int(c.MACs))))
	size := fmt.Sprintf("int8 file\t%s bytes", thousands(c.Int8))
	if c.Tenth > 0 {
		size += fmt.Sprintf("; with a tenth of the weights %s, before they share values", thousands(c.Tenth))
	}
	return append(rows, size, fmt.Sprintf("memory\t%s bytes: weights %s, activations %s, other buffers %s", thousands(int(c.Session)+c.Packed), thousands(c.Packed), thousands(c.Arena), thousands(int(c.Session)-c.Arena)))
}

// timeRows has a line for each board with a clock.
func timeRows(c *checked) []string {
	rows := []string{"  TARGET\tTIME\tFROM\tTO\tENERGY CLASS"}
	for _, b := range c.Boards {
		rows = append(rows, fmt.Sprintf("  %s\t%s\t%s\t%s\t%s", b.Target, twoDigits(b.Seconds), twoDigits(b.Least), twoDigits(b.Most), b.Class))
	}
	return rows
}

// layerTimes has a line for each layer on a board, and one for all.
func layerTimes(p *targets.Prediction) []string {
	rows := []string{"  LAYER\tOPERATOR\tOUTPUT\tKERNEL\tINSTRUCTIONS\tTIME\tFROM\tTO\tBOUND BY"}
	for i, l := range p.Layers {
		rows = append(rows, fmt.Sprintf("  %d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", i, l.Op, times(l.Shape), l.Kernel, thousands(int(l.Instructions)),
			twoDigits(l.Time.Seconds()), twoDigits(l.Least.Seconds()), twoDigits(l.Most.Seconds()), l.Bound))
	}
	return append(rows, fmt.Sprintf("  %s\t\t\t\t%s\t%s\t%s\t%s\t%s", p.Board, thousands(int(p.Instructions)),
		twoDigits(p.Time.Seconds()), twoDigits(p.Least.Seconds()), twoDigits(p.Most.Seconds()), classText(p)))
}

// classText says what energy an inference takes.
func classText(p *targets.Prediction) string {
	if p.Class == "" {
		return ""
	}
	return fmt.Sprintf("%.2g mJ, class %s", p.Energy, p.Class)
}

// twoDigits prints a time with two digits, as an estimate deserves.
func twoDigits(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d <= 0 {
		return "0"
	}
	unit := time.Duration(math.Pow(10, math.Floor(math.Log10(float64(d)))-1))
	return d.Round(max(unit, 1)).String()
}
