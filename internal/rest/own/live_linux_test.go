package own_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// sink is a viewer that reads everything at once.
type sink struct {
	header http.Header
	bytes  *atomic.Int64
}

func (s sink) Header() http.Header { return s.header }
func (s sink) WriteHeader(int)     {}
func (s sink) Flush()              {}

func (s sink) Write(b []byte) (int, error) {
	s.bytes.Add(int64(len(b)))
	return len(b), nil
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkViewers measures what the server spends in a second in which 500 printers
// report once each, without anybody who looks on and with 20 who do. An operation is a
// second: go test -bench Viewers -benchtime 10x ./internal/rest/own
func BenchmarkViewers(b *testing.B) {
	const printers, viewers = 500, 20
	h := resttest.New(b, "off")
	full, deltas := captured(b)
	serials := make([]string, printers)
	for i := range serials {
		serials[i] = fmt.Sprintf("01P00A%09d", i)
		actor := grove.Actor{Kind: grove.ActorUser, UserID: h.UserID}
		if _, err := h.Fleet.Bind(b.Context(), actor, fleet.Binding{Serial: serials[i], Name: serials[i], Model: "P1S"}); err != nil {
			b.Fatal(err)
		}
		h.Fleet.Observe(serials[i], full)
	}
	for _, c := range []struct {
		name    string
		viewers int
		closely int
	}{{"nobody", 0, 0}, {"20 who watch none closely", viewers, 0}, {"20 who watch 24 closely", viewers, 24}, {"20 who watch 200 closely", viewers, 200}} {
		b.Run(c.name, func(b *testing.B) {
			var read atomic.Int64
			opened := time.Now()
			stop := lookOn(h, c.viewers, strings.Join(serials[:c.closely], ","), &read)
			for h.Fleet.Viewers() < c.viewers || read.Swap(0) > 0 || time.Since(opened) < time.Second {
				<-time.After(time.Second / 4) // until all have their fleet
			}
			began, reports := cpu(b), 0
			b.ResetTimer()
			for range b.N {
				tick := time.NewTicker(time.Second / printers)
				for _, s := range serials {
					<-tick.C
					h.Fleet.Observe(s, deltas[reports%len(deltas)])
					reports++
				}
				tick.Stop()
			}
			b.StopTimer()
			b.ReportMetric(float64((cpu(b)-began).Microseconds())/1000/float64(b.N), "cpu-ms/s")
			b.ReportMetric(float64(read.Load())/1024/float64(b.N), "KiB/s")
			stop()
		})
	}
}

// lookOn opens streams until the function it gives is called.
func lookOn(h *resttest.House, viewers int, watch string, read *atomic.Int64) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range viewers {
		all.Go(func() {
			r := httptest.NewRequestWithContext(ctx, "GET", service+"/printers/live?watch="+watch, nil)
			r.Header.Set("Authorization", "Bearer "+h.Token)
			h.ServeHTTP(sink{http.Header{}, read}, r)
		})
	}
	return func() { cancel(); all.Wait() }
}

// captured are a printer's full report and what it says after that.
func captured(b *testing.B) (full []byte, deltas [][]byte) {
	b.Helper()
	dir := filepath.Join("..", "..", "..", "bambu", "testdata")
	full, err := os.ReadFile(filepath.Join(dir, "p1s_full.json"))
	if err != nil {
		b.Fatal(err)
	}
	lines, err := os.ReadFile(filepath.Join(dir, "p1s_deltas.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	return full, bytes.Split(bytes.TrimSpace(lines), []byte("\n"))
}
