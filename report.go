package edgec

import (
	"time"

	"edgec/internal/search"
	"edgec/runtime/format"
)

// Report is what Compress found.
type Report struct {
	Model       string   `json:"model"`                 // name of the network
	Options     Options  `json:"options"`               // what was asked for
	Teacher     string   `json:"teacher,omitempty"`     // the name of another network that was imitated
	TrainedOn   bool     `json:"trained_on_data"`       // the float network knows the training data; see Compress
	Task        string   `json:"task"`                  // what the metric counts; see Metrics
	FloatBytes  int      `json:"file_bytes"`            // of the file that was read
	FloatParams int      `json:"file_params"`           // weights and biases
	FloatMACs   int64    `json:"file_macs"`             // multiplications of an inference
	Float       Metrics  `json:"float"`                 // the float network, what drops are taken from
	FloatOnTest bool     `json:"float_on_test"`         // Float is of the test part, since the network knows the samples that files are measured on
	Test        *Tested  `json:"test,omitempty"`        // on the test part, measured once at the end
	Best        File     `json:"best,omitzero"`         // the answer; none if no file met the options
	Front       []File   `json:"front"`                 // Pareto front of size and held-out drop, by size
	Tried       []File   `json:"tried"`                 // every file that was made, in order
	Stages      []Stage  `json:"stages"`                // what the search did
	Warnings    []string `json:"warnings,omitempty"`    // what makes the figures doubtful, and what to check
	Advice      []string `json:"advice,omitempty"`      // what would make the answer better, as far as the search knows
	Interrupted string   `json:"interrupted,omitempty"` // why the search ended early; "": it did not
	Seconds     float64  `json:"seconds"`               // that the search took
}

// Tested compares the float network with the answer on the test part.
type Tested struct {
	Float Metrics `json:"float"`      // of the float network
	File  Metrics `json:"compressed"` // of the answer
}

// File is one compressed file, measured by the runtime.
type File struct {
	Size      int           `json:"bytes"`                // of the file
	Drop      float64       `json:"drop"`                 // against the float network, on the samples that decide, in points
	DropError float64       `json:"drop_error"`           // standard error of Drop
	Margin    float64       `json:"margin"`               // that the answer keeps where it can, in points: DropError and a correction for what the float network knows of these samples
	Metrics   Metrics       `json:"metrics"`              // on the same samples
	Kept      int           `json:"kept"`                 // weights and biases that are not zero
	Weights   int           `json:"weights"`              // weights and biases in the file's shapes, zeros included
	MACs      int64         `json:"macs"`                 // multiplications of an inference with the file's shapes
	Latency   time.Duration `json:"latency_ns,omitempty"` // median of an inference on this machine; 0: not measured, see Options.MaxLatency
	Centroids int           `json:"centroids"`            // of the largest codebook; 0: none
	Sizes     *format.Sizes `json:"sizes"`                // where the bytes went
	Meets     bool          `json:"meets"`                // the options
	Why       string        `json:"why,omitempty"`        // it is the answer, or why not
	Bytes     []byte        `json:"-"`                    // the file itself
}

// Stage is one step of the search.
type Stage struct {
	Name     string  `json:"name"`           // of the stage, as progress shows it
	Params   int     `json:"params"`         // weights and biases in the shapes after it
	Kept     int     `json:"kept"`           // those that are kept
	MACs     int64   `json:"macs"`           // multiplications of an inference after it
	Drop     float64 `json:"drop"`           // held out
	Accepted bool    `json:"accepted"`       // the search went on from it, or the file meets the options
	Note     string  `json:"note,omitempty"` // what else happened
	Seconds  float64 `json:"seconds"`        // that it took
}

// The tasks that Metrics.Task names.
const (
	// TaskAccuracy counts the samples whose largest output is not the label.
	TaskAccuracy = "accuracy"
	// TaskAgreement counts the samples whose largest output is not the float
	// network's; for classifiers without labels.
	TaskAgreement = "agreement"
	// TaskReconstruction is the mean square distance between output and input,
	// 100 for the float network; for networks that reproduce their input.
	TaskReconstruction = "reconstruction"
	// TaskFidelity is the mean square distance between the outputs y of the
	// network and f of the float network, in percent of the float network's own
	// distance from the input x: 100 mean |y - f|^2 / mean |f - x|^2; for networks
	// that reproduce their input, when labels are left aside.
	TaskFidelity = "fidelity"
	// TaskRegression is the part of the variance of target values that the outputs
	// do not explain, 100 (1 - R2) percent.
	TaskRegression = "regression"
	// TaskYesNo is the balanced error of a network of one output: the mean of the
	// error rates of the two classes.
	TaskYesNo = "yes or no"
	// TaskVectors is the mean square distance of the outputs from the float
	// network's, in percent of their variance; for networks without labels and
	// classes.
	TaskVectors = "vectors"
	// TaskNextToken is the cross-entropy with the next token at each position, in
	// hundredths of a nat: a point is about a percent of the perplexity.
	TaskNextToken = "next token"
	// TaskPositions counts the positions whose largest output is not the label.
	TaskPositions = "position accuracy"
	// TaskPositionAgreement is TaskPositions with the float network's answers for labels.
	TaskPositionAgreement = "position agreement"
)

// Metrics measures a network on a set of samples.
type Metrics struct {
	Task     string  `json:"task"`                     // what Error counts
	N        int     `json:"samples"`                  // measured
	Error    float64 `json:"error"`                    // in percent; lower is better
	Accuracy float64 `json:"accuracy,omitempty"`       // percent that are right, of samples or of positions
	Chance   float64 `json:"chance,omitempty"`         // error in percent of the best answer that does not look at the input
	R2       float64 `json:"r2,omitempty"`             // of regression, 1 - Error/100
	MAE      float64 `json:"mae,omitempty"`            // of regression, the mean absolute error in units of the targets
	AUC      float64 `json:"auc,omitempty"`            // of yes or no, the area under the ROC curve
	Bits     float64 `json:"bits_per_token,omitempty"` // of the next token, the cross-entropy in bits a token
	Whole    float64 `json:"whole,omitempty"`          // of classes at positions, the percent of samples all of whose positions are right
	Cosine   float64 `json:"cosine,omitempty"`         // of vectors, the mean cosine of the angle to the float network's outputs
	Hint     string  `json:"hint,omitempty"`           // of accuracy, another order of the classes in which the outputs are right
}

// newReport puts a result into the words of this package.
func newReport(m *Model, o Options, r *search.Result) *Report {
	report := &Report{
		Model: m.Name, Options: o, TrainedOn: r.TrainedOn, Task: r.Float.Task,
		FloatBytes: m.Bytes, FloatParams: m.Params(), FloatMACs: m.MACs(), Float: Metrics(r.Float), FloatOnTest: r.FloatOnTest,
		Front: files(search.Pareto(r.Candidates)), Tried: files(r.Candidates), Warnings: r.Warnings, Advice: r.Advice, Interrupted: r.Interrupted, Seconds: r.Time.Seconds(),
	}
	if o.Teacher != nil {
		report.Teacher = o.Teacher.Name
	}
	if r.Best.Bytes != nil {
		report.Best = newFile(r.Best)
	}
	if r.Test != nil {
		report.Test = &Tested{Float: Metrics(r.Test.Float), File: Metrics(r.Test.File)}
	}
	for _, s := range r.Steps {
		report.Stages = append(report.Stages, Stage{
			Name: s.Name, Params: s.Shape.Params, Kept: s.Shape.Kept, MACs: s.Shape.MACs,
			Drop: s.Drop, Accepted: s.Accepted, Note: s.Note, Seconds: s.Time.Seconds(),
		})
	}
	return report
}

func files(cs []search.Candidate) []File {
	var fs []File
	for _, c := range cs {
		fs = append(fs, newFile(c))
	}
	return fs
}

func newFile(c search.Candidate) File {
	return File{
		Size: c.Size(), Drop: c.Drop, DropError: c.Error, Margin: c.Margin, Metrics: Metrics(c.Metrics),
		Kept: c.Shape.Kept, Weights: c.Shape.Params, MACs: c.Shape.MACs, Latency: c.Latency, Centroids: c.Shape.Centroids,
		Sizes: c.Sizes, Meets: c.Meets, Why: c.Why, Bytes: c.Bytes,
	}
}
