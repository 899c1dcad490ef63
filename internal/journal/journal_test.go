package journal

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type result struct {
	N int
	X []float32
}

// run is a computation of three stages; each appends to worked when it works itself.
// It stops before the stage of the given number, like one that is killed.
func run(t *testing.T, j *Journal, stop int, worked *[]int) (sum int) {
	t.Helper()
	for i := range 3 {
		if i == stop {
			return sum
		}
		var r result
		ok, err := j.Replay("stage", &r)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			*worked = append(*worked, i)
			r = result{10 * i, []float32{float32(i), 0.5}}
			if err := j.Record("stage", r); err != nil {
				t.Fatal(err)
			}
		}
		if r.X[0] != float32(i) || r.X[1] != 0.5 {
			t.Errorf("stage %d has %v", i, r.X)
		}
		sum += r.N
	}
	return sum
}

// A computation that ends anywhere goes on there, and only there works again.
func TestResume(t *testing.T) {
	for stop := range 4 {
		dir := filepath.Join(t.TempDir(), "journal")
		j, err := Create(dir, "id")
		if err != nil {
			t.Fatal(err)
		}
		var first, second []int
		run(t, j, stop, &first)
		if j, err = Resume(dir, "id"); err != nil {
			t.Fatal(err)
		}
		if sum := run(t, j, -1, &second); sum != 30 {
			t.Errorf("stopped before stage %d: the result is %d, want 30", stop, sum)
		}
		if !slices.Equal(append(first, second...), []int{0, 1, 2}) {
			t.Errorf("stopped before stage %d: %v worked, then %v", stop, first, second)
		}
		if err := j.Remove(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("the folder is still there: %v", err)
		}
	}
}

// Without a journal every stage works.
func TestNone(t *testing.T) {
	var j *Journal
	var worked []int
	if run(t, j, -1, &worked); len(worked) != 3 {
		t.Errorf("%v worked", worked)
	}
	if j.Keep("x", nil) != nil || j.Remove() != nil {
		t.Error("nothing to keep or to remove is an error")
	}
}

func TestKeep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, err := Create(dir, "id")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "another"} {
		if err := j.Keep("file", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "file")); string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// What cannot be gone on with is refused in one line that says why and what to do.
func TestRefused(t *testing.T) {
	fresh := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "journal")
		j, err := Create(dir, "id")
		if err != nil {
			t.Fatal(err)
		}
		var worked []int
		run(t, j, 2, &worked)
		return dir
	}
	for _, c := range []struct {
		name, want string
		do         func(dir string) error
	}{
		{"twice", "--resume", func(dir string) error { _, err := Create(dir, "id"); return err }},
		{"no folder above", "no such file", func(dir string) error { _, err := Create(filepath.Join(dir, "a", "b"), "id"); return err }},
		{"none", "without --resume", func(dir string) error { _, err := Resume(dir+"x", "id"); return err }},
		{"another search", "another network", func(dir string) error { _, err := Resume(dir, "other"); return err }},
		{"empty", "remove the folder", func(dir string) error {
			os.Remove(filepath.Join(dir, "0000"))
			_, err := Resume(dir, "id")
			return err
		}},
		{"damaged header", "0000", func(dir string) error {
			os.WriteFile(filepath.Join(dir, "0000"), []byte("text"), 0o644)
			_, err := Resume(dir, "id")
			return err
		}},
		{"damaged entry", "0002: cannot be read", func(dir string) error {
			path := filepath.Join(dir, "0002")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			os.WriteFile(path, data[:len(data)-3], 0o644)
			return replay(t, dir, "stage")
		}},
		{"another stage", `holds "stage" where "one-shot" is due`, func(dir string) error { return replay(t, dir, "one-shot") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.do(fresh(t))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// replay takes the second entry.
func replay(t *testing.T, dir, name string) error {
	j, err := Resume(dir, "id")
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if _, err := j.Replay("stage", &r); err != nil {
		t.Fatal(err)
	}
	_, err = j.Replay(name, &r)
	return err
}
