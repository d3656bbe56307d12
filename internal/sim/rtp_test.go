package sim

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

// gathered puts the units of packets together again, as RFC 6184 says.
func gathered(t *testing.T, out []byte, first uint16) (units [][]byte, packets int) {
	t.Helper()
	for ; len(out) > 0; packets++ {
		n := int(binary.BigEndian.Uint16(out[2:]))
		packet, rest := out[4:4+n], out[4+n:]
		if out[0] != '$' || out[1] != 2 || n > rtpPayload+12 || packet[0] != 2<<6 || packet[1]&0x7F != 96 || packet[1]>>7 == 1 != (len(rest) == 0) ||
			binary.BigEndian.Uint16(packet[2:]) != first+uint16(packets) || !bytes.Equal(packet[4:8], []byte{0, 2, 0xBF, 0x20}) {
			t.Errorf("packet %d of %d bytes: % x", packets, n, packet[:14])
		}
		body := packet[12:]
		switch {
		case body[0]&0x1F != 28:
			units = append(units, body)
		case body[1]&0x80 != 0:
			units = append(units, append([]byte{body[0]&0xE0 | body[1]&0x1F}, body[2:]...))
		default:
			last := &units[len(units)-1]
			if (*last)[0]&0x1F != body[1]&0x1F {
				t.Errorf("a piece of kind %d in the midst of kind %d", body[1]&0x1F, (*last)[0]&0x1F)
			}
			*last = append(*last, body[2:]...)
		}
		out = rest
	}
	return units, packets
}

func TestUnitsAreSentInPieces(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, rtpPayload - 1, rtpPayload, rtpPayload + 1, 2*(rtpPayload-2) + 1, 2*(rtpPayload-2) + 2, 30000} {
		began := time.Now()
		stream := rtpStream{channel: 2, sequence: 65534, began: began}
		large := append([]byte{unitAlone}, bytes.Repeat([]byte("h264"), size/4+1)...)[:size]
		want := [][]byte{{unitSequence, 1, 2}, {unitPicture, 3}, large}
		got, packets := gathered(t, stream.packets(began.Add(2*time.Second), want...), 65534)
		pieces := 1
		if size > rtpPayload {
			pieces = (size - 1 + rtpPayload - 3) / (rtpPayload - 2)
		}
		if len(got) != 3 || packets != 2+pieces {
			t.Fatalf("%d bytes: %d units in %d packets", size, len(got), packets)
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("unit %d of %d bytes came otherwise", i, len(want[i]))
			}
		}
	}
}
