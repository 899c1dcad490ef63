package cli

import (
	"errors"
	"math"
	"strconv"
	"strings"

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
	number, factor := s, int64(1)
	if l.unit == "size" {
		for name, bytes := range map[string]int64{"kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30} {
			if n, ok := strings.CutSuffix(strings.ToLower(s), name); ok {
				number, factor = strings.TrimSpace(n), bytes
			}
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	switch {
	case err == nil && n >= 1 && n <= math.MaxInt64/factor:
		*l.n = n * factor
		return nil
	case l.unit == "size":
		return errors.New("give a whole number of bytes such as 500000000, 500MB or 2GiB")
	}
	return errors.New("give a whole number from 1 on")
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
