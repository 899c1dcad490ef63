package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"edgec/export"
	"edgec/runtime/format"
)

// deltaResult is the JSON result of edgec diff and edgec patch.
type deltaResult struct {
	Base   string `json:"base"`        // the old network
	File   string `json:"file"`        // diff: the new network; patch: the delta
	Output string `json:"output"`      // the file that was written
	Bytes  int    `json:"bytes"`       // of the output
	Old    int    `json:"base_bytes"`  // of the old network
	Whole  int    `json:"new_bytes"`   // of the new network
	Delta  int    `json:"delta_bytes"` // of the delta
}

func diffCommand(a *app) *cobra.Command {
	out := ""
	cmd := &cobra.Command{
		Use:   "diff OLD.edgec NEW.edgec -o OUT.edd",
		Short: "Write the difference between two compressed networks",
		Long: `Writes a delta, from which edgec patch makes NEW out of OLD, byte for byte. Layers
that keep their shapes are coded against the old ones. The delta holds the checksums
of both files, so edgec patch refuses any other base.`,
		Example: `  edgec diff lenet-5.edgec lenet-5-tuned.edgec -o tuned.edd
  edgec patch lenet-5.edgec tuned.edd -o lenet-5-tuned.edgec`,
		Args: needs(2, 2, "the old and the new .edgec file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef(cmd, "diff: -o is missing; name the delta to write")
			}
			return a.diff(args[0], args[1], out)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "delta to write (required)")
	return cmd
}

func patchCommand(a *app) *cobra.Command {
	out := ""
	cmd := &cobra.Command{
		Use:   "patch OLD.edgec DELTA.edd -o NEW.edgec",
		Short: "Apply a delta to a compressed network",
		Long: `Makes the new file that edgec diff was given, byte for byte. It refuses a damaged
delta, and a base that the delta was not made for.`,
		Example: `  edgec patch lenet-5.edgec tuned.edd -o lenet-5-tuned.edgec`,
		Args:    needs(2, 2, "the old .edgec file and a delta"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef(cmd, "patch: -o is missing; name the file to write")
			}
			return a.patch(args[0], args[1], out)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (required)")
	return cmd
}

func (a *app) diff(old, new, out string) error {
	const what = "an .edgec file that edgec compress made"
	if err := errors.Join(present(old, what), present(new, what), checkOutput(out, old, new)); err != nil {
		return err
	}
	base, _, err := readEdgec(old)
	if err != nil {
		return err
	}
	file, _, err := readEdgec(new)
	if err != nil {
		return err
	}
	delta, err := format.Diff(base, file)
	if err != nil {
		return about(new, fmt.Errorf("%s: %w", new, err))
	}
	if len(delta) >= len(file) {
		a.warn(fmt.Sprintf("the delta has %s bytes, the new file %s: send %s itself, which needs no base", thousands(len(delta)), thousands(len(file)), new))
	}
	return a.wroteDelta(out, delta, deltaResult{Base: old, File: new, Old: len(base), Whole: len(file), Delta: len(delta)})
}

func (a *app) patch(old, path, out string) error {
	if err := errors.Join(present(old, "an .edgec file that edgec compress made"), present(path, "a delta that edgec diff made"), checkOutput(out, old, path)); err != nil {
		return err
	}
	base, _, err := readEdgec(old)
	if err != nil {
		return err
	}
	if _, err := checkInput(path, "a delta that edgec diff made"); err != nil {
		return err
	}
	delta, err := os.ReadFile(path)
	if err != nil {
		return about(path, fmt.Errorf("%s: %w", path, reason(err)))
	}
	file, err := format.Patch(base, delta)
	if err != nil {
		return about(path, fmt.Errorf("%s: %w", path, err))
	}
	return a.wroteDelta(out, file, deltaResult{Base: old, File: path, Old: len(base), Whole: len(file), Delta: len(delta)})
}

func (a *app) wroteDelta(out string, data []byte, r deltaResult) error {
	if err := export.Write(out, data); err != nil {
		return about(out, err)
	}
	r.Output, r.Bytes = out, len(data)
	if a.json {
		return a.printJSON(r)
	}
	return a.table([]string{"file\t" + out, "bytes\t" + thousands(r.Bytes),
		"delta\t" + fmt.Sprintf("%s bytes, %.1f %% of the new file's %s", thousands(r.Delta), 100*float64(r.Delta)/float64(r.Whole), thousands(r.Whole))})
}
