package broker

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/grovecloud/grove/internal/limit"
)

func paced(rate, burst int) limit.Flow {
	f := limit.Reports()
	f.PerSecond, f.Burst = rate, burst
	return f
}

func TestAFloodOfReportsIsSlowedAndNothingElse(t *testing.T) {
	t.Parallel()
	const burst, more, rate = 20, 40, 50
	r := start(t, func(c *Config) { c.Limits.Flow = paced(rate, burst) })
	flooder, neighbour := r.join(t, connect{user: "A1"}), r.join(t, connect{user: "B1"})
	of := func(serial string) (payloads []string) {
		for _, o := range r.reports {
			if o.serial == serial {
				payloads = append(payloads, o.payload)
			}
		}
		return payloads
	}
	began := time.Now()
	go func() {
		for n := range burst + more {
			flooder.publish(reportA1, strconv.Itoa(n))
		}
	}()
	r.until(t, "the burst is through", func() bool { return len(of("A1")) >= burst })
	for n := range uint16(5) {
		neighbour.send(publishing("device/B1/report", "b", 1, n+1))
		neighbour.expect(packets.Puback)
	}
	r.mu.Lock()
	if n := len(of("A1")); n == burst+more {
		t.Error("the flood was as fast as the neighbour")
	}
	r.mu.Unlock()
	r.until(t, "all are through", func() bool { return len(of("A1")) == burst+more })
	if took, least := time.Since(began), more*time.Second/rate; took < least {
		t.Errorf("%d reports came through in %s, want at least %s", burst+more, took, least)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, payload := range of("A1") {
		if payload != strconv.Itoa(n) {
			t.Fatalf("report %d is %s", n, payload)
		}
	}
	// One that is sent late itself, on a busy machine, need not wait.
	if n := r.metric(t, "messages_slowed_total", ""); n < more/2 || n > more {
		t.Errorf("%v reports were slowed, want about %d", n, more)
	}
}

func TestAFloodOfBytesIsSlowedToo(t *testing.T) {
	t.Parallel()
	const burst, more, size = 4, 4, 64 << 10
	r := start(t, func(c *Config) {
		c.Limits.Flow = limit.Reports()
		c.Limits.Flow.BytesPerSecond, c.Limits.Flow.BytesBurst = 4*size, burst*size
	})
	w := r.join(t, connect{user: "A1"})
	began := time.Now()
	go func() {
		for range burst + more {
			w.publish(reportA1, `{"x":"`+strings.Repeat("x", size)+`"}`)
		}
	}()
	r.until(t, "all are through", func() bool { return len(r.reports) == burst+more })
	if took, least := time.Since(began), more*time.Second/4; took < least/2 {
		t.Errorf("%d reports of %d bytes came through in %s, want about %s", burst+more, size, took, least)
	}
}

func TestConnectingAgainMakesNoPrinterFaster(t *testing.T) {
	t.Parallel()
	const burst, rate = 10, 20
	r := start(t, func(c *Config) { c.Limits.Flow = paced(rate, burst) })
	began := time.Now()
	for range 2 {
		w := r.join(t, connect{user: "A1"})
		for range burst {
			w.publish(reportA1, "{}")
		}
		w.ping()
		w.conn.Close()
	}
	r.until(t, "all are through", func() bool { return len(r.reports) == 2*burst })
	if took, least := time.Since(began), burst*time.Second/rate; took < least/2 {
		t.Errorf("%d reports came through in %s, want about %s", 2*burst, took, least)
	}
}

func TestAPaceIsKeptAndForgotten(t *testing.T) {
	t.Parallel()
	now := time.Now()
	p := newPaces(Limits{Flow: paced(50, 200)})
	busy := p.get("busy", now)
	for n := range 200 {
		if wait := busy.Take(now, 1); wait > 0 {
			t.Fatalf("message %d waits %s", n+1, wait)
		}
	}
	if wait := busy.Take(now, 1); wait != 20*time.Millisecond {
		t.Errorf("message 201 waits %s", wait)
	}
	if wait := busy.Take(now.Add(time.Second), 1); wait > 0 {
		t.Errorf("a second later a message waits %s", wait)
	}
	for i := range 3 * manyPaces {
		p.get(strconv.Itoa(i), now)
	}
	if len(p.of) > manyPaces+1 {
		t.Errorf("%d paces are kept", len(p.of))
	}
	if p.get("busy", now) != busy {
		t.Error("the busy printer's pace was forgotten")
	}
}
