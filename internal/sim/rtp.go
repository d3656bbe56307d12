package sim

import (
	"encoding/binary"
	"errors"
	"time"
)

const (
	rtpJPEG    = 26    // payload type of RFC 3551
	rtpClock   = 90000 // ticks a second
	rtpPayload = 1400  // bytes in a packet at most
)

// rtpStream numbers the packets of one viewer's stream of JPEG pictures (RFC 2435).
type rtpStream struct {
	channel  byte // of the interleaved connection
	source   uint32
	sequence uint16
	began    time.Time
}

// still is what RFC 2435 sends of a baseline JPEG: the rest is known to both sides.
type still struct {
	across, down byte   // width and height, in eighths
	kind         byte   // 0: 4:2:2, 1: 4:2:0
	tables       []byte // two of quantization, 64 bytes each
	scan         []byte
}

var errStill = errors.New("no baseline JPEG with two quantization tables")

// Markers of a JPEG's segments (ITU-T T.81).
const (
	jpegFrame  = 0xC0
	jpegScan   = 0xDA
	jpegTables = 0xDB
)

// dissect takes a JPEG apart. Its Huffman tables must be the standard's own, as
// those of Go's encoder are.
func dissect(jpeg []byte) (still, error) {
	var s still
	for at := 2; at+4 <= len(jpeg); {
		length := int(binary.BigEndian.Uint16(jpeg[at+2:]))
		end := at + 2 + length
		if jpeg[at] != 0xFF || length < 2 || end > len(jpeg) {
			break
		}
		switch body := jpeg[at+4 : end]; jpeg[at+1] {
		case jpegTables:
			for ; len(body) >= 65; body = body[65:] {
				s.tables = append(s.tables, body[1:65]...)
			}
		case jpegFrame:
			s.measure(body)
		case jpegScan:
			if s.across == 0 || s.down == 0 || len(s.tables) != 128 {
				return s, errStill
			}
			s.scan = jpeg[end:]
			return s, nil
		}
		at = end
	}
	return s, errStill
}

// measure reads the frame's header; what cannot be sent has no size.
func (s *still) measure(body []byte) {
	if len(body) < 15 {
		return
	}
	eighths := func(n uint16) byte {
		if n%8 != 0 || n > 2040 {
			return 0
		}
		return byte(n / 8 & 0xFF)
	}
	s.down, s.across = eighths(binary.BigEndian.Uint16(body[1:])), eighths(binary.BigEndian.Uint16(body[3:]))
	if body[7] == 0x22 { // the brightness is sampled twice as often both ways
		s.kind = 1
	}
}

// packets are a picture as RTP packets, each behind the four bytes that mark it
// on an RTSP connection.
func (r *rtpStream) packets(s still, now time.Time) []byte {
	be := binary.BigEndian
	stamp := uint32(now.Sub(r.began) * rtpClock / time.Second) //nolint:gosec // it wraps around, as it should
	var out []byte
	for offset := 0; offset < len(s.scan); {
		head := []byte{0, byte(offset >> 16), byte(offset >> 8), byte(offset), s.kind, 255, s.across, s.down}
		if offset == 0 {
			head = append(head, 0, 0, 0, 128)
			head = append(head, s.tables...)
		}
		part := s.scan[offset:min(len(s.scan), offset+rtpPayload-len(head))]
		offset += len(part)
		kind := byte(rtpJPEG)
		if offset == len(s.scan) {
			kind |= 1 << 7 // the picture's last
		}
		out = append(out, '$', r.channel)
		out = be.AppendUint16(out, uint16(12+len(head)+len(part))) //nolint:gosec // below rtpPayload and a little
		out = append(out, 2<<6, kind)
		out = be.AppendUint16(out, r.sequence)
		out = be.AppendUint32(out, stamp)
		out = be.AppendUint32(out, r.source)
		out = append(append(out, head...), part...)
		r.sequence++
	}
	return out
}
