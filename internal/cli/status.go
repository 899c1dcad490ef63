package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
)

// status is what the line below the finished steps says.
type status struct {
	number, of  int           // of the stage; of 0: it has none
	doing       string        // in words
	done, total int           // parts; total 0: they are not counted
	left        time.Duration // 0: not known
	budget      bool          // left is of a budget, and no estimate
	search      bool          // left is of the search alone, after which more comes
	took        time.Duration // so far, shown where no parts are counted
}

// doing says in words what a step of a search does.
var doing = map[string]string{
	"measure": "measuring", "round": "rounding", "lambda": "rounding", "tune": "training", "trial": "training", "learning rate": "training",
	"pooling": "training", "channels": "training", "prune": "pruning", "one-shot": "pruning", "order": "ordering",
}

// Widths of the bar.
const leastBar, mostBar = 8, 30

// line lays the status out in at most width columns: with a bar where parts are
// counted, and with fewer words where there is little room.
func (s status) line(width int) string {
	const percent = len("  100% ||")
	text := s.words(width - 1)
	if s.total <= 0 {
		return text
	}
	for _, t := range s.variants() {
		if text = t; columns(text)+percent+leastBar < width {
			break
		}
	}
	bar := progressbar.NewOptions(s.total, progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetDescription(text),
		progressbar.OptionSetWidth(max(0, min(mostBar, width-1-columns(text)-percent))), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetRenderBlankState(true))
	bar.Set(min(s.done, s.total)) // its writer never fails
	return strings.Trim(bar.String(), "\r ")
}

// words is the longest variant that fits, with the time that it took so far.
func (s status) words(width int) string {
	took := ""
	if s.took >= time.Second {
		took = fmt.Sprintf(", %s so far", duration(s.took))
	}
	for _, t := range s.variants() {
		for _, end := range []string{took, ""} {
			if columns(t+end) <= width {
				return t + end
			}
		}
	}
	return ""
}

// variants are the words of the status, from many to few.
func (s status) variants() []string {
	left := ""
	if s.left > 0 {
		left = ", " + s.remaining()
	}
	if s.of == 0 {
		return []string{s.doing + left, s.doing}
	}
	n := fmt.Sprintf("%d of %d", s.number, s.of)
	doing := fmt.Sprintf("stage %s: %s", n, s.doing)
	return []string{doing + left, doing, n + left, n}
}

// remaining says how much time is left.
func (s status) remaining() string {
	switch {
	case s.budget:
		return duration(s.left) + " of the budget left"
	case s.search:
		return roughly(s.left) + " of the search left"
	}
	return roughly(s.left) + " left"
}

// roughly says a time that is an estimate, with one or two digits.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return "a few seconds"
	case d < 55*time.Second:
		return fmt.Sprintf("about %d s", int(d.Round(10*time.Second).Seconds()))
	case d < 90*time.Second:
		return "about a minute"
	case d < 20*time.Minute:
		return fmt.Sprintf("about %d min", int(d.Round(time.Minute).Minutes()))
	case d < 90*time.Minute:
		return fmt.Sprintf("about %d min", int(d.Round(5*time.Minute).Minutes()))
	}
	return fmt.Sprintf("about %.1f h", d.Hours())
}

// duration says a time that was measured.
func duration(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
