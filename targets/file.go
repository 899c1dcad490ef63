package targets

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/BurntSushi/toml"
)

// boardFile is what a file of boards holds. Like names a board of the table: a board has its
// facts where it gives none of its own.
type boardFile struct {
	Boards []struct {
		Like string `toml:"like,omitempty"`
		Board
	} `toml:"board"`
}

// mostFileBytes bounds a file of boards.
const mostFileBytes = 1 << 20

// ReadBoards reads boards from a TOML file: tables [[board]] with the fields that Board has in
// its toml tags, and like = "rpi-4" for a board whose other facts it has, except cpu, qemu and
// features if goarch or goarm differ. A name must not be that of a board of the table, nor of
// another of the file, and goarch is needed unless like gives it. Errors name the file, the line or
// the board, and what to write.
func ReadBoards(path string) ([]Board, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no such file; give a TOML file of boards", path)
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > mostFileBytes {
		return nil, fmt.Errorf("%s: has %d bytes, a file of boards at most %d; give a TOML file of boards", path, info.Size(), mostFileBytes)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f boardFile
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		return nil, tomlError(path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%s: %s is no field of a board; edgec targets --json shows the fields, in tables [[board]]", path, unknown[0])
	}
	if len(f.Boards) == 0 {
		return nil, fmt.Errorf("%s: has no boards; write a table [[board]] with name and like or goarch", path)
	}
	var all []Board
	for _, b := range f.Boards {
		board, err := completed(b.Board, b.Like)
		if err == nil {
			err = board.check(all)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: board %q: %w", path, b.Name, err)
		}
		all = append(all, board)
	}
	return all, nil
}

// tomlError says in one line where a file is wrong.
func tomlError(path string, err error) error {
	if e := new(toml.ParseError); errors.As(err, e) {
		return fmt.Errorf("%s: line %d: %s; write TOML, such as name = \"my-board\"", path, e.Position.Line, strings.ReplaceAll(e.Message, "\n", " "))
	}
	return fmt.Errorf("%s: %s", path, strings.ReplaceAll(strings.TrimPrefix(err.Error(), "toml: "), "\n", " "))
}

// completed returns b with the facts of the board it is like. A board with another goarch or goarm
// does not get those of the core, since its programs have other micro-kernels.
func completed(b Board, like string) (Board, error) {
	if like == "" {
		return b, nil
	}
	from, err := Find(like)
	if err != nil {
		return b, fmt.Errorf("like = %q: %s", like, strings.TrimPrefix(err.Error(), "targets: "))
	}
	text := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	number := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	text(&b.GOOS, from.GOOS)
	text(&b.GOARCH, from.GOARCH)
	if b.GOARCH == from.GOARCH {
		text(&b.GOARM, from.GOARM)
	}
	text(&b.SoC, from.SoC)
	if b.GOARCH == from.GOARCH && b.GOARM == from.GOARM {
		text(&b.CPU, from.CPU)
		text(&b.QEMU, from.QEMU)
		text(&b.Features, from.Features)
	}
	for _, p := range []struct {
		n *int
		v int
	}{{&b.Cores, from.Cores}, {&b.MHz, from.MHz}, {&b.RAM, from.RAM}, {&b.L1, from.L1}, {&b.L2, from.L2}, {&b.Bandwidth, from.Bandwidth}} {
		number(p.n, p.v)
	}
	if b.Idle == 0 && b.Busy == 0 {
		b.Idle, b.Busy = from.Idle, from.Busy
	}
	return b, nil
}

// systems are the values of GOOS of boards of the user's own.
var systems = []string{"", "linux", "windows", "darwin"}

// architectures are the values of GOARCH that programs are built for.
var architectures = []string{"arm", "arm64", "riscv64", "amd64", "386"}

// CheckName returns what is wrong with the name of a board of the user's own: it has blanks or slashes,
// is one of Boards, or is that of a microcontroller.
func CheckName(name string) error {
	plain := plainName(name)
	if plain == "" || strings.ContainsAny(name, "/\\") || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return errors.New("give a name without blanks and slashes, such as my-board")
	}
	if isMicrocontroller(plain) {
		return errors.New("is a microcontroller, which edgec cannot build for: programs need Linux and several MB of RAM; give a board with Linux")
	}
	if _, err := Find(name); err == nil {
		return errors.New("is in edgec's own table already; give it another name")
	}
	return nil
}

// check returns what is wrong with a board of a file, and completes it; others are those before.
func (b *Board) check(others []Board) error {
	if err := CheckName(b.Name); err != nil {
		return err
	}
	if slices.ContainsFunc(others, func(o Board) bool { return plainName(o.Name) == plainName(b.Name) }) {
		return errors.New("is there twice; give each board a name of its own")
	}
	if !slices.Contains(systems, b.GOOS) {
		return fmt.Errorf("goos is %q; give linux, windows or darwin, or leave it out for linux", b.GOOS)
	}
	if !slices.Contains(architectures, b.GOARCH) {
		return fmt.Errorf("goarch is %q; give one of %s, or like = \"rpi-4\"", b.GOARCH, strings.Join(architectures, ", "))
	}
	if arm := b.GOARCH == "arm"; arm && b.GOARM != "6" && b.GOARM != "7" || !arm && b.GOARM != "" {
		return fmt.Errorf("goarm is %q; give \"6\" or \"7\" for goarch = \"arm\", otherwise none", b.GOARM)
	}
	if err := b.checkQEMU(); err != nil {
		return err
	}
	for _, n := range []int{b.Cores, b.MHz, b.RAM, b.L1, b.L2, b.Bandwidth} {
		if n < 0 {
			return fmt.Errorf("a number is %d; give positive ones", n)
		}
	}
	if !(b.Idle >= 0 && b.Busy >= 0) || b.Busy > 0 && b.Busy < b.Idle {
		return fmt.Errorf("idle_watts is %v and busy_watts %v; give positive ones, busy above idle", b.Idle, b.Busy)
	}
	if b.Title == "" {
		b.Title = b.Name
	}
	return b.checkTiming()
}

// checkQEMU returns an error if the emulator's CPU is one of Boards that cannot run programs for b.
// Others are not known.
func (b *Board) checkQEMU() error {
	var others []string
	for _, o := range Boards {
		if o.QEMU != b.QEMU || b.QEMU == "" {
			continue
		}
		if o.GOARCH == b.GOARCH && o.GOARM >= b.GOARM {
			return nil
		}
		others = append(others, strings.TrimSpace(o.GOARCH+" "+o.GOARM))
	}
	if others == nil {
		return nil
	}
	return fmt.Errorf("qemu is %q, a CPU of %s, and the board is %s; give a CPU of that, or leave qemu out", b.QEMU, others[0], strings.TrimSpace(b.GOARCH+" "+b.GOARM))
}

// kernelArchs are the architectures whose programs have micro-kernels of a name; all have go.
var kernelArchs = map[string][]string{"neon": {"arm", "arm64"}, "dotprod": {"arm64"}, "smlad": {"arm"}, "avx2": {"amd64"}}

// checkKernels returns an error if programs for the board do not have what its timing is of.
func (b *Board) checkKernels() error {
	bits := 64
	if b.GOARCH == "arm" || b.GOARCH == "386" {
		bits = 32
	}
	archs, only := kernelArchs[b.Timing.Kernels]
	if bits != b.Timing.Bits || only && !slices.Contains(archs, b.GOARCH) {
		return fmt.Errorf("timing has kernels %q of %d bits, which programs for %s do not have; calibrate the board (edgec targets calibrate), or leave timing out", b.Timing.Kernels, b.Timing.Bits, b.GOARCH)
	}
	return nil
}

// checkTiming returns what is wrong with the timing of a board.
func (b *Board) checkTiming() error {
	t := b.Timing
	if t == nil {
		return nil
	}
	if _, ok := instructions.Processors[ProcessorName(t.processor())]; !ok || t.Bits != 32 && t.Bits != 64 {
		return fmt.Errorf("timing has kernels %q of %d bits; instructions were counted of %s", t.Kernels, t.Bits, strings.Join(countedProcessors(), ", "))
	}
	if err := b.checkKernels(); err != nil {
		return err
	}
	for _, v := range append(t.parameters(), t.Error) {
		if !(v >= 0 && v <= math.MaxFloat32) {
			return fmt.Errorf("timing has a number %v; give numbers from 0 on", v)
		}
	}
	if !(t.Overlap >= 1 && t.Overlap <= 100) {
		return fmt.Errorf("timing has overlap %v; give 1 to 100", t.Overlap)
	}
	if b.MHz == 0 {
		return errors.New("has a timing but no clock; give mhz")
	}
	return nil
}

// countedProcessors are the keys of the instruction table.
func countedProcessors() (names []string) {
	for name := range instructions.Processors {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// EncodeBoards is the inverse of ReadBoards: a TOML file of boards, after a comment.
func EncodeBoards(comment string, boards []Board) ([]byte, error) {
	var b bytes.Buffer
	for line := range strings.Lines(comment) {
		b.WriteString("# " + line)
	}
	b.WriteString("\n\n")
	err := toml.NewEncoder(&b).Encode(map[string][]Board{"board": boards})
	if err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	return b.Bytes(), nil
}
