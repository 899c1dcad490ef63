package disk

import (
	"errors"
	"os"
	"path/filepath"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// One at a time holds a lock, however many want it and while its file comes and goes.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var held, got atomic.Int64
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 200 {
				l, err := Acquire(path)
				if errors.Is(err, ErrLocked) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				got.Add(1)
				if held.Add(1) != 1 {
					t.Error("two hold the lock")
				}
				goruntime.Gosched()
				held.Add(-1)
				if i%2 == 0 {
					l.Remove()
				} else {
					l.Release()
				}
			}
		})
	}
	all.Wait()
	if got.Load() == 0 {
		t.Error("nobody got the lock")
	}
	if _, err := Acquire(filepath.Join(t.TempDir(), "none", "lock")); !os.IsNotExist(errors.Unwrap(err)) {
		t.Errorf("in a missing folder: %v", err)
	}
}
