package cli

import (
	"fmt"
	"math"
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
	cmd := &cobra.Command{
		Use:   "check MODEL",
		Short: "Say before any work whether a network can be compressed, and what boards would take",
		Long: `Reads a network (ONNX or TFLite) and makes int8 files of it, without data and without
training. It lists every operator that is not supported, with node, cause and what to
do, and exits with 1 if there is one. Otherwise it prints

  - the size of the int8 file, and of one that keeps a tenth of the weights, before any
    of them are shared; edgec compress finds how many the accuracy allows;
  - multiplications and memory of an inference;
  - for each board between which times an inference takes: instructions that were
    counted under an emulator, divided by what such processors are known to do. No
    board was measured. edgec bench measures the one that you have.

The figures are those of the dense int8 network. Its accuracy needs data: edgec compress.`,
		Example: `  edgec check net.onnx
  edgec check net.onnx --json`,
		Args: needs(1, 1, "one ONNX or TFLite file"),
		RunE: func(_ *cobra.Command, args []string) error { return a.check(args[0], network.options("")) },
	}
	network.register(cmd)
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
}

// boardTime is what an inference takes on a board, by estimate.
type boardTime struct {
	Target string  `json:"target"`
	Least  float64 `json:"least_seconds"`
	Most   float64 `json:"most_seconds"`
}

func (a *app) check(path string, open edgec.OpenOptions) error {
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
	for _, b := range targets.Boards {
		if least, most, ok := b.Estimate(i.Work); ok {
			c.Boards = append(c.Boards, boardTime{b.Name, least.Seconds(), most.Seconds()})
		}
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
	fmt.Fprintf(a.stdout, "\nTime of an inference, estimated from counted instructions:\n")
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
	rows := []string{"  TARGET\tFROM\tTO"}
	for _, b := range c.Boards {
		rows = append(rows, fmt.Sprintf("  %s\t%s\t%s", b.Target, twoDigits(b.Least), twoDigits(b.Most)))
	}
	return rows
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
