package bridge

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what goes over the links. No printer is a label.
type metrics struct {
	links   prometheus.Gauge
	tunnels prometheus.Gauge
	in, out prometheus.Counter
	dropped *prometheus.CounterVec // messages, by reason
	failed  *prometheus.CounterVec // connections that were not made or broke, by reason
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "grove", Subsystem: "bridge", Name: name, Help: help}
	}
	m := &metrics{
		links:   prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "grove", Subsystem: "bridge", Name: "links", Help: "Printers that are connected over their network."}),
		tunnels: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "grove", Subsystem: "bridge", Name: "tunnels", Help: "Bridges of other networks that are connected."}),
		in:      prometheus.NewCounter(opts("messages_in_total", "Messages of printers.")),
		out:     prometheus.NewCounter(opts("messages_out_total", "Messages sent to printers.")),
		dropped: prometheus.NewCounterVec(opts("messages_dropped_total", "Messages of printers that were not taken."), []string{"reason"}),
		failed:  prometheus.NewCounterVec(opts("connects_failed_total", "Connections that were not made, or broke."), []string{"reason"}),
	}
	var err error
	for _, c := range []prometheus.Collector{m.links, m.tunnels, m.in, m.out, m.dropped, m.failed} {
		err = errors.Join(err, r.Register(c))
	}
	return m, err
}
