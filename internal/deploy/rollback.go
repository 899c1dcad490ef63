package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Rollback returns to the program before: current and previous change places, so that a second
// one undoes the first. The program passes its self-test before and after the switch, or the
// one that runs goes on. The highest version stays.
//
// If a deployment was cut off and its program fails now, the device returns to the program
// before by that alone.
func Rollback(ctx context.Context, d Device, o Options) (Result, error) {
	s, err := open(ctx, d, o)
	if err != nil {
		return Result{}, err
	}
	r, err := s.rollback(ctx)
	return r, s.close(err)
}

func (s *session) rollback(ctx context.Context) (Result, error) {
	if s.back {
		return s.result(RolledBack, 0)
	}
	target, err := linked(s.d, previousName)
	if err != nil {
		return Result{}, s.in("reading its links", err)
	}
	if target == "" || target == s.state.Current {
		return Result{}, fmt.Errorf("%s: %s: there is no program before; install one with edgec deploy", s.d, s.d.Folder())
	}
	in, _ := s.state.find(target)
	name := path.Join(storeName, target, programName)
	if has, err := s.d.Sum(ctx, name); err != nil {
		return Result{}, s.in("reading "+name, err)
	} else if has != target {
		return Result{}, s.in(name, fmt.Errorf("is damaged on the device, and the running program stays; install another one with edgec deploy"))
	}
	latency, err := s.test(ctx, in)
	if err != nil {
		return Result{}, fmt.Errorf("%s: the program before, version %d, fails, and the running one stays: %w", s.d, in.Version, err)
	}
	s.state.Trial = &trial{Installed: in, From: s.state.Current, Previous: target, Rollback: true, Restart: s.o.Restart, Check: s.o.Check}
	if err := s.try(ctx); err != nil {
		return Result{}, err
	}
	return s.result(RolledBack, latency)
}

// Status ends what an earlier command has left, and tells which programs a device has.
// The checksum of Current is "" if none is installed; a current program whose file has another
// checksum is an error. failed are the programs that did not pass, the latest last. Status reads
// both programs on the device.
func Status(ctx context.Context, d Device, o Options) (r Result, failed []Failure, err error) {
	s, err := open(ctx, d, o)
	if err != nil {
		return Result{}, nil, err
	}
	r, err = s.result("", 0)
	if err == nil {
		err = s.check(ctx, &r)
	}
	return r, s.state.Failed, s.close(err)
}

// check compares the files of both programs with their checksums.
func (s *session) check(ctx context.Context, r *Result) error {
	wrong, err := s.damage(ctx, r.Current)
	if err == nil && wrong != "" {
		err = fmt.Errorf("%s: the current program, version %d, %s; deploy the same file again, which repairs it, or return to the program before with edgec rollback", s.d, r.Current.Version, wrong)
	}
	if err != nil {
		return err
	}
	r.Damaged, err = s.damage(ctx, r.Previous)
	return err
}

// damage says what is wrong with the file of a program; "": nothing.
func (s *session) damage(ctx context.Context, p Installed) (string, error) {
	if p.SHA256 == "" {
		return "", nil
	}
	name := path.Join(storeName, p.SHA256, programName)
	switch has, err := s.d.Sum(ctx, name); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("is missing: there is no %s", name), nil
	case err != nil:
		return "", s.in("reading "+name, err)
	case has != p.SHA256:
		return fmt.Sprintf("is damaged: %s is not the file of %d bytes that was installed", name, p.Bytes), nil
	}
	return "", nil
}
