package program

import (
	"io"
	"strconv"
	"strings"

	"edgec/runtime/internal/sys"
	"edgec/runtime/preprocess"
)

// The parts of the help: what a program without pictures does not have is left out.
const (
	usageFiles = ` [options] [FILE ...]

Executes its model on each FILE (`
	usageResults = `) or on standard input
and prints the label, or number, of the largest output, its score and, if the
model is a classifier, its probability. A model with several inputs takes a FILE
for each, sample after sample.

  --top N        print the N largest outputs
  --probability  the model is a classifier: print probabilities
  --json         print JSON, one value a line
  --raw          print the bytes of the outputs, little endian
`
	usageInvert = `  --invert       pictures: light becomes dark
`
	usageStream = `  --stream       each FILE is an .npy array of samples, which are executed in a row:
                 a model with state carries it, and begins anew with each FILE
`
	usageIdx = `  --idx FILE     execute every picture of an idx file (.gz too), print counts
                 and a checksum of all outputs; with --labels FILE the accuracy
`
	usageRest = `  --generate N   a language model: go on with a text by N tokens, printed as they
                 come; --prompt-ids 1,2 or --prompt TEXT begins it; --temperature T
                 (default 1; 0: the likeliest), --top-k K (the K likeliest),
                 --seed S choose; --stop-ids 1,2 ends it
  --bench [N]    measure the time of an inference, over N runs, or over 10 s and at least
                 50 runs; --duration 30s: over that time
  --layers       with --bench: the time of each layer too
  --until-eof    end when standard input does, whatever is still to do: for a program that
                 another machine has started, and whose connection may be lost
  --selftest     prove that this machine computes what the host computed
  --info         describe the model
  --version      which edgec, model and toolchain made the program
  --patch DELTA  print the file that DELTA, of edgec diff, makes of FILE
  --model FILE   use this .edgec file instead of the program's own; one with other
                 kinds of layers needs a program of edgec build --any-model
  --max-memory N refuse a model whose memory beside the weights is larger, in
                 bytes (default 268435456)
  --max-work N   refuse a model that takes more multiplications and other steps
                 for each FILE (default 10000000000)
`
)

// usage is the help after the name of the program.
func usage() string {
	if preprocess.Pictures {
		return usageFiles + reads() + usageResults + usageInvert + usageStream + usageIdx + usageRest
	}
	return usageFiles + reads() + usageResults + usageStream + usageRest
}

// Main does what args ask for and returns the exit code, 1 after an error, which takes one line of
// stderr, and with --json one of stdout too.
func (p Program) Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	name := "edgec"
	if len(args) > 0 {
		name = args[0][strings.LastIndexAny(args[0], `/\`)+1:]
		args = args[1:]
	}
	j := &Job{Model: p.Model, Stdin: stdin, Stdout: stdout, Generation: Generation{Temperature: 1}}
	help, err := j.parse(args)
	switch {
	case err != nil:
	case j.Action == version:
		err = j.version(p)
	case !help && j.Action == patch:
		err = j.patch()
	case help, j.Model == nil:
		io.WriteString(stdout, "usage: "+name+usage())
		return 0
	default:
		if j.untilEOF {
			go endAtEOF(stdin)
		}
		if j.Action == Info {
			j.provenance = p.json()
		}
		err = j.Do()
	}
	if err != nil {
		io.WriteString(stderr, Printable(name+": "+err.Error())+"\n")
		if j.JSON {
			io.WriteString(stdout, Schema+`"error":{"message":`+string(jsonString(err.Error()))+`,"exit_code":1}}`+"\n")
		}
		return 1
	}
	return 0
}

// endAtEOF ends the process when there is nothing more to read.
func endAtEOF(stdin io.Reader) {
	for b := make([]byte, 1); ; { // io.Copy would make the program larger
		if _, err := stdin.Read(b); err != nil {
			sys.Exit(1)
		}
	}
}

// Start is the main function of a device program: Main with the arguments and the streams of the
// process, which it ends.
func (p Program) Start() {
	args, err := sys.Args()
	if err != nil {
		sys.Stderr.Write([]byte(err.Error() + "\n"))
		sys.Exit(1)
	}
	sys.Exit(p.Main(args, sys.Stdin, sys.Stdout, sys.Stderr))
}

// parse reads the options; help reports that they ask for the usage.
func (j *Job) parse(args []string) (help bool, err error) {
	for len(args) > 0 {
		o := option{rest: args[1:]}
		o.name, o.value, o.given = strings.Cut(args[0], "=")
		name := "-" + strings.TrimLeft(o.name, "-")
		switch {
		case !strings.HasPrefix(o.name, "-") || o.name == "-":
			j.Files = append(j.Files, args[0])
		case name == "-h" || name == "-help":
			return true, nil
		case j.turnOn(name):
		default:
			if err := j.assign(name, &o); err != nil {
				return false, err
			}
		}
		args = o.rest
	}
	if j.Action == Bench && j.Timing.Runs == 0 && j.Timing.Duration == 0 {
		j.Timing.Duration = boardDuration
	}
	return false, nil
}

// turnOn does what an option without a value asks for; it reports whether name
// is one.
func (j *Job) turnOn(name string) bool {
	switch name {
	case "-json":
		j.JSON = true
	case "-raw":
		j.Raw = true
	case "-invert":
		j.Invert = true
	case "-probability":
		j.Probability = true
	case "-selftest":
		j.Action = SelfTest
	case "-info":
		j.Action = Info
	case "-version", "-v":
		j.Action = version
	case "-stream":
		j.Action = Stream
	case "-layers":
		j.Timing.Layers = true
	case "-until-eof":
		j.untilEOF = true
	default:
		return false
	}
	return true
}

// assign does what an option with a value asks for.
func (j *Job) assign(name string, o *option) (err error) {
	switch name {
	case "-top":
		j.Top, err = o.count()
	case "-generate":
		j.Action = Generate
		j.Generation.Tokens, err = o.count()
	case "-prompt-ids":
		j.Generation.Prompt, err = o.numbers()
	case "-stop-ids":
		j.Generation.Stop, err = o.numbers()
	case "-prompt":
		j.Generation.Text, err = o.text()
	case "-temperature":
		j.Generation.Temperature, err = o.real()
	case "-top-k":
		j.Generation.TopK, err = o.count()
	case "-seed":
		j.Generation.Seed, err = o.seed()
	case "-max-memory":
		j.Limits.Memory, err = o.limit()
	case "-max-work":
		j.Limits.Work, err = o.limit()
	case "-labels":
		j.Labels, err = o.text()
	case "-idx":
		j.Action = Idx
		var file string
		file, err = o.text()
		j.Files = append(j.Files, file)
	case "-model":
		var path string
		if path, err = o.text(); err == nil {
			if j.Model, err = sys.ReadFile(path); err != nil {
				err = Error(path + ": " + err.Error())
			}
		}
	case "-patch":
		j.Action = patch
		j.delta, err = o.text()
	case "-bench":
		j.Action = Bench
		j.Timing.Runs, err = o.maybeCount()
	case "-duration":
		j.Timing.Duration, err = o.duration()
	default:
		err = Error("unknown option " + o.name + "; see --help")
	}
	return err
}

// option is an option as it was written, NAME or NAME=VALUE, and the arguments
// after it, of which the first may be its value.
type option struct {
	name, value string
	given       bool // with =
	rest        []string
}

// text takes the value.
func (o *option) text() (string, error) {
	if o.given {
		return o.value, nil
	}
	if len(o.rest) == 0 {
		return "", Error(o.name + " needs a value; see --help")
	}
	s := o.rest[0]
	o.rest = o.rest[1:]
	return s, nil
}

// count takes a value that is a number of something.
func (o *option) count() (int, error) {
	s, err := o.text()
	if err != nil {
		return 0, err
	}
	return count(o.name, s)
}

// maybeCount takes a value that is a number of something; without one it returns 0.
func (o *option) maybeCount() (int, error) {
	if o.given || len(o.rest) > 0 && number(o.rest[0]) > 0 {
		return o.count()
	}
	return 0, nil
}

// limit takes a value that is a positive number of 63 bits.
func (o *option) limit() (int64, error) {
	s, err := o.text()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, Error(o.name + " " + s + ": give a number from 1 on")
	}
	return n, nil
}

// numbers takes a value that is a list of numbers from 0 on, separated by commas.
func (o *option) numbers() (list []int, err error) {
	s, err := o.text()
	for _, part := range strings.Split(s, ",") {
		n, wrong := strconv.Atoi(part)
		if err == nil && (wrong != nil || n < 0) {
			err = Error(o.name + " " + s + ": give numbers from 0 on, separated by commas")
		}
		list = append(list, n)
	}
	return list, err
}

// real takes a value that is a number from 0 to 100.
func (o *option) real() (float64, error) {
	s, err := o.text()
	v, wrong := strconv.ParseFloat(s, 64)
	if err == nil && (wrong != nil || !(v >= 0 && v <= 100)) {
		err = Error(o.name + " " + s + ": give a number from 0 to 100")
	}
	return v, err
}

// duration takes a value that is a time of at most an hour, in nanoseconds.
func (o *option) duration() (ns int64, err error) {
	s, err := o.text()
	if err != nil {
		return 0, err
	}
	for _, unit := range []struct {
		name string
		ns   float64
	}{{"ms", 1e6}, {"s", second}, {"m", 60 * second}, {"h", 3600 * second}} {
		number, ok := strings.CutSuffix(s, unit.name)
		if v, err := strconv.ParseFloat(number, 64); ok && err == nil && v*unit.ns >= 1 && v*unit.ns <= MaxDuration {
			return int64(v * unit.ns), nil
		}
	}
	return 0, Error(o.name + " " + s + ": give a time up to an hour with its unit, such as 10s")
}

// seed takes a value that is a number of 64 bits.
func (o *option) seed() (uint64, error) {
	s, err := o.text()
	n, wrong := strconv.ParseUint(s, 10, 64)
	if err == nil && wrong != nil {
		err = Error(o.name + " " + s + ": give a number from 0 on")
	}
	return n, err
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
