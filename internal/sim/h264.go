package sim

import (
	"encoding/binary"
	"image"
	"math/bits"
)

// What H.264 (ITU-T H.264) calls the units of a stream (table 7-1), with nal_ref_idc
// 3: others are made of them.
const (
	unitSame     = 3<<5 | 1 // a picture made of the one before
	unitAlone    = 3<<5 | 5 // a picture that stands alone
	unitSequence = 3<<5 | 7 // parameters of all
	unitPicture  = 3<<5 | 8 // parameters of pictures
)

const (
	h264Profile  = 66   // Baseline
	h264Promises = 0xC0 // the constrained one, which readers of Main can read
	h264Level    = 40   // 4.0, up to 20 Mbit/s: blocks as they are take room
	h264Numbers  = 16   // pictures are counted up to it

	macroblock = 16   // points across and down
	hugeAcross = 1000 // macroblocks of a picture that takes 384 MB; no larger one is believed by ffmpeg
	hugeDown   = 1000
	asTheyAre  = 25 // I_PCM of table 7-11
)

// coder makes H.264 of what is seen of a printer: blocks either follow exactly from
// their neighbors or are sent as they are, and where nothing changed all of them are
// skipped. Drawings are flat, so this is small, and loses nothing but the resolution
// of colors.
type coder struct {
	last   view
	begun  bool
	number uint32 // of the picture, since one that stands alone
	turn   uint32 // of those that stand alone: two in a row differ in it
}

// next is the unit of the next picture, and whether it stands alone.
func (c *coder) next(v view) (unit []byte, alone bool) {
	if c.begun && v == c.last {
		c.number = (c.number + 1) % h264Numbers
		return sameAgain(c.number), false
	}
	c.begun, c.last, c.number, c.turn = true, v, 0, 1-c.turn
	return standing(planes(v.draw()), c.turn), true
}

// parameters are those of the sequence and of the picture, for what view.draw draws.
func parameters() (all, picture []byte) {
	across, down, below := inBlocks()
	var p bitString
	p.golomb(0, 0)    // its id, its sequence's
	p.put(2, 0)       // CAVLC, frames
	p.golomb(0, 0, 0) // one group of slices, one reference each way
	p.put(3, 0)       // not weighted
	p.golomb(0, 0, 0) // quantizers
	p.put(3, 0b100)   // slices say how edges are smoothed
	return sequence(across, down, below), p.unit(unitPicture)
}

// sequence says how large pictures are, in macroblocks, without the points of color
// below.
func sequence(across, down, below uint32) []byte {
	var s bitString
	s.put(24, h264Profile<<16|h264Promises<<8|h264Level)
	s.golomb(0, 0, 2, 1) // its id, numbers up to 16, shown as they come, one is kept
	s.put(1, 0)          // without gaps
	s.golomb(across-1, down-1)
	s.put(3, 0b111) // frames, not fields; motion by 8 points; cropped:
	s.golomb(0, 0, 0, below)
	s.put(1, 0) // no more to say
	return s.unit(unitSequence)
}

// inBlocks measures a picture in macroblocks; below are the points of color that hang
// over its foot.
func inBlocks() (across, down, below uint32) {
	const width, height = pictureWidth * enlarged, pictureHeight * enlarged
	const high = (height + macroblock - 1) / macroblock
	return (width + macroblock - 1) / macroblock, high, (high*macroblock - height) / 2
}

// sameAgain is the picture before once more.
func sameAgain(number uint32) []byte {
	across, down, _ := inBlocks()
	var b bitString
	b.golomb(0, 5, 0) // from the first block on, made of another, parameters
	b.put(4, number)
	b.put(3, 0)             // made of the one before, which it replaces
	b.golomb(0, 1)          // quantizer, edges are left alone
	b.golomb(across * down) // skipped
	return b.unit(unitSame)
}

// standing is a picture that needs no other.
func standing(p *image.YCbCr, turn uint32) []byte {
	var b bitString
	b.golomb(0, 7, 0) // from the first block on, on its own, parameters
	b.put(4, 0)
	b.golomb(turn)
	b.put(2, 0)    // it replaces the ones before
	b.golomb(0, 1) // quantizer, edges are left alone
	size := p.Rect.Size()
	dense := make([]bool, size.X/macroblock) // what was sent as it is: of this row so far, then of the one above
	for y := 0; y < size.Y; y += macroblock {
		for i := range dense {
			squares := squaresOf(p, i*macroblock, y)
			crowded := dense[i] || i > 0 && dense[i-1]
			if dense[i] = !b.follow(squares, crowded); dense[i] {
				b.asIs(squares)
			}
		}
	}
	return b.unit(unitAlone)
}

// follow writes that a macroblock follows from its neighbors and nothing is left to
// say, if that is so. In crowded places the latter takes more bits (table 9-5).
func (b *bitString) follow(s [3]square, crowded bool) bool {
	bright, ok := way([]direction{fromAbove, fromLeft, average}, s[0]) // table 7-11
	if !ok {
		return false
	}
	color, ok := way([]direction{average, fromLeft, fromAbove}, s[1], s[2]) // table 7-16
	if !ok {
		return false
	}
	b.golomb(1+bright, color, 0)
	if crowded {
		b.put(6, 0b000011)
	} else {
		b.put(1, 1)
	}
	return true
}

// asIs writes the points of a macroblock.
func (b *bitString) asIs(squares [3]square) {
	b.golomb(asTheyAre)
	b.align()
	for _, s := range squares {
		for row := range s.size {
			b.bytes = append(b.bytes, s.points[s.at+row*s.stride:][:s.size]...)
		}
	}
}

// square is a macroblock of one plane.
type square struct {
	points           []byte
	at, stride, size int
	above, left      bool // it has neighbors there
}

// squaresOf are brightness and colors of a macroblock.
func squaresOf(p *image.YCbCr, x, y int) [3]square {
	color := func(points []byte) square {
		return square{points, p.COffset(x, y), p.CStride, macroblock / 2, y > 0, x > 0}
	}
	return [3]square{{p.Y, p.YOffset(x, y), p.YStride, macroblock, y > 0, x > 0}, color(p.Cb), color(p.Cr)}
}

// direction is where a square follows from (§8.3.3, §8.3.4).
type direction int

const (
	fromAbove direction = iota
	fromLeft
	average
)

// way is the number of the first direction from which all the squares follow.
func way(order []direction, squares ...square) (number uint32, ok bool) {
next:
	for i, d := range order {
		for _, s := range squares {
			if !s.follows(d) {
				continue next
			}
		}
		return uint32(i), true
	}
	return 0, false
}

func (s square) follows(d direction) bool {
	if d == fromAbove && !s.above || d == fromLeft && !s.left {
		return false
	}
	part := s.size
	if d == average && s.size < macroblock {
		part = 4 // of colors, quarters are averaged
	}
	for down := 0; down < s.size; down += part {
		for right := 0; right < s.size; right += part {
			if !s.partFollows(d, right, down, part) {
				return false
			}
		}
	}
	return true
}

func (s square) partFollows(d direction, right, down, part int) bool {
	want := byte(0)
	if d == average {
		want = s.average(right, down, part)
	}
	for y := down; y < down+part; y++ {
		for x := right; x < right+part; x++ {
			switch d {
			case fromAbove:
				want = s.points[s.at-s.stride+x]
			case fromLeft:
				want = s.points[s.at+y*s.stride-1]
			case average:
			}
			if s.points[s.at+y*s.stride+x] != want {
				return false
			}
		}
	}
	return true
}

// average is that of the points above and on the left of a part of a square. Parts
// aside of the diagonal take the nearer ones alone.
func (s square) average(right, down, part int) byte {
	above := s.above && (down <= right || !s.left)
	left := s.left && (right <= down || !s.above)
	sum, n := 0, 0
	for i := range part {
		if above {
			sum += int(s.points[s.at-s.stride+right+i])
			n++
		}
		if left {
			sum += int(s.points[s.at+(down+i)*s.stride-1])
			n++
		}
	}
	if n == 0 {
		return 128
	}
	return byte((sum + n/2) / n) //nolint:gosec // of bytes
}

// planes are brightness and colors of a picture as video has them (ITU-R BT.601, 16
// to 235), up to whole macroblocks. Of four points one gives the color: drawings are
// twice as large as they were drawn.
func planes(from *image.RGBA) *image.YCbCr {
	across, down, _ := inBlocks()
	to := image.NewYCbCr(image.Rect(0, 0, int(across)*macroblock, int(down)*macroblock), image.YCbCrSubsampleRatio420)
	edge := from.Rect.Max
	for y := range to.Rect.Max.Y {
		for x := range to.Rect.Max.X {
			at := from.PixOffset(min(x, edge.X-1), min(y, edge.Y-1))
			r, g, b := int(from.Pix[at]), int(from.Pix[at+1]), int(from.Pix[at+2])
			to.Y[to.YOffset(x, y)] = byte(16 + (66*r+129*g+25*b+128)>>8) //nolint:gosec // 16 to 235
			if x%2 == 0 && y%2 == 0 {
				to.Cb[to.COffset(x, y)] = byte(128 + (-38*r-74*g+112*b+128)>>8) //nolint:gosec // 16 to 240
				to.Cr[to.COffset(x, y)] = byte(128 + (112*r-94*g-18*b+128)>>8)  //nolint:gosec // 16 to 240
			}
		}
	}
	return to
}

// bitString is what a unit says, bit by bit.
type bitString struct {
	bytes []byte
	free  int // bits of the last byte
}

// put writes the last n bits of a value.
func (b *bitString) put(n int, value uint32) {
	for i := n - 1; i >= 0; i-- {
		if b.free == 0 {
			b.bytes, b.free = append(b.bytes, 0), 8
		}
		b.free--
		b.bytes[len(b.bytes)-1] |= byte(value>>i&1) << b.free
	}
}

// golomb writes numbers as Exp-Golomb codes, unsigned (§9.1).
func (b *bitString) golomb(values ...uint32) {
	for _, v := range values {
		b.put(2*bits.Len32(v+1)-1, v+1)
	}
}

// align fills up the last byte.
func (b *bitString) align() { b.free = 0 }

// unit is the NAL unit of what was written. No part of it looks like a beginning
// (§7.4.1).
func (b *bitString) unit(kind byte) []byte {
	b.put(1, 1)
	out := append(make([]byte, 0, len(b.bytes)+len(b.bytes)/64+2), kind)
	zeros := 0
	for _, next := range b.bytes {
		if zeros == 2 && next <= 3 {
			out, zeros = append(out, 3), 0
		}
		if zeros++; next != 0 {
			zeros = 0
		}
		out = append(out, next)
	}
	return out
}

// parameterBox is how MP4 keeps the parameters (ISO/IEC 14496-15).
func parameterBox() []byte {
	all, picture := parameters()
	be := binary.BigEndian
	b := append([]byte{1}, all[1:4]...)                      // profile and level
	b = append(b, 0xFF, 0xE1)                                // lengths of four bytes; one sequence
	b = append(be.AppendUint16(b, uint16(len(all))), all...) //nolint:gosec // a few bytes
	b = append(b, 1)
	b = append(be.AppendUint16(b, uint16(len(picture))), picture...) //nolint:gosec // a few bytes
	return box("avcC", b)
}
