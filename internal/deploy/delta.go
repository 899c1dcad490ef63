package deploy

import (
	"context"
	"errors"
	"fmt"
	"path"

	"edgec/internal/delta"
)

// sendDelta makes the program on the device, in the file temp of a folder, out of the one that
// runs there and a delta. done is false if the whole program has to be sent: there is no base or
// no smaller delta, or the device could not apply it, which s.sent.Whole tells. An error says that
// the device was not reached or that ctx has ended.
//
// Nothing that runs is touched: a delta that fails leaves files under temporary names.
func (s *session) sendDelta(ctx context.Context, p Program, folder string) (temp string, done bool, err error) {
	temp = temporary(folder)
	changes := s.delta(p)
	if changes == nil {
		return temp, false, nil
	}
	s.o.say("sending what differs from the running program")
	file := temporary(folder)
	if err := s.d.Write(file, s.source(ctx, changes), 0o644, false); err != nil {
		return temp, false, errors.Join(err, ignoreMissing(s.d.Remove(file)))
	}
	s.sent = Sent{Bytes: int64(len(changes)), Base: s.state.Current}
	failed, err := s.patch(ctx, p, file, temp)
	if e := ignoreMissing(s.d.Remove(file)); err == nil {
		err = e
	}
	if failed == nil || err != nil {
		return temp, true, err
	}
	s.sent.Whole = failed.Error()
	return temp, false, ignoreMissing(s.d.Remove(temp))
}

// worthwhile is how many times smaller than a program a delta has to be, at least.
const worthwhile = 2

// delta returns the delta from the program that runs on the device, nil if there is none or if it
// saves too little.
func (s *session) delta(p Program) []byte {
	if s.o.Base == nil || s.state.Current == "" {
		return nil
	}
	base := s.o.Base(s.state.Current)
	if base == nil || (Program{Data: base}).Sum() != s.state.Current {
		return nil
	}
	changes, err := delta.Make(base, p.Data)
	if err != nil || len(changes) > len(p.Data)/worthwhile {
		return nil
	}
	return changes
}

// patch applies the delta in a file: the program that runs does it, by its option --patch. failed
// says that it could not, or has made another program.
func (s *session) patch(ctx context.Context, p Program, file, temp string) (failed, err error) {
	s.o.say("applying it on the device")
	base := "./" + path.Join(storeName, s.state.Current, programName)
	_, err = s.run(ctx, "the delta", fmt.Sprintf("%s --patch %s %s > %s && chmod 755 %s", base, file, base, temp, temp))
	var did *testError
	var exit *ExitError
	switch {
	case errors.As(err, &did), errors.As(err, &exit):
		return err, nil
	case err != nil:
		return nil, err
	}
	has, err := s.d.Sum(ctx, temp)
	if err == nil && has != p.Sum() {
		failed = errors.New("the delta made a program with another checksum")
	}
	return failed, err
}
