package sim

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove/bambu"
)

// sink is a cloud reduced to what a printer's link needs: it lets everybody in,
// asks each once for a full report, and counts what they say.
type sink struct {
	listener net.Listener
	reports  atomic.Int64
	printers atomic.Int64
	open     sync.WaitGroup
}

func newSink(t testing.TB, cert tls.Certificate) *sink {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	must(t, err)
	s := &sink{listener: l}
	s.open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.open.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.open.Wait()
	})
	return s
}

func (s *sink) serve(conn net.Conn) {
	defer conn.Close()
	for {
		packet, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		switch p := packet.(type) {
		case *packets.ConnectPacket:
			_ = packets.NewControlPacket(packets.Connack).Write(conn)
		case *packets.SubscribePacket:
			ack, _ := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			ack.MessageID, ack.ReturnCodes = p.MessageID, []byte{0}
			_ = ack.Write(conn)
			ask, _ := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
			ask.TopicName, ask.Payload = p.Topics[0], []byte(`{"pushing":{"command":"pushall"}}`)
			_ = ask.Write(conn)
			s.printers.Add(1)
		case *packets.PublishPacket:
			s.reports.Add(1)
		case *packets.PingreqPacket:
			_ = packets.NewControlPacket(packets.Pingresp).Write(conn)
		}
	}
}

func fleetOf(n int, addr string, trust *tls.Config, tick time.Duration) []Config {
	models := bambu.Models()
	client := &http.Client{}
	configs := make([]Config, n)
	for i := range configs {
		configs[i] = Config{
			Serial: fmt.Sprintf("SIM%012d", i), Model: models[i%len(models)].Code, Secret: "secret", Broker: addr, TLS: trust,
			HTTP: client, Tick: tick, Seed: int64(i), Begin: BeginPrinting,
		}
	}
	return configs
}

func TestAFleetConnectsReportsAndEnds(t *testing.T) {
	t.Parallel()
	cert, roots := certificate(t)
	s := newSink(t, cert)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fleet, err := NewFleet(fleetOf(50, s.listener.Addr().String(), &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, 20*time.Millisecond))
	must(t, err)
	if _, ok := fleet.Printer("SIM000000000049"); !ok {
		t.Error("a printer is missing")
	}
	ended := make(chan error, 1)
	go func() { ended <- fleet.Run(ctx) }()
	deadline := time.Now().Add(patience)
	for (s.reports.Load() < 500 || s.printers.Load() < 50) && time.Now().Before(deadline) {
		<-time.After(5 * time.Millisecond)
	}
	if s.printers.Load() != 50 || s.reports.Load() < 500 {
		t.Errorf("%d printers, %d reports", s.printers.Load(), s.reports.Load())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAFleetWithOneWrongPrinterIsNone(t *testing.T) {
	t.Parallel()
	configs := fleetOf(2, "127.0.0.1:1", nil, time.Second)
	configs[1].Model = "Prusa"
	if err := RunFleet(t.Context(), configs); err == nil {
		t.Error("it ran")
	}
}
