package targets

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// readSources returns the Go sources and assembly in folders of src by their names, without
// tests.
func readSources(src fs.FS, roots ...string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, root := range roots {
		err := fs.WalkDir(src, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if ext := path.Ext(name); ext != ".go" && ext != ".s" && ext != ".h" || strings.HasSuffix(name, "_test.go") {
				return nil
			}
			files[name], err = fs.ReadFile(src, name)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("targets: sources: %w", err)
		}
	}
	return files, nil
}

// hashSources returns the SHA-256 of the names and contents of files, in the order of their
// names, each behind its length.
func hashSources(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%d %s %d ", len(name), name, len(files[name]))
		h.Write(files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hashModel returns the SHA-256 of a model.
func hashModel(model []byte) string {
	sum := sha256.Sum256(model)
	return hex.EncodeToString(sum[:])
}

// literal returns data as the inside of a Go string.
func literal(data []byte) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 4*len(data))
	for _, v := range data {
		b = append(b, '\\', 'x', digits[v>>4], digits[v&15])
	}
	return string(b)
}

// goMod is the go.mod of a module that needs no other.
func goMod(module string) []byte {
	return []byte("module " + module + "\n\ngo " + strings.TrimPrefix(GoVersion, "go") + "\n")
}

// writeFiles writes files into folders of dir, which it makes.
func writeFiles(dir string, files map[string][]byte) error {
	for name, data := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return fmt.Errorf("targets: %w", err)
		}
		if err := os.WriteFile(full, data, 0o644); err != nil {
			return fmt.Errorf("targets: %w", err)
		}
	}
	return nil
}
