//go:build unix

package deploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"edgec/internal/agent"
	"edgec/internal/deploy"
	"edgec/internal/fleet"
	"edgec/internal/sign"
)

// serial is that of the document in these tests.
const serial = 1000

// follow lets an agent of a device do one round with a document for a program, and returns its
// report.
func follow(ctx context.Context, d deploy.Device, p deploy.Program, version int, o deploy.Options) (fleet.Report, error) {
	folder, err := os.MkdirTemp("", "edgec-agent-test-")
	if err != nil {
		return fleet.Report{}, err
	}
	defer os.RemoveAll(folder)
	key, err := sign.NewKey()
	if err != nil {
		return fleet.Report{}, err
	}
	channel := fleet.NewFolder(folder)
	document := &fleet.Desired{Schema: 1, Fleet: "test", Serial: serial, Rollout: "r", Version: version, Time: time.Unix(1, 0), MaxLatency: 5 * time.Millisecond, Stage: fleet.Stage{Percent: 100}}
	for _, goarch := range []string{"amd64", "arm64", "riscv64"} {
		document.Programs = append(document.Programs, fleet.Program{File: "program", System: deploy.System{GOOS: "linux", GOARCH: goarch}, SHA256: p.Sum(), Bytes: int64(len(p.Data)), Model: p.Model})
	}
	sealed, err := fleet.Seal(document, key)
	if err != nil {
		return fleet.Report{}, err
	}
	if err := errors.Join(channel.Publish(ctx, sealed), channel.Put(ctx, p.Sum(), p.Data)); err != nil {
		return fleet.Report{}, err
	}
	a, err := agent.New(d, channel, agent.Options{Device: "pi", Fleet: "test", Key: key.Public(), Deploy: o})
	if err != nil {
		return fleet.Report{}, err
	}
	return a.Round(ctx)
}

// remembered returns an error if a program was put into the store before the serial number of its
// document was safe: then the document could be tried, forgotten, and replaced by an older one. An
// attempt that has ended may not count as one that has not.
func remembered(d deploy.Device, p deploy.Program, ended bool) error {
	if _, err := d.List(path.Join("store", p.Sum())); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	data, err := d.Read("agent.json", 4096)
	var m struct {
		Serial int64 `json:"serial"`
		Begun  int   `json:"begun"`
	}
	if err != nil || json.Unmarshal(data, &m) != nil || m.Serial != serial || ended && m.Begun != 0 {
		return fmt.Errorf("a program was installed, and the memory of the agent is %q: %v", data, err)
	}
	return nil
}

// The tests with cuts of power and kills do what an agent does, too.
func init() {
	for name, kind := range map[string]string{"agent": "good", "agent, failing self-test": "broken"} {
		p := deploy.Made(kind, "agent")
		want := map[string]string{"good": fleet.Running, "broken": fleet.Failed}[kind]
		do := func(ctx context.Context, d deploy.Device) error {
			r, err := follow(ctx, d, p, 3, deploy.Quickly())
			if err == nil && r.State != want {
				err = fmt.Errorf("%s: %s", r.State, r.Cause)
			}
			return err
		}
		deploy.AddScenario(name, p, kind == "broken", do, func(d deploy.Device, ended bool) error { return remembered(d, p, ended) })
	}
	deploy.AddCommand("agent", func(d deploy.Device) error {
		r, err := follow(context.Background(), d, deploy.Script("newer", "echo self-test passed"), 3, deploy.Options{})
		if err == nil && r.State != fleet.Running {
			err = fmt.Errorf("%s: %s", r.State, r.Cause)
		}
		return err
	})
}
