package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"testing"
)

// A program is told from other files, also stripped, with what it was built for.
func TestReadProgram(t *testing.T) {
	out := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", out, "edgec/targets/device")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	p, system, ok := ReadProgram(out, data)
	if want := (System{GOOS: goruntime.GOOS, GOARCH: goruntime.GOARCH}); !ok || system != want && goruntime.GOARCH != "arm" || p.Model != "program" || len(p.Data) != len(data) {
		t.Errorf("%v %v %v, want %v", p.Model, system, ok, want)
	}
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{self, nil, []byte("#!/bin/sh\n"), data[:1000]} {
		if _, system, ok := ReadProgram("x", data); ok {
			t.Errorf("%d bytes count as a program for %v", len(data), system)
		}
	}
}

// A program for another processor is refused before anything is sent.
func TestRunsOn(t *testing.T) {
	arm64, v7, v6, amd64 := System{"linux", "arm64", ""}, System{"linux", "arm", "7"}, System{"linux", "arm", "6"}, System{"linux", "amd64", ""}
	for _, c := range []struct {
		uname string
		s     System
		runs  bool
	}{
		{"Linux aarch64\n", arm64, true}, {"Linux aarch64", v7, true}, {"Linux aarch64", amd64, false},
		{"Linux armv7l", v7, true}, {"Linux armv7l", v6, true}, {"Linux armv7l", arm64, false},
		{"Linux armv6l", v6, true}, {"Linux armv6l", v7, false},
		{"Linux x86_64", amd64, true}, {"Linux x86_64", System{"windows", "amd64", ""}, false},
		{"Darwin arm64", arm64, false}, {"Linux s390x", arm64, true}, {"Linux s390x", System{"js", "wasm", ""}, false},
	} {
		if err := c.s.RunsOn(c.uname); (err == nil) != c.runs {
			t.Errorf("%v on %q: %v", c.s, c.uname, err)
		}
	}
}
