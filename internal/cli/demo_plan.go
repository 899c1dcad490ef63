package cli

import (
	"fmt"
	"strings"
	"time"

	"edgec/internal/demo"
	"edgec/targets"
)

// searchPictures is the number of pictures that the demo's search for a size
// trains on, at an effort of 1 and the default number of samples: 120,000 to find
// a learning rate, 600,000 in each of two rounds of pruning, 40 times the 36,667
// training samples in the one-shot run, 1,200,000 in fine-tuning.
const searchPictures = 4_000_000

// restPictures is the time of everything else, in pictures: drawing 44,000,
// rounding, building three programs with an empty build cache.
const restPictures = 500_000

// announce says what the demo will do and how long that takes, before it does
// any of it.
func (a *app) announce(d *demoFlags, boards []targets.Board) error {
	if a.quiet {
		return nil
	}
	var names []string
	for _, b := range boards {
		names = append(names, b.Name)
	}
	r := &d.options
	var goals []string
	if r.MaxSize > 0 {
		goals = append(goals, fmt.Sprintf("at most %s bytes", thousands(r.MaxSize)))
	}
	if r.MaxDrop != nil {
		goals = append(goals, fmt.Sprintf("a loss of at most %v points", *r.MaxDrop))
	}
	a.note("this demo draws %s pictures, compresses a trained network of %s bytes to %s, builds programs for %s, and runs what this machine can", thousands(d.samples+d.samples/10), thousands(len(demo.ONNX)), strings.Join(goals, " and "), strings.Join(names, ", "))
	speed, err := demo.Speed(d.threads())
	if err != nil {
		return err
	}
	cores := "a core"
	if n := d.threads(); n > 1 {
		cores = fmt.Sprintf("%d cores", n)
	}
	a.note("that takes %s on %s, as fast as this machine is now; Ctrl-C ends the search", d.forecast(speed), cores)
	return nil
}

// forecast is how long the demo takes on a machine that trains on a picture in
// the given time.
func (d *demoFlags) forecast(picture time.Duration) string {
	r := &d.options
	passes := min(1, float64(d.samples)/demoSamples) // few samples are not trained on more often
	long := time.Duration((r.Effort*passes*searchPictures + restPictures) * float64(picture))
	least := ""
	switch {
	case r.Budget > 0 && r.Budget < long:
		long = r.Budget
	case r.MaxDrop != nil:
		least = "at least " // sizes are tried until one has the loss
	}
	if long < time.Minute {
		return fmt.Sprintf("%sabout %d seconds", least, max(10, int(long.Round(10*time.Second).Seconds())))
	}
	minutes := int(long.Round(time.Minute).Minutes())
	if minutes == 1 {
		return least + "about a minute"
	}
	return fmt.Sprintf("%sabout %d minutes", least, minutes)
}
