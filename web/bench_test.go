package web_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	mqtt "github.com/eclipse/paho.mqtt.golang"
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
	js[bool](v, `(window.seen = {}, new MutationObserver(() => { const t = document.querySelector(".heat .figure")?.firstChild?.textContent; if (t) requestAnimationFrame(() => seen[t] ??= Date.now()); }).observe(document.body, { subtree: true, characterData: true, childList: true }), true)`)
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
