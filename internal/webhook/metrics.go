package webhook

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what leaves and how it fares.
type metrics struct {
	attempts *prometheus.CounterVec
	seconds  prometheus.Histogram
	flying   prometheus.Gauge
}

// The outcomes of an attempt.
const (
	outcomeDelivered = "delivered"
	outcomeRetry     = "retry"
	outcomeFailed    = "failed"
)

func newMetrics(reg prometheus.Registerer) metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	m := metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grove_webhook_attempts_total",
			Help: "Requests to webhook endpoints, by outcome: delivered, retry (to be tried again), failed (given up).",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "grove_webhook_attempt_seconds",
			Help:    "How long a request to a webhook endpoint took.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 15},
		}),
		flying: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "grove_webhook_in_flight",
			Help: "Requests to webhook endpoints that are on their way.",
		}),
	}
	for _, c := range []prometheus.Collector{m.attempts, m.seconds, m.flying} {
		if err := reg.Register(c); err != nil {
			panic(fmt.Sprintf("webhook: register metrics: %v", err))
		}
	}
	return m
}
