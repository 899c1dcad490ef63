package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	goruntime "runtime"
	"slices"
	"strings"

	"edgec/runtime/format"
)

// disk is a model of a device whose file system forgets what was not synced. It is stricter
// than the file systems that we know: a name is not safe because its file was synced, and
// changes of different names in a folder may survive in any combination. Only changes of the
// same name keep their order.
type disk struct {
	root  *node
	space int64
	// changed is called after each change that a cut of power may undo; nil: nobody.
	changed func()
	// syncs counts the calls of Sync; the one with the number forget does nothing.
	syncs, forget int
	synced        []string // where each call of Sync was made
	broken        func(op string) error
	failed        bool // a program did not pass in its place
}

// node is a file, a folder or a link.
type node struct {
	data, safe []byte // of a file, and what of it was synced
	dirty      bool
	target     string // of a link
	entries    map[string]*node
	durable    map[string]*node
	pending    []change
}

// change is one of the names in a folder: name gets the node, or loses it for nil. from is the
// name that a rename takes it from.
type change struct {
	name, from string
	node       *node
}

func (c change) apply(entries map[string]*node) {
	if c.from != "" {
		delete(entries, c.from)
	}
	if c.node == nil {
		delete(entries, c.name)
		return
	}
	entries[c.name] = c.node
}

// needs reports whether a change can only survive if an earlier one does.
func (c change) needs(earlier change) bool {
	for _, a := range []string{c.name, c.from} {
		if a != "" && (a == earlier.name || a == earlier.from) {
			return true
		}
	}
	return false
}

func newFolder() *node { return &node{entries: map[string]*node{}, durable: map[string]*node{}} }

func newDisk() *disk { return &disk{root: newFolder(), space: 1 << 30, forget: -1} }

func (d *disk) String() string       { return "model" }
func (d *disk) Folder() string       { return "/model" }
func (d *disk) Free() (int64, error) { return d.space, nil }

// find follows links but for the last part of a name.
func (d *disk) find(name string) (*node, error) {
	at := d.root
	parts := strings.Split(path.Clean(name), "/")
	for i, part := range parts {
		if part == "." {
			continue
		}
		next, ok := at.entries[part]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		if next.target != "" && i < len(parts)-1 {
			return d.find(path.Join(append([]string{next.target}, parts[i+1:]...)...))
		}
		at = next
	}
	return at, nil
}

// change makes a change in the folder of a name.
func (d *disk) change(op, name, from string, n *node) error {
	if d.broken != nil {
		if err := d.broken(op + " " + name); err != nil {
			return err
		}
	}
	folder, err := d.find(path.Dir(name))
	if err != nil {
		return err
	}
	c := change{name: path.Base(name), node: n}
	if from != "" {
		c.from = path.Base(from)
	}
	c.apply(folder.entries)
	folder.pending = append(folder.pending, c)
	if d.changed != nil {
		d.changed()
	}
	return nil
}

func (d *disk) Mkdir(name string) error {
	if _, err := d.find(name); err == nil {
		return nil
	}
	return d.change("mkdir", name, "", newFolder())
}

func (d *disk) Write(name string, r io.Reader, _ fs.FileMode, exclusive bool) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	n, err := d.find(name)
	switch {
	case err == nil && exclusive:
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case err != nil:
		n = &node{}
		if err := d.change("write", name, "", n); err != nil {
			return err
		}
	}
	n.data, n.dirty = data, true
	if d.changed != nil {
		d.changed()
	}
	return nil
}

func (d *disk) Read(name string, limit int64) ([]byte, error) {
	n, err := d.find(name)
	if err != nil {
		return nil, err
	}
	return readLimited(bytes.NewReader(n.data), name, limit)
}

func (d *disk) Rename(from, to string) error {
	n, err := d.find(from)
	if err != nil {
		return err
	}
	if path.Dir(from) != path.Dir(to) {
		return errors.New("the model renames within a folder only")
	}
	return d.change("rename", to, from, n)
}

func (d *disk) Symlink(target, name string) error {
	return d.change("symlink", name, "", &node{target: target})
}

func (d *disk) Readlink(name string) (string, error) {
	n, err := d.find(name)
	if err != nil {
		return "", err
	}
	return n.target, nil
}

func (d *disk) Remove(name string) error {
	n, err := d.find(name)
	if err != nil {
		return err
	}
	if len(n.entries) > 0 {
		return errors.New("the folder is not empty")
	}
	return d.change("remove", name, "", nil)
}

func (d *disk) List(name string) ([]string, error) {
	n, err := d.find(name)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(n.entries)), nil
}

func (d *disk) Sync(name string) error {
	n, err := d.find(name)
	if err != nil {
		return err
	}
	d.syncs++
	d.synced = append(d.synced, caller())
	if d.syncs-1 == d.forget {
		return nil
	}
	n.safe, n.dirty = n.data, false
	n.durable, n.pending = maps.Clone(n.entries), nil
	if d.changed != nil {
		d.changed()
	}
	return nil
}

func (d *disk) Sum(_ context.Context, name string) (string, error) {
	n, err := d.find(name)
	if err != nil {
		return "", err
	}
	return sum(bytes.NewReader(n.data))
}

// Run knows the programs of made: their first word says what they do.
func (d *disk) Run(ctx context.Context, command string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.broken != nil {
		if err := d.broken("run " + command); err != nil {
			return nil, err
		}
	}
	if command == "uname -s -m" {
		return []byte("Linux x86_64\n"), nil
	}
	name, _, _ := strings.Cut(command, " ")
	n, err := d.find(name)
	if err != nil || !bytes.HasSuffix(n.data, []byte("end")) {
		return nil, &ExitError{Code: 126, Output: name + " cannot be executed"}
	}
	kind, _, _ := strings.Cut(string(n.data), " ")
	switch {
	case kind == "unfit" && strings.HasPrefix(name, "./current/"):
		d.failed = true
		return nil, &ExitError{Code: 1, Output: "self-test failed in its place"}
	case kind == "broken":
		return nil, &ExitError{Code: 1, Output: "self-test failed"}
	case strings.Contains(command, "--patch"):
		return nil, d.patch(kind, strings.Fields(command))
	case strings.Contains(command, "--bench"):
		return fmt.Appendf(nil, `{"median_us":%d}`, map[bool]int{true: 9000, false: 1000}[kind == "slow"]), nil
	}
	return []byte("self-test passed\n"), nil
}

// patch does the command BASE --patch DELTA BASE > FILE && chmod 755 FILE.
func (d *disk) patch(kind string, words []string) error {
	file := words[5]
	if err := d.Write(file, strings.NewReader(""), 0o644, false); err != nil { // the shell does
		return err
	}
	base, err := d.find(words[3])
	if err != nil {
		return err
	}
	delta, err := d.find(words[2])
	if err != nil {
		return err
	}
	data, err := format.PatchBytes(base.data, delta.data, 1<<20)
	switch {
	case err != nil:
		return &ExitError{Code: 1, Output: err.Error()}
	case kind == "plain":
		return &ExitError{Code: 1, Output: "unknown option --patch; see --help"}
	case kind == "wrong":
		data = data[1:]
	}
	return d.Write(file, bytes.NewReader(data), 0o644, false)
}

// large is made for programs of which a delta is smaller than a program.
func large(kind, name string) Program {
	p := made(kind, name)
	r := rand.New(rand.NewPCG(1, 3))
	for range 100 {
		p.Data = fmt.Appendf(p.Data, "%x", r.Uint64())
	}
	p.Data = append(p.Data, "end"...)
	return p
}

// made is a program of the model. kind is good, broken (fails its self-test), slow, unfit (fails
// in its place, behind current), plain (has no --patch) or wrong (its --patch makes something
// else).
func made(kind, name string) Program {
	return Program{Data: []byte(kind + " " + name + strings.Repeat(".", 40) + "end"), Model: name + ".edgec"}
}

// append writes all that a folder holds, so that equal disks are known.
func (n *node) append(b []byte) []byte {
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		e := n.entries[name]
		b = fmt.Appendf(b, "%s %q %q {", name, e.target, e.data)
		b = append(e.append(b), '}')
	}
	return b
}

// choices are the decisions about what of a disk survives a cut of power: below 2 for a change,
// below 3 for a file that was not synced.
type choices struct {
	made   []int
	limits []int
	next   int
}

func (c *choices) choose(limit int) int {
	if c.next == len(c.made) {
		c.made, c.limits = append(c.made, 0), append(c.limits, limit)
	}
	c.next++
	c.limits[c.next-1] = limit
	return c.made[c.next-1]
}

// advance goes on to the next combination of choices; false after the last.
func (c *choices) advance() bool {
	c.made, c.limits = c.made[:c.next], c.limits[:c.next]
	c.next = 0
	for i := len(c.made) - 1; i >= 0; i-- {
		if c.made[i]++; c.made[i] < c.limits[i] {
			c.made, c.limits = c.made[:i+1], c.limits[:i+1]
			return true
		}
	}
	return false
}

// cut returns the disk after a cut of power and a start of the device.
func (d *disk) cut(choose func(limit int) int) *disk {
	return &disk{root: d.root.cut(choose), space: d.space, forget: -1}
}

func (n *node) cut(choose func(limit int) int) *node {
	switch {
	case n.target != "":
		return &node{target: n.target}
	case n.entries == nil:
		data := n.data
		if n.dirty {
			data = [][]byte{n.safe, n.data[:len(n.data)/2], n.data}[choose(3)]
		}
		return &node{data: data, safe: data}
	}
	entries := maps.Clone(n.durable)
	var lost []change
	for _, c := range n.pending {
		if !slices.ContainsFunc(lost, c.needs) && choose(2) == 1 {
			c.apply(entries)
		} else {
			lost = append(lost, c)
		}
	}
	after := newFolder()
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		after.entries[name] = entries[name].cut(choose)
	}
	after.durable = maps.Clone(after.entries)
	return after
}

// caller is the code that has called Sync: the lines of this package, the last first.
func caller() string {
	counters := make([]uintptr, 20)
	frames := goruntime.CallersFrames(counters[:goruntime.Callers(3, counters)])
	var lines []string
	for {
		f, more := frames.Next()
		if !more || strings.HasSuffix(f.File, "_test.go") || !strings.Contains(f.Function, "internal/deploy.") {
			return strings.Join(lines, " < ")
		}
		lines = append(lines, fmt.Sprintf("%s:%d", path.Base(f.File), f.Line))
	}
}

// mostCuts bounds the combinations that are looked at after one change; above it they are
// drawn.
const mostCuts = 1024

// cuts calls visit with the disks that a cut of power now may leave.
func (d *disk) cuts(rng *rand.Rand, visit func(*disk)) {
	c := &choices{}
	for range mostCuts {
		visit(d.cut(c.choose))
		if !c.advance() {
			return
		}
	}
	for range mostCuts {
		visit(d.cut(rng.IntN))
	}
}
