package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/deep"
	"edgec/targets"
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

// A board's program with another model comes to at most a tenth of its size, and the old program
// applies the delta on the board's processor.
func TestDeltaOnBoards(t *testing.T) {
	deep.Only(t)
	models, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, name := range []string{"rpi-zero-2w", "rpi-zero"} {
		board, err := targets.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		const old = "lenet-300-100" // with other kinds of layers: the largest delta of docs/REFERENCE.md
		for _, model := range []string{"lenet-5", old} {
			command(t, "build", filepath.Join(models, model+".edgec"), "--target", name, "-o", model).must(t)
		}
		got := parse[deltaResult](t, command(t, "diff", old, "lenet-5", "-o", "d.edd", "--json"))
		t.Logf("%s: a program of %d bytes, a delta of %d", name, got.Whole, got.Delta)
		if got.Delta > got.Whole/10 {
			t.Errorf("%s: a delta of %d bytes for a program of %d", name, got.Delta, got.Whole)
		}
		words, ok := board.Command()
		if !ok {
			t.Logf("not applied on %s: install %s (apt install qemu-user-static)", name, words[0])
			continue
		}
		words = append(words, "./"+old, "--patch", "d.edd", old)
		made, err := exec.Command(words[0], words[1:]...).Output()
		if err != nil || !bytes.Equal(made, read(t, "lenet-5")) {
			t.Errorf("%s: the old program made %d bytes: %v", name, len(made), err)
		}
	}
}
