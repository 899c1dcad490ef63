package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"edgec/internal/suggest"
)

// What is said of a wrong command line: the flag, the value, and what to give. The
// texts of pflag and strconv reach nobody.

// usageError is an error in the command line.
type usageError struct {
	error
	command string // whose help tells more, "edgec compress"
}

func (e usageError) Unwrap() error { return e.error }

// usagef is an error in the command line of cmd.
func usagef(cmd *cobra.Command, format string, v ...any) error {
	return usageError{fmt.Errorf(format, v...), cmd.CommandPath()}
}

// usageErrors joins what is wrong with the command line of cmd, nil if nothing is.
func usageErrors(cmd *cobra.Command, errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	return nil
}

// unknown is the error for a command that root does not have.
func unknown(root *cobra.Command, name string) error {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	question := likely(name, names)
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
		question = "; it is a file: write a command before it, as in edgec inspect " + name
	}
	return usagef(root, "unknown command %q%s", name, question)
}

// otherWords are what other tools call our commands and flags.
var otherWords = map[string][]string{
	"compress": {"quantize", "quantise", "prune", "shrink", "optimize", "optimise", "train", "reduce", "minify"},
	"inspect":  {"info", "show", "summary", "view", "dump", "describe", "print"},
	"eval":     {"evaluate", "test", "accuracy", "validate", "measure"},
	"run":      {"infer", "inference", "predict", "classify", "exec"},
	"bench":    {"benchmark", "time", "profile", "latency", "speed"},
	"build":    {"compile", "make", "generate"},
	"deploy":   {"install", "ship", "send"},
	"fleet":    {"rollout", "ota", "hub"},
	"agent":    {"daemon", "follow", "watch"},
	"rollback": {"revert", "undo", "back"},
	"push":     {"publish", "upload"},
	"pull":     {"fetch", "download", "get"},
	"copy":     {"cp", "mirror", "sync"},
	"targets":  {"boards", "devices", "list"},
	"export":   {"convert", "onnx"},
	"diff":     {"compare"},
	"patch":    {"apply", "update"},
	"keygen":   {"key", "keys", "genkey"},
	"verify":   {"checksig", "verify-signature"},

	"target":   {"board", "device", "platform", "arch"},
	"budget":   {"timeout", "time", "max-time", "limit"},
	"effort":   {"epochs", "epoch", "steps", "iterations"},
	"threads":  {"jobs", "workers", "cores", "cpus"},
	"max-drop": {"accuracy", "loss", "tolerance", "max-loss"},
	"data":     {"samples", "input", "inputs", "calibration", "images"},
	"labels":   {"names", "classes", "class-names"},
	"against":  {"reference", "float", "baseline"},
	"quiet":    {"silent"},
	"on":       {"host", "remote", "at", "where"},
	"output":   {"o", "dest", "to"},
}

// likely is the question after a name that is none of names: those that are near, or the
// one that another tool calls so.
func likely(typed string, names []string) string {
	for _, name := range names {
		if slices.Contains(otherWords[name], strings.ToLower(typed)) {
			return suggest.Ask([]string{name})
		}
	}
	return suggest.Question(typed, names)
}

// needs checks the number of arguments: from least to most, or any number from
// least on if most is -1. what describes them in the error.
func needs(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef(cmd, "%s: give %s", cmd.Name(), what)
		case most >= 0 && len(args) > most:
			return usagef(cmd, "%s: %q is one argument too many; give %s%s", cmd.Name(), args[most], what, swallowed(cmd))
		}
		return nil
	}
}

// swallowed names a flag that took the next flag for its value.
func swallowed(cmd *cobra.Command) (text string) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Value.String(), "--") {
			text = fmt.Sprintf("; --%s has no value: it took %s for one", f.Name, f.Value)
		}
	})
	return text
}

// choice checks the value of a flag that takes one of a few words.
func choice(flag, value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	list := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	return fmt.Errorf("--%s %s: give %s%s", flag, shown(value), list, suggest.Question(value, words))
}

// atLeast checks the value of a flag that takes a whole number.
func atLeast(flag string, value, least int) error {
	if value >= least {
		return nil
	}
	return fmt.Errorf("--%s %d: give a whole number from %d", flag, value, least)
}

// shown is a value as the user wrote it, quoted where it would be hard to see.
func shown(value string) string {
	if value == "" || strings.ContainsAny(value, " \t\n") {
		return strconv.Quote(value)
	}
	return value
}

// mostFlags bounds the number of wrong flags that are reported at once.
const mostFlags = 10

// flagErrors is what is wrong with the flags of cmd, of which pflag found only the first:
// the command line is read again without it, until there is no other.
func (a *app) flagErrors(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	args := slices.Clone(a.args)
	var errs []error
	for err != nil && len(errs) < mostFlags {
		errs = append(errs, flagError(cmd, err))
		rest, ok := withoutFlag(args, err)
		if !ok {
			break
		}
		args, err = rest, cmd.Flags().Parse(rest)
		if errors.Is(err, pflag.ErrHelp) {
			break
		}
	}
	return usageErrors(cmd, errs...)
}

// flagError says in the words of this tool what pflag found.
func flagError(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	var value *pflag.InvalidValueError
	var none *pflag.ValueRequiredError
	switch {
	case errors.As(err, &missing):
		return unknownFlag(cmd, missing)
	case errors.As(err, &value):
		f := value.GetFlag()
		return fmt.Errorf("--%s %s: %s", f.Name, shown(value.GetValue()), wanted(f, err))
	case errors.As(err, &none):
		f := none.GetFlag()
		return fmt.Errorf("--%s needs a value, as in --%s %s", f.Name, f.Name, example(f))
	}
	return fmt.Errorf("%w; write flags as --name or --name=value", err)
}

// wanted says what a flag takes: our own kinds of values say it themselves.
func wanted(f *pflag.Flag, err error) string {
	switch f.Value.Type() {
	case "bool":
		return "give true or false, or the flag alone"
	case "int":
		return "give a whole number, such as " + example(f)
	case "uint64":
		return "give a whole number from 0, such as " + example(f)
	case "float64":
		return "give a number, such as " + example(f)
	}
	for e := errors.Unwrap(err); e != nil; e = errors.Unwrap(e) {
		err = e
	}
	return err.Error()
}

// example is a value that a flag takes.
func example(f *pflag.Flag) string {
	switch v := f.Value.(type) {
	case *size:
		return "20KB"
	case *points:
		return "0.5"
	case *numbers:
		return "0.5"
	case *span:
		return v.examples[0]
	}
	switch f.Value.Type() {
	case "int", "uint64":
		return "4"
	case "float64":
		return "0.5"
	}
	return strings.ToUpper(f.Name)
}

// unknownFlag is the error for a flag that cmd does not have: it names those that are
// near, or the commands that do have it.
func unknownFlag(cmd *cobra.Command, e *pflag.NotExistError) error {
	if group := e.GetSpecifiedShortnames(); group != "" {
		if len(group) > 1 && e.GetSpecifiedName() == group[:1] {
			group, _, _ = strings.Cut(group, "=")
			return fmt.Errorf("unknown flag -%s%s", group, dashed(suggest.Question(group, flagNames(cmd))))
		}
		return fmt.Errorf("unknown flag -%s", e.GetSpecifiedName())
	}
	name := e.GetSpecifiedName()
	if question := likely(name, flagNames(cmd)); question != "" {
		return fmt.Errorf("unknown flag --%s%s", name, dashed(question))
	}
	var others []string
	for _, c := range cmd.Root().Commands() {
		if c.Flags().Lookup(name) != nil {
			others = append(others, c.CommandPath())
		}
	}
	if others != nil {
		return fmt.Errorf("unknown flag --%s; it belongs to %s", name, strings.Join(others, ", "))
	}
	return fmt.Errorf("unknown flag --%s", name)
}

// dashed puts two dashes before each name of a question.
func dashed(question string) string {
	before, names, ok := strings.Cut(question, "; did you mean ")
	if !ok {
		return question
	}
	names = strings.NewReplacer(", ", ", --", " or ", " or --").Replace(names)
	return before + "; did you mean --" + names
}

// flagNames lists the long names of a command's flags.
func flagNames(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}

// withoutFlag takes the flag that err is about out of args; ok is false if it is not there.
func withoutFlag(args []string, err error) (rest []string, ok bool) {
	names, value := spellings(err)
	for i, arg := range args {
		for _, name := range names {
			switch {
			case arg == name && value != "" && i+1 < len(args) && args[i+1] == value:
				return slices.Delete(args, i, i+2), true
			case arg == name && value == "", arg == name+"="+value, len(name) == 2 && arg == name+value, value == "" && strings.HasPrefix(arg, name+"="):
				return slices.Delete(args, i, i+1), true
			}
		}
	}
	return nil, false
}

// spellings returns the ways to write the flag that err is about, and its value. A flag
// without its value is the last argument: there is nothing to read after it.
func spellings(err error) (names []string, value string) {
	var missing *pflag.NotExistError
	var wrong *pflag.InvalidValueError
	switch {
	case errors.As(err, &missing) && missing.GetSpecifiedShortnames() != "":
		return []string{"-" + missing.GetSpecifiedShortnames()}, ""
	case errors.As(err, &missing):
		return []string{"--" + missing.GetSpecifiedName()}, ""
	case errors.As(err, &wrong):
		names = []string{"--" + wrong.GetFlag().Name}
		if short := wrong.GetFlag().Shorthand; short != "" {
			names = append(names, "-"+short)
		}
		return names, wrong.GetValue()
	}
	return nil, ""
}

// oneDash is the error for flags with a long name that are written with one dash: pflag
// takes -output for -o with the value "utput".
func oneDash(root *cobra.Command, args []string) error {
	cmd, _, err := root.Find(args)
	if err != nil {
		return nil
	}
	var errs []error
	for _, arg := range args {
		if arg == "--" {
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if len(name) > 1 && strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && (cmd.Flags().Lookup(name) != nil || root.PersistentFlags().Lookup(name) != nil) {
			errs = append(errs, fmt.Errorf("-%s: write it with two dashes: --%s", name, name))
		}
	}
	return usageErrors(cmd, errs...)
}
