// The program that "edgec build --serve" makes: a model behind HTTP, loaded once. Beside that it
// does what the program of targets/device does.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"edgec/runtime/program"
)

// built is set by the file that the build adds.
var built program.Program

func main() {
	var o options
	flags := o.flags()
	err := flags.Parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Printf("usage: %s [server options], or [options] FILE ...\n\nserves its model by HTTP: POST /predict, /v2, GET /healthz, /metrics\n\n", os.Args[0])
		flags.SetOutput(os.Stdout)
		flags.PrintDefaults()
		fmt.Println()
		os.Exit(built.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
	case err != nil && !strings.HasPrefix(err.Error(), "flag provided but not defined"):
		fmt.Fprintf(os.Stderr, "%s: %v; see --help\n", os.Args[0], err)
		os.Exit(1)
	case err != nil || flags.NArg() > 0: // options or files of a program that does not serve
		if err := mixed(flags, os.Args[1:]); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v; see --help\n", os.Args[0], err)
			os.Exit(1)
		}
		os.Exit(built.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, stop, o, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		os.Exit(1)
	}
}

// mixed refuses options of the server beside files or other options. --model belongs to both.
func mixed(flags *flag.FlagSet, args []string) error {
	server, other := "", ""
	for i := 0; i < len(args) && args[i] != "--"; i++ {
		name, _, given := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		switch known := strings.HasPrefix(args[i], "-") && flags.Lookup(name) != nil; {
		case known && !given:
			i++ // its value
			fallthrough
		case known:
			if name != "model" {
				server = cmp.Or(server, "--"+name)
			}
		default:
			other = cmp.Or(other, args[i])
		}
	}
	if server == "" || other == "" {
		return nil
	}
	return fmt.Errorf("%s serves, and %s does not go with it: give options of the server alone, or leave %s out", server, other, server)
}

// options are those of the server.
type options struct {
	listen    string
	workers   int
	queue     int
	maxBody   int64
	maxPixels int
	timeout   time.Duration
	drain     time.Duration
	model     string
}

func (o *options) flags() *flag.FlagSet {
	f := flag.NewFlagSet("", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` to listen at; :8080 is reached from other machines too")
	f.IntVar(&o.workers, "workers", runtime.NumCPU(), "requests that are executed at the same time")
	f.IntVar(&o.queue, "queue", 16, "requests that may wait; more get 429 and Retry-After")
	f.Int64Var(&o.maxBody, "max-body", 8<<20, "`bytes` of a request; more get 413")
	f.IntVar(&o.maxPixels, "max-pixels", 16<<20, "`pixels` of a picture; more get 413, before it is decoded, which takes up to 24 bytes for each")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "`time` of a request, reading and waiting included")
	f.DurationVar(&o.drain, "drain", 10*time.Second, "`time` that requests have to finish after SIGTERM or Ctrl-C")
	f.StringVar(&o.model, "model", "", "serve this .edgec `file` instead of the program's own")
	return f
}

// check refuses options that cannot be.
func (o *options) check() error {
	for _, c := range []struct {
		name string
		ok   bool
		want string
	}{
		{"workers", o.workers >= 1 && o.workers <= 1024, "a number from 1 to 1024"},
		{"queue", o.queue >= 0 && o.queue <= 1<<16, "a number from 0 to 65536"},
		{"max-body", o.maxBody >= 1 && o.maxBody <= 1<<30, "bytes from 1 to 1073741824"},
		{"max-pixels", o.maxPixels >= 1, "a number from 1 on"},
		{"timeout", o.timeout > 0, "a time such as 30s"},
		{"drain", o.drain >= 0, "a time such as 10s"},
	} {
		if !c.ok {
			return fmt.Errorf("--%s: give %s", c.name, c.want)
		}
	}
	return nil
}
