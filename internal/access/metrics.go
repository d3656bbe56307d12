package access

import "github.com/prometheus/client_golang/prometheus"

// metrics counts who came in and who did not.
type metrics struct {
	logins  *prometheus.CounterVec
	entries *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (metrics, error) {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	m := metrics{
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grove_access_logins_total",
			Help: "Sign-ins by password, by outcome: ok, wrong, limited, error.",
		}, []string{"outcome"}),
		entries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grove_access_mqtt_entries_total",
			Help: "MQTT sign-ins by kind (user, code, printer) and outcome: ok, wrong, limited, refused, error.",
		}, []string{"kind", "outcome"}),
	}
	for _, c := range []prometheus.Collector{m.logins, m.entries} {
		if err := reg.Register(c); err != nil {
			return metrics{}, err
		}
	}
	return m, nil
}
