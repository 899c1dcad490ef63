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

// Programs for other systems have the form of those, and the one for WebAssembly computes the
// same under Node.js.
func TestBuildForSystems(t *testing.T) {
	deep.Only(t) // each system compiles the standard library
	dir := t.TempDir()
	picture := filepath.Join(dir, "light.png")
	lightCorner(t, picture)
	for name, magic := range map[string]string{"windows-amd64": "MZ", "windows-arm64": "MZ", "darwin-arm64": "\xcf\xfa\xed\xfe", "darwin-amd64": "\xcf\xfa\xed\xfe", "js-wasm": "\x00asm"} {
		t.Run(name, func(t *testing.T) {
			board, err := Find(name)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Build(context.Background(), sources, corner(t), board, filepath.Join(dir, "app"+board.Suffix()), Options{})
			if err != nil {
				t.Fatal(err)
			}
			program, err := os.ReadFile(r.Path)
			if err != nil || !bytes.HasPrefix(program, []byte(magic)) {
				t.Errorf("%v: begins with %q, want %q", err, program[:4], magic)
			}
			words, ok := board.Command()
			if !ok {
				if board.GOOS == goruntime.GOOS || board.Missing(words[0]) == "" {
					t.Errorf("%s does not run here without %q", name, words)
				}
				t.Skip("built, not run: ", board.Missing(words[0]))
			}
			for args, want := range map[string]string{"--selftest": "self-test passed", picture: "light.png: top right "} {
				all := append(append(words[:len(words):len(words)], r.Path), args)
				if text, err := exec.Command(all[0], all[1:]...).CombinedOutput(); err != nil || !strings.Contains(string(text), want) {
					t.Errorf("%s: %v: %s", args, err, text)
				}
			}
		})
	}
}
