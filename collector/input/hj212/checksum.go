package hj212

// checksum computes the CRC of HJ 212-2017 annex A. Unlike the usual CRC-16 it
// shifts the register before it adds a byte, so that a byte replaces the lower
// half; what eight shifts make of that is looked up.
type checksum [256]uint16

func newChecksum() *checksum {
	const polynomial = 0xA001
	var c checksum
	for i := range c {
		r := uint16(i)
		for range 8 {
			low := r & 1
			r >>= 1
			if low == 1 {
				r ^= polynomial
			}
		}
		c[i] = r
	}
	return &c
}

func (c *checksum) of(data []byte) uint16 {
	r := uint16(0xFFFF)
	for _, b := range data {
		r = c[byte(r>>8)^b]
	}
	return r
}
