//go:build unix

package sim

import (
	"context"
	"crypto/tls"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkFleet measures printers that print and report each second, together
// with the other end of their links: 1,000 of them must take less than half a
// core and 1 GB.
func BenchmarkFleet(b *testing.B) {
	const n, seconds = 200, 10
	for b.Loop() {
		cert, roots := certificate(b)
		s := newSink(b, cert)
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		before := resident(b)
		go func() {
			ended <- RunFleet(ctx, fleetOf(n, s.listener.Addr().String(), &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, time.Second))
		}()
		for s.printers.Load() < n {
			<-time.After(10 * time.Millisecond)
		}
		<-time.After(time.Second)
		reports, cpu := s.reports.Load(), burnt(b)
		<-time.After(seconds * time.Second)
		reports, cpu = s.reports.Load()-reports, burnt(b)-cpu
		b.ReportMetric(float64(reports)/seconds, "reports/s")
		b.ReportMetric(100*cpu.Seconds()/seconds*1000/n, "%core/1000printers")
		b.ReportMetric(float64(resident(b)-before)/n, "KiB/printer")
		b.ReportMetric(float64(runtime.NumGoroutine())/n, "goroutines/printer")
		cancel()
		<-ended
	}
}

// burnt is the processor time of this process so far.
func burnt(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// resident is this process's memory in KiB.
func resident(b *testing.B) int {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc here")
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(v)[0])
			must(b, err)
			return n
		}
	}
	return 0
}
