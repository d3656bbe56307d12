package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/grovecloud/grove"
)

const (
	granted     = 0x00
	refused3    = 0x80
	refused5    = 0x87
	badFilter   = 0x8f
	reportA1    = "device/A1/report"
	requestA1   = "device/A1/request"
	pauseA1     = `{"print":{"command":"pause","sequence_id":"7"}}`
	everyReport = "device/+/report"
)

func TestEachSeesTheirOwnPrintersOnly(t *testing.T) {
	t.Parallel()
	for _, filters := range [][]string{{"#"}, {everyReport}, {"device/#"}, {"#", everyReport, "device/A1/report", "device/B1/report"}} {
		for _, version := range []byte{4, 5} {
			t.Run(fmt.Sprintf("%v as MQTT %d", filters, version), func(t *testing.T) {
				t.Parallel()
				r := start(t, nil)
				one := r.join(t, connect{user: "u_1", version: version})
				two := r.join(t, connect{user: "u_2", version: version})
				code := r.join(t, connect{user: "bblp@A2", version: version})
				for _, w := range []*wire{one, two, code} {
					w.subscribe(0, filters...)
				}
				printer := r.join(t, connect{user: "A1"})
				printer.publish(reportA1, "from A1")
				r.broker.Tell("A2", []byte("from A2"))
				r.broker.Tell("B1", []byte("from B1"))
				r.broker.Tell("C1", []byte("from nowhere"))
				seen := map[string]string{one.next(): "", one.next(): ""}
				if diff := cmp.Diff(map[string]string{"from A1": "", "from A2": ""}, seen); diff != "" {
					t.Error(diff)
				}
				one.hearsNothing()
				two.hears("device/B1/report", "from B1")
				two.hearsNothing()
				code.hears("device/A2/report", "from A2")
				code.hearsNothing()
			})
		}
	}
}

// next gives the payload of the next message.
func (w *wire) next() string {
	w.t.Helper()
	return string(w.expect(packets.Publish).Payload)
}

func TestWhatMayBeSubscribedTo(t *testing.T) {
	t.Parallel()
	long := "device/" + strings.Repeat("A", 300) + "/report"
	for _, c := range []struct {
		user, filter string
		want         byte
	}{
		{"u_1", reportA1, granted},
		{"u_1", "device/B1/report", refused5},
		{"u_1", "device/C1/report", refused5},
		{"u_1", requestA1, refused5},
		{"u_1", "device/A1/status", refused5},
		{"u_1", "device/A1/report/secret", refused5},
		{"u_1", "device/A1", refused5},
		{"u_1", "device/A1/report/", refused5},
		{"u_1", "/device/A1/report", refused5},
		{"u_1", "device//report", refused5},
		{"u_1", "device/report", refused5},
		{"u_1", "device/+/request", refused5},
		{"u_1", "device/+/+", refused5},
		{"u_1", "+/+/report", refused5},
		{"u_1", "+", refused5},
		{"u_1", "#", granted},
		{"u_1", "device/#", granted},
		{"u_1", everyReport, granted},
		{"u_1", "$SYS/#", refused5},
		{"u_1", "$SYS/broker/uptime", refused5},
		{"u_1", "$share/g/device/A1/report", refused5},
		{"u_1", "$share/g/#", refused5},
		{"u_1", long, refused5},
		{"u_1", "device/#/report", badFilter},
		{"bblp@A1", reportA1, granted},
		{"bblp@A1", "#", granted},
		{"bblp@A1", "device/A2/report", refused5},
		{"A1", requestA1, granted},
		{"A1", reportA1, refused5},
		{"A1", "device/A2/request", refused5},
		{"A1", "device/+/request", refused5},
		{"A1", "#", refused5},
		{"A1", "printer/A1/command", refused5},
	} {
		t.Run(c.user+" "+short(c.filter), func(t *testing.T) {
			t.Parallel()
			r := start(t, nil) // of its own: a printer has one connection at a time
			w := r.join(t, connect{user: c.user, version: 5, id: c.user + c.filter})
			if got := w.subscribe(1, c.filter); !slices.Equal(got, []byte{c.want}) {
				t.Errorf("MQTT 5: got %#x, want %#x", got, c.want)
			}
			w = r.join(t, connect{user: c.user, id: c.user + c.filter})
			if got := w.subscribe(1, c.filter); !slices.Equal(got, []byte{min(c.want, refused3)}) {
				t.Errorf("MQTT 3: got %#x, want %#x", got, min(c.want, refused3))
			}
		})
	}
}

func TestAClientHasAtMostFiftySubscriptions(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	var filters []string
	r.mu.Lock()
	for i := range 60 {
		serial := fmt.Sprintf("S%d", i)
		r.owners[serial] = 1
		filters = append(filters, "device/"+serial+"/report")
	}
	r.mu.Unlock()
	w := r.join(t, connect{user: "u_1"})
	codes := w.subscribe(0, filters...)
	if n := slices.Index(codes, refused3); n != 50 {
		t.Fatalf("the first refused is number %d", n)
	}
	if codes := w.subscribe(0, filters[0]); codes[0] != granted {
		t.Error("a known filter is refused")
	}
	w.unsubscribe(filters[0])
	if codes := w.subscribe(0, filters[59]); codes[0] != granted {
		t.Error("there is no room after unsubscribing")
	}
	r.broker.Tell("S0", []byte("gone"))
	r.broker.Tell("S59", []byte("new"))
	w.hears("device/S59/report", "new")
	w.hearsNothing()
}

func TestUnsubscribingFromOneFilterKeepsTheOther(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	w := r.join(t, connect{user: "u_1"})
	w.subscribe(0, "#", "device/#", reportA1)
	w.subscribe(0, "#")
	w.unsubscribe("#")
	r.broker.Tell("A2", []byte("two"))
	w.hears("device/A2/report", "two")
	w.unsubscribe("device/#")
	r.broker.Tell("A2", []byte("two"))
	r.broker.Tell("A1", []byte("one"))
	w.hears(reportA1, "one")
	w.unsubscribe(reportA1)
	r.broker.Tell("A1", []byte("one"))
	w.hearsNothing()
}

func TestUnbindingCutsDeliveryAtOnce(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	exact, wild, code := r.join(t, connect{user: "u_1", id: "a"}), r.join(t, connect{user: "u_1", id: "b"}), r.join(t, connect{user: "bblp@A1"})
	exact.subscribe(0, reportA1)
	wild.subscribe(0, "#")
	code.subscribe(0, "#")
	r.broker.Tell("A1", []byte("before"))
	for _, w := range []*wire{exact, wild, code} {
		w.hears(reportA1, "before")
	}
	r.unbind("A1")
	r.broker.Tell("A1", []byte("after"))
	for _, w := range []*wire{exact, wild, code} {
		w.hearsNothing()
	}
}

func TestAnUnboundPrinterReportsNoMore(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	printer := r.join(t, connect{user: "A1"})
	printer.publish(reportA1, "before")
	r.until(t, "the report is seen", func() bool { return len(r.reports) == 1 })
	r.unbind("A1")
	printer.publish(reportA1, "after")
	printer.ping()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.reports) != 1 {
		t.Error("a report was taken")
	}
}

func TestRequestsAreAcknowledgedAndSwallowed(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	printer := r.join(t, connect{user: "A1"})
	printer.subscribe(0, requestA1)
	for _, version := range []byte{4, 5} {
		for _, user := range []string{"u_1", "bblp@A1"} {
			for _, topic := range []string{requestA1, "printer/A1/command"} {
				for qos := range byte(3) {
					name := fmt.Sprintf("MQTT %d %s %s QoS %d", version, user, topic, qos)
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						w := r.join(t, connect{user: user, version: version, id: name})
						w.subscribe(0, "#")
						w.deliver(topic, name, qos)
						all := r.asked()
						if n := len(slices.DeleteFunc(all, func(p string) bool { return p != name })); n != 1 {
							t.Errorf("%d requests arrived", n)
						}
						w.hearsNothing()
					})
				}
			}
		}
	}
	t.Cleanup(func() {
		printer.hearsNothing()
		for _, a := range r.requests {
			if a.serial != "A1" {
				t.Errorf("a request for %q", a.serial)
			}
		}
	})
}

// deliver publishes and goes through the whole handshake of its QoS, wanting success.
func (w *wire) deliver(topic, payload string, qos byte) {
	w.t.Helper()
	w.last++
	id := w.last
	switch qos {
	case 0:
		w.send(publishing(topic, payload, 0, 0))
		w.ping()
	case 1:
		w.send(publishing(topic, payload, 1, id))
		w.acknowledged(packets.Puback, id)
	case 2:
		w.send(publishing(topic, payload, 2, id))
		w.acknowledged(packets.Pubrec, id)
		w.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pubrel, Qos: 1}, PacketID: id})
		w.acknowledged(packets.Pubcomp, id)
	}
}

func (w *wire) acknowledged(kind byte, id uint16) {
	w.t.Helper()
	if ack := w.expect(kind); ack.PacketID != id || ack.ReasonCode != 0 {
		w.t.Fatalf("acknowledged packet %d with %#x", ack.PacketID, ack.ReasonCode)
	}
}

func TestAPrinterMayReportAtAnyQoS(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for _, version := range []byte{4, 5} {
		for qos := range byte(3) {
			viewer := r.join(t, connect{user: "u_1", id: fmt.Sprint(version, qos)})
			viewer.subscribe(2, reportA1)
			printer := r.join(t, connect{user: "A1", version: version})
			printer.deliver(reportA1, "hot", qos)
			viewer.hears(reportA1, "hot")
		}
	}
}

func TestObserveDecidesWhatIsSeen(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.observe = func(_ string, payload []byte) []byte {
		if string(payload) == "secret" {
			return nil
		}
		return append([]byte("seen "), payload...)
	}
	viewer := r.join(t, connect{user: "u_1"})
	viewer.subscribe(0, reportA1)
	printer := r.join(t, connect{user: "A1"})
	printer.publish(reportA1, "secret")
	printer.publish(reportA1, "report")
	viewer.hears(reportA1, "seen report")
}

func TestOtherTopicsAreRefusedAndTheConnectionStays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ user, topic string }{
		{"u_1", reportA1},
		{"u_1", "device/B1/request"},
		{"u_1", "printer/B1/command"},
		{"u_1", "device/C1/request"},
		{"u_1", "anything"},
		{"u_1", "device/A1/request/more"},
		{"u_1", "device/A1/" + strings.Repeat("x", 300) + "/request"},
		{"bblp@A1", "device/A2/request"},
		{"A1", requestA1},
		{"A1", "device/A2/report"},
		{"A1", "device/A1/status"},
	} {
		for _, version := range []byte{4, 5} {
			t.Run(fmt.Sprintf("%s %s MQTT %d", c.user, short(c.topic), version), func(t *testing.T) {
				t.Parallel()
				r := start(t, nil) // of its own: a printer has one connection at a time
				w := r.join(t, connect{user: c.user, version: version, id: fmt.Sprint(version, c.topic)})
				w.send(publishing(c.topic, "x", 0, 0))
				w.ping()
				want := byte(0)
				if version == 5 {
					want = refused5
				}
				w.send(publishing(c.topic, "x", 1, 1))
				if ack := w.expect(packets.Puback); ack.ReasonCode != want {
					t.Errorf("QoS 1 acknowledged with %#x", ack.ReasonCode)
				}
				w.send(publishing(c.topic, "x", 2, 2))
				if ack := w.expect(packets.Pubrec); ack.ReasonCode != want {
					t.Errorf("QoS 2 acknowledged with %#x", ack.ReasonCode)
				}
				w.ping()
				r.nothing(t)
			})
		}
	}
}

func TestNothingIsRetained(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for _, version := range []byte{4, 5} {
		viewer := r.join(t, connect{user: "u_1", version: version, id: "early"})
		viewer.subscribe(0, reportA1)
		printer := r.join(t, connect{user: "A1", version: version})
		printer.subscribe(0, requestA1)
		report := publishing(reportA1, "kept?", 0, 0)
		report.FixedHeader.Retain = true
		printer.send(report)
		viewer.hears(reportA1, "kept?")

		request := publishing(requestA1, pauseA1, 1, 9)
		request.FixedHeader.Retain = true
		viewer.send(request)
		if ack := viewer.expect(packets.Puback); version == 5 && ack.ReasonCode != refused5 {
			t.Errorf("a retained request was acknowledged with %#x", ack.ReasonCode)
		}
		late := r.join(t, connect{user: "u_1", version: version, id: "late"})
		late.subscribe(0, reportA1, "#")
		late.hearsNothing()
		printer.hearsNothing()
	}
	if got := r.asked(); len(got) > 0 {
		t.Errorf("retained requests came through: %q", got)
	}
}

func TestWillsAreNeverSent(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	viewer := r.join(t, connect{user: "u_1"})
	viewer.subscribe(0, reportA1)
	for _, c := range []struct{ user, topic string }{{"u_1", requestA1}, {"A1", reportA1}} {
		w := r.join(t, connect{user: c.user, id: "dying", change: func(pk *packets.Packet) {
			pk.Connect.WillFlag, pk.Connect.WillTopic, pk.Connect.WillPayload = true, c.topic, []byte("stop")
		}})
		w.conn.Close()
		r.until(t, "the client has left", func() bool { return r.metric(t, "connections", "") == 1 })
	}
	viewer.hearsNothing()
	r.nothing(t)
}

func TestRepliesGoToWhoeverWatches(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.request = func(ctx context.Context, a asked) {
		if limit, ok := ctx.Deadline(); !ok || time.Until(limit) > 10*time.Second {
			t.Error("the request has no limit of age")
		}
		a.reply([]byte("done"))
	}
	asker, other, stranger := r.join(t, connect{user: "u_1", id: "a"}), r.join(t, connect{user: "bblp@A1"}), r.join(t, connect{user: "u_2"})
	for _, w := range []*wire{asker, other, stranger} {
		w.subscribe(0, "#")
	}
	asker.publish(requestA1, pauseA1)
	asker.hears(reportA1, "done")
	other.hears(reportA1, "done")
	stranger.hearsNothing()
}

func TestRequestsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	w := r.join(t, connect{user: "u_1"})
	var want []string
	var all []packets.Packet
	for i := range 200 {
		want = append(want, strconv.Itoa(i))
		qos := byte(i % 2)
		all = append(all, publishing(requestA1, want[i], qos, uint16(i)*uint16(qos)))
	}
	w.send(all...)
	r.until(t, "all have come", func() bool { return len(r.requests) == len(all) })
	if diff := cmp.Diff(want, r.asked()); diff != "" {
		t.Error(diff)
	}
}

func TestTooManyRequestsAreAnsweredToTheAskerAlone(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) {
		c.Limit = func(grove.Actor) (bool, time.Duration) { return false, 1500 * time.Millisecond }
		c.Urgent = func(p []byte) bool { return string(p) == pauseA1 }
		c.Refuse = func(p []byte, reason string) []byte { return append([]byte(reason+": "), p...) }
	})
	asker, other, deaf := r.join(t, connect{user: "u_1", id: "a"}), r.join(t, connect{user: "u_1", id: "b"}), r.join(t, connect{user: "u_1", id: "c"})
	asker.subscribe(0, reportA1)
	other.subscribe(0, "#")
	deaf.subscribe(0, "device/A2/report")
	asker.publish(requestA1, "light")
	asker.hears(reportA1, "rate limited, retry in 2 s: light")
	other.hearsNothing()
	deaf.publish(requestA1, "light")
	deaf.hearsNothing()
	asker.publish(requestA1, pauseA1)
	asker.ping()
	if diff := cmp.Diff([]string{pauseA1}, r.asked()); diff != "" {
		t.Error(diff)
	}
}

func TestARequestSentAgainIsTakenOnce(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	first := r.join(t, connect{user: "u_1"})
	first.send(publishing(requestA1, "start", 1, 5))
	first.expect(packets.Puback)
	first.conn.Close()
	again := publishing(requestA1, "start", 1, 5)
	again.FixedHeader.Dup = true
	other := publishing(requestA1, "light", 1, 6)
	other.FixedHeader.Dup = true // lost on the way the first time
	second := r.join(t, connect{user: "u_1"})
	second.send(again, other, publishing(requestA1, "start", 1, 7), publishing(requestA1, "start", 1, 5))
	for _, id := range []uint16{5, 6, 7, 5} {
		second.acknowledged(packets.Puback, id)
	}
	if diff := cmp.Diff([]string{"start", "light", "start", "start"}, r.asked()); diff != "" {
		t.Error(diff)
	}
	stranger := r.join(t, connect{user: "bblp@A1"})
	stranger.send(again)
	stranger.expect(packets.Puback)
	if n := len(r.asked()); n != 5 {
		t.Errorf("%d requests, somebody else's was taken for a repetition", n)
	}
}

func TestOneBugEndsOneConnection(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.request = func(context.Context, asked) { panic("a bug") }
	other := r.join(t, connect{user: "u_2"})
	w := r.join(t, connect{user: "u_1"})
	w.publish(requestA1, pauseA1)
	w.closed()
	other.ping()
	r.untilMetric(t, "panics_total", "", 1)
	r.untilMetric(t, "connections", "user", 1)
}

func TestNewWantsWhatItNeeds(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil {
		t.Error("made a broker of nothing")
	}
}

func TestStoppingEndsEverything(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	printer := r.join(t, connect{user: "A1", version: 5})
	printer.subscribe(0, requestA1)
	viewer := r.join(t, connect{user: "u_1"})
	viewer.subscribe(0, "#")
	r.request = func(ctx context.Context, _ asked) { <-ctx.Done() }
	viewer.publish(requestA1, "slow")
	r.until(t, "the request is asked", func() bool { return len(r.requests) == 1 })
	silent := r.dial(t, clientTLS(""))
	link := r.link(t)
	r.stop()
	if pk, ok := printer.closed(); !ok || pk.ReasonCode != packets.ErrServerShuttingDown.Code {
		t.Errorf("the printer was told %#x", pk.ReasonCode)
	}
	viewer.closed()
	silent.closed()
	if diff := cmp.Diff([]string{"+A1", "-A1 server_shutdown"}, r.trail); diff != "" {
		t.Error(diff)
	}
	if err := link.Send([]byte("x"), soon(), func() {}); !errors.Is(err, grove.Conflict) {
		t.Errorf("sending after the end: %v", err)
	}
	r.broker.Tell("A1", []byte("x"))
	if n := r.metric(t, "connections", ""); n != 0 {
		t.Errorf("%v connections are left", n)
	}
}
