package kernel

// tiled computes group g by its micro-kernel, a block of pixels at a time. Runs that
// would be read beyond the image's end are copied first.
func (c *Conv) tiled(out output, l *Layer, g int, x, patch []int8, acc []int32) {
	w := &c.Window
	first := g * (w.C / len(c.Groups))
	sums, offsets := acc[:blockPixels*panelWidth], acc[blockPixels*panelWidth:][:blockPixels]
	total := w.OutH * w.OutW
	inside := total // pixels whose patches are read in place
	for inside > 0 && c.offset(inside-1)+first+c.longest > len(x) {
		inside--
	}
	for at := 0; at < total; {
		n := min(blockPixels, inside-at)
		args := tileArgs{runs: &c.runs[0], pixels: &offsets[0]}
		if n > 0 {
			args.x = &x[first]
			c.offsets(offsets, at, n)
		} else {
			n = min(tilePixels, total-at)
			args.x, args.runs = &patch[0], &c.packed[0]
			for i := range n {
				c.gather(patch[i*c.patchBytes(l.tiles):], x, c.offset(at+i)+first, l)
				offsets[i] = int32(i * c.patchBytes(l.tiles))
			}
			repeatLast(offsets, n)
		}
		l.tiles.run(out, l, &args, at, n, sums)
		at += n
	}
}

// patchBytes is the size of a patch without gaps but with its runs filled up.
func (c *Conv) patchBytes(t *tiles) int { return t.runs * t.quads * 4 }

// gather copies the patch at base, each run filled up to whole quads.
func (c *Conv) gather(dst, x []int8, base int, l *Layer) {
	t := l.tiles
	run := l.K / t.runs
	for r, offset := range c.runs {
		copy(dst[r*t.quads*4:], x[base+int(offset):][:run])
	}
}

// run computes n pixels from at on. args has their input; sums are of blockPixels.
func (t *tiles) run(out output, l *Layer, args *tileArgs, at, n int, sums []int32) {
	args.acc, args.nRuns, args.quads = &sums[0], t.runs, t.quads
	args.tiles = (n + tilePixels - 1) / tilePixels
	for c := 0; c < l.OutC; c += panelWidth {
		width := panel(l.OutC - c)
		args.weight, args.start, args.stride = &t.weight[t.panelBytes(c)], &t.start[c], width*4
		if n == 1 {
			t.micro.pixel(args, width)
		} else {
			t.micro.tile(args, width)
		}
		t.scale.outputs(t.micro, c/8, out, l, c, min(panelWidth, l.OutC-c), at, n, sums)
	}
}
