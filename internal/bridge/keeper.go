package bridge

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/tcp"
)

// line keeps one printer connected. Its goroutine is the only one that makes its
// connections, but for a test, which holds the line meanwhile.
type line struct {
	serial string
	turn   chan struct{} // holds whoever may connect

	mu     sync.Mutex
	lan    grove.LAN
	code   grove.Secret
	drive  *Drive             // outlives connections: a printer bears one session with its files
	held   int                // tests that wait for the turn or have it
	cancel context.CancelFunc // ends the present connection; nil without
	up     bool
	kick   chan struct{} // connect now
}

// Changed says that a printer was added, changed or removed, or that somebody looked
// after it: it is connected at once, anew, or no more.
func (b *Bridge) Changed(serial string) {
	b.mu.Lock()
	b.changed[serial] = true
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Run keeps all printers connected until ctx ends.
func (b *Bridge) Run(ctx context.Context) error {
	var lines sync.WaitGroup
	defer lines.Wait()
	for i, serial := range b.cfg.Places.LANs() {
		b.follow(ctx, &lines, serial, time.Duration(i)*b.cfg.Stagger)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.wake:
		}
		b.mu.Lock()
		changed := b.changed
		b.changed = map[string]bool{}
		b.mu.Unlock()
		for serial := range changed {
			b.follow(ctx, &lines, serial, 0)
		}
	}
}

// follow brings the line of a printer to what is wanted of it.
func (b *Bridge) follow(ctx context.Context, lines *sync.WaitGroup, serial string, after time.Duration) {
	lan, code, ok := b.target(serial)
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.lines[serial]
	switch {
	case l != nil:
		l.retarget(lan, code)
	case ok:
		l = &line{serial: serial, lan: lan, code: code, turn: make(chan struct{}, 1), kick: make(chan struct{}, 1)}
		b.lines[serial] = l
		lines.Go(func() { b.keep(ctx, l, after) })
	}
}

// target is where a printer is to be connected. One in quarantine is not.
func (b *Bridge) target(serial string) (grove.LAN, grove.Secret, bool) {
	lan, code, ok := b.cfg.Places.LAN(serial)
	if !ok || lan.Quarantined() {
		return grove.LAN{}, "", false
	}
	return lan.Complete(), code, true
}

// retarget gives the line another target, none when it is empty.
func (l *line) retarget(lan grove.LAN, code grove.Secret) {
	l.mu.Lock()
	same := l.lan == lan && l.code == code
	l.lan, l.code = lan, code
	if !same && l.cancel != nil {
		l.cancel()
	}
	l.mu.Unlock()
	l.now()
}

// now lets the line connect without a pause.
func (l *line) now() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// keep connects a printer again and again, until it is wanted no more.
func (b *Bridge) keep(ctx context.Context, l *line, after time.Duration) {
	pause, told := b.cfg.Retry, ""
	l.wait(ctx, after)
	for ctx.Err() == nil && !b.dismiss(l) {
		began := time.Now()
		err := b.connect(ctx, l)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > b.cfg.LongestRetry { // it was up, or took its time
			pause, told = b.cfg.Retry, ""
		}
		next := pause
		if err != nil {
			t := troubleOf(err)
			b.metrics.failed.WithLabelValues(t.reason).Inc()
			if t.reason != told { // the tenth failure in a row is no news
				told = t.reason
				b.cfg.Log.Warn("printer not connected", slog.String("printer", l.serial), slog.String("reason", t.reason), slog.Any("error", t))
			}
			b.cfg.Places.Troubled(l.serial, t.told())
			if t.reason == reasonRefused {
				next = b.cfg.RefusedRetry
			}
		}
		pause = min(2*pause, b.cfg.LongestRetry)
		// Half fixed, half random: printers cut off together do not come back together.
		if l.wait(ctx, next/2+rand.N(next/2+1)) { //nolint:gosec // jitter
			pause, told = b.cfg.Retry, ""
		}
	}
}

// wait waits for so long, or until somebody kicks.
func (l *line) wait(ctx context.Context, pause time.Duration) (kicked bool) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-l.kick:
		return true
	}
	return false
}

// dismiss ends a line that has no target any more. Nobody gives it a new one
// meanwhile, since that takes the same lock.
func (b *Bridge) dismiss(l *line) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lan.Host != "" {
		return false
	}
	delete(b.lines, l.serial)
	return true
}

var errHeld = errors.New("a test has the printer")

// begin is the target for a connection that ends with the context it gives.
func (l *line) begin(ctx context.Context) (context.Context, grove.LAN, grove.Secret, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held > 0 || l.lan.Host == "" {
		return nil, grove.LAN{}, "", errHeld
	}
	ctx, l.cancel = context.WithCancel(ctx)
	return ctx, l.lan, l.code, nil
}

// pinned remembers the key by which a printer that had none is known from now on.
func (l *line) pinned(lan grove.LAN, pin string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lan == lan {
		l.lan.Pin = pin
	}
}

func (l *line) ended() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel()
	l.cancel, l.up = nil, false
}

// connect holds one connection from dialling to its end. It is nil when the end was
// our own wish.
func (b *Bridge) connect(outer context.Context, l *line) error {
	select {
	case l.turn <- struct{}{}:
	case <-outer.Done():
		return nil
	}
	defer func() { <-l.turn }()
	ctx, lan, code, err := l.begin(outer)
	if err != nil {
		return nil
	}
	defer l.ended()
	w, pin, err := b.reach(ctx, lan, code)
	if err == nil {
		l.pinned(lan, pin)
		err = b.carry(ctx, l, lan, w)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// reach makes a connection to a printer and signs in.
func (b *Bridge) reach(ctx context.Context, lan grove.LAN, code grove.Secret) (w *wire, pin string, err error) {
	conn, pin, err := b.knock(ctx, lan, lan.MQTTS)
	if err != nil {
		return nil, "", err
	}
	if err := tcp.GiveUp(conn.NetConn(), maxAge); err != nil {
		b.cfg.Log.Warn("commands may reach a printer late", slog.String("printer", lan.Serial), slog.Any("error", err))
	}
	w = b.newWire(conn, lan.Serial)
	err = w.enter(ctx, code)
	if err == nil && lan.Pin == "" {
		err = b.cfg.Places.Pinned(ctx, lan, pin)
	}
	if err != nil {
		_ = conn.NetConn().Close()
		return nil, "", err
	}
	return w, pin, nil
}

// carry attaches a connection and carries messages until it ends.
func (b *Bridge) carry(ctx context.Context, l *line, lan grove.LAN, w *wire) error {
	b.metrics.links.Inc()
	defer b.metrics.links.Dec()
	detach := b.cfg.Printers.Attach(l.serial, stocked{w, b.drive(l), b.lens(l), b.mayStart(lan.Bridge)})
	l.mu.Lock()
	l.up = true
	l.mu.Unlock()
	b.cfg.Log.Info("printer connected", slog.String("printer", l.serial))
	err := w.run(ctx, func(payload []byte) bool {
		seen := b.cfg.Printers.Observe(l.serial, payload)
		if seen != nil {
			b.cfg.Tell(l.serial, seen)
		}
		return seen != nil
	})
	detach(err.Error())
	return err
}

// stocked is a printer's connection with its storage and its camera beside it.
type stocked struct {
	*wire
	*Drive
	lens

	mayStart func() error
}

// MayStart refuses a print that could begin late.
func (s stocked) MayStart() error { return s.mayStart() }

// drive is the storage of a line's printer.
func (b *Bridge) drive(l *line) *Drive {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drive == nil || l.drive.LAN != l.lan || l.drive.Code != l.code {
		lan := l.lan
		l.drive = NewDrive(DriveConfig{
			LAN: l.lan, Code: l.code, Trust: b.trust(l.lan), Dial: b.to(l.lan), ClearData: b.cfg.ClearFiles, Log: b.cfg.Log,
			Stranger: func(pin string) {
				if err := b.cfg.Places.Stranger(context.Background(), lan, pin); err != nil {
					b.cfg.Log.Error("quarantine not stored", slog.String("printer", lan.Serial), slog.Any("error", err))
				}
			},
		})
	}
	return l.drive
}

// hold ends a printer's connection and keeps its line from making another, until
// release. Who only said at an address to be that printer, and was not asked for by
// name, ends no connection to another address.
func (b *Bridge) hold(ctx context.Context, at grove.LAN, named bool) (release func(), err error) {
	b.mu.Lock()
	l := b.lines[at.Serial]
	b.mu.Unlock()
	if l == nil {
		return func() {}, nil
	}
	l.mu.Lock()
	if !named && (l.lan.Host != at.Host || l.lan.Bridge != at.Bridge || l.lan.MQTTS != at.MQTTS) {
		l.mu.Unlock()
		return func() {}, nil
	}
	l.held++
	if l.cancel != nil {
		l.cancel()
	}
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		l.held--
		l.mu.Unlock()
		l.now()
	}
	select {
	case l.turn <- struct{}{}:
		return func() { <-l.turn; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// connected reports whether a printer's line is up.
func (b *Bridge) connected(serial string) bool {
	b.mu.Lock()
	l := b.lines[serial]
	b.mu.Unlock()
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up
}
