package rest

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are the networks whose word about the client is taken. Everybody else
// could write anything into these headers.
type proxies []netip.Prefix

func (p proxies) trust(a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) })
}

// client is who sent the request: the direct peer, or, when that is a trusted
// proxy, the nearest sender in X-Forwarded-For that is none. Each proxy appends
// whom it got the request from, so what stands left of the first stranger is the
// stranger's own claim. Where a proxy says nothing that can be read, it is the
// sender itself.
func (p proxies) client(r *http.Request) netip.Addr {
	at := peer(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, said := range slices.Backward(hops) {
		if !p.trust(at) {
			break
		}
		before, ok := hop(said)
		if !ok {
			break
		}
		at = before
	}
	return at
}

// hop reads an entry: an address, with or without a port.
func hop(said string) (netip.Addr, bool) {
	said = strings.TrimSpace(said)
	if ap, err := netip.ParseAddrPort(said); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(said, "[]"))
	return a.Unmap().WithZone(""), err == nil
}

// secure reports whether the client came over TLS, here or, as a trusted proxy
// says, there.
func (p proxies) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	said := r.Header.Values("X-Forwarded-Proto")
	return len(said) > 0 && p.trust(peer(r)) && strings.EqualFold(lastOf(said), "https")
}

// lastOf is what the nearest proxy wrote.
func lastOf(values []string) string {
	all := values[len(values)-1]
	return strings.TrimSpace(all[strings.LastIndexByte(all, ',')+1:])
}
