package program

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgec/runtime/format"
)

// A program makes a file out of another one and a delta, and nothing of a wrong one.
func TestPatch(t *testing.T) {
	dir := t.TempDir()
	base := bytes.Repeat([]byte("a program and its model\n"), 100)
	file := append(bytes.ReplaceAll(base, []byte("its"), []byte("no")), "end"...)
	delta, err := format.DiffBytes(base, file, sha256.Sum256(base), sha256.Sum256(file))
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, data []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old, edd, cut := put("old", base), put("d.edd", delta), put("cut.edd", delta[:50])
	patch := func(args ...string) (string, string, int) {
		var out, errs bytes.Buffer
		code := Program{}.Main(append([]string{"app"}, args...), nil, &out, &errs)
		return out.String(), errs.String(), code
	}
	if out, errs, code := patch("--patch", edd, old); code != 0 || out != string(file) {
		t.Errorf("exit code %d, %q, %s", code, out, errs)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--patch", edd}, "give one FILE"},
		{[]string{"--patch", edd, old, old}, "give one FILE"},
		{[]string{"--patch", edd, edd}, "made against another base"},
		{[]string{"--patch", cut, old}, "cut.edd: format: "},
		{[]string{"--patch", filepath.Join(dir, "none"), old}, "none: "},
		{[]string{"--patch", edd, filepath.Join(dir, "none")}, "none: "},
		{[]string{"--patch"}, "--patch needs a value"},
	} {
		if out, errs, code := patch(c.args...); code != 1 || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, %q, %q; want %q", c.args, code, out, errs, c.want)
		}
	}
}
