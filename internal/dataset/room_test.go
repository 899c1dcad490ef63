package dataset

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"edgec/internal/deep"
	"edgec/internal/tensor"
	"edgec/runtime/preprocess"
)

// noise returns n bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// claims is an array of bytes with the given shape in its header.
func claims(shape string, body []byte) []byte {
	return npyHeader("{'descr': '|u1', 'fortran_order': False, 'shape': "+shape+", }", body, le, 1)
}

// many is an archive of one array more than are read.
func many(t *testing.T) []byte {
	arrays := map[string][]byte{}
	for i := range mostArrays + 1 {
		arrays[fmt.Sprint(i, ".npy")] = nil
	}
	return npz(t, arrays)
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Files that say they hold a great deal, or would become that, are refused by their
// header, before memory is taken: whatever they take is in proportion to their bytes.
func TestClaims(t *testing.T) {
	const gigabyte = "(33554432, 32)"
	network := Options{Shape: tensor.Shape{32}, Classes: 3}
	body := noise(1 << 20)
	small := noise(1 << 10)
	for _, c := range []struct {
		name, file string
		data       []byte
		o          Options
		says       []string
	}{
		{"npz of another shape", "d.npz", npz(t, map[string][]byte{"x.npy": claims("(33554432, 31)", body)}), network, []string{"[31]", "the network takes [32]"}},
		{"npz that grows", "d.npz", npz(t, map[string][]byte{"x.npy": claims(gigabyte, body)}), network, []string{"x.npy", "compressed bytes take 3.3GB of memory, more than 269MB and 100 times as many", "EDGEC_DATA_MEMORY=3.3GB"}},
		{"npz of many samples of nothing", "d.npz", npz(t, map[string][]byte{"x.npy": claims("(33554432, 1)", body)}), Options{Shape: tensor.Shape{1}}, []string{"compressed bytes take 1.2GB of memory"}},
		{"npz that cannot grow so", "d.npz", npz(t, map[string][]byte{"x.npy": claims(gigabyte, small)}), network, []string{"x.npy", "cannot hold"}},
		{"npz that is shorter than it says", "d.npz", npz(t, map[string][]byte{"x.npy": claims("(2097152, 32)", body)}), network, []string{"1048576 bytes of elements", "needs 67108864", "truncated"}},
		{"labels that grow", "d.npz", npz(t, map[string][]byte{"x.npy": claims("(4, 32)", noise(128)), "y.npy": claims("(4, 33554432)", body)}), network, []string{"y.npy", "compressed bytes take "}},
		{"labels of other samples", "d.npz", npz(t, map[string][]byte{"x.npy": claims("(4, 32)", noise(128)), "y.npy": claims("(33554432,)", body)}), network, []string{"33554432 labels for 4 samples"}},
		{"npz of many arrays", "d.npz", many(t), network, []string{"holds 4097 arrays, more than 4096; give one array"}},
		{"npy longer than its file", "d.npy", claims(gigabyte, small), network, []string{"needs 1073741824 bytes of elements, the file has 1", "truncated"}},
		{"npy of another shape", "d.npy", claims("(33554432, 31)", small), network, []string{"[31]", "[32]"}},
		{"npy of no samples of too many elements", "d.npy", claims("(0, 4611686018427387904, 8)", []byte{}), network, []string{"too large"}},
		{"npy of many dimensions", "d.npy", claims("("+strings.Repeat("1,", 40)+")", []byte{}), network, []string{"more than 32 dimensions"}},
		{"npy beyond 64 bits", "d.npy", claims("(99999999999999999999, 2)", []byte{}), network, []string{"not understood"}},
		{"idx of another shape", "d-idx2-ubyte", idx(8, []int{1 << 25, 31}, small), network, []string{"[31]", "[32]"}},
		{"idx longer than its file", "d-idx2-ubyte", idx(8, []int{1 << 26, 32}, small), network, []string{"67108864x32", "cannot hold"}},
		{"gzip that grows", "d-idx2-ubyte.gz", gz(idx(8, []int{1 << 25, 32}, body)), network, []string{"compressed bytes take "}},
		{"gzip that cannot grow so", "d-idx2-ubyte.gz", gz(idx(8, []int{1 << 25, 32}, small)), network, []string{"cannot hold"}},
		{"idx with overflowing dimensions", "d-idx3-ubyte", idx(8, []int{0, 1 << 30, 1 << 30}, []byte{}), network, []string{"dimension 2 of the idx header"}},
		{"CSV of one line", "d.csv", bytes.Repeat([]byte("1"), mostLine+1), network, []string{"line 1 has 16777217 bytes"}},
		{"CSV of a long field", "d.csv", append([]byte("1\n"), bytes.Repeat([]byte("x"), 1<<20)...), network, []string{"is not a finite number", "xxx..."}},
		{"CSV of many columns", "d.csv", append([]byte("a,b\n1,2\n"), bytes.Repeat([]byte(","), mostColumns)...), network, []string{"line 3 has 1048577 fields"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, t.TempDir(), c.file, c.data)
			var err error
			n := allocated(func() { _, err = Open(path, c.o) })
			refused(t, err, append(c.says, path)...)
			if len(err.Error()) > 1000 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
			times := 4
			if strings.HasSuffix(c.file, ".csv") {
				times = 12 // the reader's buffers grow by appending
			}
			if most := uint64(times*len(c.data) + 1<<20); n > most {
				t.Errorf("%d bytes allocated for a file of %d", n, len(c.data))
			}
		})
	}
}

// MemoryVariable bounds every kind of data, and allows what is refused without it.
func TestMemoryLimit(t *testing.T) {
	dir := t.TempDir()
	values := make([]float32, 4000)
	pixel := encode(t, "png", filled(1, 1, color.White))
	pictures := map[string][]byte{}
	for i := range 40 {
		pictures[fmt.Sprintf("a/%d.png", i)] = pixel
	}
	row := strings.Repeat("1,2,3,4\n", 1000)
	for name, path := range map[string]string{
		"npy":      write(t, dir, "d.npy", npy("<f4", false, []int{1000, 4}, values, le, 1)),
		"npz":      write(t, dir, "d.npz", npz(t, map[string][]byte{"x.npy": npy("<f4", false, []int{1000, 4}, values, le, 1)})),
		"idx":      write(t, dir, "d-idx2-ubyte", idx(0xD, []int{1000, 4}, values)),
		"csv":      write(t, dir, "d.csv", []byte(row)),
		"cifar":    write(t, dir, "d.bin", make([]byte, 20*3073)),
		"pictures": writeAll(t, pictures),
	} {
		o := Options{Shape: tensor.Shape{4}}
		if name == "cifar" || name == "pictures" {
			o.Shape = tensor.Shape{3, 32, 32}
		}
		t.Setenv(MemoryVariable, "0.01MB")
		_, err := Open(path, o)
		refused(t, err, path, "may take 10KB", MemoryVariable+"=")
		t.Setenv(MemoryVariable, "1MB")
		if sp, err := Open(path, o); err != nil || sp.Train.Len() < 20 {
			t.Errorf("%s with enough: %v", name, err)
		}
	}
	grown := write(t, dir, "grown.npz", npz(t, map[string][]byte{"x.npy": claims("(33554432, 32)", noise(1<<20))}))
	t.Setenv(MemoryVariable, "3.3GB") // as TestClaims says
	_, err := Open(grown, Options{})
	refused(t, err, "truncated") // it was read
	for _, bad := range []string{"much", "-1GB", "0", "1e300", "NaN"} {
		t.Setenv(MemoryVariable, bad)
		_, err := Open(grown, Options{})
		refused(t, err, MemoryVariable, bad, "8GB")
	}
}

// A gzip file that inflates to much more than its size is not kept.
func TestGzipBomb(t *testing.T) {
	deep.Only(t)
	bomb := bytes.Repeat(gz(make([]byte, 1<<20)), 512)
	path := write(t, t.TempDir(), "data_batch_1.bin", bomb)
	var err error
	n := allocated(func() { _, err = Open(filepath.Dir(path), Options{}) })
	refused(t, err, "compressed bytes take ", MemoryVariable)
	if n > 3*(inflateFree+inflateTimes*uint64(len(bomb))) {
		t.Errorf("%d bytes allocated", n)
	}
}

// Symbolic links into a circle, to a pipe or to nothing are no endless data.
func TestLinks(t *testing.T) {
	good := encode(t, "png", filled(2, 2, color.White))
	dir := writeAll(t, map[string][]byte{"a/1.png": good, "b/1.png": good})
	link(t, dir, filepath.Join(dir, "a", "up"))
	link(t, filepath.Join(dir, "a"), filepath.Join(dir, "c"))
	if sp, err := Open(dir, Options{Shape: tensor.Shape{1, 2, 2}}); err != nil || sp.Train.Len() != 2 || sp.Train.Classes != 2 {
		t.Errorf("with links to folders: %v", err)
	}
	for name, to := range map[string]string{"self.png": "self.png", "none.png": "nowhere", "zero.png": "/dev/zero"} {
		path := filepath.Join(dir, "a", name)
		link(t, to, path)
		_, err := Open(dir, Options{Shape: tensor.Shape{1, 2, 2}})
		refused(t, err, path)
		os.Remove(path)
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

// A folder of more files than are listed is refused.
func TestManyFiles(t *testing.T) {
	dir := writeAll(t, map[string][]byte{"1": nil, "2": nil, "3": nil})
	r := &room{}
	if all, err := r.listOf(dir, 3); err != nil || len(all) != 3 || all[0].Name() != "1" {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := r.listOf(dir, 2); err == nil || !strings.Contains(err.Error(), "more than 2 files; put fewer") {
		t.Errorf("%v", err)
	}
}

// Reading ends with its context, whatever is read.
func TestStopped(t *testing.T) {
	dir := t.TempDir()
	pixel := encode(t, "png", filled(1, 1, color.White))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, path := range []string{
		write(t, dir, "d.npy", npy("<f4", false, []int{1, 2}, []float32{1, 2}, le, 1)),
		write(t, dir, "d.npz", npz(t, map[string][]byte{"x.npy": npy("<f4", false, []int{1, 2}, []float32{1, 2}, le, 1)})),
		write(t, dir, "d-idx2-ubyte", idx(8, []int{1, 2}, []byte{1, 2})),
		write(t, dir, "d.csv", []byte("1,2\n")),
		write(t, dir, "d.bin", make([]byte, 3073)),
		writeAll(t, map[string][]byte{"a/1.png": pixel}),
		writeAll(t, mnistFiles(5)),
	} {
		if _, err := OpenContext(ctx, path, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// The default follows the machine: it is neither nothing nor more than there is.
func TestMachineMemory(t *testing.T) {
	t.Setenv(MemoryVariable, "")
	r, err := newRoom(context.Background())
	if err != nil || r.limit < 1<<26 || r.raised {
		t.Errorf("%+v, %v", r, err)
	}
	if n := machineMemory(); n != 0 && r.limit != n/2 {
		t.Errorf("a limit of %d on a machine of %d bytes", r.limit, n)
	}
}

// TestTokensStop: reading that has to end does so within the loops over tokens and labels.
func TestTokensStop(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	o := Options{room: &room{ctx: ctx}, Inputs: []Input{{Shape: tensor.Shape{2}, Integer: true}}, Outputs: [][]int{{2, 3}}}
	a, err := preprocess.Npy(npy("<f4", false, []int{1, 2}, []float32{1, 0}, binary.LittleEndian, 1))
	if err != nil {
		t.Fatal(err)
	}
	s := newSet(tensor.Shape{2}, nil, nil, []float32{1, 0}, 1, o.pre())
	for name, err := range map[string]error{
		"whole numbers": o.wholeNumbers(a, "x"),
		"positions":     s.setPositions([]float64{0, 1}, "x", o),
		"next tokens":   s.deriveNext(o, "x"),
		"last tokens":   s.followed([]float64{1}, "x", o),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
