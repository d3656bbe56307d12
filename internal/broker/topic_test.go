package broker

import (
	"strings"
	"testing"

	"github.com/grovecloud/grove/internal/limit"
)

func FuzzTopic(f *testing.F) {
	for _, s := range []string{reportA1, requestA1, "printer/A1/command", "#", "device/#", "device/+/report", "$SYS/x", "device//report", "device/a/b/report", "$share/g/#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		for _, read := range []func(string) (string, bool){reported, requested, func(s string) (string, bool) {
			serial, all, ok := watched(s)
			return serial, ok && !all
		}} {
			serial, ok := read(topic)
			if !ok {
				continue
			}
			if serial == "" || strings.ContainsAny(serial, "/+#\x00") || strings.Count(topic, "/") != 2 || !strings.Contains(topic, "/"+serial+"/") {
				t.Errorf("%q was taken for printer %q", topic, serial)
			}
		}
	})
}

func TestDecidingAboutATopicAllocatesNothing(t *testing.T) {
	r := start(t, nil)
	payload := []byte("{}")
	if n := testing.AllocsPerRun(100, func() {
		watched(reportA1)
		requested("printer/A1/command")
		r.broker.Tell("A1", payload)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkReport(b *testing.B) {
	r := start(b, func(c *Config) {
		c.Limits.Flow = limit.Flow{PerSecond: 1 << 30, Burst: 1, BytesPerSecond: 1 << 30, BytesBurst: 1 << 30}
	})
	seen := make(chan struct{}, 1)
	count := 0
	r.observe = func(_ string, payload []byte) []byte {
		if count++; count == b.N {
			seen <- struct{}{}
		}
		return payload
	}
	printer := r.join(b, connect{user: "A1"})
	packet := printer.encoded(publishing(reportA1, strings.Repeat("x", 2048), 0, 0))
	b.SetBytes(int64(len(packet)))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := printer.conn.Write(packet); err != nil {
			b.Fatal(err)
		}
	}
	<-seen
}
