package sim

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// rig is a real broker over TLS with a client that sees every report, and a
// server of print files.
type rig struct {
	t      testing.TB
	broker *mochi.Server
	addr   string
	trust  *tls.Config
	viewer paho.Client
	files  *httptest.Server

	mu     sync.Mutex
	served map[string][]byte      // print files by name
	heard  map[string]chan []byte // reports by serial
}

func newRig(t testing.TB) *rig {
	t.Helper()
	cert, roots := certificate(t)
	r := &rig{t: t, trust: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, served: map[string][]byte{}, heard: map[string]chan []byte{}}
	r.broker = mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	rules := &auth.Ledger{
		Auth: auth.AuthRules{{Username: "viewer", Allow: true}, {Password: "secret", Allow: true}},
		ACL:  auth.ACLRules{{Filters: auth.Filters{"#": auth.ReadWrite}}},
	}
	must(t, r.broker.AddHook(new(auth.Hook), &auth.Options{Ledger: rules}))
	listener := listeners.NewTCP(listeners.Config{ID: "tls", Address: "127.0.0.1:0", TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}})
	must(t, r.broker.AddListener(listener))
	must(t, r.broker.Serve())
	t.Cleanup(func() { r.broker.Close() })
	r.addr = listener.Address()

	r.viewer = paho.NewClient(paho.NewClientOptions().AddBroker("ssl://" + r.addr).SetTLSConfig(r.trust).
		SetClientID("viewer").SetUsername("viewer").SetAutoReconnect(false))
	wait(t, r.viewer.Connect())
	t.Cleanup(func() { r.viewer.Disconnect(250) })
	wait(t, r.viewer.Subscribe("device/+/report", 0, func(_ paho.Client, m paho.Message) {
		select {
		case r.queue(strings.Split(m.Topic(), "/")[1]) <- m.Payload():
		default: // nobody reads this printer any more
		}
	}))
	r.files = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.files.Close)
	return r
}

func (r *rig) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	content, ok := r.served[strings.TrimPrefix(req.URL.Path, "/")]
	if !ok {
		http.NotFound(w, req)
		return
	}
	_, _ = w.Write(content)
}

func (r *rig) queue(serial string) chan []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heard[serial] == nil {
		r.heard[serial] = make(chan []byte, 10000)
	}
	return r.heard[serial]
}

// bench is one printer on the rig and what was seen of it.
type bench struct {
	*Printer
	t       testing.TB
	viewer  paho.Client
	heard   chan []byte
	print   map[string]any // merged
	states  []string       // gcode_state, each change
	last    []byte
	ids     int
	off     context.CancelFunc
	stopped chan error
}

// printer switches a printer on and waits for its first word.
func (r *rig) printer(t testing.TB, cfg Config) *bench {
	t.Helper()
	b := r.newBench(t, cfg)
	b.on()
	b.next("push_status")
	return b
}

func (r *rig) newBench(t testing.TB, cfg Config) *bench {
	t.Helper()
	if cfg.Serial == "" {
		cfg.Serial = "01P00A000000001"
	}
	cfg.Broker, cfg.TLS, cfg.Secret, cfg.HTTP = r.addr, r.trust, "secret", r.files.Client()
	if cfg.Tick == 0 {
		cfg.Tick = 5 * time.Millisecond
	}
	if cfg.Retry == 0 {
		cfg.Retry = time.Millisecond
	}
	p, err := New(cfg)
	must(t, err)
	return &bench{Printer: p, t: t, viewer: r.viewer, heard: r.queue(cfg.Serial), print: map[string]any{}}
}

// on starts Run; the end of the test ends it.
func (b *bench) on() {
	ctx, cancel := context.WithCancel(context.Background())
	b.off, b.stopped = cancel, make(chan error, 1)
	go func() { b.stopped <- b.Run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		select {
		case err := <-b.stopped:
			if err != nil {
				b.t.Errorf("Run: %v", err)
			}
			b.stopped <- nil
		case <-time.After(patience):
			b.t.Error("Run does not end")
		}
	})
}

// read takes the next message in and gives its class and body.
func (b *bench) read() (class string, body map[string]any) {
	b.t.Helper()
	select {
	case b.last = <-b.heard:
	case <-time.After(patience):
		b.t.Fatalf("%s says nothing; last seen %s, states %v", b.Serial(), b.last, b.states)
	}
	var message map[string]map[string]any
	d := json.NewDecoder(bytes.NewReader(b.last))
	d.UseNumber()
	must(b.t, d.Decode(&message))
	for class, body = range message {
		if class == "print" && body["command"] == "push_status" {
			merge(b.print, body)
			if s, _ := b.print["gcode_state"].(string); s != "" && (len(b.states) == 0 || b.states[len(b.states)-1] != s) {
				b.states = append(b.states, s)
			}
		}
		return class, body
	}
	return "", nil
}

// merge brings a merged report up to date: objects are merged, the rest replaced.
func merge(into, from map[string]any) {
	for k, v := range from {
		deeper, ok := v.(map[string]any)
		have, had := into[k].(map[string]any)
		if ok && had {
			merge(have, deeper)
			continue
		}
		if ok {
			v = maps.Clone(deeper)
		}
		into[k] = v
	}
}

// next waits for a message of this command.
func (b *bench) next(command string) map[string]any {
	b.t.Helper()
	for {
		if _, body := b.read(); body["command"] == command {
			return body
		}
	}
}

// until waits for a merged report in which a field has this value.
func (b *bench) until(path string, want any) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for fmt.Sprint(lookup(b.print, path)) != fmt.Sprint(want) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s: %s is %v, want %v; states %v", b.Serial(), path, lookup(b.print, path), want, b.states)
		}
		b.read()
	}
}

// lookup finds a value by dotted path, with numbers for places in lists.
func lookup(v any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			var i int
			_, _ = fmt.Sscan(step, &i)
			if i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// send publishes a request: class, command and the members besides.
func (b *bench) send(class, command string, members map[string]any) (sequence string) {
	b.t.Helper()
	b.ids++
	sequence = strconv.Itoa(40000 + b.ids)
	body := map[string]any{"command": command, "sequence_id": sequence}
	maps.Copy(body, members)
	payload, err := json.Marshal(map[string]any{class: body})
	must(b.t, err)
	wait(b.t, b.viewer.Publish("device/"+b.Serial()+"/request", 0, false, payload))
	return sequence
}

// ask sends a request and waits for its reply.
func (b *bench) ask(class, command string, members map[string]any) map[string]any {
	b.t.Helper()
	sequence := b.send(class, command, members)
	for {
		if c, body := b.read(); c == class && body["command"] == command && fmt.Sprint(body["sequence_id"]) == sequence {
			return body
		}
	}
}

// succeed is a request whose reply must be success.
func (b *bench) succeed(class, command string, members map[string]any) {
	b.t.Helper()
	reply := b.ask(class, command, members)
	if !strings.EqualFold(fmt.Sprint(reply["result"]), "success") {
		b.t.Fatalf("%s.%s: %v", class, command, reply)
	}
}

// refuse is a request whose reply must be fail, with a reason.
func (b *bench) refuse(class, command string, members map[string]any) map[string]any {
	b.t.Helper()
	reply := b.ask(class, command, members)
	if reply["result"] != "fail" || reply["reason"] == "" {
		b.t.Fatalf("%s.%s was not refused: %v", class, command, reply)
	}
	return reply
}

// pushall waits for a full report.
func (b *bench) pushall() {
	b.t.Helper()
	b.send("pushing", "pushall", nil)
	for fmt.Sprint(b.next("push_status")["msg"]) == "1" {
	}
}

// goWrong makes these the faults of the printer.
func (b *bench) goWrong(f Faults) {
	b.t.Helper()
	must(b.t, b.ChangeFaults(func(now *Faults) error {
		*now = f
		return nil
	}))
}

// file puts a print file on the server.
func (r *rig) file(name string, content []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.served[name] = content
}

// project puts a print file on the server and gives the members of its start.
func (r *rig) project(content []byte) map[string]any {
	const name = "cube.gcode.3mf"
	r.file(name, content)
	return map[string]any{
		"param": "Metadata/plate_1.gcode", "url": r.files.URL + "/" + name + "?Signature=x", "file": name,
		"md5": fmt.Sprintf("%X", md5.Sum(content)), "subtask_name": "cube", "task_id": "731905", "subtask_id": "731906",
		"project_id": "7", "profile_id": "8", "use_ams": true, "ams_mapping": []int{2}, "bed_leveling": true,
	}
}

func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wait(t testing.TB, token paho.Token) {
	t.Helper()
	if !token.WaitTimeout(patience) {
		t.Fatal("the broker does not answer")
	}
	must(t, token.Error())
}
