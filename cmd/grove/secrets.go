package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/sim"
)

// binder makes simulated printers the account's. It remembers their device
// secrets beside the token: to bind a printer anew ends its access code too,
// which others may use.
type binder struct {
	cl    *client.Client
	file  string
	place string                     // which cloud's and whose
	bound map[string]cloudapi.Device // when this began

	mu      sync.Mutex
	known   map[string]string // serial to secret
	fresh   map[string]string // those that are new
	settled map[string]bool   // was let in once, or was bound anew
}

// remembered is the file: secrets by cloud and account, then by serial.
type remembered map[string]map[string]string

func newBinder(ctx context.Context, at *cloud, cl *client.Client) (*binder, error) {
	k, err := at.place()
	if err != nil {
		return nil, err
	}
	token, err := at.file()
	if err != nil {
		return nil, err
	}
	devices, err := cl.Devices(ctx)
	if err != nil {
		return nil, err
	}
	b := &binder{
		cl: cl, file: filepath.Join(filepath.Dir(token), "simulated.json"), place: cl.URL() + " " + k.Email,
		bound: map[string]cloudapi.Device{}, fresh: map[string]string{}, settled: map[string]bool{},
	}
	for _, d := range devices {
		b.bound[d.ID] = d
	}
	all, err := b.read()
	b.known = all[b.place]
	return b, err
}

func (b *binder) read() (remembered, error) {
	all := remembered{}
	raw, err := os.ReadFile(b.file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the secrets of simulated printers: %w", err)
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, grove.Errorf(grove.Invalid, "bad_secrets", "%s is damaged; remove it, and simulated printers are bound anew", b.file)
	}
	return all, nil
}

// secret is the printer's device secret: the one that is remembered, or else a
// new one.
func (b *binder) secret(ctx context.Context, p sim.Config) (grove.Secret, error) {
	if _, bound := b.bound[p.Serial]; bound && b.known[p.Serial] != "" {
		return grove.Secret(b.known[p.Serial]), nil
	}
	return b.bind(ctx, p)
}

// bind binds a printer, which keeps its name where it has one.
func (b *binder) bind(ctx context.Context, p sim.Config) (grove.Secret, error) {
	before, known := b.bound[p.Serial]
	in := cloudapi.BindRequest{DeviceID: p.Serial, DeviceName: p.Name, Model: p.Model, PlateClear: true}
	if before.Name != "" {
		in.DeviceName = before.Name
	}
	done, err := b.cl.Bind(ctx, in)
	if err != nil {
		return "", err
	}
	if known {
		fmt.Fprintf(os.Stderr, "%s was bound already: its device secret and access code are new.\n", p.Serial)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fresh[p.Serial] = string(done.Data.DeviceSecret)
	return done.Data.DeviceSecret, nil
}

// again binds a printer anew whose remembered secret is refused from the start.
// Only once: two programs that play the same printer must not take it from each other for ever.
func (b *binder) again(ctx context.Context, p sim.Config, refusal error) (grove.Secret, bool) {
	refused := errors.Is(refusal, grove.Unauthenticated)
	b.mu.Lock()
	tried := b.settled[p.Serial]
	b.settled[p.Serial] = tried || refused || refusal == nil
	b.mu.Unlock()
	if tried || !refused {
		return "", false
	}
	secret, err := b.bind(ctx, p)
	if err == nil {
		err = b.keep()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.Serial, err)
	}
	return secret, err == nil
}

// keep writes what is new to the file, which others may have written meanwhile.
func (b *binder) keep() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.fresh) == 0 {
		return nil
	}
	all, err := b.read()
	if err != nil {
		return err
	}
	if all[b.place] == nil {
		all[b.place] = map[string]string{}
	}
	maps.Copy(all[b.place], b.fresh)
	raw, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return writeWhole(b.file, raw)
}
