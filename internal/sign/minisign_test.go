package sign

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/deep"
)

// minisignProgram returns what runs minisign in a folder, and whether it was successful.
func minisignProgram(t *testing.T) func(args ...string) (string, bool) {
	t.Helper()
	program, err := exec.LookPath("minisign")
	if err != nil {
		t.Skip("minisign is not installed (apt install minisign)")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	return func(args ...string) (string, bool) {
		out, err := exec.Command(program, args...).CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), err == nil
	}
}

// minisign verifies what we sign with its key, and with ours; we verify what it signs.
func TestMinisign(t *testing.T) {
	run := minisignProgram(t)
	content := strings.Repeat("a network ", 1000)
	if err := os.WriteFile("net.edgec", []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	must := func(args ...string) string {
		t.Helper()
		out, ok := run(args...)
		if !ok {
			t.Fatalf("minisign %v: %s", args, out)
		}
		return out
	}
	must("-G", "-W", "-p", "theirs.pub", "-s", "theirs.key")
	if err := newKey(t).WriteKeys("ours.key", "ours.pub", ""); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"theirs", "ours"} {
		secret, err := ReadSecretKey(name+".key", nil)
		if err != nil {
			t.Fatal(err)
		}
		public, err := ReadPublicKey(name + ".pub")
		if err != nil || !public.Equal(secret.Public()) {
			t.Fatal(name, err)
		}
		signature := signed(t, secret, content, Statement{File: "net.edgec", Version: 4, Target: "rpi-4"})
		if err := os.WriteFile("net.edgec.minisig", signature, 0o644); err != nil {
			t.Fatal(err)
		}
		if out := must("-V", "-H", "-p", name+".pub", "-m", "net.edgec"); !strings.Contains(out, "version:4\ttarget:rpi-4") {
			t.Error(out)
		}
		must("-V", "-H", "-P", public.String(), "-m", "net.edgec")

		must("-S", "-W", "-s", name+".key", "-m", "net.edgec", "-t", "version:5")
		if s, err := public.VerifyFile("net.edgec"); err != nil || s.Version != 5 {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		must("-S", "-W", "-s", name+".key", "-m", "net.edgec")
		if s, err := public.VerifyFile("net.edgec"); err != nil || s.File != "net.edgec" || s.Time.IsZero() {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		must("-S", "-l", "-W", "-s", name+".key", "-m", "net.edgec")
		if _, err := public.VerifyFile("net.edgec"); !errors.Is(err, ErrLegacy) {
			t.Errorf("%s, legacy form: %v", name, err)
		}
	}
}

// Keys with a password go both ways. Each use takes 1 GiB and seconds.
func TestMinisignPassword(t *testing.T) {
	deep.Only(t)
	minisignProgram(t)
	run := func(input string, args ...string) {
		t.Helper()
		c := exec.Command("minisign", args...)
		c.Stdin = strings.NewReader(input)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("minisign %v: %s", args, out)
		}
	}
	if err := errors.Join(newKey(t).WriteKeys("ours.key", "ours.pub", "secret"), os.WriteFile("f", []byte("content"), 0o644)); err != nil {
		t.Fatal(err)
	}
	run("secret\nsecret\n", "-G", "-p", "theirs.pub", "-s", "theirs.key")
	for _, name := range []string{"ours", "theirs"} {
		run("secret\n", "-S", "-s", name+".key", "-m", "f")
		public, err := ReadPublicKey(name + ".pub")
		if err == nil {
			_, err = public.VerifyFile("f")
		}
		if err != nil {
			t.Error(name, err)
		}
		if k, err := ReadSecretKey(name+".key", func() (string, error) { return "secret", nil }); err != nil || !k.Public().Equal(public) {
			t.Error(name, err)
		}
	}
}

// minisign refuses the same as we do.
func TestMinisignRefuses(t *testing.T) {
	run := minisignProgram(t)
	k := newKey(t)
	if err := k.WriteKeys("our.key", "our.pub", ""); err != nil {
		t.Fatal(err)
	}
	if err := newKey(t).WriteKeys("other.key", "other.pub", ""); err != nil {
		t.Fatal(err)
	}
	const content = "the content of a file"
	signature := string(signed(t, k, content, Statement{File: "f", Version: 7}))
	for name, c := range map[string]struct{ content, signature, pub string }{
		"nothing wrong":   {content, signature, "our.pub"},
		"changed content": {"The content of a file", signature, "our.pub"},
		"cut content":     {content[:5], signature, "our.pub"},
		"cut signature":   {content, signature[:200], "our.pub"},
		"changed comment": {content, strings.Replace(signature, "version:7", "version:9", 1), "our.pub"},
		"another key":     {content, signature, "other.pub"},
	} {
		path := filepath.Join(t.TempDir(), "f")
		if err := errors.Join(os.WriteFile(path, []byte(c.content), 0o644), os.WriteFile(path+Suffix, []byte(c.signature), 0o644)); err != nil {
			t.Fatal(err)
		}
		out, theirs := run("-V", "-p", c.pub, "-m", path)
		public, err := ReadPublicKey(c.pub)
		if err != nil {
			t.Fatal(err)
		}
		_, ours := public.VerifyFile(path)
		if theirs != (ours == nil) || theirs != (name == "nothing wrong") {
			t.Errorf("%s: minisign %v (%s), edgec %v", name, theirs, out, ours)
		}
	}
}
