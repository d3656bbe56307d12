package broker

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/grovecloud/grove"
)

func TestTheSameClientIDTakesOverFromTheSamePrincipalOnly(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	first := r.join(t, connect{user: "u_1", id: "tgo", version: 5})
	others := []*wire{
		r.join(t, connect{user: "u_2", id: "tgo"}),
		r.join(t, connect{user: "bblp@A1", id: "tgo"}),
		r.join(t, connect{user: "bblp@A2", id: "tgo"}),
		r.join(t, connect{user: "A1", id: "tgo"}),
		r.join(t, connect{user: "u_1", id: "other"}),
		r.join(t, connect{user: "u_1"}),
		r.join(t, connect{user: "u_1"}),
	}
	first.ping()
	second := r.join(t, connect{user: "u_1", id: "tgo"})
	if pk, ok := first.closed(); !ok || pk.ReasonCode != packets.ErrSessionTakenOver.Code {
		t.Errorf("the first was told %#x", pk.ReasonCode)
	}
	for _, w := range append(others, second) {
		w.ping()
	}
}

func TestANamelessClientIsGivenAName(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	ack := r.dial(t, clientTLS("")).connect(connect{user: "u_1", version: 5})
	if ack.Properties.AssignedClientID == "" {
		t.Error("no client id was assigned")
	}
}

func TestTheNewerConnectionAlwaysHears(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for i := range 400 {
		w := r.join(t, connect{user: "u_1", id: "same", version: 4 + byte(i%2)})
		w.subscribe(0, reportA1)
		r.broker.Tell("A1", []byte(strconv.Itoa(i)))
		w.hears(reportA1, strconv.Itoa(i))
	}
	r.until(t, "one is left", func() bool { return r.metric(t, "connections", "user") == 1 })
	if n := r.broker.engine.Clients.Len(); n != 1 {
		t.Errorf("the engine keeps %d clients", n)
	}
}

func TestAPrinterThatReconnectsIsAlwaysReached(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for i := range 400 {
		w := r.join(t, connect{user: "A1", id: "A1"})
		w.subscribe(0, requestA1)
		command := strconv.Itoa(i)
		if err := r.link(t).Send([]byte(command), soon(), func() {}); err != nil {
			t.Fatal(err)
		}
		w.hears(requestA1, command)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.trail) != 799 {
		t.Errorf("%d attachments and detachments", len(r.trail))
	}
	for i, step := range r.trail {
		if (step[0] == '+') != (i%2 == 0) {
			t.Fatalf("%s is step %d of the trail", step, i)
		}
	}
}

func TestManyAtOnceUnderOneName(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	const crowd = 20
	wires := make(chan *wire, crowd)
	for range crowd {
		go func() {
			w := r.dial(t, clientTLS(""))
			w.send(w.hello(connect{user: "A1"}))
			wires <- w
		}()
	}
	alive := 0
	for range crowd {
		w := <-wires
		defer w.conn.Close()
	}
	r.until(t, "all knocked", func() bool { return len(r.knocks) == crowd })
	r.until(t, "one is left", func() bool { alive = int(r.metric(t, "connections", "")); return alive == 1 })
}

func TestCutEndsThoseThatMatch(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	users := []*wire{r.join(t, connect{user: "u_1", id: "a", version: 5}), r.join(t, connect{user: "u_1", id: "b"})}
	other := r.join(t, connect{user: "u_2"})
	for _, w := range users {
		w.subscribe(0, "#")
	}
	began := time.Now()
	r.broker.Cut(func(a grove.Actor) bool { return a.UserID == 1 })
	if pk, ok := users[0].closed(); !ok || pk.ReasonCode != packets.ErrAdministrativeAction.Code {
		t.Errorf("MQTT 5 was told %#x", pk.ReasonCode)
	}
	users[1].closed()
	if took := time.Since(began); took > time.Second {
		t.Errorf("cut after %v", took)
	}
	other.ping()
}

func TestCutDoesNotWaitForARequest(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	release := make(chan struct{})
	r.request = func(context.Context, asked) { <-release }
	w := r.join(t, connect{user: "u_1"})
	w.send(publishing(requestA1, "slow", 0, 0), publishing(requestA1, "never", 0, 0))
	r.until(t, "the request is asked", func() bool { return len(r.requests) == 1 })
	began := time.Now()
	r.broker.Cut(func(a grove.Actor) bool { return a.UserID == 1 })
	w.closed()
	if took := time.Since(began); took > time.Second {
		t.Errorf("cut after %v", took)
	}
	close(release)
	r.untilMetric(t, "connections", "", 0)
	if got := r.asked(); len(got) != 1 {
		t.Errorf("%q were taken after the cut", got[1:])
	}
}

func TestCutDoesNotWaitForAStuckReader(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.Drops = 1 << 20 })
	stuck := r.join(t, connect{user: "u_1"})
	stuck.subscribe(0, reportA1)
	report := payloadOf(500 << 10)
	for r.metric(t, "messages_dropped_total", "slow") < 20 {
		r.broker.Tell("A1", report)
	}
	began := time.Now()
	r.broker.Cut(func(grove.Actor) bool { return true })
	r.untilMetric(t, "connections", "", 0)
	if took := time.Since(began); took > time.Second {
		t.Errorf("cut after %v", took)
	}
}

func TestCutReachesThoseWhoAreJustEntering(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	inside, release := make(chan struct{}), make(chan struct{})
	r.enter = func(Knock) error {
		close(inside)
		<-release
		return nil
	}
	w := r.dial(t, clientTLS(""))
	w.send(w.hello(connect{user: "u_1"}))
	<-inside
	r.broker.Cut(func(a grove.Actor) bool { return a.UserID == 1 })
	close(release)
	if ack := w.expect(packets.Connack); ack.ReasonCode == 0 {
		t.Error("it was let in")
	}
	w.closed()
	r.untilMetric(t, "connections", "", 0)
}

func TestKeepaliveIsSettled(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for _, c := range []struct {
		user        string
		asked, want uint16
	}{
		{"u_1", 0, 120},
		{"u_1", 5, 0},
		{"u_1", 3600, 0},
		{"u_1", 65535, 3600},
		{"A1", 0, 60},
		{"A1", 5, 0},
		{"A1", 60, 0},
		{"A1", 61, 60},
		{"A1", 65535, 60},
	} {
		ack := r.dial(t, clientTLS("")).connect(connect{user: c.user, version: 5, change: func(pk *packets.Packet) { pk.Connect.Keepalive = c.asked }})
		if ack.Properties.ServerKeepAlive != c.want || ack.Properties.ServerKeepAliveFlag != (c.want != 0) {
			t.Errorf("%s asked for %d s, was told %d", c.user, c.asked, ack.Properties.ServerKeepAlive)
		}
		p := ack.Properties
		if p.MaximumPacketSize != 256<<10 || !p.RetainAvailableFlag || p.RetainAvailable != 0 || !p.SharedSubAvailableFlag || p.SharedSubAvailable != 0 {
			t.Errorf("was told %+v", p)
		}
	}
}

func TestASilentClientIsCutAfterThreeTimesItsKeepalive(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.Keepalive = 600 * time.Millisecond })
	began := time.Now()
	none := func(pk *packets.Packet) { pk.Connect.Keepalive = 0 }
	user, printer := r.join(t, connect{user: "u_1", change: none}), r.join(t, connect{user: "A1", change: none})
	printer.subscribe(0, requestA1)
	long := r.join(t, connect{user: "u_2", keepalive: 65535})
	printer.closed()
	if took := time.Since(began); took < 800*time.Millisecond {
		t.Errorf("the printer was cut after %v", took)
	}
	user.closed()
	if took := time.Since(began); took < 1700*time.Millisecond {
		t.Errorf("the user was cut after %v", took)
	}
	r.wantTrail(t, "+A1", "-A1 keepalive_timeout")
	long.ping()
}

func TestAPrinterThatIsGoneIsKnownToBe(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for _, c := range []struct {
		user    string
		version byte
		asked   uint16
		want    time.Duration
	}{
		{"A1", 5, 65535, 90 * time.Second},
		{"A1", 5, 20, 30 * time.Second},
		{"A1", 4, 120, 3 * time.Minute}, // it pings every two
		{"A1", 4, 65535, 450 * time.Second},
		{"A1", 4, 0, 3 * time.Minute},
		{"u_1", 4, 65535, 3 * time.Hour},
	} {
		w := r.join(t, connect{user: c.user, version: c.version, change: func(pk *packets.Packet) { pk.Connect.Keepalive = c.asked }})
		w.ping() // so that it is settled
		for _, s := range r.broker.roll.present(func(grove.Actor) bool { return true }) {
			if s.patience != c.want {
				t.Errorf("%s asked for %d s under MQTT %d: counts as gone after %s, want %s", c.user, c.asked, c.version, s.patience, c.want)
			}
		}
		w.conn.Close()
		r.untilMetric(t, "connections", "", 0)
	}
}

func TestASessionIsNeverKept(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	keep := func(pk *packets.Packet) {
		pk.Connect.Clean, pk.Connect.Keepalive = false, 60
		pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = 3600, true
	}
	for _, version := range []byte{4, 5} {
		w := r.join(t, connect{user: "u_1", id: "kept", version: version, change: keep})
		w.subscribe(1, reportA1)
		w.conn.Close()
		r.untilMetric(t, "connections", "", 0)
		r.broker.Tell("A1", []byte("missed"))
		w = r.dial(t, clientTLS(""))
		ack := w.connect(connect{user: "u_1", id: "kept", version: version, change: keep})
		if ack.SessionPresent || ack.Properties.SessionExpiryInterval != 0 || ack.Properties.SessionExpiryIntervalFlag != (version == 5) {
			t.Errorf("MQTT %d: %+v", version, ack)
		}
		r.broker.Tell("A1", []byte("not subscribed"))
		w.hearsNothing()
		w.conn.Close()
		r.untilMetric(t, "connections", "", 0)
		if n := r.broker.engine.Clients.Len(); n != 0 {
			t.Errorf("the engine keeps %d clients", n)
		}
	}
}

func TestPrincipalsAreToldApart(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, a := range []grove.Actor{
		{Kind: grove.ActorUser, UserID: 1},
		{Kind: grove.ActorUser, UserID: 11},
		{Kind: grove.ActorPrinter, Serial: "1"},
		{Kind: grove.ActorCode, Serial: "1"},
	} {
		for _, id := range []string{"", "1", "1/1", "#1"} {
			if a.Kind == grove.ActorPrinter && id != "" {
				continue
			}
			name := nameOf(a, "7", id)
			if seen[name] {
				t.Errorf("%q twice", name)
			}
			seen[name] = true
		}
	}
}
