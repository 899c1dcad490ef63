// Package cli is the command line of edgec: one file for each command. The
// rules of what goes where are at the top of output.go.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"edgec/runtime/kernel"
)

// app is what every command shares: the streams and the flags of the root.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	json           bool
	quiet          bool
	args           []string               // the command line
	started        bool                   // a command has accepted its arguments
	printed        bool                   // the result as JSON
	layout         func(io.Writer) screen // nil: as the stream and the environment are
	showing        *progress              // whose status line is on the screen, or nil
}

// commands makes the commands, in the order of the help text.
var commands = []func(*app) *cobra.Command{
	compressCommand,
	checkCommand, inspectCommand,
	evalCommand,
	runCommand,
	benchCommand,
	buildCommand,
	deployCommand, rollbackCommand, statusCommand, unitCommand,
	fleetCommand, agentCommand,
	targetsCommand,
	exportCommand,
	packCommand,
	diffCommand,
	patchCommand,
	keygenCommand, signCommand, verifyCommand,
	pushCommand, pullCommand, copyCommand,
	demoCommand,
	versionCommand,
}

// Main executes the command line args (without the program's name) and returns
// the exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return run(context.Background(), args, stdin, stdout, stderr)
}

// run is Main; the end of ctx is an interrupt.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	tellFileSize()
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, args: args}
	root := a.root()
	root.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	err := oneDash(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case !a.started && !errors.As(err, &usage): // found by cobra's own commands
		err = usageError{err, root.Name()}
	}
	return a.fail(err)
}

func (a *app) root() *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:   "edgec",
		Short: "Make trained networks small enough for small devices",
		Long: `edgec makes trained networks small enough for small devices. A network (ONNX or
TFLite) and a data set go in. A file of a few kilobytes comes out, with the accuracy that you
asked for, and programs that run it on boards.`,
		Example: `  edgec compress lenet-5.onnx --data mnist --max-drop 0.1
  edgec inspect lenet-5.edgec
  edgec eval lenet-5.edgec --data mnist
  edgec run lenet-5.edgec seven.png
  edgec build lenet-5.edgec --target rpi-zero -o classify

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 interrupted (Ctrl-C, SIGTERM, SIGHUP);
a search has written its best file so far, if there is one.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknown(cmd, args[0])
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.started = true
			_, err := kernel.Level()
			if cmd.Name() == "version" || !cmd.HasParent() { // these say what it is
				return nil
			}
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if version {
				return a.version()
			}
			return cmd.Help()
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetHelpFunc(a.help)
	root.SetFlagErrorFunc(a.flagErrors)
	root.Flags().BoolVarP(&version, "version", "v", false, "print the version")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print the result, or the error, as JSON on standard output")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "print no progress and no notes")
	for _, c := range commands {
		root.AddCommand(c(a))
	}
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	must(err)
	help.Args = func(_ *cobra.Command, args []string) error { // cobra only prints a line about an unknown topic and exits with 0
		if c, _, err := root.Find(args); len(args) > 0 && (err != nil || c == root) {
			return unknown(root, args[0])
		}
		return nil
	}
	return root
}

// endings are the signals that end a command: SIGHUP, which a closed terminal or connection sends,
// unless it was ignored from the start (nohup).
func endings() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// interruptible returns a context that ends at the first SIGINT, SIGTERM or SIGHUP, after
// printing a note; a second signal ends the process at once, except SIGHUP, which shells
// repeat. Only commands that have something to finish use it.
func (a *app) interruptible(ctx context.Context, telling string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals, over := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, endings()...)
	go func() {
		defer signal.Stop(signals)
		select {
		case <-signals:
			a.note("%s", telling)
			cancel()
		case <-over:
			return
		}
		for {
			select {
			case s := <-signals:
				if s != syscall.SIGHUP {
					a.die(s)
				}
			case <-over:
				return
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		cancel()
		close(over)
	})
}

// die ends the process by a signal, with a clean line on the screen.
func (a *app) die(s os.Signal) {
	a.showing.end()
	signal.Reset(endings()...)
	if p, err := os.FindProcess(os.Getpid()); err != nil || p.Signal(s) != nil {
		os.Exit(exitFailed)
	}
}

// must panics if a command was built wrongly.
func must(err error) {
	if err != nil {
		panic("BUG: " + err.Error())
	}
}
