package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove"
)

// stranger is a connection on which somebody said something and left.
type stranger struct {
	net.Conn
	said  io.Reader
	heard bytes.Buffer
}

func (s *stranger) Read(p []byte) (int, error)     { return s.said.Read(p) }
func (s *stranger) Write(p []byte) (int, error)    { return s.heard.Write(p) }
func (*stranger) SetDeadline(time.Time) error      { return nil }
func (*stranger) SetReadDeadline(time.Time) error  { return nil }
func (*stranger) SetWriteDeadline(time.Time) error { return nil }

// Whoever comes without the access code is not let in, whatever else they say.
func FuzzLANPacket(f *testing.F) {
	hello := &packets.ConnectPacket{
		FixedHeader: packets.FixedHeader{MessageType: packets.Connect}, ProtocolName: "MQTT", ProtocolVersion: 4, CleanSession: true,
		UsernameFlag: true, Username: lanUser, PasswordFlag: true,
	}
	for _, code := range []string{testCode, "wrong"} {
		var packet bytes.Buffer
		hello.Password = []byte(code)
		must(f, hello.Write(&packet))
		f.Add(packet.Bytes())
	}
	f.Add([]byte("\x30\xff\xff\xff\x7f"))
	f.Add([]byte("\x10\x00"))
	f.Add([]byte("\x82\x0a\x00\x01\x00\x05#/+/x\x00"))
	f.Fuzz(func(t *testing.T, said []byte) {
		b := &lanBroker{code: func() grove.Secret { return testCode }, clients: map[*lanClient]bool{}, log: slog.New(slog.DiscardHandler)}
		s := &stranger{said: bytes.NewReader(said)}
		c := &lanClient{conn: s, in: bufio.NewReader(s), out: make(chan []byte, lanQueue)}
		if b.welcome(c) == nil && !bytes.Contains(said, []byte(testCode)) {
			t.Errorf("%q was let in", said)
		}
		rest := &lanClient{conn: s, in: bufio.NewReader(bytes.NewReader(said))}
		for err := error(nil); err == nil; {
			_, err = rest.read()
		}
	})
}

// A viewer without the code sees nothing.
func FuzzCameraGreeting(f *testing.F) {
	f.Add(make([]byte, cameraGreets))
	f.Add([]byte("\x40\x00\x00\x00\x00\x30\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00bblp" + strings.Repeat("\x00", 28) + testCode + strings.Repeat("\x00", 24)))
	f.Fuzz(func(t *testing.T, said []byte) {
		c := &camera{code: func() grove.Secret { return testCode }}
		if c.greeted(&stranger{said: bytes.NewReader(said)}) && !bytes.Contains(said, []byte(testCode)) {
			t.Errorf("%q was greeted", said)
		}
	})
}

// Who asks at the bind port is told who this is in one whole frame, or nothing.
func FuzzBindQuestion(f *testing.F) {
	f.Add([]byte("\xA5\xA5\x38\x00{\"login\":{\"command\":\"detect\",\"sequence_id\":\"20000\"}}\xA7\xA7"))
	f.Add([]byte("\xA5\xA5\xff\xff{"))
	f.Add([]byte("\xA5\xA5\x00\x00"))
	f.Fuzz(func(t *testing.T, said []byte) {
		d := &detect{who: func() identity { return identity{serial: "01P00A000000001"} }}
		s := &stranger{said: bytes.NewReader(said)}
		err := d.one(s)
		told := s.heard.Bytes()
		if err != nil && len(told) > 0 {
			t.Errorf("%q is told %q and %v", said, told, err)
		}
		if err == nil && !json.Valid(told[4:len(told)-2]) {
			t.Errorf("%q is told %q", said, told)
		}
	})
}

// What is no search is not answered.
func FuzzSearch(f *testing.F) {
	f.Add([]byte("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:2021\r\nST: ssdp:all\r\n\r\n"))
	f.Add([]byte("M-SEARCH * HTTP/1.1\r\nST\r\nst:" + ssdpUrn))
	f.Add([]byte("NOTIFY * HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		asked := bytes.HasPrefix(datagram, []byte("M-SEARCH ")) && (bytes.Contains(datagram, []byte(ssdpUrn)) || bytes.Contains(datagram, []byte("ssdp:all")))
		if searches(datagram) && !asked {
			t.Errorf("%q is a search", datagram)
		}
	})
}

// A recording that is read makes a printer, or says why not.
func FuzzRecording(f *testing.F) {
	f.Add([]byte(`{"serial":"01P00A000000001","model":"C12"}` + "\n" + `{"ticks":1,"in":{}}` + "\n"))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"serial":"01P00A000000001"}` + "\n" + `{"ticks":-1,"in":{"heard":"x","faults":{"hms":["0300_0100_0001_0001"]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ReadRecording(bytes.NewReader(text))
		if err != nil {
			return
		}
		if c := r.Onto(Config{}); c.Serial == "" {
			t.Errorf("%q is a recording of nobody", text)
		}
	})
}

// A health message is read as it is written.
func FuzzHMS(f *testing.F) {
	f.Add("0300_0100_0001_0001")
	f.Add("300_100_1_1 ")
	f.Add("+300_-100_0x1_1")
	f.Fuzz(func(t *testing.T, text string) {
		var read, again HMS
		if read.UnmarshalText([]byte(text)) != nil {
			return
		}
		written, err := read.MarshalText()
		if err != nil || again.UnmarshalText(written) != nil || again != read {
			t.Errorf("%q is %v, written %s, read %v: %v", text, read, written, again, err)
		}
	})
}
