package program

import (
	"io"
	"os"
	"strconv"
	"strings"
)

const usage = ` [options] [FILE ...]

Executes its model on each FILE (PNG, JPEG, .npy or raw) or on standard input
and prints the label, or number, of the largest output and its score. A model
with several inputs takes a FILE for each, sample after sample.

  --top N        print the N largest outputs
  --json         print JSON, one value a line
  --raw          print the bytes of the outputs, little endian
  --invert       pictures: light becomes dark
  --idx FILE     execute every picture of an idx file (.gz too), print counts
                 and a checksum of all outputs; with --labels FILE the accuracy
  --bench [N]    measure the time of an inference, over N runs
  --selftest     prove that this machine computes what the host computed
  --info         describe the model
  --model FILE   use this .edgec file instead of the program's own
`

// Main is a whole program: it does what args ask for with the given model and
// returns the exit code, 1 after an error, which takes one line of stderr.
func Main(model []byte, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	name := "edgec"
	if len(args) > 0 {
		name = args[0][strings.LastIndexByte(args[0], '/')+1:]
		args = args[1:]
	}
	j := &Job{Model: model, Stdin: stdin, Stdout: stdout}
	help, err := j.parse(args)
	switch {
	case err != nil:
	case help, model == nil && j.Model == nil:
		io.WriteString(stdout, "usage: "+name+usage)
		return 0
	default:
		err = j.Do()
	}
	if err != nil {
		io.WriteString(stderr, name+": "+err.Error()+"\n")
		return 1
	}
	return 0
}

// parse reads the options; help reports that they ask for the usage.
//
// Complexity: a case for each option.
//
//gocyclo:ignore
func (j *Job) parse(args []string) (help bool, err error) {
	for i := 0; i < len(args); i++ {
		arg, value, hasValue := strings.Cut(args[i], "=")
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			j.Files = append(j.Files, args[i])
			continue
		}
		next := func() string { // the value of a flag that needs one
			if !hasValue {
				if i++; i >= len(args) {
					err = Error(arg + " needs a value; see --help")
					return ""
				}
				value = args[i]
			}
			return value
		}
		switch "-" + strings.TrimLeft(arg, "-") {
		case "-h", "-help":
			return true, nil
		case "-json":
			j.JSON = true
		case "-raw":
			j.Raw = true
		case "-invert":
			j.Invert = true
		case "-selftest":
			j.Action = SelfTest
		case "-info":
			j.Action = Info
		case "-top":
			if n := next(); err == nil {
				j.Top, err = count(arg, n)
			}
		case "-labels":
			j.Labels = next()
		case "-idx":
			j.Action = Idx
			j.Files = append(j.Files, next())
		case "-model":
			if path := next(); err == nil {
				j.Model, err = os.ReadFile(path)
			}
		case "-bench":
			j.Action = Bench
			if !hasValue && i+1 < len(args) && number(args[i+1]) > 0 {
				i++
				value, hasValue = args[i], true
			}
			if hasValue {
				j.Runs, err = count(arg, value)
			}
		default:
			err = Error("unknown option " + arg + "; see --help")
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// maxCount bounds the numbers of the options.
const maxCount = 1_000_000

func count(flag, s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxCount {
		return 0, Error(flag + " " + s + ": give a number from 1 to " + itoa(maxCount))
	}
	return n, nil
}
