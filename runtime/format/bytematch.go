package format

// A stretch is a part of a new file: bytes that are those of the base, and bytes after them that
// are not, though they lie at the same distance.
type stretch struct {
	at, from    int // where it begins, in the new file and in the base
	same, other int // lengths of both parts
	next        int // where the next one begins in the base
}

// raw reports whether the bytes of the second part are written as they are: long changes have
// nothing to do with what a base of that length has there, if it reaches so far.
func (s stretch) raw(length int) bool {
	return s.other >= longChange || s.from+s.same+s.other > length
}

// Constants of the search for common parts.
const (
	longChange = 12      // bytes; changes from here on are new content
	leastMatch = 12      // bytes; of a match at another place
	moveCost   = 6       // bytes that a match at another place has to save
	mostTried  = 48      // places that are tried for a match
	matchWord  = 8       // bytes that are hashed
	tableBits  = 18      // of the hash table
	longEnough = 1 << 14 // bytes; no longer match is looked for
)

// alike divides a new file into stretches that follow each other.
func alike(base, file []byte) []stretch {
	m := newMatcher(base)
	var all []stretch
	s := stretch{}
	end := func(at, next int) { // of the stretch
		s.next = next
		all = append(all, s)
		s = stretch{at: at, from: next}
	}
	for i := 0; i < len(file); {
		from := s.from + i - s.at
		if from < len(base) && base[from] == file[i] {
			n := common(base[from:], file[i:])
			if s.other > 0 {
				end(i, from)
			}
			s.same += n
			i += n
			continue
		}
		if at, n := m.longest(file[i:]); n >= leastMatch && n > inPlace(base, from, file[i:i+n])+moveCost {
			back := 0 // what of the changed bytes matches as well
			for back < s.other && at > back && base[at-back-1] == file[i-back-1] {
				back++
			}
			s.other -= back
			end(i-back, at-back)
			s.same = back + n
			i += n
			continue
		}
		s.other++
		i++
	}
	return append(all, s)
}

// common is the number of equal bytes at the beginning of both.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// inPlace is the number of bytes that the base has at the same places, from from on.
func inPlace(base []byte, from int, b []byte) (n int) {
	for i, v := range b {
		if from+i < len(base) && base[from+i] == v {
			n++
		}
	}
	return n
}

// matcher finds bytes in a base.
type matcher struct {
	base []byte
	head []int32 // by hash: the last place, -1: none
	prev []int32 // by place: the place before with the same hash
}

func newMatcher(base []byte) *matcher {
	m := &matcher{base: base, head: make([]int32, 1<<tableBits), prev: make([]int32, len(base))}
	for i := range m.head {
		m.head[i] = -1
	}
	for i := 0; i+matchWord <= len(base); i++ {
		h := hashed(base[i:])
		m.prev[i], m.head[h] = m.head[h], int32(i)
	}
	return m
}

// hashed is the number of a list for the word that b begins with.
func hashed(b []byte) uint64 {
	v := uint64(0)
	for _, x := range b[:matchWord] {
		v = v<<8 | uint64(x)
	}
	return v * 0x9E3779B97F4A7C15 >> (64 - tableBits)
}

// longest returns the longest match of the beginning of b that it finds.
func (m *matcher) longest(b []byte) (at, n int) {
	if len(b) < matchWord {
		return 0, 0
	}
	b = b[:min(len(b), longEnough)]
	at32 := m.head[hashed(b)]
	for range mostTried {
		if at32 < 0 || n == len(b) {
			break
		}
		if k := common(m.base[at32:], b); k > n {
			at, n = int(at32), k
		}
		at32 = m.prev[at32]
	}
	return at, n
}
