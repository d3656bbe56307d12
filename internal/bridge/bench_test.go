package bridge

import (
	"crypto/tls"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove"
)

// BenchmarkThousandPrinters measures a report of 2 KiB over one of a thousand links,
// and what a link takes: memory of both ends.
func BenchmarkThousandPrinters(b *testing.B) {
	const many = 1000
	a := newAuthority(b)
	certs := map[string]*tls.Certificate{}
	d := newDesk()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return certs[h.ServerName], nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	for i := range many {
		serial := fmt.Sprintf("01P00A0000%05d", i)
		cert := a.printer(b, serial)
		certs[serial] = &cert
		d.lans[serial] = grove.LAN{Serial: serial, Host: "127.0.0.1", MQTTS: l.Addr().(*net.TCPAddr).Port}
	}
	var mu sync.Mutex
	var conns []net.Conn
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				m := &machine{}
				if !m.admit(conn, 0) {
					return
				}
				mu.Lock()
				conns = append(conns, conn)
				mu.Unlock()
				answer(conn, func(*packets.PublishPacket) {})
			})
		}
	})
	heard := &counting{desk: d}
	before := used()
	open(b, d, func(c *Config) {
		c.Printers, c.Stagger, c.Ping = heard, time.Millisecond, 20*time.Second
	})
	b.Cleanup(func() { _ = l.Close(); go all.Wait() })
	until(b, "all are connected", func() bool { mu.Lock(); defer mu.Unlock(); return len(conns) == many })
	taken := used() - before
	payload := string(make([]byte, 2<<10))
	packet := &packets.PublishPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Publish}, Payload: []byte(payload)}
	b.ResetTimer()
	for n := range b.N {
		conn := conns[n%many].(*tls.Conn)
		packet.TopicName = "device/" + conn.ConnectionState().ServerName + "/report"
		if err := packet.Write(conn); err != nil {
			b.Fatal(err)
		}
	}
	until(b, "all is heard", func() bool { return heard.n.Load() == int64(b.N) })
	b.ReportMetric(float64(taken)/many, "B/link")
}

// counting hears reports and forgets them.
type counting struct {
	*desk
	n atomic.Int64
}

func (c *counting) Observe(_ string, payload []byte) []byte { c.n.Add(1); return payload }

func used() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkBareReport is the reference: the same report over one TLS connection,
// read with the MQTT library and thrown away.
func BenchmarkBareReport(b *testing.B) {
	cert := newAuthority(b).printer(b, good)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	packet := &packets.PublishPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Publish}, TopicName: report, Payload: make([]byte, 2<<10)}
	go func() {
		conn, err := l.Accept()
		for n := 0; err == nil && n < b.N; n++ {
			err = packet.Write(conn)
		}
	}()
	conn, err := tls.Dial("tcp", l.Addr().String(), Trust{Serial: good}.TLS(nil))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	b.ResetTimer()
	for range b.N {
		if _, err := packets.ReadPacket(conn); err != nil {
			b.Fatal(err)
		}
	}
}
