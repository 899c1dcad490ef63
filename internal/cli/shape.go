package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// shapes are the values of --shape: sizes of inputs by name, 0 for one that stays open.
type shapes map[string][]int

const shapeHelp = "sizes that the model leaves open, as in ids=1x128; ? for one that stays open; once for each input"

// register gives the command the flag.
func (s *shapes) register(cmd *cobra.Command) { cmd.Flags().Var(s, "shape", shapeHelp) }

// Set implements pflag.Value.
func (s *shapes) Set(text string) error {
	at := strings.LastIndexByte(text, '=')
	switch {
	case at < 0 && text != "" && !strings.ContainsRune("0123456789?", rune(text[0])):
		return fmt.Errorf("input %q has no sizes; give them behind its name, as in %s=1x128", text, text)
	case at < 1:
		return fmt.Errorf("%q names no input; give its name and sizes, as in ids=1x128", text)
	}
	name := text[:at]
	if _, twice := (*s)[name]; twice {
		return fmt.Errorf("input %q has two shapes; give one", name)
	}
	var dims []int
	for _, part := range strings.Split(text[at+1:], "x") {
		d, err := strconv.Atoi(part)
		if part == "?" {
			d, err = 0, nil
		} else if d < 1 || d > 1<<24 {
			err = strconv.ErrRange
		}
		if err != nil {
			return fmt.Errorf("%q is no size; give whole numbers from 1 on, as in ids=1x128, or ? for one that stays open", part)
		}
		dims = append(dims, d)
	}
	if *s == nil {
		*s = shapes{}
	}
	(*s)[name] = dims
	return nil
}

// String implements pflag.Value.
func (s *shapes) String() string { return "" }

// Type implements pflag.Value.
func (s *shapes) Type() string { return "name=sizes" }
