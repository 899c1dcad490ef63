package cli

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"edgec/runtime"
	"edgec/runtime/program"
)

// limit is the value of a flag that limits what a file takes: a number from 1 on, of bytes
// also with a unit.
type limit struct {
	n    *int64
	unit string
}

// Set parses s.
func (l limit) Set(s string) error {
	var bytes size
	if l.unit == "size" && bytes.Set(s) == nil {
		*l.n = int64(bytes)
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return errors.New("give a whole number from 1 on")
	}
	*l.n = n
	return nil
}

func (l limit) String() string {
	if l.n == nil || *l.n == 0 {
		return ""
	}
	return strconv.FormatInt(*l.n, 10)
}

// Type names the value in help texts.
func (l limit) Type() string { return l.unit }

// addLimits adds the flags that raise the limits of the runtime.
func addLimits(cmd *cobra.Command, c *runtime.Config) {
	f := cmd.Flags()
	f.Var(limit{&c.Memory, "size"}, "max-memory", "refuse a file whose session takes more memory beside the weights (default 256MiB)")
	f.Var(limit{&c.Work, "steps"}, "max-work", "refuse a file that takes more multiplications and other steps for a sample (default 10000000000)")
}

// remedied returns err, or that a limit is passed and the flag that raises it.
func remedied(err error) error {
	var e runtime.LimitError
	if errors.As(err, &e) {
		return program.Remedy(e)
	}
	return err
}
