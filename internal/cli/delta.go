package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"edgec/internal/delta"
	"edgec/internal/disk"
	"edgec/runtime/format"
)

// deltaResult is the JSON result of edgec diff and edgec patch.
type deltaResult struct {
	Base   string `json:"base"`        // the old file
	File   string `json:"file"`        // diff: the new file; patch: the delta
	Output string `json:"output"`      // the file that was written
	Bytes  int    `json:"bytes"`       // of the output
	Old    int    `json:"base_bytes"`  // of the old file
	Whole  int    `json:"new_bytes"`   // of the new file
	Delta  int    `json:"delta_bytes"` // of the delta
}

func diffCommand(a *app) *cobra.Command {
	out := ""
	cmd := &cobra.Command{
		Use:     "diff OLD NEW -o OUT.edd",
		Aliases: []string{"delta"},
		Short:   "Write the difference between two models, or two programs",
		Long: `Writes a delta, from which edgec patch makes NEW out of OLD, byte for byte. Of two .edgec
files, layers that keep their shapes are coded against the old ones. Other files, such as
programs of edgec build, are compared byte by byte. The delta holds checksums of both
files (of other files: SHA-256), so edgec patch refuses any other base.

If the same edgec and the same Go have built two programs with different models, the delta
has 1 to 4 % of their size.`,
		Example: `  edgec diff lenet-5.edgec lenet-5-tuned.edgec -o tuned.edd
  edgec patch lenet-5.edgec tuned.edd -o lenet-5-tuned.edgec
  edgec diff classify-1 classify-2 -o classify-2.edd`,
		Args: needs(2, 2, "the old and the new .edgec file, or two other files"),
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
		Use:   "patch OLD DELTA.edd -o NEW",
		Short: "Apply a delta to a model or a program",
		Long: `Makes the new file that edgec diff was given, byte for byte. It refuses a damaged
delta, and a base that the delta was not made for.`,
		Example: `  edgec patch lenet-5.edgec tuned.edd -o lenet-5-tuned.edgec
  edgec patch classify-1 classify-2.edd -o classify-2`,
		Args: needs(2, 2, "the old file and a delta"),
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
	const what = "an .edgec file that edgec compress made, or another file to compare"
	if err := errors.Join(present(old, what), present(new, what), checkOutput(out, old, new)); err != nil {
		return err
	}
	base, file, isEdgec, err := readPair(old, new, what)
	if err != nil {
		return err
	}
	made := []byte(nil)
	if isEdgec {
		made, err = format.Diff(base, file)
	} else {
		made, err = delta.Make(base, file)
	}
	if err != nil {
		return about(new, fmt.Errorf("%s: %w", new, err))
	}
	if len(made) >= len(file) {
		a.warn(fmt.Sprintf("the delta has %s bytes, the new file %s: send %s itself, which needs no base", thousands(len(made)), thousands(len(file)), new))
	}
	return a.wroteDelta(out, made, 0o644, deltaResult{Base: old, File: new, Old: len(base), Whole: len(file), Delta: len(made)})
}

// readPair reads the two files of a delta. If one of them is an .edgec file, both have to be whole
// ones.
func readPair(old, new, what string) (base, file []byte, isEdgec bool, err error) {
	for _, path := range []string{old, new} {
		is, err := checkInput(path, what)
		if err != nil {
			return nil, nil, false, err
		}
		isEdgec = isEdgec || is
	}
	read := readWhole
	if isEdgec {
		read = func(path string) ([]byte, error) { data, _, err := readEdgec(path); return data, err }
	}
	if base, err = read(old); err == nil {
		file, err = read(new)
	}
	return base, file, isEdgec, err
}

// readWhole reads a file that is part of a delta.
func readWhole(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > delta.MaxFile {
		return nil, about(path, fmt.Errorf("%s: has %s bytes; deltas are for files of at most %s", path, thousands(int(info.Size())), thousands(delta.MaxFile)))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, about(path, fmt.Errorf("%s: %w", path, reason(err)))
	}
	return data, nil
}

func (a *app) patch(old, path, out string) error {
	const what = "a delta that edgec diff made"
	if err := errors.Join(present(old, "the file that the delta was made against"), present(path, what), checkOutput(out, old, path)); err != nil {
		return err
	}
	if _, err := checkInput(path, what); err != nil {
		return err
	}
	changes, err := readWhole(path)
	if err != nil {
		return err
	}
	base, err := readWhole(old)
	if err != nil {
		return err
	}
	file, mode := []byte(nil), os.FileMode(0o644)
	if !delta.Is(changes) {
		file, err = format.Patch(base, changes)
	} else if file, err = delta.Apply(base, changes, delta.MaxFile); err == nil {
		if info, err := os.Stat(old); err == nil {
			mode = info.Mode().Perm() // of a program
		}
	}
	if err != nil {
		return about(path, fmt.Errorf("%s: %w", path, err))
	}
	return a.wroteDelta(out, file, mode, deltaResult{Base: old, File: path, Old: len(base), Whole: len(file), Delta: len(changes)})
}

func (a *app) wroteDelta(out string, data []byte, mode os.FileMode, r deltaResult) error {
	if err := disk.Write(out, data, mode); err != nil {
		return about(out, err)
	}
	r.Output, r.Bytes = out, len(data)
	if a.json {
		return a.printJSON(r)
	}
	return a.table([]string{"file\t" + out, "bytes\t" + thousands(r.Bytes),
		"delta\t" + fmt.Sprintf("%s bytes, %.1f %% of the new file's %s", thousands(r.Delta), 100*float64(r.Delta)/float64(max(r.Whole, 1)), thousands(r.Whole))})
}
