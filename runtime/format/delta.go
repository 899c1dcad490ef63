package format

import (
	"bytes"
	"math/bits"
	"slices"
)

// A delta is a file written against another one: what Patch needs beside the
// base to make the new file, byte for byte. DELTA.md is its format.
const (
	deltaMagic   = "\x89EDD"
	deltaVersion = 0x10 // major in the high four bits, minor in the low
)

// What of a delta's sections is the base's.
const (
	sameGraph = 1 << iota
	sameMeta
	sameTest
	otherState // the delta has a section of its own for it
	sameAll
)

// Diff returns the delta from base to file: Patch(base, delta) is file. Where
// layers have kept their shapes, masks and values are coded against the base's;
// other layers are coded whole. It refuses files that Encode does not write to the
// byte, of another version of the format for instance.
func Diff(base, file []byte) ([]byte, error) {
	from, err := Decode(base)
	if err != nil {
		return nil, Error("the base: " + reason(err))
	}
	to, err := Decode(file)
	if err != nil {
		return nil, Error("the new file: " + reason(err))
	}
	if again, _, err := Encode(to); err != nil || !bytes.Equal(again, file) {
		return nil, Error("the new file holds more than this version writes, or is of an earlier one: send the whole file")
	}
	w := &writer{b: append([]byte(deltaMagic), deltaVersion)}
	w.uvarint(len(base))
	w.u32(sumOf(base))
	w.uvarint(len(file))
	w.u32(sumOf(file))
	old, now := rawSections(base), rawSections(file)
	flags := 0
	for k, tag := range deltaSections {
		if same(old[tag].rest(), now[tag].rest()) {
			flags |= 1 << k
		}
	}
	state := now[secState].rest()
	if !same(old[secState].rest(), state) {
		flags |= otherState
	}
	w.byte(byte(flags))
	for k, tag := range deltaSections {
		switch body := now[tag].rest(); {
		case flags>>k&1 != 0:
		case body == nil:
			w.uvarint(0)
		default:
			w.uvarint(len(body) + 1)
			w.b = append(w.b, body...)
		}
	}
	if flags&otherState != 0 {
		w.uvarint(len(state))
		w.b = append(w.b, state...)
	}
	c := newEncoder(newModel())
	codeChanges(c, to, from)
	w.b = append(w.b, c.finish()...)
	w.u32(Checksum(w.b))
	if got, err := Patch(base, w.b); err != nil || !bytes.Equal(got, file) {
		return nil, Error("the new file cannot be made from the base and a delta: send the whole file")
	}
	return w.b, nil
}

// deltaSections are the sections that a delta holds as they are, in order.
var deltaSections = [...]byte{secGraph, secMeta, secTest}

// Patch makes the new file from the base and a delta of Diff. It refuses a base
// that is not the one that the delta was made against, and a delta that is damaged.
func Patch(base, delta []byte) ([]byte, error) {
	r, err := unsealDelta(delta)
	if err != nil {
		return nil, err
	}
	if n, sum := r.uvarint(), r.u32(); n != len(base) || sum != sumOf(base) {
		return nil, Error("the delta was made against another base, of " + itoa(n) + " bytes: find that file, or copy the whole new one")
	}
	size, sum := r.uvarint(), r.u32()
	length := len(base) + len(delta)
	if most := maxPatched(length); int64(size) > most {
		return nil, Error("the delta is for a file of " + itoa(size) + " bytes, at most " + itoa(int(most)) + " are made of " + itoa(length) + ": copy the whole file")
	}
	from, err := Decode(base)
	if err != nil {
		return nil, Error("the base: " + reason(err))
	}
	f, err := patchSections(r, base)
	if err != nil {
		return nil, err
	}
	if err := f.shapes(length); err != nil {
		return nil, err
	}
	if err := patchWeights(r, f, from, length); err != nil {
		return nil, err
	}
	file, _, err := Encode(f)
	if err != nil {
		return nil, err
	}
	if len(file) != size || sumOf(file) != sum {
		return nil, Error("the patched file differs from the one that the delta was made of: this version may code it differently, copy the whole file")
	}
	return file, nil
}

// IsDelta reports whether data begins like a delta of two compressed networks.
func IsDelta(data []byte) bool {
	return len(data) >= len(deltaMagic) && string(data[:len(deltaMagic)]) == deltaMagic
}

// unsealDelta verifies magic, version and checksum of a delta; it returns a
// reader of what follows them.
func unsealDelta(delta []byte) (*reader, error) {
	const least = len(deltaMagic) + 1 + 4
	switch {
	case len(delta) < least || string(delta[:len(deltaMagic)]) != deltaMagic:
		return nil, Error("not a delta: it does not start with the magic number; give one that edgec diff made")
	case delta[len(deltaMagic)]>>4 != deltaVersion>>4:
		return nil, UnsupportedError("delta of format " + itoa(int(delta[len(deltaMagic)]>>4)) + ".x, this reader knows " + itoa(deltaVersion>>4) + ".x: update it")
	}
	body := delta[:len(delta)-4]
	if sum := (&reader{b: delta[len(delta)-4:]}).u32(); sum != Checksum(body) {
		return nil, FormatError{len(body), "the checksum of the delta differs: it is truncated or damaged, copy it again"}
	}
	return &reader{b: body[len(deltaMagic)+1:], end: len(body)}, nil
}

// patchSections reads the sections that the delta holds as they are, those that
// it leaves to the base from there.
func patchSections(r *reader, base []byte) (*File, error) {
	sections := rawSections(base)
	flags := r.byte()
	if flags >= sameAll {
		return nil, UnsupportedError("the delta has flags that this reader does not know: update it")
	}
	for k, tag := range deltaSections {
		if flags>>k&1 != 0 {
			continue
		}
		delete(sections, tag)
		n := r.uvarint()
		if n > len(r.b)+1 {
			return nil, r.broken("a section of the delta ends beyond it")
		}
		if n > 0 {
			sections[tag] = r.section(n - 1)
		}
	}
	if flags&otherState != 0 {
		delete(sections, secState)
		n := r.uvarint()
		if n > len(r.b) {
			return nil, r.broken("a section of the delta ends beyond it")
		}
		if n > 0 {
			sections[secState] = r.section(n)
		}
	}
	if r.fail {
		return nil, r.broken("the delta ends too early")
	}
	f := &File{}
	for _, tag := range append(deltaSections[:], secState) {
		if body := sections[tag]; body != nil {
			if err := decodeSection(f, tag, body); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

// patchWeights reads the tables and weights of f, whose shapes are known, from
// the rest of the delta against those of the base; length is that of both.
func patchWeights(r *reader, f, from *File, length int) error {
	c := newDecoder(newModel(), r.b, newBudget(length))
	codeChanges(c, f, from)
	if !c.short && !c.broken && c.spent() {
		return c.exceeded()
	}
	if c.short || c.broken || c.at < len(r.b) {
		r.b = r.b[min(c.at, len(r.b)):]
		return r.broken("the weights of the delta are damaged")
	}
	return nil
}

// rawSections returns the sections of a file that Decode has accepted, by tag.
func rawSections(file []byte) map[byte]*reader {
	body, _ := unseal(file)
	m := map[byte]*reader{}
	for r := (&reader{b: body}); len(r.b) > 0; {
		tag := r.byte()
		m[tag] = r.section(r.uvarint())
	}
	return m
}

// sumOf is the checksum of a file without its own at the end, with which that of
// every whole file would be the same.
func sumOf(file []byte) uint32 { return Checksum(file[:max(len(file)-4, 0)]) }

func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// reason is an error's line without the name of the package.
func reason(err error) string {
	const name = "format: "
	if s := err.Error(); len(s) > len(name) && s[:len(name)] == name {
		return s[len(name):]
	}
	return err.Error()
}

// codeChanges codes tables and weights of f against those of old, whose shapes
// both sides know.
func codeChanges(c *coder, f, old *File) {
	if !c.dec {
		f = &File{Tensors: f.Tensors, Instrs: f.Instrs, Weights: slices.Clone(f.Weights), LUTs: slices.Clone(f.LUTs)}
	}
	for i := range f.LUTs {
		kept := i < len(old.LUTs)
		if kept && c.keeps(changedLUT, f.LUTs[i] == old.LUTs[i]) {
			f.LUTs[i] = old.LUTs[i]
		} else {
			codeLUT(c, &f.LUTs[i])
		}
		if c.stopped() {
			return
		}
	}
	grids := f.grids()
	c.fit(grids)
	for i := range f.Weights {
		w, g := &f.Weights[i], grids[i]
		if i < len(old.Weights) && w.like(&old.Weights[i]) {
			codeChange(c, w, &old.Weights[i], g.cols())
		} else {
			w.Values = slices.Clone(w.Values)
			codeWeight(c, w, g, false, nil)
		}
		if c.stopped() || c.spent() {
			return
		}
	}
}

// like reports whether the two have the same shape.
func (w *Weight) like(old *Weight) bool {
	return w.OutC == old.OutC && w.KH == old.KH && w.KW == old.KW && w.InC == old.InC
}

// What may be as in the base; see coder.keeps.
const (
	changedLUT = iota
	changedScales
	changedBook
	changedMask
	changedBias
	changedHasBias
)

// keeps codes whether a part is as in the base.
func (c *coder) keeps(what int32, yes bool) bool { return c.flag(16+what, yes) }

// codeChange codes a weight tensor against one of the same shape.
func codeChange(c *coder, w, old *Weight, cols int) {
	if c.keeps(changedScales, slices.Equal(w.Scale, old.Scale)) {
		w.Scale = old.Scale
	} else {
		codeScales(c, w)
	}
	var values []int8 // of the book, nonzero
	if c.keeps(changedBook, (w.Book == nil) == (old.Book == nil) && slices.Equal(w.Book, old.Book)) {
		if w.Book = old.Book; w.Book != nil {
			values = some(withoutZero(w.Book))
		}
	} else {
		values = codeBook(c, w)
	}
	if c.stopped() {
		return
	}
	mask := true
	if !c.dec {
		for i, v := range w.Values {
			mask = mask && (v != 0) == (old.Values[i] != 0)
		}
	} else {
		w.Values = make([]int8, w.Elems())
	}
	mask = c.keeps(changedMask, mask)
	v := changeCoder{coder: c, book: values, sameMask: mask}
	if values != nil {
		v.near = nearest(values)
	}
	for i, was := range old.Values {
		if i%cols == 0 {
			v.inRow = 0
		}
		w.Values[i] = v.code(w.Values[i], was)
		if c.stopped() {
			return
		}
		c.nonzero -= int64(nonzero(w.Values[i]))
	}
	codeBiasChange(c, w, old)
}

// nearest returns the place in the sorted values that is nearest to each int8,
// the lower of two.
func nearest(values []int8) (near [256]uint8) {
	at := 0
	for v := -128; v < 128; v++ {
		for at+1 < len(values) && int(values[at+1])-v < v-int(values[at]) {
			at++
		}
		near[uint8(int8(v))] = uint8(at)
	}
	return near
}

// changeCoder codes the values of a tensor against those of the base.
type changeCoder struct {
	*coder
	book     []int8 // nonzero, ascending; nil: any int8
	near     [256]uint8
	sameMask bool
	inRow    int   // weights of this row that came or went
	recent   int32 // of the last three, a bit each
	last     int32 // latest difference of places or values
}

// code codes v where the base has was.
func (t *changeCoder) code(v, was int8) int8 {
	live := nonzero(was)
	if !t.sameMask {
		b := t.bit3(int(nonzero(v)), setMask, ctxMask+live, ctxMask+2+live*8+t.recent, ctxMask+18+live*16+log2ish(t.inRow))
		moved := int32(b) ^ live
		t.recent = t.recent<<1&7 | moved
		t.inRow += int(moved)
		live = int32(b)
	}
	if live == 0 {
		return 0
	}
	a := min(max(t.last, -t.last), 3)
	if t.book == nil {
		t.last = t.signed(int32(v)-int32(was), a, 8+nonzero(was))
		if n := int32(was) + t.last; n >= -128 && n <= 127 && n != 0 {
			return int8(n)
		}
		t.broken = true
		return 1
	}
	from, place := int32(t.near[uint8(was)]), int32(t.near[uint8(v)])
	if was == 0 {
		from = int32(len(t.book)) / 2
	}
	t.last = t.signed(place-from, 4+a, 10+nonzero(was))
	if place = from + t.last; place < 0 || place >= int32(len(t.book)) {
		t.broken = true
		return 1
	}
	return t.book[place]
}

// codeBiasChange codes biases as differences to the base's, without the low bits
// that are zero in all of the new ones.
func codeBiasChange(c *coder, w, old *Weight) {
	if c.keeps(changedBias, (w.Bias == nil) == (old.Bias == nil) && slices.Equal(w.Bias, old.Bias)) {
		w.Bias = old.Bias
		return
	}
	if !c.keeps(changedHasBias, w.Bias != nil) {
		w.Bias = nil
		return
	}
	shift := c.number(lowZeros(w.Bias), 26, 26) & 31
	if c.stopped() {
		return
	}
	if c.dec {
		w.Bias = make([]int32, w.OutC)
	} else {
		w.Bias = slices.Clone(w.Bias)
	}
	last := int32(0)
	for i := range w.Bias {
		if c.stopped() {
			return
		}
		was := int32(0)
		if old.Bias != nil {
			was = old.Bias[i] >> shift
		}
		last = c.signed(w.Bias[i]>>shift-was, 12+length(last), 12)
		w.Bias[i] = (was + last) << shift
	}
}

// length is the number of binary digits of |d|, at most 7.
func length(d int32) int32 { return int32(min(bits.Len32(uint32(max(d, -d))), 7)) }
