package sim

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove"
)

const testCode = "12345678"

// testMaker is shared, since its key takes long under the race detector.
var testMaker = NewMaker("")

// onLAN is a printer on the loopback network and one client of its broker.
func onLAN(t testing.TB, cfg Config) *bench {
	t.Helper()
	b := newLANBench(t, cfg)
	b.on()
	b.viewer = dialLAN(t, b.Printer, "viewer", testCode)
	wait(t, b.viewer.Subscribe("device/"+b.Serial()+"/report", 0, b.hear))
	return b
}

func newLANBench(t testing.TB, cfg Config) *bench {
	t.Helper()
	if cfg.Serial == "" {
		cfg.Serial = "01P00A000000001"
	}
	if cfg.LAN == nil {
		cfg.LAN = &LAN{}
	}
	if cfg.LAN.AccessCode == "" {
		cfg.LAN.AccessCode = testCode
	}
	cfg.LAN.Maker = testMaker
	if cfg.Tick == 0 {
		cfg.Tick = 5 * time.Millisecond
	}
	p, err := New(cfg)
	must(t, err)
	t.Cleanup(p.Close)
	return &bench{Printer: p, t: t, heard: make(chan []byte, 10000), print: map[string]any{}}
}

func (b *bench) hear(_ paho.Client, m paho.Message) {
	select {
	case b.heard <- m.Payload():
	default: // nobody reads it any more
	}
}

// printerTLS believes a certificate whose common name is the serial.
func printerTLS(serial string) *tls.Config {
	return &tls.Config{
		ServerName: serial, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true,
		VerifyConnection: func(c tls.ConnectionState) error {
			if name := c.PeerCertificates[0].Subject.CommonName; name != serial {
				return fmt.Errorf("it is %s", name)
			}
			return nil
		},
	}
}

func lanOptions(p *Printer, id, code string) *paho.ClientOptions {
	at := p.Ports()
	return paho.NewClientOptions().AddBroker("ssl://" + net.JoinHostPort(at.Host, strconv.Itoa(at.MQTTS))).
		SetTLSConfig(printerTLS(p.Serial())).SetClientID(id).SetUsername("bblp").SetPassword(code).SetAutoReconnect(false)
}

func dialLAN(t testing.TB, p *Printer, id, code string) paho.Client {
	t.Helper()
	c := paho.NewClient(lanOptions(p, id, code))
	wait(t, c.Connect())
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

// soon waits for a condition.
func soon(t testing.TB, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !met(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// Debian's clients of MQTT trust the printer's authority, watch it and let it pause.
func TestDebiansMQTTClientsWatchAndCommand(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{Begin: BeginPrinting})
	b.pushall()
	authority, err := testMaker.Authority()
	must(t, err)
	ca := filepath.Join(t.TempDir(), "authority.pem")
	must(t, os.WriteFile(ca, authority, 0o600))
	at := b.Ports()
	topic := "device/" + b.Serial() + "/"
	with := func(args ...string) []string {
		return append([]string{
			"-h", at.Host, "-p", strconv.Itoa(at.MQTTS), "--cafile", ca, "--insecure", // its certificate names the serial
			"-u", "bblp", "-P", testCode,
		}, args...)
	}
	if got := succeeds(t, "mosquitto_sub", with("-t", topic+"report", "-C", "1", "-W", "20")...); !strings.HasPrefix(got, "{\n    \"print\": {\n") {
		t.Errorf("heard %q", got)
	}
	succeeds(t, "mosquitto_pub", with("-t", topic+"request", "-m", `{"print":{"command":"pause","param":"","sequence_id":"7"}}`)...)
	b.until("gcode_state", "PAUSE")
	if out, err := outside(t, "mosquitto_sub", append(with("-t", topic+"report", "-W", "20"), "-P", "12345679")...).CombinedOutput(); err == nil || !strings.Contains(string(out), "not authorised") {
		t.Errorf("with another code: %v %s", err, out)
	}
}

func TestAPrinterOnALANAnswersItsClients(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{Begin: BeginPrinting, Model: "X1C"})
	b.pushall()
	if b.print["gcode_state"] != "RUNNING" {
		t.Errorf("gcode_state %v", b.print["gcode_state"])
	}
	if !bytes.HasPrefix(b.last, []byte("{\n    \"print\": {\n        \"gcode_state\": ")) {
		t.Errorf("reports of real printers are indented by four spaces: %.80s", b.last)
	}
	// A reply goes to everybody, and so does a request to who may listen to it.
	other := &bench{Printer: b.Printer, t: t, heard: make(chan []byte, 10000), print: map[string]any{}}
	other.viewer = dialLAN(t, b.Printer, "other", testCode)
	wait(t, other.viewer.Subscribe("#", 0, other.hear))
	b.succeed("print", "pause", map[string]any{"param": ""})
	if request := other.next("pause"); request["result"] != nil {
		t.Errorf("the other client heard %v", request)
	}
	if reply := other.next("pause"); reply["result"] != "success" {
		t.Errorf("the other client heard %v", reply)
	}
	b.until("gcode_state", "PAUSE")
}

func TestWhatClientsGetWrongOnALAN(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{})
	code := func(user, password string) byte {
		o := lanOptions(b.Printer, "", password).SetUsername(user)
		token, ok := paho.NewClient(o).Connect().(*paho.ConnectToken)
		if !ok || !token.WaitTimeout(patience) {
			t.Fatal("no answer")
		}
		return token.ReturnCode()
	}
	if got := code("bblp", "87654321"); got != packets.ErrRefusedNotAuthorised {
		t.Errorf("a wrong code is answered with %d", got)
	}
	if got := code("u_7", testCode); got != packets.ErrRefusedBadUsernameOrPassword {
		t.Errorf("another user is answered with %d", got)
	}
	// Another serial is taken in silence; a NUL at the end is no reason to refuse.
	wait(t, b.viewer.Subscribe("device/01P00A000000099/report", 0, nil))
	wait(t, b.viewer.Publish("device/01P00A000000099/request", 1, false, `{"info":{"command":"get_version","sequence_id":"1"}}`))
	wait(t, b.viewer.Publish("device/"+b.Serial()+"/request", 1, false, "{\"info\":{\"command\":\"get_version\",\"sequence_id\":\"2\"}}\x00"))
	if got := b.next("get_version")["sequence_id"]; got != "2" {
		t.Errorf("answered %v", got)
	}
}

func TestThePrintersCertificateNamesNothingButItsSerial(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{})
	at := b.Ports()
	see := func(version uint16, suites ...uint16) (tls.ConnectionState, error) {
		cfg := printerTLS(b.Serial())
		cfg.MinVersion, cfg.MaxVersion, cfg.CipherSuites = version, version, suites
		conn, err := (&tls.Dialer{Config: cfg}).DialContext(t.Context(), "tcp", net.JoinHostPort(at.Host, strconv.Itoa(at.MQTTS)))
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		secure, _ := conn.(*tls.Conn)
		return secure.ConnectionState(), nil
	}
	if _, err := see(tls.VersionTLS13); err == nil {
		t.Error("TLS 1.3 is taken")
	}
	state, err := see(tls.VersionTLS12, tls.TLS_RSA_WITH_AES_256_GCM_SHA384)
	must(t, err)
	if len(state.PeerCertificates) != 1 {
		t.Errorf("%d certificates", len(state.PeerCertificates))
	}
	leaf := state.PeerCertificates[0]
	if leaf.Subject.String() != "CN="+b.Serial() || len(leaf.DNSNames)+len(leaf.IPAddresses) > 0 {
		t.Errorf("it names %s, %v, %v", leaf.Subject, leaf.DNSNames, leaf.IPAddresses)
	}
	roots := x509.NewCertPool()
	authority, err := testMaker.Authority()
	must(t, err)
	roots.AppendCertsFromPEM(authority)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Error(err)
	}
}

func TestAKeptMakerMakesThePrinterWithTheSameKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := NewMaker(dir).certificate("01P00A000000001")
	must(t, err)
	second, err := NewMaker(dir).certificate("01P00A000000001")
	must(t, err)
	if !bytes.Equal(first.Certificate[0], second.Certificate[0]) {
		t.Error("it has another certificate")
	}
	other, err := NewMaker(dir).certificate("01P00A000000002")
	must(t, err)
	if other.Leaf.Issuer.String() != first.Leaf.Issuer.String() || bytes.Equal(other.Leaf.RawSubjectPublicKeyInfo, first.Leaf.RawSubjectPublicKeyInfo) {
		t.Error("another printer needs another key of the same maker")
	}
}

func TestASmallPrinterBearsFewClients(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{Model: "A1", Serial: "03900A000000001"})
	for i := range smallClients - 1 {
		dialLAN(t, b.Printer, strconv.Itoa(i), testCode)
	}
	if err := connect(b.Printer, "one more"); !errors.Is(err, packets.ConnErrors[packets.ErrRefusedServerUnavailable]) {
		t.Errorf("one more: %v", err)
	}
	// The same id takes the other's place.
	dialLAN(t, b.Printer, "0", testCode)
	if got := b.Clients(); got != smallClients {
		t.Errorf("%d clients", got)
	}
	large := onLAN(t, Config{Model: "X1C", Serial: "00M00A000000001"})
	for i := range 2 * smallClients {
		dialLAN(t, large.Printer, strconv.Itoa(i), testCode)
	}
}

func connect(p *Printer, id string) error {
	token := paho.NewClient(lanOptions(p, id, testCode)).Connect()
	if !token.WaitTimeout(patience) {
		return context.DeadlineExceeded
	}
	return token.Error()
}

func TestWhoListensToRequestsIsCutBySmallPrinters(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{})
	nosy := dialLAN(t, b.Printer, "nosy", testCode)
	nosy.Subscribe("device/"+b.Serial()+"/request", 0, nil)
	soon(t, "it is cut", func() bool { return !nosy.IsConnectionOpen() })
	if !b.viewer.IsConnectionOpen() {
		t.Error("and the other one as well")
	}
}

func TestAnotherAccessCodeCutsEverybody(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{})
	must(t, b.SetAccessCode("abcdefgh"))
	soon(t, "the client is cut", func() bool { return !b.viewer.IsConnectionOpen() })
	if err := connect(b.Printer, "old"); !errors.Is(err, packets.ConnErrors[packets.ErrRefusedNotAuthorised]) {
		t.Errorf("with the old code: %v", err)
	}
	dialLAN(t, b.Printer, "new", "abcdefgh")
}

func TestAnotherAccessCodeCutsFilesAndCameraToo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		model string
		open  func(t *testing.T, p *Printer) net.Conn
	}{
		"files": {"P1S", func(t *testing.T, p *Printer) net.Conn { return signedInFTP(t, p).conn }},
		"upload": {"P1S", func(t *testing.T, p *Printer) net.Conn {
			g := signedInFTP(t, p)
			raw := g.passive()
			g.ask(150, "STOR a.gcode")
			data := tls.Client(raw, g.secure)
			_, err := io.WriteString(data, "G28\n")
			must(t, err)
			return data
		}},
		"camera": {"P1S", func(t *testing.T, p *Printer) net.Conn {
			conn := watch(t, p, greeting("bblp", testCode))
			nextFrame(t, conn)
			return conn
		}},
		"video": {"X1C", func(t *testing.T, p *Printer) net.Conn {
			g := callRTSP(t, p)
			g.begin("DESCRIBE", "SETUP")
			return g.conn
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLANBench(t, Config{Model: c.model})
			b.on()
			conn := c.open(t, b.Printer)
			must(t, b.SetAccessCode("abcdefgh"))
			must(t, conn.SetDeadline(time.Now().Add(patience)))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("it is still connected")
			}
		})
	}
}

// One machine, two ways in: a start over one is seen over the other, once.
func TestACloudAndALANAtTheSameTime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.printer(t, Config{LAN: &LAN{AccessCode: testCode, Maker: testMaker}})
	near := &bench{Printer: b.Printer, t: t, heard: make(chan []byte, 10000), print: map[string]any{}}
	near.viewer = dialLAN(t, b.Printer, "near", testCode)
	wait(t, near.viewer.Subscribe("device/"+b.Serial()+"/report", 0, near.hear))
	near.pushall()
	b.pushall()
	near.succeed("print", "calibration", map[string]any{"option": 2})
	b.until("gcode_state", "RUNNING")
	near.until("gcode_state", "RUNNING")
	b.succeed("print", "stop", nil)
	near.until("gcode_state", "FAILED")
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	b := newLANBench(t, Config{})
	_, err := New(Config{Serial: "01P00A000000002", LAN: &LAN{AccessCode: testCode, MQTTS: b.Ports().MQTTS}})
	if err == nil {
		t.Fatal("two printers at one port")
	}
	for _, c := range []Config{
		{Serial: "../x", LAN: &LAN{AccessCode: testCode}},
		{Serial: "01P00A000000001", LAN: &LAN{}},
		{Serial: "01P00A000000001", LAN: &LAN{AccessCode: testCode, Addr: "printer.local"}},
	} {
		if _, err := New(c); !errors.Is(err, grove.Invalid) {
			t.Errorf("%+v: %v", *c.LAN, err)
		}
	}
}

// A stranger on the network cannot make the printer take memory or end.
func TestStrangersOnTheLANHarmNobody(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{})
	at := b.Ports()
	for _, noise := range [][]byte{
		{0x10, 0xFF, 0xFF, 0xFF, 0x7F},                     // a CONNECT of 256 MB
		{0x30, 0x00},                                       // a PUBLISH before CONNECT
		{0x10, 0x02, 0x00, 0x04},                           // half a CONNECT
		[]byte("GET / HTTP/1.1\r\n\r\n"),                   // another protocol
		{0x10, 0x0C, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 0}, // another version
	} {
		conn, err := (&tls.Dialer{Config: printerTLS(b.Serial())}).DialContext(t.Context(), "tcp", net.JoinHostPort(at.Host, strconv.Itoa(at.MQTTS)))
		must(t, err)
		_, err = conn.Write(noise)
		must(t, err)
		secure, _ := conn.(*tls.Conn)
		_ = secure.CloseWrite()
		must(t, conn.SetReadDeadline(time.Now().Add(patience)))
		var rest bytes.Buffer
		if _, err := rest.ReadFrom(conn); errors.Is(err, os.ErrDeadlineExceeded) || rest.Len() > 4 {
			t.Errorf("%q: %v, %q", noise, err, rest.Bytes())
		}
		_ = conn.Close()
	}
	b.pushall()
}

func TestFiltersMeanWhatTheyMeanInMQTT(t *testing.T) {
	t.Parallel()
	const topic = "device/A/report"
	for filter, want := range map[string]bool{
		"#": true, "device/#": true, "device/A/report": true, "device/+/report": true, "+/+/+": true, "device/A/report/#": true,
		"device/A": false, "device/B/report": false, "device/+": false, "device/a/report": false, "": false, "device/A/report/x": false,
	} {
		if got := fits(filter, topic); got != want {
			t.Errorf("%q: %t", filter, got)
		}
	}
}
