package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"edgec/bench/networks"
)

// A worker says hello, runs what a line asks for and one more, and answers with a time.
func TestServe(t *testing.T) {
	runs := [2]int{}
	load := func(files []string) (string, []inference, error) {
		return strings.Join(files, "+"), []inference{
			func() error { runs[0]++; return nil },
			func() error { runs[1]++; return nil },
		}, nil
	}
	var out strings.Builder
	if err := serve(load, []string{"a", "b"}, strings.NewReader("1 3\n0 1\n1 2\n"), &out); err != nil {
		t.Fatal(err)
	}
	if runs != [2]int{2, 7} {
		t.Errorf("runs: %v", runs)
	}
	lines := strings.Fields(out.String())
	if len(lines) != 4 || lines[0] != `{"version":"a+b"}` {
		t.Errorf("%q", lines)
	}
	for _, bad := range []string{"2 1\n", "-1 1\n", "one\n"} {
		if err := serve(load, nil, strings.NewReader(bad), &out); err == nil {
			t.Errorf("%q was served", bad)
		}
	}
}

// A worker that cannot load says why in its hello and ends.
func TestServeNothing(t *testing.T) {
	var out strings.Builder
	refuses := func([]string) (string, []inference, error) { return "", nil, errors.New("no such library") }
	if err := serve(refuses, nil, strings.NewReader("0 1\n"), &out); err != nil {
		t.Fatal(err)
	}
	var h hello
	if err := json.Unmarshal([]byte(out.String()), &h); err != nil || h.Error != "no such library" {
		t.Errorf("%q: %v", out.String(), err)
	}
}

// The committed files are loaded and run.
func TestLoadEdgec(t *testing.T) {
	for _, n := range networks.All {
		if n.Pruned == "" {
			continue
		}
		kernels, runs, err := loadEdgec([]string{filepath.Join("..", networks.Main, n.Pruned)})
		if err != nil || kernels == "" || len(runs) != 1 {
			t.Fatalf("%s: %q, %d, %v", n.Name, kernels, len(runs), err)
		}
		if err := runs[0](); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := loadEdgec([]string{filepath.Join(t.TempDir(), "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// Columns of missing peers stay empty, ratios are of best and median times.
func TestTables(t *testing.T) {
	c := comparison{levels: 1, files: map[*worker][]int{}, networks: []networks.Stored{{Network: networks.Network{Name: "a", Shapes: true}}, {Network: networks.Network{Name: "b"}}}}
	own := &worker{column: "edgec, go", version: "go"}
	c.add(own, []string{"a", "b"})
	c.addPeer("Other", []string{"a", "b"}, func([]string) (*exec.Cmd, error) { return nil, errors.New("no such library") })
	c.addPeer("LiteRT", []string{"a", ""}, func(files []string) (*exec.Cmd, error) {
		return exec.Command("echo", `{"version":"2"}`), nil
	})
	peer := c.workers[2]
	c.times = []map[*worker]times{
		{own: {300, 100, 200}, peer: {50, 50, 400}},
		{own: {2 * time.Millisecond}},
	}
	c.networks[0].Info.KeptMACs = 1234
	for _, want := range []string{
		" 3 rounds. LiteRT 2.\nOther is missing: no such library.\n",
		"| network | MACs, nonzero | edgec, go | Other int8 | LiteRT int8 |\n",
		"| a | 1,234 | 0.10 (0.20) |  | 0.05 (0.05) * |\n| b | 0 | 2,000 (2,000) |  |  |\n",
		"| network | go / Other | go / LiteRT |\n|---|---|---|\n| a |  | 2.00 (4.00) |\n| b |  |  |\n",
	} {
		if got := c.markdown(3); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := c.files[peer]; !slices.Equal(got, []int{0, -1}) {
		t.Errorf("files of the peer: %v", got)
	}
	c.end()
}
