package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"edgec/internal/deep"
	"edgec/internal/fleet"
	"edgec/internal/fleet/natstest"
)

// tool is the program edgec, and a folder in which it is executed.
type tool struct {
	path, folder string
	env          []string
}

// buildTool builds edgec, and two programs of networks: first and second.
func buildTool(t *testing.T) tool {
	t.Helper()
	e := tool{path: filepath.Join(t.TempDir(), "edgec"), folder: t.TempDir()}
	e.env = append(os.Environ(), "DOCKER_CONFIG="+e.folder)
	if out, err := exec.Command("go", "build", "-o", e.path, "edgec/cmd/edgec").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, network := range map[string]string{"first": "lenet-5.edgec", "second": "lenet-5-2100.edgec"} {
		path, err := filepath.Abs(filepath.Join("../../testdata", network))
		if err != nil {
			t.Fatal(err)
		}
		e.must(t, "build", path, "--target", "linux-"+goruntime.GOARCH, "-o", name, "-q")
	}
	return e
}

// run executes a command line, and returns standard output and standard error.
func (e tool) run(args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	cmd := exec.Command(e.path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = e.folder, e.env, &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func (e tool) must(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := e.run(args...)
	if err != nil {
		t.Fatalf("edgec %s: %v: %s", strings.Join(args, " "), err, stderr)
	}
	return stdout, stderr
}

// process is an agent in a process of its own.
type process struct {
	name, folder string
	cmd          *exec.Cmd
	stderr       *bytes.Buffer
}

// agents starts processes that follow a channel, and stops them at the end as a system does.
func (e tool) agents(t *testing.T, n int, channel string) (all []process) {
	t.Helper()
	for i := range n {
		p := process{name: fmt.Sprintf("pi-%02d", i), stderr: &bytes.Buffer{}}
		p.folder = filepath.Join(e.folder, "devices", p.name)
		p.cmd = exec.Command(e.path, "agent", "-q", "--follow", channel, "--pub", "edgec.pub", "--device", p.name, "--folder", p.folder, "--check", "test ! -e bad", "--every", "20s")
		p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = e.folder, append(e.env, "GOMAXPROCS=1"), p.stderr
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	t.Cleanup(func() {
		for _, p := range all {
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
		}
		for _, p := range all {
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("%s: %v: %s", p.name, err, p.stderr)
			}
		}
	})
	return all
}

// seen is what edgec fleet status prints.
type seen struct {
	Version int   `json:"version_number"`
	Stopped bool  `json:"stopped"`
	Serial  int64 `json:"serial"`
	Devices []struct {
		Device  string `json:"device"`
		State   string `json:"state"`
		Version int    `json:"version_number"`
		Serial  int64  `json:"serial"`
		SHA256  string `json:"sha256"`
		Failed  int    `json:"failed_version"`
		Updated bool   `json:"updated"`
	} `json:"devices"`
}

// status waits until every device has seen the document and none is installing, and returns what
// the operator sees.
func (e tool) status(t *testing.T, channel string) (s seen) {
	t.Helper()
	for range 100 {
		out, _ := e.must(t, "fleet", "status", "--on", channel, "--json")
		s = seen{}
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Fatal(err)
		}
		busy := false
		for _, d := range s.Devices {
			busy = busy || d.State == fleet.Updating || d.Serial != s.Serial
		}
		if !busy {
			return s
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatal("devices install for ever")
	return s
}

// sound checks that a device runs the program that the operator sees, and that it works.
func (p process) sound(t *testing.T, sum string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.folder, "current", "program"))
	if err != nil || checksum(data) != sum {
		t.Errorf("%s runs %.12s, and reports %.12s: %v", p.name, checksum(data), sum, err)
	}
	if out, err := exec.Command(filepath.Join(p.folder, "current", "program"), "--selftest").CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", p.name, err, out)
	}
}

// Twenty agents in processes of their own, behind one NATS server and one registry: a roll-out in
// stages of 1, 5 and all; one that fails its gate on half of the devices, and stops; and the same
// after the fault is mended.
func TestFleetOfProcesses(t *testing.T) {
	deep.Only(t)
	anywhere(t)
	const devices = 20
	e := buildTool(t)
	e.must(t, "keygen", "--no-password")
	channel := natstest.Start(t) + "/cameras"
	ref := ociRegistry(t)
	roll := func(program string, more ...string) (stderr string, err error) {
		_, stderr, err = e.run(append([]string{"fleet", "roll", program, "--to", channel, "--registry", ref + ":" + program, "--stages", "1,5,all", "--wait", "2m"}, more...)...)
		t.Logf("edgec fleet roll %s:\n%s", program, stderr)
		return stderr, err
	}
	all := e.agents(t, devices, channel)
	e.reported(t, channel, devices)
	text, err := roll("first")
	if err != nil || !strings.Contains(text, "stage 1 of 3: pi-") || len(stageOf(text, 2)) != 5 || !slices.Contains(stageOf(text, 2), stageOf(text, 1)[0]) {
		t.Fatalf("%v: %s", err, text)
	}
	first := e.status(t, channel)
	for i, d := range first.Devices {
		if !d.Updated || d.Version != 1 || d.State != fleet.Running || first.Version != 1 {
			t.Errorf("%+v", d)
		}
		all[i].sound(t, d.SHA256)
	}
	e.half(t, all, channel, roll)
}

// reported waits until devices have reported.
func (e tool) reported(t *testing.T, channel string, n int) {
	t.Helper()
	for range 300 {
		if len(e.status(t, channel).Devices) == n {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("less than %d devices have reported", n)
}

// stageOf returns the devices that edgec fleet roll names for a stage.
func stageOf(text string, stage int) []string {
	_, rest, _ := strings.Cut(text, fmt.Sprintf("stage %d of 3: ", stage))
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Split(line, ", ")
}

// half lets an update fail its gate on half of the devices: not on the first in the order of the
// roll-out, and on some of the five.
func (e tool) half(t *testing.T, all []process, channel string, roll func(string, ...string) (string, error)) {
	t.Helper()
	var names []string
	for _, p := range all {
		names = append(names, p.name)
	}
	bad := fleet.Order("version-2", names)[2 : 2+len(names)/2]
	for _, name := range bad {
		if err := os.WriteFile(filepath.Join(e.folder, "devices", name, "bad"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := roll("second")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(text, "was stopped at stage 2 of 3") || !strings.Contains(text, "sending a delta of") {
		t.Fatalf("%v: %s", err, text)
	}
	e.stopped(t, all, channel, bad)
	for _, name := range bad {
		if err := os.Remove(filepath.Join(e.folder, "devices", name, "bad")); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := roll("second", "--retry"); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for i, d := range e.status(t, channel).Devices {
		if !d.Updated || d.Version != 2 {
			t.Errorf("%+v", d)
		}
		all[i].sound(t, d.SHA256)
	}
}

// stopped compares what devices run with what the operator sees after a roll-out was stopped in
// its stage of five: all run a good program, and the failed ones the one before.
func (e tool) stopped(t *testing.T, all []process, channel string, bad []string) {
	t.Helper()
	table, _ := e.must(t, "fleet", "status", "--on", channel)
	t.Logf("edgec fleet status:\n%s", table)
	s := e.status(t, channel)
	updated, failed := 0, 0
	for i, d := range s.Devices {
		all[i].sound(t, d.SHA256)
		isBad := slices.Contains(bad, d.Device)
		switch {
		case d.Version == 2 && d.Updated && !isBad:
			updated++
		case d.State == fleet.Failed && d.Failed == 2 && d.Version == 1 && isBad:
			failed++
		case d.State != fleet.Waiting || d.Version != 1:
			t.Errorf("%+v", d)
		}
	}
	if !s.Stopped || s.Version != 2 || updated < 1 || updated > 2 || failed < 1 || updated+failed > 5 {
		t.Errorf("stopped %v, version %d, %d devices updated, %d failed", s.Stopped, s.Version, updated, failed)
	}
}
