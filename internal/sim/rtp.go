package sim

import (
	"encoding/binary"
	"time"
)

const (
	rtpH264     = 96    // payload type, as the description of the stream says
	rtpClock    = 90000 // ticks a second
	rtpPayload  = 1400  // bytes in a packet at most
	rtpFragment = 28    // FU-A of RFC 6184
)

// rtpStream numbers the packets of one viewer's stream of H.264 (RFC 6184).
type rtpStream struct {
	channel  byte // of the interleaved connection
	source   uint32
	sequence uint16
	began    time.Time
	coder    coder
}

// packets are the units of a picture as RTP packets, each behind the four bytes that
// mark it on an RTSP connection.
func (r *rtpStream) packets(now time.Time, units ...[]byte) []byte {
	stamp := uint32(now.Sub(r.began) * rtpClock / time.Second) //nolint:gosec // it wraps around, as it should
	var out []byte
	for i, unit := range units {
		last := i == len(units)-1
		if len(unit) <= rtpPayload {
			out = r.packet(out, stamp, last, nil, unit)
			continue
		}
		kind, rest := unit[0], unit[1:]
		mark := byte(1 << 7) // the unit's first
		for len(rest) > 0 {
			part := rest[:min(len(rest), rtpPayload-2)]
			if rest = rest[len(part):]; len(rest) == 0 {
				mark = 1 << 6
			}
			out = r.packet(out, stamp, last && len(rest) == 0, []byte{kind&0xE0 | rtpFragment, mark | kind&0x1F}, part)
			mark = 0
		}
	}
	return out
}

// packet appends one packet. ends marks the picture's last.
func (r *rtpStream) packet(out []byte, stamp uint32, ends bool, head, part []byte) []byte {
	be := binary.BigEndian
	kind := byte(rtpH264)
	if ends {
		kind |= 1 << 7
	}
	out = append(out, '$', r.channel)
	out = be.AppendUint16(out, uint16(12+len(head)+len(part))) //nolint:gosec // below rtpPayload and a little
	out = append(out, 2<<6, kind)
	out = be.AppendUint16(out, r.sequence)
	out = be.AppendUint32(out, stamp)
	out = be.AppendUint32(out, r.source)
	r.sequence++
	return append(append(out, head...), part...)
}
