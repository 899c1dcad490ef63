package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/fatih/color"

	"edgec"
)

// progress shows what a command is doing on standard error: each stage that begins and
// each step that has ended as a line, and on a terminal a status line below. Its methods
// may be called from several goroutines; of a nil progress they do nothing.
type progress struct {
	w       io.Writer
	screen  func() screen
	budget  bool // the time left is that of a budget
	later   int  // stages of the command after those of the search
	started time.Time

	mu     sync.Mutex
	status status
	number int       // of the stage that began last, and of all
	of     int       //
	since  time.Time // when what runs began
	drawn  time.Time // when the status line was drawn
	shown  bool      // it is on the screen
	stop   chan struct{}
}

// timed says that the time left is that of a budget, unless that is 0.
func (p *progress) timed(budget time.Duration) {
	if p != nil {
		p.budget = budget > 0
	}
}

// redraw is how often the status line is drawn where nothing else happens.
const redraw = time.Second

// newProgress shows progress on standard error, or nowhere with --quiet.
func (a *app) newProgress() *progress {
	if a.quiet {
		return nil
	}
	p := &progress{w: a.stderr, screen: func() screen { return a.screen(a.stderr) }, started: time.Now(), stop: make(chan struct{})}
	a.showing = p
	if p.screen().live {
		go p.tick(p.stop)
	}
	return p
}

// tick draws the status line again and again until the end.
func (p *progress) tick(stop <-chan struct{}) {
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// tell is the progress function of edgec.Compress.
func (p *progress) tell(e edgec.Progress) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := status{number: e.Number, of: e.Of, left: e.Left, budget: p.budget, search: p.later > 0, done: e.Done, total: e.Total}
	if e.Of > 0 {
		s.of += p.later
	}
	switch {
	case e.Title != "":
		p.begin(s, e.Title)
		return
	case e.Note != "":
		p.note(e)
		s.doing, s.done, s.total = p.status.doing, 0, 0
	default:
		s.doing = doing[e.Stage]
	}
	moved := s.doing != p.status.doing || s.number != p.status.number
	if moved {
		p.since = time.Now()
	}
	p.status = s
	if moved || time.Since(p.drawn) > 100*time.Millisecond {
		p.draw()
	}
}

// next begins a stage of the command after those of the search.
func (p *progress) next(doing, long string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin(status{number: p.number + 1, of: p.of}, doing+long)
	p.status.doing = doing
	p.draw()
}

// work says, before a silence, what takes long, and in the line above the status how long.
func (p *progress) work(doing, long string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin(status{}, doing+long)
	p.status.doing = doing
	p.draw()
}

// patience is how long a command may be silent.
const patience = time.Second

// slow says what takes long if it has not ended after a while.
func (p *progress) slow(doing string) {
	if p == nil {
		return
	}
	time.AfterFunc(patience, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.stop != nil {
			p.begin(status{}, doing)
		}
	})
}

// expect says how many stages come after those of the search.
func (p *progress) expect(stages int) {
	if p != nil {
		p.later = stages
	}
}

// doing says what the stage is doing now, below its line.
func (p *progress) doing(text string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note(edgec.Progress{Note: text})
	p.status.doing, p.status.done, p.status.total, p.since = text, 0, 0, time.Now()
	p.draw()
}

// steps is told how far the work is.
func (p *progress) steps(done, total int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.done, p.status.total = done, total
	if time.Since(p.drawn) > 100*time.Millisecond {
		p.draw()
	}
}

// begin prints the line of a stage that begins.
func (p *progress) begin(s status, title string) {
	p.wipe()
	at := p.screen()
	head, left := "edgec:", ""
	if s.of > 0 {
		head = fmt.Sprintf("stage %d of %d:", s.number, s.of)
	}
	if s.left > 0 {
		left = " (" + s.remaining() + ")"
	}
	line := wrap(head+" "+title+left, "  ", at.width)
	fmt.Fprintln(p.w, at.paint(head, color.Bold)+strings.TrimPrefix(line, head))
	s.doing, s.done, s.total = title, 0, 0
	p.number, p.of = s.number, s.of
	p.status, p.since = s, time.Now()
	p.draw()
}

// note prints the line of a step that has ended.
func (p *progress) note(e edgec.Progress) {
	p.wipe()
	at := p.screen()
	name := e.Stage
	if name == "stage" {
		name = "" // the text says so
	}
	head := fmt.Sprintf("%8s  ", time.Since(p.started).Round(100*time.Millisecond))
	text := wrap(head+strings.TrimSpace(fmt.Sprintf("%-13s  %s", name, e.Note)), strings.Repeat(" ", 12), at.width)
	if name == "warning" {
		text = at.paint(text, color.FgYellow)
	}
	fmt.Fprintln(p.w, text)
}

// draw draws the status line where there is a terminal.
func (p *progress) draw() {
	at := p.screen()
	if !at.live || p.status.doing == "" {
		return
	}
	p.drawn = time.Now()
	s := p.status
	s.took = time.Since(p.since)
	fmt.Fprint(p.w, "\r\x1b[K"+s.line(at.width))
	p.shown = true
}

// wipe takes the status line away.
func (p *progress) wipe() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// print prints a line of something else above the status line.
func (p *progress) print(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	fmt.Fprintln(p.w, line)
}

// end takes the status line away for good.
func (p *progress) end() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	p.status = status{}
	if p.stop != nil {
		close(p.stop)
		p.stop = nil // it has ended
	}
}
