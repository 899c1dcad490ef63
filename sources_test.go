package edgec

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

// maxSources bounds what the sources add to the tool.
const maxSources = 1 << 20

// Every source that a device program is built of is embedded, and nothing large.
func TestSourcesAreComplete(t *testing.T) {
	files := 0
	for _, root := range []string{"runtime", "targets/device", "targets/server"} {
		err := fs.WalkDir(os.DirFS("."), root, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if base := path.Base(name); d.IsDir() && (base == "testdata" || strings.HasPrefix(base, "_")) {
				return fs.SkipDir
			}
			if ext := path.Ext(name); d.IsDir() || ext != ".go" && ext != ".s" && ext != ".h" || strings.HasSuffix(name, "_test.go") {
				return nil
			}
			files++
			if _, err := fs.Stat(Sources, name); err != nil {
				t.Errorf("%s is not embedded; add a pattern to sources.go", name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 20 {
		t.Errorf("saw %d files; the walk does not reach the packages", files)
	}
	size := int64(0)
	err := fs.WalkDir(Sources, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil || size > maxSources {
		t.Errorf("%d bytes embedded, at most %d: %v", size, maxSources, err)
	}
}
