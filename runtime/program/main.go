package program

import (
	"io"
	"math"
	"strings"

	"edgec/runtime/internal/sys"
	"edgec/runtime/internal/text"
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
	usageGenerate = `  --generate N   a language model: go on with a text by N tokens, printed as they
                 come; --prompt-ids 1,2 or --prompt TEXT begins it; --temperature T
                 (default 1; 0: the likeliest), --top-k K (the K likeliest),
                 --seed S choose; --stop-ids 1,2 ends it
`
	usageBench = `  --bench [N]    measure the time of an inference, over N runs, or over 10 s and at least
                 50 runs; --duration 30s: over that time
  --layers       with --bench: the time of each layer too
`
	usageEnd = `  --until-eof    end when standard input does, whatever is still to do: for a program that
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
	s := usageFiles + reads() + usageResults
	if preprocess.Pictures {
		s += usageInvert + usageStream + usageIdx
	} else {
		s += usageStream
	}
	if generates {
		s += usageGenerate
	}
	if measures {
		s += usageBench
	}
	return s + usageEnd
}

// Main does what args ask for and returns the exit code, 1 after an error, which takes one line of
// stderr, and with --json one of stdout too.
func (p Program) Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	name := "edgec"
	if len(args) > 0 {
		name = base(args[0])
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

// base returns the name of a file without its folders.
func base(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' || path[i] == '\\' {
			return path[i+1:]
		}
	}
	return path
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
		name := o.name
		for strings.HasPrefix(name, "--") {
			name = name[1:]
		}
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
	default:
		known, err := j.generation(name, o)
		if !known {
			known, err = j.measurement(name, o)
		}
		if !known {
			err = Error("unknown option " + o.name + "; see --help")
		}
		return err
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

// limit takes a value that is a positive number of 63 bits.
func (o *option) limit() (int64, error) {
	s, err := o.text()
	if err != nil {
		return 0, err
	}
	n, ok := text.Uint(s)
	if !ok || n < 1 || n > math.MaxInt64 {
		return 0, Error(o.name + " " + s + ": give a number from 1 on")
	}
	return int64(n), nil
}

// maxCount bounds the numbers of the options.
const maxCount = 1_000_000

func count(flag, s string) (int, error) {
	n, ok := text.Int(s)
	if !ok || n < 1 || n > maxCount {
		return 0, Error(flag + " " + s + ": give a number from 1 to " + itoa(maxCount))
	}
	return n, nil
}
