package deploy

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A lock is a file that its owner writes again and again. One that does not change for
// stale has a dead owner; clocks are not compared.
const (
	beat  = 4 * time.Second
	stale = 15 * time.Second
)

// owner is the content of a lock.
type owner struct {
	ID   string `json:"id"`
	Host string `json:"host"` // with the number of its start, where the system has one
	PID  int    `json:"pid"`
	Beat int    `json:"beat"` // how often it was written
}

// lock is held by this process until release.
type lock struct {
	d    FS
	mu   sync.Mutex
	me   owner
	stop chan struct{}
	done sync.WaitGroup
}

// acquire takes the lock of a folder, also from an owner that is dead. waiting is called
// before it waits to find that out.
func acquire(ctx context.Context, d FS, o Options) (*lock, error) {
	l := &lock{d: d, me: owner{ID: rand.Text(), Host: thisHost(), PID: os.Getpid()}, stop: make(chan struct{})}
	for range 5 {
		err := l.write(true)
		if err == nil {
			l.done.Go(func() { l.keep(o.beat) })
			return l, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if err := l.takeOver(ctx, o); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("others take the lock again and again; try later")
}

// write writes the lock, which must not be there if it is new.
func (l *lock) write(isNew bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.me.Beat++
	data, err := json.Marshal(l.me)
	if err != nil {
		return err
	}
	return l.d.Write(lockName, bytes.NewReader(data), 0o644, isNew)
}

// keep writes the lock until it is released, or taken by another.
func (l *lock) keep(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
			if l.held() != nil || l.write(false) != nil {
				return // the next step that asks finds the lock lost
			}
		}
	}
}

// held returns an error if another has taken the lock.
func (l *lock) held() error {
	data, err := l.d.Read(lockName, mostState)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var o owner
	if len(data) == 0 && err == nil { // our own write goes on
		return nil
	}
	if json.Unmarshal(data, &o) != nil || o.ID != l.me.ID {
		return errors.New("another process has taken the lock, since this one did not answer for long")
	}
	return nil
}

// release ends the lock.
func (l *lock) release() error {
	close(l.stop)
	l.done.Wait()
	if err := l.held(); err != nil {
		return err
	}
	return l.d.Remove(lockName)
}

// takeOver removes the lock of a dead owner. The error says that the owner lives.
func (l *lock) takeOver(ctx context.Context, o Options) error {
	before, err := l.d.Read(lockName, mostState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var other owner
	known := json.Unmarshal(before, &other) == nil
	if !known || other.Host != l.me.Host || alive(other.PID) {
		o.say("waiting to see whether another deployment goes on")
		if changed, err := l.changes(ctx, before, o); err != nil || changed {
			return err
		}
	}
	temp := temporary(".")
	if err := l.d.Rename(lockName, temp); err != nil {
		return ignoreMissing(err)
	}
	taken, err := l.d.Read(temp, mostState)
	if err != nil {
		return err
	}
	if !bytes.Equal(taken, before) { // another was quicker, and this is its lock
		return l.d.Rename(temp, lockName)
	}
	return l.d.Remove(temp)
}

// changes waits until the lock is stale. The error says who holds it if it changes, which
// the last beats of an owner that has just ended do too: then changed is true.
func (l *lock) changes(ctx context.Context, before []byte, o Options) (changed bool, err error) {
	for end := time.Now().Add(o.stale); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(o.stale / 30):
		}
		now, err := l.d.Read(lockName, mostState)
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		var other owner
		if !bytes.Equal(now, before) && json.Unmarshal(now, &other) == nil {
			host, _, _ := strings.Cut(other.Host, "/")
			return false, fmt.Errorf("another deployment goes on, by process %d of %s; try again when it has ended", other.PID, host)
		}
	}
	return false, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// thisHost names this machine since its start.
var thisHost = sync.OnceValue(func() string {
	name, err := os.Hostname()
	if err != nil {
		name = "?"
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return name + "/" + rand.Text() // no process of it is known to be dead
	}
	return name + "/" + strings.TrimSpace(string(boot))
})

// alive reports whether a process of this machine may run.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH)
}
