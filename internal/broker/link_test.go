package broker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/grovecloud/grove"
)

func (h *house) wantTrail(t *testing.T, want ...string) {
	t.Helper()
	h.until(t, fmt.Sprintf("the trail is %q", want), func() bool { return cmp.Equal(h.trail, want) })
}

func TestAPrinterIsAttachedWhileItListens(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	printer := r.join(t, connect{user: "A1"})
	printer.publish(reportA1, "not listening yet")
	printer.ping()
	r.wantTrail(t)
	printer.subscribe(0, requestA1)
	printer.subscribe(1, requestA1)
	r.wantTrail(t, "+A1")
	first := r.link(t)
	if err := first.Send([]byte("go"), soon(), func() {}); err != nil {
		t.Fatal(err)
	}
	printer.hears(requestA1, "go")
	printer.unsubscribe(requestA1)
	if err := first.Send([]byte("go"), soon(), func() {}); !errors.Is(err, grove.Conflict) || !grove.HasReason(err, grove.ReasonPrinterOffline) {
		t.Errorf("sending to a printer that does not listen: %v", err)
	}
	printer.subscribe(0, requestA1)
	if err := first.Send([]byte("go"), soon(), func() {}); !errors.Is(err, grove.Conflict) {
		t.Errorf("sending over the former link: %v", err)
	}
	if err := r.link(t).Send([]byte("again"), soon(), func() {}); err != nil {
		t.Fatal(err)
	}
	printer.hears(requestA1, "again")
	printer.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}})
	r.wantTrail(t, "+A1", "-A1 unsubscribed", "+A1", "-A1 normal")
}

func TestARequestIsNeverKeptForAnAbsentPrinter(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	first := r.join(t, connect{user: "A1", id: "A1", change: func(pk *packets.Packet) {
		pk.Connect.Clean = false // asks for its session to be kept
		pk.Connect.Keepalive = 60
	}})
	first.subscribe(1, requestA1)
	link := r.link(t)
	first.conn.Close()
	r.wantTrail(t, "+A1", "-A1 tcp_closed")
	if err := link.Send([]byte("start"), soon(), func() {}); !errors.Is(err, grove.Conflict) {
		t.Errorf("sending to an absent printer: %v", err)
	}
	user := r.join(t, connect{user: "u_1"})
	user.deliver(requestA1, "start", 1)
	second := r.join(t, connect{user: "A1", id: "A1", change: func(pk *packets.Packet) {
		pk.Connect.Clean = false
		pk.Connect.Keepalive = 60
	}})
	second.hearsNothing()
	second.subscribe(1, requestA1)
	second.hearsNothing()
}

func TestASecondConnectionOfAPrinterReplacesTheFirst(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	first := r.join(t, connect{user: "A1", id: "one", version: 5})
	first.subscribe(0, requestA1)
	old := r.link(t)
	second := r.join(t, connect{user: "A1", id: "two"})
	second.subscribe(0, requestA1)
	if pk, ok := first.closed(); !ok || pk.ReasonCode != packets.ErrSessionTakenOver.Code {
		t.Errorf("the first was told %#x", pk.ReasonCode)
	}
	r.wantTrail(t, "+A1", "-A1 takenover", "+A1")
	if err := old.Send([]byte("x"), soon(), func() {}); !errors.Is(err, grove.Conflict) {
		t.Errorf("sending over the first: %v", err)
	}
	old.Close("old") // must not touch the second
	if err := r.link(t).Send([]byte("go"), soon(), func() {}); err != nil {
		t.Fatal(err)
	}
	second.hears(requestA1, "go")
}

func TestALinkCanBeClosed(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	printer := r.join(t, connect{user: "A1"})
	printer.subscribe(0, requestA1)
	r.link(t).Close("not bound")
	printer.closed()
	r.wantTrail(t, "+A1", "-A1 not bound")
}

func TestACommandThatIsTooLongIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.PacketBytes = 64 << 10 })
	printer := r.join(t, connect{user: "A1", version: 5, change: func(pk *packets.Packet) {
		pk.Properties.MaximumPacketSize = 1000
		pk.Connect.Keepalive = 60
	}})
	printer.subscribe(0, requestA1)
	if err := r.link(t).Send(payloadOf(1000), soon(), func() {}); !errors.Is(err, grove.TooLarge) {
		t.Errorf("a packet larger than the printer takes: %v", err)
	}
	if err := r.link(t).Send(payloadOf(64<<10), soon(), func() {}); !errors.Is(err, grove.TooLarge) {
		t.Errorf("a packet larger than anybody takes: %v", err)
	}
	printer.hearsNothing()
}

func TestAPrinterThatDoesNotReadIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) {
		c.Limits.Drain = 500 * time.Millisecond
		c.Limits.Queue = 8
	})
	printer := r.join(t, connect{user: "A1"})
	printer.subscribe(0, requestA1)
	link := r.link(t)
	command := payloadOf(128 << 10)
	full := 0
	r.until(t, "it is cut off", func() bool {
		began := time.Now()
		err := link.Send(command, soon(), func() {})
		if took := time.Since(began); took > 200*time.Millisecond {
			t.Errorf("sending took %v", took)
		}
		if errors.Is(err, grove.Unavailable) {
			full++
		}
		return errors.Is(err, grove.Conflict)
	})
	if full == 0 {
		t.Error("the queue was never full")
	}
	r.wantTrail(t, "+A1", "-A1 slow_reader")
}

func TestAStuckViewerBlocksNobody(t *testing.T) {
	t.Parallel()
	for qos := range byte(3) {
		t.Run(fmt.Sprintf("subscribed at QoS %d", qos), func(t *testing.T) {
			t.Parallel()
			r := start(t, func(c *Config) { c.Limits.Drain = 2 * time.Second })
			stuck, good := r.join(t, connect{user: "u_1", id: "stuck"}), r.join(t, connect{user: "u_1", id: "good"})
			for _, w := range []*wire{stuck, good} {
				if codes := w.subscribe(qos, reportA1); codes[0] != 0 {
					t.Fatalf("granted %d", codes[0])
				}
			}
			printer := r.join(t, connect{user: "A1"})
			report := strings.Repeat("r", 100<<10)
			began := time.Now()
			for range 100 { // more than the sockets between hold
				printer.deliver(reportA1, report, qos)
				good.next()
			}
			t.Logf("100 reports of 100 KiB took %v", time.Since(began))
			r.until(t, "the stuck viewer is cut off", func() bool { return r.metric(t, "connections_cut_total", "slow_reader") == 1 })
			printer.ping()
			good.ping()
		})
	}
}

func TestAViewerThatKeepsLosingIsCutOff(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.Drops = 20 })
	stuck := r.join(t, connect{user: "u_1"})
	stuck.subscribe(0, reportA1)
	report := payloadOf(200 << 10)
	r.until(t, "it is cut off", func() bool {
		r.broker.viewers.of("A1")[0].show(&message{serial: "A1", payload: report})
		return r.metric(t, "connections_cut_total", "slow_reader") == 1
	})
	if n := r.metric(t, "messages_dropped_total", "slow"); n != 21 {
		t.Errorf("%v messages were dropped", n)
	}
}

// soon is until when these tests let a command be written.
func soon() time.Time { return time.Now().Add(patience) }
