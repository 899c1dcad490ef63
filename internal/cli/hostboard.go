package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"edgec/internal/remote"
	"edgec/targets"
)

// systemScript prints what a host is: its system, its machine, the bits of its programs, and
// the name of the board. Where there is no getconf, the shell's own file tells the bits.
const systemScript = `uname -s; uname -m
getconf LONG_BIT 2>/dev/null || echo $((32 * $(od -An -tu1 -j4 -N1 /bin/sh)))
tr -d '\000' </proc/device-tree/model 2>/dev/null || :`

// boardOf returns the board of that name or, if it is empty, the one that the host says it is.
func (a *app) boardOf(ctx context.Context, conn *remote.Conn, name string) (targets.Board, error) {
	if name != "" {
		return targets.Find(name)
	}
	text, err := conn.Output(ctx, systemScript)
	if err != nil {
		return targets.Board{}, err
	}
	lines := append(strings.Split(text, "\n"), "", "", "", "")
	system, machine, model := lines[0], lines[1], strings.TrimSpace(lines[3])
	if system != "Linux" {
		return targets.Board{}, fmt.Errorf("%s: runs %q, and programs are built for Linux", conn.Name(), system)
	}
	bits, _ := strconv.Atoi(strings.TrimSpace(lines[2])) // 0: not known
	board, err := targets.Detect(machine, bits, model)
	if err != nil {
		return targets.Board{}, fmt.Errorf("%s: %s", conn.Name(), strings.TrimPrefix(err.Error(), "targets: "))
	}
	of := ""
	if model != "" {
		of = " (" + model + ")"
	}
	a.note("%s is %s with %d bits%s: building for %s; --target names another board", conn.Name(), machine, bits, of, board.Name)
	return board, nil
}
