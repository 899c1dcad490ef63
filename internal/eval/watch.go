package eval

import (
	"context"
	"sync"
)

// watcher is the key of what Watched adds to a context.
type watcher struct{}

// Watched returns a context in which Predict, Run and Execute tell tell how many of
// their samples are done. It is called by one goroutine at a time, a few dozen times in
// each, with numbers that grow. nil tells nobody.
func Watched(ctx context.Context, tell func(done, total int)) context.Context {
	return context.WithValue(ctx, watcher{}, tell)
}

// counter counts the samples of a run for the watcher of a context. It may be called
// from several goroutines.
type counter struct {
	tell        func(done, total int)
	mu          sync.Mutex
	done, shown int
	total       int
}

// count returns a counter of total samples.
func count(ctx context.Context, total int) *counter {
	tell, _ := ctx.Value(watcher{}).(func(done, total int))
	return &counter{tell: tell, total: total}
}

// add counts n samples more. It tells of them after every fiftieth part.
func (c *counter) add(n int) {
	if c.tell == nil {
		return
	}
	const parts = 50
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done += n; c.done-c.shown >= c.total/parts || c.done == c.total {
		c.shown = c.done
		c.tell(c.done, c.total)
	}
}
