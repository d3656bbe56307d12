package broker

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what goes through the broker. No printer or user is a label.
type metrics struct {
	connections *prometheus.GaugeVec   // by kind of actor
	in          *prometheus.CounterVec // published, by kind of actor
	out         *prometheus.CounterVec // handed to a connection, by kind of actor
	dropped     *prometheus.CounterVec // not delivered or not taken, by reason
	refused     *prometheus.CounterVec // connections not let in, by reason
	cut         *prometheus.CounterVec // connections ended by us, by reason
	slowed      prometheus.Counter     // messages of printers that were too fast
	handshakes  prometheus.Counter     // TLS handshakes that failed
	stumbles    prometheus.Counter     // errors of the listener
	panics      prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "grove", Subsystem: "broker", Name: name, Help: help}, []string{label})
	}
	one := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "grove", Subsystem: "broker", Name: name, Help: help})
	}
	m := &metrics{
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "grove", Subsystem: "broker", Name: "connections", Help: "MQTT connections that have signed in.",
		}, []string{"kind"}),
		in:         vec("messages_in_total", "Messages published by clients.", "kind"),
		out:        vec("messages_out_total", "Messages handed to connections.", "kind"),
		dropped:    vec("messages_dropped_total", "Messages that were not delivered or not taken.", "reason"),
		refused:    vec("connects_refused_total", "Connections that were not let in.", "reason"),
		cut:        vec("connections_cut_total", "Connections that the server ended.", "reason"),
		slowed:     one("messages_slowed_total", "Messages of printers that came too fast and were looked at later."),
		handshakes: one("handshake_failures_total", "TLS handshakes that failed."),
		stumbles:   one("accept_errors_total", "Errors of the listener while accepting connections."),
		panics:     one("panics_total", "Connections ended by a bug."),
	}
	var err error
	for _, c := range []prometheus.Collector{m.connections, m.in, m.out, m.dropped, m.refused, m.cut, m.slowed, m.handshakes, m.stumbles, m.panics} {
		err = errors.Join(err, r.Register(c))
	}
	if err != nil {
		return nil, fmt.Errorf("register broker metrics: %w", err)
	}
	return m, nil
}
