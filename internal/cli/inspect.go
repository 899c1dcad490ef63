package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/internal/tflite"
	"edgec/runtime"
	"edgec/runtime/format"
	"edgec/runtime/program"
)

func inspectCommand(a *app) *cobra.Command {
	var network networkFlags
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what is in a compressed or a float network",
		Long: `Shows what a file holds. For a compressed network (.edgec): where each byte goes, and
for each layer its shape, the weights that are kept, the values that they share and
the multiplications. For a float network (.onnx): the operators after folding, their
parameters and multiplications, which is what edgec compress starts from. TFLite files
(.tflite) are shown as float networks too. For an input that is a state,
inspect names the output of the previous run that it takes.

In an .edgec file, shapes are height x width x channels, and those of weights are
outputs x height x width x inputs. In an ONNX file, channels come first.`,
		Example: `  edgec inspect lenet-5.edgec
  edgec inspect lenet-5.onnx --json`,
		Args: needs(1, 1, "one .edgec, ONNX or TFLite file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			isEdgec, err := checkInput(args[0], "an .edgec, ONNX or TFLite file")
			if err != nil {
				return err
			}
			if isEdgec {
				return a.inspectEdgec(args[0])
			}
			return a.inspectONNX(args[0], network.options(""))
		},
	}
	network.register(cmd)
	return cmd
}

// inspected is the JSON result of edgec inspect for a compressed network.
type inspected struct {
	File       string            `json:"file"`
	Bytes      int               `json:"bytes"`
	Format     string            `json:"format"`
	Name       string            `json:"name,omitempty"`
	Labels     []string          `json:"labels,omitempty"`
	Inputs     []edgec.Value     `json:"inputs"`  // shapes [H, W, C] or flat
	Outputs    []edgec.Value     `json:"outputs"` // likewise
	Preprocess format.Preprocess `json:"preprocess"`
	Scaling    []format.Scaling  `json:"channel_grids,omitempty"` // inputs whose channels are scaled one by one
	Sizes      *format.Sizes     `json:"sizes"`
	Unknown    int               `json:"unknown"` // bytes in sections of later versions
	Weights    int               `json:"weights"` // without biases
	Kept       int               `json:"kept"`
	Sparsity   float64           `json:"sparsity"` // 0 to 1
	MACs       int64             `json:"macs"`
	KeptMACs   int64             `json:"kept_macs"`
	Arena      int               `json:"working_memory_bytes"`
	Packed     int               `json:"packed_weights_bytes"` // in memory
	SelfTest   bool              `json:"has_selftest"`
	Layers     []inspectedLayer  `json:"layers"`

	kinds []string // of the inputs' elements; "": on an int8 grid
}

// inspectedLayer is one instruction.
type inspectedLayer struct {
	Op       string              `json:"op"`
	Output   []int               `json:"shape"`                  // of the output
	Shape    []int               `json:"weight_shape,omitempty"` // [outC, kH, kW, inC/groups]
	Kept     int                 `json:"kept,omitempty"`
	Sparsity float64             `json:"sparsity"`
	Scales   int                 `json:"scales,omitempty"`   // 1: per tensor
	Codebook []int8              `json:"codebook,omitempty"` // the values that the weights share
	MACs     int64               `json:"macs,omitempty"`
	Bits     *format.WeightSizes `json:"bits,omitempty"`             // nil: it has no weights, or those of SameAs
	SameAs   *int                `json:"weights_of_layer,omitempty"` // an earlier layer, whose weights it shares
}

func (a *app) inspectEdgec(path string) error {
	data, m, err := readEdgec(path)
	if err != nil {
		return err
	}
	r, err := inspect(path, data, m)
	if err != nil {
		return about(path, fmt.Errorf("%s: %w", path, err))
	}
	if a.json {
		return a.printJSON(r)
	}
	if err := a.table(headRows(r)); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nBytes:\n")
	if err := a.table(byteRows(r)); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nInstructions:\n")
	return a.tableWithout(layerRows(r), 7, 5, 2, 6)
}

// inspect reads a compressed network. Encoding is canonical, so encoding it again
// accounts for its bytes.
func inspect(path string, data []byte, m *runtime.Model) (*inspected, error) {
	f, err := format.Decode(data)
	if err != nil {
		return nil, err
	}
	again, sizes, err := format.Encode(f)
	if err != nil {
		return nil, err
	}
	major, minor := format.VersionOf(data)
	_, now := format.VersionOf(again)
	if len(again) == len(data) && !bytes.Equal(again, data) || len(again) > len(data) || minor < now {
		return nil, fmt.Errorf("its bytes are not what this version of edgec writes for such a network, so it cannot account for them: another version or another program wrote it; inspect it with that one")
	}
	i := m.Info()
	r := &inspected{File: path, Bytes: len(data), Format: fmt.Sprintf("%d.%d", major, minor), Name: i.Name, Labels: i.Labels, Inputs: numbered("input", i.Inputs), Outputs: numbered("output", i.Outputs),
		Preprocess: f.Meta.Input, Scaling: f.Scaling, Sizes: sizes, Unknown: len(data) - sizes.Total(), Weights: i.Weights, Kept: i.Kept, Sparsity: sparsity(i.Kept, i.Weights),
		MACs: i.MACs, KeptMACs: i.KeptMACs, Arena: i.Arena, Packed: i.Memory, SelfTest: f.Test != nil}
	for _, l := range i.State {
		r.Inputs[l.Input].State = r.Outputs[l.Output].Name
	}
	for k := range i.Inputs {
		r.kinds = append(r.kinds, inputKind(&i, k))
	}
	for k, l := range m.Layers() {
		r.Layers = append(r.Layers, layerOf(f, sizes, k))
		r.Layers[k].MACs = l.MACs
	}
	return r, nil
}

// numbered gives the inputs or outputs of a compressed file names, which it has not.
func numbered(kind string, shapes [][]int) (all []edgec.Value) {
	for k, s := range shapes {
		all = append(all, edgec.Value{Name: fmt.Sprint(kind, k), Shape: s})
	}
	return all
}

// layerOf describes instruction k.
func layerOf(f *format.File, sizes *format.Sizes, k int) inspectedLayer {
	in := &f.Instrs[k]
	l := inspectedLayer{Op: in.Op.String(), Output: f.Tensors[in.Out].Shape}
	if in.Op == format.OpLUT {
		l.Op = "Table"
	}
	if in.Weight < 0 {
		return l
	}
	w := &f.Weights[in.Weight]
	l.Shape = []int{w.OutC, w.KH, w.KW, w.InC}
	for _, v := range w.Values {
		if v != 0 {
			l.Kept++
		}
	}
	l.Sparsity = sparsity(l.Kept, w.Elems())
	l.Scales, l.Codebook = len(w.Scale), w.Book
	if first := slices.IndexFunc(f.Instrs, func(o format.Instr) bool { return o.Weight == in.Weight }); first < k {
		l.SameAs = &first // whose bytes are counted there
	} else {
		l.Bits = &sizes.Weights[in.Weight]
	}
	return l
}

func sparsity(kept, of int) float64 { return 1 - float64(kept)/float64(max(of, 1)) }

// headRows is the network as a whole.
func headRows(r *inspected) []string {
	rows := []string{fmt.Sprintf("file\t%s, %s bytes, format %s", r.File, thousands(r.Bytes), r.Format)}
	if r.Name != "" {
		rows = append(rows, "name\t"+program.Printable(r.Name))
	}
	rows = append(rows, first("input", r.Inputs)+"\t"+times(r.Inputs[0].Shape)+", "+cmp.Or(r.kinds[0], preprocessing(r.Preprocess)+r.scaling(0))+r.state(0))
	labels := ""
	if len(r.Labels) > 0 {
		labels = ": " + program.Printable(strings.Join(r.Labels, ", "))
	}
	test := "none"
	if r.SelfTest {
		test = "carried"
	}
	for k := 1; k < len(r.Inputs); k++ {
		rows = append(rows, fmt.Sprintf("input %d\t%s%s", k, times(r.Inputs[k].Shape), separated(r.kinds[k])+r.scaling(k)+r.state(k)))
	}
	rows = append(rows, first("output", r.Outputs)+"\t"+times(r.Outputs[0].Shape)+labels)
	for k := 1; k < len(r.Outputs); k++ {
		rows = append(rows, fmt.Sprintf("output %d\t%s", k, times(r.Outputs[k].Shape)))
	}
	return append(rows,
		fmt.Sprintf("weights\t%s of %s kept, sparsity %.4f", thousands(r.Kept), thousands(r.Weights), r.Sparsity),
		fmt.Sprintf("MACs\t%s, with kept weights %s", thousands(int(r.MACs)), thousands(int(r.KeptMACs))),
		fmt.Sprintf("memory\t%s bytes for activations, %s for packed weights", thousands(r.Arena), thousands(r.Packed)),
		"self-test\t"+test)
}

// inputKind says what input k takes that is not on an int8 grid; "": one that is.
func inputKind(i *runtime.Info, k int) string {
	switch n := i.Limits[k]; {
	case n > 0:
		return fmt.Sprintf("whole numbers 0 to %d", n-1)
	case i.Whole[k]:
		return "whole numbers"
	case i.Floats[k]:
		return "float32"
	}
	return ""
}

// separated is text behind a comma, if there is any.
func separated(text string) string {
	if text == "" {
		return ""
	}
	return ", " + text
}

// scaling says that the channels of input k are scaled one by one.
func (r *inspected) scaling(k int) string {
	for _, s := range r.Scaling {
		if s.Input == k {
			return fmt.Sprintf("; each of %d channels on a grid of its own", len(s.Scale))
		}
	}
	return ""
}

// state says that input k takes an output of the run before.
func (r *inspected) state(k int) string {
	if r.Inputs[k].State == "" {
		return ""
	}
	return fmt.Sprintf(", state: %s of the run before", strings.Replace(r.Inputs[k].State, "output", "output ", 1))
}

// first names the first of several values "input 0", a single one "input".
func first(kind string, all []edgec.Value) string {
	if len(all) > 1 {
		kind += " 0"
	}
	return kind
}

// preprocessing says how a byte becomes input.
func preprocessing(p format.Preprocess) string {
	s := "byte / 255"
	if p.Bytes255 {
		s = "byte"
	}
	mean, std := numbers(p.Mean), numbers(p.Std)
	if len(mean) > 0 {
		s = "(" + s + " - [" + mean.String() + "])"
	}
	if len(std) > 0 {
		s += " / [" + std.String() + "]"
	}
	if p.ChannelsLast {
		s += ", numbers channels last"
	}
	return s
}

// byteRows accounts for every byte.
func byteRows(r *inspected) []string {
	var rows []string
	s := r.Sizes
	for _, part := range []struct {
		name, what string
		bytes      int
	}{
		{"header", "magic, version, heads of the sections", s.Header},
		{"graph", "instructions, shapes, grids of activations", s.Graph},
		{"masks", "which weights are nonzero", s.Masks},
		{"indexes", "values of the nonzero weights", s.Indexes},
		{"codebooks", "values that weights share", s.Codebooks},
		{"biases", "", s.Biases},
		{"scales", "of weights", s.Scales},
		{"tables", "of activation functions", s.LUTs},
		{"meta", "name, labels, preprocessing", s.Meta},
		{"self-test", "", s.Test},
		{"checksum", "", s.Checksum},
		{"unknown", "sections of a later version", r.Unknown},
	} {
		if part.bytes > 0 {
			rows = append(rows, fmt.Sprintf("  %s\t%8s\t%5.1f %%\t%s", part.name, thousands(part.bytes), 100*float64(part.bytes)/float64(r.Bytes), part.what))
		}
	}
	return append(rows, fmt.Sprintf("  total\t%8s\t%5.1f %%\t", thousands(s.Total()+r.Unknown), 100.0))
}

// layerRows has a line for each instruction.
func layerRows(r *inspected) []string {
	rows := []string{"  #\toperator\toutput\tweights\tkept\tsparsity\tvalues\tscales\tMACs\tbytes"}
	for k, l := range r.Layers {
		row := fmt.Sprintf("  %d\t%s\t%s", k, l.Op, times(l.Output))
		if l.Shape != nil {
			book := "none"
			if l.Codebook != nil {
				book = fmt.Sprint(len(l.Codebook))
			}
			bytes := ""
			if b := l.Bits; b != nil {
				bytes = fmt.Sprintf("%.1f", (b.Masks+b.Indexes+b.Codebooks+b.Biases+b.Scales)/8)
			} else {
				bytes = fmt.Sprintf("those of %d", *l.SameAs)
			}
			row += fmt.Sprintf("\t%s\t%s\t%.4f\t%s\t%d\t%s\t%s", times(l.Shape), thousands(l.Kept), l.Sparsity, book, l.Scales, thousands(int(l.MACs)), bytes)
		} else {
			row += strings.Repeat("\t", 7) // cells keep columns aligned
		}
		rows = append(rows, row)
	}
	return rows
}

// times prints a shape as 28x28x1.
func times(s []int) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(s), " ", "x"), "[]") }

// inspectedONNX is the JSON result of edgec inspect for a float network.
type inspectedONNX struct {
	File    string        `json:"file"`
	Bytes   int           `json:"bytes"`
	Inputs  []edgec.Value `json:"inputs"` // shapes [C, H, W] or flat
	Outputs []edgec.Value `json:"outputs"`
	Notes   []string      `json:"notes,omitempty"` // what reading has left out, in words
	Params  int           `json:"params"`
	MACs    int64         `json:"macs"`
	Layers  []edgec.Layer `json:"layers"`
}

// valueRows has a line for a single input or output, which says what it is, or one for
// each of several, with its name and shape.
func valueRows(kind, single string, vs []edgec.Value) (rows []string) {
	if len(vs) == 1 {
		return []string{kind + "\t" + single}
	}
	for k, v := range vs {
		row := fmt.Sprintf("%s %d\t%s, %s", strings.TrimSuffix(kind, "s"), k, times(v.Shape), v.Name)
		if v.State != "" {
			row += fmt.Sprintf(", state: %s of the run before", v.State)
		}
		rows = append(rows, row)
	}
	return rows
}

// elements returns the number of elements of a shape.
func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func (a *app) inspectONNX(path string, open edgec.OpenOptions) error {
	m, err := openONNX(path, open)
	if err != nil {
		return err
	}
	r := inspectedONNX{File: path, Bytes: m.Bytes, Inputs: m.Inputs(), Outputs: m.Outputs(), Notes: m.Notes(), Params: m.Params(), MACs: m.MACs(), Layers: m.Layers()}
	for _, n := range m.Notes() {
		a.note("%s: %s", path, n)
	}
	if a.json {
		return a.printJSON(r)
	}
	kind := "ONNX"
	if tflite.IsFile(path) {
		kind = "TFLite"
	}
	rows := []string{fmt.Sprintf("file\t%s, %s bytes, %s", path, thousands(r.Bytes), kind)}
	order := ""
	if r.Inputs[0].ChannelsLast {
		order = ", channels last in the file"
	}
	rows = append(rows, valueRows("input", times(r.Inputs[0].Shape)+order, r.Inputs)...)
	rows = append(rows, valueRows("outputs", fmt.Sprint(elements(r.Outputs[0].Shape)), r.Outputs)...)
	rows = append(rows, "parameters\t"+thousands(r.Params), "MACs\t"+thousands(int(r.MACs)))
	if err := a.table(rows); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nOperators, after folding:\n")
	rows = []string{"  #\tname\toperator\toutput\tweights\tparameters\tMACs"}
	for k, l := range r.Layers {
		row := fmt.Sprintf("  %d\t%s\t%s\t%s\t%s", k, l.Name, l.Op, times(l.Output), times(l.Weight))
		if l.Params > 0 {
			row += fmt.Sprintf("\t%s\t%s", thousands(l.Params), thousands(int(l.MACs)))
		} else {
			row += "\t\t"
		}
		rows = append(rows, row)
	}
	return a.tableWithout(rows, 4, 3, 1)
}
