package bridge

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove"
)

// neighbours are a desk that notes of whom trouble was told, and a log.
type neighbours struct {
	*desk
	noted sync.Mutex
	of    map[string][]string // reasons by serial
	lines bytes.Buffer
}

func (n *neighbours) Troubled(serial string, why error) {
	n.desk.Troubled(serial, why)
	n.noted.Lock()
	defer n.noted.Unlock()
	n.of[serial] = append(n.of[serial], grove.AsError(why).Reason)
}

func (n *neighbours) Write(line []byte) (int, error) {
	n.noted.Lock()
	defer n.noted.Unlock()
	return n.lines.Write(line)
}

func (n *neighbours) reasons(serial string) []string {
	n.noted.Lock()
	defer n.noted.Unlock()
	return n.of[serial]
}

func (n *neighbours) log() string {
	n.noted.Lock()
	defer n.noted.Unlock()
	return n.lines.String()
}

// reporting is a printer that is well and reports all the time.
func reporting(t *testing.T, a authority, serial string) *machine {
	t.Helper()
	return serve(t, a.printer(t, serial), serial, 0, func(conn net.Conn) {
		go endless(conn, "device/"+serial+"/report", "fine")
		answer(conn, func(*packets.PublishPacket) {})
	})
}

// endless says the same again and again until nobody listens.
func endless(conn net.Conn, topic, payload string) {
	every := time.NewTicker(25 * time.Millisecond) // slower than the pace at which a printer is read
	defer every.Stop()
	for range every.C {
		if say(conn, topic, payload) != nil {
			return
		}
	}
}

func TestABadPrinterDisturbsNoOther(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	const second = "01P00A000000003"
	raw := func(b ...byte) func(net.Conn) {
		return func(c net.Conn) { _, _ = c.Write(b); _, _ = io.Copy(io.Discard, c) }
	}
	deaf := func(say func(net.Conn)) func(net.Conn) {
		return func(c net.Conn) {
			go say(c)
			answer(c, func(*packets.PublishPacket) {})
		}
	}
	for name, c := range map[string]struct {
		verdict byte
		behave  func(net.Conn)
		reason  string
	}{
		"100 MB":       {0, raw(0x30, 0x80, 0xC2, 0xD7, 0x2F), reasonLost},
		"endless size": {0, raw(0x30, 0xff, 0xff, 0xff, 0xff, 0xff), reasonLost},
		"no topic":     {0, raw(0x30, 0x01, 0x00), reasonLost},
		"long topic":   {0, raw(0x30, 0x03, 0xff, 0xff, 'a'), reasonLost},
		"gone at once": {0, func(net.Conn) {}, reasonLost},
		"deaf":         {0, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, reasonLost},
		"garbage":      {0, deaf(func(c net.Conn) { endless(c, "device/"+bad+"/report", "garbage {]") }), reasonStalled},
		"for another":  {0, deaf(func(c net.Conn) { endless(c, report, `{"print":{}}`) }), reasonStalled},
		"wrong code":   {5, nil, reasonRefused},
		"wrong user":   {4, nil, reasonRefused},
		"full":         {3, nil, reasonBusy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &neighbours{desk: newDesk(reporting(t, a, good).LAN, reporting(t, a, second).LAN), of: map[string][]string{}}
			n.lans[bad] = serve(t, a.printer(t, bad), bad, c.verdict, c.behave).LAN
			open(t, n.desk, func(cfg *Config) {
				cfg.Places, cfg.Log = n, slog.New(slog.NewTextHandler(n, nil))
				cfg.Ping, cfg.Silence, cfg.RefusedRetry, cfg.LongestRetry = 700*time.Millisecond, 4*time.Second, 20*time.Millisecond, time.Minute
			})
			until(t, "its owner is told why, again", func() bool { return len(n.reasons(bad)) >= 2 })
			before := map[string]int{good: len(n.said(good)), second: len(n.said(second))}
			for _, fine := range []string{good, second} {
				until(t, "the others are heard", func() bool { return len(n.said(fine)) > before[fine]+5 })
				if n.connects(fine) != 1 || len(n.reasons(fine)) > 0 || strings.Contains(n.log(), `"printer not connected" printer=`+fine) {
					t.Errorf("%s was connected %d times, for %v\n%s", fine, n.connects(fine), n.reasons(fine), n.log())
				}
				for _, said := range n.said(fine) {
					if said != "fine" {
						t.Errorf("%s is taken to say %q", fine, said)
					}
				}
			}
			if got := fmt.Sprint(n.reasons(bad)[:2]); got != fmt.Sprint([]string{c.reason, c.reason}) {
				t.Errorf("told %s", got)
			}
			if times := strings.Count(n.log(), `"printer not connected" printer=`+bad); times != 1 {
				t.Errorf("logged %d times:\n%s", times, n.log())
			}
		})
	}
}

func TestALossAfterAGoodWhileIsNews(t *testing.T) {
	t.Parallel()
	leave := make(chan struct{})
	m := serve(t, newAuthority(t).printer(t, good), good, 0, func(net.Conn) {
		select {
		case <-leave:
		case <-t.Context().Done():
		}
	})
	n := &neighbours{desk: newDesk(m.LAN), of: map[string][]string{}}
	open(t, n.desk, func(cfg *Config) {
		cfg.Places, cfg.Log, cfg.LongestRetry = n, slog.New(slog.NewTextHandler(n, nil)), time.Microsecond
	})
	for times := 1; times <= 3; times++ {
		until(t, "it is connected", func() bool { return n.connects(good) == times })
		leave <- struct{}{}
		until(t, "its loss is logged", func() bool { return strings.Count(n.log(), "printer not connected") == times })
	}
}
