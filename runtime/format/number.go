package format

// number codes n by the length of its binary form, then its digits from the
// top; the first three have contexts. a and b (0..31) choose contexts.
func (c *coder) number(n uint32, a, b int32) uint32 {
	length := int32(0)
	for n>>length != 0 {
		length++
	}
	k := int32(0)
	for k < 32 {
		if c.bit(bit01(k < length), setInt+min(int(k), 5), ctxInt+k, ctxInt+64+a*16+min(k, 15), ctxInt+64+512+b*16+min(k, 15)) == 0 {
			break
		}
		k++
	}
	if k < 2 {
		return uint32(k)
	}
	v := uint32(1)
	for i := k - 2; i >= 0; i-- {
		top := min(v, 7)
		if k-2-i > 2 {
			top = 8 + uint32(min(i, 7))
		}
		v = v<<1 | uint32(c.bit(int(n>>i&1), setInt+6, ctxInt+1100+min(k, 15)*16+int32(top), ctxInt+1400+int32(top)))
	}
	return v
}

// signed codes an int32 as zero, sign and magnitude.
func (c *coder) signed(n int32, a, b int32) int32 {
	if c.bit(bit01(n != 0), setInt+7, ctxInt+1500+a, ctxInt+1540+b) == 0 {
		return 0
	}
	neg := c.bit(bit01(n < 0), setInt+7, ctxInt+1600+a, ctxInt+1640+b)
	mag := uint32(n)
	if n < 0 {
		mag = -mag
	}
	v := c.number(mag-1, a, b) + 1
	if neg == 1 {
		return int32(-v)
	}
	return int32(v)
}

// flag codes a bit that stands for itself, k says which.
func (c *coder) flag(k int32, b bool) bool { return c.bit(bit01(b), setInt+7, ctxInt+1700+k) == 1 }

func bit01(b bool) int {
	if b {
		return 1
	}
	return 0
}
