package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"edgec/targets"
)

// boardFlags name a board, of the table or of a file of the user's.
type boardFlags struct {
	target string
	file   string
	own    []targets.Board
}

// register adds --boards, and --target with its help.
func (b *boardFlags) register(cmd *cobra.Command, help string) {
	f := cmd.Flags()
	if help != "" {
		f.StringVar(&b.target, "target", "", help)
		must(cmd.RegisterFlagCompletionFunc("target", cobra.FixedCompletions(targets.Names(), cobra.ShellCompDirectiveNoFileComp)))
	}
	f.StringVar(&b.file, "boards", "", "TOML file with boards of your own (docs/BOARDS.md)")
}

// read reads the user's boards.
func (b *boardFlags) read() (err error) {
	if b.file == "" || b.own != nil {
		return nil
	}
	if b.own, err = targets.ReadBoards(b.file); err != nil {
		return about(b.file, err)
	}
	return nil
}

// all returns the user's boards and then those of the table.
func (b *boardFlags) all() []targets.Board {
	return append(b.own[:len(b.own):len(b.own)], targets.Boards...)
}

// find returns the board that --target names.
func (b *boardFlags) find(cmd *cobra.Command) (targets.Board, error) {
	if err := b.read(); err != nil {
		return targets.Board{}, err
	}
	board, err := targets.FindIn(b.own, b.target)
	if err != nil {
		return board, usagef(cmd, "--target %s: %s", shown(b.target), strings.TrimPrefix(err.Error(), "targets: "))
	}
	return board, nil
}
