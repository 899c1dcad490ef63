package targets

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"

	"edgec/export"
	"edgec/internal/testnet"
)

// sources are the project's own files, as the tool embeds them.
var sources = os.DirFS(rootDir)

// corner is testnet's network as a file.
func corner(t testing.TB) []byte {
	t.Helper()
	data, _, err := export.Encode(testnet.Corner("corner"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// lightCorner writes testnet's picture.
func lightCorner(t testing.TB, path string) {
	t.Helper()
	if err := os.WriteFile(path, testnet.LightCorner(t, 16), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The largest programs, with and without pictures. The aims are 2.2 and 1.6 MB.
const (
	maxProgram = 2_200_000
	maxLean    = 1_600_000
)

func TestBuildRunsOnBoards(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	dir := t.TempDir()
	t.Chdir(dir) // any folder will do
	t.Setenv("GOFLAGS", "-mod=vendor -race")
	t.Setenv("GOWORK", filepath.Join(dir, "absent.work"))
	root := os.DirFS(rootDir)
	model := corner(t)
	lightCorner(t, "light.png")
	for _, name := range []string{"rpi-zero", "rpi-zero-2w", "rpi-4"} {
		t.Run(name, func(t *testing.T) {
			board, err := Find(name)
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, "app-"+name)
			opt := Options{}
			most := int64(maxProgram)
			if name == "rpi-4" {
				opt.Pictures, most = No, maxLean
			}
			r, err := Build(context.Background(), root, model, board, out, opt)
			if err != nil {
				t.Fatal(err)
			}
			if r.Size > most {
				t.Errorf("program of %d bytes, at most %d are promised", r.Size, most)
			}
			words, ok := board.Command()
			if !ok {
				t.Skipf("built, not run: install %s (apt install qemu-user-static)", words[0])
			}
			run := func(args ...string) string {
				all := append(append(append([]string{}, words...), out), args...)
				text, err := exec.Command(all[0], all[1:]...).CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v: %s", strings.Join(all, " "), err, text)
				}
				return string(text)
			}
			if got := run("--selftest"); !strings.HasPrefix(got, "self-test passed") {
				t.Errorf("self-test: %q", got)
			}
			if opt.Pictures == No {
				return
			}
			if got := run("light.png"); !strings.HasPrefix(got, "light.png: top right ") {
				t.Errorf("classified %q", got)
			}
		})
	}
	left, err := filepath.Glob(".app*")
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files left: %v %v", left, err)
	}
}

// rootDir is the project's folder, whatever the current one is.
var rootDir = func() string {
	dir, err := filepath.Abs("..")
	if err != nil {
		panic(err)
	}
	return dir
}()

// Equal inputs give equal programs in any folder; one without pictures is smaller, says so, and
// computes the same.
func TestBuildIsReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	board, err := Find(goruntime.GOARCH)
	if err != nil {
		t.Skip(err)
	}
	var programs [2][]byte
	var r Result
	for i := range programs {
		dir := t.TempDir()
		t.Chdir(dir)
		t.Setenv("TMPDIR", dir)
		out := filepath.Join(dir, "app")
		if r, err = Build(context.Background(), sources, corner(t), board, out, Options{Pictures: No, Version: "v9.8.7"}); err != nil {
			t.Fatal(err)
		}
		if programs[i], err = os.ReadFile(out); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(programs[0], programs[1]) {
		t.Error("two folders, two programs")
	}
	words, ok := board.Command()
	if !ok {
		t.Skipf("built, not run: install %s (apt install qemu-user-static)", words[0])
	}
	lightCorner(t, "light.png")
	for _, c := range []struct {
		args, want string
		fails      bool
	}{
		{"--selftest", "self-test passed", false},
		{"--version", r.Hash, false},
		{"--version --json", `"edgec":"v9.8.7"`, false},
		{"light.png", "built without their decoders; give an .npy or raw file", true},
		{"--json --bench=3", `"error":{"message":"--bench is left out of this program; edgec build --bench yes adds it`, true},
		{"--help", "on each FILE (.npy, raw) or on standard input", false},
		{"--idx light.png", "this program was built without them", true},
		{"--generate 3", "this program was built for another", true},
	} {
		text, err := exec.Command(r.Path, strings.Fields(c.args)...).CombinedOutput()
		for _, option := range []string{"--idx", "--invert", "--bench", "--generate"} {
			if c.args == "--help" && strings.Contains(string(text), option) {
				t.Errorf("the help has %s: %s", option, text)
			}
		}
		if !strings.Contains(string(text), c.want) || (err != nil) != c.fails {
			t.Errorf("%s: %v, %s", c.args, err, text)
		}
	}
	if goruntime.GOOS == "linux" {
		checkBrokenPipe(t, r.Path)
	}
	if r.Pictures || r.Size > maxLean && goruntime.GOARCH == "arm64" {
		t.Errorf("%+v", r)
	}
}

// checkBrokenPipe fails the test unless a program ends quietly when nobody reads what it prints, as
// one that SIGPIPE has ended.
func checkBrokenPipe(t *testing.T, program string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	var errs bytes.Buffer
	cmd := exec.Command(program, "--info")
	cmd.Stdout, cmd.Stderr = w, &errs
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 141 || errs.Len() > 0 {
		t.Errorf("into a broken pipe: %v, %s", err, errs.String())
	}
	w.Close()
}

func TestBuildRefuses(t *testing.T) {
	model := corner(t)
	pi, _ := Find("rpi-4")
	out := filepath.Join(t.TempDir(), "app")
	for _, c := range []struct {
		name  string
		model []byte
		opt   Options
		want  string
	}{
		{"no toolchain", model, Options{Go: "go-that-is-not-there"}, "install go1.26 or later"},
		{"truncated model", model[:len(model)-3], Options{}, "targets: the model cannot be built"},
		{"text", []byte("hello"), Options{}, "targets: the model cannot be built"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Build(context.Background(), sources, c.model, pi, out, c.opt)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, c.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("an output file was left")
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := Build(ctx, sources, model, pi, out, Options{}); err == nil {
			t.Error("no error")
		}
	})
}
