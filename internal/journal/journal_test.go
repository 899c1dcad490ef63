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

// this is the computation of the tests.
var this = ID{{Name: "network", Value: "a1", Sum: true}, {Name: "seed", Value: "3"}}

// create starts a journal in a folder of its own.
func create(t testing.TB) (*Journal, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "journal")
	j, err := Create(dir, this)
	if err != nil {
		t.Fatal(err)
	}
	return j, dir
}

// resume opens the journal in dir.
func resume(t testing.TB, dir string) *Journal {
	t.Helper()
	j, err := Resume(dir, this)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// compute is a computation of three stages, and returns its result and which of them
// worked. It stops before the stage of the given number, like one that is killed.
func compute(j *Journal, stop int) (sum int, worked []int, err error) {
	for i := range 3 {
		if i == stop {
			return sum, worked, nil
		}
		var r result
		ok, err := j.Replay("stage", &r)
		if err != nil {
			return sum, worked, err
		}
		if !ok {
			worked = append(worked, i)
			r = result{10 * i, []float32{float32(i), 0.5}}
			if err := j.Record("stage", r); err != nil {
				return sum, worked, err
			}
		}
		sum += r.N + int(r.X[0]+r.X[1])
	}
	return sum, worked, nil
}

// whole is what compute returns.
const whole = 33

// killed leaves what a computation leaves that is killed before the given stage.
func killed(t testing.TB, stop int) (dir string) {
	t.Helper()
	j, dir := create(t)
	if _, _, err := compute(j, stop); err != nil {
		t.Fatal(err)
	}
	j.Close() // the system would
	return dir
}

// A computation that ends anywhere goes on there, and only there works again.
func TestResume(t *testing.T) {
	for stop := range 4 {
		j, dir := create(t)
		_, first, err := compute(j, stop)
		if err != nil {
			t.Fatal(err)
		}
		if j.Empty() != (stop == 0) {
			t.Errorf("stopped before stage %d: empty is %v", stop, j.Empty())
		}
		j.Close()
		j = resume(t, dir)
		sum, second, err := compute(j, -1)
		if err != nil || sum != whole {
			t.Errorf("stopped before stage %d: the result is %d, want %d; %v", stop, sum, whole, err)
		}
		if !slices.Equal(append(first, second...), []int{0, 1, 2}) || j.Notes != nil {
			t.Errorf("stopped before stage %d: %v worked, then %v; %v", stop, first, second, j.Notes)
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
	if _, worked, err := compute(j, -1); len(worked) != 3 || err != nil {
		t.Errorf("%v worked, %v", worked, err)
	}
	if j.Keep("x", nil) != nil || j.Remove() != nil || j.Close() != nil || !j.Empty() {
		t.Error("nothing to keep or to remove is an error")
	}
}

// Files for people are replaced, and go with the folder; what somebody else has put there
// stays.
func TestKeep(t *testing.T) {
	j, dir := create(t)
	for _, text := range []string{"one", "another"} {
		if err := j.Keep("1", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "file-1")); string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	write(t, filepath.Join(dir, "notes.txt"), nil)
	if err := j.Remove(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != "notes.txt" {
		t.Errorf("%v is left, %v", left, err)
	}
}

// A folder in which nothing is on record is no obstacle, whether a search starts or goes
// on.
func TestNothingOnRecord(t *testing.T) {
	head := func(dir string, n int) {
		data := read(t, filepath.Join(dir, "0000"))
		write(t, filepath.Join(dir, "0000"), data[:n])
	}
	for name, damage := range map[string]func(dir string){
		"no header":       func(dir string) { os.Remove(filepath.Join(dir, "0000")) },
		"empty header":    func(dir string) { head(dir, 0) },
		"half a magic":    func(dir string) { head(dir, 7) },
		"half a head":     func(dir string) { head(dir, headBytes-3) },
		"half a header":   func(dir string) { head(dir, headBytes+5) },
		"temporary files": func(dir string) { os.Rename(filepath.Join(dir, "0000"), filepath.Join(dir, ".edgec-77.tmp")) },
		"no header before entries": func(dir string) {
			write(t, filepath.Join(dir, "0001"), read(t, filepath.Join(dir, "0000")))
			write(t, filepath.Join(dir, "0005"), []byte("rest"))
			os.Remove(filepath.Join(dir, "0000"))
		},
		"somebody else's file": func(dir string) { os.Rename(filepath.Join(dir, "0000"), filepath.Join(dir, "0")) },
	} {
		for _, open := range []func(string, ID) (*Journal, error){Create, Resume} {
			dir := killed(t, 0)
			damage(dir)
			j, err := open(dir, this)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if sum, _, err := compute(j, -1); sum != whole || err != nil {
				t.Errorf("%s: %d, %v", name, sum, err)
			}
			if err := j.Remove(); err != nil {
				t.Error(err)
			}
		}
	}
}

// What cannot be gone on with is refused in one line that says why, and each way out that
// the line names works.
func TestRefused(t *testing.T) {
	other := ID{{Name: "network", Value: "b2", Sum: true}, {Name: "seed", Value: "4"}}
	for _, c := range []struct {
		name, says string
		damage     func(dir string)
		open       func(dir string, id ID) (*Journal, error)
		id         ID
	}{
		{"twice", "the same command with --resume", nil, Create, this},
		{"over another", "another network, seed 3 instead of 4; give its own command with --resume", nil, Create, other},
		{"another search", "another network, seed 3 instead of 4; give its own command", nil, Resume, other},
		{"old version", "is of another version of edgec, or damaged at its start; remove the folder", func(dir string) { write(t, filepath.Join(dir, "0000"), []byte("\x0a\xff\x81header")) }, Resume, this},
		{"old version, new search", "is of another version", func(dir string) { write(t, filepath.Join(dir, "0000"), []byte("\x0a\xff\x81header")) }, Create, this},
		{"header cut off", "0000: the header is cut off; remove the folder", func(dir string) { os.Truncate(filepath.Join(dir, "0000"), 40) }, Resume, this},
		{"flipped bit", "0002: entry 2 is damaged: its checksum is wrong; remove this file", func(dir string) { flip(t, filepath.Join(dir, "0002"), 60) }, Resume, this},
		{"cut off in the middle", "0001: entry 1 is cut off; remove this file", func(dir string) { os.Truncate(filepath.Join(dir, "0001"), 45) }, Resume, this},
		{"swapped", "0001: entry 1 has the number of another entry", func(dir string) { swap(dir, "0001", "0002") }, Resume, this},
		{"of another search", "0001: entry 1 is damaged", func(dir string) { foreign(t, dir) }, Resume, this},
		{"too long", "0002: entry 2 is damaged", func(dir string) {
			write(t, filepath.Join(dir, "0002"), append(read(t, filepath.Join(dir, "0002")), 0))
		}, Resume, this},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := killed(t, 2)
			if c.damage != nil {
				c.damage(dir)
			}
			j, err := c.open(dir, c.id)
			if err == nil {
				_, _, err = compute(j, -1)
				j.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v", err)
			}
			waysOut(t, err.Error(), dir, c.id)
		})
	}
}

// waysOut takes each way out that a message names, in a copy of the folder of its own.
func waysOut(t *testing.T, message, dir string, id ID) {
	t.Helper()
	ways := 0
	try := func(name string, prepare func(dir string), open func(string, ID) (*Journal, error), id ID) {
		if !strings.Contains(message, name) {
			return
		}
		ways++
		again := filepath.Join(t.TempDir(), "journal")
		if err := os.CopyFS(again, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		prepare(again)
		j, err := open(again, id)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if sum, _, err := compute(j, -1); sum != whole || err != nil {
			t.Errorf("%s: %d, %v", name, sum, err)
		}
		if err := j.Remove(); err != nil {
			t.Error(err)
		}
	}
	nothing := func(string) {}
	try("the same command with --resume to go on", nothing, Resume, id)
	try("its own command", nothing, Resume, this)
	try("remove the folder", func(dir string) { os.RemoveAll(dir) }, Create, id)
	try("remove this file and give the same command with --resume", func(again string) {
		_, name, _ := strings.Cut(message, dir+string(filepath.Separator))
		if err := os.Remove(filepath.Join(again, name[:4])); err != nil {
			t.Error(err)
		}
	}, Resume, id)
	if ways == 0 {
		t.Errorf("no way out of %q", message)
	}
}

// Other obstacles name a way out as well.
func TestNoFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, nil)
	for _, c := range []struct {
		says string
		err  error
	}{
		{"no such file", second(Create(filepath.Join(dir, "a", "b"), this))},
		{"is a file, where the search keeps its state in a folder; remove it", second(Create(file, this))},
		{"start it without --resume", second(Resume(filepath.Join(dir, "none"), this))},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%v, want %q", c.err, c.says)
		}
	}
}

func second(j *Journal, err error) error { return err }

// The last entry may be cut off by a crash: it is dropped, and that is said.
func TestCutOff(t *testing.T) {
	for _, n := range []int64{0, 5, int64(headBytes) - 1, int64(headBytes), int64(headBytes) + 20} {
		dir := killed(t, 2)
		if err := os.Truncate(filepath.Join(dir, "0002"), n); err != nil {
			t.Fatal(err)
		}
		j := resume(t, dir)
		if len(j.Notes) != 1 || !strings.Contains(j.Notes[0], "entry 2, the last one, was cut off") {
			t.Errorf("%d bytes: notes %q", n, j.Notes)
		}
		if sum, worked, err := compute(j, -1); sum != whole || err != nil || !slices.Equal(worked, []int{1, 2}) {
			t.Errorf("%d bytes: %d, %v worked, %v", n, sum, worked, err)
		}
		j.Close()
	}
}

// A stage of another name is of another edgec.
func TestOtherStage(t *testing.T) {
	dir := killed(t, 2)
	j := resume(t, dir)
	var r result
	_, err := j.Replay("one-shot", &r)
	if err == nil || !strings.Contains(err.Error(), `0001: entry 1 holds "stage" where "one-shot" is due`) {
		t.Fatalf("error %v", err)
	}
	j.Close()
	waysOut(t, err.Error(), dir, this)
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func flip(t testing.TB, path string, bit int) {
	data := read(t, path)
	data[bit/8%len(data)] ^= 1 << (bit % 8)
	write(t, path, data)
}

func swap(dir, a, b string) {
	x, y, z := filepath.Join(dir, a), filepath.Join(dir, b), filepath.Join(dir, "x")
	os.Rename(x, z)
	os.Rename(y, x)
	os.Rename(z, y)
}

// foreign replaces entry 1 by that of another search.
func foreign(t testing.TB, dir string) {
	other := filepath.Join(t.TempDir(), "other")
	j, err := Create(other, ID{{Name: "seed", Value: "9"}})
	if err != nil {
		t.Fatal(err)
	}
	compute(j, 2)
	j.Close()
	write(t, filepath.Join(dir, "0001"), read(t, filepath.Join(other, "0001")))
}
