package sim

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"image/jpeg"
	"io"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
)

func videoPrinter(t *testing.T) *bench {
	t.Helper()
	b := newLANBench(t, Config{Model: "X1C", Begin: BeginPrinting})
	b.on()
	return b
}

func videoURL(p *Printer, code string) string {
	return fmt.Sprintf("rtsps://bblp:%s@%s:%d%s", code, p.Ports().Host, p.Ports().RTSPS, rtspPath)
}

// rtspGuest is a client that says exactly what a test wants said.
type rtspGuest struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func callRTSP(t *testing.T, p *Printer) *rtspGuest {
	t.Helper()
	conn, err := tls.Dial("tcp", net.JoinHostPort(p.Ports().Host, strconv.Itoa(p.Ports().RTSPS)), printerTLS(p.Serial()))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	return &rtspGuest{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// ask sends a request and gives its answer's status.
func (g *rtspGuest) ask(method, path string, lines ...string) int {
	g.t.Helper()
	_, err := fmt.Fprintf(g.conn, "%s rtsps://printer%s RTSP/1.0\r\nCSeq: 7\r\n%s\r\n", method, path, strings.Join(append(lines, ""), "\r\n"))
	must(g.t, err)
	text := textproto.NewReader(g.in)
	status, err := text.ReadLine()
	must(g.t, err)
	var code int
	_, err = fmt.Sscanf(status, "RTSP/1.0 %d ", &code)
	must(g.t, err)
	header, err := text.ReadMIMEHeader()
	must(g.t, err)
	if header.Get("CSeq") != "7" {
		g.t.Errorf("answer to %q", header.Get("CSeq"))
	}
	if n, _ := strconv.Atoi(header.Get("Content-Length")); n > 0 {
		_, err := io.CopyN(io.Discard, g.in, int64(n))
		must(g.t, err)
	}
	return code
}

func basic(code string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("bblp:"+code))
}

func TestVideoIsSetUpInItsOrder(t *testing.T) {
	t.Parallel()
	g := callRTSP(t, videoPrinter(t).Printer)
	known := basic(testCode)
	for _, c := range []struct {
		code         int
		method, path string
		lines        []string
	}{
		{200, "OPTIONS", rtspPath, nil},
		{401, "DESCRIBE", rtspPath, nil},
		{401, "DESCRIBE", rtspPath, []string{basic("12345679")}},
		{401, "DESCRIBE", rtspPath, []string{basic("")}},
		{401, "DESCRIBE", rtspPath, []string{`Authorization: Digest username="bblp", realm="printer", nonce="", uri="", response=""`}},
		{401, "PLAY", rtspPath, nil},
		{404, "DESCRIBE", "/elsewhere", []string{known}},
		{200, "DESCRIBE", rtspPath, []string{known}},
		{455, "PLAY", rtspPath, []string{known}},
		{501, "RECORD", rtspPath, []string{known}},
		{461, "SETUP", rtspPath + "/track1", []string{known, "Transport: RTP/AVP;unicast;client_port=5000-5001"}},
		{400, "SETUP", rtspPath + "/track1", []string{known, "Transport: RTP/AVP/TCP;unicast;interleaved=x"}},
		{200, "SETUP", rtspPath + "/track1", []string{known, "Transport: RTP/AVP/TCP;unicast;interleaved=4-5"}},
		{200, "GET_PARAMETER", rtspPath, []string{known}},
		{200, "PLAY", rtspPath, []string{known}},
	} {
		if code := g.ask(c.method, c.path, c.lines...); code != c.code {
			t.Errorf("%s %s %v: %d, want %d", c.method, c.path, c.lines, code, c.code)
		}
	}
	mark := make([]byte, 4)
	if _, err := io.ReadFull(g.in, mark); err != nil || mark[0] != '$' || mark[1] != 4 {
		t.Errorf("after PLAY came % x, %v", mark, err)
	}
}

func TestFFmpegReadsTheVideo(t *testing.T) {
	t.Parallel()
	b := videoPrinter(t)
	out := succeeds(t, "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-analyzeduration", "500000", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", videoURL(b.Printer, testCode))
	if strings.TrimSpace(out) != "mjpeg,640,360" {
		t.Errorf("ffprobe sees %q", out)
	}
	name := filepath.Join(t.TempDir(), "frame.jpg")
	succeeds(t, "ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-analyzeduration", "500000", "-i", videoURL(b.Printer, testCode), "-frames:v", "1", "-update", "1", name)
	raw, err := os.ReadFile(name)
	must(t, err)
	picture, err := jpeg.Decode(bytes.NewReader(raw))
	must(t, err)
	if greens(picture) < 100 {
		t.Error("the part is not to be seen")
	}
}

func TestReportsSayWhereTheVideoIs(t *testing.T) {
	t.Parallel()
	for want, lan := range map[string]*LAN{
		"disable":                                 nil,
		"rtsps://127.0.0.2:322/streaming/live/1":  {Addr: "127.0.0.2"},
		"rtsps://127.0.0.2:8322/streaming/live/1": {Addr: "127.0.0.2", RTSPS: 8322},
	} {
		m := newTestMachine(t, Config{Model: "X1C"})
		m.stands = lan
		if got := string(m.appendCamera(nil)); !strings.Contains(got, `"rtsp_url":"`+want+`"`) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestFFmpegNeedsTheCode(t *testing.T) {
	t.Parallel()
	b := videoPrinter(t)
	cmd := outside(t, "ffprobe", "-v", "error", "-rtsp_transport", "tcp", videoURL(b.Printer, "12345679"))
	if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("401")) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAPictureIsDissectedAndSentInPieces(t *testing.T) {
	t.Parallel()
	p, err := New(Config{Serial: "00M00A000000001", Model: "X1C", Broker: "127.0.0.1:1", Begin: BeginPrinting})
	must(t, err)
	raw, err := p.Picture()
	must(t, err)
	s, err := dissect(raw)
	must(t, err)
	if s.across != 80 || s.down != 45 || s.kind != 1 || !bytes.HasSuffix(raw, s.scan) {
		t.Errorf("%d × %d of kind %d", s.across, s.down, s.kind)
	}
	began := time.Now()
	stream := rtpStream{channel: 2, sequence: 65535, began: began}
	var scan []byte
	count := 0
	for out := stream.packets(s, began.Add(2*time.Second)); len(out) > 0; count++ {
		n := int(out[2])<<8 | int(out[3])
		packet := out[4 : 4+n]
		out = out[4+n:]
		skip := 20
		if count == 0 {
			skip += 4 + 128
		}
		if packet[1]>>7 == 1 != (len(out) == 0) || packet[1]&0x7F != 26 || n > 1500 || !bytes.Equal(packet[4:8], []byte{0, 2, 0xBF, 0x20}) {
			t.Errorf("packet %d: % x", count, packet[:20])
		}
		if offset := int(packet[13])<<16 | int(packet[14])<<8 | int(packet[15]); offset != len(scan) {
			t.Errorf("packet %d begins at %d, want %d", count, offset, len(scan))
		}
		scan = append(scan, packet[skip:]...)
	}
	if !bytes.Equal(scan, s.scan) || count < 3 || stream.sequence != uint16(count-1) {
		t.Errorf("%d packets with %d of %d bytes, next %d", count, len(scan), len(s.scan), stream.sequence)
	}
}

func FuzzDissect(f *testing.F) {
	var b bytes.Buffer
	must(f, jpeg.Encode(&b, view{}.draw(), nil))
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:300])
	f.Add([]byte{0xFF, 0xD8, 0xFF, 0xC0, 0, 2})
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := dissect(raw)
		if err == nil && (len(s.tables) != 128 || s.across == 0) {
			t.Errorf("%+v", s)
		}
	})
}

func FuzzRTSPRequest(f *testing.F) {
	for _, seed := range []string{
		"OPTIONS rtsps://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n", "$\x01\x00\x02abPLAY * RTSP/1.0\r\nContent-Length: 3\r\n\r\nabc",
		"SETUP /streaming/live/1 RTSP/1.0\r\nAuthorization: Digest username=\"bblp\", uri=x,y\r\nTransport: RTP/AVP/TCP;interleaved=9\r\n\r\n",
		"\r\n\r\n", "A B RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := bufio.NewReaderSize(bytes.NewReader(raw), rtspLine)
		r, err := readRTSP(in)
		if err != nil {
			return
		}
		client, server := net.Pipe()
		go func() {
			s := &rtspSession{video: &video{code: func() grove.Secret { return "" }}, conn: server}
			_ = s.answer(context.Background(), r)
			server.Close()
		}()
		answer, err := io.ReadAll(client)
		if err != nil || !bytes.HasPrefix(answer, []byte("RTSP/1.0 ")) {
			t.Errorf("%q is answered %q, %v", raw, answer, err)
		}
	})
}
