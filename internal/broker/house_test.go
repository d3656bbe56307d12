package broker

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/grovecloud/grove"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// house is the rules behind a broker under test: users 1 and 2, printers A1 and A2
// of the first, B1 of the second. User 3 may look at A1. The password of everybody is "right".
type house struct {
	mu       sync.Mutex
	owners   map[string]int64
	knocks   []Knock
	requests []asked
	reports  []asked
	links    map[string]Link
	trail    []string // attachments in order
	on       chan struct{}

	enter   func(Knock) error                          // before an answer is given
	request func(ctx context.Context, a asked)         // in place of doing nothing
	observe func(serial string, payload []byte) []byte // in place of passing on
}

type asked struct {
	actor   grove.Actor
	serial  string
	payload string
	reply   func([]byte)
}

func newHouse() *house {
	return &house{
		owners: map[string]int64{"A1": 1, "A2": 1, "B1": 2},
		links:  make(map[string]Link),
		on:     make(chan struct{}, 1),
	}
}

func (h *house) changed() {
	select {
	case h.on <- struct{}{}:
	default:
	}
}

// until waits for something to become true of the house.
func (h *house) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit := time.After(patience)
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for {
		h.mu.Lock()
		done := ok()
		h.mu.Unlock()
		if done {
			return
		}
		select {
		case <-h.on:
		case <-poll.C:
		case <-limit:
			h.mu.Lock()
			defer h.mu.Unlock()
			t.Fatalf("waited in vain until %s; trail %q, %d requests, %d reports", what, h.trail, len(h.requests), len(h.reports))
		}
	}
}

func (h *house) Enter(_ context.Context, k Knock) (grove.Actor, error) {
	h.mu.Lock()
	h.knocks = append(h.knocks, k)
	enter := h.enter
	h.mu.Unlock()
	if enter != nil {
		if err := enter(k); err != nil {
			return grove.Actor{}, err
		}
	}
	if k.Password != "right" {
		return grove.Actor{}, grove.Errorf(grove.Unauthenticated, grove.ReasonTokenInvalid, "wrong")
	}
	if uid, ok := strings.CutPrefix(k.Username, "u_"); ok {
		id, err := strconv.ParseInt(uid, 10, 64)
		return grove.Actor{Kind: grove.ActorUser, UserID: id, SessionID: "ses_" + uid}, err
	}
	if serial, ok := strings.CutPrefix(k.Username, "bblp@"); ok {
		return grove.Actor{Kind: grove.ActorCode, Serial: serial}, nil
	}
	return grove.Actor{Kind: grove.ActorPrinter, Serial: k.Username}, nil
}

func (h *house) May(a grove.Actor, action grove.Action, serial string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	owner, ok := h.owners[serial]
	switch a.Kind {
	case grove.ActorUser, grove.ActorKey:
		return ok && (a.UserID == owner || a.UserID == 3 && serial == "A1" && action == grove.ReadPrinter)
	case grove.ActorCode:
		return ok && a.Serial == serial
	case grove.ActorPrinter:
		return ok && a.Serial == serial && action == grove.ReportState
	case grove.ActorBridge, grove.ActorSystem:
	}
	return false
}

func (h *house) unbind(serial string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.owners, serial)
}

func (h *house) Attach(serial string, l Link) func(string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.links[serial] = l
	h.trail = append(h.trail, "+"+serial)
	h.changed()
	return func(reason string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.trail = append(h.trail, "-"+serial+" "+reason)
		h.changed()
	}
}

func (h *house) Observe(serial string, payload []byte) []byte {
	h.mu.Lock()
	h.reports = append(h.reports, asked{serial: serial, payload: string(payload)})
	observe := h.observe
	h.mu.Unlock()
	h.changed()
	if observe != nil {
		return observe(serial, payload)
	}
	return payload
}

func (h *house) Request(ctx context.Context, actor grove.Actor, serial string, payload []byte, reply func([]byte)) {
	a := asked{actor: actor, serial: serial, payload: string(payload), reply: reply}
	h.mu.Lock()
	h.requests = append(h.requests, a)
	request := h.request
	h.mu.Unlock()
	h.changed()
	if request != nil {
		request(ctx, a)
	}
}

// link is the one to printer A1.
func (h *house) link(t *testing.T) *link {
	t.Helper()
	var l *link
	h.until(t, "A1 is attached", func() bool { l, _ = h.links["A1"].(*link); return l != nil })
	return l
}

func (h *house) asked() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, r := range h.requests {
		all = append(all, r.payload)
	}
	return all
}

// nothing wants that no request or report has come through.
func (h *house) nothing(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.requests)+len(h.reports) > 0 {
		t.Errorf("requests %v and reports %v came through", h.requests, h.reports)
	}
}

// rig is a broker that runs on a socket of its own.
type rig struct {
	*house
	broker   *Broker
	registry *prometheus.Registry
	addr     string
	stop     func()
}

// start runs a broker until the test ends; change adapts its configuration.
func start(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse()
	registry := prometheus.NewRegistry()
	cfg := Config{Listener: l, TLS: serverTLS(), Gate: h, Printers: h, Registry: registry}
	if change != nil {
		change(&cfg)
	}
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	var once sync.Once
	r := &rig{house: h, broker: b, registry: registry, addr: l.Addr().String()}
	r.stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("broker ended with %v", err)
				}
			case <-time.After(patience):
				t.Error("the broker did not end")
			}
		})
	}
	t.Cleanup(r.stop)
	return r
}

// metric sums a metric over all its labels, or over those with the given value.
func (r *rig) metric(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != "grove_broker_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label == "" || (len(m.GetLabel()) > 0 && m.GetLabel()[0].GetValue() == label) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func (r *rig) untilMetric(t *testing.T, name, label string, want float64) {
	t.Helper()
	r.until(t, fmt.Sprintf("%s{%s} is %v", name, label, want), func() bool { return r.metric(t, name, label) == want })
}

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	from := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "grove.test"},
		DNSNames:     []string{"grove.test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, from, from, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

func serverTLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate()}}
}

func clientTLS(sni string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: sni}
}

func payloadOf(n int) []byte { return bytes.Repeat([]byte("x"), n) }
