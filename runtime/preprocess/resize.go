//go:build !nopictures

package preprocess

// weightBits is the precision of a filter weight, Pillow's: bytes, weights and
// their sums fit into 31 bits.
const weightBits = 32 - 8 - 2

// window is the part of a line that one destination position is made of.
type window struct {
	first   int      // source position of weights[0]
	weights []uint32 // their sum is about 1<<weightBits
}

// scaler resizes a picture whose lines come one by one, from top to bottom.
type scaler struct {
	across, down []window // nil: the size stays
	w, c         int
	y            int      // number of lines that have come
	oldest       int      // the first line of the result that is not complete
	row          []byte   // a line at the new width
	sums         []uint32 // [h,w,c] in units of 2^-weightBits; nil when down is
	out          []byte   // [h,w,c]
}

func newScaler(fromH, fromW, h, w, c int) *scaler {
	s := &scaler{w: w, c: c, out: make([]byte, h*w*c)}
	if fromW != w {
		s.across, s.row = triangle(fromW, w), make([]byte, w*c)
	}
	if fromH != h {
		s.down, s.sums = triangle(fromH, h), make([]uint32, h*w*c)
	}
	return s
}

// add takes the next line of the picture, [W,C].
func (s *scaler) add(line []byte) {
	y, size := s.y, s.w*s.c
	s.y++
	if s.across != nil {
		squeeze(s.row, line, s.across, s.c)
		line = s.row
	}
	if s.down == nil {
		copy(s.out[y*size:], line)
		return
	}
	for i := s.oldest; i < len(s.down) && s.down[i].first <= y; i++ {
		t := &s.down[i]
		if y-t.first >= len(t.weights) {
			s.oldest = i + 1
			continue
		}
		weight, sums := t.weights[y-t.first], s.sums[i*size:(i+1)*size]
		for k, v := range line {
			sums[k] += weight * uint32(v)
		}
	}
}

// bytes returns the result, after the last line.
func (s *scaler) bytes() []byte {
	for k, v := range s.sums {
		s.out[k] = round(v)
	}
	return s.out
}

// squeeze filters a line of the picture, of one or three channels, to the width
// of row.
func squeeze(row, line []byte, across []window, c int) {
	if c == 3 {
		squeeze3(row, line, across)
		return
	}
	for x := range across {
		t := &across[x]
		sum := uint32(0)
		for k, v := range line[t.first:][:len(t.weights)] {
			sum += t.weights[k] * uint32(v)
		}
		row[x] = round(sum)
	}
}

func squeeze3(row, line []byte, across []window) {
	for x := range across {
		t := &across[x]
		var r, g, b uint32
		pixels := line[3*t.first:][:3*len(t.weights)]
		for _, weight := range t.weights {
			r += weight * uint32(pixels[0])
			g += weight * uint32(pixels[1])
			b += weight * uint32(pixels[2])
			pixels = pixels[3:]
		}
		row[3*x], row[3*x+1], row[3*x+2] = round(r), round(g), round(b)
	}
}

// round returns the nearest byte, halves up. Weights are rounded one by one, so
// a sum may pass 255.
func round(sum uint32) byte {
	return byte(min(255, (sum+1<<(weightBits-1))>>weightBits))
}

// triangle returns the window of each of the destination positions. Positions
// are multiplied by 2*to, which makes them whole numbers: 64 bits hold them, and
// their products with 2^(weightBits+1), for sides of up to 2^31.
func triangle(from, to int) []window {
	windows := make([]window, to)
	reach := 2 * int64(max(from, to))
	step := 2 * int64(to)
	for i := range windows {
		centre := (2*int64(i) + 1) * int64(from)
		weight := func(j int) int64 {
			d := (2*int64(j)+1)*int64(to) - centre
			return max(0, reach-max(d, -d))
		}
		first := max(0, int((centre-reach)/step)-1)
		for weight(first) == 0 {
			first++
		}
		end, total := first, int64(0)
		for ; end < from && weight(end) > 0; end++ {
			total += weight(end)
		}
		k := make([]uint32, end-first)
		for j := range k {
			k[j] = uint32((weight(first+j)<<(weightBits+1) + total) / (2 * total))
		}
		windows[i] = window{first, k}
	}
	return windows
}
