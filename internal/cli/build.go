package cli

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/targets"
)

// buildFlags are the flags of edgec build.
type buildFlags struct {
	target   string
	out      string
	selfTest bool
	goTool   string
}

func buildCommand(a *app) *cobra.Command {
	b := &buildFlags{}
	cmd := &cobra.Command{
		Use:   "build FILE.edgec --target BOARD",
		Short: "Build a program that carries the model, for a board",
		Long: `Builds one static program that carries the model and the runtime and needs
nothing else on the board. The installed Go toolchain alone makes it, without a
network and from any folder. Copy it to the board and give it pictures:

  scp classify pi@raspberrypi: && ssh pi@raspberrypi ./classify seven.png

The program has --json, --bench, --selftest and more; see its --help.
edgec targets lists the boards.

--selftest executes the program here, under qemu-user where the board has another
architecture, and fails unless the program computes to the byte what was computed
when the model was written. If qemu is not installed, that is an error too; the
program is built nevertheless.`,
		Example: `  edgec build lenet-5.edgec --target rpi-zero -o classify
  edgec build lenet-5.edgec --target linux-arm64 --selftest`,
		Args: needs(1, 1, "one .edgec file"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.build(cmd, b, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&b.target, "target", "", "board, see edgec targets (required)")
	f.StringVarP(&b.out, "output", "o", "", "program to write (default: the model's name and the board's, in the current folder)")
	f.BoolVar(&b.selfTest, "selftest", false, "execute the program's self-test here")
	f.StringVar(&b.goTool, "go", "go", "the go command")
	must(cmd.RegisterFlagCompletionFunc("target", cobra.FixedCompletions(targets.Names(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// built is the JSON result of edgec build.
type built struct {
	targets.Result
	SelfTest string `json:"selftest,omitempty"` // "passed" when it was asked for
}

func (a *app) build(cmd *cobra.Command, b *buildFlags, path string) error {
	if b.target == "" {
		return usagef(cmd, "build: --target is missing; give a board: %s", strings.Join(targets.Names(), ", "))
	}
	board, err := targets.Find(b.target)
	if err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	if b.out == "" {
		b.out = baseName(path) + "-" + board.Name
	}
	if err := checkOutput(b.out, path); err != nil {
		return err
	}
	model, _, err := readEdgec(path)
	if err != nil {
		return err
	}
	ctx, stop := a.interruptible(cmd.Context(), "interrupted: nothing is written")
	defer stop()
	r := built{}
	if r.Result, err = targets.Build(ctx, edgec.Sources, model, board, b.out, targets.Options{Go: b.goTool}); err != nil {
		return err
	}
	if b.selfTest {
		if err := selfTest(ctx, r.Result); err != nil {
			return err
		}
		r.SelfTest = "passed"
	}
	if a.json {
		return a.printJSON(r)
	}
	rows := []string{"program\t" + r.Path, "board\t" + board.Title, fmt.Sprintf("bytes\t%s, of them the model %s", thousands(int(r.Size)), thousands(r.Model)), "go\t" + r.Go}
	if b.selfTest {
		rows = append(rows, "self-test\t"+r.SelfTest)
	}
	return a.table(rows)
}

// selfTest executes the self-test of a program that was built, under an
// emulator where it is needed.
func selfTest(ctx context.Context, r targets.Result) error {
	words, ok := r.Board.Command()
	if !ok {
		return fmt.Errorf("%s: is built, but its self-test was not run: %s is not installed; install it (apt install qemu-user-static), or run %s --selftest on the board", r.Path, words[0], filepath.Base(r.Path))
	}
	program, err := filepath.Abs(r.Path)
	if err != nil {
		return err
	}
	words = append(words, program, "--selftest")
	text, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: is built, but its self-test failed: %w: %s", r.Path, err, bytes.TrimSpace(text))
	}
	return nil
}
