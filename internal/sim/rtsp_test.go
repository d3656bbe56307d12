package sim

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	ink "image/color"
	"image/png"
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
	t     *testing.T
	conn  net.Conn
	in    *bufio.Reader
	nonce string // as it was last told
}

func callRTSP(t *testing.T, p *Printer) *rtspGuest {
	t.Helper()
	conn, err := tls.Dial("tcp", net.JoinHostPort(p.Ports().Host, strconv.Itoa(p.Ports().RTSPS)), printerTLS(p.Serial()))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	return &rtspGuest{t, conn, bufio.NewReader(conn), ""}
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
	if asked := header.Get("WWW-Authenticate"); asked != "" {
		_, err := fmt.Sscanf(asked, "Digest realm=%q, nonce=%q", new(string), &g.nonce)
		must(g.t, err)
	}
	if header.Get("CSeq") != "7" {
		g.t.Errorf("answer to %q", header.Get("CSeq"))
	}
	if n, _ := strconv.Atoi(header.Get("Content-Length")); n > 0 {
		_, err := io.CopyN(io.Discard, g.in, int64(n))
		must(g.t, err)
	}
	return code
}

// knows is what a client that knows a code says with a request.
func (g *rtspGuest) knows(code grove.Secret, method, path string) string {
	target := "rtsps://printer" + path
	return fmt.Sprintf("Authorization: Digest username=\"bblp\", realm=%q, nonce=%q, uri=%q, response=%q", rtspRealm, g.nonce, target, digest(code, g.nonce, method, target))
}

// begin asks as a viewer does until it has said the last of these.
func (g *rtspGuest) begin(methods ...string) {
	g.t.Helper()
	g.ask("DESCRIBE", rtspPath)
	for _, method := range methods {
		if status := g.ask(method, rtspPath, g.knows(testCode, method, rtspPath), "Transport: RTP/AVP/TCP;unicast;interleaved=4-5"); status != 200 {
			g.t.Fatalf("%s: status %d", method, status)
		}
	}
}

func TestVideoIsSetUpInItsOrder(t *testing.T) {
	t.Parallel()
	g := callRTSP(t, videoPrinter(t).Printer)
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("bblp:"+testCode))
	for _, c := range []struct {
		status       int
		method, path string
		code         grove.Secret // empty: none is given
		lines        []string
	}{
		{200, "OPTIONS", rtspPath, "", nil},
		{401, "DESCRIBE", rtspPath, "", nil},
		{401, "DESCRIBE", rtspPath, "12345679", nil},
		{401, "DESCRIBE", rtspPath, "", []string{basic}},
		{401, "DESCRIBE", rtspPath, "", []string{`Authorization: Digest username="bblp", realm="printer", nonce="", uri="", response=""`}},
		{401, "PLAY", rtspPath, "", nil},
		{404, "DESCRIBE", "/elsewhere", testCode, nil},
		{200, "DESCRIBE", rtspPath, testCode, nil},
		{455, "PLAY", rtspPath, testCode, nil},
		{501, "RECORD", rtspPath, testCode, nil},
		{461, "SETUP", rtspPath + "/track1", testCode, []string{"Transport: RTP/AVP;unicast;client_port=5000-5001"}},
		{400, "SETUP", rtspPath + "/track1", testCode, []string{"Transport: RTP/AVP/TCP;unicast;interleaved=x"}},
		{200, "SETUP", rtspPath + "/track1", testCode, []string{"Transport: RTP/AVP/TCP;unicast;interleaved=4-5"}},
		{200, "GET_PARAMETER", rtspPath, testCode, nil},
		{200, "PLAY", rtspPath, testCode, nil},
	} {
		lines := c.lines
		if c.code != "" {
			lines = append(lines, g.knows(c.code, c.method, c.path))
		}
		if status := g.ask(c.method, c.path, lines...); status != c.status {
			t.Errorf("%s %s %v: %d, want %d", c.method, c.path, lines, status, c.status)
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
	out := succeeds(t, "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-read_intervals", "%+#40", "-count_frames",
		"-show_entries", "stream=codec_name,profile,width,height,nb_read_frames", "-of", "csv=p=0", videoURL(b.Printer, testCode))
	if strings.TrimSpace(out) != "h264,Constrained Baseline,640,360,40" {
		t.Errorf("ffprobe sees %q", out)
	}
	name := filepath.Join(t.TempDir(), "frame.png")
	succeeds(t, "ffmpeg", "-v", "error", "-xerror", "-rtsp_transport", "tcp", "-i", videoURL(b.Printer, testCode), "-frames:v", "1", "-update", "1", name)
	raw, err := os.ReadFile(name)
	must(t, err)
	picture, err := png.Decode(bytes.NewReader(raw))
	must(t, err)
	for _, c := range []struct {
		x, y int
		want ink.RGBA
	}{{600, 40, lightOn}, {20, 168, inkPart}, {296, 168, inkFaint}, {590, 286, inkFaint}, {490, 278, inkPart}} {
		got, ok := ink.RGBAModel.Convert(picture.At(c.x, c.y)).(ink.RGBA)
		if near := func(a, b byte) bool { return max(a, b)-min(a, b) <= 4 }; !ok || !near(got.R, c.want.R) || !near(got.G, c.want.G) || !near(got.B, c.want.B) {
			t.Errorf("at %d, %d is %v, want %v", c.x, c.y, got, c.want)
		}
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
