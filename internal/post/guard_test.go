package post

import (
	"net"
	"net/netip"
	"net/url"
	"testing"

	"github.com/grovecloud/grove"
)

func TestGuardKnowsTheInsideFromTheOutside(t *testing.T) {
	t.Parallel()
	const (
		public  = iota // always
		machine        // with AllowLoopback
		private        // with AllowPrivate
		never
	)
	for addr, kind := range map[string]int{
		"93.184.216.34:443":              public,
		"93.184.216.34:8443":             public,
		"93.184.216.34:80":               public,
		"[2606:2800:220:1::1]:443":       public,
		"[::ffff:93.184.216.34]:443":     public,
		"93.184.216.34:22":               never,
		"93.184.216.34:8080":             never,
		"127.0.0.1:443":                  machine,
		"127.0.0.1:31337":                machine,
		"127.8.8.8:443":                  machine,
		"[::1]:443":                      machine,
		"[::ffff:127.0.0.1]:443":         machine,
		"10.0.0.1:443":                   private,
		"172.16.0.1:443":                 private,
		"172.31.255.255:8123":            private,
		"192.168.1.5:8123":               private,
		"[::ffff:192.168.1.5]:443":       private,
		"[fd00::1]:443":                  private,
		"[fc00::1]:443":                  private,
		"0.0.0.0:443":                    never,
		"0.1.2.3:443":                    never,
		"[::]:443":                       never,
		"[::ffff:0.0.0.0]:443":           never,
		"169.254.169.254:80":             never,
		"[::ffff:169.254.169.254]:80":    never,
		"169.254.1.1:443":                never,
		"[fd00:ec2::254]:80":             never,
		"[fd20:ce::254]:80":              never,
		"[fe80::1]:443":                  never,
		"[fe80::1%lo]:443":               never,
		"[febf::1]:443":                  never,
		"[fec0::1]:443":                  never,
		"100.64.0.1:443":                 never,
		"100.100.100.200:80":             never,
		"100.127.255.255:443":            never,
		"192.0.0.192:443":                never,
		"192.0.2.1:443":                  never,
		"192.88.99.1:443":                never,
		"198.18.0.1:443":                 never,
		"203.0.113.1:443":                never,
		"224.0.0.1:443":                  never,
		"[ff02::1]:443":                  never,
		"240.0.0.1:443":                  never,
		"255.255.255.255:443":            never,
		"[2002:7f00:1::]:443":            never, // 6to4 of 127.0.0.1
		"[2002:a9fe:a9fe::]:443":         never,
		"[64:ff9b::7f00:1]:443":          never, // NAT64 of 127.0.0.1
		"[64:ff9b::5db8:d822]:443":       never,
		"[64:ff9b:1::7f00:1]:443":        never,
		"[2001:0:4136:e378:8000::1]:443": never, // Teredo
		"[2001:db8::1]:443":              never,
		"[::7f00:1]:443":                 never, // IPv4-compatible
		"[100::1]:443":                   never,
		"[5f00::1]:443":                  never,
		"[::ffff:0:7f00:1]:443":          never, // IPv4-translated
		"[2001:10::1]:443":               never,
		"[3fff::1]:443":                  never,
		"[fe80::5efe:192.168.1.5]:443":   never, // ISATAP
		"[fd00:c1::a9fe:a9fe]:443":       never,
	} {
		ap := netip.MustParseAddrPort(addr)
		for _, cfg := range []Config{{}, {AllowLoopback: true}, {AllowPrivate: true}, {AllowLoopback: true, AllowPrivate: true}} {
			want := kind == public || kind == machine && cfg.AllowLoopback || kind == private && cfg.AllowPrivate
			g := newGuard(cfg)
			if got := g.control(ap) == nil; got != want {
				t.Errorf("%s with TLS, loopback %t, private %t: allowed %t, want %t", addr, cfg.AllowLoopback, cfg.AllowPrivate, got, want)
			}
			want = want && kind != public
			if got := g.controlPlain(ap) == nil; got != want {
				t.Errorf("%s without TLS, loopback %t, private %t: allowed %t, want %t", addr, cfg.AllowLoopback, cfg.AllowPrivate, got, want)
			}
		}
	}
}

func TestGuardRefusesThisMachinesOwnAddresses(t *testing.T) {
	t.Parallel()
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip("the addresses of this machine cannot be listed: ", err)
	}
	g := newGuard(Config{})
	for _, a := range own {
		addr := netip.MustParsePrefix(a.String()).Addr()
		if g.control(netip.AddrPortFrom(addr, 443)) == nil {
			t.Errorf("own address %s is allowed", addr)
		}
	}
}

func TestGuardLooksAtWhatIsConnectedTo(t *testing.T) {
	t.Parallel()
	c := control(newGuard(Config{}).control)
	for _, tc := range []struct {
		network, address string
		ok               bool
	}{
		{"tcp4", "93.184.216.34:443", true},
		{"tcp6", "[2606:2800:220:1::1]:443", true},
		{"udp4", "93.184.216.34:443", false},
		{"unix", "/run/docker.sock", false},
		{"tcp4", "127.0.0.1:443", false},
		{"tcp4", "localhost:443", false},
		{"tcp6", "[::ffff:10.0.0.1]:443", false},
	} {
		if got := c.atConnect(tc.network, tc.address, nil) == nil; got != tc.ok {
			t.Errorf("%s %s: allowed %t, want %t", tc.network, tc.address, got, tc.ok)
		}
	}
}

func TestCheckURLSaysWhyNot(t *testing.T) {
	t.Parallel()
	none, loop, home := Config{}, Config{AllowLoopback: true}, Config{AllowPrivate: true}
	for _, tc := range []struct {
		cfg Config
		url string
		ok  bool
	}{
		{none, "https://hooks.example.org/a?b=c", true},
		{none, "https://hooks.example.org:8443/", true},
		{none, "https://hooks.example.org./", true},
		{none, "https://93.184.216.34/", true},
		{none, "https://xn--bcher-kva.example/", true},
		{none, "http://hooks.example.org/", false},
		{none, "http://93.184.216.34/", false},
		{home, "http://93.184.216.34/", false},
		{none, "https://hooks.example.org:22/", false},
		{none, "https://hooks.example.org:0/", false},
		{none, "https://hooks.example.org:99999/", false},
		{none, "https://user:pass@hooks.example.org/", false},
		{none, "ftp://hooks.example.org/", false},
		{none, "file:///etc/passwd", false},
		{none, "gopher://127.0.0.1:6379/_x", false},
		{none, "https:hooks.example.org", false},
		{none, "https:///path", false},
		{none, "", false},
		{none, "/hook", false},
		{none, "https://bücher.example/", false},
		{none, "https://１２７.0.0.1/", false},
		{none, "https://localhost/", false},
		{none, "https://a.localhost./", false},
		{none, "https://127.0.0.1/", false},
		{none, "https://[::1]/", false},
		{none, "https://[::ffff:127.0.0.1]/", false},
		{none, "https://[fe80::1%25eth0]/", false},
		{none, "https://2130706433/", false},
		{none, "https://0x7f000001/", false},
		{none, "https://0x7f.0.0.0x1/", false},
		{none, "https://0177.0.0.1/", false},
		{none, "https://127.1/", false},
		{none, "https://hooks.example.1/", false},
		{none, "https://169.254.169.254/latest/meta-data/", false},
		{loop, "http://127.0.0.1:12345/", true},
		{loop, "http://localhost:12345/", true},
		{loop, "http://192.168.1.5/", false},
		{loop, "http://2130706433/", false},
		{home, "http://192.168.1.5:8123/", true},
		{home, "http://homeassistant.local:8123/", true},
		{home, "http://127.0.0.1:8123/", false},
		{home, "http://localhost:8123/", false},
		{home, "http://169.254.169.254/", false},
	} {
		err := New(tc.cfg).CheckURL(tc.url)
		if (err == nil) != tc.ok {
			t.Errorf("CheckURL(%q) with %+v = %v, want ok %t", tc.url, tc.cfg, err, tc.ok)
		}
		if err != nil && (!grove.HasReason(err, "url_refused") || grove.AsError(err).Fields["url"] == "") {
			t.Errorf("CheckURL(%q) = %#v, want the reason url_refused and words for the field", tc.url, err)
		}
	}
}

func FuzzCheckURLNeverLetsTheInsideThrough(f *testing.F) {
	for _, s := range []string{"https://example.org", "https://127.0.0.1", "http://[::1]:80", "https://0x7f.1", "https://%31%32%37.0.0.1/"} {
		f.Add(s)
	}
	s := New(Config{})
	f.Fuzz(func(t *testing.T, address string) {
		if s.CheckURL(address) != nil {
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
			t.Fatalf("%q was let through", address)
		}
		ip, err := netip.ParseAddr(u.Hostname())
		if err == nil && (!ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Is4In6() && !ip.Unmap().IsGlobalUnicast()) {
			t.Fatalf("%q was let through", address)
		}
	})
}
