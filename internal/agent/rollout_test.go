package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgec/internal/fleet"
)

// A stage whose devices are all silent is no success, and the next one does not open.
func TestSilentDevices(t *testing.T) {
	folder := t.TempDir()
	s := newSite(t, fleet.NewFolder(folder))
	for n := range 20 {
		s.device(t, fmt.Sprintf("pi-%d", n)).round(t, fleet.Waiting, "")
		old := time.Now().Add(-2 * time.Hour)
		if err := os.Chtimes(filepath.Join(folder, "reports", fmt.Sprintf("pi-%d.json", n)), old, old); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: []fleet.Artifact{artifact(t, "a", passes)}, Stages: shares(t, "50%,all"), Patience: 50 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "stage 1 of 2") || !strings.Contains(err.Error(), "have not answered") {
		t.Errorf("%v", err)
	}
	d, err := s.operator.Document(t.Context())
	if err != nil || d != nil && d.Stage.Number != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// rolls starts a roll-out in two stages on two devices, and calls meanwhile when the first stage is
// updated.
func (s *site) rolls(t *testing.T, meanwhile func()) error {
	t.Helper()
	devices := []device{s.device(t, "pi-0"), s.device(t, "pi-1")}
	for _, d := range devices {
		d.round(t, fleet.Waiting, "")
	}
	s.operator.Count = func(stage fleet.Stage, updated, _, of int) {
		if updated == of {
			s.operator.Count = nil
			meanwhile()
			return
		}
		for _, d := range devices {
			if _, err := d.Round(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	_, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: []fleet.Artifact{artifact(t, "a", passes)}, Stages: shares(t, "1,all"), Patience: 10 * time.Second})
	return err
}

// A stop that comes between two stages holds: the roll-out does not open the next one.
func TestStopHolds(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	other := s.operator
	err := s.rolls(t, func() {
		if _, err := other.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if err == nil || !strings.Contains(err.Error(), "replaced during the roll-out of version 1") {
		t.Errorf("%v", err)
	}
	if d, err := other.Document(t.Context()); err != nil || !d.Stopped || d.Stage.Number != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// Another operator whose document has the same serial number, since it was published in the same
// second, is seen.
func TestSameSecond(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	other := s.operator
	b := artifact(t, "b", passes)
	err := s.rolls(t, func() {
		d, err := other.Document(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.publish(t, s.document(t, d.Serial, 7, b, nil), b)
	})
	if err == nil || !strings.Contains(err.Error(), "replaced during the roll-out of version 1") {
		t.Errorf("%v", err)
	}
	if d, err := other.Document(t.Context()); err != nil || d.Version != 7 {
		t.Errorf("%+v, %v", d, err)
	}
}

// A device tries a version that has failed once more for each command with --retry, however many
// stages it has, and its failure is still reported after a stop.
func TestRetryOncePerRollout(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	devices := []device{s.device(t, "pi-0"), s.device(t, "pi-1")}
	round := func(fleet.Stage, int, int, int) {
		for _, d := range devices {
			if _, err := d.Round(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	round(fleet.Stage{}, 0, 0, 0)
	s.operator.Count = round
	a := []fleet.Artifact{artifact(t, "a", "echo x >> tries; exit 1")}
	for i, retry := range []bool{false, true, true} {
		if _, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: a, Stages: shares(t, "1,all"), MaxFailed: 2, Retry: retry, Patience: 10 * time.Second}); err != nil {
			t.Fatal(err)
		}
		for _, d := range devices {
			if text, err := os.ReadFile(filepath.Join(d.folder, "tries")); err != nil || len(text) != 2*(i+1) {
				t.Errorf("%s after roll-out %d: %d tries, %v", d.name, i+1, len(text)/2, err)
			}
		}
	}
	if _, err := s.operator.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, d := range devices {
		d.round(t, fleet.Failed, "the self-test failed")
	}
}

// unsteady is a channel that does not take a stop for some time.
type unsteady struct {
	fleet.Channel
	s      *site
	refuse int
}

func (u *unsteady) Publish(ctx context.Context, document []byte) error {
	if d, err := fleet.Open(document, u.s.operator.Public, "test"); err == nil && d.Stopped && u.refuse > 0 {
		u.refuse--
		return errors.New("the connection is lost")
	}
	return u.Channel.Publish(ctx, document)
}

// A stop after a failure is tried again where the channel is lost for a moment.
func TestStopAgain(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	s.operator.Channel = &unsteady{s.channel, s, 2}
	d := s.device(t, "pi")
	d.round(t, fleet.Waiting, "")
	s.operator.Count = func(fleet.Stage, int, int, int) { d.round(t, fleet.Failed, "") }
	_, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: []fleet.Artifact{artifact(t, "a", "exit 1")}, Stages: shares(t, "1,all"), Patience: 10 * time.Second})
	var stopped *fleet.StoppedError
	if !errors.As(err, &stopped) {
		t.Errorf("%v", err)
	}
	if d, err := s.operator.Document(t.Context()); err != nil || !d.Stopped {
		t.Errorf("%+v, %v", d, err)
	}
}

// What a device could not install for other reasons does not use up the wish to try again.
func TestRetryAfterTrouble(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	d := s.device(t, "pi")
	a := artifact(t, "a", onFailing)
	if err := os.MkdirAll(d.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(d.folder, "bad")
	if err := os.WriteFile(bad, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.publish(t, s.document(t, 1, 1, a, nil), a)
	d.round(t, fleet.Failed, "")
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	s.publish(t, s.document(t, 2, 1, a, func(d *fleet.Desired) { d.Retry = true }))
	whole := d.device
	d.device = full{whole}
	d.round(t, fleet.Trouble, "the disk is full")
	d.device = whole
	d.round(t, fleet.Running, "")
}
