package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgec/internal/fleet"
	"edgec/internal/fleet/natstest"
	"edgec/internal/registry"
)

func checksum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// start runs agents until the test ends.
func start(t testing.TB, devices ...device) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, len(devices))
	for _, d := range devices {
		go func() { done <- d.Run(ctx) }()
	}
	t.Cleanup(func() {
		cancel()
		for range devices {
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
}

// shares reads stages.
func shares(t testing.TB, text string) []fleet.Share {
	t.Helper()
	s, err := fleet.ParseShares(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Three agents behind one NATS server and one registry: a roll-out in stages, and one that fails.
func TestSmallFleet(t *testing.T) {
	address := natstest.Start(t) + "/cameras"
	s := newSite(t, onNATS(t, address))
	files := fleet.RegistryFiles{Client: registry.New(registry.Options{})}
	ref := ociRegistry(t) + ":1"
	if err := s.channel.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	var devices []device
	for n := range 3 {
		d := s.device(t, fmt.Sprintf("pi-%d", n))
		d.follow, d.o.Registry = onNATS(t, address), files
		d.o.Reports = d.follow
		devices = append(devices, d)
	}
	start(t, devices...)
	first := []fleet.Artifact{artifact(t, "a", passes)}
	if err := files.Send(t.Context(), ref, first); err != nil {
		t.Fatal(err)
	}
	status, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: first, Stages: shares(t, "1,all"), Patience: time.Minute})
	if err != nil || status.Document.Version != 1 || len(status.Devices) != 3 {
		t.Fatalf("%+v, %v", status, err)
	}
	for _, d := range devices {
		if d.runs(t) != "a" {
			t.Errorf("%s: %q runs", d.name, d.runs(t))
		}
	}
	failing := devices[1]
	if err := os.WriteFile(filepath.Join(failing.folder, "bad"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	second := []fleet.Artifact{artifact(t, "b", onFailing)}
	_, err = s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: second, Stages: shares(t, "1,2,all"), Patience: time.Minute})
	var stopped *fleet.StoppedError
	if !errors.As(err, &stopped) || stopped.Version != 2 || len(stopped.Failed) != 1 || stopped.Failed[0].Device != failing.name || !strings.Contains(err.Error(), "wrong output") {
		t.Fatalf("%v", err)
	}
	checkStopped(t, s, devices, failing, stopped)
}

// checkStopped compares what runs with what the operator sees after a roll-out was stopped.
func checkStopped(t *testing.T, s *site, devices []device, failing device, stopped *fleet.StoppedError) {
	t.Helper()
	status, err := s.operator.Status(t.Context())
	if err != nil || !status.Document.Stopped || status.Document.Version != 2 {
		t.Fatalf("%+v, %v", status, err)
	}
	updated := 0
	for i, d := range devices {
		seen := status.Devices[i]
		want := "a"
		if seen.Version == 2 {
			want = "b"
			updated++
		}
		if seen.Device != d.name || d.runs(t) != want || seen.Updated != (want == "b") || d.name == failing.name && (seen.State != fleet.Failed || seen.Failed != 2 || want != "a") {
			t.Errorf("%s runs %q; the operator sees %+v", d.name, d.runs(t), seen)
		}
	}
	if most := stopped.Total - 1; updated > most {
		t.Errorf("%d devices run version 2, at most %d were allowed to", updated, most)
	}
}

// A stage takes the devices that it counts, and those of the stage before.
func TestStagesAreExact(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	var devices []device
	for n := range 4 {
		d := s.device(t, fmt.Sprintf("pi-%d", n))
		d.round(t, fleet.Waiting, "nothing")
		devices = append(devices, d)
	}
	var counts []int
	s.operator.Count = func(stage fleet.Stage, updated, failed, of int) {
		if counts = append(counts, of); updated == of {
			return
		}
		for _, d := range devices {
			if _, err := d.Round(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	before := len(counts)
	if _, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: []fleet.Artifact{artifact(t, "a", passes)}, Stages: shares(t, "1,3,all"), Patience: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(counts[before:]); text != "[1 1 3 3 4 4]" {
		t.Errorf("devices of the stages: %s", text)
	}
}

// The operator sees no success where nobody answers, and goes on later.
func TestNoAnswer(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	a := []fleet.Artifact{artifact(t, "a", passes)}
	if _, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: a, Stages: shares(t, "50%,all"), Patience: time.Millisecond}); err == nil || !strings.Contains(err.Error(), "no device") {
		t.Errorf("nobody there: %v", err)
	}
	d := s.device(t, "pi")
	d.round(t, fleet.Waiting, "")
	if _, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: a, Stages: shares(t, "1"), Patience: time.Millisecond}); err == nil || !strings.Contains(err.Error(), "pi (waiting") {
		t.Errorf("no answer: %v", err)
	}
	d.round(t, fleet.Running, "")
	status, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: a, Stages: shares(t, "1"), Patience: time.Minute})
	if err != nil || status.Document.Version != 1 || !status.Devices[0].Updated {
		t.Errorf("%+v, %v", status, err)
	}
	if status, err = s.operator.Stop(t.Context()); err != nil || !status.Document.Stopped {
		t.Errorf("%+v, %v", status, err)
	}
	if _, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: []fleet.Artifact{artifact(t, "b", passes)}, Version: 1, Stages: shares(t, "1")}); err == nil || !strings.Contains(err.Error(), "version 1 is not above 1") {
		t.Errorf("another program as the same version: %v", err)
	}
}

// Reports, which anybody may have written, do not choose the version; a document that is replaced
// during a roll-out ends it, and a channel that is gone for a moment does not.
func TestForgedReports(t *testing.T) {
	folder := t.TempDir()
	s := newSite(t, fleet.NewFolder(folder))
	a := []fleet.Artifact{artifact(t, "a", passes)}
	d := s.device(t, "pi")
	d.round(t, fleet.Waiting, "")
	forged, err := fleet.Report{Device: "x", Fleet: "test", State: fleet.Running, Version: 1<<31 - 2}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.channel.Report(t.Context(), "x", forged); err != nil {
		t.Fatal(err)
	}
	if _, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: a, Stages: shares(t, "1")}); err == nil || !strings.Contains(err.Error(), "x reports version 2147483646") {
		t.Errorf("%v", err)
	}
	other, looks := s.document(t, 1, 1, a[0], nil), 0
	s.operator.Count = func(fleet.Stage, int, int, int) {
		looks++
		reports := filepath.Join(folder, "reports")
		switch looks {
		case 1:
			for _, name := range []string{"pi", "x"} { // a report that cannot be read is no success
				if err := os.WriteFile(filepath.Join(reports, name+".json"), []byte("{"), 0o644); err != nil {
					t.Error(err)
				}
			}
			if err := errors.Join(os.Rename(reports, reports+"-away"), os.WriteFile(reports, nil, 0o644)); err != nil {
				t.Error(err)
			}
			time.AfterFunc(100*time.Millisecond, func() { _ = errors.Join(os.Remove(reports), os.Rename(reports+"-away", reports)) })
		case 2:
			if err := s.channel.Publish(t.Context(), other); err != nil {
				t.Error(err)
			}
		}
	}
	_, err = s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: a, Version: 3, Stages: shares(t, "1"), Patience: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "replaced during the roll-out of version 3") || looks != 2 {
		t.Errorf("%v, after %d looks", err, looks)
	}
}

// A device whose key is another one refuses, and the operator sees why.
func TestWrongKey(t *testing.T) {
	s := newSite(t, fleet.NewFolder(t.TempDir()))
	d := s.device(t, "pi")
	d.round(t, fleet.Waiting, "")
	d.o.Key = newKey(t).Public()
	a := artifact(t, "a", passes)
	s.publish(t, s.document(t, 1, 1, a, nil), a)
	d.round(t, fleet.Refused, "another key")
	_, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: []fleet.Artifact{a}, Stages: shares(t, "1"), Patience: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "pi (refused") || !strings.Contains(err.Error(), "another key") || d.runs(t) != "" {
		t.Errorf("%v; %q runs", err, d.runs(t))
	}
}
