package sim

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ftpGuest is a client that says exactly what a test wants said.
type ftpGuest struct {
	t      *testing.T
	conn   net.Conn
	text   *textproto.Conn
	secure *tls.Config
}

// ftpTLS resumes sessions, as printers want it.
func ftpTLS(p *Printer) *tls.Config {
	c := printerTLS(p.Serial())
	c.MaxVersion, c.ClientSessionCache = tls.VersionTLS12, tls.NewLRUClientSessionCache(8)
	return c
}

func ftpAddress(p *Printer) string {
	return net.JoinHostPort(p.Ports().Host, strconv.Itoa(p.Ports().FTPS))
}

func callFTP(t *testing.T, p *Printer, secure *tls.Config) *ftpGuest {
	t.Helper()
	conn, err := tls.Dial("tcp", ftpAddress(p), secure)
	must(t, err)
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	g := &ftpGuest{t: t, conn: conn, text: textproto.NewConn(conn), secure: secure}
	t.Cleanup(func() { conn.Close() })
	g.answer(220)
	return g
}

// signedIn is a guest past login and protection.
func signedInFTP(t *testing.T, p *Printer) *ftpGuest {
	t.Helper()
	g := callFTP(t, p, ftpTLS(p))
	for _, step := range []struct {
		code int
		line string
	}{{331, "USER bblp"}, {230, "PASS " + testCode}, {200, "PBSZ 0"}, {200, "PROT P"}, {200, "TYPE I"}} {
		g.ask(step.code, step.line)
	}
	return g
}

func (g *ftpGuest) answer(code int) string {
	g.t.Helper()
	_, text, err := g.text.ReadResponse(code)
	if err != nil {
		g.t.Fatalf("want %d: %v", code, err)
	}
	return text
}

func (g *ftpGuest) ask(code int, line string) string {
	g.t.Helper()
	_, err := io.WriteString(g.conn, line+"\r\n")
	must(g.t, err)
	_, text, err := g.text.ReadResponse(code)
	if err != nil {
		g.t.Fatalf("%s: want %d: %v", line, code, err)
	}
	return text
}

// passive opens a data connection, not secured yet.
func (g *ftpGuest) passive() net.Conn {
	g.t.Helper()
	var port int
	_, text, _ := strings.Cut(g.ask(229, "EPSV"), "(|||")
	_, err := fmt.Sscanf(text, "%d|)", &port)
	must(g.t, err)
	if port < passiveFirst || port > passiveLast {
		g.t.Errorf("data port %d", port)
	}
	host, _, err := net.SplitHostPort(g.conn.RemoteAddr().String())
	must(g.t, err)
	data, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	must(g.t, err)
	must(g.t, data.SetDeadline(time.Now().Add(patience)))
	g.t.Cleanup(func() { data.Close() })
	return data
}

// send uploads, up to the server's word about how it ended.
func (g *ftpGuest) send(code int, name string, content []byte) {
	g.t.Helper()
	raw := g.passive()
	g.ask(150, "STOR "+name)
	data := tls.Client(raw, g.secure)
	_, err := data.Write(content)
	if code == 226 {
		must(g.t, err)
	}
	data.Close()
	g.answer(code)
}

// fetch gets what a command gives over the data connection.
func (g *ftpGuest) fetch(line string) string {
	g.t.Helper()
	raw := g.passive()
	g.ask(150, line)
	content, err := io.ReadAll(tls.Client(raw, g.secure))
	must(g.t, err)
	g.answer(226)
	return string(content)
}

// fileServer is a running printer on a network.
func fileServer(t *testing.T, model string, card Card) *bench {
	t.Helper()
	b := newLANBench(t, Config{Model: model, Card: card})
	b.on()
	return b
}

func TestOnlyTheCodeOpensTheFiles(t *testing.T) {
	t.Parallel()
	b := fileServer(t, "P1S", Card{})
	g := callFTP(t, b.Printer, ftpTLS(b.Printer))
	for _, line := range []string{"LIST", "PWD", "STOR a", "SIZE a", "PASV", "DANCE"} {
		g.ask(530, line)
	}
	for _, wrong := range [][2]string{{"bblp", "12345679"}, {"root", testCode}, {"bblp", ""}} {
		g.ask(331, "USER "+wrong[0])
		g.ask(530, "PASS "+wrong[1])
	}
	if _, err := g.text.ReadLine(); err == nil {
		t.Error("a fourth attempt")
	}
	g = callFTP(t, b.Printer, ftpTLS(b.Printer))
	g.ask(530, "PASS "+testCode)
	g.ask(331, "USER bblp")
	g.ask(230, "PASS "+testCode)
	g.ask(257, "PWD")
	g.ask(221, "QUIT")
}

func TestThePrintersCommandsAndNoOthers(t *testing.T) {
	t.Parallel()
	b := fileServer(t, "P1S", Card{Bytes: 1000})
	must(t, b.storage.write("/cache/ü a.3mf", []byte("content")))
	g := signedInFTP(t, b.Printer)
	for _, c := range []struct {
		code int
		line string
		want string
	}{
		{215, "SYST", "UNIX"},
		{200, "NOOP", ""},
		{200, "noop", ""},
		{200, "OPTS UTF8 ON", ""},
		{501, "OPTS MLST", ""},
		{200, "TYPE A", ""},
		{504, "TYPE E", ""},
		{536, "PROT S", ""},
		{257, "PWD", `"/"`},
		{250, "CWD cache", ""},
		{257, "PWD", `"/cache"`},
		{213, "SIZE ü a.3mf", "7"},
		{213, "SIZE /cache/ü a.3mf", "7"},
		{550, "SIZE none", ""},
		{550, "SIZE /cache", ""},
		{550, "CWD ü a.3mf", ""},
		{250, "CWD ../../..", ""},
		{257, "PWD", `"/"`},
		{213, "AVBL", "993"},
		{257, "MKD new", `"/new"`},
		{550, "MKD new", ""},
		{250, "CWD /new", ""},
		{250, "CDUP", ""},
		{250, "DELE cache/ü a.3mf", ""},
		{550, "DELE cache/ü a.3mf", ""},
		{550, "DELE cache", ""},
		{425, "LIST", ""},
		{425, "STOR a", ""},
		{425, "RETR a", ""},
		{550, "PORT 127,0,0,1,1,1", ""},
		{550, "EPRT |1|127.0.0.1|80|", ""},
		{550, "MLSD", ""},
		{550, "RMD new", ""},
		{550, "APPE a", ""},
		{550, "REST 5", ""},
		{550, "RNFR a", ""},
		{550, "MDTM a", ""},
		{500, "DANCE", ""},
		{500, "", ""},
		{500, "SIZE a\x00b", ""},
	} {
		if got := g.ask(c.code, c.line); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
	if features := g.ask(211, "FEAT"); !strings.Contains(features, "EPSV") || strings.Contains(features, "MLST") || strings.Contains(features, "REST") {
		t.Errorf("features %q", features)
	}
	g.ask(227, "PASV")
	g.ask(550, "RETR none")
	g.ask(425, "RETR none") // that port is gone
	_, err := io.WriteString(g.conn, strings.Repeat("x", 2*ftpLine))
	must(t, err)
	g.answer(500)
	if _, err := g.text.ReadLine(); err == nil {
		t.Error("the session outlived a line without end")
	}
}

func TestFilesGoInAndOut(t *testing.T) {
	t.Parallel()
	b := fileServer(t, "P1S", Card{Bytes: 300_000})
	g := signedInFTP(t, b.Printer)
	content := bytes.Repeat([]byte("0123456789"), 20_000)
	g.send(226, "/cache/a.3mf", content)
	if got := g.fetch("RETR /cache/a.3mf"); got != string(content) {
		t.Errorf("%d bytes came back", len(got))
	}
	g.send(226, "/cache/a.3mf", nil) // replaces
	g.ask(213, "SIZE /cache/a.3mf")
	g.send(226, "/cache/a.3mf", content)
	g.send(552, "/b.3mf", content)
	if got := g.ask(213, "SIZE /b.3mf"); got != "100000" {
		t.Errorf("%s bytes of what did not fit", got)
	}
	for _, name := range []string{"/c.3mf", "/a:b", "/none/c.3mf", "/cache"} {
		g.passive()
		g.ask(553, "STOR "+name)
	}
	g.ask(250, "DELE /b.3mf")
	b.storage.insert(false)
	if got := g.fetch("LIST"); got != "" {
		t.Errorf("without a card: %q", got)
	}
	g.passive()
	g.ask(553, "STOR /c.3mf")
	g.passive()
	g.ask(550, "RETR /cache/a.3mf")
}

func TestAMissingStickIsAnotherAnswerThanAMissingCard(t *testing.T) {
	t.Parallel()
	b := fileServer(t, "P2S", Card{})
	b.goWrong(Faults{NoCard: true})
	g := signedInFTP(t, b.Printer)
	g.passive()
	g.ask(550, "STOR /c.3mf")
	g.ask(250, "CWD /")
	g.ask(550, "CWD /cache")
	g.ask(550, "AVBL")
}

func TestListsLookLikeTheModels(t *testing.T) {
	t.Parallel()
	for model, want := range map[string][]string{
		"X1C": {"/cache", "/ipcam", "/logger", "/model", "/timelapse"},
		"P1S": {"cache", "timelapse"},
		"H2D": {"cache", "model", "timelapse"},
	} {
		b := fileServer(t, model, Card{})
		must(t, b.storage.write("/cache/a b.3mf", []byte("12345")))
		g := signedInFTP(t, b.Printer)
		if diff := cmp.Diff(want, strings.Fields(g.fetch("NLST"))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", model, diff)
		}
		for _, line := range []string{"LIST /cache", "LIST -a cache", "LIST -la /cache/a b.3mf"} {
			if got := g.fetch(line); !strings.HasPrefix(got, "-rw-r--r-- ") || !strings.HasSuffix(got, " a b.3mf\r\n") || strings.Count(got, "\n") != 1 {
				t.Errorf("%s %s: %q", model, line, got)
			}
		}
		if got := g.fetch("LIST /none"); got != "" {
			t.Errorf("what is not there: %q", got)
		}
	}
}

func TestAListHasTheTimeOfDayForHalfAYear(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "cube.3mf")
	must(t, os.WriteFile(name, []byte("12345"), 0o600))
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.Local)
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{now.Add(-time.Minute), "Nov 25 11:59"},
		{now.Add(-100 * 24 * time.Hour), "Aug 17 "},
		{now.Add(-200 * 24 * time.Hour), "May 09  2026"},
		{now.Add(time.Hour), "Nov 25  2026"},
	} {
		must(t, os.Chtimes(name, c.at, c.at))
		info, err := os.Stat(name)
		must(t, err)
		if got := listLine(info, now); !strings.Contains(got, "           5 "+c.want) || !strings.HasSuffix(got, " cube.3mf\r\n") {
			t.Errorf("%v: %q", c.at, got)
		}
	}
}

func TestASilentSessionIsDroppedWithoutAWord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &Printer{cfg: Config{LAN: &LAN{AccessCode: testCode}}}
		client, server := net.Pipe()
		defer client.Close()
		s := &ftpSession{ftps: &ftps{code: p.accessCode}}
		go func() {
			defer server.Close()
			s.serve(context.Background(), server)
		}()
		in := bufio.NewReader(client)
		ask := func(line string) {
			if line != "" {
				_, err := io.WriteString(client, line+"\r\n")
				must(t, err)
			}
			_, err := in.ReadString('\n')
			must(t, err)
		}
		ask("")
		ask("USER bblp")
		ask("PASS " + testCode)
		begun := time.Now()
		<-time.After(4 * time.Minute)
		ask("NOOP")
		if line, err := in.ReadString('\n'); err != io.EOF {
			t.Errorf("heard %q, %v", line, err)
		}
		if took := time.Since(begun); took != 4*time.Minute+ftpIdle {
			t.Errorf("dropped after %v", took)
		}
	})
}

func TestWhoDoesNotSignInIsDroppedSooner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		go func() {
			defer server.Close()
			new(ftpSession).serve(context.Background(), server)
		}()
		begun := time.Now()
		in := bufio.NewReader(client)
		for {
			if _, err := in.ReadString('\n'); err != nil {
				break
			}
			<-time.After(25 * time.Second)
			_, _ = io.WriteString(client, "FEAX\r\n")
		}
		if took := time.Since(begun); took > ftpLogin+30*time.Second {
			t.Errorf("dropped after %v", took)
		}
	})
}

func TestTooManyConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	b := fileServer(t, "P1S", Card{})
	for range faceGuests {
		callFTP(t, b.Printer, ftpTLS(b.Printer))
	}
	if conn, err := tls.Dial("tcp", ftpAddress(b.Printer), ftpTLS(b.Printer)); err == nil {
		conn.Close()
		t.Error("one more was let in")
	}
}

func FuzzFTPCommand(f *testing.F) {
	for _, line := range []string{
		"USER bblp\r\n", "STOR /cache/a b.3mf\r\n", "cwd ..\n", "LIST -la /x\r\n", "\xff\xf4\xff\xf2ABOR\r\n", "SIZE a\x00b\r\n", "EPSV ALL\r\n",
		"RETR ../../../etc/passwd\r\n", "LIST -\r\n", "LIST --  -\r\n", "\r\n", "MKD \r\n", "PASS\r\n",
	} {
		f.Add(line)
	}
	card := newStorage(Card{Dir: f.TempDir(), Bytes: 1000}, looks{})
	f.Cleanup(func() { card.close() })
	f.Fuzz(func(t *testing.T, line string) {
		verb, argument := parseFTP(line)
		if verb == "" && argument != "" || strings.ContainsAny(verb+argument, "\r\n\x00") || verb != strings.ToUpper(verb) {
			t.Errorf("%q is %q, %q", line, verb, argument)
		}
		s := &ftpSession{ftps: &ftps{storage: card}, dir: "/cache"}
		if to := s.path(argument); !filepath.IsLocal(inside(to)) || !strings.HasPrefix(to, "/") {
			t.Errorf("%q becomes %q", argument, to)
		}
		s.listed(argument)
	})
}
