package eval

import (
	"context"
	"sync"
	"testing"
)

// The watcher sees numbers that grow to the total, not too many of them, from one
// goroutine at a time. Without a watcher nothing happens.
func TestWatched(t *testing.T) {
	const total, part = 10_000, 64
	var seen []int
	ctx := Watched(context.Background(), func(done, n int) {
		if n != total {
			t.Errorf("a total of %d", n)
		}
		seen = append(seen, done) // without a lock: the race detector would see two callers
	})
	c := count(ctx, total)
	var all sync.WaitGroup
	for lo := 0; lo < total; lo += part {
		all.Go(func() { c.add(min(part, total-lo)) })
	}
	all.Wait()
	for i, n := range seen {
		if i > 0 && n <= seen[i-1] {
			t.Errorf("%d after %d", n, seen[i-1])
		}
	}
	if len(seen) < 20 || len(seen) > 51 || seen[len(seen)-1] != total {
		t.Errorf("%d calls, %v", len(seen), seen)
	}
	for _, ctx := range []context.Context{context.Background(), Watched(ctx, nil)} {
		count(ctx, total).add(total)
	}
	if seen[len(seen)-1] != total || len(seen) > 51 {
		t.Errorf("a count that nobody watches was told of: %v", seen)
	}
}
