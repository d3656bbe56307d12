package fleet

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	reports, badReports, commands, refused, turnErrors prometheus.Counter
	online                                             prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "grove", Subsystem: "fleet", Name: name, Help: help})
	}
	m := metrics{
		reports:    counter("reports_total", "Reports merged."),
		badReports: counter("bad_reports_total", "Reports that could not be read."),
		commands:   counter("commands_total", "Commands written to printers."),
		refused:    counter("refused_commands_total", "Commands refused."),
		turnErrors: counter("turn_errors_total", "Turns that could not be stored."),
		online: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "grove", Subsystem: "fleet", Name: "connected_printers", Help: "Printers with a live link.",
		}),
	}
	r.MustRegister(m.reports, m.badReports, m.commands, m.refused, m.turnErrors, m.online)
	return m
}
