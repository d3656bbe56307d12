package bridge

import (
	"cmp"
	"context"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove"
)

// Link is what the rules hold of a connected printer. Send hands a message to the
// socket's writer or fails at once. No byte of it is written after until, nor 10 s
// from now; late is called, from another goroutine, when none was. Close ends the
// connection soon and never waits.
type Link interface {
	Send(payload []byte, until time.Time, late func()) error
	Close(reason string)
}

// Printers are told of links and of what comes over them.
type Printers interface {
	// Attach takes a printer's link; the function it gives ends that link.
	Attach(serial string, link Link) (detach func(reason string))
	// Observe takes a report and gives what those who watch should see, or nil.
	Observe(serial string, payload []byte) []byte
}

// Places knows where the printers stand.
type Places interface {
	LANs() []string
	LAN(serial string) (l grove.LAN, code grove.Secret, ok bool)
	// Pinned is told the key of a printer that had none yet, Stranger the wrong key
	// of one that had, each with the place that was dialled as LAN gave it: what was
	// learned of another place, key or owner than it has by now does not count. Troubled is told why there is no link.
	Pinned(ctx context.Context, at grove.LAN, pin string) error
	Stranger(ctx context.Context, at grove.LAN, pin string) error
	Troubled(serial string, why error)
	// Sight is how a printer's camera is read.
	Sight(serial string) grove.Sight
}

// Config is what a bridge needs. Zero times mean the defaults.
type Config struct {
	Printers Printers
	Places   Places
	// Tell publishes a report to whoever watches a printer; it must not block.
	Tell func(serial string, payload []byte)
	// Networks are those, beside loopback, private and link-local ones, in which
	// printers may be.
	Networks []netip.Prefix
	Roots    *x509.CertPool // see Trust
	// ClearFiles is for printers that do not end encrypted transfers, see DriveConfig.
	ClearFiles bool
	// FFmpeg is the program that makes pictures of video, by name or path: ffmpeg.
	FFmpeg string
	Find   Find
	// Moved is told of each bridge that comes in or goes; it must not block.
	Moved    func(Arrival)
	Fence    Fence
	Log      *slog.Logger
	Registry prometheus.Registerer

	// Patience is how long a printer may take for each step of a connection: 10 s.
	Patience time.Duration
	// Ping is how often a sign of life is asked for: 20 s. A printer of which nothing
	// was heard for three times as long is gone.
	Ping time.Duration
	// Silence is how long a printer may report nothing while its connection stays up,
	// before that is made anew: 90 s. The fleet asks after 60 s.
	Silence time.Duration
	// Retry is the first pause before connecting again: 1 s, doubled up to 2 min. An
	// access code that was refused is tried again each 5 min only, since printers lock
	// out who tries more often (bambuddy).
	Retry, LongestRetry, RefusedRetry time.Duration
	// Stagger lies between two first connections after a start: 20 ms.
	Stagger time.Duration

	darkness time.Duration // how long a camera may send nothing
}

func (c Config) complete() Config {
	for at, usual := range map[*time.Duration]time.Duration{
		&c.Patience: 10 * time.Second, &c.Ping: 20 * time.Second, &c.Silence: 90 * time.Second,
		&c.Retry: time.Second, &c.LongestRetry: 2 * time.Minute, &c.RefusedRetry: 5 * time.Minute, &c.Stagger: 20 * time.Millisecond, &c.darkness: darkness,
	} {
		*at = cmp.Or(*at, usual)
	}
	c.FFmpeg = cmp.Or(c.FFmpeg, "ffmpeg")
	c.Find, c.Fence = c.Find.complete(), c.Fence.complete()
	if c.Moved == nil {
		c.Moved = func(Arrival) {}
	}
	return c
}

// Bridge holds the one connection to each printer of the networks of this machine,
// and to those of other networks whose bridges came in.
type Bridge struct {
	cfg     Config
	metrics *metrics
	only    []netip.Prefix // where printers may be at all; nil: see [Config]

	mu      sync.Mutex
	lines   map[string]*line
	changed map[string]bool
	wake    chan struct{}
	tunnels map[string]*tunnel // by the id of their bridge
}

// New makes a bridge. It connects to nothing before Run.
func New(c Config) (*Bridge, error) {
	m, err := newMetrics(c.Registry)
	return &Bridge{cfg: c.complete(), metrics: m, lines: map[string]*line{}, changed: map[string]bool{}, wake: make(chan struct{}, 1), tunnels: map[string]*tunnel{}}, err
}

func (b *Bridge) trust(l grove.LAN) Trust {
	return Trust{Serial: l.Serial, Pin: l.Pin, Roots: b.cfg.Roots}
}
