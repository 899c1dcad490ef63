package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"edgec/internal/deploy"
)

// What is signed is verified; whatever is changed is refused, with cause and remedy.
func TestSign(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "net.edgec", []byte("a network"))
	write(t, "b.edd", []byte("a delta"))
	key := parse[keyResult](t, command(t, "keygen", "--no-password", "--json"))
	if key.Output != "edgec.pub" || len(key.Public) != 56 || key.Encrypted {
		t.Errorf("%+v", key)
	}
	command(t, "keygen", "--no-password", "--key", "other.key").must(t)
	made := parse[signResult](t, command(t, "sign", "net.edgec", "b.edd", "--version", "7", "--target", "RPi4", "--json"))
	if len(made.Files) != 2 || made.Files[0].Version != 7 || made.Files[0].Target != "rpi-4" || made.Key != key.ID {
		t.Errorf("%+v", made)
	}
	for _, pub := range []string{"edgec.pub", key.Public} {
		command(t, "verify", "net.edgec", "b.edd", "--pub", pub).must(t).has(t, key.ID, "9 bytes", "version 7, for rpi-4, signed 2")
	}
	renamed := read(t, "net.edgec.minisig")
	write(t, "new.edgec", []byte("a network"))
	write(t, "new.edgec.minisig", renamed)
	if r := command(t, "verify", "new.edgec").must(t); !strings.Contains(r.stderr, "was signed under the name net.edgec") || !strings.Contains(r.stdout, "as net.edgec") {
		t.Errorf("%+v", r)
	}
	write(t, "changed.edgec", []byte("a Network"))
	write(t, "changed.edgec.minisig", renamed)
	write(t, "odd.edgec", []byte("a network"))
	write(t, "odd.edgec.minisig", []byte("odd"))
	for _, c := range []struct{ args, want string }{
		{"verify changed.edgec", "changed.edgec: the signature is for other content: the file was changed or cut after signing"},
		{"verify odd.edgec", "odd.edgec: the signature is not a signature in minisign's format"},
		{"verify net.edgec --pub other.pub", "net.edgec: the signature is by another key, " + key.ID + ", and the public key is "},
		{"verify edgec.pub", "edgec.pub.minisig: file does not exist; the file is not signed: get its signature too, or make one with edgec sign"},
		{"verify net.edgec.minisig", "net.edgec.minisig: is a signature; give the file that it is for: net.edgec"},
		{"verify none.edgec", "none.edgec: no such file or directory; give a file"},
		{"verify net.edgec --pub none.pub", "--pub none.pub: no such file or directory; give the .pub file"},
		{"verify net.edgec --pub edgec.key", "--pub edgec.key: is not a public key"},
		{"sign .", ".: is not a regular file"},
		{"sign net.edgec --key none.key", "none.key: no such file or directory; give the secret key that edgec keygen wrote"},
		{"sign other.key", "other.key: is a secret key, which nobody else should get"},
		{"sign net.edgec --key edgec.pub", "edgec.pub: is not a secret key"},
		{"sign net.edgec --version 0", "--version 0: give a whole number from 1"},
		{"sign net.edgec b.edd --base net.edgec", "--base: belongs to one delta"},
		{"sign b.edd --base none", "--base none: no such file"},
		{"sign net.edgec --target pdp-11", "--target pdp-11: no board"},
		{"keygen --no-password", "edgec.key: is there already, and a key is never overwritten"},
		{"keygen --no-password --key x.key --pub other.pub", "other.pub: is there already"},
		{"keygen --no-password --key x --pub x", "--pub x: is the name of the secret key too"},
		{"keygen --key x.key", "there is no terminal to ask for a password; put it into the environment variable EDGEC_KEY_PASSWORD"},
	} {
		if r := command(t, strings.Fields(c.args)...); r.code == exitDone || !strings.Contains(r.stderr, c.want) || r.stdout != "" {
			t.Errorf("edgec %s: %+v\nwant %q", c.args, r, c.want)
		}
	}
	if _, err := os.Stat("x.key"); err == nil || !bytes.Equal(renamed, read(t, "net.edgec.minisig")) {
		t.Error("a refused command has written")
	}
	if err := os.Chmod("edgec.key", 0o644); err != nil {
		t.Fatal(err)
	}
	if r := command(t, "sign", "b.edd").must(t); !strings.Contains(r.stderr, "other users may read this secret key (mode 0644); chmod 600 edgec.key") || !strings.Contains(r.stderr, "signed without a version") {
		t.Error(r.stderr)
	}
}

// A program is signed for what it was built for, and for no board that cannot run it.
func TestSignProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := deploy.ReadProgram("test", data); ok {
		t.Error("this test is no device program")
	}
	for _, c := range []struct {
		system deploy.System
		want   string
	}{
		{deploy.System{GOOS: "linux", GOARCH: "arm", GOARM: "6"}, "linux-armv6"},
		{deploy.System{GOOS: "linux", GOARCH: "arm64"}, "linux-arm64"},
		{deploy.System{GOOS: "windows", GOARCH: "amd64"}, "windows-amd64"},
		{deploy.System{GOOS: "plan9", GOARCH: "amd64"}, ""},
	} {
		if got := targetOf(c.system); got != c.want {
			t.Errorf("%v: %q, want %q", c.system, got, c.want)
		}
	}
}
