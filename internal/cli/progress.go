package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"edgec"
)

// progress shows what a search is doing: each finished stage as a line, and on
// a terminal a bar below.
type progress struct {
	w        io.Writer
	terminal bool
	bar      *progressbar.ProgressBar // of the current stage; nil between stages
	stage    string
	total    int
	started  time.Time
}

// newProgress shows progress on standard error, or nowhere with --quiet.
func (a *app) newProgress() *progress {
	p := &progress{w: a.stderr, started: time.Now()}
	if a.quiet {
		p.w = io.Discard
	} else if f, ok := a.stderr.(*os.File); ok {
		p.terminal = term.IsTerminal(int(f.Fd()))
	}
	return p
}

// tell is the progress function of edgec.Compress.
func (p *progress) tell(e edgec.Progress) {
	if e.Note != "" {
		p.clear()
		fmt.Fprintf(p.w, "%8s  %-13s  %s\n", time.Since(p.started).Round(100*time.Millisecond), e.Stage, e.Note)
		return
	}
	if !p.terminal || e.Total <= 0 {
		return
	}
	if p.bar == nil || p.stage != e.Stage || p.total != e.Total {
		p.clear()
		p.stage, p.total = e.Stage, e.Total
		p.bar = progressbar.NewOptions(e.Total, progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(e.Stage),
			progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	}
	p.bar.Set(e.Done) // ignore terminal write errors
}

// clear takes the bar away.
func (p *progress) clear() {
	if p.bar != nil {
		p.bar.Clear()
		p.bar = nil
	}
}
