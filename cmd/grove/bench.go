package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/server"
)

type benchCmd struct {
	Printers int           `help:"Simulated printers, each reporting once a second." default:"1000"`
	Model    string        `help:"Their model." default:"X1 Carbon"`
	Warm     time.Duration `help:"Time before measuring, after all are connected." default:"5s"`
	Span     time.Duration `help:"Time measured." default:"30s"`
	LAN      bool          `name:"lan" help:"Measure them once more as printers on a network, which the cloud reaches by their addresses."`
}

// Run starts a cloud and its printers as processes of their own, on this machine
// alone, and prints what each used.
func (c *benchCmd) Run(ctx context.Context) error {
	dialled, err := c.measure(ctx, c.printers)
	if err != nil {
		return err
	}
	if err := c.print("dialling in", dialled); err != nil || !c.LAN {
		return err
	}
	reached, err := c.measure(ctx, c.neighbours)
	if err != nil {
		return err
	}
	if err := c.print("on a network", reached); err != nil {
		return err
	}
	before, after := dialled.cloud(), reached.cloud()
	fmt.Printf("\nThe cloud on a network, against dialling in: CPU a report × %.2f, memory × %.2f\n", after.perReport/before.perReport, after.memory/before.memory)
	return nil
}

// stretch is what was measured, at its beginning and at its end.
type stretch struct{ from, to reading }

func (r stretch) cloud() figures    { return r.of(r.from.cloud, r.to.cloud) }
func (r stretch) printers() figures { return r.of(r.from.printers, r.to.printers) }
func (r stretch) reports() float64  { return r.to.reports - r.from.reports }
func (r stretch) span() float64     { return r.to.at.Sub(r.from.at).Seconds() }

// figures are those of one process.
type figures struct {
	core      float64 // % of one
	perReport float64 // CPU seconds per 100,000
	memory    float64 // MiB
}

func (r stretch) of(from, to use) figures {
	cpu := (to.cpu - from.cpu).Seconds()
	return figures{cpu / r.span() * 100, cpu / r.reports() * 1e5, float64(to.rss) / (1 << 20)}
}

// measure lets a cloud and its printers run.
func (c *benchCmd) measure(ctx context.Context, begin func(ctx context.Context, dir string, info server.Info) (*exec.Cmd, error)) (r stretch, err error) {
	dir, err := os.MkdirTemp("", "grove-bench-*")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cloud, info, err := c.serve(ctx, dir)
	if err != nil {
		return r, err
	}
	defer end(cloud)
	printers, err := begin(ctx, dir, info)
	if printers != nil {
		defer end(printers) // before their cloud
	}
	if err != nil {
		return r, err
	}
	b := &bench{base: info.HTTP, cloud: cloud.Process.Pid, printers: printers.Process.Pid}
	if err := b.connected(ctx, c.Printers); err != nil {
		return r, err
	}
	if err := pause(ctx, c.Warm); err != nil {
		return r, err
	}
	if r.from, err = b.read(ctx); err != nil {
		return r, err
	}
	if err := pause(ctx, c.Span); err != nil {
		return r, err
	}
	r.to, err = b.read(ctx)
	return r, err
}

func (c *benchCmd) serve(ctx context.Context, dir string) (*exec.Cmd, server.Info, error) {
	var info server.Info
	ready := filepath.Join(dir, "ready.json")
	p := c.child(ctx, "serve", "--demo", "--data", filepath.Join(dir, "data"), "--http", "127.0.0.1:0", "--mqtts", "127.0.0.1:0",
		"--limits", "off", "--log-level", "error", "--ready-file", ready)
	if err := p.Start(); err != nil {
		return nil, info, err
	}
	raw, err := awaited(ctx, ready)
	if err != nil {
		end(p)
		return nil, info, fmt.Errorf("start the cloud: %w", err)
	}
	return p, info, json.Unmarshal(raw, &info)
}

// awaited is what a child writes into a file.
func awaited(ctx context.Context, file string) ([]byte, error) {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		raw, err := os.ReadFile(file) //nolint:gosec // our own temporary file
		if err == nil && len(raw) > 0 {
			return raw, nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return nil, grove.Errorf(grove.Unavailable, "not_ready", "it was not ready within 30 s")
}

// signIn gives the flags by which commands are the owner's.
func (c *benchCmd) signIn(ctx context.Context, dir string, info server.Info) ([]string, error) {
	token := filepath.Join(dir, "token.json")
	at := []string{"--token-file", token, "--url", info.HTTP, "--mqtt", info.MQTTS, "--ca", info.CAFile}
	login := c.child(ctx, append([]string{"login", info.Demo.Email}, at...)...)
	login.Env = append(os.Environ(), "GROVE_PASSWORD="+info.Demo.Password)
	if err := login.Run(); err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	return at, nil
}

// neighbours lets printers stand on this machine's own network, and adds them.
func (c *benchCmd) neighbours(ctx context.Context, dir string, info server.Info) (*exec.Cmd, error) {
	at, err := c.signIn(ctx, dir, info)
	if err != nil {
		return nil, err
	}
	list := filepath.Join(dir, "printers.csv")
	p := c.child(ctx, "sim", "--lan", "--printers", strconv.Itoa(c.Printers), "--first", "1001", "--model", c.Model, "--apart", "port", "--no-announce", "--csv", list,
		"--mqtts-port", "0", "--ftps-port", "0", "--camera-port", "0", "--rtsps-port", "0", "--bind-port", "0", "--bind-tls-port", "0")
	if err := p.Start(); err != nil {
		return nil, err
	}
	if _, err := awaited(ctx, list); err != nil {
		return p, fmt.Errorf("start the printers: %w", err)
	}
	add := c.child(ctx, append([]string{"printers", "add", "--csv", list}, at...)...)
	if err := add.Run(); err != nil {
		return p, fmt.Errorf("add the printers: %w", err)
	}
	return p, nil
}

func (c *benchCmd) printers(ctx context.Context, dir string, info server.Info) (*exec.Cmd, error) {
	at, err := c.signIn(ctx, dir, info)
	if err != nil {
		return nil, err
	}
	p := c.child(ctx, append([]string{"sim", "--printers", strconv.Itoa(c.Printers), "--first", "1001", "--model", c.Model}, at...)...)
	return p, p.Start()
}

// child is this program with other arguments. It ends with ctx.
func (c *benchCmd) child(ctx context.Context, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	p := exec.CommandContext(ctx, exe, args...) //nolint:gosec // this very program
	p.Cancel = func() error { return p.Process.Signal(os.Interrupt) }
	p.WaitDelay = 10 * time.Second
	p.Stderr = os.Stderr
	return p
}

// end stops a child and waits for its end.
func end(child *exec.Cmd) {
	_ = child.Process.Signal(os.Interrupt) // else it has ended by itself
	_ = child.Wait()
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// bench reads what the two processes use.
type bench struct {
	base            string
	cloud, printers int
}

type reading struct {
	at                 time.Time
	reports, connected float64
	cloud, printers    use
}

type use struct {
	cpu time.Duration
	rss int64 // bytes
}

// demoPrinters are connected beside those that are measured.
const demoPrinters = 3

func (b *bench) connected(ctx context.Context, n int) error {
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		s, err := b.metrics(ctx)
		if err == nil && int(s["grove_fleet_connected_printers"]) >= n+demoPrinters {
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	return grove.Errorf(grove.Unavailable, "not_connected", "not all %d printers connected within 2 min", n)
}

func (b *bench) read(ctx context.Context) (reading, error) {
	m, err := b.metrics(ctx)
	if err != nil {
		return reading{}, err
	}
	s := reading{at: time.Now(), reports: m["grove_fleet_reports_total"], connected: m["grove_fleet_connected_printers"]}
	if s.cloud, err = usage(b.cloud); err != nil {
		return s, err
	}
	s.printers, err = usage(b.printers)
	return s, err
}

func (b *bench) metrics(ctx context.Context) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	out := map[string]float64{}
	for line := range strings.SplitSeq(string(raw), "\n") {
		name, value, _ := strings.Cut(line, " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil && !strings.HasPrefix(line, "#") {
			out[name] = v
		}
	}
	return out, err
}

// usage reads a process's CPU time and memory, as Linux tells them.
func usage(pid int) (use, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return use{}, fmt.Errorf("read the use of process %d (this needs Linux): %w", pid, err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	f := strings.Fields(rest)
	const utime, stime, rss, tick = 11, 12, 21, 10 * time.Millisecond
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(f[i], 10, 64) // the kernel writes numbers
		return n
	}
	return use{cpu: time.Duration(number(utime)+number(stime)) * tick, rss: number(rss) * int64(os.Getpagesize())}, nil
}

func (c *benchCmd) print(how string, r stretch) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "\n%d printers (%s) %s, %.0f s, %.0f reports (%.0f/s)\n\n", c.Printers, c.Model, how, r.span(), r.reports(), r.reports()/r.span())
	fmt.Fprintln(w, "PROCESS\tCPU, % of one core\tCPU s per 100k reports\tMEMORY, MiB")
	for _, p := range []struct {
		name string
		figures
	}{{"cloud", r.cloud()}, {"printers", r.printers()}} {
		fmt.Fprintf(w, "%s\t%.1f\t%.2f\t%.0f\n", p.name, p.core, p.perReport, p.memory)
	}
	return w.Flush()
}
