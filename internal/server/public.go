package server

import (
	"net"
	"net/url"
)

// publicHost is the host of the public URL, if there is one.
func publicHost(public string) []string {
	u, err := url.Parse(public)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	return []string{u.Hostname()}
}

// reachable is an address at which clients reach what listens on this one. For
// all addresses at once that is the first one that other machines can use.
func reachable(listening net.Addr) string {
	host, port, err := net.SplitHostPort(listening.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return listening.String()
	}
	host = "127.0.0.1"
	addresses, _ := net.InterfaceAddrs() // none known: this machine alone
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			host = n.IP.String()
			break
		}
	}
	return net.JoinHostPort(host, port)
}
