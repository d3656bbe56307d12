package bridge

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove"
)

// TunnelPath is where a cloud takes bridges.
const TunnelPath = "/v1/grove-service/bridges/tunnel"

// RemoteConfig is what a bridge elsewhere needs. Zero times mean the defaults.
type RemoteConfig struct {
	Cloud *url.URL // https, or http on this machine
	Key   grove.Secret
	TLS   *tls.Config // whom to believe to be the cloud; nil: whom the system does
	// Networks are where printers may be; nil: the private networks of this machine.
	Networks []netip.Prefix
	// Ports are those of printers that are not the usual ones.
	Ports   []int
	Find    Find
	Fence   Fence
	Version string
	Log     *slog.Logger
	// Up is called when the cloud is reached, unless nil.
	Up func()

	// Patience is how long the cloud, or a printer, may take for a connection: 10 s.
	Patience time.Duration
	// Retry is the first pause before dialling again: 1 s, doubled up to LongestRetry,
	// 30 s.
	Retry, LongestRetry time.Duration
}

// Remote carries the printers of its network to a cloud elsewhere, over one
// connection that it dials. It keeps nothing and knows no printer.
type Remote struct {
	cfg      RemoteConfig
	premises *premises
	finder   *Bridge
}

// NewRemote makes a bridge. It connects to nothing before Run.
func NewRemote(c RemoteConfig) (*Remote, error) {
	c.Fence, c.Find = c.Fence.complete(), c.Find.complete()
	c.Patience, c.Retry = cmp.Or(c.Patience, 10*time.Second), cmp.Or(c.Retry, time.Second)
	c.LongestRetry = cmp.Or(c.LongestRetry, 30*time.Second)
	if c.Networks == nil {
		c.Networks = Networks()
	}
	if len(c.Networks) == 0 {
		return nil, grove.Errorf(grove.Invalid, "no_network", "this machine is on no private network; name that of the printers with --network")
	}
	finder, err := New(Config{Log: c.Log, Registry: prometheus.NewRegistry(), Find: c.Find, Patience: c.Patience})
	if err != nil {
		return nil, err
	}
	finder.only = c.Networks
	return &Remote{cfg: c, premises: newPremises(c.Networks, c.Ports, c.Find), finder: finder}, nil
}

// Run keeps the cloud reached until ctx ends, or until the cloud says that this
// bridge is not wanted.
func (r *Remote) Run(ctx context.Context) error {
	pause := r.cfg.Retry
	for {
		began := time.Now()
		err := r.visit(ctx)
		if context.Cause(ctx) != nil {
			return nil //nolint:nilerr // it is over because it is to be
		}
		if e, ours := errors.AsType[*grove.Error](err); ours && e.Code != grove.Unavailable {
			return err
		}
		if time.Since(began) > r.cfg.LongestRetry { // it was up, or took its time
			pause = r.cfg.Retry
		}
		next := pause/2 + rand.N(pause/2+1) //nolint:gosec // jitter
		r.cfg.Log.Warn("the cloud is not reached", slog.Any("error", err), slog.Duration("again_in", next.Round(time.Millisecond)))
		pause = min(2*pause, r.cfg.LongestRetry)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(next):
		}
	}
}

// visit holds one connection to the cloud from dialling to its end.
func (r *Remote) visit(ctx context.Context) error {
	began := time.Now()
	conn, err := r.enter(ctx)
	if err != nil {
		return err
	}
	v := &visit{Remote: r, heard: began}
	return v.serve(ctx, conn)
}

// enter dials the cloud and asks it to take this bridge.
func (r *Remote) enter(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Patience)
	defer cancel()
	conn, err := r.dialCloud(ctx)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	read := bufio.NewReader(conn)
	if err := r.ask(ctx, conn, read); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &ahead{conn, read}, nil
}

func (r *Remote) dialCloud(ctx context.Context) (net.Conn, error) {
	secure := r.cfg.Cloud.Scheme == "https"
	port := cmp.Or(r.cfg.Cloud.Port(), map[bool]string{true: "443", false: "80"}[secure])
	address := net.JoinHostPort(r.cfg.Cloud.Hostname(), port)
	plain := &net.Dialer{KeepAlive: r.cfg.Fence.Lease}
	if !secure {
		return plain.DialContext(ctx, "tcp", address)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if r.cfg.TLS != nil {
		config = r.cfg.TLS.Clone()
	}
	config.NextProtos = []string{"http/1.1"} // only this can be upgraded
	return (&tls.Dialer{NetDialer: plain, Config: config}).DialContext(ctx, "tcp", address)
}

func (r *Remote) ask(ctx context.Context, conn net.Conn, read *bufio.Reader) error {
	to := r.cfg.Cloud.JoinPath(TunnelPath)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return err
	}
	q.Header = http.Header{
		"Authorization": {"Bearer " + string(r.cfg.Key)}, "Connection": {"Upgrade"}, "Upgrade": {Upgrade}, "User-Agent": {"grove-bridge/" + r.cfg.Version},
	}
	if err := q.Write(conn); err != nil {
		return err
	}
	answer, err := http.ReadResponse(read, q)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return refusal(answer)
	}
	return nil
}

// refusal is why the cloud does not take this bridge.
func refusal(answer *http.Response) error {
	var said struct {
		Message string
		Error   string
		Details struct{ Reason, Cause string }
	}
	_ = json.NewDecoder(io.LimitReader(answer.Body, maxTrouble)).Decode(&said)
	words := plainText(cmp.Or(said.Details.Reason, said.Error, said.Message, answer.Status), maxSaid)
	code := grove.Unavailable
	if said.Details.Cause == grove.ReasonAccountLocked {
		return grove.Errorf(code, "bridge_refused", "the cloud does not take this bridge for now: %s", words)
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		code = grove.Forbidden
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusOK:
		return grove.Errorf(grove.Invalid, "no_cloud", "what answers at --cloud takes no bridges (%s); check the address, and that nothing on the way removes the Upgrade header", words)
	}
	return grove.Errorf(code, "bridge_refused", "the cloud does not take this bridge: %s", words)
}

// ahead is a connection of which a little was read already.
type ahead struct {
	net.Conn

	read *bufio.Reader
}

// Read gives that first.
func (a *ahead) Read(p []byte) (int, error) { return a.read.Read(p) }

// wayOut is what to do when the cloud ends the connection for good.
var wayOut = map[string]error{
	ReasonReplaced: replaced("this bridge"),
	ReasonRevoked:  grove.Errorf(grove.Forbidden, ReasonRevoked, "the key of this bridge was revoked; make another with: grove bridges add NAME"),
}

// errDeaf ends a visit in which the cloud proves nothing any more.
var errDeaf = errors.New("nothing is heard of the cloud")
