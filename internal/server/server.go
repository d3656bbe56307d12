package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/blob"
	"github.com/grovecloud/grove/internal/bridge"
	"github.com/grovecloud/grove/internal/broker"
	"github.com/grovecloud/grove/internal/feed"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/limit"
	"github.com/grovecloud/grove/internal/post"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/webhook"
)

// Server is one running cloud.
type Server struct {
	cfg      Config
	log      *slog.Logger
	registry *prometheus.Registry
	closers  []func() error

	dir     *directory
	ca      *authority
	certs   certificates
	db      *store.DB
	mail    *post.Mail // nil without
	access  *access.Access
	limiter *limit.Limiter
	library *library.Library
	fleet   *fleet.Fleet
	queue   *queue.Queue
	hooks   *webhook.Hooks
	feed    *feed.Feed
	broker  *broker.Broker
	bridge  *bridge.Bridge

	web     *http.Server
	webAt   net.Listener
	mqttAt  net.Listener
	toys    *toys
	seen    cameras
	ready   atomic.Bool
	started time.Time
	// private: nobody on another machine sees the pages, not even through a proxy.
	private bool

	// aroundQueue lets the tests of this package put themselves between the
	// queue and what it relies on, to stop the process at each step of a start.
	aroundQueue func(*queue.Config)
}

// New opens everything in order (directory, store, blobs, rules, edges) and
// listens, so that the addresses are known before Run. What fails says what to do.
func New(ctx context.Context, cfg Config) (*Server, error) {
	return open(ctx, cfg, nil)
}

func open(ctx context.Context, cfg Config, around func(*queue.Config)) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.Log, registry: prometheus.NewRegistry(), aroundQueue: around, started: time.Now().UTC().Truncate(time.Second)}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, step := range []func(context.Context) error{s.openDir, s.listen, s.openCertificates, s.openStore, s.openRules, s.openEdges} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// later adds what is to be closed, in reverse, at the end.
func (s *Server) later(f func() error) { s.closers = append(s.closers, f) }

func (s *Server) close() error {
	var err error
	for _, c := range slices.Backward(s.closers) {
		err = errors.Join(err, c())
	}
	s.closers = nil
	return err
}

func (s *Server) openDir(context.Context) error {
	dir, err := openDirectory(s.cfg.Data, s.cfg.Demo)
	if err != nil {
		return err
	}
	s.dir = dir
	s.later(func() error { dir.close(); return nil })
	return nil
}

func (s *Server) listen(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			s.dir.unmake()
		}
	}()
	if s.webAt, err = s.listenOn(ctx, "--http", s.cfg.HTTP); err != nil {
		return err
	}
	if s.mqttAt, err = s.listenOn(ctx, "--mqtts", s.cfg.MQTTS); err != nil {
		return err
	}
	switch {
	case s.cfg.PublicURL != "":
	case len(s.cfg.ACME) > 0:
		s.cfg.PublicURL = "https://" + s.cfg.ACME[0] // where the CA proved it
	default:
		scheme := "http"
		if s.cfg.TLS {
			scheme = "https"
		}
		s.cfg.PublicURL = scheme + "://" + reachable(s.webAt.Addr())
		s.private = loopback(s.cfg.HTTP)
	}
	return nil
}

func (s *Server) listenOn(ctx context.Context, flag, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err == nil {
		s.later(func() error { _ = l.Close(); return nil })
		return l, nil
	}
	why := "can't be listened on; give another " + flag
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = "is taken by another program; stop that one or give another " + flag + ", for example " + flag + " 127.0.0.1:0 for a free port"
	case errors.Is(err, os.ErrPermission):
		why = "needs more rights than this user has; give another " + flag + " with a port above 1023"
	}
	return nil, &grove.Error{Code: grove.Unavailable, Reason: "no_listener", Err: err, Message: fmt.Sprintf("the address %s %s", address, why)}
}

func (s *Server) openStore(ctx context.Context) error {
	key, err := s.dir.masterKey()
	if err != nil {
		return err
	}
	s.db, err = store.Open(ctx, store.Config{
		Database: s.cfg.Database, Path: s.dir.file("grove.db"), MasterKey: key, OnCommit: s.committed, Audience: s.audience,
	})
	if err != nil {
		return err
	}
	s.later(s.db.Close)
	return nil
}

// committed is called after each transaction that stored events.
func (s *Server) committed(events []grove.Event) {
	if s.hooks != nil {
		s.hooks.Kick()
	}
	if s.feed != nil {
		s.feed.Committed(events)
	}
}

// audience is who sees the events of a printer beside its owner.
func (s *Server) audience(serial string, ownerID int64) []int64 {
	if s.access == nil {
		return nil
	}
	return s.access.Audience(serial, ownerID)
}

func (s *Server) openRules(ctx context.Context) (err error) {
	log := func(room string) *slog.Logger { return s.log.With(slog.String("component", room)) }
	rules, err := limit.Parse(s.cfg.Limits)
	if err != nil {
		return err
	}
	s.limiter = limit.New(rules)
	least := 0
	if s.cfg.Demo {
		least = len(demoPassword)
	}
	if err := s.openMail(log("mail")); err != nil {
		return err
	}
	s.access, err = access.New(ctx, access.Config{
		Mail: s.mailer(), Name: s.name(), PublicURL: s.cfg.PublicURL, Records: s.db, Codes: access.CodePolicy(s.cfg.AccessCodes), MinPassword: least, TokenLife: s.cfg.tokenLife, BridgeGrace: s.cfg.OfflineGrace, Registry: s.registry, Log: log("access"),
	})
	if err != nil {
		return err
	}
	s.fleet, err = fleet.New(ctx, fleet.Config{
		Records: s.db, Gate: s.access, Guesses: s.access, PINs: s.access, Tell: s.tell, Rebound: s.rebound, Clients: s.clients, Log: log("fleet"), Registry: s.registry, Grace: s.cfg.OfflineGrace, Silence: s.cfg.silence, IdleHeat: s.cfg.IdleHeat,
	})
	if err != nil {
		return err
	}
	if err := s.openLibrary(ctx, log("library")); err != nil {
		return err
	}
	s.openQueue(log("queue"))
	sender := post.New(post.Config{AllowLoopback: s.cfg.HookLoopback, AllowPrivate: s.cfg.HookPrivate})
	s.hooks = webhook.New(webhook.Config{Records: s.db, Poster: sender, Log: log("webhook"), Registry: s.registry})
	s.feed = feed.New(feed.Config{Records: s.db, Gate: s.access})
	return nil
}

func (s *Server) openLibrary(ctx context.Context, log *slog.Logger) error {
	disk, err := blob.OpenDisk(s.dir.file("files"))
	if err != nil {
		return err
	}
	key, err := s.db.Secret(ctx, "signed-links", newKey)
	if err != nil {
		return err
	}
	free := s.cfg.MinFree
	if free == 0 {
		free = -1 // asked for here, while the library takes zero for not asked
	}
	s.library = library.New(library.Config{
		Records: s.db, Blobs: disk, Key: key, PublicURL: s.cfg.PublicURL, MinFree: free, Quota: s.cfg.Quota, Log: log,
		Locked:    s.access.Locked,
		MayForget: func(ctx context.Context) error { return s.queue.MayForget(ctx) }, // the queue stands on the library
	})
	return nil
}

func (s *Server) openQueue(log *slog.Logger) {
	c := queue.Config{
		Records: s.db, Printers: printers{s.fleet}, Carriers: s.fleet, Files: s.library, Gate: s.access, Log: log, Registry: s.registry,
		Simulated: isToy,
	}
	if s.aroundQueue != nil {
		s.aroundQueue(&c)
	}
	s.queue = queue.New(c)
	s.fleet.Join(turns{s.queue}, s.queue)
}

// tell publishes a report to whoever watches a printer.
func (s *Server) tell(serial string, payload []byte) {
	if s.broker != nil {
		s.broker.Tell(serial, payload)
	}
}

// clients counts who watches a printer over MQTT.
func (s *Server) clients(serial string) grove.Clients {
	if s.broker == nil {
		return grove.Clients{}
	}
	return s.broker.Clients(serial)
}

// rebound cuts who came in by a printer's former secret or access code.
func (s *Server) rebound(serial string) {
	if s.broker != nil {
		s.broker.Cut(func(a grove.Actor) bool { return a.Serial == serial })
	}
}

// Run serves until ctx ends or a part fails, then stops everything in under ten
// seconds.
func (s *Server) Run(ctx context.Context) error {
	defer func() {
		if err := s.close(); err != nil {
			s.log.Error("not closed cleanly", slog.Any("error", err))
		}
	}()
	g, ctx := errgroup.WithContext(ctx)
	for name, loop := range map[string]func(context.Context) error{
		"broker": s.broker.Run, "bridge": s.bridge.Run, "fleet": s.fleet.Run, "queue": s.queue.Run, "webhooks": s.hooks.Run,
		"library": s.library.Run, "limits": s.limiter.Run, "web": s.serveWeb, "toys": s.toys.run,
		"prune":  s.runPrune,
		"access": s.access.Run, "mail": s.runMail,
		"certificates": func(ctx context.Context) error { return s.certs.run(ctx, s.cfg.Reload) },
	} {
		g.Go(func() error {
			if err := loop(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	s.ready.Store(true)
	err := g.Wait()
	s.ready.Store(false)
	return err
}

func (s *Server) serveWeb(ctx context.Context) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if s.web.Shutdown(end) != nil {
			_ = s.web.Close()
		}
	}()
	var err error
	if s.cfg.TLS {
		err = s.web.ServeTLS(s.webAt, "", "")
	} else {
		err = s.web.Serve(s.webAt)
	}
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return err
}
