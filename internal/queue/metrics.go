package queue

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	submitted, starts, unknown, carried, uncarried prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "grove", Subsystem: "queue", Name: name, Help: help})
	}
	m := metrics{
		submitted: counter("submitted_jobs_total", "Jobs made."),
		starts:    counter("starts_total", "Start commands written."),
		unknown:   counter("unknown_starts_total", "Starts whose fate became unknown."),
		carried:   counter("carried_files_total", "Files brought to printers."),
		uncarried: counter("uncarried_files_total", "Files that could not be brought to their printers."),
	}
	r.MustRegister(m.submitted, m.starts, m.unknown, m.carried, m.uncarried)
	return m
}
