package rest

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count answers by route, never by user or printer.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer) (metrics, error) {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grove_rest_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "grove_rest_request_seconds", Help: "Time from request to answer, by route.",
			Buckets: []float64{.0005, .001, .005, .01, .05, .1, .5, 1, 5, 15, 60},
		}, []string{"route"}),
	}
	return m, errors.Join(r.Register(m.requests), r.Register(m.seconds))
}

// observe counts one answer; route is empty when none matched.
func (m metrics) observe(route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}
