package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"edgec/internal/dataset"
	"edgec/internal/demo"
	"edgec/runtime/program"
	"edgec/targets"
)

// demoRun is what one program computed.
type demoRun struct {
	SelfTest string        `json:"selftest"`
	Idx      demoIdx       `json:"idx"`      // of all pictures of the test part
	Pictures []demoPicture `json:"pictures"` // of the PNG files
}

// demoIdx is the JSON of --idx.
type demoIdx struct {
	Pictures int     `json:"samples"`
	CRC32    string  `json:"crc32"` // of all outputs
	Errors   int     `json:"errors"`
	Accuracy float64 `json:"accuracy"` // percent
}

// demoPicture is the JSON of a picture, without the outputs.
type demoPicture struct {
	File string `json:"file"`
	Top  []struct {
		Index int     `json:"index"`
		Label string  `json:"label"`
		Score float64 `json:"score"`
	} `json:"top"`
}

// test names the files of the test part.
func (r *demoResult) test() (images, labels string) {
	return filepath.Join(r.Data, "t10k-images-idx3-ubyte.gz"), filepath.Join(r.Data, "t10k-labels-idx1-ubyte.gz")
}

// inProcess executes the compressed file by the code of the device programs,
// within edgec.
func inProcess(r *demoResult) (*demoRun, error) {
	images, labels := r.test()
	return demoRuns(func(j program.Job) ([]byte, error) {
		var out bytes.Buffer
		j.Model, j.JSON, j.Stdout = r.Compress.Best.Bytes, true, &out
		if j.Action == program.Idx {
			j.Files, j.Labels = []string{images}, labels
		}
		err := j.Do()
		return out.Bytes(), err
	}, r.Pictures)
}

// executed executes the program at path, after the words of an emulator.
func executed(ctx context.Context, words []string, path string, r *demoResult) (*demoRun, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	images, labels := r.test()
	return demoRuns(func(j program.Job) ([]byte, error) {
		args := append(append(append([]string{}, words...), path, "--json"), j.Files...)
		switch j.Action {
		case program.SelfTest:
			args = append(args, "--selftest")
		case program.Idx:
			args = append(args, "--idx", images, "--labels", labels)
		}
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(errs.Bytes()))
		}
		return out, nil
	}, r.Pictures)
}

// demoRuns asks for self-test, pictures and the whole test part.
func demoRuns(do func(program.Job) ([]byte, error), pictures []string) (*demoRun, error) {
	r := &demoRun{}
	var self struct {
		SelfTest string `json:"selftest"`
	}
	for _, task := range []struct {
		job  program.Job
		into func(*json.Decoder) error
	}{
		{program.Job{Action: program.SelfTest}, func(d *json.Decoder) error { return d.Decode(&self) }},
		{program.Job{Action: program.Idx}, func(d *json.Decoder) error { return d.Decode(&r.Idx) }},
		{program.Job{Files: pictures}, func(d *json.Decoder) error {
			for range pictures {
				var p demoPicture
				if err := d.Decode(&p); err != nil {
					return err
				}
				r.Pictures = append(r.Pictures, p)
			}
			return nil
		}},
	} {
		out, err := do(task.job)
		if err != nil {
			return nil, err
		}
		if err := task.into(json.NewDecoder(bytes.NewReader(out))); err != nil {
			return nil, fmt.Errorf("unexpected output %q: %w", out, err)
		}
	}
	r.SelfTest = self.SelfTest
	return r, nil
}

// ownBoard is the row of the table that stands for this machine, "" if there is none.
func ownBoard() string {
	name := goruntime.GOOS + "-" + goruntime.GOARCH
	if goruntime.GOARCH == "arm" {
		name = "linux-armv6"
	}
	if _, err := targets.Find(name); err != nil {
		return ""
	}
	return name
}

// emulator names the emulator and its CPU, without its folder.
func emulator(words []string) string {
	return strings.Join(append([]string{filepath.Base(words[0])}, words[1:]...), " ")
}

func under(emulator string) string {
	if emulator == "" {
		return ""
	}
	return " under " + emulator
}

// printDemo prints the result for people.
func (a *app) printDemo(r *demoResult, data *dataset.Splits) error {
	if err := a.summary(r.Compress); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nPrograms, each with model and runtime; the test part has %s pictures:\n", thousands(r.Here.Idx.Pictures))
	rows := []string{"  program\tbytes\texecuted\tself-test\ttest error\tchecksum"}
	line := func(name, size, how string, run *demoRun) {
		if run == nil {
			rows = append(rows, fmt.Sprintf("  %s\t%s\tno\t\t\t", name, size))
			return
		}
		rows = append(rows, fmt.Sprintf("  %s\t%s\t%s\t%s\t%.2f %%\t%s", name, size, how, run.SelfTest, 100*(float64(run.Idx.Errors)/float64(run.Idx.Pictures)), run.Idx.CRC32))
	}
	line("(edgec itself)", "", "here", &r.Here)
	missing := ""
	for _, p := range r.Programs {
		how := p.Under
		if how == "" {
			how = "here"
		}
		line(filepath.Base(p.Path), thousands(int(p.Size)), how, p.Run)
		if p.NotRun != "" {
			missing += fmt.Sprintf("%s was built and not executed: %s\n", filepath.Base(p.Path), p.NotRun)
		}
	}
	if err := a.tableWithout(rows, 1, 3); err != nil {
		return err
	}
	if missing != "" {
		fmt.Fprintf(a.stdout, "\n%sTo execute it here: sudo apt install qemu-user-static\n", missing)
	}
	if err := a.printPictures(r, data); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nEverything is in %s; try:\n", r.Folder)
	for _, c := range []string{
		"inspect " + r.Compress.Output,
		"run " + r.Compress.Output + " --top 3 " + r.Pictures[0],
		"eval " + r.Compress.Output + " --data " + r.Data + " --confusion",
		"build " + r.Compress.Output + " --target rpi-4",
	} {
		fmt.Fprintf(a.stdout, "  edgec %s\n", c)
	}
	return nil
}

// printPictures prints what the pictures were taken for. All programs that ran
// took them for the same.
func (a *app) printPictures(r *demoResult, data *dataset.Splits) error {
	var is, taken []string
	wrong := 0
	for i, p := range r.Here.Pictures {
		label := data.Test.Labels[i]
		is, taken = append(is, demo.Classes[label]), append(taken, p.Top[0].Label)
		if p.Top[0].Index != label {
			wrong++
		}
	}
	fmt.Fprintln(a.stdout)
	return a.table([]string{
		filepath.Join(filepath.Dir(r.Pictures[0]), "*.png") + "\t" + strings.Join(is, " "),
		fmt.Sprintf("were taken for\t%s, %d wrong", strings.Join(taken, " "), wrong),
	})
}
