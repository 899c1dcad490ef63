package journal

import (
	"os"
	"path/filepath"
	"testing"

	"edgec/internal/deep"
)

// A flipped bit in any byte and any length of every entry is refused, or its entry is
// made again: never another result, never a panic.
func TestDamaged(t *testing.T) {
	dir := killed(t, 2)
	for _, name := range []string{"0000", "0001", "0002"} {
		whole := read(t, filepath.Join(dir, name))
		for i := range whole {
			if i >= headBytes && i%9 != 0 && !deep.On() {
				continue
			}
			data := append([]byte(nil), whole...)
			data[i] ^= 1 << (i % 8)
			refusedOrRight(t, dir, name, data)
			if i%5 == 0 {
				refusedOrRight(t, dir, name, whole[:i])
			}
		}
		write(t, filepath.Join(dir, name), whole)
	}
}

// refusedOrRight resumes with another entry, replays what is on record, and restores the
// folder.
func refusedOrRight(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	saved := map[string][]byte{}
	for _, n := range []string{"0000", "0001", "0002"} {
		saved[n] = read(t, filepath.Join(dir, n))
	}
	write(t, filepath.Join(dir, name), data)
	if j, err := Resume(dir, this); err == nil {
		var r result
		for i := 0; ; i++ {
			if ok, err := j.Replay("stage", &r); !ok || err != nil {
				break
			}
			if r.N != 10*i {
				t.Fatalf("%s with %x: stage %d left %v", name, data, i, r)
			}
		}
		j.Close()
	}
	for n, data := range saved {
		write(t, filepath.Join(dir, n), data)
	}
}

// FuzzFolder damages a folder in one way after another. mutations are triples: what is
// done, to which entry, where.
func FuzzFolder(f *testing.F) {
	f.Add([]byte{0, 1, 60})
	f.Add([]byte{1, 2, 20, 2, 1, 0})
	f.Add([]byte{3, 0, 2, 4, 1, 1})
	f.Fuzz(func(t *testing.T, mutations []byte) {
		dir := killed(t, 3)
		for ; len(mutations) >= 3 && len(mutations) < 30; mutations = mutations[3:] {
			damage(t, dir, mutations[0], int(mutations[1])%4, int(mutations[2]))
		}
		for _, open := range []func(string, ID) (*Journal, error){Resume, Create} {
			j, err := open(dir, this)
			if err != nil {
				continue
			}
			if sum, _, err := compute(j, -1); err == nil && sum != whole {
				t.Errorf("the result is %d", sum)
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func damage(t *testing.T, dir string, how byte, entry, where int) {
	j := &Journal{dir: dir}
	path, other := j.path(entry), j.path(where%5)
	data, err := os.ReadFile(path)
	if err != nil {
		return
	}
	switch how % 6 {
	case 0:
		if len(data) == 0 {
			return
		}
		flip(t, path, where*7)
	case 1:
		write(t, path, data[:where%(len(data)+1)])
	case 2:
		write(t, path, append(data, byte(where)))
	case 3:
		swap(dir, filepath.Base(path), filepath.Base(other))
	case 4:
		write(t, other, data)
	case 5:
		os.Remove(path)
	}
}
