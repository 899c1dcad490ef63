package deploy

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// try makes the trial of the state: it switches, tests, and accepts the program or returns to
// the one before.
func (s *session) try(ctx context.Context) error {
	t := s.state.Trial
	if err := s.write(); err != nil {
		return err
	}
	s.o.say("switching to the new program")
	err := s.point(previousName, t.From) // first: what the device itself can return to
	if err == nil {
		err = s.point(currentName, t.SHA256)
	}
	if err != nil {
		return errors.Join(err, s.goBack(ctx, ""))
	}
	return s.conclude(ctx)
}

// point makes current or previous point to a program of the store, or removes it for "".
func (s *session) point(name, sum string) error {
	return s.in("writing "+name, point(s.d, name, sum))
}

// conclude tests the program that current points to, which is on trial.
func (s *session) conclude(ctx context.Context) error {
	t := *s.state.Trial
	err := s.health(ctx, &t)
	var failed *testError
	switch {
	case err == nil:
		return s.confirm()
	case errors.As(err, &failed):
		if err := s.goBack(ctx, failed.reason); err != nil {
			return err
		}
		old, _ := s.state.find(s.state.Current)
		return &RejectedError{Program: t.Installed, Reason: failed.reason, Device: s.d.String(), Old: old, Back: true, Restart: s.stays}
	case ctx.Err() != nil:
		return errors.Join(err, s.goBack(ctx, ""))
	}
	return fmt.Errorf("%w; the new program has passed the tests before the switch and runs on trial; the next edgec deploy, rollback or status ends the trial", err)
}

// confirm accepts the program on trial.
func (s *session) confirm() error {
	t := s.state.Trial
	s.state.accept(t.Installed)
	s.state.Accepted = slices.DeleteFunc(s.state.Accepted, func(p Installed) bool { return p.SHA256 != t.SHA256 && p.SHA256 != t.From })
	s.state.Trial = nil
	if err := s.write(); err != nil {
		return err
	}
	return s.sweep()
}

// graceful is how long the restart of the program before may go on after the user has interrupted
// the trial of a new one.
const graceful = 5 * time.Second

// goBack ends a trial with the program before, and remembers the reason, if there is one.
func (s *session) goBack(ctx context.Context, reason string) error {
	t := s.state.Trial
	s.stays = ""
	if reason != "" && t.Failed == "" { // first, so that a cut of power does not lose it
		t.Failed = reason
		if err := s.write(); err != nil {
			return err
		}
	}
	if err := s.point(currentName, t.From); err != nil {
		return err
	}
	if err := s.point(previousName, t.Previous); err != nil {
		return err
	}
	if t.Restart != "" && t.From != "" {
		s.restartBefore(ctx, t.Restart)
	}
	if t.Failed != "" && !t.Rollback {
		s.state.fail(t.Installed, t.Failed)
	}
	s.state.Trial = nil
	if err := s.write(); err != nil {
		return err
	}
	return s.sweep()
}

// restartBefore restarts the program before, and notes it if that fails. An interrupt, also an
// earlier one, leaves the command graceful.
func (s *session) restartBefore(ctx context.Context, command string) {
	limit, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(graceful, cancel) })()
	err := s.command(limit, "the restart of the program before", command)
	switch {
	case err == nil:
		return
	case limit.Err() != nil:
		err = fmt.Errorf("the restart of the program before was cut off %v after the interrupt", graceful)
	}
	s.stays = err.Error()
	s.found = strings.TrimPrefix(s.found+"; "+s.stays, "; ")
}

// recover ends the trial that an earlier command has left, and removes its files.
func (s *session) recover(ctx context.Context) error {
	current, err := linked(s.d, currentName)
	if err != nil {
		return s.in("reading its links", err)
	}
	t := s.state.Trial
	switch {
	case t != nil && current == t.SHA256 && t.Failed == "" && s.o.GiveUp != "":
		s.back, s.found = true, fmt.Sprintf("version %d was given up: %s", t.Version, s.o.GiveUp)
		return s.goBack(ctx, s.o.GiveUp)
	case t != nil && current == t.SHA256 && t.Failed == "":
		s.found = fmt.Sprintf("a deployment of version %d was cut off after the switch; its tests have passed now, and it is accepted", t.Version)
		var rejected *RejectedError
		if err := s.conclude(ctx); errors.As(err, &rejected) {
			s.back, s.found = true, "a deployment was cut off after the switch: "+rejected.Error()
			return nil
		} else if err != nil {
			return err
		}
		return nil
	case t != nil:
		if t.Failed == "" && s.gaveUp(t.SHA256) {
			t.Failed = returned
		}
		s.found = fmt.Sprintf("a deployment of version %d was cut off; the device has the program before", t.Version)
		s.back = t.Failed != ""
		return s.goBack(ctx, "")
	case current == "" && s.state.Current != "":
		s.found = currentName + " was removed on the device"
		s.state.Current = ""
	case current != s.state.Current:
		was, _ := s.state.find(s.state.Current)
		s.found = fmt.Sprintf("the device itself has returned from version %d to the program before", was.Version)
		s.state.fail(was, returned)
		s.state.Current = current
		if err := s.write(); err != nil {
			return err
		}
	}
	return s.sweep()
}

// returned is the reason of a failure that a service on the device has seen.
const returned = "the device itself has returned to the program before"

// gaveUp reports whether a service on the device has gone back from a program.
func (s *session) gaveUp(sum string) bool {
	text, err := s.d.Read(givenUpName, mostState)
	return err == nil && strings.TrimSpace(string(text)) == path.Join(storeName, sum)
}

// sweep removes programs that nothing points to, and temporary files.
func (s *session) sweep() error {
	keep := map[string]bool{s.state.Current: true}
	for _, name := range []string{currentName, previousName} {
		sum, err := linked(s.d, name)
		if err != nil {
			return s.in("reading its links", err)
		}
		keep[sum] = true
	}
	if target, err := s.d.Readlink(storeName); err == nil && target != "" {
		return s.in("looking at the store", fmt.Errorf("%s is a symbolic link to %s, and edgec removes old programs there; give the folder itself", storeName, target))
	}
	sums, err := s.d.List(storeName)
	if err != nil {
		return s.in("reading the store", err)
	}
	for _, sum := range sums {
		if !isSum.MatchString(sum) {
			continue // edgec has not made it
		}
		if err := s.clean(path.Join(storeName, sum), keep[sum]); err != nil {
			return s.in("removing an old program", err)
		}
	}
	if err := ignoreMissing(s.d.Remove(givenUpName)); err != nil {
		return s.in("removing "+givenUpName, err)
	}
	return s.in("removing temporary files", s.clean(".", true))
}

// clean removes the temporary files of a folder, or all files and the folder.
func (s *session) clean(folder string, keep bool) error {
	names, err := s.d.List(folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !keep || strings.HasPrefix(name, tempPrefix) && strings.HasSuffix(name, tempSuffix) {
			if err := s.d.Remove(path.Join(folder, name)); err != nil {
				return err
			}
		}
	}
	if keep {
		return nil
	}
	return s.d.Remove(folder)
}
