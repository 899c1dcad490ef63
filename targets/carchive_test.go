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

	"edgec/internal/deep"
)

// use is a C program that says what the library computes, and what it refuses.
const use = `#include <stdio.h>
#include "libcorner.h"

int main(void) {
	float x[CORNER_INPUT0_SIZE] = {0}, y[CORNER_OUTPUT0_SIZE];
	uint8_t pixels[CORNER_INPUT0_SIZE] = {0};
	int32_t m = corner_new(), other = corner_new();
	x[15] = 0.75;
	if (corner_set_input(m, 0, x, CORNER_INPUT0_SIZE) || corner_run(m) || corner_get_output(m, 0, y, CORNER_OUTPUT0_SIZE))
		return 1;
	printf("%g %g %g %g\n", y[0], y[1], y[2], y[3]);
	pixels[0] = 255;
	if (corner_set_pixels(other, pixels, CORNER_INPUT0_SIZE) || corner_run(other) || corner_get_output(other, 0, y, CORNER_OUTPUT0_SIZE))
		return 2;
	printf("%d\n", y[0] > 0.9 && y[3] == 0);
	int code = corner_set_input(m, 0, x, 3);
	printf("%d %s\n", code, corner_error(m));
	printf("%d %d %d %d %d\n", corner_run(99), corner_get_output(m, 1, y, 4), corner_get_output(m, 0, y, 3), corner_set_input(m, 0, NULL, 16), corner_set_input(m, 7, x, 16));
	printf("%d %d\n", corner_self_test(m), corner_reset(m));
	corner_free(m);
	printf("%d %s\n", corner_run(m), CORNER_EDGEC);
	return 0;
}
`

// A C program links the library and computes what the runtime computes. Two folders give equal
// libraries.
func TestArchive(t *testing.T) {
	deep.Only(t) // compiles Go's runtime for C
	board, err := Find(goruntime.GOARCH)
	if err != nil {
		t.Skip(err)
	}
	if _, err := compilerFor(board); err != nil {
		t.Skip(err)
	}
	var made [2][]byte
	var a Archive
	for i := range made {
		dir := t.TempDir()
		t.Chdir(dir)
		t.Setenv("TMPDIR", dir)
		if a, err = BuildArchive(context.Background(), sources, corner(t), board, "libcorner.a", Options{Version: "v1.2.3"}); err != nil {
			t.Fatal(err)
		}
		if made[i], err = os.ReadFile("libcorner.a"); err != nil {
			t.Fatal(err)
		}
	}
	if a.Prefix != "corner" || a.Header != "libcorner.h" || a.Size != int64(len(made[1])) || !bytes.Equal(made[0], made[1]) {
		t.Errorf("%+v; equal: %v", a, bytes.Equal(made[0], made[1]))
	}
	if err := os.WriteFile("use.c", []byte(use), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(a.CC, "-Wall", "-Werror", "-o", "use", "use.c", "libcorner.a", "-lpthread").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	text, err := exec.Command("./use").CombinedOutput()
	want := "0 0 0 0.75\n1\n-2 runtime: input 0 has 16 elements, 3 were given\n-1 -1 -1 -1 -2\n0 0\n-1 v1.2.3\n"
	if err != nil || string(text) != want {
		t.Errorf("%v: %q, want %q", err, text, want)
	}
}

// Without a C compiler for the board, and for names that C does not have, nothing is written.
func TestArchiveRefuses(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(tool, []byte("#!/bin/sh\necho go1.26.8\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(tool)+string(filepath.ListSeparator)+"/bin")
	t.Setenv("CC", "")
	dir := t.TempDir()
	for _, c := range []struct{ board, out, want string }{
		{"linux-riscv64", "libnet.a", "there is no riscv64-linux-gnu-gcc on PATH; install it (apt install gcc-riscv64-linux-gnu)"},
		{"windows-amd64", "libnet.a", "there is no x86_64-w64-mingw32-gcc on PATH; install it (apt install gcc-mingw-w64-x86-64)"},
		{"darwin-arm64", "libnet.a", "no C compiler for darwin-arm64 is known; name one by the environment variable CC"},
		{"linux-riscv64", "lib5.a", "choose one that begins with a letter"},
	} {
		board, err := Find(c.board)
		if err != nil {
			t.Fatal(err)
		}
		_, err = BuildArchive(context.Background(), sources, corner(t), board, filepath.Join(dir, c.out), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.board, err, c.want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// The packages are those that Debian has: no underscore, and gcc for this machine.
func TestCompilerPackage(t *testing.T) {
	for name, want := range map[string]string{
		"cc": "gcc", "arm-linux-gnueabihf-gcc": "gcc-arm-linux-gnueabihf", "x86_64-linux-gnu-gcc": "gcc-x86-64-linux-gnu",
		"i686-linux-gnu-gcc": "gcc-i686-linux-gnu", "x86_64-w64-mingw32-gcc": "gcc-mingw-w64-x86-64",
	} {
		if got := compilerPackage(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
