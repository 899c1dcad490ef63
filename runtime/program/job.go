package program

import (
	"io"
	"strconv"

	"edgec/runtime"
	"edgec/runtime/internal/sys"
)

// Error is a failure of the program, in one line.
type Error string

// Error returns the line.
func (e Error) Error() string { return string(e) }

// Action is what a Job does.
type Action int

// The actions.
const (
	Classify Action = iota // execute Files, print the largest elements of every output
	Bench                  // measure the latency
	SelfTest               // prove that this machine computes what the host computed
	Info                   // describe the model
	Generate               // go on with a text, see Generation
	Stream                 // execute the samples of arrays in a row, carrying the state
	Idx                    // execute every picture of an idx file, print counts and a checksum

	version Action = -1 // of a program
	patch   Action = -2 // make a file out of another one by a delta
)

// Job is one use of a model. The zero value of a field is its default.
type Job struct {
	Action      Action         // what to do
	Model       []byte         // a compressed file
	Files       []string       // pictures (PNG, JPEG), .npy, raw, one for each input of the model, sample after sample; "-", or none for a model with one input: Stdin. Idx: one idx file
	Labels      string         // Idx: the idx file of the labels; "": no accuracy
	Top         int            // Classify: how many elements of an output to print, largest first; 0: one
	Timing      Timing         // Bench: how
	Invert      bool           // pictures: 255 - byte, for dark on light where the network wants light on dark
	JSON        bool           // print JSON, one value a line
	Probability bool           // Classify: the model is a classifier, also where the file does not say so: print probabilities
	Raw         bool           // Classify: print the bytes of the outputs, in their order, as they are (little endian)
	Generation  Generation     // Generate: how
	Limits      runtime.Config // of memory and work; the error about one says how --max-memory or --max-work raises it
	Stdin       io.Reader      // read for the file "-"
	Stdout      io.Writer      // gets the results
	provenance  []byte         // Info: what the program was made of, in JSON; nil: not known
	Note        func(string)   // is told in a line what files were read as; nil: nobody is

	untilEOF bool   // end the process when standard input ends
	delta    string // patch: the file with the delta
}

// Do does the job. An error takes one line and names the file that it is about.
func (j *Job) Do() error {
	started := sys.Now()
	if err := j.unused(); err != nil {
		return err
	}
	m, err := runtime.Load(j.Model)
	if err != nil {
		return err
	}
	switch j.Action {
	case Bench:
		return j.bench(m, started)
	case SelfTest:
		return j.selfTest(m)
	case Info:
		return j.info(m)
	case Idx:
		return j.idx(m)
	case Generate:
		return j.generate(m)
	case Stream:
		return j.stream(m)
	}
	return j.classify(m)
}

// unused refuses options and files that the action would ignore.
func (j *Job) unused() error {
	actions := [...]string{Bench: "--bench", SelfTest: "--selftest", Info: "--info", Generate: "--generate", Stream: "--stream", Idx: "--idx"}
	prints := j.Action == Classify || j.Action == Stream
	for _, o := range []struct {
		name  string
		given bool
	}{
		{"--top", j.Top > 1 && !prints},
		{"--probability", j.Probability && !prints},
		{"--raw", j.Raw && !prints},
		{"--invert", j.Invert && j.Action != Classify && j.Action != Idx},
	} {
		if o.given {
			return Error(o.name + " changes nothing of " + actions[j.Action] + "; leave it out")
		}
	}
	if n := len(j.Files); n > 0 && j.Action != Idx && !prints {
		return Error(actions[j.Action] + " takes no files; leave " + display(j.Files[0]) + " out")
	}
	return nil
}

// session makes a session of m under the job's limits.
func (j *Job) session(m *runtime.Model) (*runtime.Session, error) {
	s, err := m.NewSession(j.Limits)
	return s, Remedy(err)
}

// Remedy returns err or, of a limit that a network passes, an error that names the option
// that raises it.
func Remedy(err error) error {
	e, ok := err.(runtime.LimitError)
	if !ok {
		return err
	}
	return Error(e.What() + "; --max-" + lower(e.Field) + " " + strconv.FormatInt(e.Need, 10) + " allows it")
}

// lower makes the capitals of a field's name small letters.
func lower(field string) string {
	b := []byte(field)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// classify executes every sample, a file for each input, and prints a line, or lines,
// for each.
func (j *Job) classify(m *runtime.Model) error {
	s, err := j.session(m)
	if err != nil {
		return err
	}
	files := j.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	info, pre := m.Info(), m.Preprocess()
	var all source
	given := givenInputs(info)
	n := len(given)
	if n == 0 {
		return Error("all inputs of the model are outputs of the run before; no file goes into it")
	}
	if len(files)%n != 0 {
		return Error("the model has " + itoa(n) + " inputs" + besideState(info) + "; give a file for each, sample after sample, not " + itoa(len(files)))
	}
	for ; len(files) > 0; files = files[n:] {
		var from source
		for k, name := range files[:n] {
			i := given[k]
			data, err := j.read(name, info.Inputs[i])
			if err == nil {
				err = j.set(s, i, info, data, pre.ChannelsLast, &from)
			}
			if err != nil {
				return Error(display(name) + ": " + err.Error())
			}
		}
		s.Run()
		if err := j.print(files[:n], info, s, from.json(pre)); err != nil {
			return err
		}
		all.add(from)
	}
	if j.Note != nil {
		j.Note(all.line(info.Inputs[0], pre))
	}
	return nil
}

// maxFile bounds the bytes of a picture's file, and of others of a small input.
const maxFile = 64 << 20

// read returns the contents of a file for an input of that shape: at most maxFile, or what
// an array of float64 takes with its header.
func (j *Job) read(name string, shape []int) ([]byte, error) {
	from := j.Stdin
	if name != "-" {
		f, err := sys.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	const npyHead = 1 << 17
	n := 8
	for _, d := range shape {
		n *= d
	}
	most := max(maxFile, n+npyHead)
	data, err := io.ReadAll(io.LimitReader(from, int64(most)+1))
	if e, ok := err.(interface{ Unwrap() error }); ok { // the caller names the file
		err = e.Unwrap()
	}
	if err == nil && len(data) > most {
		return nil, Error("has more than " + itoa(most) + " bytes, too many for this input; give a PNG, JPEG, .npy or raw file of one sample")
	}
	return data, err
}

func (j *Job) selfTest(m *runtime.Model) error {
	s, err := j.session(m)
	if err == nil {
		err = s.SelfTest()
	}
	if err != nil {
		return err
	}
	if j.JSON {
		return j.write([]byte(Schema + "\"selftest\":\"passed\"}\n"))
	}
	return j.write([]byte("self-test passed: this machine computes what the host computed\n"))
}

func (j *Job) write(b []byte) error {
	_, err := j.Stdout.Write(b)
	return err
}

func display(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}
