package targets

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"

	"edgec/internal/disk"
	"edgec/runtime"
)

// Archive is a library for C that BuildArchive has made.
type Archive struct {
	Board   Board  `json:"board"`          // that it runs on
	Path    string `json:"output"`         // of the library, as given
	Header  string `json:"header"`         // of the file to include
	Prefix  string `json:"prefix"`         // of its functions
	Size    int64  `json:"bytes"`          // of the library
	Model   int    `json:"model_bytes"`    // of those, bytes of the model
	Hash    string `json:"model_sha256"`   // of the model, in hexadecimal digits
	Sources string `json:"sources_sha256"` // of the sources, names and contents
	Go      string `json:"go"`             // version of the toolchain
	CC      string `json:"cc"`             // the C compiler
}

//go:embed library.tmpl
var libraryTemplate string

//go:embed header.tmpl
var headerTemplate string

// library is the folder of the main package of a library.
const library = "targets/library"

// BuildArchive makes a static library (-buildmode=c-archive) with model and runtime inside, for C
// programs on board, and the header beside it: out with .h in place of .a. Its functions begin with
// the name of out, without lib: libnet.a has net_new. The C compiler is that of the environment
// variable CC or, if it is not set, the usual one for the board. src, model, board and options are as
// of Build; Pictures, Bench and Serve mean nothing.
//
// The library holds Go's runtime: a program links one such library at most, with -lpthread, and cannot
// unload it. Errors are as of Build, and that there is no C compiler for the board.
func BuildArchive(ctx context.Context, src fs.FS, model []byte, board Board, out string, opt Options) (Archive, error) {
	tool, version, err := Toolchain(ctx, opt.Go)
	if err != nil {
		return Archive{}, err
	}
	if _, err := check(model, board); err != nil {
		return Archive{}, err
	}
	a := Archive{Board: board, Path: out, Header: strings.TrimSuffix(out, ".a") + ".h", Model: len(model), Hash: hashModel(model), Go: version}
	if a.Prefix = packageName(strings.TrimPrefix(strings.TrimSuffix(filepath.Base(out), ".a"), "lib")); a.Prefix == "" || a.Prefix[0] < 'a' {
		return Archive{}, fmt.Errorf("targets: %s: functions of C cannot begin with this name; choose one that begins with a letter", out)
	}
	if a.CC, err = compilerFor(board); err != nil {
		return Archive{}, err
	}
	dir, done, err := disk.Folder("edgec-build-")
	if err != nil {
		return Archive{}, fmt.Errorf("targets: %w; set TMPDIR to a folder that can be written", err)
	}
	defer done()
	header, err := a.layOut(dir, src, model, opt)
	if err != nil {
		return Archive{}, err
	}
	made := filepath.Join(dir, "lib.a")
	args := []string{"build", "-trimpath", "-buildvcs=false", "-buildmode=c-archive", "-ldflags", "-s -w -buildid=", "-o", made, "./" + library}
	if err := compile(ctx, tool, version, dir, board, args, "CGO_ENABLED=1", "CC="+a.CC, "CGO_CFLAGS=-O2 -g0", "CGO_CPPFLAGS=", "CGO_LDFLAGS="); err != nil {
		return Archive{}, err
	}
	if err := disk.Write(a.Header, header, 0o644); err != nil {
		return Archive{}, fmt.Errorf("targets: %w", err)
	}
	if a.Size, err = install(made, out, 0o644); err != nil {
		os.Remove(a.Header)
		return Archive{}, fmt.Errorf("targets: %w", err)
	}
	return a, nil
}

// cCompilers are the C compilers of Debian's packages; compilerPackage names these.
var cCompilers = map[string]string{
	"linux/arm64": "aarch64-linux-gnu-gcc", "linux/arm": "arm-linux-gnueabihf-gcc", "linux/riscv64": "riscv64-linux-gnu-gcc", "linux/amd64": "x86_64-linux-gnu-gcc", "linux/386": "i686-linux-gnu-gcc",
	"windows/amd64": "x86_64-w64-mingw32-gcc",
}

// compilerPackage returns the Debian package that has a C compiler.
func compilerPackage(name string) string {
	target, cross := strings.CutSuffix(name, "-gcc")
	switch {
	case !cross: // this machine's
		return "gcc"
	case strings.HasSuffix(target, "-w64-mingw32"):
		target = "mingw-w64-" + strings.TrimSuffix(target, "-w64-mingw32")
	}
	return "gcc-" + strings.ReplaceAll(target, "_", "-")
}

// compilerFor returns the C compiler for a board.
func compilerFor(b Board) (string, error) {
	if cc := os.Getenv("CC"); cc != "" {
		return cc, nil
	}
	system := b.System() + "/" + b.GOARCH
	names := []string{cCompilers[system]}
	if words, ok := b.Command(); ok && len(words) == 0 && b.GOARCH != "386" { // this machine
		names = []string{"cc", "gcc", "clang"}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	if names[0] == "" {
		return "", fmt.Errorf("targets: no C compiler for %s is known; name one by the environment variable CC", b.Name)
	}
	return "", fmt.Errorf("targets: a library for C needs a C compiler for %s, and there is no %s on PATH; install it (apt install %s), or name another by the environment variable CC", b.Name, names[0], compilerPackage(names[0]))
}

// layOut writes the module of the library and returns its header.
func (a *Archive) layOut(dir string, src fs.FS, model []byte, opt Options) (header []byte, err error) {
	files, err := readSources(src, "runtime")
	if err != nil {
		return nil, err
	}
	a.Sources = hashSources(files)
	if !opt.AnyModel {
		if err := onlyUsed(files, model); err != nil {
			return nil, err
		}
	}
	m, err := runtime.Load(model)
	if err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	p := Package{Name: a.Prefix, Hash: a.Hash, Sources: a.Sources}
	t := p.describe(m, opt.Version)
	t.Inner = module
	source, err := t.write(libraryTemplate)
	if err != nil {
		return nil, fmt.Errorf("targets: library: %w", err)
	}
	files["go.mod"] = goMod(module)
	files[library+"/main.go"] = source
	files[library+"/model.go"] = []byte("package main\n\nconst model = \"" + literal(model) + "\"\n")
	parsed, err := template.New("").Parse(headerTemplate)
	if err != nil {
		return nil, fmt.Errorf("targets: header: %w", err)
	}
	var b bytes.Buffer
	if err := parsed.Execute(&b, t); err != nil {
		return nil, fmt.Errorf("targets: header: %w", err)
	}
	return b.Bytes(), writeFiles(dir, files)
}

// Upper returns the name in capitals, as macros of C have it.
func (t *text) Upper() string { return strings.ToUpper(t.Name) }
