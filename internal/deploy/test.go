package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// testError says that a program ran on the device and did not pass.
type testError struct{ reason string }

func (e *testError) Error() string { return e.reason }

// test runs the tests of a program in the store.
func (s *session) test(ctx context.Context, in Installed) (latency time.Duration, err error) {
	program := "./" + path.Join(storeName, in.SHA256, programName)
	s.o.say("running the self-test on the device")
	if err := s.selfTest(ctx, program); err != nil {
		return 0, err
	}
	if s.o.MaxLatency == 0 {
		return 0, nil
	}
	s.o.say("measuring the time of an inference on the device")
	return s.measure(ctx, program)
}

// selfTest runs the self-test of a program.
func (s *session) selfTest(ctx context.Context, program string) error {
	out, err := s.run(ctx, "the self-test", program+" --selftest")
	if err == nil && !strings.Contains(string(out), "passed") {
		return &testError{fmt.Sprintf("its --selftest prints %q; deploy a program that edgec build made", said(out))}
	}
	return err
}

// measure compares the time of an inference with the limit.
func (s *session) measure(ctx context.Context, program string) (time.Duration, error) {
	command := program + " --bench --json"
	if s.o.Duration > 0 {
		command += " --duration " + strconv.FormatFloat(s.o.Duration.Seconds(), 'f', -1, 64) + "s" // programs take no 1m0s
	}
	out, err := s.runFor(ctx, s.o.Timeout+s.o.Duration, "the measurement", command)
	if err != nil {
		return 0, err
	}
	var measured struct {
		Median float64 `json:"median_us"`
	}
	if err := json.Unmarshal(out, &measured); err != nil || measured.Median <= 0 {
		return 0, &testError{"its --bench --json prints no median_us; deploy a program that this edgec builds"}
	}
	latency := time.Duration(measured.Median * float64(time.Microsecond))
	if latency > s.o.MaxLatency {
		return latency, &testError{fmt.Sprintf("an inference takes %v (median), the limit is %v", latency, s.o.MaxLatency)}
	}
	return latency, nil
}

// run runs a command on the device. What fails by the program is a *testError.
func (s *session) run(ctx context.Context, what, command string) ([]byte, error) {
	return s.runFor(ctx, s.o.Timeout, what, command)
}

// runFor is run for a command that may take longer.
func (s *session) runFor(ctx context.Context, longest time.Duration, what, command string) ([]byte, error) {
	limit, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	out, err := s.d.Run(limit, command)
	var exit *ExitError
	switch {
	case err == nil:
		return out, nil
	case errors.As(err, &exit) && (exit.Code == 126 || exit.Code == 127): // nothing ran
		return nil, s.in(what, fmt.Errorf("%w%s", err, exit.remedy(s.d.String(), s.d.Folder())))
	case errors.As(err, &exit):
		return nil, &testError{fmt.Sprintf("%s failed: %v%s", what, err, exit.remedy(s.d.String(), s.d.Folder()))}
	case ctx.Err() == nil && limit.Err() != nil:
		return nil, &testError{fmt.Sprintf("%s took more than %v", what, longest)}
	}
	return nil, s.in(what, err)
}

// command runs a command of the user. One that the device does not have fails as any other does: the
// next attempt would not find it either, and the trial would never end.
func (s *session) command(ctx context.Context, what, command string) error {
	_, err := s.run(ctx, what, command)
	var exit *ExitError
	if errors.As(err, &exit) {
		return &testError{fmt.Sprintf("%s failed: %v", what, exit)}
	}
	return err
}

// health runs the tests after a switch: the program through the link, and what the user
// asks for.
func (s *session) health(ctx context.Context, t *trial) error {
	if t.Restart != "" {
		s.o.say("restarting")
		if err := s.command(ctx, "the restart", t.Restart); err != nil {
			return err
		}
	}
	s.o.say("testing the program in its place")
	if err := s.selfTest(ctx, "./"+path.Join(currentName, programName)); err != nil {
		return err
	}
	if t.Check != "" {
		if err := s.command(ctx, "the check", t.Check); err != nil {
			return err
		}
	}
	now, err := linked(s.d, currentName)
	if err == nil && now != t.SHA256 { // a service there has given up
		return &testError{returned}
	}
	return s.in("reading its links", err)
}
