package web_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	mqtt "github.com/eclipse/paho.mqtt.golang"

	grovecloud "github.com/grovecloud/grove"
)

// BenchmarkFleetPage measures what a person waits for at the fleet's page, in a browser,
// with the real program: until something is drawn, what is transferred, with nothing
// kept and with everything kept, and from a printer's report to its figure on the
// screen. go test ./web -run XXX -bench FleetPage -benchtime 200x
func BenchmarkFleetPage(b *testing.B) {
	c := serve(b, "--limits", "off")
	v := visit(b, c.base)
	v.moveIn(c)
	c.run("login", "ann@example.org")
	const serial = "01P00A000000077"
	var bound struct {
		Secret string `json:"device_secret"`
	}
	said, err := c.command("printers", "bind", serial, "--name", "Bench", "--json").Output()
	if err == nil {
		err = json.Unmarshal(said, &bound)
	}
	if err != nil {
		b.Fatal(err)
	}
	printer := c.dialIn(serial, bound.Secret)
	say := func(celsius int) {
		report := fmt.Sprintf(`{"print":{"command":"push_status","msg":0,"gcode_state":"RUNNING","nozzle_temper":%d}}`, celsius)
		if t := printer.Publish("device/"+serial+"/report", 0, false, report); !t.WaitTimeout(10*time.Second) || t.Error() != nil {
			b.Fatal(t.Error())
		}
	}
	say(1)
	if _, err := chromedp.Call(v.ctx, network.ClearBrowserCache, cdp.Empty{}); err != nil {
		b.Fatal(err)
	}
	for _, kept := range []string{"nothing", "everything"} {
		before := v.bytes()
		v.open("/")
		v.sees("Bench")
		until(b, "something is drawn", func() bool { return js[bool](v, `performance.getEntriesByName("first-contentful-paint").length > 0`) })
		b.ReportMetric(js[float64](v, `performance.getEntriesByName("first-contentful-paint")[0].startTime`), "ms-to-paint-with-"+kept+"-kept")
		b.ReportMetric(float64(v.bytes()-before), "bytes-with-"+kept+"-kept")
	}
	// The page changes its figures when a frame begins, so that they are on the screen with it.
	js[bool](v, `(window.seen = {}, new MutationObserver(() => { const t = document.querySelector(".heat .figure")?.firstChild?.textContent; if (t) seen[t] ??= Date.now(); }).observe(document.body, { subtree: true, characterData: true, childList: true }), true)`)
	var took []float64
	pause := time.NewTicker(300 * time.Millisecond) // a viewer is told four times a second at most
	defer pause.Stop()
	for i := range b.N {
		<-pause.C
		began := time.Now()
		say(100 + i%150)
		shown := fmt.Sprintf(`(delete seen["%d"], window.seen["%d"] || 0)`, 100+(i+75)%150, 100+i%150)
		until(b, "it is drawn", func() bool {
			at := js[float64](v, shown)
			if at >= float64(began.UnixMilli()) {
				took = append(took, at-float64(began.UnixMilli()))
				return true
			}
			return false
		})
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "ms-report-to-pixel-median")
	b.ReportMetric(took[len(took)*99/100], "ms-report-to-pixel-p99")
}

// BenchmarkDashboards measures what the server's process spends in a second in which 500
// printers report once each over TLS, without a dashboard and with the streams of 20, each
// over a socket of its own. An operation is a second, and it needs /proc:
// go test ./web -run XXX -bench Dashboards -benchtime 10x
func BenchmarkDashboards(b *testing.B) {
	const printers, dashboards = 500, 20
	c := serve(b, "--limits", "off")
	visit(b, c.base).moveIn(c)
	c.run("login", "ann@example.org")
	c.background("sim", "--printers", strconv.Itoa(printers), "--model", "X1C")
	cl := c.ann()
	var serials []string
	within(b, 5*time.Minute, "all printers report", func() bool {
		serials = serials[:0]
		for page, err := range cl.FollowFleet(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			for _, p := range page.Fleet {
				if p.Complete {
					serials = append(serials, p.Serial)
				}
			}
			break
		}
		return len(serials) == printers
	})
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var former, spent time.Duration
	within(b, 2*time.Minute, "what their coming cost is over", func() bool {
		began := c.cpu()
		<-second.C
		former, spent = spent, c.cpu()-began
		return former > 0 && (spent-former).Abs() <= former/10
	})
	for _, d := range []struct {
		name           string
		dashboards, of int
	}{{"nobody", 0, 0}, {"20 with no printer in sight", dashboards, 0}, {"20 with 24 in sight", dashboards, 24}, {"20 with 200 in sight", dashboards, 200}} {
		b.Run(d.name, func(b *testing.B) {
			ctx, end := context.WithCancel(b.Context())
			var read atomic.Int64
			var all sync.WaitGroup
			for range d.dashboards {
				all.Go(func() { c.look(ctx, cl.Token(), serials[:d.of], &read) })
			}
			until(b, "each has its fleet", func() bool { return read.Load() > int64(d.dashboards*printers*1000) || d.dashboards == 0 })
			<-second.C
			<-second.C
			read.Store(0)
			began := c.cpu()
			b.ResetTimer()
			for range b.N {
				<-second.C
			}
			b.StopTimer()
			b.ReportMetric(float64((c.cpu()-began).Milliseconds())/float64(b.N), "server-cpu-ms/s")
			b.ReportMetric(float64(read.Load())/1024/float64(b.N), "KiB/s")
			end()
			all.Wait()
		})
	}
}

// look reads the stream of a dashboard until ctx ends.
func (c *cloud) look(ctx context.Context, token grovecloud.Secret, watch []string, read *atomic.Int64) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/v1/grove-service/live?watch="+strings.Join(watch, ","), nil)
	if err != nil {
		c.t.Error(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+string(token))
	line := &http.Transport{}
	defer line.CloseIdleConnections()
	answer, err := line.RoundTrip(r)
	if err != nil {
		c.t.Error(err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	for buf := make([]byte, 64<<10); ; {
		n, err := answer.Body.Read(buf)
		read.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// cpu is what the server's process has spent so far.
func (c *cloud) cpu() time.Duration {
	c.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.process.Process.Pid))
	if err != nil {
		c.t.Skip(err)
	}
	_, after, _ := strings.Cut(string(raw), ") ") // its name may have blanks
	fields := strings.Fields(after)
	ticks := 0 // hundredths of a second: user, then system
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			c.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// dialIn is a printer's own connection.
func (c *cloud) dialIn(serial, secret string) mqtt.Client {
	c.t.Helper()
	ca, err := os.ReadFile(filepath.Join(c.data, "ca.pem"))
	if err != nil {
		c.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	o := mqtt.NewClientOptions().AddBroker("ssl://" + c.mqtts).SetUsername(serial).SetPassword(secret).SetClientID(serial).
		SetTLSConfig(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}).SetAutoReconnect(false)
	client := mqtt.NewClient(o)
	if t := client.Connect(); !t.WaitTimeout(10*time.Second) || t.Error() != nil {
		c.t.Fatal(t.Error())
	}
	c.t.Cleanup(func() { client.Disconnect(100) })
	return client
}

// bytes is what came over the network so far.
func (v *visitor) bytes() int64 {
	ctx, stop := context.WithTimeout(v.ctx, 500*time.Millisecond) // what is under way arrives
	defer stop()
	<-ctx.Done()
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.received
}
