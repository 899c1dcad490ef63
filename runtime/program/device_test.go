//go:build linux

package program

import (
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
)

// cpu is a machine that the device program is built for, and the emulator that
// runs it.
type platform struct{ name, arch, arm, qemu, model string }

var cpus = []platform{
	{"amd64", "amd64", "", "x86_64", ""},
	{"arm64", "arm64", "", "aarch64", "cortex-a53"},
	{"armv7", "arm", "7", "arm", "cortex-a7"},
	{"armv6", "arm", "6", "arm", "arm1176"},
	{"386", "386", "", "i386", ""},
	{"riscv64", "riscv64", "", "riscv64", ""},
	{"s390x", "s390x", "", "s390x", ""}, // big-endian
}

// build makes the device program without a model in it, and returns the words
// that run it on this machine.
func (c platform) build(t testing.TB) []string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "device-"+c.name)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, "edgec/targets/device")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+c.arch, "GOARM="+c.arm)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", c.name, err, text)
	}
	if c.arch == goruntime.GOARCH || c.arch == "386" && goruntime.GOARCH == "amd64" { // qemu-i386 7.2 breaks the threads of Go programs
		return []string{out}
	}
	for _, name := range []string{"qemu-" + c.qemu + "-static", "qemu-" + c.qemu} {
		if path, err := exec.LookPath(name); err == nil {
			if c.model != "" {
				return []string{path, "-cpu", c.model, out}
			}
			return []string{path, out}
		}
	}
	t.Fatalf("%s: qemu-%s-static is not installed: apt-get install qemu-user-static", c.name, c.qemu)
	return nil
}

// models returns the project's own compressed networks on MNIST: testdata/*.edgec
// in the root, or those of the folder EDGEC_MODELS.
func models(t testing.TB) []string {
	t.Helper()
	dir := os.Getenv("EDGEC_MODELS")
	if dir == "" {
		dir = "../../testdata"
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.edgec"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no .edgec file in %s", dir)
	}
	return files
}

// mnist returns the test part's pictures and labels.
func mnist(t testing.TB) (pictures, labels string) {
	t.Helper()
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("EDGEC_DATA does not name the folder of the data")
	}
	find := func(name string) string {
		files, _ := filepath.Glob(filepath.Join(dir, "mnist", name+"*"))
		if len(files) == 0 {
			t.Skipf("no %s in %s/mnist", name, dir)
		}
		return files[0]
	}
	return find("t10k-images"), find("t10k-labels")
}

func run(t testing.TB, words []string, args ...string) string {
	t.Helper()
	cmd := exec.Command(words[0], append(words[1:len(words):len(words)], args...)...)
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v %v: %v: %s", words, args, err, text)
	}
	return string(text)
}

// The device program prints the same counts, checksum and accuracy for all
// 10,000 test pictures of MNIST on every CPU.
func TestSameBytesEverywhere(t *testing.T) {
	if os.Getenv("EDGEC_DEEP") != "1" {
		t.Skip("takes minutes: set EDGEC_DEEP=1 and EDGEC_DATA, and -count=1, since go does not see models change")
	}
	pictures, labels := mnist(t)
	files := models(t)
	want := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want[file] = must(t, data, "", "--idx", pictures, "--labels", labels) // this machine, in this process
		t.Logf("%s, %d bytes:\n%s", filepath.Base(file), len(data), want[file])
		if !strings.HasPrefix(want[file], "pictures     10000\n") {
			t.Errorf("%s: not all of the test part", file)
		}
	}
	for _, c := range cpus {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			words := c.build(t)
			for _, file := range files {
				if got := run(t, words, "--model", file, "--idx", pictures, "--labels", labels); got != want[file] {
					t.Errorf("%s prints\n%s, this machine\n%s", filepath.Base(file), got, want[file])
				}
				if got := run(t, words, "--model", file, "--selftest"); !strings.Contains(got, "passed") {
					t.Errorf("%s: %s", filepath.Base(file), got)
				}
			}
		})
	}
}

// BenchmarkDevice runs the device program of this machine on one picture and
// reports its peak memory, and its size.
func BenchmarkDevice(b *testing.B) {
	words := platform{name: "host", arch: goruntime.GOARCH}.build(b)
	info, err := os.Stat(words[0])
	if err != nil {
		b.Fatal(err)
	}
	picture := filepath.Join(b.TempDir(), "p")
	if err := os.WriteFile(picture, make([]byte, 28*28), 0o644); err != nil {
		b.Fatal(err)
	}
	for _, file := range models(b) {
		b.Run(filepath.Base(file), func(b *testing.B) {
			peak := int64(0)
			for b.Loop() {
				cmd := exec.Command(words[0], "--model", file, picture)
				if text, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, text)
				}
				peak = max(peak, int64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)) // KiB on Linux
			}
			b.ReportMetric(float64(peak)/1024, "peak-MiB")
			b.ReportMetric(float64(info.Size())/(1<<20), "program-MiB")
		})
	}
}
