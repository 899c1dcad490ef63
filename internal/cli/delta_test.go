package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// Any two files have a delta. It is signed with its base, and a patched program can be executed.
func TestDeltaOfPrograms(t *testing.T) {
	t.Chdir(t.TempDir())
	old := bytes.Repeat([]byte("a program, and its model\n"), 400)
	write(t, "old", old)
	write(t, "new", append(bytes.Replace(old, []byte("model"), []byte("muddle"), 3), "end"...))
	write(t, "other", []byte("another file"))
	if err := os.Chmod("old", 0o755); err != nil {
		t.Fatal(err)
	}
	got := parse[deltaResult](t, command(t, "delta", "old", "new", "-o", "d.edd", "--json"))
	if got.Bytes >= got.Whole/10 || got.Old != len(old) || got.Bytes != len(read(t, "d.edd")) {
		t.Errorf("%+v", got)
	}
	command(t, "patch", "old", "d.edd", "-o", "made").must(t).has(t, "% of the new file's 10,006")
	if !bytes.Equal(read(t, "made"), read(t, "new")) {
		t.Error("the patched file differs from the new one")
	}
	if info, err := os.Stat("made"); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if r := command(t, "diff", "old", "other", "-o", "large.edd").must(t); !strings.Contains(r.stderr, "send other itself") {
		t.Error(r.stderr)
	}
	write(t, "cut.edd", read(t, "d.edd")[:80])
	for _, c := range []struct{ args, want string }{
		{"patch other d.edd -o x", "d.edd: the delta was made against another base, of 10000 bytes and SHA-256 "},
		{"patch old cut.edd -o x", "cut.edd: format: "},
		{"patch old other -o x", "other: format: not a delta"},
		{"sign d.edd --key edgec.key --base other", "d.edd: --base other: the delta was made against another file"},
	} {
		if c.args[0] == 's' {
			command(t, "keygen", "--no-password").must(t)
		}
		if r := command(t, strings.Fields(c.args)...); r.code != exitFailed || !strings.Contains(r.stderr, c.want) {
			t.Errorf("edgec %s: %+v\nwant %q", c.args, r, c.want)
		}
		if _, err := os.Stat("x"); err == nil {
			t.Errorf("edgec %s has left a file", c.args)
		}
	}
	signed := parse[signResult](t, command(t, "sign", "d.edd", "--json"))
	if want := sumOf(old); signed.Files[0].Base != want {
		t.Errorf("base %s, want %s", signed.Files[0].Base, want)
	}
}
