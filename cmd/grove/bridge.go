package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/bridge"
)

type bridgeCmd struct {
	Cloud    string   `help:"Base URL of the cloud: https, or http on this machine." required:"" placeholder:"URL"`
	Key      string   `help:"The bridge's key, as grove bridges add showed it; better given by GROVE_KEY." placeholder:"KEY"`
	CloudCA  string   `name:"cloud-ca" help:"PEM file of the CA of the cloud's certificate, as grove ca prints it; else those of this system." placeholder:"FILE"`
	Network  []string `help:"The networks in which the printers are, as addresses or CIDR; else the private networks of this machine. Nothing else is ever connected to." placeholder:"NETWORK"`
	Port     []int    `help:"Ports of printers beside the usual ones (8883, 990, 6000, 322, 3000, 3002)." placeholder:"PORT"`
	LogLevel string   `help:"How much is logged: ${enum}." enum:"debug,info,warn,error" default:"info"`
}

// Run carries printers until it is interrupted, or until the cloud wants this bridge
// no more.
func (c *bridgeCmd) Run(ctx context.Context) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	r, err := bridge.NewRemote(config)
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

func (c *bridgeCmd) config() (bridge.RemoteConfig, error) {
	var config bridge.RemoteConfig
	to, err := url.Parse(c.Cloud)
	switch {
	case err != nil || to.Host == "" || to.Scheme != "https" && to.Scheme != "http":
		return config, grove.Errorf(grove.Invalid, "bad_cloud", "--cloud %q is no URL such as https://grove.example.org", c.Cloud)
	case to.Scheme == "http" && !here(to.Hostname()):
		return config, grove.Errorf(grove.Invalid, "bad_cloud", "--cloud %s would send the key and all that printers say unencrypted; give an https URL", c.Cloud)
	}
	key := c.Key
	if key == "" {
		if key, err = askPassword("", "Key of the bridge: "); err != nil {
			return config, grove.Errorf(grove.Invalid, "no_key", "no key; make one with grove bridges add NAME, and set GROVE_KEY")
		}
	}
	networks, err := prefixes(c.Network)
	if err != nil {
		return config, err
	}
	pem, err := kept{CA: c.CloudCA}.authority()
	if err != nil {
		return config, err
	}
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // one of the enum
	return bridge.RemoteConfig{
		Cloud: to, Key: grove.Secret(key), TLS: trusting(pem), Networks: networks, Ports: c.Port, Version: version(),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
		Up:  func() { fmt.Fprintf(os.Stderr, "Connected to %s. Stop it with Ctrl-C.\n", c.Cloud) },
	}, nil
}

// here reports whether a host is this machine.
func here(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || host == "localhost"
}

func prefixes(words []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, w := range words {
		p, err := netip.ParsePrefix(w)
		if a, one := netip.ParseAddr(w); one == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, grove.Errorf(grove.Invalid, "bad_network", "--network %q is no address and no network such as 192.168.1.0/24", w)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}
