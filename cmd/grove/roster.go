package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// roster says which simulated printers have a link, and why others have none.
type roster struct {
	w     io.Writer
	total int
	what  string

	mu   sync.Mutex
	up   map[string]bool
	down map[string]bool // and told so
	live bool            // all were up once
	most bool            // so many are down that no more are told
}

// mostTold is how many printers without a link are told one by one.
const mostTold = 10

// told takes the news of one link: nil when it is up.
func (r *roster) told(serial string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.up == nil {
		r.up, r.down = map[string]bool{}, map[string]bool{}
	}
	if err != nil {
		r.lost(serial, err)
		return
	}
	r.up[serial] = true
	if r.down[serial] {
		delete(r.down, serial)
		fmt.Fprintf(r.w, "%s has a link now.\n", serial)
	}
	if !r.live && len(r.up) == r.total {
		r.live = true
		fmt.Fprintf(r.w, "%d simulated %s live; stop them with Ctrl-C.\n%s", r.total, r.what, r.serials())
	}
	r.most = r.most && len(r.up) < r.total
}

// mostShown is how many serials are told.
const mostShown = 20

// serials are those of the printers, which commands want.
func (r *roster) serials() string {
	all := slices.Sorted(maps.Keys(r.up))
	shown := all[:min(len(all), mostShown)]
	lines := "  " + strings.Join(shown, "\n  ") + "\n"
	if more := len(all) - len(shown); more > 0 {
		lines += fmt.Sprintf("  and %d more: grove printers lists them all\n", more)
	}
	return lines
}

func (r *roster) lost(serial string, err error) {
	delete(r.up, serial)
	switch {
	case len(r.down) < mostTold || r.down[serial]:
		r.down[serial] = true
		fmt.Fprintf(r.w, "%s has no link: %s\n", serial, why(err))
	case !r.most:
		r.most = true
		fmt.Fprintln(r.w, "Others have no link either.")
	}
}

// why is an error's text, with a way out where the CA is not known.
func why(err error) string {
	if untrusted(err) {
		return err.Error() + "; " + addCA
	}
	return err.Error()
}

const addCA = "add --ca FILE, the ca.pem of the cloud"

// untrusted reports whether a certificate was refused.
func untrusted(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}
