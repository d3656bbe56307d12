package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/broker"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/limit"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/cloud"
	"github.com/grovecloud/grove/internal/rest/own"
	"github.com/grovecloud/grove/internal/sim"
	dashboard "github.com/grovecloud/grove/web"
)

func (s *Server) openEdges(ctx context.Context) (err error) {
	s.broker, err = broker.New(broker.Config{
		Listener: s.mqttAt, TLS: s.certs.tls(), Gate: door{s.access, s.fleet}, Printers: links{s.fleet, &s.seen},
		Limit: s.mayPublish, Urgent: urgent, Refuse: refuse,
		Log: s.log.With(slog.String("component", "broker")), Registry: s.registry,
	})
	if err != nil {
		return err
	}
	if err := s.openBridge(); err != nil {
		return err
	}
	s.access.OnEnd(s.fleet.EndFilms)
	s.access.OnEnd(func(bridge string) {
		if s.access.Barred(bridge) {
			s.bridge.PauseBridge(bridge)
			return
		}
		s.bridge.CutBridge(bridge)
	})
	s.access.OnEnd(func(session string) {
		s.broker.Cut(func(a grove.Actor) bool { return session != "" && a.SessionID == session })
	})
	s.toys = &toys{s: s, turn: make(chan []*sim.Printer), over: make(chan struct{})}
	if err := s.openWeb(); err != nil {
		return err
	}
	s.toys.load()
	if s.cfg.Demo {
		return s.openDemo(ctx)
	}
	s.toys.resume(ctx)
	return nil
}

func (s *Server) openWeb() error {
	trusted, err := proxies(s.cfg.Proxies)
	if err != nil {
		return err
	}
	router, err := rest.New(rest.Config{
		Access: s.access, Limits: s.limiter, Library: s.library, Repeats: s.db, Log: s.log.With(slog.String("component", "rest")),
		Registry: s.registry, Ready: s.isReady, Metrics: promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}),
		PublicURL: s.cfg.PublicURL, Proxies: trusted, Version: s.cfg.Version, Hints: s.hints(), Dashboard: dashboard.Files, Private: s.cfg.Demo,
	})
	if err != nil {
		return err
	}
	cloud.Mount(router, cloud.Rules{Access: s.access, Fleet: s.fleet, Queue: s.queue, Library: s.library, Feed: s.feed})
	own.Mount(router, own.Rules{
		Access: s.access, Fleet: s.fleet, Queue: s.queue, Library: s.library, Feed: s.feed, Hooks: s.hooks, Journal: s.db,
		Tunnels: tunnels{s.bridge}, Toys: s.toys, House: self{s},
	})
	s.web = &http.Server{
		Handler: router, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		TLSConfig: s.certs.https(), ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.web.RegisterOnShutdown(router.Stop)
	return nil
}

// isReady says why the server takes no requests, if so.
func (s *Server) isReady(ctx context.Context) error {
	if !s.ready.Load() {
		return errors.New("starting or stopping")
	}
	return s.db.Ping(ctx)
}

// door shows access and fleet to the broker.
type door struct {
	access *access.Access
	fleet  *fleet.Fleet
}

// Enter names the actor behind a knock.
func (d door) Enter(ctx context.Context, k broker.Knock) (grove.Actor, error) {
	actor, err := d.access.Enter(ctx, access.MQTTCredentials(k))
	if err == nil && actor.Kind == grove.ActorCode {
		d.fleet.CodeUsed(actor.Serial, access.Visit{Remote: k.Remote, Client: k.Client, Over: grove.OverMQTT}.Use(time.Now()))
	}
	return actor, err
}

// May is asked at every delivery.
func (d door) May(actor grove.Actor, action grove.Action, serial string) bool {
	return d.fleet.May(actor, action, serial)
}

// links shows the fleet to the broker.
type links struct {
	*fleet.Fleet
	cameras *cameras
}

// Attach takes a printer's link.
func (l links) Attach(serial string, link broker.Link) func(reason string) {
	return l.cameras.attach(l.Fleet, serial, link)
}

// mayPublish counts a client's message.
func (s *Server) mayPublish(actor grove.Actor) (ok bool, retry time.Duration) {
	d := s.limiter.Take(limit.MQTT, actor.String())
	return d.Allowed, d.RetryAfter
}

// urgent reports whether a message only stops or pauses: never limited.
func urgent(payload []byte) bool {
	requests, err := bambu.ParseRequests(payload)
	if err != nil {
		return false
	}
	for _, r := range requests {
		if !r.Urgent() {
			return false
		}
	}
	return len(requests) > 0
}

func refuse(payload []byte, reason string) []byte {
	requests, err := bambu.ParseRequests(payload)
	if err != nil {
		return nil
	}
	return bambu.Reply(requests[0], "fail", reason)
}
