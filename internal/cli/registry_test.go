package cli

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"

	"edgec/internal/deep"
	"edgec/internal/registry"
	"edgec/internal/sign"
)

// aRegistry starts a registry on the loopback interface, and returns its host.
func aRegistry(t *testing.T) string {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	s := httptest.NewServer(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// A signed model goes to a registry, on a stick, and into a folder, with a card that says what
// is known of it.
func TestRegistry(t *testing.T) {
	withFile(t)
	at := aRegistry(t) + "/me/corner"
	command(t, "keygen", "--no-password").must(t)
	command(t, "keygen", "--no-password", "--key", "other.key").must(t)
	command(t, "sign", "corner.edgec", "--version", "7").must(t)
	write(t, "LICENSE", []byte("Do what you like.\n"))
	pushed := parse[artifact](t, command(t, "push", "corner.edgec", "LICENSE", at+":7", "--licence", "MIT", "--json"))
	again := parse[artifact](t, command(t, "push", "LICENSE", "corner.edgec.minisig", "corner.edgec", "oci:stick:7", "--name", "LICENSE", "--licence", "MIT", "--json"))
	if pushed.Version != 7 || pushed.Name != "corner" || len(pushed.Files) != 4 || pushed.Previous != "" || again.Name != "LICENSE" {
		t.Errorf("%+v, %+v", pushed, again)
	}
	same := parse[artifact](t, command(t, "push", "LICENSE", "corner.edgec", "oci:stick:7", "--name", "corner", "--licence", "MIT", "--json"))
	if same.Digest != pushed.Digest || same.Previous != again.Digest {
		t.Errorf("%+v, %+v", same, pushed)
	}
	command(t, "copy", at+":7", "oci:stick:copied", "--pub", "edgec.pub").must(t).has(t, "copied from", pushed.Digest)
	for pub, want := range map[string]string{"other.pub": "by another key", "none.pub": "--pub none.pub: no such file"} {
		if r := command(t, "copy", at+":7", "oci:stick:refused", "--pub", pub); r.code != exitFailed || !strings.Contains(r.stderr, want) {
			t.Errorf("%+v", r)
		}
	}
	if r := command(t, "pull", "oci:stick:refused"); !strings.Contains(r.stderr, "not found") {
		t.Errorf("%+v", r)
	}
	command(t, "pull", "oci:stick:copied", "-o", "out", "--pub", "edgec.pub").must(t).has(t, pushed.Digest, "corner.edgec", "version 7 is signed", "LICENSE, 18 bytes, left out: it is not signed")
	if got := filesIn(t, "out"); !slices.Equal(got, []string{"corner.edgec", "corner.edgec.minisig"}) || string(read(t, "out/corner.edgec")) != string(read(t, "corner.edgec")) {
		t.Errorf("%q", got)
	}
	command(t, "pull", at+"@"+pushed.Digest, "-o", "all").must(t)
	card := string(read(t, "all/model-card.md"))
	for _, want := range []string{"# corner\n", "| input | 8x8x1", "Licence: MIT", "| corner.edgec | model |", "edgec run corner.edgec INPUT", "edgec eval"} {
		if !strings.Contains(card, want) {
			t.Errorf("the card lacks %q:\n%s", want, card)
		}
	}
	if r := command(t, "pull", at+":7", "-o", "none", "--pub", "other.pub"); r.code != exitFailed || !strings.Contains(r.stderr, "by another key") {
		t.Errorf("%+v", r)
	}
	if _, err := os.Stat("none"); err == nil {
		t.Error("a refused pull has left its folder")
	}
}

func filesIn(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// The report of a search gives the card its figures; that of another file is refused.
func TestCardOfReport(t *testing.T) {
	withFile(t)
	command(t, "compress", "corner.onnx", "--data", "data", "--no-training", "--max-drop", "5", "-o", "a.edgec", "--report", "a.json").must(t)
	command(t, "push", "a.edgec", "oci:stick:1", "--report", "a.json").must(t)
	command(t, "pull", "oci:stick:1", "-o", "out").must(t)
	card := string(read(t, "out/model-card.md"))
	for _, want := range []string{"## Measured", "error, float network", "held out |", "points |", "The float network, corner"} {
		if !strings.Contains(card, want) {
			t.Errorf("the card lacks %q:\n%s", want, card)
		}
	}
	write(t, "b.edgec", scaledFile(t))
	if r := command(t, "push", "b.edgec", "oci:stick:2", "--report", "a.json"); r.code != exitFailed || !strings.Contains(r.stderr, "a.json: is the report of another file") {
		t.Errorf("%+v", r)
	}
}

// What is wrong is said in one line, and nothing is stored or written.
func TestRegistryErrors(t *testing.T) {
	withFile(t)
	at := aRegistry(t) + "/me/corner"
	command(t, "keygen", "--no-password").must(t)
	write(t, "locked.key", []byte("untrusted comment: minisign encrypted secret key\nRWRTY0Iy"+strings.Repeat("A", 204)+"\n"))
	write(t, "old.edgec", read(t, "corner.edgec"))
	command(t, "sign", "corner.edgec", "old.edgec").must(t)
	write(t, "old.edgec", scaledFile(t))
	write(t, "README.md", []byte("# mine\n"))
	write(t, "report.json", []byte("{}"))
	write(t, "a b/x.edgec", read(t, "corner.edgec"))
	write(t, "-x.edgec", read(t, "corner.edgec"))
	write(t, "renamed.edgec", read(t, "corner.edgec"))
	write(t, "renamed.edgec.minisig", read(t, "corner.edgec.minisig"))
	write(t, "other/corner.edgec", scaledFile(t))
	command(t, "push", "corner.edgec", at+":1", "--no-card").must(t)
	command(t, "push", "renamed.edgec", at+":renamed").must(t)
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"push corner.edgec", exitUsage, "give the files, and where to store them"},
		{"push corner.edgec README.md", exitUsage, "README.md: is a file, and the last argument says where"},
		{"push corner.edgec " + at, exitUsage, "has no tag"},
		{"push corner.edgec corner:1", exitUsage, "names no registry"},
		{"push corner.edgec " + at + "@sha256:" + strings.Repeat("0", 64), exitUsage, "give a tag"},
		{"push corner.edgec " + at + ":2 --version 0", exitUsage, "give a whole number"},
		{"push corner.edgec " + at + ":2 --no-card --card README.md", exitUsage, "--no-card contradicts"},
		{"push none.edgec " + at + ":2", exitFailed, "none.edgec: no such file"},
		{"push corner.onnx " + at + ":2", exitFailed, "make an .edgec file of it"},
		{"push corner.edgec edgec.key " + at + ":2", exitFailed, "edgec.key: is a secret key"},
		{"push corner.edgec locked.key " + at + ":2", exitFailed, "locked.key: is a secret key"},
		{"push README.md " + at + ":2", exitFailed, "no model, program or delta"},
		{"push old.edgec " + at + ":2", exitFailed, "old.edgec.minisig: is for other content"},
		{"push corner.edgec old.edgec.minisig " + at + ":2", exitFailed, "give old.edgec too"},
		{"push corner.edgec other/corner.edgec " + at + ":2", exitFailed, "has the name corner.edgec already"},
		{"push corner.edgec " + at + ":2 --report report.json", exitFailed, "is no report of a search"},
		{"push corner.edgec " + at + ":2 --card none.md", exitFailed, "none.md: no such file"},
		{"push corner.edgec oci:data:2", exitFailed, "has other files and is no OCI layout"},
		{"pull " + at + ":2", exitFailed, "not found in"},
		{"pull oci:data:1", exitFailed, "is no OCI layout"},
		{"pull " + at + ":1 -o README.md", exitFailed, "README.md"},
		{"pull " + at + ":1 -o none/below", exitFailed, "mkdir -p none"},
		{"pull " + at + ":1 -o other", exitFailed, "give --force"},
		{"pull " + at + ":1 -o out --pub none.pub", exitFailed, "--pub none.pub: no such file"},
		{"pull " + at + ":1 -o out --max-size 10", exitFailed, "--max-size"},
		{"pull " + at + ":1 -o out --target pdp-11", exitUsage, "--target pdp-11: no board"},
		{"pull " + at + ":1 -o out --plain-http=false", exitFailed, "--plain-http"},
		{"pull " + at + ":renamed -o out --pub edgec.pub", exitFailed, "was signed under another name, corner.edgec"},
		{"copy " + at + ":1 " + at, exitUsage, "has no tag"},
		{"copy " + at + ":2 " + at + ":3", exitFailed, "not found in"},
		{"copy oci:data:1 " + at + ":3", exitFailed, "is no OCI layout"},
	} {
		r := command(t, strings.Fields(c.args)...)
		line, rest, _ := strings.Cut(r.stderr, "\n")
		for strings.HasPrefix(line, "edgec: ") && !strings.HasPrefix(line, "edgec: error") && rest != "" {
			line, rest, _ = strings.Cut(rest, "\n")
		}
		if r.code != c.code || !strings.Contains(r.stderr, c.want) || r.stdout != "" {
			t.Errorf("edgec %s: %+v\nwant %q, exit code %d", c.args, r, c.want, c.code)
		}
	}
	if _, err := os.Stat("out"); err == nil {
		t.Errorf("left %q", filesIn(t, "out"))
	}
	command(t, "pull", at+":1", "-o", "other", "--force").must(t)
	if string(read(t, "other/corner.edgec")) != string(read(t, "corner.edgec")) {
		t.Error("--force has replaced nothing")
	}
}

// An interrupt ends a pull from a registry that never answers.
func TestPullInterrupted(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer s.Close()
	ended := make(chan result, 1)
	go func() {
		ended <- commandUntil(t, ctx, nil, "pull", strings.TrimPrefix(s.URL, "http://")+"/x:1", "-o", "out", "--json")
	}()
	select {
	case r := <-ended:
		var f struct{ Error failure }
		if err := json.Unmarshal([]byte(r.stdout), &f); err != nil || r.code != exitInterrupted || f.Error.ExitCode != exitInterrupted || !strings.Contains(f.Error.Message, "no file was written") {
			t.Errorf("%+v, %v", r, err)
		}
		if len(filesIn(t, ".")) != 0 {
			t.Errorf("left %q", filesIn(t, "."))
		}
	case <-time.After(time.Minute):
		t.Fatal("the pull goes on")
	}
}

// A board gets the programs that it runs: the best of those for older ARM.
func TestWantedPrograms(t *testing.T) {
	file := func(name string, kind registry.Kind, system string) registry.File {
		return registry.File{Name: name, Kind: kind, System: system}
	}
	from := &registry.Artifact{Files: []registry.File{file("m", registry.Model, ""), file("a6", registry.Program, "linux/arm v6"), file("a7", registry.Program, "linux/arm v7"),
		file("a64", registry.Program, "linux/arm64"), file("w", registry.Program, "windows/amd64"), file("r", registry.Document, ""), file("m.minisig", registry.Signature, "")}}
	for board, want := range map[string]string{"rpi-zero": "m a6 r", "linux-armv7": "m a7 r", "rpi-4": "m a64 r", "windows-amd64": "m w r", "linux-riscv64": ""} {
		p := &pullFlags{target: board}
		keep, err := p.wanted(from)
		if err != nil {
			if want != "" || !strings.Contains(err.Error(), "a6 (linux/arm v6)") {
				t.Errorf("%s: %v", board, err)
			}
			continue
		}
		var got []string
		for _, f := range from.Files {
			if keep(f) {
				got = append(got, f.Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", board, got, want)
		}
	}
}

// What an artifact says of a program is not signed; what the signature says counts.
func TestRelabelled(t *testing.T) {
	key, err := sign.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	signature, _, err := key.Sign(strings.NewReader("a program"), sign.Statement{File: "app", Target: "rpi-zero", Version: 3})
	if err != nil {
		t.Fatal(err)
	}
	for system, ok := range map[string]bool{"linux/arm v6": true, "linux/arm v5": true, "linux/arm v7": false, "linux/arm64": false, "": false} {
		versions := map[string]int{}
		err := verifier(key.Public(), versions)(registry.File{Name: "app", Kind: registry.Program, System: system}, strings.NewReader("a program"), signature)
		if (err == nil) != ok || ok && versions["app"] != 3 || !ok && !strings.Contains(err.Error(), "was signed for rpi-zero") {
			t.Errorf("%q: %v, %v", system, err, versions)
		}
	}
}

// Programs for several boards share an artifact, and each board gets its own.
func TestRegistryPrograms(t *testing.T) {
	deep.Only(t)
	withFile(t)
	at := aRegistry(t) + "/me/corner:1"
	for _, board := range []string{"rpi-zero", "rpi-4"} {
		command(t, "build", "corner.edgec", "--target", board, "-o", "app-"+board).must(t)
	}
	command(t, "push", "corner.edgec", "app-rpi-4", "app-rpi-zero", at).must(t).has(t, "app-rpi-zero", "for linux/arm v6", "for linux/arm64")
	command(t, "pull", at, "-o", "out", "--target", "rpi-zero").must(t)
	info, err := os.Stat("out/app-rpi-zero")
	if err != nil || info.Mode()&0o111 != 0o111 || !slices.Equal(filesIn(t, "out"), []string{"app-rpi-zero", "corner.edgec", "model-card.md"}) {
		t.Errorf("%v, %v, %q", err, info, filesIn(t, "out"))
	}
}

// Ctrl-C ends the process with the exit code for interrupts, and says how things are left.
func TestPullSignal(t *testing.T) {
	if goruntime.GOOS == "windows" {
		t.Skip("no process can send an interrupt there")
	}
	t.Chdir(t.TempDir())
	asked := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-r.Context().Done()
	}))
	defer s.Close()
	cmd := exec.Command(os.Args[0], "pull", strings.TrimPrefix(s.URL, "http://")+"/x:1", "-o", "out")
	cmd.Env = append(os.Environ(), asProgram+"=1", "DOCKER_CONFIG="+t.TempDir())
	var text strings.Builder
	cmd.Stderr = &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked:
	case <-time.After(time.Minute):
		cmd.Process.Kill()
		t.Fatal("it asks for nothing")
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	over := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer over.Stop()
	cmd.Wait()
	if cmd.ProcessState.ExitCode() != exitInterrupted || !strings.HasSuffix(text.String(), "edgec: interrupted: ending the transfer\nedgec: error: interrupted; no file was written; give the command again\n") || len(filesIn(t, ".")) != 0 {
		t.Errorf("exit code %d, %q, files %q", cmd.ProcessState.ExitCode(), text.String(), filesIn(t, "."))
	}
}
