package format

// A byte delta is a file of any kind written against another one, such as a program with
// a new model against the one before: what PatchBytes needs beside the base. DELTA.md is its
// format. Device programs read it, so its decoder is part of the runtime; the search for what
// the files have in common (bytematch.go) is not, since only hosts write deltas.
const (
	byteDeltaMagic   = "\x89EDB"
	byteDeltaVersion = 0x10 // major in the high four bits, minor in the low
)

// MaxDeltaFile bounds the files that byte deltas are made of and make, in bytes.
const MaxDeltaFile = 1 << 28

// ByteDelta is what the head of a byte delta says.
type ByteDelta struct {
	Base, New         int      // bytes of the two files
	BaseHash, NewHash [32]byte // their SHA-256, which the runtime does not compute
	baseSum, newSum   uint32   // their CRC-32
	changes           []byte
}

// DiffBytes returns the delta from base to file: PatchBytes(base, delta) is file. The hashes are
// their SHA-256. Neither may have more than MaxDeltaFile bytes. Memory: 4 bytes for each of base, and
// 1 MB; time: 0.1 s for two programs of 2 MB that differ in their model.
func DiffBytes(base, file []byte, baseHash, newHash [32]byte) ([]byte, error) {
	if len(base) > MaxDeltaFile || len(file) > MaxDeltaFile {
		return nil, Error("a file of more than " + itoa(MaxDeltaFile) + " bytes has no delta: send the whole file")
	}
	w := &writer{b: append([]byte(byteDeltaMagic), byteDeltaVersion)}
	w.b = append(w.b, baseHash[:]...)
	w.uvarint(len(base))
	w.u32(Checksum(base))
	w.b = append(w.b, newHash[:]...)
	w.uvarint(len(file))
	w.u32(Checksum(file))
	c := byteCoder{coder: newEncoder(newModel()), base: base}
	for _, s := range alike(base, file) {
		c.copied(s.same)
		at, from := s.at+s.same, s.from+s.same
		c.changed(file[at:at+s.other], from, s.raw(len(base)))
		if at+s.other < len(file) {
			c.moved(s.next - from - s.other)
		}
	}
	w.b = append(w.b, c.finish()...)
	w.u32(Checksum(w.b))
	if got, err := PatchBytes(base, w.b, len(file)); err != nil || string(got) != string(file) {
		return nil, Error("the new file cannot be made from the base and a delta: send the whole file")
	}
	return w.b, nil
}

// IsByteDelta reports whether data begins like a byte delta.
func IsByteDelta(data []byte) bool {
	return len(data) >= len(byteDeltaMagic) && string(data[:len(byteDeltaMagic)]) == byteDeltaMagic
}

// ReadByteDelta reads the head of a byte delta, whose checksum it verifies.
func ReadByteDelta(delta []byte) (ByteDelta, error) {
	const least = len(byteDeltaMagic) + 1 + 4
	switch {
	case len(delta) < least || !IsByteDelta(delta):
		return ByteDelta{}, Error("not a delta: it does not start with the magic number; give one that edgec diff made")
	case delta[len(byteDeltaMagic)]>>4 != byteDeltaVersion>>4:
		return ByteDelta{}, UnsupportedError("delta of format " + itoa(int(delta[len(byteDeltaMagic)]>>4)) + ".x, this reader knows " + itoa(byteDeltaVersion>>4) + ".x: update it")
	}
	body := delta[:len(delta)-4]
	if sum := (&reader{b: delta[len(delta)-4:]}).u32(); sum != Checksum(body) {
		return ByteDelta{}, FormatError{len(body), "the checksum of the delta differs: it is truncated or damaged, copy it again"}
	}
	r := &reader{b: body[len(byteDeltaMagic)+1:], end: len(body)}
	var d ByteDelta
	for i := range d.BaseHash {
		d.BaseHash[i] = r.byte()
	}
	d.Base, d.baseSum = r.uvarint(), r.u32()
	for i := range d.NewHash {
		d.NewHash[i] = r.byte()
	}
	d.New, d.newSum = r.uvarint(), r.u32()
	if r.fail || d.Base > MaxDeltaFile || d.New > MaxDeltaFile {
		return ByteDelta{}, r.broken("the head of the delta is damaged")
	}
	d.changes = r.b
	return d, nil
}

// PatchBytes makes the new file, of at most limit bytes, from the base and a delta of DiffBytes.
// It refuses a base that is not the one that the delta was made against, and a delta that is
// damaged. It compares lengths and CRC-32; who does not trust the delta compares the SHA-256 too.
func PatchBytes(base, delta []byte, limit int) ([]byte, error) {
	d, err := ReadByteDelta(delta)
	switch {
	case err != nil:
		return nil, err
	case d.Base != len(base) || d.baseSum != Checksum(base):
		return nil, Error("the delta was made against another base, of " + itoa(d.Base) + " bytes: find that file, or copy the whole new one")
	case d.New > limit:
		return nil, Error("the delta is for a file of " + itoa(d.New) + " bytes, at most " + itoa(limit) + " are accepted: copy the whole file")
	}
	c := byteCoder{coder: newDecoder(newModel(), d.changes, budget{bits: 64 * (int64(d.New) + 64)}), base: base}
	file := c.patch(d.New)
	if c.stopped() || c.at < len(c.in) || Checksum(file) != d.newSum {
		return nil, Error("the changes of the delta are damaged: copy it again")
	}
	return file, nil
}

// byteCoder codes the changes of a byte delta, in both directions.
type byteCoder struct {
	*coder
	base []byte
	runs [2]int32 // log2ish of the lengths of the last two copies
	step byte     // latest byte that was added
	last byte     // latest byte that was written without the base
}

// patch decodes n bytes.
func (c *byteCoder) patch(n int) []byte {
	file := make([]byte, 0, n)
	for from := 0; len(file) < n && !c.stopped(); {
		same := c.copied(0)
		if same > n-len(file) || same > len(c.base)-from {
			c.broken = true
			return file
		}
		file = append(file, c.base[from:from+same]...)
		from += same
		before := len(file)
		if file = c.add(file, from, n); c.stopped() {
			return file
		}
		from += len(file) - before
		if len(file) < n {
			from += c.moved(0)
			c.broken = c.broken || from < 0 || from > len(c.base) || same == 0 && len(file) == before && len(file) > 0
		}
	}
	return file
}

// add decodes the bytes after a copy.
func (c *byteCoder) add(file []byte, from, n int) []byte {
	other := int(c.number(0, 16, 16) & (1<<31 - 1))
	raw := other > 0 && c.flag(0, false)
	if other > n-len(file) || !raw && other > len(c.base)-from {
		c.broken = true
		return file
	}
	for i := range other {
		if c.stopped() {
			return file
		}
		if raw {
			file = append(file, c.plain(0))
		} else {
			file = append(file, c.base[from+i]+c.added(0, c.base[from+i]))
		}
	}
	return file
}

// copied codes how many bytes are those of the base.
func (c *byteCoder) copied(n int) int {
	n = int(c.number(uint32(n), c.runs[0], c.runs[1]) & (1<<31 - 1))
	c.runs[1], c.runs[0] = c.runs[0], log2ish(n)
	return n
}

// changed encodes the bytes after a copy, which stand where the base has its own from from on.
func (c *byteCoder) changed(b []byte, from int, raw bool) {
	c.number(uint32(len(b)), 16, 16)
	if len(b) == 0 {
		return
	}
	c.flag(0, raw)
	for i, v := range b {
		if raw {
			c.plain(v)
		} else {
			c.added(v-c.base[from+i], c.base[from+i])
		}
	}
}

// moved codes by how much the place in the base moves.
func (c *byteCoder) moved(n int) int { return int(c.signed(int32(n), 0, 0)) }

// Where the bytes keep their counters.
const (
	ctxAdded = 0              // 256: by the bits before
	ctxStep  = ctxAdded + 256 // 2048: and the byte added before
	ctxBase  = ctxStep + 2048 // 2048: and the byte of the base
	ctxPlain = ctxBase + 2048 // 256: by the bits before
)

// added codes the difference of a byte to the one of the base.
func (c *byteCoder) added(v, was byte) byte {
	node := int32(1)
	for i := range 8 {
		node = node<<1 | int32(c.bit3(int(v>>(7-i)&1), setValue+i, ctxAdded+node, ctxStep+mixed(int32(c.step), node), ctxBase+mixed(int32(was), node)))
	}
	c.step = byte(node)
	return c.step
}

// plain codes a byte without the base.
func (c *byteCoder) plain(v byte) byte {
	node := int32(1)
	for i := range 8 {
		node = node<<1 | int32(c.bit3(int(v>>(7-i)&1), setMask+i, ctxPlain+node, ctxStep+mixed(int32(c.last)+256, node), ctxBase+mixed(int32(c.last>>4)+256, node)))
	}
	c.last = byte(node)
	return c.last
}

// mixed spreads a context over 2048 counters.
func mixed(context, node int32) int32 { return int32(uint32(context<<8|node) * 0x9E3779B1 >> 21) }

// MostPatched returns how many bytes a file may have that a base and a delta make, for callers who
// know nothing of it: 16 times as many as both have together, and 65,536.
func MostPatched(base, delta []byte) int {
	return int(min(maxPatched(len(base)+len(delta)), MaxDeltaFile))
}
