package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"edgec/internal/remote"
	"edgec/runtime/program"
)

// asker puts a question to a person; a secret answer is not shown.
type asker func(ctx context.Context, question string, secret bool) (string, error)

// asker returns what asks on the terminal, nil where there is none.
func (a *app) asker() asker {
	in, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) || a.screen(a.stderr).width <= 0 {
		return nil
	}
	return func(ctx context.Context, question string, secret bool) (string, error) {
		a.showing.end() // a status line would hide the question
		return ask(ctx, in, os.Stderr, question, secret)
	}
}

// dial connects to a host. Questions are asked on the terminal, where there is one.
func (a *app) dial(ctx context.Context, host string, acceptNew bool) (*remote.Conn, error) {
	return remote.Dial(ctx, host, remote.Options{AcceptNew: acceptNew, Note: func(line string) { a.note("%s", line) }, Ask: a.asker()})
}

// ask puts a question to a person on a terminal; a secret answer is not shown. The end of ctx
// ends the question, and the terminal is as it was before.
func ask(ctx context.Context, in, out *os.File, question string, secret bool) (string, error) {
	before, err := term.GetState(int(in.Fd()))
	if err != nil {
		return "", fmt.Errorf("the terminal: %w", err)
	}
	for line := range strings.SplitAfterSeq(question, "\n") { // names and prompts come from the host
		end := strings.TrimSuffix(line, "\n")
		fmt.Fprint(out, program.Printable(end)+line[len(end):])
	}
	type reply struct {
		text string
		err  error
	}
	answered := make(chan reply, 1)
	go func() {
		if secret {
			text, err := term.ReadPassword(int(in.Fd()))
			answered <- reply{string(text), err}
			return
		}
		text, err := bufio.NewReader(in).ReadString('\n')
		answered <- reply{strings.TrimRight(text, "\r\n"), err}
	}()
	select {
	case r := <-answered:
		if secret {
			fmt.Fprintln(out)
		}
		return r.text, r.err
	case <-ctx.Done():
		fmt.Fprintln(out)
		return "", errors.Join(context.Cause(ctx), term.Restore(int(in.Fd()), before))
	}
}
