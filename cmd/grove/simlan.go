package main

import (
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/internal/sim"
)

// lanFlags are where simulated printers stand when they stand on a network.
type lanFlags struct {
	LAN        bool   `name:"lan" help:"Stand on a network, as real printers in LAN mode, and dial in to no cloud: no account is needed."`
	Serial     string `help:"Serial of the one printer with --lan; otherwise serials as the model has them."`
	AccessCode string `help:"Access code with --lan, for all the printers. Default: each has its own, which is printed."`
	Addr       string `help:"Address to stand at with --lan; the address of the first printer." default:"127.0.0.1"`
	Apart      string `help:"How several printers with --lan are told apart: each its own address, or the ports of each 10 higher." enum:"address,port" default:"address"`
	MQTTSPort  int    `name:"mqtts-port" help:"Port of its MQTT broker; 0: any free one, as with the others." default:"8883"`
	FTPSPort   int    `name:"ftps-port" help:"Port of its files." default:"990"`
	CameraPort int    `help:"Port of its pictures (P1, A1)." default:"6000"`
	RTSPSPort  int    `name:"rtsps-port" help:"Port of its video (other models)." default:"322"`
	BindPort   int    `help:"Port at which slicers ask who it is." default:"3000"`
	BindTLS    int    `name:"bind-tls-port" help:"The same over TLS." default:"3002"`
	Unknown    bool   `name:"no-announce" help:"Do not let it be found with SSDP. An address of this machine alone is announced on this machine alone."`
	State      string `help:"Directory that keeps the printers' keys, so that they are the same ones next time, and their CA." placeholder:"DIR"`
	CSV        string `name:"csv" help:"Write the printers as CSV, as grove printers add reads it." placeholder:"FILE"`
}

// faultFlags are how simulated printers go wrong and are watched doing so.
type faultFlags struct {
	Fault   []string `help:"What is wrong from the beginning, such as door_open or accept_delay_seconds=120; may be repeated." sep:"none" placeholder:"NAME=VALUE"`
	Control string   `help:"Loopback address of the HTTP port by which tests let the printers go wrong." placeholder:"ADDR"`
	Record  string   `help:"Write what happens to the printer and what it says; for one printer." placeholder:"FILE"`
	Replay  string   `help:"Repeat a recorded run, to the byte." placeholder:"FILE"`
}

// apart is how far the ports of two printers at one address are from each other.
const apart = 10

// lanPrinters makes the printers that stand on the network.
func (c *simCmd) lanPrinters(base sim.Config, model bambu.Model) ([]sim.Config, error) {
	addr, err := netip.ParseAddr(c.Addr)
	if err != nil {
		return nil, grove.Errorf(grove.Invalid, "bad_address", "--addr %q is no IP address; give one of this machine's", c.Addr)
	}
	if c.Serial != "" && c.Printers > 1 {
		return nil, grove.Errorf(grove.Invalid, "bad_fleet", "--serial names one printer and --printers asks for %d; leave one of them away", c.Printers)
	}
	maker := sim.NewMaker(c.State)
	configs := make([]sim.Config, c.Printers)
	for i := range configs {
		p, shift := base, 0
		p.Serial, p.Name, p.Seed = c.Serial, fmt.Sprintf("%s %d", model.Product, c.First+i), c.Seed+int64(i)
		if p.Serial == "" {
			p.Serial = simSerial(model.Code, c.First+i)
		}
		if c.Apart == "port" {
			shift = i * apart
		}
		p.LAN = &sim.LAN{
			Addr: addr.String(), AccessCode: grove.Secret(c.AccessCode), Maker: maker,
			MQTTS: shifted(c.MQTTSPort, shift), FTPS: shifted(c.FTPSPort, shift), Camera: shifted(c.CameraPort, shift), RTSPS: shifted(c.RTSPSPort, shift),
			Bind: shifted(c.BindPort, shift), BindTLS: shifted(c.BindTLS, shift),
		}
		if p.LAN.AccessCode == "" {
			p.LAN.AccessCode = grove.Secret(strings.ToLower(rand.Text()[:8]))
		}
		if !c.Unknown {
			p.LAN.SSDP = &sim.SSDP{}
		}
		if c.Apart == "address" {
			addr = addr.Next()
		}
		if configs[i], err = c.taped(p); err != nil {
			return nil, err
		}
	}
	return configs, nil
}

// shifted is a port further up; any free one stays any.
func shifted(port, by int) int {
	if port == 0 {
		return 0
	}
	return port + by
}

// runLAN lets printers live on the network.
func (c *simCmd) runLAN(ctx context.Context, base sim.Config, model bambu.Model) error {
	configs, err := c.lanPrinters(base, model)
	if err != nil {
		return err
	}
	fleet, err := sim.NewFleet(configs)
	if err != nil {
		return err
	}
	for i, p := range fleet.Printers() {
		fmt.Println(reached(p, configs[i].LAN.AccessCode))
	}
	if c.CSV != "" {
		if err := writeCSV(c.CSV, fleet, configs); err != nil {
			return err
		}
	}
	return c.live(ctx, fleet)
}

// reached is the line of one printer.
func reached(p *sim.Printer, code grove.Secret) string {
	s := p.Status()
	var line strings.Builder
	fmt.Fprintf(&line, "%s  %s  %s  access code %s  mqtts %d", s.Serial, s.Model, s.LAN.Host, string(code), s.LAN.MQTTS)
	plain, secure := p.BindPorts()
	for _, port := range []struct {
		what   string
		number int
	}{{"ftps", s.LAN.FTPS}, {"camera", s.LAN.Camera}, {"rtsps", s.LAN.RTSPS}, {"bind", plain}, {"bind-tls", secure}} {
		if port.number != 0 {
			fmt.Fprintf(&line, "  %s %d", port.what, port.number)
		}
	}
	return line.String()
}

// writeCSV keeps the printers in the form that grove printers add reads, for its
// owner alone: access codes are in it.
func writeCSV(path string, fleet *sim.Fleet, configs []sim.Config) (err error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write printers: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := csv.NewWriter(f)
	rows := [][]string{{"serial", "host", "access_code", "name", "model", "mqtts_port", "ftps_port", "camera_port", "rtsps_port"}}
	for i, p := range fleet.Printers() {
		s := p.Status()
		row := []string{s.Serial, s.LAN.Host, string(configs[i].LAN.AccessCode), s.Name, s.Model}
		for _, port := range []int{s.LAN.MQTTS, s.LAN.FTPS, s.LAN.Camera, s.LAN.RTSPS} {
			text := ""
			if port != 0 {
				text = strconv.Itoa(port)
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return w.WriteAll(rows)
}

// faults are those of the flags. A value that is no JSON is a word.
func (c *faultFlags) faults() (f sim.Faults, err error) {
	for _, flag := range c.Fault {
		name, value, has := strings.Cut(flag, "=")
		if !has {
			value = "true"
		}
		raw := json.RawMessage(value)
		if !json.Valid(raw) {
			if raw, err = json.Marshal(value); err != nil {
				return f, err
			}
		}
		body, err := json.Marshal(map[string]json.RawMessage{name: raw})
		if err == nil {
			err = f.Merge(body)
		}
		if err != nil {
			return f, grove.Errorf(grove.Invalid, "bad_fault", "--fault %s: %v", flag, err)
		}
	}
	return f, nil
}

// taped is the printer with its recording, old or new.
func (c *simCmd) taped(p sim.Config) (sim.Config, error) {
	if c.Record == "" && c.Replay == "" {
		return p, nil
	}
	if c.Printers != 1 {
		return p, grove.Errorf(grove.Invalid, "bad_fleet", "--record and --replay are for one printer, not %d", c.Printers)
	}
	if c.Replay != "" {
		f, err := os.Open(filepath.Clean(c.Replay))
		if err != nil {
			return p, fmt.Errorf("open recording: %w", err)
		}
		defer f.Close()
		recording, err := sim.ReadRecording(f)
		if err != nil {
			return p, err
		}
		p = recording.Onto(p)
	}
	if c.Record != "" {
		f, err := os.OpenFile(filepath.Clean(c.Record), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return p, fmt.Errorf("open recording: %w", err)
		}
		p.Record = f
	}
	return p, nil
}

// live is the life of the printers, and of their control port if there is one.
func (c *simCmd) live(ctx context.Context, fleet *sim.Fleet) error {
	g, ctx := errgroup.WithContext(ctx)
	if c.Control != "" {
		l, err := controlPort(ctx, c.Control)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "The control port is http://%s\n", l.Addr())
		s := &http.Server{
			Handler: fleet.Control(warnings(os.Stderr)), ReadTimeout: time.Minute, WriteTimeout: time.Minute,
			BaseContext: func(net.Listener) context.Context { return ctx },
		}
		g.Go(func() error {
			defer context.AfterFunc(ctx, func() { _ = s.Close() })()
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("control port: %w", err)
			}
			return nil
		})
	}
	g.Go(func() error { return fleet.Run(ctx) })
	return g.Wait()
}

// controlPort opens the port, on this machine only since it asks nobody who they are.
func controlPort(ctx context.Context, addr string) (net.Listener, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, grove.Errorf(grove.Invalid, "bad_address", "--control %q must be an address of this machine alone, such as 127.0.0.1:7000", addr)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("control port: %w", err)
	}
	return l, nil
}

// warnings logs what somebody should know.
func warnings(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
