package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgec/runtime"
	"edgec/runtime/format"
	"edgec/runtime/program"
)

func TestLimitFlag(t *testing.T) {
	for _, c := range []struct {
		unit, s string
		want    int64
	}{{"size", "1000", 1000}, {"size", "2GiB", 2 << 30}, {"size", "500 mb", 500e6}, {"size", "3KB", 3000}, {"size", "1.5GB", 0}, {"size", "0", 0}, {"size", "9999999999GiB", 0}, {"size", "", 0},
		{"steps", "20000000000", 20e9}, {"steps", "2GiB", 0}, {"steps", "-1", 0}} {
		n := int64(0)
		if err := (limit{&n, c.unit}).Set(c.s); (err == nil) != (c.want > 0) || n != c.want {
			t.Errorf("%s %q is %d (%v), want %d", c.unit, c.s, n, err, c.want)
		}
	}
}

// hostile is a network whose labels are terminal escapes, which takes 2^20 bytes of memory and
// about 2^25 steps.
func hostile(t *testing.T) string {
	t.Helper()
	f := &format.File{Tensors: []format.Tensor{{Shape: []int{1 << 10, 1 << 10, 1}, Scale: 1}, {Shape: []int{1 << 10, 1 << 10, 1}, Scale: 1}, {Shape: []int{1, 1, 1}, Scale: 1}}, Inputs: []int{0}, Outputs: []int{2}}
	for k, size := range []int{1, 1 << 10} {
		f.Instrs = append(f.Instrs, format.Instr{Op: format.OpMaxPool, In: []int{k}, Out: k + 1, KH: size, KW: size, StrideH: size, StrideW: size, DilH: 1, DilW: 1,
			Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127})
	}
	f.Meta = format.Meta{Name: "a\x1b[2Jb", Labels: []string{"cat\x1b[31m\nfake: 9 1\u202e\u009b"}}
	format.Finish(f)
	data, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hostile.edgec")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// The commands refuse what passes a limit, and say which flag raises it.
func TestLimits(t *testing.T) {
	path := hostile(t)
	input := filepath.Join(t.TempDir(), "input.bin")
	if err := os.WriteFile(input, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string // of standard error; "": none
	}{
		{[]string{"run", path, input}, ""},
		{[]string{"run", path, input, "--max-memory", "2MB"}, "bytes of memory, the limit is 2000000; --max-memory "},
		{[]string{"run", path, input, "--max-work", "1000000"}, "steps, the limit is 1000000; --max-work "},
		{[]string{"bench", path, "--runs", "1", "--max-work", "1000000"}, "--max-work "},
		{[]string{"run", path, "--selftest", "--max-memory", "1MB"}, "--max-memory "},
	} {
		r := command(t, c.args...)
		if (r.code == exitDone) != (c.want == "") || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%v: exit code %d, %s", c.args, r.code, r.stderr)
		}
		if _, remedy, ok := strings.Cut(r.stderr, "; --"); c.want != "" && ok { // the remedy works
			flag, _, _ := strings.Cut(remedy, " allows")
			again := command(t, append(c.args, strings.Fields("--"+flag)...)...)
			if strings.Contains(again.stderr, "limit") {
				t.Errorf("%v --%s: %s", c.args, flag, again.stderr)
			}
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := runtime.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.NewSession(runtime.Config{Work: 1}); remedied(err) == nil || !strings.Contains(remedied(err).Error(), "--max-work") {
		t.Errorf("eval says %v", remedied(err))
	}
}

// What a file says is printed on one line, without anything that a terminal obeys, and read
// from JSON as it is.
func TestEscapes(t *testing.T) {
	path := hostile(t)
	input := filepath.Join(t.TempDir(), "input.bin")
	if err := os.WriteFile(input, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"inspect", path}, {"inspect", path, "--json"}, {"run", path, input}, {"run", path, input, "--json"}} {
		r := command(t, args...)
		if r.code != exitDone {
			t.Errorf("%v: %s", args, r.stderr)
		}
		for line := range strings.Lines(r.stdout) {
			if strings.IndexFunc(strings.TrimSuffix(line, "\n"), program.Hidden) >= 0 || strings.HasPrefix(line, "fake") {
				t.Errorf("%v prints %q", args, line)
			}
		}
		if args[len(args)-1] != "--json" {
			continue
		}
		var got struct {
			Labels []string
			Top    []struct{ Label string }
		}
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Fatal(err)
		}
		for _, top := range got.Top {
			got.Labels = append(got.Labels, top.Label)
		}
		if len(got.Labels) != 1 || got.Labels[0] != "cat\x1b[31m\nfake: 9 1\u202e\u009b" {
			t.Errorf("%v: labels %q", args, got.Labels)
		}
	}
}
